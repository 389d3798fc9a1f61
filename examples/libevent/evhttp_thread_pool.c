/* A pool of threads with a queue of requests. The loop reads and writes, the pool works; nobody has
 * to carry answers back to the loop. A full queue is answered with 503.
 *
 *     evhttp_thread_pool [PORT]
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define POOL_SIZE 4
#define QUEUE_MAX 256

static struct evhttp_request* queue[QUEUE_MAX];
static unsigned first, count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;

static void* work(void* arg) {
    const int number = *(const int*)arg;
    for (;;) {
        struct evhttp_request* req;
        struct evbuffer* body;
        pthread_mutex_lock(&lock);
        while (count == 0) {
            pthread_cond_wait(&filled, &lock);
        }
        req = queue[first];
        first = (first + 1) % QUEUE_MAX;
        --count;
        pthread_mutex_unlock(&lock);

        body = evbuffer_new();
        evbuffer_add_printf(body, "%s, by thread %d\n", evhttp_request_get_uri(req), number);
        evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
        evhttp_send_reply(req, HTTP_OK, "OK", body);
        evbuffer_free(body);
    }
    return NULL;
}

static void on_request(struct evhttp_request* req, void* arg) {
    int full;
    (void)arg;
    pthread_mutex_lock(&lock);
    full = count == QUEUE_MAX;
    if (!full) {
        queue[(first + count++) % QUEUE_MAX] = req;
        pthread_cond_signal(&filled);
    }
    pthread_mutex_unlock(&lock);
    if (full) {
        evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
    }
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? atoi(argv[1]) : 8081;
    static int numbers[POOL_SIZE];
    struct event_base* base = event_base_new();
    struct evhttp* http = evhttp_new(base);
    int i;
    if (evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)port) != 0) {
        fprintf(stderr, "cannot listen on port %d\n", port);
        return 1;
    }
    for (i = 0; i < POOL_SIZE; ++i) {
        pthread_t thread;
        numbers[i] = i;
        if (pthread_create(&thread, NULL, work, &numbers[i]) != 0) {
            return 1;
        }
        pthread_detach(thread);
    }
    evhttp_set_gencb(http, on_request, NULL);
    printf("http://127.0.0.1:%d/\n", port);
    fflush(stdout);
    event_base_dispatch(base);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
