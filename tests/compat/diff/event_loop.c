/* The loop: its flags, how it ends, priorities, fairness, watching the clock. */
#include "event_support.h"

static struct event_base* base;
static int chatter[2]; /* one end is always readable */

static void do_break(struct named* n) {
    say("  break: %d", event_base_loopbreak(base));
}
static void do_exit(struct named* n) {
    say("  exit: %d", event_base_loopexit(base, NULL));
}
static void do_continue(struct named* n) {
    say("  continue: %d", event_base_loopcontinue(base));
}
static void activate_other(struct named* n) {
    if (n->calls == 1) {
        event_active(&n->other->ev, EV_READ, 1);
        pending(n->other);
    }
}
static void nested(struct named* n) {
    loop(base, EVLOOP_NONBLOCK);
}
static void free_other(struct named* n) {
    del(n->other);
}
static void again(struct named* n) {
    if (n->calls % 4 != 0) {
        event_active(&n->ev, EV_WRITE, 1);
    }
}
static void running(struct named* n) {
    say("  running is %s", event_base_get_running_event(base) == &n->ev ? "this one" : "another");
}

static void three(struct named* n, int first, int second, int third) {
    static const char* const names[] = {"one", "two", "three"};
    const int priorities[] = {first, second, third};
    for (int i = 0; i < 3; ++i) {
        name(&n[i], names[i], base, -1, EV_PERSIST);
        say("priority of %s: %d, now %d", names[i], event_priority_set(&n[i].ev, priorities[i]),
            event_get_priority(&n[i].ev));
    }
}

static void all_active(struct named* n) {
    for (int i = 0; i < 3; ++i) {
        event_active(&n[i].ev, EV_READ, 1);
    }
    counts(base);
}

static void ends(void) {
    struct named n[3], timer;
    struct timeval tv = {0, 1000};
    heading("nothing to do");
    loop(base, 0);
    loop(base, EVLOOP_ONCE);
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
    say("exit: %d", event_base_loopexit(base, &tv));
    loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    heading("asked before it starts");
    three(n, 0, 0, 0);
    do_break(n);
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    do_exit(n);
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    do_continue(n);
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    heading("broken off");
    n[1].act = do_break;
    all_active(n);
    loop(base, 0);
    counts(base);
    loop(base, 0);
    heading("asked to exit");
    n[1].act = do_exit;
    all_active(n);
    loop(base, 0);
    counts(base);
    loop(base, 0);
    heading("exit and break");
    n[0].act = do_exit;
    n[1].act = do_break;
    all_active(n);
    loop(base, 0);
    loop(base, 0);
    loop(base, 0);
    heading("asked to continue");
    n[0].act = NULL;
    n[1].act = do_continue;
    all_active(n);
    loop(base, EVLOOP_ONCE);
    heading("within itself");
    n[1].act = nested;
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    heading("the running event");
    n[1].act = running;
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    heading("one deletes another that is active");
    n[0].act = free_other;
    n[0].other = &n[2];
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    heading("exit by timer lets the pass finish");
    n[0].act = n[1].act = n[2].act = NULL;
    name(&timer, "timer", base, -1, 0);
    add(&timer, &at_once);
    event_base_loopexit(base, NULL);
    loop(base, 0);
    loop(base, 0);
    say("nothing in place of a base: %d; time: %d", event_base_loopbreak(NULL),
        event_base_update_cache_time(base));
}

static void priorities(void) {
    struct named n[3], r;
    heading("how many");
    say("%d", event_base_get_npriorities(base));
    say("0: %d", event_base_priority_init(base, 0));
    say("256: %d", event_base_priority_init(base, 256));
    say("255: %d", event_base_priority_init(base, 255));
    say("%d", event_base_get_npriorities(base));
    say("3: %d", event_base_priority_init(base, 3));
    say("%d", event_base_get_npriorities(base));
    name(&r, "r", base, chatter[0], EV_READ | EV_PERSIST);
    say("usual: %d", event_get_priority(&r.ev));
    say("-1: %d, 3: %d", event_priority_set(&r.ev, -1), event_priority_set(&r.ev, 3));
    event_active(&r.ev, EV_READ, 1);
    say("while active: %d", event_priority_set(&r.ev, 1));
    say("while active: %d", event_base_priority_init(base, 5));
    loop(base, EVLOOP_NONBLOCK);
    heading("in order");
    three(n, 2, 0, 1);
    all_active(n);
    loop(base, EVLOOP_NONBLOCK);
    heading("once: until nothing is active");
    all_active(n);
    loop(base, EVLOOP_ONCE);
    heading("a more urgent one in between");
    n[2].act = activate_other;
    n[2].other = &n[1];
    event_active(&n[2].ev, EV_READ, 1);
    event_active(&n[0].ev, EV_READ, 1);
    loop(base, EVLOOP_NONBLOCK);
    heading("a less urgent one in between");
    n[2].act = NULL;
    n[1].act = activate_other;
    n[1].other = &n[0];
    event_active(&n[1].ev, EV_READ, 1);
    loop(base, EVLOOP_NONBLOCK);
    heading("starved as long as something is urgent");
    n[1].act = again;
    event_active(&n[0].ev, EV_READ, 1);
    event_active(&n[1].ev, EV_READ, 1);
    loop(base, EVLOOP_NONBLOCK);
    heading("it looks for new events between two priorities");
    n[1].act = NULL;
    event_priority_set(&r.ev, 0);
    add(&r, NULL);
    n[2].act = do_break;
    event_active(&n[0].ev, EV_READ, 1);
    event_active(&n[2].ev, EV_READ, 1);
    r.act = do_break;
    loop(base, 0);
    loop(base, 0);
    del(&r);
    loop(base, EVLOOP_NONBLOCK);
    loop(base, EVLOOP_NONBLOCK);
    counts(base);
}

/* Of ten events that are active, how many run before the loop looks again. */
static void fairness(const char* what, const struct timeval* tv, int callbacks, int priority) {
    struct event_config* config = event_config_new();
    struct named n[10], r;
    heading(what);
    say("%d", event_config_set_max_dispatch_interval(config, tv, callbacks, priority));
    base = event_base_new_with_config(config);
    event_config_free(config);
    event_base_priority_init(base, 3);
    name(&r, "urgent", base, chatter[0], EV_READ);
    event_priority_set(&r.ev, 0);
    for (int i = 0; i < 10; ++i) {
        name(&n[i], "normal", base, -1, 0);
        event_active(&n[i].ev, EV_READ, 1);
    }
    n[0].act = n[4].act = activate_other;
    n[0].other = &n[1];
    n[4].other = &n[0];
    event_add(&r.ev, NULL);
    loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    event_base_free(base);
}

int main(void) {
    static const struct timeval long_time = {1000, 0};
    event_set_log_callback(count_messages);
    make_pair(chatter);
    put(chatter[1], "x");
    base = event_base_new();
    ends();
    priorities();
    event_base_free(base);
    fairness("no limit", NULL, -1, 0);
    fairness("three callbacks", NULL, 3, 0);
    fairness("three callbacks from priority 1", NULL, 3, 1);
    fairness("three callbacks from priority 2", NULL, 3, 2);
    fairness("a long time", &long_time, -1, 0);
    fairness("no time", &at_once, -1, 1);
    fairness("no callback", NULL, 0, 1);
    fairness("a negative priority", NULL, 2, -4);
    return 0;
}
