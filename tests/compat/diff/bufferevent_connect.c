/* Connecting: by address and by name, to who listens and who does not, over TCP and unix sockets,
 * with a descriptor of one's own, with timeouts, and freeing on the way. */
#include "bufferevent_support.h"

static int listener;
static struct sockaddr_in here; /* where the listener is */
static struct sockaddr_in dead; /* where nobody is */

static void set_up(void) {
    socklen_t length = sizeof here;
    int fd;
    memset(&here, 0, sizeof here);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    dead = here;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    evutil_make_socket_nonblocking(listener);
    if (bind(listener, (struct sockaddr*)&here, sizeof here) || listen(listener, 16)) abort();
    getsockname(listener, (struct sockaddr*)&here, &length);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    length = sizeof dead;
    if (bind(fd, (struct sockaddr*)&dead, sizeof dead)) abort();
    getsockname(fd, (struct sockaddr*)&dead, &length);
    /* Stays bound and does not listen: nobody else gets the port. */
}

static int take_connection(void) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0) evutil_make_socket_nonblocking(fd);
    return fd;
}

static void greet(struct side* a, short what) {
    if (what & BEV_EVENT_CONNECTED) {
        say("%s: fd %s", a->name, bufferevent_getfd(a->bev) >= 0 ? "there" : "missing");
        bufferevent_write(a->bev, "hello", 5);
    }
}

static void by_address(int options, int enable) {
    struct side a;
    int peer;
    say("== by address, options %d, enabling %d", options, enable);
    attach(&a, "a", bufferevent_socket_new(base, -1, options));
    a.on_event = greet;
    if (enable) bufferevent_enable(a.bev, (short)enable);
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here));
    turn_for_ms(10);
    peer = take_connection();
    put(peer, "welcome");
    turn_for_ms(10);
    say("peer got %lu", (unsigned long)swallow(peer));
    say("dns error %d", bufferevent_socket_get_dns_error(a.bev));
    close(peer);
    turn_for_ms(10);
    bufferevent_free(a.bev);
    turn();
}

static void written_before(void) {
    struct side a;
    int peer;
    heading("written before it is connected");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_write(a.bev, "early", 5);
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here));
    bufferevent_write(a.bev, "bird", 4);
    turn_for_ms(10);
    peer = take_connection();
    say("peer got %lu", (unsigned long)swallow(peer));
    close(peer);
    turn_for_ms(5);
    bufferevent_free(a.bev);
    turn();

    heading("writing disabled while connecting");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here);
    bufferevent_disable(a.bev, EV_WRITE);
    bufferevent_write(a.bev, "kept", 4);
    turn_for_ms(10);
    peer = take_connection();
    say("enabled %d, peer got %lu", bufferevent_get_enabled(a.bev), (unsigned long)swallow(peer));
    bufferevent_enable(a.bev, EV_WRITE);
    turn_for_ms(10);
    say("peer got %lu", (unsigned long)swallow(peer));
    close(peer);
    bufferevent_free(a.bev);
    turn();
}

static void refused(int options, int enable) {
    struct side a;
    say("== refused, options %d, enabling %d", options, enable);
    attach(&a, "a", bufferevent_socket_new(base, -1, options));
    if (enable) bufferevent_enable(a.bev, (short)enable);
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&dead, (int)sizeof dead));
    turn_for_ms(20);
    say("enabled %d, fd %s", bufferevent_get_enabled(a.bev),
        bufferevent_getfd(a.bev) >= 0 ? "there" : "missing");
    bufferevent_write(a.bev, "nobody", 6);
    turn_for_ms(10);
    bufferevent_free(a.bev);
    turn();
}

static void impossible(void) {
    struct side a;
    struct sockaddr_in sin;
    heading("an address that cannot be connected to");
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = 0xffffffffu;
    sin.sin_port = htons(9);
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&sin, (int)sizeof sin));
    turn_for_ms(10);
    say("fd %d", bufferevent_getfd(a.bev));
    bufferevent_free(a.bev);
    attach(&a, "b", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("connect to nothing %d", bufferevent_socket_connect(a.bev, NULL, 0));
    sin.sin_family = 77;
    say("connect to family 77: %d",
        bufferevent_socket_connect(a.bev, (struct sockaddr*)&sin, (int)sizeof sin));
    turn_for_ms(5);
    say("fd %d", bufferevent_getfd(a.bev));
    bufferevent_free(a.bev);
    turn();
}

static void own_descriptor(void) {
    struct side a;
    int fd, peer;
    heading("a descriptor of one's own");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    evutil_make_socket_nonblocking(fd);
    attach(&a, "a", bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here));
    say("same %d", bufferevent_getfd(a.bev) == fd);
    turn_for_ms(10);
    close(take_connection());
    bufferevent_free(a.bev);
    turn();

    heading("a descriptor that connects already");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    evutil_make_socket_nonblocking(fd);
    connect(fd, (struct sockaddr*)&here, sizeof here);
    attach(&a, "a", bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect(a.bev, NULL, 0));
    turn_for_ms(10);
    peer = take_connection();
    bufferevent_write(a.bev, "data", 4);
    turn_for_ms(5);
    say("peer got %lu", (unsigned long)swallow(peer));
    close(peer);
    bufferevent_free(a.bev);
    turn();

    heading("refused on a descriptor of one's own");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    evutil_make_socket_nonblocking(fd);
    attach(&a, "a", bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&dead, (int)sizeof dead));
    turn_for_ms(10);
    check(is_open(fd), "open");
    bufferevent_free(a.bev);
    turn();
    check(is_open(fd), "open");
}

static void unix_socket(int enable) {
    struct side a;
    struct sockaddr_un sun;
    socklen_t length;
    int server, peer;
    say("== unix, enabling %d", enable);
    memset(&sun, 0, sizeof sun);
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path + 1, sizeof sun.sun_path - 1, "bev-test-%d", (int)getpid());
    length = (socklen_t)(sizeof(sa_family_t) + 1 + strlen(sun.sun_path + 1));
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    evutil_make_socket_nonblocking(server);
    if (bind(server, (struct sockaddr*)&sun, length) || listen(server, 4)) abort();
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_enable(a.bev, (short)enable);
    a.on_event = greet;
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&sun, (int)length));
    turn_for_ms(10);
    peer = accept(server, NULL, NULL);
    evutil_make_socket_nonblocking(peer);
    say("peer got %lu", (unsigned long)swallow(peer));
    close(peer);
    turn_for_ms(5);
    bufferevent_free(a.bev);
    turn();
    close(server);
    attach(&a, "b", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_enable(a.bev, (short)enable);
    say("connect to who has gone %d",
        bufferevent_socket_connect(a.bev, (struct sockaddr*)&sun, (int)length));
    turn_for_ms(10);
    say("fd %s", bufferevent_getfd(a.bev) >= 0 ? "there" : "missing");
    bufferevent_free(a.bev);
    turn();
}

static void by_name(void) {
    struct side a;
    int peer;
    heading("by name");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    a.on_event = greet;
    bufferevent_enable(a.bev, EV_READ);
    say("connect %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "127.0.0.1",
                                                          ntohs(here.sin_port)));
    turn_for_ms(10);
    peer = take_connection();
    say("peer got %lu", (unsigned long)swallow(peer));
    put(peer, "x");
    turn_for_ms(5);
    say("dns error %d", bufferevent_socket_get_dns_error(a.bev));
    close(peer);
    turn_for_ms(5);
    bufferevent_free(a.bev);
    turn();

    heading("by name, localhost");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "localhost",
                                                          ntohs(here.sin_port)));
    turn_for_ms(10);
    peer = take_connection();
    say("accepted %d", peer >= 0);
    close(peer);
    bufferevent_free(a.bev);
    turn();

    heading("by name, refused");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_UNSPEC, "127.0.0.1",
                                                          ntohs(dead.sin_port)));
    turn_for_ms(10);
    say("dns error %d", bufferevent_socket_get_dns_error(a.bev));
    bufferevent_free(a.bev);
    turn();

    heading("names that are none");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("family %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_UNIX, "127.0.0.1", 80));
    say("port %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "127.0.0.1", 0));
    say("port %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "127.0.0.1", 65536));
    turn_for_ms(5);
    a.no_errno = 1;
    say("v6 as v4: %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "::1", 80));
    turn_for_ms(5);
    say("dns error %d, enabled %d", bufferevent_socket_get_dns_error(a.bev) != 0,
        bufferevent_get_enabled(a.bev));
    say("fd %d", bufferevent_getfd(a.bev));
    bufferevent_free(a.bev);
    turn();
}

static void odd(void) {
    struct side a;
    struct sockaddr_un sun;
    socklen_t length;
    int server, peer;
    heading("a name whose address cannot be connected to");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d",
        bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "255.255.255.255", 9));
    turn_for_ms(5);
    say("fd %d, dns error %d, enabled %d", bufferevent_getfd(a.bev),
        bufferevent_socket_get_dns_error(a.bev), bufferevent_get_enabled(a.bev));
    bufferevent_free(a.bev);
    turn();

    heading("a service by name, deferred");
    attach(&a, "a",
           bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS));
    a.no_errno = 1;
    say("connect %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET6, "127.0.0.1", 9));
    turn_for_ms(5);
    a.no_errno = 0;
    check(bufferevent_socket_get_dns_error(a.bev) != 0, "dns error");
    say("connect %d", bufferevent_socket_connect_hostname(a.bev, NULL, AF_INET, "127.0.0.1",
                                                          ntohs(here.sin_port)));
    turn_for_ms(10);
    say("dns error %d", bufferevent_socket_get_dns_error(a.bev));
    close(take_connection());
    bufferevent_free(a.bev);
    turn();

    heading("connected at once, writing disabled");
    memset(&sun, 0, sizeof sun);
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path + 1, sizeof sun.sun_path - 1, "bev-odd-%d", (int)getpid());
    length = (socklen_t)(sizeof(sa_family_t) + 1 + strlen(sun.sun_path + 1));
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr*)&sun, length) || listen(server, 4)) abort();
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_disable(a.bev, EV_WRITE);
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&sun, (int)length));
    turn_for_ms(5);
    say("enabled %d", bufferevent_get_enabled(a.bev));
    bufferevent_enable(a.bev, EV_READ | EV_WRITE);
    turn_for_ms(5);
    peer = accept(server, NULL, NULL);
    close(peer);
    turn_for_ms(5);
    bufferevent_free(a.bev);
    turn();
    close(server);

    heading("connecting twice");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here));
    turn_for_ms(10);
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here));
    turn_for_ms(10);
    close(take_connection());
    bufferevent_free(a.bev);
    turn();

    heading("reading disabled, the peer closes after connecting");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here);
    turn_for_ms(5);
    close(take_connection());
    turn_for_ms(5);
    bufferevent_enable(a.bev, EV_READ);
    turn_for_ms(5);
    bufferevent_free(a.bev);
    turn();
}

static void free_now(struct side* a, short what) {
    (void)what;
    bufferevent_free(a->bev);
}

static void freeing(void) {
    struct side a;
    int peer;
    heading("freed in the event callback");
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    a.on_event = free_now;
    bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here);
    turn_for_ms(10);
    peer = take_connection();
    close(peer);
    attach(&a, "b", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    a.on_event = free_now;
    bufferevent_socket_connect(a.bev, (struct sockaddr*)&dead, (int)sizeof dead);
    turn_for_ms(10);
    heading("freed while connecting");
    attach(&a, "c", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_socket_connect(a.bev, (struct sockaddr*)&here, (int)sizeof here);
    bufferevent_free(a.bev);
    turn_for_ms(10);
    peer = take_connection();
    close(peer);
}

/* A listener whose queue is full answers no handshake. */
static void never(void) {
    struct side a;
    int server, fillers[8], i;
    struct sockaddr_in sin;
    socklen_t length = sizeof sin;
    struct timeval tv = {0, 40000};
    heading("connecting takes too long");
    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr*)&sin, sizeof sin) || listen(server, 0)) abort();
    getsockname(server, (struct sockaddr*)&sin, &length);
    for (i = 0; i < 8; ++i) {
        fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
        evutil_make_socket_nonblocking(fillers[i]);
        connect(fillers[i], (struct sockaddr*)&sin, sizeof sin);
    }
    attach(&a, "a", bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_set_timeouts(a.bev, NULL, &tv);
    say("connect %d", bufferevent_socket_connect(a.bev, (struct sockaddr*)&sin, (int)sizeof sin));
    turn_for_ms(100);
    say("events %d", a.events);
    bufferevent_free(a.bev);
    turn();
    for (i = 0; i < 8; ++i) close(fillers[i]);
    close(server);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    set_up();
    by_address(BEV_OPT_CLOSE_ON_FREE, 0);
    by_address(BEV_OPT_CLOSE_ON_FREE, EV_READ);
    by_address(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, EV_READ | EV_WRITE);
    written_before();
    refused(BEV_OPT_CLOSE_ON_FREE, 0);
    refused(BEV_OPT_CLOSE_ON_FREE, EV_READ);
    refused(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS, EV_READ);
    impossible();
    own_descriptor();
    unix_socket(0);
    unix_socket(EV_READ | EV_WRITE);
    by_name();
    odd();
    freeing();
    never();
    event_base_free(base);
    return 0;
}
