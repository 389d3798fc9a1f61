/* Timers: order, replacing, repeating, those of a common length, what the clock says. */
#include "event_support.h"

#include <time.h>

static struct event_base* base;
static struct timeval started;

static void stop(struct named* n) {
    event_base_loopbreak(base);
}
static void three_times(struct named* n) {
    if (n->calls == 3) {
        del(n);
    }
}
static void readd_later(struct named* n) {
    add(n, &never);
    pending(n);
}
static void delete_other(struct named* n) {
    del(n->other);
}
static void postpone_other(struct named* n) {
    add(n->other, &never);
}
static void remove_timer(struct named* n) {
    say("  remove: %d", event_remove_timer(&n->other->ev));
}

static void order(void) {
    struct named n[8];
    static const char* const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const int late[] = {5, 1, 7, 3, 0, 6, 2, 4};
    heading("by deadline, whatever the order of adding");
    for (int i = 0; i < 8; ++i) {
        struct timeval tv = {-1000 + late[i], 17 * late[i]};
        name(&n[i], names[i], base, -1, 0);
        add(&n[i], &tv);
    }
    counts(base);
    del(&n[3]);
    loop(base, EVLOOP_NONBLOCK);
    counts(base);
    heading("replaced, kept, taken away");
    {
        struct timeval early = {-50, 0}, earlier = {-60, 0};
        add(&n[0], &never);
        add(&n[1], &early);
        add(&n[0], NULL);
        pending(&n[0]);
        add(&n[0], &earlier);
        add(&n[2], &never);
        counts(base);
        say("remove: %d", event_remove_timer(&n[2].ev));
        say("remove: %d", event_remove_timer(&n[2].ev));
        pending(&n[2]);
        counts(base);
        loop(base, EVLOOP_NONBLOCK);
    }
    heading("one that is due deletes, postpones, unwinds another that is due");
    {
        static void (*const acts[])(struct named*) = {delete_other, postpone_other, remove_timer};
        for (int i = 0; i < 3; ++i) {
            struct timeval early = {-50, 0}, earlier = {-60, 0};
            n[0].act = acts[i];
            n[0].other = &n[1];
            add(&n[1], &early);
            add(&n[0], &earlier);
            loop(base, EVLOOP_NONBLOCK);
            pending(&n[1]);
            del(&n[1]);
        }
    }
    heading("no time-out: never");
    n[0].act = NULL;
    add(&n[0], NULL);
    pending(&n[0]);
    counts(base);
    loop(base, 0);
}

static void repeating(void) {
    struct named n, r;
    int fd[2];
    heading("three times");
    name(&n, "n", base, -1, EV_PERSIST);
    n.act = three_times;
    add(&n, &soon);
    loop(base, 0);
    heading("nothing repeats without a length");
    n.act = NULL;
    add(&n, &at_once);
    loop(base, EVLOOP_ONCE);
    pending(&n);
    del(&n);
    heading("a deadline long past does not come in a burst");
    {
        struct timeval ago = {-5, 0};
        add(&n, &ago);
        n.act = stop;
        loop(base, 0);
        pending(&n);
        del(&n);
    }
    heading("added again in its callback");
    n.act = readd_later;
    add(&n, &soon);
    loop(base, EVLOOP_ONCE);
    pending(&n);
    del(&n);
    heading("on a descriptor");
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
    add(&r, &soon);
    pending(&r);
    loop(base, EVLOOP_ONCE);
    pending(&r);
    counts(base);
    put(fd[1], "x");
    add(&r, &never);
    loop(base, EVLOOP_ONCE);
    pending(&r);
    say("remove: %d", event_remove_timer(&r.ev));
    pending(&r);
    loop(base, EVLOOP_ONCE);
    pending(&r);
    del(&r);
    heading("on a descriptor, once");
    name(&r, "r", base, fd[0], EV_READ);
    add(&r, &never);
    loop(base, EVLOOP_ONCE);
    pending(&r);
    drain(fd[0]);
    add(&r, &soon);
    loop(base, EVLOOP_ONCE);
    pending(&r);
    close(fd[0]);
    close(fd[1]);
}

/* The deadline that a persistent timer has next, in ms after it was last due. */
static void on_drift(evutil_socket_t fd, short what, void* arg) {
    struct event* ev = *(struct event**)arg;
    struct timeval due, now, left;
    event_pending(ev, EV_TIMEOUT, &due);
    event_base_gettimeofday_cached(base, &now);
    evutil_timersub(&due, &now, &left);
    say("next within an interval: %s", left.tv_sec == 0 && left.tv_usec <= 30000 ? "yes" : "no");
    event_base_loopbreak(base);
}

static void common(void) {
    const struct timeval five = {0, 5000}, odd = {1, 2500000}, zero = {0, 0};
    const struct timeval *a, *b, *c, *last = NULL;
    struct timeval copy;
    struct named n[6];
    static const char* const names[] = {"a", "b", "c", "d", "e", "f"};
    int got = 0;
    heading("of a common length");
    a = event_base_init_common_timeout(base, &five);
    b = event_base_init_common_timeout(base, &five);
    c = event_base_init_common_timeout(base, &odd);
    say("the same: %s, another: %s", a == b ? "yes" : "no", a == c ? "yes" : "no");
    say("%ld.%06ld, %ld.%06ld", (long)a->tv_sec, (long)a->tv_usec & 0xfffff, (long)c->tv_sec,
        (long)c->tv_usec & 0xfffff);
    say("%lx, %lx", (unsigned long)a->tv_usec, (unsigned long)c->tv_usec);
    say("by its own value: %s", event_base_init_common_timeout(base, a) == a ? "same" : "other");
    copy = *a;
    for (int i = 0; i < 6; ++i) {
        name(&n[i], names[i], base, -1, 0);
        add(&n[i], i == 3 ? &never : i == 4 ? &copy : a);
    }
    counts(base);
    pending(&n[0]);
    {
        struct timeval due, now;
        evutil_gettimeofday(&now, NULL);
        event_pending(&n[0].ev, EV_TIMEOUT, &due);
        say("pending for a time of day: %s",
            labs((long)(due.tv_sec - now.tv_sec)) <= 1 && due.tv_usec < 1000000 ? "yes" : "no");
    }
    del(&n[1]);
    add(&n[0], a); /* to the end */
    n[5].act = stop;
    while (n[0].calls == 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    pending(&n[3]);
    del(&n[3]);
    counts(base);
    heading("a common length that repeats");
    name(&n[0], "p", base, -1, EV_PERSIST);
    n[0].act = three_times;
    add(&n[0], a);
    while (n[0].calls < 3) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    add(&n[0], a);
    add(&n[0], &never);
    add(&n[0], c);
    del(&n[0]);
    counts(base);
    heading("how many lengths");
    for (int i = 0; i < 300; ++i) {
        struct timeval tv = {1000 + i, 0};
        const struct timeval* made = event_base_init_common_timeout(base, &tv);
        got += made != NULL;
        last = made ? made : last;
    }
    say("%d more, the last for %ld s", got, (long)last->tv_sec);
    (void)zero;
}

static void clocks(int flags) {
    struct timeval a, b, c, wall;
    struct event* ev = NULL;
    const struct timeval interval = {0, 20000};
    heading("clocks");
    say("cached: %d", event_base_gettimeofday_cached(base, &a));
    evutil_gettimeofday(&wall, NULL);
    evutil_timersub(&wall, &a, &c);
    say("as the clock outside the loop: %s", labs((long)c.tv_sec) < 2 ? "yes" : "no");
    say("monotonic: %d", event_gettime_monotonic(base, &a));
    say("again: %d", event_gettime_monotonic(base, &b));
    say("does not go back: %s", evutil_timercmp(&a, &b, <=) ? "yes" : "no");
    say("without a base: %d", event_gettime_monotonic(NULL, &b));
    say("update outside: %d", event_base_update_cache_time(base));
    ev = event_new(base, -1, EV_PERSIST, on_drift, &ev);
    event_add(ev, &interval);
    event_base_dispatch(base);
    event_base_dispatch(base);
    event_free(ev);
    (void)flags;
}

static void on_time(evutil_socket_t fd, short what, void* arg) {
    struct timeval a, b;
    struct timespec nap = {0, 30 * 1000 * 1000};
    event_base_gettimeofday_cached(base, &a);
    nanosleep(&nap, NULL);
    event_base_gettimeofday_cached(base, &b);
    say("the same time in all of a callback: %s", evutil_timercmp(&a, &b, ==) ? "yes" : "no");
    say("update: %d", event_base_update_cache_time(base));
    event_base_gettimeofday_cached(base, &b);
    say("the same time after an update: %s", evutil_timercmp(&a, &b, ==) ? "yes" : "no");
}

static void run(const char* method, int flags) {
    struct event* ev;
    base = base_with(method, flags);
    say("== %s with flags %d", event_base_get_method(base), flags);
    order();
    repeating();
    common();
    event_base_free(base);
    base = base_with(method, flags);
    clocks(flags);
    ev = event_new(base, -1, 0, on_time, NULL);
    event_active(ev, EV_TIMEOUT, 1);
    loop(base, 0);
    event_free(ev);
    event_base_free(base);
}

/* How long a timer of 300 µs takes, the best of many, in classes. */
static void on_precise(evutil_socket_t fd, short what, void* arg) {}
static void precise(void) {
    const struct timeval tv = {0, 300};
    long best = 1000000;
    struct event* ev;
    heading("a precise timer");
    base = base_with("epoll", EVENT_BASE_FLAG_PRECISE_TIMER);
    ev = event_new(base, -1, 0, on_precise, NULL);
    for (int i = 0; i < 100; ++i) {
        struct timespec a, b;
        long took;
        clock_gettime(CLOCK_MONOTONIC, &a);
        event_add(ev, &tv);
        event_base_dispatch(base);
        clock_gettime(CLOCK_MONOTONIC, &b);
        took = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
        best = took < best ? took : best;
    }
    say("not before its time: %s, within a millisecond: %s", best >= 300 ? "yes" : "no",
        best < 1000 ? "yes" : "no");
    event_free(ev);
    event_base_free(base);
}

int main(void) {
    event_set_log_callback(count_messages);
    evutil_gettimeofday(&started, NULL);
    run("epoll", 0);
    run("epoll", EVENT_BASE_FLAG_PRECISE_TIMER);
    run("epoll", EVENT_BASE_FLAG_NO_CACHE_TIME);
    run("poll", 0);
    run("select", EVENT_BASE_FLAG_PRECISE_TIMER);
    precise();
    return 0;
}
