/* Names in one event loop: a small DNS server on loopback, and a resolver that asks it.
 *
 *   dns                 resolves names of its own zone
 *   dns NAME...         resolves these through /etc/resolv.conf and /etc/hosts */
#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct event_base* base;
static int waiting; /* look-ups that have not answered */

/* -- the server --------------------------------------------------------------------------------- */

static void answer(struct evdns_server_request* request, void* arg) {
    static const unsigned char v4[4] = {192, 0, 2, 7};
    static const unsigned char v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    int i, known = 0;
    (void)arg;
    for (i = 0; i < request->nquestions; ++i) {
        const struct evdns_server_question* question = request->questions[i];
        if (evutil_ascii_strcasecmp(question->name, "www.hello.example") == 0) {
            evdns_server_request_add_cname_reply(request, question->name, "hello.example", 60);
        } else if (evutil_ascii_strcasecmp(question->name, "hello.example") != 0) {
            continue;
        }
        known = 1;
        if (question->type == EVDNS_TYPE_A) {
            evdns_server_request_add_a_reply(request, "hello.example", 1, v4, 60);
        } else if (question->type == EVDNS_TYPE_AAAA) {
            evdns_server_request_add_aaaa_reply(request, "hello.example", 1, v6, 60);
        }
    }
    evdns_server_request_respond(request, known ? DNS_ERR_NONE : DNS_ERR_NOTEXIST);
}

/* Starts the server on a free port of loopback and tells the resolver about it. */
static struct evdns_server_port* serve(struct evdns_base* dns) {
    struct sockaddr_in address;
    ev_socklen_t length = sizeof(address);
    evutil_socket_t fd = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr*)&address, length) < 0 ||
        getsockname(fd, (struct sockaddr*)&address, &length) < 0) {
        perror("a UDP socket on loopback");
        exit(1);
    }
    evutil_make_socket_nonblocking(fd);
    evdns_base_nameserver_sockaddr_add(dns, (struct sockaddr*)&address, length, 0);
    return evdns_add_server_port_with_base(base, fd, 0, answer, NULL);
}

/* -- the resolver ------------------------------------------------------------------------------- */

static void print_addresses(int error, struct evutil_addrinfo* found, void* name) {
    const struct evutil_addrinfo* ai;
    char text[INET6_ADDRSTRLEN];
    printf("%s:", (const char*)name);
    for (ai = found; ai != NULL; ai = ai->ai_next) {
        const void* octets = ai->ai_family == AF_INET
                                 ? (const void*)&((struct sockaddr_in*)ai->ai_addr)->sin_addr
                                 : (const void*)&((struct sockaddr_in6*)ai->ai_addr)->sin6_addr;
        printf(" %s", evutil_inet_ntop(ai->ai_family, octets, text, sizeof(text)));
    }
    printf("%s\n", error == 0 ? "" : error == EVUTIL_EAI_NONAME ? " no such name" : " failed");
    if (found != NULL) evutil_freeaddrinfo(found);
    if (--waiting == 0) event_base_loopexit(base, NULL);
}

static void look_up(struct evdns_base* dns, const char* name) {
    struct evutil_addrinfo hints;
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ++waiting;
    evdns_getaddrinfo(dns, name, "80", &hints, print_addresses, (void*)name);
}

int main(int argc, char** argv) {
    struct evdns_server_port* port = NULL;
    struct evdns_base* dns;
    int i;
    base = event_base_new();
    dns = evdns_base_new(base, argc > 1 ? EVDNS_BASE_INITIALIZE_NAMESERVERS : 0);
    if (dns == NULL) {
        fprintf(stderr, "no name server in /etc/resolv.conf\n");
        return 1;
    }
    if (argc == 1) {
        port = serve(dns);
        for (i = 0; i < 3; ++i) {
            static const char* const names[] = {"hello.example", "www.hello.example",
                                                "bye.example"};
            look_up(dns, names[i]);
            event_base_dispatch(base); /* until it has printed */
        }
    } else {
        for (i = 1; i < argc; ++i) look_up(dns, argv[i]);
        if (waiting > 0) event_base_dispatch(base);
    }
    evdns_base_free(dns, 0);
    if (port != NULL) evdns_close_server_port(port);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
    return 0;
}
