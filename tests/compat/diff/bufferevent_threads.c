/* Thread-safe bufferevents: a loop in one thread, writers and readers in others, callbacks under
 * the lock and without it, references, freeing from anywhere, rate limits that are shared, and
 * listeners. The trace holds totals only, as the order is nobody's. */
#include "bufferevent_support.h"

#include <event2/thread.h>
#include <pthread.h>

enum { writers = 4, rounds = 200, piece = 50 };

static pthread_t loop_thread;

static void* run_loop(void* arg) {
    (void)arg;
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void start_loop(void) {
    if (pthread_create(&loop_thread, NULL, run_loop, NULL) != 0) abort();
}

static void stop_loop(void) {
    event_base_loopexit(base, NULL);
    pthread_join(loop_thread, NULL);
}

/* --- A count that one waits for */

static pthread_mutex_t count_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t count_changed = PTHREAD_COND_INITIALIZER;
static size_t count;

static void add_count(size_t n) {
    pthread_mutex_lock(&count_lock);
    count += n;
    pthread_cond_broadcast(&count_changed);
    pthread_mutex_unlock(&count_lock);
}

static void await_count(size_t n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&count_lock);
    while (count < n) {
        if (pthread_cond_timedwait(&count_changed, &count_lock, &until) != 0) break;
    }
    say("count %lu", (unsigned long)count);
    count = 0;
    pthread_mutex_unlock(&count_lock);
}

static void counting_read(struct bufferevent* bev, void* arg) {
    char block[4096];
    size_t n, all = 0;
    (void)arg;
    while ((n = bufferevent_read(bev, block, sizeof block)) > 0) all += n;
    add_count(all);
}

static void counting_event(struct bufferevent* bev, short what, void* arg) {
    (void)bev;
    (void)arg;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_CONNECTED)) add_count(1);
}

/* --- Many threads write to one */

static void* write_rounds(void* arg) {
    struct bufferevent* bev = arg;
    char data[piece];
    int i;
    fill(data, sizeof data);
    for (i = 0; i < rounds; ++i) {
        bufferevent_write(bev, data, sizeof data);
        if (i % 16 == 0) {
            bufferevent_lock(bev);
            bufferevent_write(bev, data, 1);
            evbuffer_get_length(bufferevent_get_output(bev));
            bufferevent_unlock(bev);
        }
    }
    return NULL;
}

static size_t written(void) {
    return (size_t)writers * (rounds * piece + (rounds + 15) / 16);
}

static void write_from_everywhere(struct bufferevent* bev) {
    pthread_t threads[writers];
    int i;
    for (i = 0; i < writers; ++i) pthread_create(&threads[i], NULL, write_rounds, bev);
    for (i = 0; i < writers; ++i) pthread_join(threads[i], NULL);
}

static void over_sockets(int options) {
    int fds[2];
    struct bufferevent *from, *to;
    say("== sockets, options %d", options);
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    options |= BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE;
    from = bufferevent_socket_new(base, fds[0], options);
    to = bufferevent_socket_new(base, fds[1], options);
    bufferevent_setcb(to, counting_read, NULL, counting_event, NULL);
    start_loop();
    bufferevent_enable(to, EV_READ);
    write_from_everywhere(from);
    await_count(written());
    bufferevent_free(from);
    await_count(1);
    bufferevent_free(to);
    stop_loop();
}

/* --- The loop answers while others write to the same ends */

static void echo_read(struct bufferevent* bev, void* arg) {
    (void)arg;
    bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static void* write_to_it(void* arg) {
    write_from_everywhere(arg);
    return NULL;
}

static void answers_and_others(int options) {
    int fds[2];
    struct bufferevent *asks, *answers;
    pthread_t other;
    say("== answers and others, options %d", options);
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    options |= BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE;
    asks = bufferevent_socket_new(base, fds[0], options);
    answers = bufferevent_socket_new(base, fds[1], options);
    bufferevent_setcb(asks, counting_read, NULL, counting_event, NULL);
    bufferevent_setcb(answers, echo_read, NULL, NULL, NULL);
    start_loop();
    bufferevent_enable(asks, EV_READ);
    bufferevent_enable(answers, EV_READ);
    pthread_create(&other, NULL, write_to_it, answers);
    write_from_everywhere(asks);
    pthread_join(other, NULL);
    await_count(2 * written());
    bufferevent_free(answers);
    await_count(1);
    bufferevent_free(asks);
    stop_loop();
}

static void over_pair(int options, int filtered) {
    struct bufferevent* pair[2];
    say("== pair, options %d, filtered %d", options, filtered);
    options |= BEV_OPT_THREADSAFE;
    if (bufferevent_pair_new(base, options, pair) != 0) abort();
    if (filtered) {
        pair[1] = bufferevent_filter_new(pair[1], NULL, NULL, options | BEV_OPT_CLOSE_ON_FREE, NULL,
                                         NULL);
    }
    bufferevent_setcb(pair[1], counting_read, NULL, counting_event, NULL);
    start_loop();
    bufferevent_enable(pair[1], EV_READ);
    write_from_everywhere(pair[0]);
    await_count(written());
    bufferevent_free(pair[0]);
    bufferevent_free(pair[1]);
    stop_loop();
}

/* --- Switched, marked, triggered and freed from other threads while data flows */

static void* disturb(void* arg) {
    struct bufferevent* bev = arg;
    int i;
    for (i = 0; i < rounds; ++i) {
        struct timeval tv = {1, 0};
        bufferevent_disable(bev, EV_READ);
        bufferevent_setwatermark(bev, EV_READ, 0, 100 + (size_t)i);
        bufferevent_set_timeouts(bev, &tv, &tv);
        bufferevent_enable(bev, EV_READ);
        bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
        bufferevent_incref(bev);
        bufferevent_getcb(bev, NULL, NULL, NULL, NULL);
        bufferevent_setwatermark(bev, EV_READ, 0, 0);
        bufferevent_set_max_single_read(bev, 1000);
        bufferevent_decref(bev);
    }
    return NULL;
}

static void disturbed(void) {
    int fds[2];
    struct bufferevent *from, *to;
    pthread_t thread;
    int options = BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS |
                  BEV_OPT_UNLOCK_CALLBACKS;
    heading("disturbed");
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    from = bufferevent_socket_new(base, fds[0], options);
    to = bufferevent_socket_new(base, fds[1], options);
    bufferevent_setcb(to, counting_read, NULL, NULL, NULL);
    start_loop();
    bufferevent_enable(to, EV_READ);
    pthread_create(&thread, NULL, disturb, to);
    write_from_everywhere(from);
    pthread_join(thread, NULL);
    await_count(written());
    bufferevent_free(to);
    bufferevent_free(from);
    stop_loop();
}

static void freed_in_flight(void) {
    int i;
    heading("freed in flight");
    start_loop();
    for (i = 0; i < 200; ++i) {
        int fds[2];
        struct bufferevent *a, *b, *pair[2];
        int options = BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE;
        if (i % 2) options |= BEV_OPT_DEFER_CALLBACKS;
        if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
        evutil_make_socket_nonblocking(fds[0]);
        evutil_make_socket_nonblocking(fds[1]);
        a = bufferevent_socket_new(base, fds[0], options);
        b = bufferevent_socket_new(base, fds[1], options);
        if (i % 3 == 0) b = bufferevent_filter_new(b, NULL, NULL, options, NULL, NULL);
        bufferevent_setcb(b, counting_read, NULL, counting_event, NULL);
        bufferevent_enable(b, EV_READ);
        bufferevent_write(a, "abcdefgh", 8);
        bufferevent_free(i % 4 < 2 ? a : b);
        bufferevent_free(i % 4 < 2 ? b : a);
        if (bufferevent_pair_new(base, options, pair) != 0) abort();
        bufferevent_setcb(pair[1], counting_read, NULL, counting_event, NULL);
        bufferevent_enable(pair[1], EV_READ);
        bufferevent_write(pair[0], "abcdefgh", 8);
        bufferevent_free(pair[i % 2]);
        bufferevent_free(pair[1 - i % 2]);
    }
    stop_loop();
    pthread_mutex_lock(&count_lock);
    count = 0;
    pthread_mutex_unlock(&count_lock);
    say("done");
}

/* --- Rate limits */

static void limited(void) {
    enum { members = 4 };
    int fds[members][2], i;
    struct bufferevent *from[members], *to[members];
    struct timeval tick = {0, 5000};
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(8000, 8000, 8000, 8000, &tick);
    struct bufferevent_rate_limit_group* group = bufferevent_rate_limit_group_new(base, cfg);
    heading("a group");
    for (i = 0; i < members; ++i) {
        if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]) != 0) abort();
        evutil_make_socket_nonblocking(fds[i][0]);
        evutil_make_socket_nonblocking(fds[i][1]);
        from[i] =
            bufferevent_socket_new(base, fds[i][0], BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE);
        to[i] = bufferevent_socket_new(base, fds[i][1], BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE);
        bufferevent_setcb(to[i], counting_read, NULL, NULL, NULL);
        bufferevent_add_to_rate_limit_group(to[i], group);
        bufferevent_set_rate_limit(from[i], cfg);
    }
    start_loop();
    for (i = 0; i < members; ++i) {
        char block[10000];
        fill(block, sizeof block);
        bufferevent_enable(to[i], EV_READ);
        bufferevent_write(from[i], block, sizeof block);
        bufferevent_rate_limit_group_set_min_share(group, 100);
    }
    await_count(members * 10000);
    for (i = 0; i < members; ++i) {
        bufferevent_remove_from_rate_limit_group(to[i]);
        bufferevent_set_rate_limit(from[i], NULL);
        bufferevent_free(from[i]);
        bufferevent_free(to[i]);
    }
    bufferevent_rate_limit_group_free(group);
    stop_loop();
    ev_token_bucket_cfg_free(cfg);
}

/* --- A listener and connecting */

static void accept_cb(struct evconnlistener* lev, evutil_socket_t fd, struct sockaddr* sa, int size,
                      void* arg) {
    (void)lev;
    (void)sa;
    (void)size;
    (void)arg;
    close(fd);
    add_count(1);
}

static void* switch_listener(void* arg) {
    struct evconnlistener* lev = arg;
    int i;
    for (i = 0; i < 50; ++i) {
        evconnlistener_disable(lev);
        evconnlistener_set_cb(lev, accept_cb, NULL);
        evconnlistener_enable(lev);
    }
    return NULL;
}

static void listening(void) {
    struct sockaddr_in sin;
    socklen_t length = sizeof sin;
    struct evconnlistener* lev;
    struct bufferevent* clients[20];
    pthread_t thread;
    int i;
    heading("a listener");
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    start_loop();
    lev = evconnlistener_new_bind(base, accept_cb, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE,
                                  -1, (struct sockaddr*)&sin, sizeof sin);
    getsockname(evconnlistener_get_fd(lev), (struct sockaddr*)&sin, &length);
    /* Before anybody connects: where disabling meets the callback, the system's library can wait
     * for itself. */
    pthread_create(&thread, NULL, switch_listener, lev);
    pthread_join(thread, NULL);
    for (i = 0; i < 20; ++i) {
        clients[i] = bufferevent_socket_new(base, -1, BEV_OPT_THREADSAFE | BEV_OPT_CLOSE_ON_FREE);
        bufferevent_setcb(clients[i], NULL, NULL, counting_event, NULL);
        bufferevent_socket_connect(clients[i], (struct sockaddr*)&sin, sizeof sin);
    }
    await_count(40);
    for (i = 0; i < 20; ++i) bufferevent_free(clients[i]);
    evconnlistener_free(lev);
    stop_loop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    evthread_use_pthreads();
    base = event_base_new();
    over_sockets(0);
    over_sockets(BEV_OPT_DEFER_CALLBACKS);
    over_sockets(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
    answers_and_others(0);
    answers_and_others(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
    over_pair(0, 0);
    over_pair(BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS, 0);
    over_pair(0, 1);
    disturbed();
    freed_in_flight();
    limited();
    listening();
    event_base_free(base);
    return 0;
}
