/* Bufferevents that connect by name through the resolver: found, not found, found late, the bufferevent
 * freed or given another descriptor meanwhile. */
#include <event2/bufferevent.h>
#include "dns_common.h"

static const unsigned char here[] = {127, 0, 0, 1};
static struct event_base* base;
static struct query held;
static int holding;

static void answer(struct responder* r, struct query* q) {
    struct reply out;
    int known = q->lower[0] == 'h' && q->type == 1;
    reply_begin(&out, q, q->lower[0] == 'n' ? 0x8183 : 0x8180);
    if (known) reply_record(&out, 0, NULL, 1, 1, 60, here, 4);
    reply_send(r, q, &out);
}

static void handle(struct responder* r, struct query* q) {
    if (holding) {
        held = *q;
        event_base_loopbreak(base);
    } else {
        answer(r, q);
    }
}

static void on_event(struct bufferevent* bev, short what, void* arg) {
    printf("%s: event %x dns error %d\n", (const char*)arg, (unsigned)what,
           bufferevent_socket_get_dns_error(bev));
    event_base_loopexit(base, NULL);
}

static struct bufferevent* start(struct evdns_base* dns, const char* name, int family, int port,
                                 const char* label) {
    struct bufferevent* bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    int result;
    bufferevent_setcb(bev, NULL, NULL, on_event, (void*)label);
    result = bufferevent_socket_connect_hostname(bev, dns, family, name, port);
    printf("%s: connect %d\n", label, result);
    return bev;
}

int main(void) {
    struct responder server;
    struct evdns_base* dns;
    struct bufferevent* bev;
    struct sockaddr_in address;
    ev_socklen_t length = sizeof(address);
    evutil_socket_t listener = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval soon = {0, 20000};
    int port, i;
    static const char* const names[] = {"host.test", "none.test", "empty.test", "127.0.0.1",
                                        "host.test."};
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr*)&address, length) < 0 || listen(listener, 8) < 0) return 1;
    getsockname(listener, (struct sockaddr*)&address, &length);
    port = ntohs(address.sin_port);
    base = event_base_new();
    dns = evdns_base_new(base, 0);
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    server.quiet = 1;
    add_responder(dns, &server);
    for (i = 0; i < 5; ++i) {
        bev = start(dns, names[i], AF_INET, port, names[i]);
        event_base_dispatch(base);
        bufferevent_free(bev);
    }
    bev = start(dns, "host.test", AF_UNSPEC, port, "either family");
    event_base_dispatch(base);
    bufferevent_free(bev);
    for (i = 0; i < 2; ++i) {
        static const int bad[] = {0, 70000};
        bev = start(dns, "host.test", AF_INET, bad[i], "bad port");
        bufferevent_free(bev);
    }
    bev = start(dns, "host.test", AF_UNIX, port, "bad family");
    bufferevent_free(bev);
    printf("== freed during the look-up\n");
    holding = 1;
    bev = start(dns, "host.test", AF_INET, port, "freed");
    event_base_dispatch(base);
    bufferevent_free(bev);
    answer(&server, &held);
    event_base_loopexit(base, &soon);
    event_base_dispatch(base);
    printf("== the resolver freed during the look-up\n");
    bev = start(dns, "host.test", AF_INET, port, "orphan");
    event_base_dispatch(base);
    evdns_base_free(dns, 1);
    event_base_loopexit(base, &soon);
    event_base_dispatch(base);
    bufferevent_free(bev);
    event_base_loop(base, EVLOOP_NONBLOCK);
    responder_close(&server);
    event_base_free(base);
    close(listener);
    return 0;
}
