/* What buffers cost: nanoseconds per operation, one case a line. Written against the headers of
 * libevent and compiled once; `./dev bench compat-buffer` runs it on two implementations in turn.
 *
 *   buffer_bench [CASE...]
 */
#include <event2/buffer.h>
#include <event2/event.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char block[1 << 20]; /* lines of 80 bytes */
static volatile size_t sink;

/* Ever another place to copy from: what copying costs depends on how source and destination lie in
 * their pages. */
static const char* source(long i) {
    return block + (i & 1023) * 528;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* Each case does `count` operations. */
static void new_free(long count) {
    while (count-- > 0) {
        evbuffer_free(evbuffer_new());
    }
}

static void new_add_free(long count) {
    while (count-- > 0) {
        struct evbuffer* a = evbuffer_new();
        evbuffer_add(a, source(count), 100);
        evbuffer_free(a);
    }
}

static void add_drain_100(long count) {
    struct evbuffer* a = evbuffer_new();
    while (count-- > 0) {
        evbuffer_add(a, source(count), 100);
        evbuffer_drain(a, 100);
    }
    evbuffer_free(a);
}

static void add_drain_8000(long count) {
    struct evbuffer* a = evbuffer_new();
    while (count-- > 0) {
        evbuffer_add(a, source(count), 8000);
        evbuffer_drain(a, 8000);
    }
    evbuffer_free(a);
}

static void add_16(long count) {
    struct evbuffer* a = evbuffer_new();
    long i;
    for (i = 0; i < count; ++i) {
        evbuffer_add(a, source(i), 16);
        if (i % 4096 == 4095) {
            evbuffer_drain(a, 65536);
        }
    }
    evbuffer_free(a);
}

static void queue_300(long count) { /* one in, one out, with some in between */
    struct evbuffer* a = evbuffer_new();
    evbuffer_add(a, block, 20000);
    while (count-- > 0) {
        evbuffer_add(a, source(count), 300);
        evbuffer_drain(a, 300);
    }
    evbuffer_free(a);
}

static void add_callback(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    (void)buffer, (void)arg;
    sink += info->n_added;
}

static void add_drain_told(long count) {
    struct evbuffer* a = evbuffer_new();
    evbuffer_add_cb(a, add_callback, NULL);
    while (count-- > 0) {
        evbuffer_add(a, source(count), 100);
        evbuffer_drain(a, 100);
    }
    evbuffer_free(a);
}

static void prepend_20(long count) {
    struct evbuffer* a = evbuffer_new();
    long i;
    for (i = 0; i < count; ++i) {
        evbuffer_prepend(a, source(i), 20);
        if (i % 1024 == 1023) {
            evbuffer_drain(a, 20480);
        }
    }
    evbuffer_free(a);
}

static void printf_small(long count) {
    struct evbuffer* a = evbuffer_new();
    long i;
    for (i = 0; i < count; ++i) {
        evbuffer_add_printf(a, "%s: %d\r\n", "Content-Length", (int)i);
        if (i % 64 == 63) {
            evbuffer_drain(a, 100000);
        }
    }
    evbuffer_free(a);
}

static void remove_64(long count) {
    struct evbuffer* a = evbuffer_new();
    char out[64];
    while (count-- > 0) {
        if (evbuffer_get_length(a) == 0) {
            evbuffer_add(a, block, 65536);
        }
        evbuffer_remove(a, out, 64);
    }
    evbuffer_free(a);
}

/* Content as reads of a socket leave it. */
static void fill(struct evbuffer* a, size_t size) {
    size_t at;
    for (at = 0; at < size; at += 4096) {
        evbuffer_add_reference(a, block + at, 4096, NULL, NULL);
    }
}

static void readln_80(long count) {
    struct evbuffer* a = evbuffer_new();
    while (count-- > 0) {
        if (evbuffer_get_length(a) < 80) {
            evbuffer_drain(a, 80);
            fill(a, 1 << 18);
        }
        free(evbuffer_readln(a, NULL, EVBUFFER_EOL_CRLF));
    }
    evbuffer_free(a);
}

static void readln_any(long count) {
    struct evbuffer* a = evbuffer_new();
    while (count-- > 0) {
        if (evbuffer_get_length(a) < 80) {
            evbuffer_drain(a, 80);
            fill(a, 1 << 18);
        }
        free(evbuffer_readln(a, NULL, EVBUFFER_EOL_ANY));
    }
    evbuffer_free(a);
}

static void search_for(long count, const char* what) {
    struct evbuffer* a = evbuffer_new();
    fill(a, 1 << 18);
    while (count-- > 0) {
        sink += (size_t)evbuffer_search(a, what, strlen(what), NULL).pos;
    }
    evbuffer_free(a);
}
static void search_rare(long count) {
    search_for(count, "@@nowhere");
}
static void search_frequent(long count) {
    search_for(count, "xxyzabcd");
}
static void search_head_end(long count) {
    search_for(count, "\r\n\r\n");
}

static void search_eol(long count) {
    struct evbuffer* a = evbuffer_new();
    struct evbuffer_ptr at;
    fill(a, 1 << 18);
    evbuffer_ptr_set(a, &at, 0, EVBUFFER_PTR_SET);
    while (count-- > 0) {
        at = evbuffer_search_eol(a, &at, NULL, EVBUFFER_EOL_CRLF_STRICT);
        if (at.pos < 0 || evbuffer_ptr_set(a, &at, 2, EVBUFFER_PTR_ADD) != 0) {
            evbuffer_ptr_set(a, &at, 0, EVBUFFER_PTR_SET);
        }
    }
    evbuffer_free(a);
}

static void move(long count) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    evbuffer_add(a, block, 200000);
    fill(a, 1 << 17);
    while (count-- > 0) {
        evbuffer_add_buffer(b, a);
        evbuffer_add_buffer(a, b);
    }
    evbuffer_free(a);
    evbuffer_free(b);
}

static void move_some(long count) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    fill(a, 1 << 18);
    while (count-- > 0) {
        evbuffer_remove_buffer(a, b, 4096);
        evbuffer_remove_buffer(b, a, 4096);
    }
    evbuffer_free(a);
    evbuffer_free(b);
}

static void reference_1000(long count) {
    struct evbuffer* a = evbuffer_new();
    while (count-- > 0) {
        evbuffer_add_reference(a, block, 1000, NULL, NULL);
        evbuffer_drain(a, 1000);
    }
    evbuffer_free(a);
}

static void share(long count) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    evbuffer_add(a, block, 20000);
    while (count-- > 0) {
        evbuffer_add_buffer_reference(b, a);
        evbuffer_drain(b, 20000);
    }
    evbuffer_free(a);
    evbuffer_free(b);
}

static void reserve_commit(long count) {
    struct evbuffer* a = evbuffer_new();
    struct evbuffer_iovec vec[2];
    long i;
    for (i = 0; i < count; ++i) {
        evbuffer_reserve_space(a, 500, vec, 2);
        vec[0].iov_len = vec[0].iov_len > 100 ? 100 : vec[0].iov_len;
        evbuffer_commit_space(a, vec, 1);
        if (i % 100 == 99) {
            evbuffer_drain(a, 100000);
        }
    }
    evbuffer_free(a);
}

static void peek_all(long count) {
    struct evbuffer* a = evbuffer_new();
    struct evbuffer_iovec vec[64];
    fill(a, 1 << 18);
    while (count-- > 0) {
        sink += (size_t)evbuffer_peek(a, -1, NULL, vec, 64);
    }
    evbuffer_free(a);
}

static void pullup_4000(long count) {
    struct evbuffer* a = evbuffer_new();
    while (count-- > 0) {
        evbuffer_add_reference(a, block, 2000, NULL, NULL);
        evbuffer_add_reference(a, block, 2000, NULL, NULL);
        sink += (size_t)evbuffer_pullup(a, -1)[3999];
        evbuffer_drain(a, 4000);
    }
    evbuffer_free(a);
}

/* A message of `size` bytes through a socket, read into a buffer and forgotten. */
static void through_socket(long count, size_t size, int write_too) {
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        abort();
    }
    while (count-- > 0) {
        size_t got = 0;
        if (write_too) {
            evbuffer_add(b, block, size);
            evbuffer_write(b, fds[1]);
        } else if (write(fds[1], block, size) != (ssize_t)size) {
            abort();
        }
        while (got < size) {
            got += (size_t)evbuffer_read(a, fds[0], -1);
        }
        evbuffer_drain(a, size);
    }
    close(fds[0]);
    close(fds[1]);
    evbuffer_free(a);
    evbuffer_free(b);
}
static void read_100(long count) {
    through_socket(count, 100, 0);
}
static void read_4000(long count) {
    through_socket(count, 4000, 0);
}
static void read_64k(long count) {
    through_socket(count, 65536, 0);
}
static void write_read_500(long count) {
    through_socket(count, 500, 1);
}

static const struct {
    const char* name;
    void (*run)(long count);
    long count;
} cases[] = {
    {"new_free", new_free, 200000},
    {"new_add_free", new_add_free, 200000},
    {"add_drain_100", add_drain_100, 400000},
    {"add_drain_8000", add_drain_8000, 100000},
    {"add_16", add_16, 1000000},
    {"queue_300", queue_300, 400000},
    {"add_drain_told", add_drain_told, 300000},
    {"prepend_20", prepend_20, 500000},
    {"printf_small", printf_small, 200000},
    {"remove_64", remove_64, 500000},
    {"readln_80", readln_80, 300000},
    {"readln_any", readln_any, 300000},
    {"search_rare", search_rare, 1000},
    {"search_frequent", search_frequent, 200},
    {"search_head_end", search_head_end, 500},
    {"search_eol", search_eol, 300000},
    {"move", move, 200000},
    {"move_some", move_some, 200000},
    {"reference_1000", reference_1000, 300000},
    {"share", share, 100000},
    {"reserve_commit", reserve_commit, 500000},
    {"peek_all", peek_all, 200000},
    {"pullup_4000", pullup_4000, 100000},
    {"read_100", read_100, 50000},
    {"read_4000", read_4000, 30000},
    {"read_64k", read_64k, 2000},
    {"write_read_500", write_read_500, 50000},
};

static int wanted(const char* name, int argc, char** argv) {
    int i;
    for (i = 1; i < argc; ++i) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

enum { rounds = 8 };

int main(int argc, char** argv) {
    size_t i;
    for (i = 0; i < sizeof(block); ++i) {
        block[i] = "xxyzabce"[i % 8];
        if (i % 80 == 78) {
            block[i] = '\r';
        } else if (i % 80 == 79) {
            block[i] = '\n';
        }
    }
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        if (wanted(cases[i].name, argc, argv)) {
            double best = 1e18;
            int round;
            for (round = 0; round < rounds; ++round) {
                /* The heap lies a little differently each time: whether a piece of memory straddles
                 * two pages is luck. */
                void* volatile shift = malloc((size_t)(round + 1) * 2100);
                double from = now(), spent;
                cases[i].run(cases[i].count / rounds);
                spent = (now() - from) / (double)(cases[i].count / rounds);
                best = spent < best ? spent : best;
                free(shift);
            }
            printf("%s %.1f\n", cases[i].name, best);
        }
    }
    return 0;
}
