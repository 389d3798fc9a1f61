/* Signals: how often a callback is called, who gets them, what is put back. */
#include "event_support.h"

static struct event_base* base;

static void do_break(struct named* n) {
    event_base_loopbreak(base);
}
static void delete_self(struct named* n) {
    del(n);
}
static void delete_other(struct named* n) {
    del(n->other);
}
static void raise_again(struct named* n) {
    if (n->calls < 3) {
        raise(SIGUSR1);
    }
}
static void on_plain(int number) {
    static const char text[] = "  plain handler\n";
    (void)number;
    if (write(1, text, sizeof(text) - 1) < 0) {
        _exit(3);
    }
}

static const char* handler(int number) {
    struct sigaction now;
    sigaction(number, NULL, &now);
    return now.sa_handler == SIG_DFL    ? "usual"
           : now.sa_handler == SIG_IGN  ? "ignored"
           : now.sa_handler == on_plain ? "plain"
                                        : "library's";
}

static void basic(void) {
    struct named a, b, once;
    heading("once, twice, several");
    say("before: %s", handler(SIGUSR1));
    name(&a, "a", base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    add(&a, NULL);
    say("added: %s", handler(SIGUSR1));
    add(&a, NULL);
    pending(&a);
    counts(base);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    loop(base, EVLOOP_NONBLOCK);
    name(&b, "b", base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    name(&once, "once", base, SIGUSR1, EV_SIGNAL);
    add(&b, NULL);
    add(&once, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    pending(&once);
    pending(&b);
    heading("deleted while calls are owed");
    a.act = delete_self;
    b.act = delete_other;
    b.other = &once;
    add(&once, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    pending(&a);
    b.act = do_break;
    a.act = NULL;
    add(&a, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    counts(base);
    loop(base, EVLOOP_NONBLOCK);
    heading("raised in its callback");
    del(&b);
    a.calls = 0;
    a.act = raise_again;
    raise(SIGUSR1);
    while (a.calls < 3) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    del(&a);
    say("after: %s", handler(SIGUSR1));
    loop(base, 0);
}

static void handlers(void) {
    struct named a;
    heading("the handler of before comes back");
    signal(SIGUSR2, on_plain);
    name(&a, "a", base, SIGUSR2, EV_SIGNAL);
    add(&a, NULL);
    say("%s", handler(SIGUSR2));
    raise(SIGUSR2);
    loop(base, 0);
    say("%s", handler(SIGUSR2));
    raise(SIGUSR2);
    signal(SIGUSR2, SIG_IGN);
    add(&a, NULL);
    say("%s", handler(SIGUSR2));
    event_base_free(base);
    say("with its base: %s", handler(SIGUSR2));
    base = event_base_new();
    heading("what cannot be caught");
    name(&a, "kill", base, SIGKILL, EV_SIGNAL);
    add(&a, NULL);
    pending(&a);
    counts(base);
    name(&a, "large", base, 70, EV_SIGNAL);
    add(&a, NULL);
    name(&a, "negative", base, -3, EV_SIGNAL);
    add(&a, NULL);
    counts(base);
    name(&a, "both", base, SIGUSR1, EV_SIGNAL | EV_READ);
    name(&a, "both", base, SIGUSR1, EV_SIGNAL | EV_WRITE);
    name(&a, "both", base, SIGUSR1, EV_SIGNAL | EV_CLOSED);
}

static void with_time(void) {
    struct named a;
    heading("with a time-out");
    name(&a, "a", base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    add(&a, &soon);
    pending(&a);
    counts(base);
    loop(base, EVLOOP_ONCE);
    pending(&a);
    add(&a, &never);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    pending(&a);
    del(&a);
    heading("by hand");
    event_active(&a.ev, EV_SIGNAL, 3);
    loop(base, EVLOOP_NONBLOCK);
    event_active(&a.ev, EV_READ, 0);
    loop(base, EVLOOP_NONBLOCK);
    event_active(&a.ev, EV_TIMEOUT, 2);
    pending(&a);
    del(&a);
    loop(base, EVLOOP_NONBLOCK);
    add(&a, NULL);
    event_base_active_by_signal(base, SIGUSR1);
    event_base_active_by_signal(base, SIGUSR2);
    pending(&a);
    loop(base, EVLOOP_NONBLOCK);
    del(&a);
}

/* What else is active when signals come. */
static void order(void) {
    struct named s, r, t, u;
    int fd[2];
    heading("after descriptors and timers");
    make_pair(fd);
    name(&s, "signal", base, SIGUSR1, EV_SIGNAL);
    name(&r, "readable", base, fd[0], EV_READ);
    name(&t, "timer", base, -1, 0);
    name(&u, "active", base, -1, 0);
    put(fd[1], "x");
    add(&s, NULL);
    add(&t, &at_once);
    add(&r, NULL);
    event_active(&u.ev, EV_READ, 1);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    heading("with priorities");
    say("%d", event_base_priority_init(base, 3));
    for (int p = 0; p < 3; ++p) {
        name(&s, "signal", base, SIGUSR1, EV_SIGNAL);
        event_priority_set(&s.ev, p);
        event_priority_set(&r.ev, 1);
        event_priority_set(&t.ev, 2);
        event_priority_set(&u.ev, 0);
        add(&s, NULL);
        add(&t, &at_once);
        add(&r, NULL);
        event_active(&u.ev, EV_READ, 1);
        raise(SIGUSR1);
        loop(base, EVLOOP_ONCE);
    }
    close(fd[0]);
    close(fd[1]);
}

int main(void) {
    event_set_log_callback(count_messages);
    base = event_base_new();
    basic();
    handlers();
    with_time();
    order();
    event_base_free(base);
    base = base_with("poll", 0);
    basic();
    order();
    event_base_free(base);
    return 0;
}
