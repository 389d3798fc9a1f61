/* The classic: prints the header of each request for "/", answers the rest with 404. It builds the
 * same with libevent's headers and with corevent's, and runs on either library.
 *
 *     evhttp_sample [PORT]
 */
#include <sys/queue.h>
#include <sys/types.h>

#include <event.h>
#include <evhttp.h>

#include <stdio.h>
#include <stdlib.h>

static void on_root(struct evhttp_request* req, void* arg) {
    struct evkeyval* header;
    struct evbuffer* body = evbuffer_new();
    (void)arg;

    printf("%s %s\n", req->type == EVHTTP_REQ_POST ? "POST" : "GET", evhttp_request_uri(req));
    TAILQ_FOREACH(header, req->input_headers, next) {
        printf("  %s: %s\n", header->key, header->value);
        evbuffer_add_printf(body, "%s: %s\n", header->key, header->value);
    }
    fflush(stdout);
    evhttp_add_header(req->output_headers, "Content-Type", "text/plain");
    evhttp_send_reply(req, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? atoi(argv[1]) : 8081;
    struct evhttp* http;

    event_init();
    http = evhttp_new(NULL);
    if (http == NULL || evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)port) != 0) {
        fprintf(stderr, "cannot listen on port %d\n", port);
        return 1;
    }
    evhttp_set_cb(http, "/", on_root, NULL);
    evhttp_set_gencb(http, NULL, NULL);
    printf("http://127.0.0.1:%d/\n", port);
    fflush(stdout);
    event_dispatch();
    evhttp_free(http);
    return 0;
}
