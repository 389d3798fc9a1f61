/* Listeners: flags, callbacks, disabling, freeing in callbacks, errors, exhausted descriptors. */
#include "bufferevent_support.h"

#include <sys/resource.h>

static struct sockaddr_in address;
static int clients[64], client_count;

static void connect_one(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
        say("connect: %s", strerror(errno));
    }
    clients[client_count++] = fd;
}

static void close_clients(void) {
    while (client_count > 0) close(clients[--client_count]);
}

static void note_address(struct evconnlistener* lev) {
    socklen_t length = sizeof address;
    getsockname(evconnlistener_get_fd(lev), (struct sockaddr*)&address, &length);
}

static struct sockaddr* any_port(void) {
    static struct sockaddr_in sin;
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (struct sockaddr*)&sin;
}

static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    if (getsockopt(fd, level, name, &value, &length) != 0) return -1;
    return value != 0;
}

enum action { nothing, disable, free_it, replace, remove_callback };
static enum action next_action;
static void other_cb(struct evconnlistener* lev, evutil_socket_t fd, struct sockaddr* sa, int size,
                     void* arg) {
    (void)lev;
    (void)sa;
    (void)size;
    say("other callback, %s", (const char*)arg);
    close(fd);
}

static void accept_cb(struct evconnlistener* lev, evutil_socket_t fd, struct sockaddr* sa, int size,
                      void* arg) {
    say("accepted, %s, family %d, size %d, nonblocking %d, cloexec %d, keepalive %d",
        (const char*)arg, sa->sa_family, size, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0,
        (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, option(fd, SOL_SOCKET, SO_KEEPALIVE));
    close(fd);
    switch (next_action) {
        case nothing: break;
        case disable: say("disable %d", evconnlistener_disable(lev)); break;
        case free_it:
            say("free");
            evconnlistener_free(lev);
            break;
        case replace: evconnlistener_set_cb(lev, other_cb, (void*)"replaced"); break;
        case remove_callback: evconnlistener_set_cb(lev, NULL, NULL); break;
    }
    next_action = nothing;
}

static void flags(unsigned f, const char* name) {
    struct evconnlistener* lev;
    int fd;
    say("== flags %s", name);
    lev = evconnlistener_new_bind(base, accept_cb, (void*)"arg", f, -1, any_port(),
                                  sizeof(struct sockaddr_in));
    if (lev == NULL) {
        say("none");
        return;
    }
    note_address(lev);
    fd = evconnlistener_get_fd(lev);
    check(evconnlistener_get_base(lev) == base, "base");
    say("nonblocking %d, cloexec %d, reuseaddr %d, reuseport %d, defer %d, keepalive %d",
        (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
        option(fd, SOL_SOCKET, SO_REUSEADDR), option(fd, SOL_SOCKET, SO_REUSEPORT),
        option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), option(fd, SOL_SOCKET, SO_KEEPALIVE));
    connect_one();
    connect_one();
    if (f & LEV_OPT_DEFERRED_ACCEPT) {
        put(clients[0], "x");
        put(clients[1], "y");
    }
    turn();
    say("disable %d", evconnlistener_disable(lev));
    connect_one();
    if (f & LEV_OPT_DEFERRED_ACCEPT) put(clients[2], "z");
    turn();
    say("enable %d", evconnlistener_enable(lev));
    turn();
    evconnlistener_free(lev);
    check(is_open(fd), "open");
    turn();
    if (!(f & LEV_OPT_CLOSE_ON_FREE)) close(fd);
    close_clients();
}

static struct evconnlistener* plain(const char* name) {
    struct evconnlistener* lev =
        evconnlistener_new_bind(base, accept_cb, (void*)name, LEV_OPT_CLOSE_ON_FREE, 16, any_port(),
                                sizeof(struct sockaddr_in));
    note_address(lev);
    return lev;
}

static void in_callbacks(void) {
    struct evconnlistener* lev;
    heading("disabled in the callback");
    lev = plain("a");
    connect_one();
    connect_one();
    next_action = disable;
    turn();
    say("again");
    evconnlistener_enable(lev);
    turn();
    heading("replaced in the callback");
    connect_one();
    connect_one();
    next_action = replace;
    turn();
    heading("no callback");
    evconnlistener_set_cb(lev, accept_cb, (void*)"c");
    connect_one();
    connect_one();
    connect_one();
    next_action = remove_callback;
    turn();
    connect_one();
    turn();
    evconnlistener_set_cb(lev, accept_cb, (void*)"d");
    connect_one();
    turn();
    heading("freed in the callback");
    connect_one();
    connect_one();
    next_action = free_it;
    turn();
    turn();
    close_clients();
}

static void without_callback(void) {
    struct evconnlistener* lev;
    heading("made without a callback");
    lev = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 16, any_port(),
                                  sizeof(struct sockaddr_in));
    note_address(lev);
    connect_one();
    turn();
    evconnlistener_set_cb(lev, accept_cb, (void*)"late");
    turn();
    evconnlistener_free(lev);
    close_clients();

    heading("made disabled");
    lev = evconnlistener_new_bind(base, accept_cb, (void*)"x",
                                  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_DISABLED, 16, any_port(),
                                  sizeof(struct sockaddr_in));
    note_address(lev);
    connect_one();
    turn();
    evconnlistener_set_cb(lev, accept_cb, (void*)"y");
    turn();
    evconnlistener_enable(lev);
    turn();
    evconnlistener_free(lev);
    close_clients();
}

static void own_socket(void) {
    struct evconnlistener* lev;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    heading("a socket of one's own");
    if (bind(fd, any_port(), sizeof(struct sockaddr_in)) != 0) abort();
    lev = evconnlistener_new(base, accept_cb, (void*)"own", 0, 8, fd);
    check(evconnlistener_get_fd(lev) == fd, "same");
    note_address(lev);
    connect_one();
    turn();
    evconnlistener_free(lev);
    turn();
    check(is_open(fd), "open");
    lev =
        evconnlistener_new(base, accept_cb, (void*)"listens already", LEV_OPT_CLOSE_ON_FREE, 0, fd);
    connect_one();
    turn();
    evconnlistener_free(lev);
    turn();
    check(is_open(fd), "open");
    close_clients();
}

static void failures(void) {
    struct evconnlistener *lev, *second;
    int fds[2];
    struct sockaddr_in sin;
    heading("failures");
    lev = evconnlistener_new_bind(base, accept_cb, NULL, LEV_OPT_CLOSE_ON_FREE, 0, any_port(),
                                  sizeof(struct sockaddr_in));
    say("backlog 0: %p", (void*)lev);
    lev = plain("first");
    second = evconnlistener_new_bind(base, accept_cb, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                     (struct sockaddr*)&address, sizeof address);
    say("taken port: %p, %s", (void*)second, strerror(errno));
    second =
        evconnlistener_new_bind(base, accept_cb, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                -1, (struct sockaddr*)&address, sizeof address);
    say("taken port, reuseable: %p, %s", (void*)second, strerror(errno));
    evconnlistener_free(lev);
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(0x08080808);
    lev = evconnlistener_new_bind(base, accept_cb, NULL, 0, -1, (struct sockaddr*)&sin, sizeof sin);
    say("foreign address: %p, %s", (void*)lev, strerror(errno));
    if (pipe(fds) != 0) abort();
    lev = evconnlistener_new(base, accept_cb, NULL, LEV_OPT_CLOSE_ON_FREE, 5, fds[0]);
    say("pipe: %p, %s, open %d", (void*)lev, strerror(errno), is_open(fds[0]));
    close(fds[0]);
    close(fds[1]);
    lev = evconnlistener_new_bind(base, accept_cb, NULL, 0, -1, NULL, 0);
    say("no address: %p", (void*)lev);
}

static void reuse_port(void) {
    struct evconnlistener *one, *two;
    heading("reuse port");
    one = evconnlistener_new_bind(base, accept_cb, (void*)"one",
                                  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE_PORT, -1, any_port(),
                                  sizeof(struct sockaddr_in));
    note_address(one);
    two = evconnlistener_new_bind(base, accept_cb, (void*)"two",
                                  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE_PORT, -1,
                                  (struct sockaddr*)&address, sizeof address);
    check(two != NULL, "second");
    evconnlistener_free(one);
    connect_one();
    turn();
    if (two) evconnlistener_free(two);
    close_clients();
}

static void unix_and_v6(void) {
    struct evconnlistener* lev;
    struct sockaddr_un sun;
    struct sockaddr_in6 sin6;
    socklen_t length;
    int fd;
    heading("unix");
    memset(&sun, 0, sizeof sun);
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path + 1, sizeof sun.sun_path - 1, "listener-test-%d", (int)getpid());
    length = (socklen_t)(sizeof(sa_family_t) + 1 + strlen(sun.sun_path + 1));
    lev = evconnlistener_new_bind(base, accept_cb, (void*)"unix",
                                  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                  (struct sockaddr*)&sun, (int)length);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&sun, length) != 0) say("%s", strerror(errno));
    turn();
    close(fd);
    evconnlistener_free(lev);
    heading("v6 only");
    memset(&sin6, 0, sizeof sin6);
    sin6.sin6_family = AF_INET6;
    sin6.sin6_addr = in6addr_any;
    lev = evconnlistener_new_bind(base, accept_cb, (void*)"v6",
                                  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_BIND_IPV6ONLY, -1,
                                  (struct sockaddr*)&sin6, sizeof sin6);
    if (lev == NULL) {
        say("no v6 here");
        return;
    }
    say("v6only %d", option(evconnlistener_get_fd(lev), IPPROTO_IPV6, IPV6_V6ONLY));
    evconnlistener_free(lev);
}

/* --- Errors of accept */

static int error_calls, warnings;
static void count_error(struct evconnlistener* lev, void* arg) {
    int error = errno;
    ++error_calls;
    if (error_calls == 1) say("error callback: %s, %s", strerror(error), (const char*)arg);
    evconnlistener_disable(lev);
}
static void count_warnings(int severity, const char* message) {
    (void)message;
    if (severity == EVENT_LOG_WARN) ++warnings;
}

static void exhausted(void) {
    struct evconnlistener* lev;
    struct rlimit saved, low;
    int first_free;
    heading("descriptors are exhausted");
    lev = plain("patient");
    evconnlistener_set_error_cb(lev, count_error);
    connect_one();
    getrlimit(RLIMIT_NOFILE, &saved);
    first_free = dup(0);
    close(first_free);
    low = saved;
    low.rlim_cur = (rlim_t)first_free;
    setrlimit(RLIMIT_NOFILE, &low);
    turn();
    setrlimit(RLIMIT_NOFILE, &saved);
    say("calls %d", error_calls);
    turn();
    evconnlistener_enable(lev);
    turn();
    evconnlistener_set_error_cb(lev, NULL);
    heading("and nobody asks for errors");
    event_set_log_callback(count_warnings);
    connect_one();
    low.rlim_cur = (rlim_t)first_free + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    setrlimit(RLIMIT_NOFILE, &saved);
    check(warnings >= 1, "a warning");
    turn_for_ms(150);
    event_set_log_callback(silent_log);
    evconnlistener_free(lev);
    close_clients();
}

static void shut_down(void) {
    struct evconnlistener* lev;
    heading("the socket is shut down");
    error_calls = 0;
    lev = plain("shut");
    evconnlistener_set_error_cb(lev, count_error);
    shutdown(evconnlistener_get_fd(lev), SHUT_RDWR);
    turn();
    say("calls %d", error_calls);
    evconnlistener_free(lev);
    turn();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    flags(0, "none");
    flags(LEV_OPT_CLOSE_ON_FREE, "close on free");
    flags(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_LEAVE_SOCKETS_BLOCKING, "blocking");
    flags(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, "cloexec, reuseable");
    flags(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE_PORT, "reuse port");
    flags(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_DEFERRED_ACCEPT, "deferred");
    flags(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, "thread-safe without threads");
    in_callbacks();
    without_callback();
    own_socket();
    failures();
    reuse_port();
    unix_and_v6();
    exhausted();
    shut_down();
    event_base_free(base);
    return 0;
}
