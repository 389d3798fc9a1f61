/* A thread for each request, which answers when it is through. With libevent this crashes; here
 * every answer takes effect on the connection's own loop, whatever thread it comes from, and one to
 * a client that has gone has no effect.
 *
 *     evhttp_thread_per_request [PORT]
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void* work(void* arg) {
    struct evhttp_request* req = arg;
    struct evbuffer* body = evbuffer_new();
    const struct timespec while_it_takes = {0, 50 * 1000 * 1000};

    nanosleep(&while_it_takes, NULL); /* a database, a disk, a computation */
    evbuffer_add_printf(body, "%s, after 50 ms on a thread of its own\n",
                        evhttp_request_get_uri(req));
    evhttp_send_reply(req, HTTP_OK, "OK", body);
    evbuffer_free(body); /* and `req` is gone */
    return NULL;
}

static void on_request(struct evhttp_request* req, void* arg) {
    pthread_t thread;
    (void)arg;
    if (pthread_create(&thread, NULL, work, req) != 0) {
        evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    pthread_detach(thread);
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? atoi(argv[1]) : 8081;
    struct event_base* base = event_base_new();
    struct evhttp* http = evhttp_new(base);
    if (evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)port) != 0) {
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
