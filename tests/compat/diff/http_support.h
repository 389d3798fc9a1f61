/* What the HTTP programs share: a server on loopback, raw clients on the same base that send octets
 * and collect what comes back, and printing it with what may differ taken out: dates, ports, and the
 * pages of error answers. Each program prints one trace on stdout. */
#ifndef TESTS_COMPAT_DIFF_HTTP_SUPPORT_H
#define TESTS_COMPAT_DIFF_HTTP_SUPPORT_H

#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))

static struct event_base* base;
static struct evhttp* http;
static unsigned short port;

static void say(const char* format, ...) {
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static MAYBE_UNUSED void heading(const char* name) {
    say("== %s", name);
}

static MAYBE_UNUSED const char* text(const char* s) {
    return s != NULL ? s : "(null)";
}

static unsigned short port_of(evutil_socket_t fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    getsockname(fd, (struct sockaddr*)&address, &length);
    return ntohs(address.sin_port);
}

static void listen_on_loopback(void) {
    struct evhttp_bound_socket* bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (bound == NULL) {
        say("cannot listen");
        exit(1);
    }
    port = port_of(evhttp_bound_socket_get_fd(bound));
}

static MAYBE_UNUSED void open_server(void) {
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    http = evhttp_new(base);
    listen_on_loopback();
}

static MAYBE_UNUSED void close_server(void) {
    evhttp_free(http);
    event_base_free(base);
}

/* ---- raw clients ---- */

struct raw {
    int fd;
    struct event* readable;
    char* got;
    size_t size;
    int ended; /* 1: closed, 2: reset */
};

static void on_raw(evutil_socket_t fd, short what, void* arg) {
    struct raw* raw = arg;
    char buffer[16384];
    const ssize_t n = read(fd, buffer, sizeof buffer);
    (void)what;
    if (n > 0) {
        raw->got = realloc(raw->got, raw->size + (size_t)n + 1);
        memcpy(raw->got + raw->size, buffer, (size_t)n);
        raw->size += (size_t)n;
        raw->got[raw->size] = '\0';
        return;
    }
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    raw->ended = n == 0 ? 1 : 2;
    event_del(raw->readable);
}

static MAYBE_UNUSED struct raw* raw_open(void) {
    struct sockaddr_in address;
    struct raw* raw = calloc(1, sizeof *raw);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    raw->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(raw->fd, (struct sockaddr*)&address, sizeof address) != 0) {
        say("cannot connect: %s", strerror(errno));
        exit(1);
    }
    evutil_make_socket_nonblocking(raw->fd);
    raw->readable = event_new(base, raw->fd, EV_READ | EV_PERSIST, on_raw, raw);
    event_add(raw->readable, NULL);
    raw->got = calloc(1, 1);
    return raw;
}

static MAYBE_UNUSED void raw_send(struct raw* raw, const char* octets, size_t size) {
    while (size > 0) {
        const ssize_t n = send(raw->fd, octets, size, MSG_NOSIGNAL);
        if (n > 0) {
            octets += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN) {
            event_base_loop(base, EVLOOP_ONCE);
        } else {
            return; /* the server has closed already */
        }
    }
}

static MAYBE_UNUSED void raw_say(struct raw* raw, const char* octets) {
    raw_send(raw, octets, strlen(octets));
}

static MAYBE_UNUSED void raw_close(struct raw* raw) {
    event_free(raw->readable);
    close(raw->fd);
    free(raw->got);
    free(raw);
}

/* Turns the loop until the server has closed. */
static MAYBE_UNUSED void raw_wait(struct raw* raw) {
    while (!raw->ended) {
        event_base_loop(base, EVLOOP_ONCE);
    }
}

/* Turns the loop until `wanted` has come, or the server has closed. */
static MAYBE_UNUSED void raw_wait_for(struct raw* raw, const char* wanted) {
    while (!raw->ended && strstr(raw->got, wanted) == NULL) {
        event_base_loop(base, EVLOOP_ONCE);
    }
}

/* ---- showing ---- */

/* One header, printed line by line; gives the octets behind it. Error pages (text/html without a
 * charset) are marked in *page, the length of the body goes to *length. */
static const char* show_head(const char* at, const char* end, int* page, long* length) {
    *page = 0;
    *length = -1;
    while (at < end) {
        const char* line_end = strstr(at, "\r\n");
        const int size = line_end != NULL ? (int)(line_end - at) : (int)(end - at);
        if (size == 0) {
            return at + 2;
        }
        if (strncmp(at, "Date: ", 6) == 0) {
            printf("  Date: -\n");
        } else if (strncmp(at, "Content-Length: ", 16) == 0) {
            *length = atol(at + 16);
            if (*page) {
                printf("  Content-Length: -\n");
            } else {
                printf("  %.*s\n", size, at);
            }
        } else {
            if (strncmp(at, "Content-Type: text/html\r", 24) == 0) {
                *page = 1;
            }
            printf("  %.*s\n", size, at);
        }
        if (line_end == NULL) {
            return end;
        }
        at = line_end + 2;
    }
    return end;
}

static void show_octets(const char* at, size_t size) {
    size_t i;
    printf("  [");
    for (i = 0; i < size && i < 400; ++i) {
        const unsigned char c = (unsigned char)at[i];
        if (c == '\n') {
            printf("\\n");
        } else if (c == '\r') {
            printf("\\r");
        } else if (c < 0x20 || c > 0x7e) {
            printf("\\x%02x", c);
        } else {
            putchar(c);
        }
    }
    printf("] %d octets\n", (int)size);
}

static MAYBE_UNUSED void show_answers(const struct raw* raw) {
    const char* at = raw->got;
    const char* end = raw->got + raw->size;
    while (at < end && strncmp(at, "HTTP/", 5) == 0) {
        int page;
        long length;
        at = show_head(at, end, &page, &length);
        if (page) {
            at += length >= 0 ? length : end - at;
            printf("  (page)\n");
        } else if (length > 0 && length <= end - at) {
            show_octets(at, (size_t)length);
            at += length;
        }
        /* A body without length goes up to the next header, if there is one. */
        else if (length < 0 && at < end && strncmp(at, "HTTP/", 5) != 0) {
            const char* next = strstr(at, "HTTP/1.");
            const char* stop = next != NULL ? next : end;
            show_octets(at, (size_t)(stop - at));
            at = stop;
        }
    }
    if (at < end) {
        show_octets(at, (size_t)(end - at));
    }
    say("  %s", raw->ended == 1 ? "closed" : raw->ended == 2 ? "reset" : "open");
}

static const char last_request[] = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/* Sends `octets` and behind them a request that ends the connection; shows what came back. Whether
 * the connection stayed open is seen from the answer to the second. */
static MAYBE_UNUSED void exchange_octets(const char* octets, size_t size) {
    struct raw* raw = raw_open();
    raw_send(raw, octets, size);
    raw_say(raw, last_request);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
}

static MAYBE_UNUSED void exchange(const char* octets) {
    show_octets(octets, strlen(octets));
    exchange_octets(octets, strlen(octets));
}

static MAYBE_UNUSED void show_headers(const struct evkeyvalq* list) {
    const struct evkeyval* pair;
    TAILQ_FOREACH(pair, list, next) {
        printf("    %s: %s\n", pair->key, pair->value);
    }
}

static MAYBE_UNUSED void reply_text(struct evhttp_request* req, int code, const char* body) {
    struct evbuffer* buffer = evbuffer_new();
    evbuffer_add(buffer, body, strlen(body));
    evhttp_send_reply(req, code, NULL, buffer);
    evbuffer_free(buffer);
}

#endif
