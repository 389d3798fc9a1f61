/* Who is told of which change, in which order: at once, deferred, nested, removed meanwhile. */
#include "buffer_support.h"

static struct event_base* base;

static void turn(void) {
    printf("   (loop)\n");
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void every_call(struct evbuffer* a, struct evbuffer* b) {
    struct evbuffer_iovec vec[2];
    char out[8];
    SHOW(evbuffer_add(a, "hello\nworld\n", 12));
    SHOW(evbuffer_add(a, "", 0));
    SHOW(evbuffer_prepend(a, ">>", 2));
    SHOW(evbuffer_prepend(a, "", 0));
    SHOW(evbuffer_drain(a, 2));
    SHOW(evbuffer_drain(a, 0));
    SHOW(evbuffer_remove(a, out, 2));
    SHOW(evbuffer_remove(a, out, 0));
    SHOW(evbuffer_copyout(a, out, 2));
    SHOW(evbuffer_pullup(a, -1) != NULL);
    SHOW(evbuffer_expand(a, 5000));
    free(evbuffer_readln(a, NULL, EVBUFFER_EOL_LF));
    SHOW(evbuffer_add_printf(a, "%d", 123456));
    SHOW(evbuffer_add_printf(a, "%s", ""));
    SHOW(evbuffer_add_reference(a, "ref", 3, on_cleanup, (void*)"ref"));
    vec[0].iov_base = (void*)"ab";
    vec[0].iov_len = 2;
    vec[1].iov_base = (void*)"cde";
    vec[1].iov_len = 3;
    SHOW(evbuffer_add_iovec(a, vec, 2));
    SHOW(evbuffer_reserve_space(a, 4, vec, 1));
    memcpy(vec[0].iov_base, "room", 4);
    vec[0].iov_len = 4;
    SHOW(evbuffer_commit_space(a, vec, 1));
    SHOW(evbuffer_add_buffer_reference(b, a));
    SHOW(evbuffer_remove_buffer(a, b, 3));
    SHOW(evbuffer_remove_buffer(a, b, 0));
    SHOW(evbuffer_prepend_buffer(b, a));
    SHOW(evbuffer_add_buffer(a, b));
    SHOW(evbuffer_add_buffer(a, b));
    SHOW(evbuffer_drain(a, 1000));
    SHOW(evbuffer_drain(a, 1000));
}

static void plain(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    title("every call");
    evbuffer_add_cb(a, on_change, (void*)"a");
    evbuffer_add_cb(b, on_change, (void*)"b");
    every_call(a, b);
    evbuffer_add(a, "left", 4);
    evbuffer_free(a);
    evbuffer_free(b);
}

static void several(void) {
    struct evbuffer* a = evbuffer_new();
    struct evbuffer_cb_entry *first, *second;
    title("several callbacks");
    first = evbuffer_add_cb(a, on_change, (void*)"first");
    second = evbuffer_add_cb(a, on_change, (void*)"second");
    evbuffer_add_cb(a, on_change, (void*)"third");
    evbuffer_add(a, "x", 1);
    SHOW(evbuffer_cb_clear_flags(a, second, EVBUFFER_CB_ENABLED));
    evbuffer_add(a, "yy", 2);
    SHOW(evbuffer_cb_set_flags(a, second, EVBUFFER_CB_ENABLED));
    evbuffer_add(a, "zzz", 3);
    SHOW(evbuffer_cb_clear_flags(a, second, 0xffffffff));
    evbuffer_add(a, "zzz", 3);
    SHOW(evbuffer_cb_set_flags(a, second, 0xffff0001));
    evbuffer_add(a, "zzz", 3);
    SHOW(evbuffer_remove_cb(a, on_change, (void*)"nobody"));
    SHOW(evbuffer_remove_cb_entry(a, first));
    evbuffer_drain(a, 4);
    SHOW(evbuffer_remove_cb(a, on_change, second ? (void*)"third" : NULL));
    evbuffer_drain(a, 1);
    SHOW(evbuffer_remove_cb_entry(a, second));
    evbuffer_drain(a, 1);
    title("counts without callbacks are not kept");
    evbuffer_add(a, "more", 4);
    evbuffer_add_cb(a, on_change, (void*)"late");
    evbuffer_add(a, "5", 1);
    title("the old way");
    SHOW(evbuffer_setcb(a, on_change_old, (void*)"old"));
    evbuffer_add(a, "1234567", 7);
    evbuffer_drain(a, 3);
    evbuffer_add_cb(a, on_change, (void*)"new");
    evbuffer_drain(a, 1);
    SHOW(evbuffer_setcb(a, on_change_old, (void*)"only"));
    evbuffer_drain(a, 1);
    SHOW(evbuffer_setcb(a, NULL, NULL));
    evbuffer_drain(a, 1);
    evbuffer_free(a);
}

static int depth;

static void changing(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    on_change(buffer, info, arg);
    if (depth < 3) {
        ++depth;
        if (depth == 2) {
            evbuffer_drain(buffer, 2);
        } else {
            evbuffer_add(buffer, "abc", 3);
        }
        --depth;
    }
}

static void removes_itself(struct evbuffer* buffer, const struct evbuffer_cb_info* info,
                           void* arg) {
    on_change(buffer, info, arg);
    evbuffer_remove_cb(buffer, removes_itself, arg);
}

static void adds_one(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    on_change(buffer, info, arg);
    evbuffer_add_cb(buffer, on_change, (void*)"added inside");
    evbuffer_remove_cb(buffer, adds_one, arg);
}

static void empties(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    on_change(buffer, info, arg);
    evbuffer_drain(buffer, evbuffer_get_length(buffer));
}

static void nested(void) {
    struct evbuffer* a = evbuffer_new();
    title("changes from inside");
    depth = 0;
    evbuffer_add_cb(a, on_change, (void*)"watch");
    evbuffer_add_cb(a, changing, (void*)"changing");
    evbuffer_add(a, "x", 1);
    evbuffer_drain(a, 100);
    SHOW(evbuffer_remove_cb(a, changing, (void*)"changing"));
    evbuffer_add_cb(a, removes_itself, (void*)"once");
    evbuffer_add(a, "1", 1);
    evbuffer_add(a, "2", 1);
    evbuffer_add_cb(a, adds_one, (void*)"adds");
    evbuffer_add(a, "3", 1);
    evbuffer_add(a, "4", 1);
    evbuffer_add_cb(a, empties, (void*)"empties");
    evbuffer_add(a, "5", 1);
    evbuffer_add_printf(a, "%s", "6");
    SHOW(evbuffer_get_length(a));
    evbuffer_free(a);
}

static void deferred(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    struct evbuffer_cb_entry* entry;
    title("deferred");
    SHOW(evbuffer_defer_callbacks(a, base));
    evbuffer_add_cb(a, on_change, (void*)"a");
    evbuffer_add_cb(b, on_change, (void*)"b");
    every_call(a, b);
    turn();
    turn();
    evbuffer_add(a, "abc", 3);
    evbuffer_drain(a, 1);
    evbuffer_add(a, "defg", 4);
    turn();
    title("one of them at once");
    entry = evbuffer_add_cb(a, on_change, (void*)"at once");
    SHOW(evbuffer_cb_set_flags(a, entry, EVBUFFER_CB_ENABLED | 2));
    evbuffer_add(a, "1", 1);
    evbuffer_drain(a, 3);
    evbuffer_add(a, "22", 2);
    turn();
    evbuffer_drain(a, 1);
    evbuffer_cb_clear_flags(a, entry, 2);
    turn();
    evbuffer_drain(a, 1);
    turn();
    title("callbacks that go before they run");
    evbuffer_add(a, "333", 3);
    evbuffer_remove_cb_entry(a, entry);
    turn();
    evbuffer_add(a, "4444", 4);
    SHOW(evbuffer_setcb(a, on_change_old, (void*)"old"));
    turn();
    evbuffer_add(a, "55555", 5);
    evbuffer_drain(a, 5);
    turn();
    title("changing while deferred");
    SHOW(evbuffer_setcb(a, NULL, NULL));
    evbuffer_add_cb(a, empties, (void*)"empties");
    evbuffer_add(a, "666", 3);
    turn();
    turn();
    title("freed while due");
    evbuffer_add(a, "777", 3);
    evbuffer_free(a);
    turn();
    evbuffer_free(b);
    turn();
}

static void changed_and_back(void) {
    struct evbuffer* a = evbuffer_new();
    title("as long as before");
    evbuffer_defer_callbacks(a, base);
    evbuffer_add_cb(a, on_change, (void*)"a");
    evbuffer_add(a, "12345", 5);
    evbuffer_drain(a, 5);
    turn();
    evbuffer_add(a, "", 0);
    turn();
    evbuffer_free(a);
}

int main(void) {
    use_all();
    base = event_base_new();
    plain();
    several();
    nested();
    deferred();
    changed_and_back();
    event_base_free(base);
    return 0;
}
