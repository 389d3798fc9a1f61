/* Fetches a URL and prints the body as it arrives.
 *
 *     evhttp_client http://HOST[:PORT][/PATH]
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int exit_code = 1;

static void on_piece(struct evhttp_request* req, void* arg) {
    struct evbuffer* body = evhttp_request_get_input_buffer(req);
    char piece[4096];
    int n;
    (void)arg;
    while ((n = evbuffer_remove(body, piece, sizeof piece)) > 0) {
        fwrite(piece, 1, (size_t)n, stdout);
    }
}

static void on_error(enum evhttp_request_error error, void* arg) {
    static const char* const texts[] = {"time-out",  "the server closed the connection",
                                        "not HTTP",  "input or output failed",
                                        "cancelled", "the body is too long"};
    (void)arg;
    fprintf(stderr, "evhttp_client: %s\n", texts[error]);
}

static void on_done(struct evhttp_request* req, void* arg) {
    struct event_base* base = arg;
    if (req != NULL && evhttp_request_get_response_code(req) == 0) {
        fprintf(stderr, "evhttp_client: the server cannot be reached\n");
    } else if (req != NULL) {
        fprintf(stderr, "%d %s\n", evhttp_request_get_response_code(req),
                evhttp_request_get_response_code_line(req));
        exit_code = evhttp_request_get_response_code(req) == HTTP_OK ? 0 : 1;
    }
    event_base_loopexit(base, NULL);
}

int main(int argc, char** argv) {
    struct evhttp_uri* uri = argc == 2 ? evhttp_uri_parse(argv[1]) : NULL;
    const char* host = uri != NULL ? evhttp_uri_get_host(uri) : NULL;
    struct event_base* base;
    struct evhttp_connection* connection;
    struct evhttp_request* req;
    char target[4096];
    char authority[300];
    const char* path;
    const char* query;
    int port;
    if (host == NULL || *host == '\0') {
        fprintf(stderr, "usage: evhttp_client http://HOST[:PORT][/PATH]\n");
        return 2;
    }
    port = evhttp_uri_get_port(uri) >= 0 ? evhttp_uri_get_port(uri) : 80;
    path = evhttp_uri_get_path(uri);
    query = evhttp_uri_get_query(uri);
    snprintf(target, sizeof target, "%s%s%s", *path != '\0' ? path : "/", query != NULL ? "?" : "",
             query != NULL ? query : "");
    snprintf(authority, sizeof authority, port != 80 ? "%s:%d" : "%s", host, port);

    base = event_base_new();
    connection = evhttp_connection_base_new(base, NULL, host, (ev_uint16_t)port);
    evhttp_connection_set_timeout(connection, 10);
    req = evhttp_request_new(on_done, base);
    evhttp_request_set_chunked_cb(req, on_piece);
    evhttp_request_set_error_cb(req, on_error);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Host", authority);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
    if (evhttp_make_request(connection, req, EVHTTP_REQ_GET, target) == 0) {
        event_base_dispatch(base);
    }
    evhttp_connection_free(connection);
    event_base_free(base);
    evhttp_uri_free(uri);
    return exit_code;
}
