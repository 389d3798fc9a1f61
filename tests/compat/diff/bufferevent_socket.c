/* Socket bufferevents: data in and out, EOF, errors, water marks, timeouts, callbacks that change
 * things under the bufferevent's feet. */
#include "bufferevent_support.h"

static void basic(int options) {
    struct side a;
    int raw;
    char text[16];
    ssize_t n;
    say("== basic %d", options);
    socket_side(&a, "a", options, &raw);
    say("enabled %d", bufferevent_get_enabled(a.bev));
    put(raw, "not yet");
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    say("enable %d", bufferevent_enable(a.bev, EV_READ));
    turn();
    put(raw, "one");
    put(raw, "two");
    turn();
    say("write %d", bufferevent_write(a.bev, "hello", 5));
    say("out %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)));
    turn();
    n = read(raw, text, sizeof text);
    say("raw got %d", (int)n);
    say("disable %d", bufferevent_disable(a.bev, EV_READ | EV_WRITE));
    put(raw, "later");
    bufferevent_write(a.bev, "world", 5);
    turn();
    say("enabled %d", bufferevent_get_enabled(a.bev));
    say("enable %d", bufferevent_enable(a.bev, EV_READ | EV_WRITE));
    turn();
    n = read(raw, text, sizeof text);
    say("raw got %d", (int)n);
    close(raw);
    turn();
    say("enabled %d", bufferevent_get_enabled(a.bev));
    bufferevent_free(a.bev);
    turn();
}

static void enable_write_alone(void) {
    struct side a;
    int raw;
    heading("enabling writing with nothing to write");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    turn();
    bufferevent_enable(a.bev, EV_WRITE);
    turn();
    turn();
    bufferevent_write(a.bev, "", 0);
    turn();
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void ends(void) {
    struct side a;
    int raw;
    int fd;
    heading("eof after data");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_enable(a.bev, EV_READ);
    put(raw, "last words");
    shutdown(raw, SHUT_WR);
    turn();
    turn();
    say("after eof: enabled %d, write %d", bufferevent_get_enabled(a.bev),
        bufferevent_write(a.bev, "still", 5));
    turn();
    say("raw got %lu", (unsigned long)swallow(raw));
    bufferevent_enable(a.bev, EV_READ);
    turn();
    close(raw);
    bufferevent_write(a.bev, "into the void", 13);
    turn();
    say("output stays: %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)));
    fd = bufferevent_getfd(a.bev);
    check(is_open(fd), "open before free");
    bufferevent_free(a.bev);
    turn();
    check(is_open(fd), "open after free");

    heading("close on free is not asked for");
    socket_side(&a, "a", 0, &raw);
    fd = bufferevent_getfd(a.bev);
    bufferevent_free(a.bev);
    turn();
    check(is_open(fd), "open after free");
    close(fd);
    close(raw);
}

static void bad_descriptor(void) {
    struct side a;
    int fds[2];
    heading("reading what cannot be read");
    if (pipe(fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    attach(&a, "a", bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE));
    bufferevent_enable(a.bev, EV_READ);
    put(fds[1], "pipe");
    turn();
    close(fds[1]);
    turn();
    bufferevent_free(a.bev);
    turn();

    heading("no descriptor");
    attach(&a, "a", bufferevent_socket_new(base, -1, 0));
    say("fd %d, enable %d", bufferevent_getfd(a.bev), bufferevent_enable(a.bev, EV_READ));
    say("write %d", bufferevent_write(a.bev, "x", 1));
    turn();
    bufferevent_free(a.bev);
    turn();
}

static void setfd(void) {
    struct side a;
    int raw, raw2, fds[2], fd;
    heading("setfd");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_enable(a.bev, EV_READ);
    turn();
    fd = bufferevent_getfd(a.bev);
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    raw2 = fds[1];
    put(raw, "old");
    put(raw2, "new one");
    say("setfd %d", bufferevent_setfd(a.bev, fds[0]));
    check(bufferevent_getfd(a.bev) == fds[0], "same");
    turn();
    check(is_open(fd), "old one open");
    close(fd);
    close(raw);
    bufferevent_write(a.bev, "pending", 7);
    say("setfd -1 %d", bufferevent_setfd(a.bev, -1));
    say("fd %d", bufferevent_getfd(a.bev));
    turn();
    say("setfd back %d", bufferevent_setfd(a.bev, fds[0]));
    turn();
    say("raw got %lu", (unsigned long)(evutil_make_socket_nonblocking(raw2), swallow(raw2)));
    say("out %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)));
    bufferevent_free(a.bev);
    turn();
    close(raw2);
}

static void read_marks(void) {
    struct side a;
    int raw;
    size_t low = 7, high = 7;
    heading("read marks");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    say("get %d %d", bufferevent_getwatermark(a.bev, EV_READ, &low, &high),
        bufferevent_getwatermark(a.bev, EV_READ | EV_WRITE, &low, &high));
    say("%lu %lu", (unsigned long)low, (unsigned long)high);
    bufferevent_setwatermark(a.bev, EV_READ, 4, 10);
    bufferevent_getwatermark(a.bev, EV_READ, &low, &high);
    say("%lu %lu", (unsigned long)low, (unsigned long)high);
    bufferevent_setwatermark(a.bev, EV_WRITE, 2, 3);
    bufferevent_getwatermark(a.bev, EV_WRITE, NULL, &high);
    bufferevent_getwatermark(a.bev, EV_WRITE, &low, NULL);
    say("%lu %lu", (unsigned long)low, (unsigned long)high);
    bufferevent_setwatermark(a.bev, EV_WRITE, 0, 0);
    say("get of 0: %d", bufferevent_getwatermark(a.bev, 0, &low, &high));
    bufferevent_enable(a.bev, EV_READ);
    put(raw, "abc");
    turn();
    put(raw, "d");
    turn();
    put(raw, "0123456789abcdefghijklmno");
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    a.keep = 1;
    put(raw, "xyz");
    turn();
    put(raw, "0123456");
    a.left = 3;
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void count_down(struct side* a) {
    if (--a->left == 0) {
        say("%s: drains", a->name);
        evbuffer_drain(bufferevent_get_input(a->bev), 6);
    }
}

static void high_mark(void) {
    struct side a;
    int raw;
    heading("full input calls again until someone drains");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_setwatermark(a.bev, EV_READ, 0, 8);
    bufferevent_enable(a.bev, EV_READ);
    a.keep = 1;
    a.left = 4;
    a.on_read = count_down;
    put(raw, "0123456789ab");
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    heading("raising and removing the high mark");
    a.left = 2;
    a.on_read = count_down;
    bufferevent_setwatermark(a.bev, EV_READ, 0, 4);
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    bufferevent_setwatermark(a.bev, EV_READ, 0, 0);
    put(raw, "more");
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    bufferevent_setwatermark(a.bev, EV_READ, 0, 3);
    put(raw, "held");
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    evbuffer_drain(bufferevent_get_input(a.bev), 100);
    a.keep = 0;
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void write_marks(void) {
    struct side a;
    int raw, i;
    size_t got = 0;
    char* block = malloc(1000000);
    heading("write marks");
    fill(block, 1000000);
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    a.quiet_read = 1;
    bufferevent_setwatermark(a.bev, EV_WRITE, 300000, 0);
    bufferevent_write(a.bev, block, 1000000);
    for (i = 0; i < 1000 && got < 1000000; ++i) {
        int before = a.writes;
        turn();
        if (before == 0 && a.writes > 0) {
            check(evbuffer_get_length(bufferevent_get_output(a.bev)) <= 300000, "below the mark");
        }
        got += swallow(raw);
    }
    say("got %lu, more than one callback: %d", (unsigned long)got, a.writes > 1);
    bufferevent_free(a.bev);
    turn();
    close(raw);
    free(block);
}

static void caps(void) {
    struct side a;
    int raw;
    char* block = malloc(20000);
    heading("caps of a single read and write");
    fill(block, 20000);
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    say("%ld %ld", (long)bufferevent_get_max_single_read(a.bev),
        (long)bufferevent_get_max_single_write(a.bev));
    say("set %d %d", bufferevent_set_max_single_read(a.bev, 100),
        bufferevent_set_max_single_write(a.bev, 700));
    say("%ld %ld %ld %ld", (long)bufferevent_get_max_single_read(a.bev),
        (long)bufferevent_get_max_single_write(a.bev), (long)bufferevent_get_max_to_read(a.bev),
        (long)bufferevent_get_max_to_write(a.bev));
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_setwatermark(a.bev, EV_WRITE, 100000, 0);
    if (write(raw, block, 350) != 350) abort();
    turn();
    bufferevent_write(a.bev, block, 2000);
    turn();
    say("raw got %lu", (unsigned long)swallow(raw));
    bufferevent_set_max_single_read(a.bev, 0);
    bufferevent_set_max_single_write(a.bev, (size_t)EV_SSIZE_MAX + 1);
    say("%ld %ld", (long)bufferevent_get_max_single_read(a.bev),
        (long)bufferevent_get_max_single_write(a.bev));
    bufferevent_set_max_single_read(a.bev, EV_SSIZE_MAX);
    say("%d", bufferevent_get_max_single_read(a.bev) == EV_SSIZE_MAX);
    bufferevent_free(a.bev);
    turn();
    close(raw);
    free(block);
}

static void timed(void) {
    struct side a;
    int raw;
    double start;
    struct timeval tv = {0, 30000}, none = {0, 0}, slow = {0, 60000};
    heading("read timeout");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_set_timeouts(a.bev, &tv, NULL);
    say("fields %ld %ld", (long)a.bev->timeout_read.tv_usec, (long)a.bev->timeout_write.tv_usec);
    start = now_ms();
    turn_for_ms(50);
    bufferevent_enable(a.bev, EV_READ);
    turn_for_ms(80);
    check(a.events == 1 && now_ms() - start < 1000, "one timeout");
    say("enabled %d", bufferevent_get_enabled(a.bev));
    turn_for_ms(50);
    heading("data keeps the timeout away");
    bufferevent_enable(a.bev, EV_READ);
    for (a.left = 0; a.left < 4; ++a.left) {
        put(raw, "tick");
        turn_for_ms(16);
    }
    turn_for_ms(60);
    heading("timeouts are set while reading");
    bufferevent_set_timeouts(a.bev, NULL, NULL);
    bufferevent_enable(a.bev, EV_READ);
    turn_for_ms(40);
    bufferevent_set_timeouts(a.bev, &tv, &none);
    turn_for_ms(60);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_set_timeouts(a.bev, NULL, NULL);
    turn_for_ms(50);
    heading("write timeout");
    bufferevent_set_timeouts(a.bev, NULL, &tv);
    bufferevent_enable(a.bev, EV_WRITE);
    turn_for_ms(50);
    a.quiet_read = 1;
    {
        char* block = malloc(4000000);
        fill(block, 4000000);
        bufferevent_write(a.bev, block, 4000000);
        free(block);
    }
    turn_for_ms(100);
    say("enabled %d", bufferevent_get_enabled(a.bev));
    heading("both");
    bufferevent_set_timeouts(a.bev, &tv, &slow);
    bufferevent_enable(a.bev, EV_READ | EV_WRITE);
    turn_for_ms(130);
    bufferevent_settimeout(a.bev, 3, 0);
    say("fields %ld %ld", (long)a.bev->timeout_read.tv_sec, (long)a.bev->timeout_write.tv_sec);
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void full_has_no_timeout(void) {
    struct side a;
    int raw;
    struct timeval tv = {0, 20000};
    heading("a full input is not timed");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_setcb(a.bev, NULL, NULL, event_cb, &a);
    bufferevent_set_timeouts(a.bev, &tv, NULL);
    bufferevent_setwatermark(a.bev, EV_READ, 0, 4);
    bufferevent_enable(a.bev, EV_READ);
    put(raw, "abcdefg");
    turn_for_ms(60);
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    evbuffer_drain(bufferevent_get_input(a.bev), 4);
    turn_for_ms(60);
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

/* --- callbacks that change things */

static void free_it(struct side* a) {
    say("%s: frees itself", a->name);
    bufferevent_free(a->bev);
}
static void free_on_event(struct side* a, short what) {
    (void)what;
    free_it(a);
}
static void stop_reading(struct side* a) {
    bufferevent_disable(a->bev, EV_READ);
}
static void stop_writing(struct side* a) {
    bufferevent_disable(a->bev, EV_WRITE);
}
static void answer(struct side* a) {
    if (a->left-- > 0) bufferevent_write(a->bev, "answer", 6);
}
static void change_callbacks(struct side* a) {
    bufferevent_setcb(a->bev, NULL, write_cb, NULL, a);
}

static void under_its_feet(int options) {
    struct side a;
    int raw;
    say("== callbacks that change things, options %d", options);
    socket_side(&a, "a", options, &raw);
    bufferevent_enable(a.bev, EV_READ);
    a.on_read = free_it;
    put(raw, "die");
    turn();
    close(raw);

    socket_side(&a, "b", options, &raw);
    a.on_write = free_it;
    bufferevent_write(a.bev, "die", 3);
    turn();
    close(raw);

    socket_side(&a, "c", options, &raw);
    bufferevent_enable(a.bev, EV_READ);
    a.on_event = free_on_event;
    put(raw, "and");
    close(raw);
    turn();

    socket_side(&a, "d", options, &raw);
    bufferevent_enable(a.bev, EV_READ);
    bufferevent_set_max_single_read(a.bev, 4);
    a.on_read = stop_reading;
    put(raw, "0123456789");
    turn();
    bufferevent_enable(a.bev, EV_READ);
    turn();
    a.on_read = NULL;
    bufferevent_enable(a.bev, EV_READ);
    turn();
    a.on_write = stop_writing;
    bufferevent_write(a.bev, "x", 1);
    turn();
    bufferevent_write(a.bev, "yz", 2);
    turn();
    say("raw got %lu", (unsigned long)swallow(raw));
    bufferevent_enable(a.bev, EV_WRITE);
    turn();
    say("raw got %lu", (unsigned long)swallow(raw));
    bufferevent_free(a.bev);
    turn();
    close(raw);

    socket_side(&a, "e", options, &raw);
    bufferevent_enable(a.bev, EV_READ);
    a.on_read = answer;
    a.on_write = answer;
    a.left = 3;
    put(raw, "q");
    turn();
    say("raw got %lu", (unsigned long)swallow(raw));
    a.on_write = NULL;
    a.on_read = change_callbacks;
    put(raw, "q");
    turn();
    put(raw, "unheard");
    turn();
    say("in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    close(raw);
    turn();
    say("enabled %d", bufferevent_get_enabled(a.bev));
    bufferevent_free(a.bev);
    turn();
}

static void frozen(void) {
    struct side a;
    int raw;
    char text[8];
    heading("frozen ends");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_disable(a.bev, EV_WRITE);
    bufferevent_write(a.bev, "abcdef", 6);
    say("drain output %d", evbuffer_drain(bufferevent_get_output(a.bev), 1));
    say("remove output %d", evbuffer_remove(bufferevent_get_output(a.bev), text, 2));
    say("prepend output %d", evbuffer_prepend(bufferevent_get_output(a.bev), "x", 1));
    say("add output %d", evbuffer_add(bufferevent_get_output(a.bev), "x", 1));
    say("add input %d", evbuffer_add(bufferevent_get_input(a.bev), "x", 1));
    say("out %lu in %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)),
        (unsigned long)evbuffer_get_length(bufferevent_get_input(a.bev)));
    bufferevent_free(a.bev);
    turn();
    close(raw);
}

static void through(void) {
    struct side a, b;
    int fds[2];
    size_t i;
    unsigned long expected = 0;
    char* block = malloc(300000);
    struct evbuffer* buffer = evbuffer_new();
    heading("much data from one to another");
    fill(block, 300000);
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    attach(&a, "a", bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE));
    attach(&b, "b", bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE));
    a.quiet_read = b.quiet_read = 1;
    bufferevent_enable(b.bev, EV_READ);
    for (i = 0; i < 300000; ++i) expected = expected * 31 + (unsigned char)block[i];
    evbuffer_add(buffer, block, 100000);
    say("write_buffer %d", bufferevent_write_buffer(a.bev, buffer));
    bufferevent_write(a.bev, block + 100000, 200000);
    say("rest %lu", (unsigned long)evbuffer_get_length(buffer));
    turn();
    say("total %lu, same %d", (unsigned long)b.total, b.sum == expected);
    b.keep = 1;
    bufferevent_write(a.bev, block, 5000);
    turn();
    say("read_buffer %d", bufferevent_read_buffer(b.bev, buffer));
    say("moved %lu", (unsigned long)evbuffer_get_length(buffer));
    bufferevent_free(a.bev);
    turn();
    bufferevent_free(b.bev);
    turn();
    evbuffer_free(buffer);
    free(block);
}

static void reset(void) {
    int listener, fd;
    struct sockaddr_in sin;
    socklen_t length = sizeof sin;
    struct linger linger = {1, 0};
    struct side a;
    heading("reset by the peer");
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr*)&sin, sizeof sin) || listen(listener, 1)) abort();
    getsockname(listener, (struct sockaddr*)&sin, &length);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&sin, sizeof sin) != 0) abort();
    evutil_make_socket_nonblocking(fd);
    attach(&a, "a", bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_enable(a.bev, EV_READ);
    fd = accept(listener, NULL, NULL);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
    turn_for_ms(10);
    bufferevent_enable(a.bev, EV_READ);
    turn_for_ms(10);
    bufferevent_free(a.bev);
    turn();
    close(listener);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    basic(BEV_OPT_CLOSE_ON_FREE);
    basic(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    basic(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS | BEV_OPT_UNLOCK_CALLBACKS);
    check(bufferevent_socket_new(base, -1, BEV_OPT_THREADSAFE) == NULL, "no lock without threads");
    check(bufferevent_socket_new(base, -1, BEV_OPT_UNLOCK_CALLBACKS) == NULL,
          "no unlocked callbacks that are not deferred");
    enable_write_alone();
    ends();
    bad_descriptor();
    setfd();
    read_marks();
    high_mark();
    write_marks();
    caps();
    timed();
    full_has_no_timeout();
    under_its_feet(BEV_OPT_CLOSE_ON_FREE);
    under_its_feet(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    frozen();
    through();
    reset();
    event_base_free(base);
    return 0;
}
