/* What the event core costs: nanoseconds of CPU time per operation, one case a line. Written against the headers
 * of libevent and compiled once; `./dev bench compat-event` runs it on two implementations in turn.
 *
 *   event_bench [CASE...]      all cases, or those whose name begins with a CASE
 *
 *   cascade_N_A   N pairs of sockets are watched, A octets travel: whoever reads one writes it to the
 *                 next pair. Per octet read.
 *   messages_N    bufferevents on both ends of N socket pairs return to each other what they get; per message
 *   timers_N      adding N timers with random deadlines, then deleting all; per timer
 *   readd_N       moving one of N pending timers to another deadline
 *   expire_N      N timers that are due, and their callbacks
 *   persist_N     a persistent timer that fires, N others waiting
 *   others        what the name says
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { rounds = 5 };

static unsigned random_state = 1;

static unsigned random_number(void) {
    random_state = random_state * 1103515245U + 12345U;
    return random_state >> 8;
}

static double clock_ns(clockid_t id) {
    struct timespec at;
    clock_gettime(id, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* CPU time of the process: what others do meanwhile, and what is waited, does not count. */
static double now(void) {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void fail(const char* what) {
    perror(what);
    exit(1);
}

static void must(int status) {
    if (status != 0) {
        fail("event call");
    }
}

static void* memory(size_t count, size_t size) {
    void* const found = calloc(count, size);
    if (found == NULL) {
        fail("memory");
    }
    return found;
}

static void turn(struct event_base* base) {
    if (event_base_loop(base, EVLOOP_NONBLOCK) < 0) {
        fail("loop");
    }
}

/* How often an operation is done so that a round takes a few milliseconds and more. */
static long repeats(long about, long size) {
    return about / size > 0 ? about / size : 1;
}

/* --- cascade */

struct pair {
    struct event ev;
    int ends[2];
};

static struct pair* pairs;
static int pair_count, writes_left, fired, started;

static void on_octet(evutil_socket_t fd, short events, void* arg) {
    struct pair* const self = arg;
    char octet;
    (void)events;
    fired += read(fd, &octet, 1) == 1;
    if (writes_left > 0) {
        struct pair* const next = self + 1 == pairs + pair_count ? pairs : self + 1;
        --writes_left;
        if (write(next->ends[1], "e", 1) != 1) {
            fail("write");
        }
    }
}

static double cascade(struct event_base* base, int count, int active) {
    const int writes = active < 1000 ? 1000 : active;
    int i;
    double from;
    pair_count = count;
    fired = 0;
    started = active;
    writes_left = writes;
    for (i = 0; i < active; ++i) {
        if (write(pairs[(long)i * count / active].ends[1], "e", 1) != 1) {
            fail("write");
        }
    }
    from = now();
    while (fired < started + writes) {
        turn(base);
    }
    return (now() - from) / fired;
}

static double run_cascade(long count, long active) {
    struct event_base* const base = event_base_new();
    enum { repeat = 50 };
    double spent = 0;
    int i;
    pairs = memory((size_t)count, sizeof *pairs);
    for (i = 0; i < count; ++i) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i].ends) != 0) {
            fail("socketpair");
        }
        evutil_make_socket_nonblocking(pairs[i].ends[0]);
        must(event_assign(&pairs[i].ev, base, pairs[i].ends[0], EV_READ | EV_PERSIST, on_octet,
                          &pairs[i]));
        must(event_add(&pairs[i].ev, NULL));
    }
    cascade(base, (int)count, (int)active);
    for (i = 0; i < repeat; ++i) {
        spent += cascade(base, (int)count, (int)active);
    }
    for (i = 0; i < count; ++i) {
        must(event_del(&pairs[i].ev));
        close(pairs[i].ends[0]);
        close(pairs[i].ends[1]);
    }
    free(pairs);
    event_base_free(base);
    return spent / repeat;
}

/* --- messages */

enum { message_octets = 64 };

static long messages;

static void on_message(struct bufferevent* bev, void* arg) {
    char block[message_octets];
    (void)arg;
    while (bufferevent_read(bev, block, sizeof block) > 0) {
        ++messages;
        must(bufferevent_write(bev, block, sizeof block));
    }
}

static double run_messages(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct bufferevent** const bevs = memory((size_t)count * 2, sizeof *bevs);
    const char block[message_octets] = "";
    const long warm = count * 10;
    double from = 0;
    long i;
    (void)unused;
    for (i = 0; i < count * 2; i += 2) {
        int ends[2], j;
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
            fail("socketpair");
        }
        for (j = 0; j < 2; ++j) {
            evutil_make_socket_nonblocking(ends[j]);
            bevs[i + j] = bufferevent_socket_new(base, ends[j], BEV_OPT_CLOSE_ON_FREE);
            if (bevs[i + j] == NULL) {
                fail("bufferevent_socket_new");
            }
            bufferevent_setcb(bevs[i + j], on_message, NULL, NULL, NULL);
            must(bufferevent_enable(bevs[i + j], EV_READ | EV_WRITE));
        }
        must(bufferevent_write(bevs[i], block, sizeof block));
    }
    messages = 0;
    while (messages < warm + 50000) {
        if (from == 0 && messages >= warm) {
            from = now();
            messages = warm;
        }
        must(event_base_loop(base, EVLOOP_ONCE));
    }
    from = (now() - from) / (double)(messages - warm);
    for (i = 0; i < count * 2; ++i) {
        bufferevent_free(bevs[i]);
    }
    free(bevs);
    event_base_free(base);
    return from;
}

/* --- timers */

static long calls;

static void count_call(evutil_socket_t fd, short events, void* arg) {
    (void)fd;
    (void)events;
    (void)arg;
    ++calls;
}

static struct timeval far(void) {
    struct timeval tv;
    tv.tv_sec = 100 + (long)(random_number() % 1000);
    tv.tv_usec = (long)(random_number() % 1000000);
    return tv;
}

static struct event* timers_of(struct event_base* base, long count) {
    struct event* const timers = memory((size_t)count, sizeof *timers);
    long i;
    for (i = 0; i < count; ++i) {
        must(evtimer_assign(&timers[i], base, count_call, NULL));
    }
    return timers;
}

static void delete_all(struct event* timers, long count) {
    long i;
    for (i = 0; i < count; ++i) {
        must(event_del(&timers[i]));
    }
}

static void add_far(struct event* timers, long count) {
    long i;
    for (i = 0; i < count; ++i) {
        const struct timeval tv = far();
        must(event_add(&timers[i], &tv));
    }
}

static double run_timers(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct event* const timers = timers_of(base, count);
    const long repeat = repeats(100000, count);
    double from, spent;
    long i;
    (void)unused;
    add_far(timers, count);
    delete_all(timers, count);
    from = now();
    for (i = 0; i < repeat; ++i) {
        add_far(timers, count);
        delete_all(timers, count);
    }
    spent = (now() - from) / (double)(repeat * count);
    free(timers);
    event_base_free(base);
    return spent;
}

static double run_readd(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct event* const timers = timers_of(base, count);
    const long repeat = 100000;
    double from, spent;
    long i;
    (void)unused;
    add_far(timers, count);
    from = now();
    for (i = 0; i < repeat; ++i) {
        const struct timeval tv = far();
        must(event_add(&timers[random_number() % (unsigned)count], &tv));
    }
    spent = (now() - from) / (double)repeat;
    delete_all(timers, count);
    free(timers);
    event_base_free(base);
    return spent;
}

/* As servers do it: a timeout that is always the same, ever anew. */
static double run_idle(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct event* const timers = timers_of(base, count);
    const struct timeval tv = {60, 0};
    const long repeat = 100000;
    double from, spent;
    long i;
    (void)unused;
    for (i = 0; i < count; ++i) {
        must(event_add(&timers[i], &tv));
    }
    from = now();
    for (i = 0; i < repeat; ++i) {
        must(event_add(&timers[random_number() % (unsigned)count], &tv));
    }
    spent = (now() - from) / (double)repeat;
    delete_all(timers, count);
    free(timers);
    event_base_free(base);
    return spent;
}

static double run_expire(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct event* const timers = timers_of(base, count);
    const long repeat = count < 1000 ? 60 : repeats(100000, count);
    double spent = 0;
    long round, i;
    (void)unused;
    for (round = 0; round < repeat; ++round) {
        double from;
        calls = 0;
        for (i = 0; i < count; ++i) {
            const struct timeval tv = {0, (long)(random_number() % 1000)};
            must(event_add(&timers[i], &tv));
        }
        /* Until the coarse clock, which bases use, has passed the last one. */
        for (from = clock_ns(CLOCK_MONOTONIC); clock_ns(CLOCK_MONOTONIC) - from < 6e6;) {
        }
        from = now();
        while (calls < count) {
            turn(base);
        }
        spent += now() - from;
    }
    free(timers);
    event_base_free(base);
    return spent / (double)(repeat * count);
}

static struct event_base* persist_base;
static long persist_left;

static void on_persist(evutil_socket_t fd, short events, void* arg) {
    (void)fd;
    (void)events;
    (void)arg;
    if (--persist_left == 0) {
        must(event_base_loopbreak(persist_base));
    }
}

static double run_persist(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct event* const timers = timers_of(base, count);
    enum { at_once = 200 };
    struct event persistent[at_once];
    const struct timeval tv = {0, 1000};
    const long repeat = 4000;
    double from, spent;
    int i;
    (void)unused;
    add_far(timers, count);
    for (i = 0; i < at_once; ++i) {
        must(event_assign(&persistent[i], base, -1, EV_PERSIST, on_persist, NULL));
        must(event_add(&persistent[i], &tv));
    }
    persist_base = base;
    persist_left = repeat;
    from = now();
    must(event_base_dispatch(base));
    spent = (now() - from) / (double)repeat;
    for (i = 0; i < at_once; ++i) {
        must(event_del(&persistent[i]));
    }
    delete_all(timers, count);
    free(timers);
    event_base_free(base);
    return spent;
}

/* --- dispatch */

/* N events made active by hand, and run in one turn. */
static double run_active(long count, long unused) {
    struct event_base* const base = event_base_new();
    struct event* const events = timers_of(base, count);
    const long repeat = repeats(200000, count);
    double from, spent;
    long round, i;
    (void)unused;
    from = now();
    for (round = 0; round < repeat; ++round) {
        for (i = 0; i < count; ++i) {
            event_active(&events[i], EV_READ, 1);
        }
        turn(base);
    }
    spent = (now() - from) / (double)(repeat * count);
    free(events);
    event_base_free(base);
    return spent;
}

static struct event chain_event;
static long chain_left;

static void on_chain(evutil_socket_t fd, short events, void* arg) {
    (void)fd;
    (void)events;
    (void)arg;
    if (--chain_left > 0) {
        event_active(&chain_event, EV_READ, 1);
    }
}

/* An event that makes itself active in its callback. */
static double run_chain(long unused, long unused2) {
    struct event_base* const base = event_base_new();
    const long repeat = 100000;
    double from;
    (void)unused;
    (void)unused2;
    must(event_assign(&chain_event, base, -1, 0, on_chain, NULL));
    chain_left = repeat;
    from = now();
    event_active(&chain_event, EV_READ, 1);
    turn(base);
    event_base_free(base);
    return (now() - from) / (double)repeat;
}

/* A turn that finds nothing, with `count` descriptors watched. */
static double run_turn(long unused, long unused2) {
    struct event_base* const base = event_base_new();
    struct event* const timer = timers_of(base, 1);
    const long repeat = 200000;
    double from, spent;
    long i;
    (void)unused;
    (void)unused2;
    add_far(timer, 1);
    from = now();
    for (i = 0; i < repeat; ++i) {
        turn(base);
    }
    spent = (now() - from) / (double)repeat;
    delete_all(timer, 1);
    free(timer);
    event_base_free(base);
    return spent;
}

static double run_assign(long unused, long unused2) {
    struct event_base* const base = event_base_new();
    struct event ev;
    const long repeat = 200000;
    double from, spent;
    long i;
    (void)unused;
    (void)unused2;
    from = now();
    for (i = 0; i < repeat; ++i) {
        must(event_assign(&ev, base, -1, EV_PERSIST, count_call, NULL));
    }
    spent = (now() - from) / (double)repeat;
    event_base_free(base);
    return spent;
}

static double run_new_free(long unused, long unused2) {
    struct event_base* const base = event_base_new();
    const long repeat = 100000;
    double from, spent;
    long i;
    (void)unused;
    (void)unused2;
    from = now();
    for (i = 0; i < repeat; ++i) {
        event_free(event_new(base, -1, EV_PERSIST, count_call, NULL));
    }
    spent = (now() - from) / (double)repeat;
    event_base_free(base);
    return spent;
}

/* Adding and deleting an event for a descriptor that another event watches already (`count` 1), or
 * that the kernel has to be told of each time (0). */
static double run_add_del(long watched, long flags) {
    struct event_base* base;
    struct event_config* const config = event_config_new();
    struct event other, ev;
    int ends[2];
    const long repeat = 20000;
    double from, spent;
    long i;
    must(event_config_set_flag(config, (int)flags));
    base = event_base_new_with_config(config);
    event_config_free(config);
    if (pipe(ends) != 0) {
        fail("pipe");
    }
    must(event_assign(&other, base, ends[0], EV_READ | EV_PERSIST, count_call, NULL));
    must(event_assign(&ev, base, ends[0], EV_READ | EV_PERSIST, count_call, NULL));
    if (watched) {
        must(event_add(&other, NULL));
    }
    from = now();
    for (i = 0; i < repeat; ++i) {
        must(event_add(&ev, NULL));
        must(event_del(&ev));
    }
    spent = (now() - from) / (double)repeat;
    event_del(&other);
    event_base_free(base);
    close(ends[0]);
    close(ends[1]);
    return spent;
}

static double run_once(long unused, long unused2) {
    struct event_base* const base = event_base_new();
    const long repeat = 100000;
    double from;
    long i;
    (void)unused;
    (void)unused2;
    from = now();
    for (i = 0; i < repeat; ++i) {
        must(event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, NULL));
        if (i % 100 == 99) {
            turn(base);
        }
    }
    from = now() - from;
    event_base_free(base);
    return from / (double)repeat;
}

static double run_base(long unused, long unused2) {
    const long repeat = 300;
    double from = now();
    long i;
    (void)unused;
    (void)unused2;
    for (i = 0; i < repeat; ++i) {
        event_base_free(event_base_new());
    }
    return (now() - from) / (double)repeat;
}

static const struct {
    const char* name;
    double (*run)(long a, long b);
    long a, b;
} cases[] = {
    {"cascade_100_1", run_cascade, 100, 1},
    {"cascade_100_100", run_cascade, 100, 100},
    {"cascade_1000_1", run_cascade, 1000, 1},
    {"cascade_1000_100", run_cascade, 1000, 100},
    {"cascade_1000_1000", run_cascade, 1000, 1000},
    {"cascade_9000_1", run_cascade, 9000, 1},
    {"cascade_9000_100", run_cascade, 9000, 100},
    {"cascade_9000_1000", run_cascade, 9000, 1000},
    {"messages_1", run_messages, 1, 0},
    {"messages_100", run_messages, 100, 0},
    {"messages_1000", run_messages, 1000, 0},
    {"timers_10", run_timers, 10, 0},
    {"timers_1000", run_timers, 1000, 0},
    {"timers_100000", run_timers, 100000, 0},
    {"timers_1000000", run_timers, 1000000, 0},
    {"readd_10", run_readd, 10, 0},
    {"readd_1000", run_readd, 1000, 0},
    {"readd_100000", run_readd, 100000, 0},
    {"readd_1000000", run_readd, 1000000, 0},
    {"idle_1000", run_idle, 1000, 0},
    {"idle_100000", run_idle, 100000, 0},
    {"expire_10", run_expire, 10, 0},
    {"expire_1000", run_expire, 1000, 0},
    {"expire_100000", run_expire, 100000, 0},
    {"expire_1000000", run_expire, 1000000, 0},
    {"persist_10", run_persist, 10, 0},
    {"persist_100000", run_persist, 100000, 0},
    {"active_1", run_active, 1, 0},
    {"active_100", run_active, 100, 0},
    {"active_10000", run_active, 10000, 0},
    {"chain", run_chain, 0, 0},
    {"empty_turn", run_turn, 0, 0},
    {"assign", run_assign, 0, 0},
    {"new_free", run_new_free, 0, 0},
    {"add_del", run_add_del, 0, 0},
    {"add_del_watched", run_add_del, 1, 0},
    {"add_del_changelist", run_add_del, 0, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST},
    {"once", run_once, 0, 0},
    {"base", run_base, 0, 0},
};

static int wanted(const char* name, int argc, char** argv) {
    int i;
    for (i = 1; i < argc; ++i) {
        if (strncmp(argv[i], name, strlen(argv[i])) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

int main(int argc, char** argv) {
    struct rlimit files;
    size_t i;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        double best = 1e18;
        int round;
        if (!wanted(cases[i].name, argc, argv)) {
            continue;
        }
        random_state = 1;
        for (round = 0; round < (cases[i].a >= 100000 ? 2 : rounds); ++round) {
            const double spent = cases[i].run(cases[i].a, cases[i].b);
            best = spent < best ? spent : best;
        }
        printf("%s %.1f\n", cases[i].name, best);
    }
    return 0;
}
