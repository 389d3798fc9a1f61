/* What the TLS programs share: a certificate made at run time, two sides in one process that print what
 * their callbacks hear, and turning the loop until both are quiet. */
#ifndef SSL_SUPPORT_H
#define SSL_SUPPORT_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused)) /* not every program needs all of it */

static struct event_base* base;
static SSL_CTX* context;

static void say(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* A context for both ends, of one version of TLS, without session tickets. */
static UNUSED SSL_CTX* new_context(int version) {
    SSL_CTX* made = SSL_CTX_new(TLS_method());
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    signal(SIGPIPE, SIG_IGN);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char*)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(made, certificate);
    SSL_CTX_use_PrivateKey(made, key);
    SSL_CTX_set_min_proto_version(made, version);
    SSL_CTX_set_max_proto_version(made, version);
    SSL_CTX_set_num_tickets(made, 0);
    SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
}

struct side {
    const char* name;
    struct bufferevent* bev;
    size_t received, wanted; /* the loop ends when all sides have what they want */
    unsigned sum;            /* of the octets received */
    int echoes, connected, ended;
    const char* greeting; /* to be sent when the handshake is done */
};

static struct side client, server;

static int satisfied(const struct side* side) {
    return side->ended || side->bev == NULL || side->received >= side->wanted;
}

static void on_read(struct bufferevent* bev, void* arg) {
    struct side* side = arg;
    struct evbuffer* input = bufferevent_get_input(bev);
    size_t i, size = evbuffer_get_length(input);
    const unsigned char* data = evbuffer_pullup(input, -1);
    for (i = 0; i < size; i++) side->sum = side->sum * 31 + data[i];
    side->received += size;
    if (side->echoes)
        bufferevent_write_buffer(bev, input);
    else
        evbuffer_drain(input, size);
}

static void what_of(short what, char* text) {
    sprintf(text, "%s%s%s%s%s%s", what & BEV_EVENT_CONNECTED ? " connected" : "",
            what & BEV_EVENT_READING ? " reading" : "", what & BEV_EVENT_WRITING ? " writing" : "",
            what & BEV_EVENT_EOF ? " eof" : "", what & BEV_EVENT_ERROR ? " error" : "",
            what & BEV_EVENT_TIMEOUT ? " timeout" : "");
}

static void on_event(struct bufferevent* bev, short what, void* arg) {
    struct side* side = arg;
    char text[100];
    unsigned long error;
    what_of(what, text);
    say("%s:%s, enabled %d", side->name, text, bufferevent_get_enabled(bev));
    while ((error = bufferevent_get_openssl_error(bev)) != 0)
        say("  error: %s",
            ERR_reason_error_string(error) ? ERR_reason_error_string(error) : "a number");
    if (what & BEV_EVENT_CONNECTED) {
        side->connected++;
        if (side->greeting) bufferevent_write(bev, side->greeting, strlen(side->greeting));
    } else {
        side->ended = 1;
    }
}

static void too_long(evutil_socket_t fd, short what, void* arg) {
    (void)fd;
    (void)what;
    *(int*)arg = 1;
}

/* Turns the loop until both sides are satisfied. */
static UNUSED void turn(void) {
    struct timeval tv = {5, 0};
    int late = 0;
    struct event* guard = evtimer_new(base, too_long, &late);
    evtimer_add(guard, &tv);
    while (!late && !(satisfied(&client) && satisfied(&server))) event_base_loop(base, EVLOOP_ONCE);
    event_free(guard);
    if (late) say("too long");
}

/* Turns it as long as something is ready. */
static UNUSED void turn_ready(void) {
    int i;
    for (i = 0; i < 20; i++) event_base_loop(base, EVLOOP_NONBLOCK);
}

static UNUSED void result(void) {
    say("client: %d octets, sum %u; server: %d octets, sum %u; connected %d %d",
        (int)client.received, client.sum, (int)server.received, server.sum, client.connected,
        server.connected);
}

static UNUSED void reset(struct side* side, const char* name) {
    memset(side, 0, sizeof *side);
    side->name = name;
}

/* Client and server over a socket pair. */
static UNUSED void open_pair(int options) {
    evutil_socket_t pair[2];
    reset(&client, "client");
    reset(&server, "server");
    evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    evutil_make_socket_nonblocking(pair[0]);
    evutil_make_socket_nonblocking(pair[1]);
    client.bev =
        bufferevent_openssl_socket_new(base, pair[0], SSL_new(context), BUFFEREVENT_SSL_CONNECTING,
                                       options | BEV_OPT_CLOSE_ON_FREE);
    server.bev =
        bufferevent_openssl_socket_new(base, pair[1], SSL_new(context), BUFFEREVENT_SSL_ACCEPTING,
                                       options | BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client.bev, on_read, NULL, on_event, &client);
    bufferevent_setcb(server.bev, on_read, NULL, on_event, &server);
}

static UNUSED void close_pair(void) {
    if (client.bev) bufferevent_free(client.bev);
    if (server.bev) bufferevent_free(server.bev);
    client.bev = server.bev = NULL;
    turn_ready();
}

#endif
