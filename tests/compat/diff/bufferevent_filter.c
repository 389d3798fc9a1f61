/* Filters over pairs and sockets: functions that change, hold back, fail; water marks above and
 * below; flushing; events from below; freeing in every order. */
#include "bufferevent_support.h"

static struct side a, b; /* a: the filter, b: the far end */
static struct bufferevent* below;
static int contexts_freed;

static void free_context(void* ctx) {
    ++contexts_freed;
    say("context freed: %s", (const char*)ctx);
}

static unsigned long in(struct bufferevent* bev) {
    return (unsigned long)evbuffer_get_length(bufferevent_get_input(bev));
}
static unsigned long out(struct bufferevent* bev) {
    return (unsigned long)evbuffer_get_length(bufferevent_get_output(bev));
}

/* Adds one to each octet, as much as fits. */
static enum bufferevent_filter_result plus_one(struct evbuffer* src, struct evbuffer* dst,
                                               ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                               void* ctx) {
    unsigned char c;
    ev_ssize_t n = 0;
    (void)mode;
    (void)ctx;
    while ((limit < 0 || n < limit) && evbuffer_remove(src, &c, 1) == 1) {
        ++c;
        evbuffer_add(dst, &c, 1);
        ++n;
    }
    return n ? BEV_OK : BEV_NEED_MORE;
}

/* Passes on whole records of 4. */
static enum bufferevent_filter_result records(struct evbuffer* src, struct evbuffer* dst,
                                              ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                              void* ctx) {
    char record[4];
    (void)ctx;
    say("records: %lu there, limit %ld, mode %d", (unsigned long)evbuffer_get_length(src),
        (long)limit, (int)mode);
    if (evbuffer_get_length(src) < 4) {
        if (mode == BEV_FINISHED) {
            evbuffer_add_buffer(dst, src);
            return BEV_OK;
        }
        return BEV_NEED_MORE;
    }
    evbuffer_remove(src, record, 4);
    evbuffer_add(dst, record, 4);
    return BEV_OK;
}

static enum bufferevent_filter_result fails(struct evbuffer* src, struct evbuffer* dst,
                                            ev_ssize_t limit, enum bufferevent_flush_mode mode,
                                            void* ctx) {
    (void)dst;
    (void)limit;
    (void)mode;
    (void)ctx;
    evbuffer_drain(src, 1);
    return BEV_ERROR;
}

static void open_filter(const char* name, bufferevent_filter_cb input, bufferevent_filter_cb output,
                        int options) {
    struct bufferevent* pair[2];
    say("== %s, options %d", name, options);
    if (bufferevent_pair_new(base, 0, pair) != 0) abort();
    below = pair[0];
    attach(&b, "far", pair[1]);
    attach(&a, "filter",
           bufferevent_filter_new(below, input, output, options, free_context, (void*)name));
    say("enabled %d, below %d", bufferevent_get_enabled(a.bev), bufferevent_get_enabled(below));
    check(bufferevent_get_underlying(a.bev) == below, "underlying");
    check(bufferevent_get_base(a.bev) == base, "base");
    bufferevent_enable(b.bev, EV_READ | EV_WRITE);
}

static void close_filter(void) {
    bufferevent_free(a.bev);
    turn();
    turn();
    bufferevent_free(b.bev);
    turn();
}

static void show(const char* when) {
    say("%s: filter in %lu out %lu, below in %lu out %lu, far in %lu out %lu", when, in(a.bev),
        out(a.bev), in(below), out(below), in(b.bev), out(b.bev));
}

static void basic(bufferevent_filter_cb f, const char* name, int options) {
    open_filter(name, f, f, options | BEV_OPT_CLOSE_ON_FREE);
    bufferevent_write(a.bev, "abcdefg", 7);
    show("written");
    turn();
    bufferevent_write(b.bev, "0123456789", 10);
    show("far wrote");
    turn();
    show("turned");
    bufferevent_enable(a.bev, EV_READ);
    show("enabled");
    turn();
    show("turned");
    bufferevent_write(b.bev, "xyz", 3);
    turn();
    bufferevent_disable(a.bev, EV_READ);
    bufferevent_write(b.bev, "held back", 9);
    turn();
    show("disabled");
    bufferevent_enable(a.bev, EV_READ);
    turn();
    show("enabled");
    bufferevent_disable(a.bev, EV_WRITE);
    bufferevent_write(a.bev, "kept", 4);
    turn();
    show("writing disabled");
    bufferevent_enable(a.bev, EV_WRITE);
    turn();
    show("writing enabled");
    bufferevent_write(a.bev, "more", 4);
    turn();
    show("end");
    close_filter();
}

static void frozen(void) {
    char text[4];
    open_filter("frozen", NULL, NULL, BEV_OPT_CLOSE_ON_FREE);
    say("add input %d", evbuffer_add(bufferevent_get_input(a.bev), "x", 1));
    bufferevent_disable(a.bev, EV_WRITE);
    bufferevent_write(a.bev, "abc", 3);
    say("remove output %d", evbuffer_remove(bufferevent_get_output(a.bev), text, 1));
    show("end");
    close_filter();
}

static void need_more(void) {
    open_filter("records", records, records, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_write(a.bev, "abcdef", 6);
    turn();
    show("six written");
    bufferevent_write(a.bev, "gh", 2);
    turn();
    show("eight written");
    bufferevent_write(a.bev, "ij", 2);
    turn();
    say("flush %d", bufferevent_flush(a.bev, EV_WRITE, BEV_FLUSH));
    turn();
    say("finish %d", bufferevent_flush(a.bev, EV_WRITE, BEV_FINISHED));
    turn();
    show("finished");
    bufferevent_write(b.bev, "12345", 5);
    turn();
    say("flush reading %d", bufferevent_flush(a.bev, EV_READ, BEV_FLUSH));
    say("finish reading %d", bufferevent_flush(a.bev, EV_READ, BEV_FINISHED));
    turn();
    show("end");
    say("normal %d", bufferevent_flush(a.bev, EV_READ | EV_WRITE, BEV_NORMAL));
    say("nothing %d", bufferevent_flush(a.bev, 0, BEV_FLUSH));
    turn();
    close_filter();
}

static void high_marks(void) {
    open_filter("marks", plus_one, plus_one, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setwatermark(a.bev, EV_READ, 0, 10);
    bufferevent_enable(a.bev, EV_READ);
    a.drain_max = 4;
    bufferevent_write(b.bev, "abcdefghijklmnopqrstuvwxyz", 26);
    turn();
    show("26 through 10");
    a.drain_max = 0;
    take(&a, 3);
    turn();
    show("three taken");
    take(&a, 100);
    turn();
    show("all taken");
    bufferevent_setwatermark(a.bev, EV_READ, 5, 0);
    bufferevent_write(b.bev, "abc", 3);
    turn();
    bufferevent_write(b.bev, "de", 2);
    turn();
    bufferevent_setwatermark(below, EV_WRITE, 0, 6);
    bufferevent_disable(b.bev, EV_READ);
    bufferevent_write(a.bev, "0123456789", 10);
    turn();
    show("six fit");
    bufferevent_enable(b.bev, EV_READ);
    turn();
    turn();
    show("far reads");
    close_filter();
}

/* A filter whose input is full and whose owner drains it from outside of any callback. */
static void stuck(void) {
    open_filter("full and drained later", NULL, NULL, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(a.bev, NULL, NULL, event_cb, &a);
    bufferevent_setwatermark(a.bev, EV_READ, 0, 8);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_write(b.bev, "abcdefghijklmnopqrst", 20);
    turn();
    show("full");
    take(&a, 5);
    show("five taken");
    turn();
    show("turned");
    take(&a, 8);
    turn();
    show("eight taken");
    take(&a, 100);
    turn();
    show("drained");
    bufferevent_free(a.bev);
    turn();
    bufferevent_free(b.bev);
    turn();
}

static void errors(void) {
    open_filter("failing", fails, fails, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_write(a.bev, "abc", 3);
    bufferevent_write(b.bev, "defg", 4);
    turn();
    show("end");
    close_filter();
}

static void events(void) {
    open_filter("events from below", NULL, NULL, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_write(b.bev, "bye", 3);
    bufferevent_flush(b.bev, EV_WRITE, BEV_FINISHED);
    turn();
    say("enabled %d, below %d", bufferevent_get_enabled(a.bev), bufferevent_get_enabled(below));
    errno = ENOSPC;
    bufferevent_trigger_event(below, BEV_EVENT_READING | BEV_EVENT_ERROR, 0);
    turn();
    close_filter();
}

static void timeouts(void) {
    struct timeval tv = {0, 30000};
    open_filter("timeouts", NULL, NULL, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_set_timeouts(a.bev, &tv, NULL);
    bufferevent_enable(a.bev, EV_READ);
    turn_for_ms(60);
    bufferevent_enable(a.bev, EV_READ);
    for (a.left = 0; a.left < 3; ++a.left) {
        bufferevent_write(b.bev, "tick", 4);
        turn_for_ms(16);
    }
    turn_for_ms(60);
    close_filter();
}

static void over_socket(int options) {
    int raw, fd;
    char text[16];
    struct side under;
    say("== over a socket, options %d", options);
    socket_side(&under, "under", BEV_OPT_CLOSE_ON_FREE, &raw);
    below = under.bev;
    fd = bufferevent_getfd(below);
    attach(&a, "filter",
           bufferevent_filter_new(below, plus_one, plus_one, options, free_context,
                                  (void*)"socket"));
    check(bufferevent_getfd(a.bev) == fd, "same fd");
    put(raw, "abc");
    turn();
    bufferevent_enable(a.bev, EV_READ);
    turn();
    bufferevent_write(a.bev, "hello", 5);
    turn();
    memset(text, 0, sizeof text);
    say("raw got %d: %s", (int)read(raw, text, sizeof text - 1), text);
    say("priority %d", bufferevent_priority_set(a.bev, 0));
    say("base_set %d", bufferevent_base_set(base, a.bev));
    close(raw);
    turn();
    say("enabled %d, below %d", bufferevent_get_enabled(a.bev), bufferevent_get_enabled(below));
    bufferevent_free(a.bev);
    turn();
    turn();
    check(is_open(fd), "open");
    if (!(options & BEV_OPT_CLOSE_ON_FREE)) {
        bufferevent_data_cb readcb;
        bufferevent_event_cb eventcb;
        bufferevent_getcb(below, &readcb, NULL, &eventcb, NULL);
        say("callbacks below: %d %d", readcb != NULL, eventcb != NULL);
        bufferevent_free(below);
        turn();
        check(is_open(fd), "open");
    }
}

static enum bufferevent_filter_result closes_over(struct evbuffer* src, struct evbuffer* dst,
                                                  ev_ssize_t limit,
                                                  enum bufferevent_flush_mode mode, void* ctx) {
    (void)limit;
    (void)mode;
    (void)ctx;
    evbuffer_add_buffer(dst, src);
    return BEV_OK;
}

static void stacked(void) {
    struct bufferevent *pair[2], *middle;
    heading("a filter over a filter");
    bufferevent_pair_new(base, 0, pair);
    attach(&b, "far", pair[1]);
    middle = bufferevent_filter_new(pair[0], plus_one, plus_one, BEV_OPT_CLOSE_ON_FREE,
                                    free_context, (void*)"middle");
    attach(&a, "top",
           bufferevent_filter_new(middle, plus_one, closes_over, BEV_OPT_CLOSE_ON_FREE,
                                  free_context, (void*)"top"));
    below = middle;
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_enable(b.bev, EV_READ);
    bufferevent_write(a.bev, "abc", 3);
    bufferevent_write(b.bev, "abc", 3);
    turn();
    say("sums %lu %lu", a.sum, b.sum);
    bufferevent_free(a.bev);
    turn();
    turn();
    bufferevent_free(b.bev);
    turn();
}

static void free_filter(struct side* s) {
    say("%s: freed in a callback", s->name);
    bufferevent_free(s->bev);
}

static void freeing(void) {
    open_filter("freed in the read callback", NULL, NULL, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_enable(a.bev, EV_READ);
    a.on_read = free_filter;
    bufferevent_write(b.bev, "x", 1);
    turn();
    bufferevent_write(b.bev, "y", 1);
    turn();
    bufferevent_free(b.bev);
    turn();
    open_filter("freed in the write callback", NULL, NULL, BEV_OPT_CLOSE_ON_FREE);
    a.on_write = free_filter;
    bufferevent_write(a.bev, "x", 1);
    turn();
    bufferevent_free(b.bev);
    turn();
    open_filter("freed in the write callback, deferred", NULL, NULL,
                BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    a.on_write = free_filter;
    bufferevent_write(a.bev, "x", 1);
    turn();
    bufferevent_free(b.bev);
    turn();
    open_filter("not closing", NULL, NULL, 0);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_free(a.bev);
    turn();
    bufferevent_write(b.bev, "data for below", 14);
    turn();
    say("below in %lu, enabled %d", in(below), bufferevent_get_enabled(below));
    bufferevent_free(below);
    bufferevent_free(b.bev);
    turn();
    say("contexts freed %d", contexts_freed);
}

static void data_before(void) {
    struct bufferevent* pair[2];
    heading("input that was there before the filter");
    bufferevent_pair_new(base, 0, pair);
    bufferevent_enable(pair[0], EV_READ);
    bufferevent_write(pair[1], "already there", 13);
    turn();
    below = pair[0];
    attach(&b, "far", pair[1]);
    attach(&a, "filter",
           bufferevent_filter_new(below, NULL, NULL, BEV_OPT_CLOSE_ON_FREE, NULL, NULL));
    show("made");
    bufferevent_enable(a.bev, EV_READ);
    turn();
    show("enabled");
    bufferevent_write(b.bev, "+", 1);
    turn();
    show("more came");
    bufferevent_free(a.bev);
    turn();
    bufferevent_free(b.bev);
    turn();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    basic(NULL, "null filters", 0);
    basic(plus_one, "plus one", 0);
    basic(plus_one, "plus one, deferred", BEV_OPT_DEFER_CALLBACKS);
    frozen();
    need_more();
    high_marks();
    stuck();
    errors();
    events();
    timeouts();
    over_socket(BEV_OPT_CLOSE_ON_FREE);
    over_socket(0);
    stacked();
    freeing();
    data_before();
    event_base_free(base);
    return 0;
}
