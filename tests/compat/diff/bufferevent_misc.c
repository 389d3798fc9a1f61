/* Accessors, options, references, priorities, triggers, and what is refused. */
#include "bufferevent_support.h"

#include <event2/event_compat.h>

static void accessors(void) {
    struct side a;
    int raw;
    bufferevent_data_cb r, w;
    bufferevent_event_cb e;
    void* arg;
    heading("accessors");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_getcb(a.bev, &r, &w, &e, &arg);
    check(r == read_cb && w == write_cb && e == event_cb && arg == &a, "getcb");
    bufferevent_getcb(a.bev, NULL, NULL, NULL, NULL);
    bufferevent_setcb(a.bev, NULL, write_cb, NULL, NULL);
    bufferevent_getcb(a.bev, &r, &w, &e, &arg);
    check(r == NULL && w == write_cb && e == NULL && arg == NULL, "getcb");
    check(a.bev->input == bufferevent_get_input(a.bev), "input field");
    check(a.bev->output == EVBUFFER_OUTPUT(a.bev), "output field");
    check(a.bev->ev_base == base && bufferevent_get_base(a.bev) == base, "base field");
    check(a.bev->writecb == write_cb, "writecb field");
    say("underlying %p, partner %p", (void*)bufferevent_get_underlying(a.bev),
        (void*)bufferevent_pair_get_partner(a.bev));
    say("read of nothing %lu", (unsigned long)bufferevent_read(a.bev, &raw, 4));
    say("flush %d %d %d", bufferevent_flush(a.bev, EV_READ, BEV_NORMAL),
        bufferevent_flush(a.bev, EV_WRITE, BEV_FLUSH),
        bufferevent_flush(a.bev, EV_READ | EV_WRITE, BEV_FINISHED));
    say("limits %d %d", bufferevent_get_read_limit(a.bev) == EV_SSIZE_MAX,
        bufferevent_get_write_limit(a.bev) == EV_SSIZE_MAX);
    say("cfg %p", (const void*)bufferevent_get_token_bucket_cfg(a.bev));
    say("size %lu", (unsigned long)sizeof(struct bufferevent));
    bufferevent_enable(a.bev, EV_READ);
    say("pending %d %d", event_pending(&a.bev->ev_read, EV_READ, NULL),
        event_pending(&a.bev->ev_write, EV_WRITE, NULL));
    say("enabled field %d", a.bev->enabled);
    say("enable 0: %d, disable 0: %d", bufferevent_enable(a.bev, 0), bufferevent_disable(a.bev, 0));
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void references(void) {
    struct side a;
    int raw, fd;
    heading("references");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    fd = bufferevent_getfd(a.bev);
    bufferevent_incref(a.bev);
    bufferevent_incref(a.bev);
    say("decref %d", bufferevent_decref(a.bev));
    bufferevent_free(a.bev);
    turn();
    check(is_open(fd), "open");
    put(raw, "still heard");
    bufferevent_setcb(a.bev, read_cb, NULL, NULL, &a);
    bufferevent_enable(a.bev, EV_READ);
    turn();
    say("decref %d", bufferevent_decref(a.bev));
    check(is_open(fd), "open before the loop");
    turn();
    check(is_open(fd), "open after the loop");
    close(raw);
    heading("locks without threads");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    fd = bufferevent_getfd(a.bev);
    bufferevent_lock(a.bev);
    bufferevent_free(a.bev);
    turn();
    check(is_open(fd), "open");
    bufferevent_unlock(a.bev);
    turn();
    check(is_open(fd), "open");
    close(raw);
}

static void priorities(void) {
    struct event_base* other = event_base_new();
    struct bufferevent* bev;
    struct bufferevent* pair[2];
    heading("priorities");
    event_base_priority_init(other, 6);
    bev = bufferevent_socket_new(other, -1, 0);
    say("default %d", bufferevent_get_priority(bev));
    say("set 1: %d, get %d", bufferevent_priority_set(bev, 1), 0);
    say("get %d", bufferevent_get_priority(bev));
    say("set 9: %d", bufferevent_priority_set(bev, 9));
    say("set -1: %d", bufferevent_priority_set(bev, -1));
    say("get %d", bufferevent_get_priority(bev));
    bufferevent_setfd(bev, -1);
    say("after setfd %d", bufferevent_get_priority(bev));
    bufferevent_pair_new(other, 0, pair);
    say("pair %d", bufferevent_get_priority(pair[0]));
    bufferevent_free(pair[0]);
    bufferevent_free(pair[1]);
    heading("another base");
    say("base_set %d", bufferevent_base_set(base, bev));
    check(bufferevent_get_base(bev) == base, "base");
    say("priority %d", bufferevent_get_priority(bev));
    bufferevent_free(bev);
    turn();
    event_base_loop(other, EVLOOP_NONBLOCK);
    bufferevent_pair_new(other, 0, pair);
    say("base_set of a pair %d", bufferevent_base_set(base, pair[0]));
    bufferevent_free(pair[0]);
    bufferevent_free(pair[1]);
    event_base_free(other);
}

static void triggers(int options) {
    struct side a;
    int raw;
    say("== triggers, options %d", options);
    socket_side(&a, "a", options, &raw);
    bufferevent_trigger(a.bev, EV_READ, 0);
    say("triggered");
    turn();
    bufferevent_setwatermark(a.bev, EV_READ, 5, 0);
    bufferevent_trigger(a.bev, EV_READ, 0);
    turn();
    bufferevent_trigger(a.bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
    turn();
    bufferevent_trigger(a.bev, EV_READ | EV_WRITE,
                        BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    say("triggered");
    turn();
    bufferevent_disable(a.bev, EV_WRITE);
    bufferevent_write(a.bev, "abc", 3);
    bufferevent_trigger(a.bev, EV_WRITE, 0);
    turn();
    bufferevent_setwatermark(a.bev, EV_WRITE, 3, 0);
    bufferevent_trigger(a.bev, EV_WRITE, 0);
    turn();
    errno = ENOENT;
    bufferevent_trigger_event(a.bev, BEV_EVENT_ERROR | BEV_EVENT_READING, 0);
    turn();
    errno = ECHILD;
    bufferevent_trigger_event(a.bev, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
    errno = EPERM;
    bufferevent_trigger_event(a.bev, BEV_EVENT_CONNECTED, BEV_TRIG_DEFER_CALLBACKS);
    bufferevent_trigger(a.bev, EV_WRITE | EV_READ,
                        BEV_TRIG_DEFER_CALLBACKS | BEV_TRIG_IGNORE_WATERMARKS);
    errno = 0;
    say("triggered");
    turn();
    bufferevent_trigger(a.bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS | BEV_TRIG_IGNORE_WATERMARKS);
    bufferevent_setcb(a.bev, NULL, NULL, NULL, NULL);
    turn();
    bufferevent_setcb(a.bev, read_cb, write_cb, event_cb, &a);
    turn();
    bufferevent_trigger_event(a.bev, BEV_EVENT_EOF, 0);
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void order(void) {
    struct side a, b, c;
    int raw[3];
    heading("order of deferred callbacks of several");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, &raw[0]);
    socket_side(&b, "b", BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, &raw[1]);
    socket_side(&c, "c", BEV_OPT_CLOSE_ON_FREE, &raw[2]);
    bufferevent_trigger(b.bev, EV_READ, 0);
    bufferevent_trigger(a.bev, EV_READ, 0);
    bufferevent_trigger(c.bev, EV_READ, 0);
    bufferevent_trigger(a.bev, EV_WRITE, 0);
    bufferevent_trigger(c.bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    bufferevent_trigger_event(b.bev, BEV_EVENT_EOF, 0);
    turn();
    bufferevent_free(b.bev);
    bufferevent_free(a.bev);
    bufferevent_free(c.bev);
    turn();
    close(raw[0]);
    close(raw[1]);
    close(raw[2]);
}

static void many_deferred(void) {
    struct side sides[80];
    int raw[80], i;
    heading("more deferred callbacks than one pass runs");
    for (i = 0; i < 80; ++i) {
        socket_side(&sides[i], "s", BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, &raw[i]);
        sides[i].quiet_read = 1;
        bufferevent_trigger(sides[i].bev, EV_READ, 0);
    }
    for (i = 0; i < 5; ++i) {
        int k, ran = 0;
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        for (k = 0; k < 80; ++k) ran += sides[k].reads;
        say("pass %d: all %d", i, ran == 80);
    }
    for (i = 0; i < 80; ++i) {
        bufferevent_free(sides[i].bev);
        close(raw[i]);
    }
    turn();
}

static void legacy(void) {
    struct event_base* current = event_init();
    struct bufferevent* bev;
    struct side a;
    int fds[2];
    struct event_base* saved = base;
    heading("bufferevent_new on the current base");
    base = current;
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    memset(&a, 0, sizeof a);
    a.name = "old";
    bev = bufferevent_new(fds[0], read_cb, write_cb, event_cb, &a);
    a.bev = bev;
    say("base %d, enabled %d", bufferevent_get_base(bev) == NULL, bufferevent_get_enabled(bev));
    bufferevent_enable(bev, EV_READ);
    put(fds[1], "legacy");
    turn();
    bufferevent_write(bev, "x", 1);
    turn();
    bufferevent_settimeout(bev, 1, 2);
    say("timeouts %ld %ld", (long)bev->timeout_read.tv_sec, (long)bev->timeout_write.tv_sec);
    bufferevent_settimeout(bev, 0, 0);
    say("timeouts %ld %ld", (long)bev->timeout_read.tv_sec, (long)bev->timeout_write.tv_sec);
    bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    turn();
    close(fds[1]);
    turn();
    bufferevent_free(bev);
    turn();
    check(is_open(fds[0]), "open");
    close(fds[0]);
    base = saved;
    event_base_free(current);
}

static void free_without_loop(void) {
    struct event_base* other = event_base_new();
    int fds[2];
    struct bufferevent* bev;
    heading("the loop never runs again");
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    bev = bufferevent_socket_new(other, fds[0], BEV_OPT_CLOSE_ON_FREE);
    bufferevent_free(bev);
    check(is_open(fds[0]), "open");
    event_base_free(other);
    check(is_open(fds[0]), "open");
    close(fds[1]);
}

static void buffer_callbacks_cb(struct evbuffer* buffer, const struct evbuffer_cb_info* info,
                                void* arg) {
    (void)buffer;
    say("%s: had %lu, added %lu, deleted %lu", (const char*)arg, (unsigned long)info->orig_size,
        (unsigned long)info->n_added, (unsigned long)info->n_deleted);
}

static void buffer_callbacks(void) {
    struct side a;
    int raw;
    heading("callbacks on the buffers");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    evbuffer_add_cb(bufferevent_get_input(a.bev), buffer_callbacks_cb, (void*)"in");
    evbuffer_add_cb(bufferevent_get_output(a.bev), buffer_callbacks_cb, (void*)"out");
    bufferevent_enable(a.bev, EV_READ);
    put(raw, "abcdef");
    turn();
    bufferevent_write(a.bev, "xy", 2);
    turn();
    evbuffer_defer_callbacks(bufferevent_get_input(a.bev), base);
    put(raw, "0123456789");
    turn();
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    accessors();
    references();
    priorities();
    triggers(BEV_OPT_CLOSE_ON_FREE);
    triggers(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    triggers(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
    order();
    many_deferred();
    legacy();
    free_without_loop();
    buffer_callbacks();
    event_base_free(base);
    return 0;
}
