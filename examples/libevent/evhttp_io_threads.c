/* Mode IO: two threads accept, read, parse and write; the handler runs where it always did, on the
 * thread that dispatches the base, one request after the other. It needs no lock. A program that
 * cannot be changed gets the same with COREVENT_HTTP_THREADS=2.
 *
 *     evhttp_io_threads [PORT]
 */
#include <event2/buffer.h>
#include <event2/corevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include <stdio.h>
#include <stdlib.h>

static unsigned long visits; /* no lock: only one thread comes here */

static void on_request(struct evhttp_request* req, void* arg) {
    struct evbuffer* body = evbuffer_new();
    (void)arg;
    evbuffer_add_printf(body, "visit %lu\n", ++visits);
    evhttp_send_reply(req, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? atoi(argv[1]) : 8081;
    struct event_base* base = event_base_new();
    struct evhttp* http = evhttp_new(base);
    if (evhttp_set_threads(http, 2, EVHTTP_THREADS_IO) != 0 ||
        evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)port) != 0) {
        fprintf(stderr, "cannot listen on port %d\n", port);
        return 1;
    }
    evhttp_set_gencb(http, on_request, NULL);
    printf("http://127.0.0.1:%d/\n", port);
    fflush(stdout);
    event_base_dispatch(base);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
