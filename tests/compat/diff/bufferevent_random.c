/* Random sequences of calls on pairs, sockets and filters over both, with deferred and direct
 * callbacks. Each seed prints a fingerprint of its trace; `bufferevent_random SEED` prints the
 * trace itself. */
#include "bufferevent_support.h"

enum { seeds = 1500, steps = 120, in_flight_max = 3000 };

static int verbose;
static unsigned long fingerprint;
static unsigned long state;
static int frees; /* callbacks may free, streams may be finished */

static unsigned pick(unsigned below) {
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(state >> 33) % below;
}

static void trace(const char* format, ...) {
    char line[200];
    const char* p;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (p = line; *p; ++p) fingerprint = (fingerprint ^ (unsigned char)*p) * 1099511628211ul;
    fingerprint = (fingerprint ^ '\n') * 1099511628211ul;
    if (verbose) puts(line);
}

struct end {
    const char* name;
    struct bufferevent* bev;
    unsigned drain; /* octets that the read callback takes, at least 1 */
    int reaction;
    struct end* other;
};

static struct end ends[2];

static unsigned long in(struct end* e) {
    if (e->bev == NULL) return 0;
    return (unsigned long)evbuffer_get_length(bufferevent_get_input(e->bev));
}
static unsigned long out(struct end* e) {
    if (e->bev == NULL) return 0;
    return (unsigned long)evbuffer_get_length(bufferevent_get_output(e->bev));
}

static void write_some(struct end* e, unsigned size) {
    char block[256];
    if (in(&ends[0]) + out(&ends[0]) + in(&ends[1]) + out(&ends[1]) + size > in_flight_max) return;
    fill(block, sizeof block);
    trace("  %s writes %u: %d", e->name, size, bufferevent_write(e->bev, block, size));
}

static void on_read(struct bufferevent* bev, void* arg);
static void on_event(struct bufferevent* bev, short what, void* arg);

static void react(struct end* e) {
    switch (e->reaction) {
        case 1: write_some(e, 3); break;
        case 2: bufferevent_disable(e->bev, EV_READ); break;
        case 3: bufferevent_disable(e->bev, EV_WRITE); break;
        case 4: bufferevent_setwatermark(e->bev, EV_READ, 0, 5); break;
        case 5: bufferevent_enable(e->bev, EV_READ | EV_WRITE); break;
        case 6:
            if (e->other->bev) bufferevent_disable(e->other->bev, EV_READ);
            break;
        case 7:
            trace("  %s frees itself", e->name);
            bufferevent_free(e->bev);
            e->bev = NULL;
            break;
        case 8:
            if (e->other->bev) {
                trace("  %s frees %s", e->name, e->other->name);
                bufferevent_free(e->other->bev);
                e->other->bev = NULL;
            }
            break;
        case 9: bufferevent_setcb(e->bev, on_read, NULL, on_event, e); break;
        default: return;
    }
    e->reaction = 0;
}

static void on_read(struct bufferevent* bev, void* arg) {
    struct end* e = arg;
    char block[256];
    unsigned long before = in(e);
    size_t n = bufferevent_read(bev, block, e->drain);
    trace("%s read: %lu, takes %lu, out %lu", e->name, before, (unsigned long)n, out(e));
    react(e);
}

static void on_write(struct bufferevent* bev, void* arg) {
    struct end* e = arg;
    (void)bev;
    trace("%s write: in %lu, out %lu", e->name, in(e), out(e));
    react(e);
}

static void on_event(struct bufferevent* bev, short what, void* arg) {
    struct end* e = arg;
    trace("%s event %d, enabled %d", e->name, what, bufferevent_get_enabled(bev));
    react(e);
}

static enum bufferevent_filter_result up_to_seven(struct evbuffer* src, struct evbuffer* dst,
                                                  ev_ssize_t limit,
                                                  enum bufferevent_flush_mode mode, void* ctx) {
    char block[7];
    int n;
    size_t most = limit >= 0 && limit < 7 ? (size_t)limit : 7;
    (void)ctx;
    (void)mode;
    if (evbuffer_get_length(src) == 0 || most == 0) return BEV_NEED_MORE;
    n = evbuffer_remove(src, block, most);
    evbuffer_add(dst, block, (size_t)n);
    return BEV_OK;
}

static void make(int sockets, int filtered, int options) {
    struct bufferevent* pair[2];
    int fds[2], i;
    if (sockets) {
        if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
        for (i = 0; i < 2; ++i) {
            evutil_make_socket_nonblocking(fds[i]);
            pair[i] = bufferevent_socket_new(base, fds[i], BEV_OPT_CLOSE_ON_FREE | options);
        }
    } else if (bufferevent_pair_new(base, options, pair) != 0) {
        abort();
    }
    if (filtered) {
        pair[0] = bufferevent_filter_new(pair[0], up_to_seven, up_to_seven,
                                         BEV_OPT_CLOSE_ON_FREE | (filtered > 1 ? options : 0), NULL,
                                         NULL);
    }
    for (i = 0; i < 2; ++i) {
        ends[i].name = i ? "b" : "a";
        ends[i].bev = pair[i];
        ends[i].drain = 1 + pick(200);
        ends[i].reaction = 0;
        ends[i].other = &ends[1 - i];
        bufferevent_setcb(pair[i], on_read, on_write, on_event, &ends[i]);
    }
}

static void step(void) {
    struct end* e = &ends[pick(2)];
    short bits = (short)(pick(2) ? EV_READ : pick(2) ? EV_WRITE : EV_READ | EV_WRITE);
    unsigned low, high;
    if (e->bev == NULL) e = e->other;
    if (e->bev == NULL) return;
    switch (pick(14)) {
        case 0:
        case 1:
        case 2: write_some(e, 1 + pick(200)); break;
        case 3:
        case 4: trace("enable %s %d: %d", e->name, bits, bufferevent_enable(e->bev, bits)); break;
        case 5: trace("disable %s %d: %d", e->name, bits, bufferevent_disable(e->bev, bits)); break;
        case 6:
            low = pick(3) ? 0 : pick(50);
            high = pick(3) ? 0 : low + 1 + pick(60);
            trace("marks %s %d: %u %u", e->name, bits, low, high);
            bufferevent_setwatermark(e->bev, bits, low, high);
            break;
        case 7: e->drain = 1 + pick(200); break;
        case 8: e->reaction = (int)pick(frees ? 10 : 7); break;
        case 9:
            trace("flush %s %d: %d", e->name, bits,
                  bufferevent_flush(e->bev, bits,
                                    (enum bufferevent_flush_mode)pick(frees ? 3 : 2)));
            break;
        case 10:
            trace("trigger %s %d", e->name, bits);
            bufferevent_trigger(e->bev, bits, pick(2) ? BEV_TRIG_DEFER_CALLBACKS : 0);
            break;
        case 11: {
            char block[64];
            trace("%s reads %lu", e->name,
                  (unsigned long)bufferevent_read(e->bev, block, 1 + pick(64)));
            break;
        }
        default:
            turn();
            trace("turned: a %lu %lu, b %lu %lu", in(&ends[0]), out(&ends[0]), in(&ends[1]),
                  out(&ends[1]));
    }
}

static void run(unsigned seed) {
    int i, left, options;
    state = seed * 2654435761ul + 12345;
    fingerprint = 1469598103934665603ul;
    for (i = 0; i < 5; ++i) pick(2);
    frees = pick(3) == 0;
    options = pick(2) ? BEV_OPT_DEFER_CALLBACKS : 0;
    make((int)pick(2), (int)pick(3), options);
    for (i = 0; i < steps; ++i) step();
    turn();
    for (i = (int)pick(2), left = 2; left > 0; --left, i = 1 - i) {
        if (ends[i].bev) bufferevent_free(ends[i].bev);
        ends[i].bev = NULL;
        turn();
    }
    if (!verbose) say("%u: %lx", seed, fingerprint);
}

int main(int argc, char** argv) {
    unsigned seed;
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    if (argc > 1) {
        verbose = 1;
        run((unsigned)atoi(argv[1]));
    } else {
        for (seed = 0; seed < seeds; ++seed) run(seed);
    }
    event_base_free(base);
    return 0;
}
