/* What is written in the turn in which something was read, to sockets that took all before: the
 * order of callbacks among bufferevents and plain events, sockets that are full or broken all of a
 * sudden, and whatever may happen between the call and the write. */
#include "bufferevent_support.h"

enum { crowd = 5 };

static struct side sides[crowd];
static int raws[crowd];
static struct event* watch;

/* The first exchange: from then on a side has written, and heard of its peer. */
static void warm_up(struct side* side, int raw) {
    bufferevent_enable(side->bev, EV_READ);
    put(raw, "hello");
    turn();
    bufferevent_write(side->bev, "welcome", 7);
    turn();
    say("%s: warm, raw got %lu", side->name, (unsigned long)swallow(raw));
}

static void open_crowd(int options) {
    static const char* const names[crowd] = {"a", "b", "c", "d", "e"};
    int i;
    for (i = 0; i < crowd; ++i) {
        socket_side(&sides[i], names[i], options | BEV_OPT_CLOSE_ON_FREE, &raws[i]);
        warm_up(&sides[i], raws[i]);
    }
}

static void close_crowd(void) {
    int i;
    for (i = 0; i < crowd; ++i) {
        if (sides[i].bev) bufferevent_free(sides[i].bev);
        if (raws[i] >= 0) close(raws[i]);
    }
    turn();
}

static void collect(void) {
    int i;
    for (i = 0; i < crowd; ++i) {
        if (raws[i] >= 0) say("raw %d got %lu", i, (unsigned long)swallow(raws[i]));
    }
}

static void ask(int from, int to, int step) {
    int i;
    for (i = from; i != to + step; i += step) put(raws[i], "ask");
}

static void answer(struct side* side) {
    bufferevent_write(side->bev, "answer", 6);
}

static void plain_cb(evutil_socket_t fd, short what, void* arg) {
    char block[64];
    say("%s: plain event %d", (const char*)arg, what);
    if ((what & EV_READ) != 0 && read(fd, block, sizeof block) <= 0) say("nothing there");
}

static size_t fill_socket(int fd) {
    static char block[4096];
    size_t all = 0;
    ssize_t n;
    while ((n = write(fd, block, sizeof block)) > 0) all += (size_t)n;
    return all;
}

/* --- order */

static void in_order(int options) {
    int i;
    say("== answers in the order of questions, options %d", options);
    open_crowd(options);
    for (i = 0; i < crowd; ++i) sides[i].on_read = answer;
    ask(0, crowd - 1, 1);
    turn();
    collect();
    ask(crowd - 1, 0, -1);
    turn();
    ask(1, 3, 1);
    ask(2, 2, 1);
    turn();
    collect();
    close_crowd();
}

/* The last asked answers for all, backwards. */
static void answer_all(struct side* side) {
    int i;
    if (++side->left == 2) return;
    for (i = crowd - 1; i >= 0; --i) answer(&sides[i]);
}

static void answers_of_others(void) {
    heading("one answers for all");
    open_crowd(0);
    sides[2].on_read = answer_all;
    sides[4].on_read = answer_all;
    ask(0, crowd - 1, 1);
    turn();
    ask(crowd - 1, 0, -1);
    turn();
    ask(2, 2, 1);
    turn();
    ask(4, 4, 1);
    turn();
    collect();
    close_crowd();
}

/* Answers, and wakes plain events of other descriptors before and behind it. */
static int before[2], behind[2];

static void answer_between(struct side* side) {
    put(before[1], "x");
    answer(side);
    put(behind[1], "x");
}

static void beside_plain_events(void) {
    struct event* evs[2];
    int i;
    heading("beside plain events");
    open_crowd(0);
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, before);
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, behind);
    evs[0] = event_new(base, before[0], EV_READ | EV_PERSIST, plain_cb, (void*)"before");
    evs[1] = event_new(base, behind[0], EV_READ | EV_PERSIST, plain_cb, (void*)"behind");
    event_add(evs[0], NULL);
    event_add(evs[1], NULL);
    for (i = 0; i < 3; ++i) {
        sides[i].on_read = i == 1 ? answer_between : answer;
        ask(0, 2, 1);
        put(behind[1], "y");
        turn();
    }
    ask(0, 0, 1);
    put(before[1], "y");
    ask(1, 1, 1);
    turn();
    collect();
    for (i = 0; i < 2; ++i) {
        event_free(evs[i]);
        close(before[i]);
        close(behind[i]);
    }
    close_crowd();
}

/* More to read when the answer is due: the same descriptor is ready for both. */
static void ask_more(struct side* side) {
    answer(side);
    if (side->left-- > 0) put(raws[0], "more");
}

static void both_ways(void) {
    heading("ready for both");
    open_crowd(0);
    sides[0].on_read = ask_more;
    sides[0].left = 3;
    sides[1].on_read = answer;
    ask(0, 1, 1);
    turn();
    bufferevent_disable(sides[0].bev, EV_READ);
    bufferevent_enable(sides[0].bev, EV_READ); /* now it was added last */
    sides[0].left = 3;
    ask(0, 1, 1);
    turn();
    collect();
    close_crowd();
}

/* Both ends are bufferevents of this loop. */
static void serve(struct side* side) {
    if (side->left-- > 0) bufferevent_write(side->bev, "ball", 4);
}

static void two_ends(int options) {
    struct side near, far;
    int fds[2], i;
    say("== ping-pong, options %d", options);
    for (i = 0; i < 2; ++i) {
        evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        evutil_make_socket_nonblocking(fds[0]);
        evutil_make_socket_nonblocking(fds[1]);
        attach(&near, "near",
               bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE | options));
        attach(&far, "far", bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE | options));
        near.on_read = far.on_read = serve;
        near.left = far.left = 5;
        bufferevent_enable(near.bev, EV_READ | EV_WRITE);
        bufferevent_enable(far.bev, EV_READ | EV_WRITE);
        serve(&near);
        if (i == 1) serve(&far); /* balls go both ways at the same time */
        turn();
        bufferevent_free(near.bev);
        turn();
        bufferevent_free(far.bev);
        turn();
    }
}

/* Writes again as soon as it has written. */
static void more_output(struct side* side) {
    if (side->left-- > 0) bufferevent_write(side->bev, "again", 5);
}

static void write_callbacks(void) {
    heading("writing from write callbacks");
    open_crowd(0);
    sides[0].on_read = sides[1].on_read = sides[2].on_read = answer;
    sides[1].on_write = more_output;
    sides[1].left = 3;
    ask(0, 2, 1);
    turn();
    collect();
    bufferevent_setwatermark(sides[1].bev, EV_WRITE, 3, 0);
    bufferevent_setwatermark(sides[2].bev, EV_READ, 6, 0);
    sides[1].left = 1;
    ask(2, 0, -1);
    turn();
    ask(2, 0, -1);
    turn();
    collect();
    close_crowd();
}

/* --- sockets that take nothing */

static void answer_when_full(struct side* side) {
    say("full: %s", fill_socket(bufferevent_getfd(side->bev)) > 0 ? "yes" : "no");
    if (side->left == 1) event_add(watch, NULL);
    answer(side);
    if (side->left == 2) event_add(watch, NULL);
}

static void full(int when_watched) {
    struct timeval tv = {0, 30000};
    say("== the socket is full, watched %d", when_watched);
    open_crowd(0);
    watch = event_new(base, bufferevent_getfd(sides[0].bev), EV_WRITE, plain_cb, (void*)"watch");
    sides[0].on_read = answer_when_full;
    sides[0].left = when_watched;
    sides[1].on_read = answer;
    ask(0, 1, 1);
    turn();
    say("left %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(sides[0].bev)));
    check(swallow(raws[0]) > 4096, "raw got a lot");
    turn();
    collect();
    bufferevent_set_timeouts(sides[0].bev, NULL, &tv);
    ask(0, 0, 1);
    turn_for_ms(90);
    say("left %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(sides[0].bev)));
    check(swallow(raws[0]) > 4096, "raw got a lot");
    turn();
    bufferevent_enable(sides[0].bev, EV_WRITE);
    turn();
    collect();
    event_free(watch);
    close_crowd();
}

/* A peer that asks and asks, and reads nothing for long. */
static void answer_at_length(struct side* side) {
    char block[10000];
    fill(block, sizeof block);
    bufferevent_write(side->bev, block, sizeof block);
}

static void never_read(void) {
    size_t got = 0;
    int i;
    heading("answers pile up");
    open_crowd(0);
    sides[0].on_read = answer_at_length;
    sides[0].quiet_read = 1;
    for (i = 0; i < 60; ++i) {
        put(raws[0], "ask");
        turn();
    }
    say("asked %d times, something is left: %s", sides[0].reads,
        evbuffer_get_length(bufferevent_get_output(sides[0].bev)) > 0 ? "yes" : "no");
    for (i = 0; i < 200; ++i) {
        got += swallow(raws[0]);
        turn();
    }
    say("raw got %lu, left %lu", (unsigned long)got,
        (unsigned long)evbuffer_get_length(bufferevent_get_output(sides[0].bev)));
    close_crowd();
}

/* --- broken peers */

static void hang_up(struct side* side) {
    answer(side);
    close(raws[0]);
    raws[0] = -1;
}

static void half_close(struct side* side) {
    answer(side);
    shutdown(raws[0], side->left);
}

static void broken(void) {
    int how;
    for (how = 0; how < 6; ++how) {
        say("== the peer goes, %d", how);
        open_crowd(how == 5 ? BEV_OPT_DEFER_CALLBACKS : 0);
        sides[0].on_read = how == 0 || how == 5 ? hang_up : how == 4 ? answer : half_close;
        sides[0].left = how == 1 ? SHUT_RD : how == 2 ? SHUT_WR : SHUT_RDWR;
        sides[1].on_read = answer;
        ask(0, 1, 1);
        if (how == 4) {
            close(raws[0]);
            raws[0] = -1;
        }
        turn();
        turn();
        say("left %lu, enabled %d",
            (unsigned long)evbuffer_get_length(bufferevent_get_output(sides[0].bev)),
            bufferevent_get_enabled(sides[0].bev));
        collect();
        close_crowd();
    }
}

/* --- what happens in between */

static void answer_and(struct side* side) {
    answer(side);
    switch (side->left) {
        case 0: bufferevent_disable(side->bev, EV_WRITE); break;
        case 1:
            bufferevent_disable(side->bev, EV_WRITE);
            bufferevent_enable(side->bev, EV_WRITE);
            break;
        case 2: bufferevent_disable(side->bev, EV_READ); break;
        case 3:
            bufferevent_disable(side->bev, EV_READ);
            bufferevent_enable(side->bev, EV_READ);
            break;
        case 4: bufferevent_disable(side->bev, EV_READ | EV_WRITE); break;
        case 5:
            evbuffer_unfreeze(bufferevent_get_output(side->bev), 1);
            evbuffer_drain(bufferevent_get_output(side->bev), 100);
            evbuffer_freeze(bufferevent_get_output(side->bev), 1);
            break;
        case 6:
            bufferevent_free(side->bev);
            side->bev = NULL;
            break;
        case 7:
            bufferevent_free(sides[0].bev);
            sides[0].bev = NULL;
            break;
        case 8: event_base_loopbreak(base); break;
        case 9: event_base_loopcontinue(base); break;
        case 10: bufferevent_setfd(side->bev, bufferevent_getfd(side->bev)); break;
        case 11: bufferevent_flush(side->bev, EV_WRITE, BEV_FLUSH); break;
        case 12: bufferevent_trigger(side->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS); break;
        default: break;
    }
}

static void in_between(int options) {
    int what;
    for (what = 0; what < 13; ++what) {
        say("== between the call and the write, options %d: %d", options, what);
        open_crowd(options);
        sides[0].on_read = sides[2].on_read = answer;
        sides[1].on_read = answer_and;
        sides[1].left = what;
        ask(0, 2, 1);
        turn();
        turn();
        collect();
        if (sides[1].bev) {
            sides[1].on_read = NULL;
            bufferevent_enable(sides[1].bev, EV_READ | EV_WRITE);
            ask(1, 1, 1);
            turn();
            collect();
        }
        close_crowd();
    }
}

/* One turn at a time. */
static void once(void) {
    int i;
    heading("turn by turn");
    open_crowd(0);
    for (i = 0; i < 3; ++i) sides[i].on_read = answer;
    ask(0, 2, 1);
    for (i = 0; i < 3; ++i) {
        say("loop %d", event_base_loop(base, EVLOOP_ONCE | (i == 2 ? EVLOOP_NONBLOCK : 0)));
        collect();
        if (i == 0) {
            say("events %d",
                event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE));
            say("pending %d", event_pending(&sides[0].bev->ev_write, EV_WRITE, NULL));
            ask(1, 1, 1);
        }
    }
    close_crowd();
}

static void levels(void) {
    int i;
    heading("priorities");
    event_base_priority_init(base, 3);
    open_crowd(0);
    for (i = 0; i < crowd; ++i) {
        sides[i].on_read = answer;
        say("priority %d", bufferevent_priority_set(sides[i].bev, (i + 1) % 3));
    }
    ask(0, crowd - 1, 1);
    turn();
    ask(crowd - 1, 0, -1);
    turn();
    collect();
    close_crowd();
    event_base_priority_init(base, 1);
}

static void limited(void) {
    static const struct timeval tick = {0, 20000};
    struct ev_token_bucket_cfg* few = ev_token_bucket_cfg_new(1000, 1000, 4, 4, &tick);
    heading("limits");
    open_crowd(0);
    sides[0].on_read = sides[1].on_read = answer;
    bufferevent_set_rate_limit(sides[0].bev, few);
    bufferevent_set_max_single_write(sides[1].bev, 4);
    ask(0, 1, 1);
    turn();
    turn_for_ms(120);
    collect();
    ask(0, 1, 1);
    turn_for_ms(120);
    collect();
    bufferevent_set_rate_limit(sides[0].bev, NULL);
    close_crowd();
    ev_token_bucket_cfg_free(few);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    in_order(0);
    in_order(BEV_OPT_DEFER_CALLBACKS);
    answers_of_others();
    beside_plain_events();
    both_ways();
    two_ends(0);
    two_ends(BEV_OPT_DEFER_CALLBACKS);
    write_callbacks();
    full(0);
    full(1);
    full(2);
    never_read();
    broken();
    in_between(0);
    in_between(BEV_OPT_DEFER_CALLBACKS);
    once();
    levels();
    limited();
    event_base_free(base);
    return 0;
}
