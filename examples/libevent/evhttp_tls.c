/* HTTPS: each connection gets a bufferevent that speaks TLS; the rest is as without. It builds the
 * same with libevent's headers and with corevent's, and runs on either library.
 *
 *     evhttp_tls [PORT [CERTIFICATE.pem KEY.pem]]
 */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>

#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>

static struct bufferevent* new_tls(struct event_base* base, void* context) {
    return bufferevent_openssl_socket_new(base, -1, SSL_new(context), BUFFEREVENT_SSL_ACCEPTING,
                                          BEV_OPT_CLOSE_ON_FREE);
}

static void on_request(struct evhttp_request* req, void* arg) {
    struct bufferevent* bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
    struct evbuffer* body = evbuffer_new();
    (void)arg;
    evbuffer_add_printf(body, "%s over %s\n", evhttp_request_get_uri(req),
                        SSL_get_version(bufferevent_openssl_get_ssl(bev)));
    evhttp_send_reply(req, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? atoi(argv[1]) : 8443;
    const char* certificate = argc > 3 ? argv[2] : "cert.pem";
    const char* key = argc > 3 ? argv[3] : "key.pem";
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    struct event_base* base = event_base_new();
    struct evhttp* http = evhttp_new(base);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "cannot use the certificate %s with the key %s\n", certificate, key);
        return 1;
    }
    evhttp_set_bevcb(http, new_tls, context);
    evhttp_set_gencb(http, on_request, NULL);
    if (evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)port) != 0) {
        fprintf(stderr, "cannot listen on port %d\n", port);
        return 1;
    }
    printf("https://127.0.0.1:%d/\n", port);
    fflush(stdout);
    event_base_dispatch(base);
    evhttp_free(http);
    event_base_free(base);
    SSL_CTX_free(context);
    return 0;
}
