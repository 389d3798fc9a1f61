/* A server for test programs of others, on evhttp: one route for each thing that HTTP servers get
 * wrong. Written against libevent's headers; with corevent's it can run on several threads.
 *
 *   evhttp_conformance_server [--port N] [--threads N] [--mode io|all] [--root DIR]
 *
 * Prints `listening PORT` on standard output once it answers. Stops on SIGTERM.
 */
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#if defined(__has_include)
#if __has_include(<event2/corevent.h>)
#include <event2/corevent.h>
#endif
#endif

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX (8 * 1024 * 1024)
#define HEAD_MAX (64 * 1024)
#define IDLE_SECONDS 5
#define BIG_SIZE 10485760
#define WAIT_MAX_MS 60000

static const char hello[] = "Hello, World!";
static const char* root;
static char big_block[65536];

/* ---- helpers ---- */

static void set(struct evhttp_request* req, const char* name, const char* value) {
    evhttp_add_header(evhttp_request_get_output_headers(req), name, value);
}

static void reply_text(struct evhttp_request* req, int code, const char* text) {
    struct evbuffer* body = evbuffer_new();
    evbuffer_add(body, text, strlen(text));
    set(req, "Content-Type", "text/plain");
    evhttp_send_reply(req, code, NULL, body);
    evbuffer_free(body);
}

/* 405 with Allow for anything but GET and HEAD; true if that was the answer. */
static int only_get(struct evhttp_request* req) {
    const enum evhttp_cmd_type type = evhttp_request_get_command(req);
    if (type == EVHTTP_REQ_GET || type == EVHTTP_REQ_HEAD) {
        return 0;
    }
    set(req, "Allow", "GET, HEAD");
    reply_text(req, 405, "only GET and HEAD\n");
    return 1;
}

static int only_post(struct evhttp_request* req) {
    if (evhttp_request_get_command(req) == EVHTTP_REQ_POST) {
        return 0;
    }
    set(req, "Allow", "POST");
    reply_text(req, 405, "only POST\n");
    return 1;
}

static const char* path_of(struct evhttp_request* req) {
    const char* path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    return path != NULL ? path : "";
}

/* The number behind `prefix` in the path, or -1. */
static long number_in_path(struct evhttp_request* req, const char* prefix) {
    const char* text = path_of(req) + strlen(prefix);
    char* end;
    const long number = strtol(text, &end, 10);
    return end != text && *end == '\0' && number >= 0 && number <= WAIT_MAX_MS ? number : -1;
}

static void sleep_ms(long ms) {
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* ---- routes ---- */

static void on_hello(struct evhttp_request* req, void* arg) {
    (void)arg;
    if (!only_get(req)) {
        reply_text(req, 200, hello);
    }
}

static void on_echo(struct evhttp_request* req, void* arg) {
    (void)arg;
    if (!only_post(req)) {
        set(req, "Content-Type", "application/octet-stream");
        evhttp_send_reply(req, 200, NULL, evhttp_request_get_input_buffer(req));
    }
}

static void on_upload(struct evhttp_request* req, void* arg) {
    char text[32];
    (void)arg;
    if (!only_post(req)) {
        snprintf(text, sizeof text, "%lu\n",
                 (unsigned long)evbuffer_get_length(evhttp_request_get_input_buffer(req)));
        reply_text(req, 200, text);
    }
}

static void on_nocontent(struct evhttp_request* req, void* arg) {
    (void)arg;
    if (!only_get(req)) {
        evhttp_send_reply(req, 204, NULL, NULL);
    }
}

static void on_big(struct evhttp_request* req, void* arg) {
    struct evbuffer* body;
    size_t left;
    (void)arg;
    if (only_get(req)) {
        return;
    }
    body = evbuffer_new();
    for (left = BIG_SIZE; left > 0;) {
        const size_t size = left < sizeof big_block ? left : sizeof big_block;
        evbuffer_add_reference(body, big_block, size, NULL, NULL);
        left -= size;
    }
    set(req, "Content-Type", "application/octet-stream");
    evhttp_send_reply(req, 200, NULL, body);
    evbuffer_free(body);
}

static const char* method_of(struct evhttp_request* req) {
    switch (evhttp_request_get_command(req)) {
        case EVHTTP_REQ_GET: return "GET";
        case EVHTTP_REQ_POST: return "POST";
        case EVHTTP_REQ_HEAD: return "HEAD";
        case EVHTTP_REQ_PUT: return "PUT";
        case EVHTTP_REQ_DELETE: return "DELETE";
        case EVHTTP_REQ_OPTIONS: return "OPTIONS";
        case EVHTTP_REQ_TRACE: return "TRACE";
        case EVHTTP_REQ_CONNECT: return "CONNECT";
        case EVHTTP_REQ_PATCH: return "PATCH";
        default: return "?";
    }
}

static void on_inspect(struct evhttp_request* req, void* arg) {
    struct evbuffer* body = evbuffer_new();
    const struct evhttp_uri* uri = evhttp_request_get_evhttp_uri(req);
    const char* host = evhttp_uri_get_host(uri);
    const int port = evhttp_uri_get_port(uri);
    struct evkeyval* field;
    (void)arg;
    evbuffer_add_printf(body, "%s %s\n", method_of(req), evhttp_request_get_uri(req));
    if (host != NULL && port >= 0) {
        evbuffer_add_printf(body, "host: %s:%d\n", host, port);
    } else {
        host =
            host != NULL ? host : evhttp_find_header(evhttp_request_get_input_headers(req), "Host");
        evbuffer_add_printf(body, "host: %s\n", host != NULL ? host : "");
    }
    TAILQ_FOREACH(field, evhttp_request_get_input_headers(req), next) {
        const char* c;
        for (c = field->key; *c != '\0'; ++c) {
            evbuffer_add_printf(body, "%c", tolower((unsigned char)*c));
        }
        evbuffer_add_printf(body, ": %s\n", field->value);
    }
    set(req, "Content-Type", "text/plain");
    evhttp_send_reply(req, 200, NULL, body);
    evbuffer_free(body);
}

/* ---- streams ---- */

struct stream {
    struct evhttp_request* req;
    int left;
};

static void next_piece(struct evhttp_connection* connection, void* arg) {
    struct stream* stream = arg;
    struct evbuffer* piece;
    if (stream->left-- == 0) {
        evhttp_connection_set_closecb(connection, NULL, NULL);
        evhttp_send_reply_end(stream->req);
        free(stream);
        return;
    }
    piece = evbuffer_new();
    evbuffer_add_reference(piece, big_block, 4096, NULL, NULL);
    evhttp_send_reply_chunk_with_cb(stream->req, piece, next_piece, stream);
    evbuffer_free(piece);
}

static void on_stream_closed(struct evhttp_connection* connection, void* arg) {
    struct stream* stream = arg;
    (void)connection;
    evhttp_send_reply_end(stream->req); /* to nobody: the request is given back */
    free(stream);
}

static void on_stream(struct evhttp_request* req, void* arg) {
    struct evhttp_connection* connection = evhttp_request_get_connection(req);
    struct stream* stream;
    (void)arg;
    if (only_get(req)) {
        return;
    }
    set(req, "Content-Type", "text/plain");
    evhttp_send_reply_start(req, 200, NULL);
    if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD) {
        evhttp_send_reply_end(req);
        return;
    }
    stream = malloc(sizeof *stream);
    stream->req = req;
    stream->left = 8;
    evhttp_connection_set_closecb(connection, on_stream_closed, stream);
    next_piece(connection, stream);
}

struct ticker {
    struct evhttp_request* req;
    struct event* timer;
    int number;
};

static void on_ticker_closed(struct evhttp_connection* connection, void* arg) {
    struct ticker* ticker = arg;
    (void)connection;
    event_free(ticker->timer);
    evhttp_send_reply_end(ticker->req); /* to nobody: the request is given back */
    free(ticker);
}

static void on_tick(evutil_socket_t fd, short what, void* arg) {
    struct ticker* ticker = arg;
    struct evbuffer* piece = evbuffer_new();
    (void)fd;
    (void)what;
    evbuffer_add_printf(piece, "id: %d\ndata: tick %d\n\n", ticker->number, ticker->number);
    ++ticker->number;
    evhttp_send_reply_chunk(ticker->req, piece);
    evbuffer_free(piece);
}

static void on_sse(struct evhttp_request* req, void* arg) {
    const struct timeval second = {1, 0};
    struct evhttp_connection* connection = evhttp_request_get_connection(req);
    struct ticker* ticker;
    (void)arg;
    if (only_get(req)) {
        return;
    }
    ticker = calloc(1, sizeof *ticker);
    ticker->req = req;
    ticker->timer =
        event_new(evhttp_connection_get_base(connection), -1, EV_PERSIST, on_tick, ticker);
    evhttp_connection_set_closecb(connection, on_ticker_closed, ticker);
    set(req, "Content-Type", "text/event-stream");
    set(req, "Cache-Control", "no-store");
    evhttp_send_reply_start(req, 200, NULL);
    on_tick(-1, 0, ticker);
    event_add(ticker->timer, &second);
}

/* ---- time and threads ---- */

static void answer_delay(struct evhttp_request* req, const char* prefix) {
    char text[32];
    snprintf(text, sizeof text, "%ld\n", number_in_path(req, prefix));
    reply_text(req, 200, text);
}

static void on_delay_over(evutil_socket_t fd, short what, void* arg) {
    (void)fd;
    (void)what;
    answer_delay(arg, "/delay/");
}

static void on_delay(struct evhttp_request* req) {
    const long ms = number_in_path(req, "/delay/");
    struct timeval time;
    if (ms < 0) {
        evhttp_send_error(req, 404, NULL);
        return;
    }
    time.tv_sec = ms / 1000;
    time.tv_usec = ms % 1000 * 1000;
    event_base_once(evhttp_connection_get_base(evhttp_request_get_connection(req)), -1, EV_TIMEOUT,
                    on_delay_over, req, &time);
}

static void on_block(struct evhttp_request* req) {
    const long ms = number_in_path(req, "/block/");
    if (ms < 0) {
        evhttp_send_error(req, 404, NULL);
        return;
    }
    sleep_ms(ms);
    answer_delay(req, "/block/");
}

#if defined(EVHTTP_HAS_THREADS)
static void* offload(void* arg) {
    sleep_ms(number_in_path(arg, "/offload/"));
    answer_delay(arg, "/offload/");
    return NULL;
}

static void* thread(void* arg) {
    unsigned seed = (unsigned)(size_t)arg;
    sleep_ms(rand_r(&seed) % 5);
    reply_text(arg, 200, "from a thread\n");
    return NULL;
}

static void on_thread(struct evhttp_request* req, void* (*work)(void*)) {
    pthread_t id;
    if (pthread_create(&id, NULL, work, req) != 0) {
        evhttp_send_error(req, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    pthread_detach(id);
}
#endif

/* ---- files ---- */

/* The file for a path below /static/, open for reading, or -1: what leaves the root, special files
 * and hidden ones count as missing. */
static int open_file(const char* path, struct stat* status) {
    char name[PATH_MAX];
    char real[PATH_MAX];
    char real_root[PATH_MAX];
    char* decoded = evhttp_uridecode(path, 0, NULL);
    size_t length;
    int fd;
    if (decoded == NULL || strstr(decoded, "/.") != NULL || decoded[0] == '.') {
        free(decoded);
        return -1;
    }
    length = strlen(decoded);
    snprintf(name, sizeof name, "%s/%s%s", root, decoded,
             length == 0 || decoded[length - 1] == '/' ? "index.html" : "");
    free(decoded);
    if (realpath(root, real_root) == NULL || realpath(name, real) == NULL ||
        strncmp(real, real_root, strlen(real_root)) != 0 || real[strlen(real_root)] != '/') {
        return -1;
    }
    fd = open(real, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && (fstat(fd, status) != 0 || !S_ISREG(status->st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

static const char* type_of(const char* path) {
    static const char* const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css"},
                                           {".js", "text/javascript"},
                                           {".txt", "text/plain"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"}};
    const size_t length = strlen(path);
    size_t i;
    if (length == 0 || path[length - 1] == '/') {
        return types[0][1];
    }
    for (i = 0; i < sizeof types / sizeof types[0]; ++i) {
        const size_t suffix = strlen(types[i][0]);
        if (length > suffix && strcmp(path + length - suffix, types[i][0]) == 0) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

static void on_static(struct evhttp_request* req) {
    const char* path = path_of(req) + strlen("/static/");
    const char* since =
        evhttp_find_header(evhttp_request_get_input_headers(req), "If-Modified-Since");
    char modified[64];
    struct stat status;
    struct evbuffer* body;
    struct tm time;
    int fd;
    if (only_get(req)) {
        return;
    }
    fd = root != NULL ? open_file(path, &status) : -1;
    if (fd < 0) {
        evhttp_send_error(req, 404, NULL);
        return;
    }
    gmtime_r(&status.st_mtime, &time);
    evutil_date_rfc1123(modified, sizeof modified, &time);
    set(req, "Last-Modified", modified);
    if (since != NULL && strcmp(since, modified) == 0) {
        close(fd);
        evhttp_send_reply(req, 304, NULL, NULL);
        return;
    }
    set(req, "Content-Type", type_of(path));
    body = evbuffer_new();
    if (status.st_size == 0) {
        close(fd);
    } else if (evbuffer_add_file(body, fd, 0, status.st_size) != 0) {
        close(fd);
        evbuffer_free(body);
        evhttp_send_error(req, 500, NULL);
        return;
    }
    evhttp_send_reply(req, 200, NULL, body);
    evbuffer_free(body);
}

/* ---- the rest ---- */

static int begins(const char* text, const char* prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void on_other(struct evhttp_request* req, void* arg) {
    const char* path = path_of(req);
    (void)arg;
    if (begins(path, "/delay/")) {
        on_delay(req);
    } else if (begins(path, "/block/")) {
        on_block(req);
    } else if (begins(path, "/static/")) {
        on_static(req);
#if defined(EVHTTP_HAS_THREADS)
    } else if (begins(path, "/offload/") && number_in_path(req, "/offload/") >= 0) {
        on_thread(req, offload);
    } else if (strcmp(path, "/thread") == 0) {
        on_thread(req, thread);
#endif
    } else {
        evhttp_send_error(req, 404, NULL);
    }
}

static void on_stop(evutil_socket_t signal_number, short what, void* arg) {
    (void)signal_number;
    (void)what;
    event_base_loopexit(arg, NULL);
}

static void usage(void) {
    fprintf(
        stderr,
        "usage: evhttp_conformance_server [--port N] [--threads N] [--mode io|all] [--root DIR]\n");
    exit(2);
}

static void set_threads(struct evhttp* http, int threads, const char* mode) {
#if defined(EVHTTP_HAS_THREADS)
    if (strcmp(mode, "io") != 0 && strcmp(mode, "all") != 0) {
        usage();
    }
    if (threads > 0 && evhttp_set_threads(http, threads,
                                          strcmp(mode, "all") == 0 ? EVHTTP_THREADS_ALL
                                                                   : EVHTTP_THREADS_IO) != 0) {
        fprintf(stderr, "evhttp_conformance_server: %d threads in mode %s are not possible\n",
                threads, mode);
        exit(1);
    }
#else
    (void)http;
    if (threads > 0 || strcmp(mode, "io") != 0) {
        fprintf(
            stderr,
            "evhttp_conformance_server: built without event2/corevent.h, there are no threads\n");
        exit(2);
    }
#endif
}

int main(int argc, char** argv) {
    int port = 0;
    int threads = 0;
    const char* mode = "io";
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct event_base* base;
    struct evhttp* http;
    struct evhttp_bound_socket* bound;
    struct event* stop;
    int i;
    for (i = 1; i < argc; ++i) {
        if (i + 1 == argc) {
            usage();
        } else if (strcmp(argv[i], "--port") == 0) {
            port = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--threads") == 0) {
            threads = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--mode") == 0) {
            mode = argv[++i];
        } else if (strcmp(argv[i], "--root") == 0) {
            root = argv[++i];
        } else {
            usage();
        }
    }
    signal(SIGPIPE, SIG_IGN);
    memset(big_block, 'x', sizeof big_block);
    base = event_base_new();
    http = evhttp_new(base);
    set_threads(http, threads, mode);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                         EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                         EVHTTP_REQ_TRACE | EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(http, HEAD_MAX);
    evhttp_set_max_body_size(http, BODY_MAX);
    evhttp_set_timeout(http, IDLE_SECONDS);
    evhttp_set_cb(http, "/hello", on_hello, NULL);
    evhttp_set_cb(http, "/echo", on_echo, NULL);
    evhttp_set_cb(http, "/upload", on_upload, NULL);
    evhttp_set_cb(http, "/stream", on_stream, NULL);
    evhttp_set_cb(http, "/big", on_big, NULL);
    evhttp_set_cb(http, "/nocontent", on_nocontent, NULL);
    evhttp_set_cb(http, "/inspect", on_inspect, NULL);
    evhttp_set_cb(http, "/sse", on_sse, NULL);
    evhttp_set_gencb(http, on_other, NULL);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", (ev_uint16_t)port);
    if (bound == NULL) {
        fprintf(stderr, "evhttp_conformance_server: cannot listen on 127.0.0.1:%d\n", port);
        return 1;
    }
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr*)&address, &length);
    stop = evsignal_new(base, SIGTERM, on_stop, base);
    event_add(stop, NULL);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    event_base_dispatch(base);
    evhttp_free(http);
    event_free(stop);
    event_base_free(base);
    return 0;
}
