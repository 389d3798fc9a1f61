/* TLS over sockets: handshakes, data of all sizes both ways, ends clean and cut off, refusals, time-outs, and what
 * the functions say of bufferevents without TLS. */
#include "ssl_support.h"

static void exchange(size_t size, int options) {
    char* data = malloc(size);
    size_t i;
    for (i = 0; i < size; i++) data[i] = (char)(i * 7 + i / 256);
    open_pair(options);
    server.echoes = 1;
    server.wanted = client.wanted = size;
    bufferevent_enable(client.bev, EV_READ | EV_WRITE);
    bufferevent_enable(server.bev, EV_READ | EV_WRITE);
    bufferevent_write(client.bev, data, size);
    turn();
    say("%d octets, options %d", (int)size, options);
    result();
    close_pair();
    free(data);
}

static void greetings(void) {
    open_pair(0);
    client.greeting = "from the client";
    server.greeting = "from the server";
    client.wanted = server.wanted = 15;
    say("enabled %d %d", bufferevent_get_enabled(client.bev), bufferevent_get_enabled(server.bev));
    bufferevent_enable(client.bev, EV_READ);
    bufferevent_enable(server.bev, EV_READ);
    turn();
    result();
    say("ssl %d, version %s", bufferevent_openssl_get_ssl(client.bev) != NULL,
        SSL_get_version(bufferevent_openssl_get_ssl(client.bev)));
    close_pair();
}

/* The client ends after the greeting, in one of several ways. */
static void ends(int clean, int half) {
    open_pair(0);
    client.greeting = "then it ends";
    server.wanted = 12;
    bufferevent_enable(client.bev, EV_READ);
    bufferevent_enable(server.bev, EV_READ);
    turn();
    result();
    if (clean) say("shutdown %d", SSL_shutdown(bufferevent_openssl_get_ssl(client.bev)));
    if (half) shutdown(bufferevent_getfd(client.bev), SHUT_WR);
    if (!half) {
        bufferevent_free(client.bev);
        client.bev = NULL;
    }
    server.wanted = 1000;
    turn();
    close_pair();
}

static void disabled(void) {
    open_pair(0);
    client.greeting = "while reading is off";
    bufferevent_disable(server.bev, EV_READ);
    turn_ready();
    client.wanted = server.wanted = 0;
    bufferevent_enable(client.bev, EV_READ);
    turn_ready();
    say("reading off: %d", (int)server.received);
    server.wanted = 20;
    bufferevent_enable(server.bev, EV_READ);
    turn();
    result();
    bufferevent_setwatermark(server.bev, EV_READ, 10, 0);
    bufferevent_write(client.bev, "12345", 5);
    turn_ready();
    say("below the mark: %d", (int)server.received);
    server.wanted = 30;
    bufferevent_write(client.bev, "67890", 5);
    turn();
    result();
    close_pair();
}

static void garbage(void) {
    evutil_socket_t pair[2];
    reset(&client, "client");
    reset(&server, "server");
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    evutil_make_socket_nonblocking(pair[1]);
    server.bev = bufferevent_openssl_socket_new(base, pair[1], SSL_new(context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
    bufferevent_enable(server.bev, EV_READ);
    if (write(pair[0], "GET / HTTP/1.0\r\n\r\n", 18) != 18) abort();
    server.wanted = 1;
    turn();
    close_pair();
    close(pair[0]);
    say("peer leaves in the handshake");
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    evutil_make_socket_nonblocking(pair[1]);
    reset(&server, "server");
    server.bev = bufferevent_openssl_socket_new(base, pair[1], SSL_new(context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
    close(pair[0]);
    server.wanted = 1;
    turn();
    close_pair();
}

static void timeouts(void) {
    struct timeval soon = {0, 30000};
    evutil_socket_t pair[2];
    reset(&client, "client");
    reset(&server, "server");
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    evutil_make_socket_nonblocking(pair[1]);
    server.bev = bufferevent_openssl_socket_new(base, pair[1], SSL_new(context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
    bufferevent_set_timeouts(server.bev, &soon, NULL);
    bufferevent_enable(server.bev, EV_READ);
    server.wanted = 1;
    turn();
    close_pair();
    close(pair[0]);
    say("after the handshake");
    open_pair(0);
    bufferevent_enable(client.bev, EV_READ);
    bufferevent_enable(server.bev, EV_READ);
    turn_ready();
    bufferevent_set_timeouts(server.bev, &soon, NULL);
    server.wanted = 1;
    turn();
    close_pair();
}

static void on_accept(struct evconnlistener* listener, evutil_socket_t fd, struct sockaddr* address,
                      int length, void* arg) {
    (void)listener;
    (void)address;
    (void)length;
    (void)arg;
    server.bev = bufferevent_openssl_socket_new(base, fd, SSL_new(context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
    bufferevent_enable(server.bev, EV_READ);
}

static void connecting(void) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    struct evconnlistener* listener;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16,
                                       (struct sockaddr*)&address, sizeof address);
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr*)&address, &size);
    reset(&client, "client");
    reset(&server, "server");
    server.greeting = "hello";
    client.bev = bufferevent_openssl_socket_new(base, -1, SSL_new(context),
                                                BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client.bev, on_read, NULL, on_event, &client);
    bufferevent_enable(client.bev, EV_READ);
    say("fd before %d", bufferevent_getfd(client.bev));
    say("connect %d",
        bufferevent_socket_connect(client.bev, (struct sockaddr*)&address, sizeof address));
    client.wanted = 5;
    turn();
    result();
    close_pair();
    evconnlistener_free(listener);
    say("nobody listens");
    reset(&client, "client");
    client.bev = bufferevent_openssl_socket_new(base, -1, SSL_new(context),
                                                BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client.bev, on_read, NULL, on_event, &client);
    say("connect %d",
        bufferevent_socket_connect(client.bev, (struct sockaddr*)&address, sizeof address));
    client.wanted = 1;
    turn();
    close_pair();
}

static void without_tls(void) {
    struct bufferevent* bev = bufferevent_socket_new(base, -1, 0);
    evutil_socket_t pair[2], other[2];
    SSL* ssl = SSL_new(context);
    say("without TLS: dirty %d, ssl %d, error %lu, renegotiate %d",
        bufferevent_openssl_get_allow_dirty_shutdown(bev), bufferevent_openssl_get_ssl(bev) != NULL,
        bufferevent_get_openssl_error(bev), bufferevent_ssl_renegotiate(bev));
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    bufferevent_free(bev);
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    SSL_set_fd(ssl, pair[0]);
    bev = bufferevent_openssl_socket_new(base, other[0], ssl, BUFFEREVENT_SSL_CONNECTING, 0);
    say("two descriptors: %d", bev != NULL);
    bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, 0);
    say("the SSL's own: %d", bufferevent_getfd(bev) == pair[0]);
    say("dirty %d", bufferevent_openssl_get_allow_dirty_shutdown(bev));
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 5);
    say("dirty %d", bufferevent_openssl_get_allow_dirty_shutdown(bev));
    bufferevent_free(bev);
    turn_ready();
    say("SSL kept: %d", SSL_get_fd(ssl) == pair[0]);
    SSL_free(ssl);
    close(pair[0]);
    close(pair[1]);
    close(other[0]);
    close(other[1]);
}

int main(void) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t sizes[] = {1, 100, 4096, 4097, 16384, 16385, 100000, 1000000};
    unsigned i, j;
    base = event_base_new();
    for (i = 0; i < 2; i++) {
        context = new_context(versions[i]);
        say("== %s", i == 0 ? "1.2" : "1.3");
        greetings();
        for (j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            exchange(sizes[j], 0);
            exchange(sizes[j], BEV_OPT_DEFER_CALLBACKS);
        }
        ends(1, 0);
        ends(0, 0);
        ends(1, 1);
        ends(0, 1);
        disabled();
        garbage();
        timeouts();
        connecting();
        without_tls();
        SSL_CTX_free(context);
    }
    event_base_free(base);
    return 0;
}
