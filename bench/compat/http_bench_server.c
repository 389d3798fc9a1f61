/* The server under the measurements of http_side_by_side: GET /hello, 13 octets. Written against the
 * headers of libevent and linked to them; runs on either library.
 *
 *   http_bench_server [WORK_US]      with so many microseconds of work in the handler
 *
 * Prints its port.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static long work_ns;

static long now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void on_hello(struct evhttp_request* req, void* arg) {
    struct evbuffer* body = evbuffer_new();
    (void)arg;
    if (work_ns > 0) {
        const long end = now_ns() + work_ns;
        while (now_ns() < end) {
        }
    }
    evbuffer_add(body, "Hello, World!", 13);
    evhttp_send_reply(req, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

static void on_stop(evutil_socket_t number, short what, void* arg) {
    (void)number;
    (void)what;
    event_base_loopbreak(arg);
}

int main(int argc, char** argv) {
    struct event_base* base = event_base_new();
    struct evhttp* http = evhttp_new(base);
    struct event* stop = evsignal_new(base, SIGTERM, on_stop, base);
    struct evhttp_bound_socket* bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    work_ns = argc > 1 ? atol(argv[1]) * 1000 : 0;
    signal(SIGPIPE, SIG_IGN);
    if (bound == NULL) {
        return 1;
    }
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr*)&address, &length);
    evhttp_set_cb(http, "/hello", on_hello, NULL);
    event_add(stop, NULL);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    event_base_dispatch(base);
    event_free(stop);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
