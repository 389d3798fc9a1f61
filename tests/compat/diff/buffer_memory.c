/* Memory that runs out: every call refuses cleanly, and what was there stays. All memory comes from
 * the functions of the program and all of it goes back. */
#include "buffer_support.h"

static int failing;           /* every allocation fails */
static unsigned long fail_at; /* this one fails, counted down; 0: none */
static long living;

static void* give(size_t size) {
    if (failing || (fail_at != 0 && --fail_at == 0)) {
        return NULL;
    }
    ++living;
    return malloc(size);
}
static void* give_again(void* old, size_t size) {
    if (failing || (fail_at != 0 && --fail_at == 0)) {
        return NULL;
    }
    if (old == NULL) {
        ++living;
    }
    return realloc(old, size);
}
static void take(void* memory) {
    if (memory != NULL) {
        --living;
    }
    free(memory);
}

/* The call is made while there is no memory. */
#define STARVED(expression)                                             \
    do {                                                                \
        long result;                                                    \
        failing = 1;                                                    \
        result = (long)(expression);                                    \
        failing = 0;                                                    \
        printf("%s = %ld, length %lu, %016lx\n", #expression, result,   \
               (unsigned long)evbuffer_get_length(a), content_hash(a)); \
    } while (0)

static void starved(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    char* text = pattern_text(0, 100000);
    struct evbuffer_iovec vec[2];
    int i;
    title("no memory at all");
    failing = 1;
    SHOW(evbuffer_new() != NULL);
    failing = 0;
    STARVED(evbuffer_add(a, text, 1));
    STARVED(evbuffer_prepend(a, text, 1));
    STARVED(evbuffer_add_printf(a, "%d", 1));
    STARVED(evbuffer_expand(a, 100));
    STARVED(evbuffer_reserve_space(a, 100, vec, 1));
    STARVED(evbuffer_reserve_space(a, 100, vec, 2));
    STARVED(evbuffer_add_reference(a, text, 5, on_cleanup, (void*)"none"));
    STARVED(evbuffer_add_cb(a, on_change, (void*)"none") != NULL);
    STARVED(evbuffer_setcb(a, NULL, NULL));
    STARVED(evbuffer_file_segment_new(0, 0, 5, 0) != NULL);
    evbuffer_add(a, text, 100);
    evbuffer_add_reference(a, "reference\n", 10, NULL, NULL);
    evbuffer_add(b, text, 50);
    STARVED(evbuffer_add(a, text, 100000));
    STARVED(evbuffer_prepend(a, text, 100000));
    STARVED(evbuffer_expand(a, 100000));
    STARVED(evbuffer_reserve_space(a, 100000, vec, 1));
    STARVED(evbuffer_reserve_space(a, 100000, vec, 2));
    STARVED(evbuffer_add_reference(a, text, 5, on_cleanup, (void*)"none"));
    STARVED(evbuffer_pullup(a, 105) != NULL);
    STARVED(evbuffer_pullup(a, 100) != NULL);
    STARVED(evbuffer_readln(a, NULL, EVBUFFER_EOL_LF) != NULL);
    STARVED(evbuffer_search(a, "ref", 3, NULL).pos);
    STARVED(evbuffer_drain(a, 20));
    STARVED(evbuffer_remove(a, text, 20));
    for (i = 0; i < 10; ++i) {
        STARVED(evbuffer_drain(a, 10));
    }
    STARVED(evbuffer_drain(a, 10));
    STARVED(evbuffer_add_buffer(a, b));
    evbuffer_free(a);
    evbuffer_free(b);
    free(text);
    SHOW(living);
}

/* One allocation of a scenario fails, each in its turn. The buffer always holds what the results
 * say. */
static int scenario(void) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    char *text = pattern_text(0, 60000), *model = (char*)malloc(400000), *line;
    size_t length = 0, taken = 0, n;
    int good = 1, i;
    if (a == NULL || b == NULL) {
        good = a != b;
    } else {
        for (i = 0; i < 6; ++i) {
            size_t size = (size_t)(i * i * 700 + 30);
            if (evbuffer_add(a, text + i, size) == 0) {
                memcpy(model + length, text + i, size);
                length += size;
            }
            if (evbuffer_add_reference(a, "constant\n", 9, NULL, NULL) == 0) {
                memcpy(model + length, "constant\n", 9);
                length += 9;
            }
            if (evbuffer_add_printf(a, "%s", text + 59000) > 0) {
                memcpy(model + length, text + 59000, 1000);
                length += 1000;
            }
            if (evbuffer_add(b, text, size) == 0 && evbuffer_add_buffer(a, b) == 0) {
                memcpy(model + length, text, size);
                length += size;
            }
            evbuffer_drain(b, 100000);
            if ((line = evbuffer_readln(a, &n, EVBUFFER_EOL_LF)) != NULL) {
                good = good && memcmp(line, model + taken, n) == 0;
                taken += n + 1;
                take(line);
            }
            if ((line = (char*)evbuffer_pullup(a, -1)) != NULL) {
                good = good && memcmp(line, model + taken, length - taken) == 0;
            }
        }
        good = good && evbuffer_get_length(a) == length - taken;
        fail_at = 0;
        line = (char*)evbuffer_pullup(a, -1);
        good = good && (line == NULL) == (length == taken) &&
               (line == NULL || memcmp(line, model + taken, length - taken) == 0);
    }
    if (a != NULL) {
        evbuffer_free(a);
    }
    if (b != NULL) {
        evbuffer_free(b);
    }
    free(text);
    free(model);
    return good;
}

int main(void) {
    unsigned long n;
    use_all();
    event_set_mem_functions(give, give_again, take);
    starved();
    title("one failure");
    for (n = 1; n < 60; ++n) {
        int good;
        fail_at = n;
        good = scenario();
        fail_at = 0;
        printf("%lu: %s, %ld left\n", n, good ? "as the results say" : "WRONG", living);
    }
    return 0;
}
