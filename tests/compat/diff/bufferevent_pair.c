/* Pairs: hand-over, directions, water marks, timeouts, flushing, and partners that go. */
#include "bufferevent_support.h"

static struct side a, b;

static void open_pair(const char* name, int options) {
    struct bufferevent* pair[2];
    say("== %s, options %d", name, options);
    say("new %d", bufferevent_pair_new(base, options, pair));
    attach(&a, "a", pair[0]);
    attach(&b, "b", pair[1]);
}

static void close_pair(void) {
    bufferevent_free(a.bev);
    bufferevent_free(b.bev);
    turn();
}

static unsigned long in(struct side* s) {
    return (unsigned long)evbuffer_get_length(bufferevent_get_input(s->bev));
}
static unsigned long out(struct side* s) {
    return (unsigned long)evbuffer_get_length(bufferevent_get_output(s->bev));
}

static void basic(int options) {
    open_pair("basic", options);
    say("enabled %d %d, fd %d", bufferevent_get_enabled(a.bev), bufferevent_get_enabled(b.bev),
        bufferevent_getfd(a.bev));
    check(bufferevent_pair_get_partner(a.bev) == b.bev &&
              bufferevent_pair_get_partner(b.bev) == a.bev,
          "partners");
    check(bufferevent_get_base(b.bev) == base, "base");
    say("underlying %p", (void*)bufferevent_get_underlying(a.bev));
    say("write %d", bufferevent_write(a.bev, "hello", 5));
    turn();
    say("a out %lu, b in %lu", out(&a), in(&b));
    bufferevent_enable(b.bev, EV_READ);
    say("a out %lu, b in %lu", out(&a), in(&b));
    turn();
    bufferevent_write(a.bev, "one", 3);
    bufferevent_write(a.bev, "two", 3);
    say("a out %lu, b in %lu", out(&a), in(&b));
    turn();
    bufferevent_disable(a.bev, EV_WRITE);
    bufferevent_write(a.bev, "held", 4);
    turn();
    say("a out %lu, b in %lu", out(&a), in(&b));
    bufferevent_enable(a.bev, EV_WRITE);
    say("a out %lu, b in %lu", out(&a), in(&b));
    turn();
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_write(b.bev, "back", 4);
    turn();
    say("setfd %d, priority %d", bufferevent_setfd(a.bev, 0), bufferevent_priority_set(a.bev, 0));
    close_pair();
}

static void marks(void) {
    open_pair("marks", 0);
    b.keep = 1;
    bufferevent_setwatermark(b.bev, EV_READ, 3, 10);
    bufferevent_enable(b.bev, EV_READ);
    bufferevent_write(a.bev, "ab", 2);
    turn();
    say("a out %lu, b in %lu", out(&a), in(&b));
    b.keep = 0;
    b.drain_max = 4;
    bufferevent_write(a.bev, "0123456789abcdefghij", 20);
    say("a out %lu, b in %lu", out(&a), in(&b));
    turn();
    say("a out %lu, b in %lu", out(&a), in(&b));
    bufferevent_setwatermark(b.bev, EV_READ, 0, 0);
    turn();
    say("a out %lu, b in %lu", out(&a), in(&b));
    bufferevent_setwatermark(a.bev, EV_WRITE, 5, 0);
    bufferevent_disable(b.bev, EV_READ);
    bufferevent_write(a.bev, "0123456789", 10);
    turn();
    bufferevent_setwatermark(b.bev, EV_READ, 0, 6);
    bufferevent_enable(b.bev, EV_READ);
    turn();
    say("a out %lu, b in %lu", out(&a), in(&b));
    close_pair();
}

static void flushing(void) {
    open_pair("flush", 0);
    say("normal %d", bufferevent_flush(a.bev, EV_WRITE, BEV_NORMAL));
    bufferevent_write(a.bev, "data", 4);
    say("flush %d", bufferevent_flush(a.bev, EV_WRITE, BEV_FLUSH));
    say("a out %lu, b in %lu", out(&a), in(&b));
    turn();
    bufferevent_write(b.bev, "other", 5);
    say("flush reading %d", bufferevent_flush(a.bev, EV_READ, BEV_FLUSH));
    say("b out %lu, a in %lu", out(&b), in(&a));
    turn();
    bufferevent_enable(b.bev, EV_READ);
    bufferevent_write(a.bev, "end", 3);
    say("finished %d", bufferevent_flush(a.bev, EV_WRITE, BEV_FINISHED));
    turn();
    say("finished both %d", bufferevent_flush(a.bev, EV_READ | EV_WRITE, BEV_FINISHED));
    turn();
    say("finished reading %d", bufferevent_flush(a.bev, EV_READ, BEV_FINISHED));
    turn();
    heading("flush over the high mark");
    bufferevent_setwatermark(b.bev, EV_READ, 0, 4);
    b.keep = 1;
    b.quiet_read = 1;
    bufferevent_disable(b.bev, EV_READ);
    bufferevent_write(a.bev, "0123456789", 10);
    say("flush %d", bufferevent_flush(a.bev, EV_WRITE, BEV_FLUSH));
    say("a out %lu, b in %lu", out(&a), in(&b));
    turn();
    close_pair();
}

static void partner_goes(void) {
    open_pair("the partner goes", 0);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_write(b.bev, "testament", 9);
    bufferevent_free(b.bev);
    check(bufferevent_pair_get_partner(a.bev) == NULL, "alone");
    turn();
    say("write %d", bufferevent_write(a.bev, "anyone?", 7));
    turn();
    say("a out %lu", out(&a));
    say("flush %d", bufferevent_flush(a.bev, EV_WRITE, BEV_FINISHED));
    say("flush %d", bufferevent_flush(a.bev, EV_WRITE, BEV_NORMAL));
    say("enable %d", bufferevent_enable(a.bev, EV_READ | EV_WRITE));
    say("disable %d", bufferevent_disable(a.bev, EV_READ | EV_WRITE));
    bufferevent_free(a.bev);
    turn();
}

static void timed(void) {
    struct timeval tv = {0, 30000};
    open_pair("timeouts", 0);
    bufferevent_set_timeouts(b.bev, &tv, NULL);
    bufferevent_enable(b.bev, EV_READ);
    turn_for_ms(60);
    say("enabled %d", bufferevent_get_enabled(b.bev));
    bufferevent_enable(b.bev, EV_READ);
    for (a.left = 0; a.left < 3; ++a.left) {
        bufferevent_write(a.bev, "tick", 4);
        turn_for_ms(16);
    }
    turn_for_ms(60);
    heading("write timeout");
    bufferevent_set_timeouts(b.bev, NULL, NULL);
    bufferevent_set_timeouts(a.bev, NULL, &tv);
    turn_for_ms(60);
    bufferevent_write(a.bev, "nobody reads", 12);
    bufferevent_enable(a.bev, EV_WRITE);
    turn_for_ms(60);
    say("enabled %d", bufferevent_get_enabled(a.bev));
    bufferevent_enable(b.bev, EV_READ);
    turn_for_ms(10);
    close_pair();
}

static void bounce(struct side* s) {
    if (s->left-- > 0) bufferevent_write(s->bev, "ball", 4);
}
static void free_other(struct side* s) {
    say("%s: frees the other", s->name);
    bufferevent_free(s->other->bev);
}
static void free_self(struct side* s) {
    say("%s: frees itself", s->name);
    bufferevent_free(s->bev);
}
static void pause_reading(struct side* s) {
    bufferevent_disable(s->bev, EV_READ);
}

static void callbacks(void) {
    open_pair("ping pong", BEV_OPT_DEFER_CALLBACKS);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_enable(b.bev, EV_READ);
    a.left = b.left = 3;
    a.on_read = b.on_read = bounce;
    bufferevent_write(a.bev, "serve", 5);
    turn();
    close_pair();
    open_pair("one frees the other", 0);
    bufferevent_enable(b.bev, EV_READ);
    b.other = &a;
    b.on_read = free_other;
    bufferevent_write(a.bev, "x", 1);
    turn();
    bufferevent_free(b.bev);
    turn();
    open_pair("one frees itself", 0);
    bufferevent_enable(b.bev, EV_READ);
    b.on_read = free_self;
    bufferevent_write(a.bev, "x", 1);
    turn();
    bufferevent_write(a.bev, "y", 1);
    turn();
    bufferevent_free(a.bev);
    turn();
    open_pair("reading is paused in the callback", 0);
    bufferevent_enable(b.bev, EV_READ);
    b.on_read = pause_reading;
    bufferevent_write(a.bev, "x", 1);
    bufferevent_write(a.bev, "y", 1);
    turn();
    bufferevent_write(a.bev, "z", 1);
    turn();
    bufferevent_enable(b.bev, EV_READ);
    turn();
    close_pair();
    open_pair("freed with callbacks on their way", 0);
    bufferevent_enable(b.bev, EV_READ);
    bufferevent_write(a.bev, "x", 1);
    close_pair();
}

int main(void) {
    event_set_log_callback(silent_log);
    base = event_base_new();
    basic(0);
    basic(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
    marks();
    flushing();
    partner_goes();
    timed();
    callbacks();
    event_base_free(base);
    return 0;
}
