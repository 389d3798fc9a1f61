/* A descriptor is closed and its number given to another one between two waits, in all the ways that
 * one callback can do that. The method that collects changes until the next wait has to tell the
 * kernel of the new descriptor although nothing seems to have changed. */
#include "event_support.h"

static const int turn = EVLOOP_ONCE | EVLOOP_NONBLOCK; /* what is ready, once */
static int other[2];

/* The number `fd`, which is free, stands for one end of a new pair from now on; other[1] is the far end. */
static void reuse(int fd) {
    make_pair(other);
    if (other[0] != fd) {
        dup2(other[0], fd);
        close(other[0]);
    }
}

static void end(struct named* n, int fd) {
    event_del(&n->ev);
    close(fd);
    close(other[1]);
}

/* Something comes through the old pair, whose far end is `far`, and then through the new one. */
static void old_and_new(struct event_base* base, int far) {
    put(far, "old");
    loop(base, turn);
    loop(base, turn);
    put(other[1], "new");
    loop(base, turn);
    close(far);
}

/* ---- one event ---- */

static void renew(struct named* n) {
    const int fd = (int)event_get_fd(&n->ev);
    say("  read %d", drain(fd));
    if (n->calls == 1) {
        del(n);
        close(fd);
        reuse(fd);
        add(n, NULL);
    }
}

static void renew_and_write(struct named* n) {
    renew(n);
    if (n->calls == 1) {
        put(other[1], "written in the callback");
    }
}

static void same_event(struct event_base* base, short events, void (*act)(struct named*)) {
    int fd[2];
    struct named r;
    make_pair(fd);
    name(&r, "r", base, fd[0], events);
    r.act = act;
    add(&r, NULL);
    put(fd[1], "old");
    loop(base, turn);
    put(fd[1], "to nobody");
    close(fd[1]);
    loop(base, turn);
    put(other[1], "new");
    loop(base, turn);
    pending(&r);
    counts(base);
    end(&r, fd[0]);
    loop(base, turn);
}

/* ---- another event, another interest ---- */

static void hand_over(struct named* n) {
    const int fd = (int)event_get_fd(&n->ev);
    say("  read %d", drain(fd));
    del(n);
    close(fd);
    reuse(fd);
    if (n->other != NULL) {
        add(n->other, NULL);
    }
}

static void other_event(struct event_base* base, short before, short after) {
    int fd[2];
    struct named a, b;
    make_pair(fd);
    name(&a, "a", base, fd[0], before);
    name(&b, "b", base, fd[0], after);
    a.act = hand_over;
    a.other = &b;
    add(&a, NULL);
    old_and_new(base, fd[1]);
    del(&b);
    loop(base, turn);
    end(&b, fd[0]);
}

/* ---- nothing is added, or later, or added and deleted again ---- */

static void nothing_added(struct event_base* base) {
    int fd[2];
    struct named a, b;
    make_pair(fd);
    name(&a, "a", base, fd[0], EV_READ | EV_PERSIST);
    name(&b, "b", base, fd[0], EV_READ | EV_PERSIST);
    a.act = hand_over;
    add(&a, NULL);
    put(fd[1], "old");
    loop(base, turn);
    put(other[1], "new");
    counts(base);
    add(&b, NULL);
    loop(base, turn);
    del(&b);
    add(&b, NULL);
    del(&b);
    loop(base, turn);
    counts(base);
    add(&b, NULL);
    loop(base, turn);
    close(fd[1]);
    end(&b, fd[0]);
}

static void renew_twice(struct named* n) {
    const int fd = (int)event_get_fd(&n->ev);
    renew(n);
    if (n->calls == 1) {
        const int far_end = other[1];
        del(n);
        close(fd);
        reuse(fd);
        add(n, NULL);
        put(far_end, "to the one in between");
        close(far_end);
    }
}

/* ---- several events on the number ---- */

static void renew_all(struct named* n) {
    const int fd = (int)event_get_fd(&n->ev);
    say("  read %d", drain(fd));
    if (n->calls == 1) {
        del(n->other);
        del(n);
        close(fd);
        reuse(fd);
        add(n->other, NULL);
        add(n, NULL);
    }
}

static void two_events(struct event_base* base) {
    int fd[2];
    struct named r, w;
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
    name(&w, "w", base, fd[0], EV_WRITE);
    r.act = renew_all;
    r.other = &w;
    add(&r, NULL);
    old_and_new(base, fd[1]);
    event_del(&w.ev);
    end(&r, fd[0]);
}

/* ---- two numbers change places ---- */

static struct named* swapped[2];

static void swap(struct named* n) {
    int fd[2], kept;
    say("  read %d", drain((int)event_get_fd(&n->ev)));
    if (n->calls == 1) {
        fd[0] = (int)event_get_fd(&swapped[0]->ev);
        fd[1] = (int)event_get_fd(&swapped[1]->ev);
        del(swapped[0]);
        del(swapped[1]);
        kept = fcntl(fd[0], F_DUPFD_CLOEXEC, 200);
        dup2(fd[1], fd[0]);
        dup2(kept, fd[1]);
        close(kept);
        add(swapped[0], NULL);
        add(swapped[1], NULL);
    }
}

static void places(struct event_base* base) {
    int first[2], second[2];
    struct named a, b;
    make_pair(first);
    make_pair(second);
    name(&a, "a", base, first[0], EV_READ | EV_PERSIST);
    name(&b, "b", base, second[0], EV_READ | EV_PERSIST);
    swapped[0] = &a;
    swapped[1] = &b;
    a.act = b.act = swap;
    add(&a, NULL);
    add(&b, NULL);
    put(first[1], "1");
    loop(base, turn);
    b.calls = 1; /* once is enough */
    put(first[1], "first");
    loop(base, turn);
    put(second[1], "second!");
    loop(base, turn);
    event_del(&a.ev);
    event_del(&b.ev);
    close(first[0]);
    close(first[1]);
    close(second[0]);
    close(second[1]);
}

static void run(const char* method, int flags) {
    struct event_base* base = base_with(method, flags);
    const int edges = event_base_get_features(base) & EV_FEATURE_ET;
    say("==== %s", event_base_get_method(base));
    heading("the same event");
    same_event(base, EV_READ | EV_PERSIST, renew);
    heading("the same event, which is not persistent");
    same_event(base, EV_READ, renew);
    heading("readable at once");
    same_event(base, EV_READ | EV_PERSIST, renew_and_write);
    heading("twice in the callback");
    same_event(base, EV_READ | EV_PERSIST, renew_twice);
    heading("another event, the same interest");
    other_event(base, EV_READ | EV_PERSIST, EV_READ | EV_PERSIST);
    heading("another event, another interest");
    other_event(base, EV_READ | EV_PERSIST, EV_WRITE | EV_PERSIST);
    heading("another event, more interest");
    other_event(base, EV_READ, EV_READ | EV_WRITE | EV_PERSIST);
    heading("another event, less interest");
    other_event(base, EV_READ | EV_WRITE | EV_PERSIST, EV_READ);
    heading("nothing is added");
    nothing_added(base);
    heading("two events");
    two_events(base);
    heading("two numbers change places");
    places(base);
    if (edges) {
        heading("edges, the same event");
        same_event(base, EV_READ | EV_PERSIST | EV_ET, renew);
        heading("edges, readable at once");
        same_event(base, EV_READ | EV_PERSIST | EV_ET, renew_and_write);
        heading("from edges to levels");
        other_event(base, EV_READ | EV_PERSIST | EV_ET, EV_READ | EV_PERSIST);
    }
    counts(base);
    event_base_free(base);
}

int main(void) {
    run_each_method(run);
    return 0;
}
