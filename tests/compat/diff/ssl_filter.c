/* TLS over other bufferevents: over a pair, over sockets, in layers; ends and errors from below. */
#include "ssl_support.h"

static struct bufferevent* below[2];

static void open_over(struct bufferevent* a, struct bufferevent* b, int options) {
    reset(&client, "client");
    reset(&server, "server");
    below[0] = a;
    below[1] = b;
    client.bev =
        bufferevent_openssl_filter_new(base, a, SSL_new(context), BUFFEREVENT_SSL_CONNECTING,
                                       options | BEV_OPT_CLOSE_ON_FREE);
    server.bev =
        bufferevent_openssl_filter_new(base, b, SSL_new(context), BUFFEREVENT_SSL_ACCEPTING,
                                       options | BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client.bev, on_read, NULL, on_event, &client);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
    say("below: %d %d", bufferevent_get_underlying(client.bev) == a,
        bufferevent_get_underlying(server.bev) == b);
}

static void over_pair(int options) {
    struct bufferevent* pair[2];
    bufferevent_pair_new(base, 0, pair);
    open_over(pair[0], pair[1], options);
}

static void over_sockets(int options) {
    evutil_socket_t fds[2];
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    open_over(bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE),
              bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE), options);
}

static void exchange(void (*open)(int), size_t size, int options) {
    char* data = malloc(size);
    size_t i;
    for (i = 0; i < size; i++) data[i] = (char)(i * 7 + i / 256);
    open(options);
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

static void ends(int clean) {
    over_sockets(0);
    client.greeting = "then it ends";
    server.wanted = 12;
    bufferevent_enable(client.bev, EV_READ);
    bufferevent_enable(server.bev, EV_READ);
    turn();
    result();
    if (clean) say("shutdown %d", SSL_shutdown(bufferevent_openssl_get_ssl(client.bev)));
    turn_ready();
    if (!server.ended) {
        bufferevent_free(client.bev);
        client.bev = NULL;
        server.wanted = 1000;
        turn();
    }
    close_pair();
}

static void garbage(void) {
    struct bufferevent* pair[2];
    reset(&client, "client");
    reset(&server, "server");
    bufferevent_pair_new(base, 0, pair);
    server.bev = bufferevent_openssl_filter_new(base, pair[1], SSL_new(context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
    bufferevent_enable(server.bev, EV_READ);
    bufferevent_write(pair[0], "this is no TLS, whatever else it may be", 39);
    server.wanted = 1;
    turn();
    close_pair();
    bufferevent_free(pair[0]);
}

int main(void) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t sizes[] = {1, 4096, 16385, 300000};
    unsigned i, j;
    base = event_base_new();
    for (i = 0; i < 2; i++) {
        context = new_context(versions[i]);
        say("== %s", i == 0 ? "1.2" : "1.3");
        for (j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            exchange(over_pair, sizes[j], 0);
            exchange(over_pair, sizes[j], BEV_OPT_DEFER_CALLBACKS);
            exchange(over_sockets, sizes[j], 0);
        }
        ends(1);
        ends(0);
        garbage();
        SSL_CTX_free(context);
    }
    event_base_free(base);
    return 0;
}
