/* Adding, taking, moving, freezing, references, room, overflow: one call at a time. */
#include "buffer_support.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>

static void frozen_front(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    char out[16];
    size_t n = 99;
    title("frozen front");
    SHOW(evbuffer_freeze(a, 1));
    SHOW(evbuffer_drain(a, 1));
    SHOW(evbuffer_remove(a, out, 1));
    SHOW(evbuffer_copyout(a, out, 1));
    SHOW(evbuffer_prepend(a, "", 0));
    SHOW(evbuffer_prepend(a, "a", 1));
    SHOW(evbuffer_write(a, 1));
    SHOW(evbuffer_add(a, "hello\nyou\n", 10));
    SHOW(evbuffer_drain(a, 0));
    SHOW(evbuffer_drain(a, 1));
    SHOW(evbuffer_remove(a, out, 0));
    SHOW(evbuffer_remove(a, out, 1));
    SHOW(evbuffer_copyout(a, out, 0));
    SHOW(evbuffer_copyout(a, out, 3));
    SHOW(evbuffer_readln(a, &n, EVBUFFER_EOL_LF) != NULL);
    SHOW(n);
    SHOW(evbuffer_readline(a) != NULL);
    SHOW(evbuffer_pullup(a, 3) != NULL);
    SHOW(evbuffer_find(a, (const unsigned char*)"lo", 2) != NULL);
    SHOW(evbuffer_search(a, "lo", 2, NULL).pos);
    SHOW(evbuffer_peek(a, -1, NULL, NULL, 0));
    SHOW(evbuffer_add_buffer(b, a));
    SHOW(evbuffer_prepend_buffer(b, a));
    SHOW(evbuffer_remove_buffer(a, b, 0));
    SHOW(evbuffer_remove_buffer(a, b, 1));
    SHOW(evbuffer_add_buffer_reference(b, a));
    SHOW(evbuffer_write(a, 1));
    SHOW(evbuffer_write_atmost(a, 1, 0));
    SHOW(evbuffer_prepend_buffer(a, b));
    show("a", a);
    show("b", b);
    SHOW(evbuffer_unfreeze(a, 1));
    SHOW(evbuffer_drain(a, 1));
    show("a", a);
    evbuffer_free(a);
    evbuffer_free(b);
}

static void frozen_back(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    struct evbuffer_iovec vec[2];
    title("frozen back");
    evbuffer_add(a, "text", 4);
    evbuffer_reserve_space(a, 10, vec, 2);
    SHOW(evbuffer_freeze(a, 0));
    SHOW(evbuffer_commit_space(a, vec, 1));
    SHOW(evbuffer_commit_space(a, vec, 0));
    SHOW(evbuffer_add(a, "", 0));
    SHOW(evbuffer_add(a, "x", 1));
    SHOW(evbuffer_expand(a, 100));
    SHOW(evbuffer_reserve_space(a, 100, vec, 1));
    SHOW(evbuffer_add_printf(a, "%s", "x"));
    SHOW(evbuffer_add_reference(a, "abc", 3, on_cleanup, (void*)"frozen"));
    SHOW(evbuffer_add_buffer(a, b));
    SHOW(evbuffer_remove_buffer(b, a, 1));
    evbuffer_add(b, "source", 6);
    SHOW(evbuffer_add_buffer(a, b));
    SHOW(evbuffer_remove_buffer(b, a, 1));
    SHOW(evbuffer_remove_buffer(b, a, 0));
    SHOW(evbuffer_add_buffer_reference(a, b));
    SHOW(evbuffer_read(a, 0, 10));
    vec[0].iov_base = (void*)"abc";
    vec[0].iov_len = 3;
    SHOW(evbuffer_add_iovec(a, vec, 1));
    SHOW(evbuffer_prepend(a, "before ", 7));
    SHOW(evbuffer_prepend_buffer(a, b));
    SHOW(evbuffer_drain(a, 2));
    show("a", a);
    SHOW(evbuffer_unfreeze(a, 0));
    SHOW(evbuffer_add_iovec(a, vec, 1));
    SHOW(evbuffer_add_iovec(a, vec, 0));
    show("a", a);
    evbuffer_free(a);
    evbuffer_free(b);
}

static void with_itself(void) {
    struct evbuffer* a = evbuffer_new();
    title("with itself, and empty");
    SHOW(evbuffer_add_buffer(a, a));
    SHOW(evbuffer_add_buffer_reference(a, a));
    evbuffer_add(a, "me", 2);
    SHOW(evbuffer_add_buffer(a, a));
    SHOW(evbuffer_prepend_buffer(a, a));
    SHOW(evbuffer_remove_buffer(a, a, 1));
    SHOW(evbuffer_add_buffer_reference(a, a));
    show("a", a);
    SHOW(evbuffer_drain(a, (size_t)-1));
    SHOW(evbuffer_write(a, 1));
    SHOW(evbuffer_pullup(a, -1) != NULL);
    SHOW(evbuffer_pullup(a, 0) != NULL);
    SHOW(evbuffer_pullup(a, 1) != NULL);
    SHOW(evbuffer_peek(a, -1, NULL, NULL, 0));
    SHOW(evbuffer_peek(a, 0, NULL, NULL, 0));
    SHOW(evbuffer_get_contiguous_space(a));
    SHOW(evbuffer_readline(a) != NULL);
    SHOW(evbuffer_find(a, (const unsigned char*)"x", 1) != NULL);
    evbuffer_free(a);
}

static void references(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    static const char text[] = "constant";
    char out[32];
    title("references");
    SHOW(evbuffer_add_reference(a, text, 8, on_cleanup, (void*)"whole drain"));
    SHOW(evbuffer_add(a, "-copied", 7));
    show("a", a);
    SHOW(text[0]);
    SHOW(evbuffer_drain(a, 7));
    SHOW(evbuffer_drain(a, 1));
    show("a", a);
    SHOW(evbuffer_add_reference(a, text, 8, on_cleanup, (void*)"free"));
    SHOW(evbuffer_add_reference(a, text, 4, NULL, NULL));
    SHOW(evbuffer_prepend(a, "P", 1));
    SHOW(evbuffer_add_buffer(b, a));
    show("b", b);
    evbuffer_free(a);
    SHOW(evbuffer_remove(b, out, 10));
    a = evbuffer_new();
    SHOW(evbuffer_remove_buffer(b, a, 3));
    show("a", a);
    show("b", b);
    evbuffer_free(a);
    evbuffer_free(b);
    a = evbuffer_new();
    SHOW(evbuffer_add_reference(a, text, 8, on_cleanup, (void*)"pullup"));
    SHOW(evbuffer_add(a, "more", 4));
    SHOW(evbuffer_pullup(a, -1) != NULL);
    show("a", a);
    evbuffer_free(a);
    a = evbuffer_new();
    SHOW(evbuffer_add_reference(a, "line\nrest", 9, on_cleanup, (void*)"readln"));
    free(evbuffer_readln(a, NULL, EVBUFFER_EOL_LF));
    show("a", a);
    evbuffer_free(a);
}

static void shared(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new(), *c = evbuffer_new();
    title("shared content");
    evbuffer_add(a, "first ", 6);
    evbuffer_add_reference(a, "second", 6, on_cleanup, (void*)"shared");
    SHOW(evbuffer_add_buffer_reference(b, a));
    SHOW(evbuffer_add_buffer_reference(c, b));
    SHOW(evbuffer_add_buffer_reference(c, a));
    evbuffer_add(a, "A", 1);
    evbuffer_add(b, "B", 1);
    evbuffer_prepend(b, "b", 1);
    show("a", a);
    show("b", b);
    show("c", c);
    SHOW(evbuffer_pullup(b, -1) != NULL);
    show("b", b);
    SHOW(evbuffer_drain(a, 100));
    evbuffer_free(a);
    show("c", c);
    SHOW(evbuffer_drain(c, 8));
    show("c", c);
    evbuffer_free(c);
    show("b", b);
    evbuffer_free(b);

    title("shared into a buffer that was emptied");
    a = evbuffer_new();
    b = evbuffer_new();
    evbuffer_add(b, "old", 3);
    evbuffer_drain(b, 3);
    evbuffer_expand(b, 5000);
    evbuffer_add(a, "new content", 11);
    SHOW(evbuffer_add_buffer_reference(b, a));
    SHOW(evbuffer_add_buffer_reference(b, a));
    show("b", b);
    SHOW(evbuffer_drain(b, 22));
    show("b", b);
    show("a", a);
    SHOW(evbuffer_add(b, "again", 5));
    show("b", b);
    evbuffer_free(a);
    evbuffer_free(b);
}

static void room(void) {
    struct evbuffer* a = evbuffer_new();
    struct evbuffer_iovec vec[4], other;
    size_t sizes[] = {1, 100, 1000, 5000, 70000};
    unsigned i;
    title("room");
    SHOW(evbuffer_reserve_space(a, 10, vec, 0));
    SHOW(evbuffer_reserve_space(a, -1, vec, 2));
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        size_t size = sizes[i];
        int count = evbuffer_reserve_space(a, (ev_ssize_t)size, vec, 1);
        SHOW(count);
        SHOW(vec[0].iov_len >= size);
        memset(vec[0].iov_base, 'A' + (int)i, size);
        vec[0].iov_len = size;
        SHOW(evbuffer_commit_space(a, vec, 1));
        show("a", a);
        count = evbuffer_reserve_space(a, (ev_ssize_t)size, vec, 2);
        SHOW(count > 0 && vec[0].iov_len + (count == 2 ? vec[1].iov_len : 0) >= size);
        vec[0].iov_len = vec[0].iov_len > size ? size : vec[0].iov_len;
        memset(vec[0].iov_base, 'a' + (int)i, vec[0].iov_len);
        if (count == 2) {
            vec[1].iov_len = size - vec[0].iov_len;
            memset(vec[1].iov_base, 'a' + (int)i, vec[1].iov_len);
        }
        SHOW(evbuffer_commit_space(a, vec, count));
        show("a", a);
    }
    title("room that was not reserved");
    SHOW(evbuffer_reserve_space(a, 100, vec, 1));
    other.iov_base = (char*)vec[0].iov_base + 1;
    other.iov_len = 1;
    SHOW(evbuffer_commit_space(a, &other, 1));
    other.iov_base = vec[0].iov_base;
    other.iov_len = vec[0].iov_len + 1;
    SHOW(evbuffer_commit_space(a, &other, 1));
    other.iov_len = 0;
    SHOW(evbuffer_commit_space(a, &other, 1));
    SHOW(evbuffer_commit_space(a, &other, 0));
    show("a", a);
    evbuffer_drain(a, (size_t)-1);
    SHOW(evbuffer_expand(a, 3000));
    SHOW(evbuffer_get_length(a));
    SHOW(evbuffer_reserve_space(a, 3000, vec, 1));
    SHOW(vec[0].iov_len >= 3000);
    memset(vec[0].iov_base, 'e', 3000);
    vec[0].iov_len = 2000;
    SHOW(evbuffer_commit_space(a, vec, 1));
    show("a", a);
    evbuffer_free(a);
}

static void overflow(void) {
    struct evbuffer* a = evbuffer_new();
    struct evbuffer_iovec vec[2];
    struct evbuffer_ptr ptr;
    char byte = 'x';
    title("sizes that do not fit");
    SHOW(evbuffer_expand(a, (size_t)-4));
    SHOW(evbuffer_expand(a, (size_t)1 << 62));
    SHOW(evbuffer_add(a, &byte, (size_t)-10));
    SHOW(evbuffer_prepend(a, &byte, (size_t)-10));
    SHOW(evbuffer_reserve_space(a, (ev_ssize_t)1 << 62, vec, 2));
    SHOW(evbuffer_reserve_space(a, (ev_ssize_t)1 << 62, vec, 1));
    show("a", a);
    evbuffer_add(a, "0123456789", 10);
    SHOW(evbuffer_expand(a, (size_t)-4));
    SHOW(evbuffer_expand(a, (size_t)-20));
    SHOW(evbuffer_add(a, &byte, (size_t)-1));
    SHOW(evbuffer_add(a, &byte, (size_t)-10));
    SHOW(evbuffer_add(a, &byte, (size_t)-11));
    SHOW(evbuffer_prepend(a, &byte, (size_t)-10));
    SHOW(evbuffer_prepend(a, &byte, (size_t)-1));
    SHOW(evbuffer_reserve_space(a, SSIZE_MAX, vec, 2));
    SHOW(evbuffer_reserve_space(a, SSIZE_MAX, vec, 1));
    SHOW(evbuffer_ptr_set(a, &ptr, 5, EVBUFFER_PTR_SET));
    SHOW(evbuffer_ptr_set(a, &ptr, (size_t)-1, EVBUFFER_PTR_ADD));
    SHOW(evbuffer_ptr_set(a, &ptr, 5, EVBUFFER_PTR_SET));
    SHOW(evbuffer_ptr_set(a, &ptr, (size_t)SSIZE_MAX, EVBUFFER_PTR_ADD));
    SHOW(evbuffer_search(a, "5", (size_t)SSIZE_MAX + 1, NULL).pos);
    SHOW(evbuffer_pullup(a, SSIZE_MAX) != NULL);
    show("a", a);
    evbuffer_free(a);
    a = evbuffer_new();
    SHOW(evbuffer_add_reference(a, "abc", SIZE_MAX / 2, on_cleanup, (void*)"huge"));
    SHOW(evbuffer_add(a, "abc", 3));
    SHOW(evbuffer_prepend(a, "abc", (size_t)-3));
    SHOW(evbuffer_expand(a, SIZE_MAX / 2 + 10));
    SHOW(evbuffer_get_length(a) == SIZE_MAX / 2);
    SHOW(evbuffer_drain(a, SIZE_MAX));
    evbuffer_free(a);
}

static int add_with_list(struct evbuffer* buffer, const char* format, ...) {
    va_list args;
    int added;
    va_start(args, format);
    added = evbuffer_add_vprintf(buffer, format, args);
    va_end(args);
    return added;
}

static void formatted(void) {
    struct evbuffer* a = evbuffer_new();
    size_t widths[] = {0, 1, 60, 255, 256, 1000, 1024, 4095, 4096, 20000};
    unsigned i;
    title("printf");
    for (i = 0; i < sizeof(widths) / sizeof(widths[0]); ++i) {
        SHOW(evbuffer_add_printf(a, "%*s|", (int)widths[i], "w"));
        show("a", a);
    }
    SHOW(evbuffer_add_printf(a, "%s", ""));
    SHOW(evbuffer_add_printf(a, "%d %s %c %5.2f", 42, "text", 'c', 2.5));
    show("a", a);
    title("vprintf");
    for (i = 0; i < sizeof(widths) / sizeof(widths[0]); ++i) {
        SHOW(add_with_list(a, "%*s|%d", (int)widths[i], "v", (int)i));
        show("a", a);
    }
    SHOW(evbuffer_freeze(a, 0));
    SHOW(add_with_list(a, "%s", "frozen"));
    show("a", a);
    evbuffer_free(a);
}

static void pieces(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    size_t sizes[] = {1, 1000, 1024, 3000, 4096, 10000, 50000}, at = 0;
    char out[4096];
    unsigned i;
    title("many sizes");
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        char* text = pattern_text(at, sizes[i]);
        at += sizes[i];
        SHOW(evbuffer_add(a, text, sizes[i]));
        SHOW(evbuffer_prepend(b, text, sizes[i]));
        SHOW(evbuffer_pullup(a, (ev_ssize_t)(sizes[i] / 2)) != NULL);
        free(text);
        show("a", a);
        show("b", b);
    }
    SHOW(evbuffer_remove_buffer(a, b, 30000));
    SHOW(evbuffer_remove_buffer(b, a, 123));
    SHOW(evbuffer_prepend_buffer(a, b));
    SHOW(evbuffer_remove(a, out, sizeof(out)));
    SHOW(evbuffer_pullup(a, -1) != NULL);
    show("a", a);
    SHOW(evbuffer_remove_buffer(a, b, (size_t)-1));
    show("a", a);
    show("b", b);
    evbuffer_free(a);
    evbuffer_free(b);
}

int main(void) {
    use_all();
    frozen_front();
    frozen_back();
    with_itself();
    references();
    shared();
    room();
    overflow();
    formatted();
    pieces();
    return 0;
}
