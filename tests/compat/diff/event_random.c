/* Random sequences, told by a seed: events on a few descriptors, timers and signals are assigned, added, deleted, activated and
 * finalized, descriptors become readable and are drained, all inside and outside of callbacks, with all methods. The order of what
 * poll and select report is not promised, so that there callbacks do nothing and what a loop calls is sorted. */
#include "event_support.h"

enum { pairs = 6, events = 24, steps = 120, calls_max = 30 };

static struct event_base* base;
static unsigned long long state;
static int fd[pairs][2];
static struct event ev[events];
static int finalizing[events];
static int reorders; /* whether callbacks act */
static int calls;    /* in this loop */
static char heard[calls_max + 64][32];
static int unique;

static unsigned pick(unsigned below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % below;
}

static void act(int depth);

static void on_event(evutil_socket_t s, short what, void* arg) {
    int i = (int)((struct event*)arg - ev);
    snprintf(heard[calls], sizeof(heard[0]), "  %02d %s", i, words(what));
    if (reorders) {
        say("%s", heard[calls]);
    }
    if (++calls >= calls_max) {
        event_base_loopbreak(base);
    }
    if (reorders && pick(3) == 0) {
        act(1);
    }
}

static void on_finalized(struct event* e, void* arg) {
    int i = (int)(e - ev);
    say("  %02d finalized", i);
    finalizing[i] = 0;
    event_assign(e, base, -1, 0, on_event, e);
}

/* Anything that never comes due, or that is long due, and never two at the same time. */
static const struct timeval* some_time(int persist) {
    static struct timeval tv;
    ++unique;
    tv.tv_sec = persist || pick(3) == 0 ? 100000 + unique : -1000 - (long)((unique * 37) % 4001);
    tv.tv_usec = unique % 1000;
    return pick(3) ? &tv : NULL;
}

static void assign(int i) {
    static const short kinds[] = {EV_READ,
                                  EV_WRITE,
                                  EV_READ | EV_WRITE,
                                  EV_READ | EV_PERSIST,
                                  EV_WRITE | EV_PERSIST,
                                  EV_PERSIST,
                                  0,
                                  0,
                                  EV_CLOSED,
                                  EV_CLOSED | EV_READ | EV_PERSIST};
    int kind = (int)pick(12);
    int priority = (int)pick(3);
    if (kind >= 10) {
        static const int numbers[] = {SIGUSR1, SIGUSR2};
        event_assign(&ev[i], base, numbers[pick(2)],
                     (short)(EV_SIGNAL | (pick(2) ? EV_PERSIST : 0)), on_event, &ev[i]);
    } else {
        short what = kinds[kind];
        int on = what & (EV_READ | EV_WRITE | EV_CLOSED) ? fd[pick(pairs)][pick(2)] : -1;
        if ((what & EV_CLOSED) && !(event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE)) {
            what = EV_READ;
        }
        event_assign(&ev[i], base, on, what, on_event, &ev[i]);
    }
    event_priority_set(&ev[i], priority);
}

static void act(int depth) {
    int i = (int)pick(events);
    int p = (int)pick(pairs);
    if (finalizing[i]) {
        return;
    }
    switch (pick(depth ? 10 : 14)) {
        case 0:
        case 1:
        case 2:
        case 3: {
            const struct timeval* tv = some_time(event_get_events(&ev[i]) & EV_PERSIST);
            say("%*sadd %02d %s: %d", depth * 4, "", i, tv ? "with time" : "",
                event_add(&ev[i], tv));
            break;
        }
        case 4:
        case 5: say("%*sdel %02d: %d", depth * 4, "", i, event_del(&ev[i])); break;
        case 6: {
            short res = (short)(1 << pick(3));
            event_active(&ev[i], res, (short)(1 + pick(3)));
            say("%*sactive %02d %s", depth * 4, "", i, words(res));
            break;
        }
        case 7:
            say("%*sremove timer %02d: %d", depth * 4, "", i, event_remove_timer(&ev[i]));
            break;
        case 8:
            say("%*spair %d gets a byte", depth * 4, "", p);
            if (write(fd[p][pick(2)], "x", 1) != 1) {
                abort();
            }
            break;
        case 9: say("%*sdrained: %d", depth * 4, "", drain(fd[p][pick(2)])); break;
        case 10:
            event_del(&ev[i]);
            assign(i);
            say("assign %02d %s", i, words(event_get_events(&ev[i])));
            break;
        case 11:
            say("signal %02d", p);
            raise(p % 2 ? SIGUSR1 : SIGUSR2);
            break;
        case 12:
            say("by fd");
            event_base_active_by_fd(base, fd[p][0],
                                    pick(2) ? EV_READ : EV_WRITE); /* timers: in no order */
            break;
        case 13:
            if (pick(4) == 0) {
                finalizing[i] = 1;
                say("finalize %02d: %d", i, event_finalize(0, &ev[i], on_finalized));
            }
            break;
    }
}

static int by_text(const void* a, const void* b) {
    return strcmp(a, b);
}

static void turn(void) {
    char line[events * 8] = "";
    int result;
    calls = 0;
    result = event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    if (!reorders) {
        if (calls < calls_max) { /* or it depends on the order which of them were called */
            qsort(heard, (size_t)calls, sizeof(heard[0]), by_text);
            for (int i = 0; i < calls; ++i) {
                say("%s", heard[i]);
            }
        } else {
            say("  many");
        }
    }
    if (reorders || calls < calls_max) {
        say("loop: %d, active %d, added %d", result,
            event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE),
            event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
    } else {
        return;
    }
    for (int i = 0; i < events; ++i) {
        int is =
            event_pending(&ev[i], EV_TIMEOUT | EV_READ | EV_WRITE | EV_SIGNAL | EV_CLOSED, NULL);
        strcat(line, is ? words((short)is) : ".");
    }
    say("%s", line);
}

static void sequence(const char* method, int flags, unsigned long long seed) {
    state = seed * 0x9e3779b97f4a7c15ULL + 1;
    base = base_with(method, flags);
    reorders = strcmp(method, "epoll") == 0;
    say("== %s, seed %llu", event_base_get_method(base), seed);
    event_base_priority_init(base, 3);
    for (int i = 0; i < pairs; ++i) {
        make_pair(fd[i]);
    }
    for (int i = 0; i < events; ++i) {
        finalizing[i] = 0;
        assign(i);
    }
    for (int i = 0; i < steps; ++i) {
        act(0);
        if (i % 4 == 3) {
            turn();
        }
    }
    for (int i = 0; i < events; ++i) {
        event_del(&ev[i]);
    }
    turn();
    event_base_free(base);
    for (int i = 0; i < pairs; ++i) {
        close(fd[i][0]);
        close(fd[i][1]);
    }
}

int main(int argc, char** argv) {
    unsigned long long first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    for (unsigned long long seed = first; seed < first + 40; ++seed) {
        sequence("epoll", 0, seed);
        sequence("epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, seed);
        sequence("poll", 0, seed);
        sequence("select", 0, seed);
    }
    return 0;
}
