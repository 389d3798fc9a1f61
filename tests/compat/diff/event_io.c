/* Events on descriptors: what they wait for, what they are told, in which order, with each method. */
#include "event_support.h"

static void read_all(struct named* n) {
    say("  %s reads %d", n->name, drain((int)event_get_fd(&n->ev)));
}
static void delete_other(struct named* n) {
    del(n->other);
}
static void add_other(struct named* n) {
    add(n->other, NULL);
}
static void readd(struct named* n) {
    if (n->calls < 3) {
        add(n, NULL);
    }
}

static void basic(struct event_base* base) {
    int fd[2];
    struct named r, w, both;
    heading("read, write, both");
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ);
    name(&w, "w", base, fd[0], EV_WRITE);
    name(&both, "both", base, fd[0], EV_READ | EV_WRITE | EV_PERSIST);
    pending(&r);
    counts(base);
    add(&r, NULL);
    add(&r, NULL);
    pending(&r);
    counts(base);
    loop(base, EVLOOP_NONBLOCK);
    put(fd[1], "abc");
    loop(base, EVLOOP_ONCE);
    pending(&r);
    loop(base, EVLOOP_NONBLOCK);
    r.act = read_all;
    add(&r, NULL);
    add(&w, &never);
    pending(&w);
    counts(base);
    loop(base, EVLOOP_ONCE);
    pending(&w);
    add(&both, NULL);
    loop(base, EVLOOP_ONCE);
    put(fd[1], "x");
    loop(base, EVLOOP_ONCE);
    pending(&both);
    del(&both);
    del(&both);
    counts(base);
    loop(base, 0);
    close(fd[0]);
    close(fd[1]);
}

static void order(struct event_base* base) {
    int fd[2];
    struct named n[5];
    static const char* const names[] = {"a", "b", "c", "d", "e"};
    heading("several on one descriptor: the last added first");
    make_pair(fd);
    for (int i = 0; i < 5; ++i) {
        name(&n[i], names[i], base, fd[0], (short)(i % 2 ? EV_READ | EV_PERSIST : EV_READ));
    }
    for (int i = 0; i < 5; ++i) {
        add(&n[i], NULL);
    }
    put(fd[1], "x");
    loop(base, EVLOOP_ONCE);
    loop(base, EVLOOP_ONCE);
    heading("one deletes another that is active");
    add(&n[0], NULL);
    n[3].act = delete_other;
    n[3].other = &n[1];
    loop(base, EVLOOP_ONCE);
    heading("one adds another");
    n[3].act = add_other;
    n[3].other = &n[2];
    loop(base, EVLOOP_ONCE);
    loop(base, EVLOOP_ONCE);
    heading("one adds itself");
    del(&n[3]);
    n[4].act = readd;
    add(&n[4], NULL);
    for (int i = 0; i < 4; ++i) {
        loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    for (int i = 0; i < 5; ++i) {
        event_del(&n[i].ev);
    }
    close(fd[0]);
    close(fd[1]);
}

static void hang_up(struct event_base* base) {
    int fd[2];
    struct named r, w, c;
    heading("the peer goes away");
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
    name(&w, "w", base, fd[0], EV_WRITE | EV_PERSIST);
    add(&r, NULL);
    add(&w, NULL);
    loop(base, EVLOOP_ONCE);
    shutdown(fd[1], SHUT_WR);
    loop(base, EVLOOP_ONCE);
    close(fd[1]);
    loop(base, EVLOOP_ONCE);
    del(&w);
    loop(base, EVLOOP_ONCE);
    del(&r);
    close(fd[0]);
    heading("a pipe without readers");
    if (pipe(fd) == 0) {
        close(fd[0]);
        name(&w, "w", base, fd[1], EV_WRITE);
        add(&w, NULL);
        loop(base, EVLOOP_ONCE);
        close(fd[1]);
    }
    heading("a pipe without writers");
    if (pipe(fd) == 0) {
        close(fd[1]);
        name(&r, "r", base, fd[0], EV_READ);
        add(&r, NULL);
        loop(base, EVLOOP_ONCE);
        close(fd[0]);
    }
    if (event_base_get_features(base) & EV_FEATURE_EARLY_CLOSE) {
        heading("closed, with data before it");
        make_pair(fd);
        name(&c, "c", base, fd[0], EV_CLOSED | EV_PERSIST);
        name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
        add(&c, NULL);
        put(fd[1], "data");
        loop(base, EVLOOP_NONBLOCK);
        add(&r, NULL);
        loop(base, EVLOOP_ONCE);
        shutdown(fd[1], SHUT_WR);
        loop(base, EVLOOP_ONCE);
        del(&r);
        loop(base, EVLOOP_ONCE);
        pending(&c);
        del(&c);
        loop(base, EVLOOP_NONBLOCK);
        name(&c, "cr", base, fd[0], EV_CLOSED | EV_READ);
        add(&c, NULL);
        loop(base, EVLOOP_ONCE);
        name(&c, "cw", base, fd[0], EV_CLOSED | EV_WRITE | EV_PERSIST);
        add(&c, NULL);
        loop(base, EVLOOP_ONCE);
        del(&c);
        name(&w, "w", base, fd[0], EV_WRITE);
        add(&w, NULL);
        loop(base, EVLOOP_ONCE);
        close(fd[0]);
        close(fd[1]);
    }
}

static void edges(struct event_base* base) {
    int fd[2];
    struct named r, w;
    if (!(event_base_get_features(base) & EV_FEATURE_ET)) {
        return;
    }
    heading("edges");
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST | EV_ET);
    add(&r, NULL);
    put(fd[1], "a");
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK);
    put(fd[1], "b");
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK);
    name(&w, "w", base, fd[0], EV_WRITE | EV_PERSIST | EV_ET);
    add(&w, NULL);
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK);
    del(&w);
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK);
    close(fd[1]);
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK);
    del(&r);
    close(fd[0]);
}

static void descriptors(struct event_base* base) {
    int fd[2], other[2], bad;
    struct named r, s;
    heading("no descriptor");
    name(&r, "r", base, -1, EV_READ | EV_WRITE);
    add(&r, NULL);
    pending(&r);
    counts(base);
    loop(base, EVLOOP_NONBLOCK);
    add(&r, &at_once);
    loop(base, EVLOOP_ONCE);
    pending(&r);
    heading("closed before it is deleted");
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ);
    add(&r, NULL);
    close(fd[0]);
    del(&r);
    counts(base);
    heading("the number is used again");
    bad = dup(fd[1]);
    if (bad != fd[0]) {
        dup2(bad, fd[0]);
        close(bad);
    }
    make_pair(other);
    dup2(other[0], fd[0]);
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
    add(&r, NULL);
    put(other[1], "x");
    loop(base, EVLOOP_ONCE);
    close(fd[0]);
    close(other[0]);
    make_pair(other);
    dup2(other[0], fd[0]);
    name(&s, "s", base, fd[0], EV_WRITE | EV_PERSIST);
    add(&s, NULL);
    put(other[1], "y");
    if (strncmp(event_base_get_method(base), "epoll", 5) == 0) {
        loop(base, EVLOOP_ONCE);
    }
    del(&r);
    loop(base, EVLOOP_ONCE);
    del(&s);
    close(fd[0]);
    close(fd[1]);
    close(other[0]);
    close(other[1]);
    heading("deleted, closed, the number added again between two waits");
    make_pair(fd);
    make_pair(other);
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
    add(&r, NULL);
    loop(base, EVLOOP_NONBLOCK);
    del(&r);
    dup2(other[0], fd[0]);
    add(&r, NULL);
    put(other[1], "x");
    loop(base, EVLOOP_ONCE);
    del(&r);
    add(&r, NULL);
    del(&r);
    loop(base, EVLOOP_NONBLOCK);
    add(&r, NULL);
    name(&s, "s", base, fd[0], EV_WRITE | EV_PERSIST);
    add(&s, NULL);
    loop(base, EVLOOP_ONCE);
    del(&r);
    del(&s);
    add(&s, NULL);
    loop(base, EVLOOP_ONCE);
    del(&s);
    loop(base, EVLOOP_NONBLOCK);
    close(fd[0]);
    close(fd[1]);
    close(other[0]);
    close(other[1]);
    if (strcmp(event_base_get_method(base), "epoll") == 0) {
        heading("what epoll does not take");
        name(&r, "r", base, 987, EV_READ);
        add(&r, NULL);
        pending(&r);
        add(&r, &never);
        pending(&r);
        counts(base);
        del(&r);
        counts(base);
        fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        name(&r, "null", base, fd[0], EV_READ);
        add(&r, NULL);
        del(&r);
        close(fd[0]);
    }
}

static void by_hand(struct event_base* base) {
    int fd[2];
    struct named r, w, t;
    heading("made active by hand");
    make_pair(fd);
    name(&r, "r", base, fd[0], EV_READ);
    name(&w, "w", base, fd[0], EV_WRITE | EV_PERSIST);
    name(&t, "t", base, -1, 0);
    event_active(&r.ev, EV_READ | EV_TIMEOUT, 1);
    event_active(&r.ev, EV_WRITE, 1);
    pending(&r);
    counts(base);
    loop(base, EVLOOP_NONBLOCK);
    event_active(&w.ev, EV_WRITE, 1);
    add(&w, NULL); /* active, hence not registered */
    pending(&w);
    loop(base, EVLOOP_NONBLOCK);
    pending(&w);
    del(&w);
    add(&r, NULL);
    event_active(&r.ev, 0x40, 7);
    pending(&r);
    loop(base, EVLOOP_NONBLOCK);
    pending(&r);
    event_active(&t.ev, 0, 0);
    del(&t);
    loop(base, EVLOOP_NONBLOCK);
    event_active(&t.ev, EV_READ, 0);
    loop(base, EVLOOP_ONCE);
    heading("by descriptor");
    add(&r, NULL);
    add(&w, &never);
    event_base_active_by_fd(base, fd[0], EV_READ | EV_WRITE);
    pending(&r);
    pending(&w);
    event_base_active_by_fd(base, fd[1], EV_READ);
    event_base_active_by_fd(base, 12345, EV_READ);
    event_base_active_by_fd(base, -1, EV_READ);
    counts(base);
    loop(base, EVLOOP_ONCE);
    event_base_active_by_fd(base, fd[0], EV_TIMEOUT);
    pending(&w);
    pending(&t);
    add(&t, &never);
    event_base_active_by_fd(base, -1, EV_TIMEOUT);
    pending(&t);
    loop(base, EVLOOP_ONCE);
    pending(&w);
    del(&w);
    del(&t);
    close(fd[0]);
    close(fd[1]);
}

static void run(const char* method, int flags) {
    struct event_base* base = base_with(method, flags);
    say("== %s, features %x", event_base_get_method(base), (unsigned)event_base_get_features(base));
    basic(base);
    order(base);
    hang_up(base);
    edges(base);
    descriptors(base);
    by_hand(base);
    counts(base);
    event_base_free(base);
}

int main(void) {
    run_each_method(run);
    return 0;
}
