/* What the RPC programs share: two structures as a generator would write them, a server and a pool in
 * one process, and callbacks that print. */
#ifndef RPC_SUPPORT_H
#define RPC_SUPPORT_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/rpc.h>
#include <event2/rpc_struct.h>
#include <event2/tag.h>
#include <event2/util.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message has a text (tag 1) and a number (tag 2); a complete one has both. */
struct question {
    char* text;
    ev_uint32_t number;
    int has_number;
};
struct answer {
    char* text;
    ev_uint32_t number;
    int has_number;
};

static int alive; /* messages that exist */

#define MESSAGE(name)                                                                    \
    static struct name* name##_new_with_arg(void* arg) {                                 \
        (void)arg;                                                                       \
        alive++;                                                                         \
        return calloc(1, sizeof(struct name));                                           \
    }                                                                                    \
    static void name##_clear(struct name* m) {                                           \
        free(m->text);                                                                   \
        memset(m, 0, sizeof *m);                                                         \
    }                                                                                    \
    static void name##_free(struct name* m) {                                            \
        name##_clear(m);                                                                 \
        alive--;                                                                         \
        free(m);                                                                         \
    }                                                                                    \
    static int name##_complete(struct name* m) {                                         \
        return m->text && m->has_number ? 0 : -1;                                        \
    }                                                                                    \
    static void name##_marshal(struct evbuffer* to, const struct name* m) {              \
        if (m->text) evtag_marshal_string(to, 1, m->text);                               \
        if (m->has_number) evtag_marshal_int(to, 2, m->number);                          \
    }                                                                                    \
    static int name##_unmarshal(struct name* m, struct evbuffer* from) {                 \
        ev_uint32_t tag;                                                                 \
        while (evbuffer_get_length(from) > 0) {                                          \
            if (evtag_peek(from, &tag) < 0) return -1;                                   \
            if (tag == 1) {                                                              \
                if (m->text || evtag_unmarshal_string(from, 1, &m->text) < 0) return -1; \
            } else if (tag == 2) {                                                       \
                if (evtag_unmarshal_int(from, 2, &m->number) < 0) return -1;             \
                m->has_number = 1;                                                       \
            } else {                                                                     \
                return -1;                                                               \
            }                                                                            \
        }                                                                                \
        return name##_complete(m);                                                       \
    }
MESSAGE(question)
MESSAGE(answer)

EVRPC_HEADER(Ask, question, answer)
EVRPC_GENERATE(Ask, question, answer)
EVRPC_HEADER(Missing, question, answer)
EVRPC_GENERATE(Missing, question, answer)

#define UNUSED __attribute__((unused)) /* not every program needs all of it */

static struct event_base* base;
static struct evhttp* http;
static struct evrpc_base* server;
static struct evrpc_pool* pool;
static ev_uint16_t port;
static int waiting; /* calls that have no result yet */

static void say(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static UNUSED void start(void) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    struct evhttp_bound_socket* bound;
    base = event_init(); /* pools without a base use it */
    http = evhttp_new(base);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr*)&address, &size);
    port = ntohs(address.sin_port);
    server = evrpc_init(http);
    pool = evrpc_pool_new(NULL);
}

static UNUSED void stop(void) {
    evrpc_pool_free(pool);
    evrpc_free(server);
    evhttp_free(http);
    event_base_free(base);
    say("%d messages left", alive);
}

static UNUSED struct evhttp_connection* connect_pool(void) {
    struct evhttp_connection* connection =
        evhttp_connection_base_new(base, NULL, "127.0.0.1", port);
    evrpc_pool_add_connection(pool, connection);
    return connection;
}

static UNUSED void on_result(struct evrpc_status* status, struct question* asked,
                             struct answer* got, void* arg) {
    say("%s: status %d, answer %d, %s %u%s", (const char*)arg, status->error,
        status->http_req ? evhttp_request_get_response_code(status->http_req) : -1,
        got->text ? got->text : "-", got->number, got->has_number ? "" : " (none)");
    question_free(asked);
    answer_free(got);
    waiting--;
}

static UNUSED struct question* new_question(const char* text, unsigned number) {
    struct question* asked = question_new_with_arg(NULL);
    asked->text = text ? strdup(text) : NULL;
    asked->number = number;
    asked->has_number = 1;
    return asked;
}

static UNUSED void ask(const char* name, const char* text, unsigned number) {
    waiting++;
    if (EVRPC_MAKE_REQUEST(Ask, pool, new_question(text, number), answer_new_with_arg(NULL),
                           on_result, (void*)name) != 0)
        say("%s: not begun", name);
}

static UNUSED void run(void) {
    while (waiting > 0) event_base_loop(base, EVLOOP_ONCE);
}

#endif
