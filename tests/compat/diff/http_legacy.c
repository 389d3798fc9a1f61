/* The functions of 1.4 on the process's current base, and what no other program here calls. */
#include "http_support.h"

#include <event2/event_compat.h>
#include <event2/http_compat.h>

static void on_request(struct evhttp_request* req, void* arg) {
    struct evbuffer* body = evbuffer_new();
    (void)arg;
    say("  server: %s", evhttp_request_uri(req));
    evbuffer_add_printf(body, "legacy");
    evhttp_send_reply_start(req, HTTP_OK, "OK");
    evhttp_send_reply_chunk(req, body);
    evhttp_send_reply_end(req);
    evbuffer_free(body);
}

static void on_done(struct evhttp_request* req, void* arg) {
    (void)arg;
    if (req == NULL) {
        say("  no answer");
    } else {
        struct evbuffer* body = evhttp_request_get_input_buffer(req);
        say("  answer %d", evhttp_request_get_response_code(req));
        show_octets((const char*)evbuffer_pullup(body, -1), evbuffer_get_length(body));
    }
    event_loopexit(NULL);
}

static void note_port(struct evhttp_bound_socket* bound, void* arg) {
    (void)arg;
    port = port_of(evhttp_bound_socket_get_fd(bound));
}

int main(void) {
    struct evhttp_connection* connection;
    struct evhttp_request* req;
    base = event_init();
    http = evhttp_start("127.0.0.1", 0);
    say("started %d", http != NULL);
    evhttp_foreach_bound_socket(http, note_port, NULL);
    evhttp_set_gencb(http, on_request, NULL);
    say("taken port: %d", evhttp_start("127.0.0.1", port) == NULL);

    connection = evhttp_connection_new("127.0.0.1", port);
    evhttp_connection_set_base(connection, base);
    say("base %d", evhttp_connection_get_base(connection) == base);
    evhttp_connection_set_local_address(connection, "127.0.0.1");
    evhttp_connection_set_local_port(connection, 0);
    evhttp_connection_set_retries(connection, 1);
    req = evhttp_request_new(on_done, NULL);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Host", "h");
    say("make %d", evhttp_make_request(connection, req, EVHTTP_REQ_GET, "/legacy"));
    event_dispatch();
    evhttp_connection_free(connection);
    evhttp_free(http);
    event_base_free(base);
    (void)listen_on_loopback;
    return 0;
}
