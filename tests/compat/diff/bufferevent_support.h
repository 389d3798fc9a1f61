/* What the bufferevent programs share: a side with a name whose callbacks print what they see and
 * then do what the case asked for, a socket pair with one raw end, and turning the loop until it
 * is quiet. Each program prints one trace on stdout. */
#ifndef TESTS_COMPAT_DIFF_BUFFEREVENT_SUPPORT_H
#define TESTS_COMPAT_DIFF_BUFFEREVENT_SUPPORT_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#if defined(__GNUC__)
#define MAYBE_UNUSED __attribute__((unused))
#else
#define MAYBE_UNUSED
#endif

static struct event_base* base;

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

/* A condition that has no trace of its own. */
static MAYBE_UNUSED void check(int condition, const char* what) {
    say("%s: %s", what, condition ? "yes" : "no");
}

struct side {
    const char* name;
    struct bufferevent* bev;
    int quiet_read;    /* count, do not print */
    int no_errno;      /* errors are not the socket's */
    int keep;          /* do not drain in the read callback */
    size_t drain_max;  /* drain at most this, 0: all */
    size_t total;      /* octets that the read callback drained */
    unsigned long sum; /* of the octets, with their places */
    int reads, writes, events;
    void (*on_read)(struct side*); /* after the print */
    void (*on_write)(struct side*);
    void (*on_event)(struct side*, short);
    struct side* other;
    int left; /* for the case to count down */
};

static MAYBE_UNUSED void describe(short what, char* text, size_t size) {
    snprintf(text, size, "%s%s%s%s%s%s", (what & BEV_EVENT_READING) ? " reading" : "",
             (what & BEV_EVENT_WRITING) ? " writing" : "", (what & BEV_EVENT_EOF) ? " eof" : "",
             (what & BEV_EVENT_ERROR) ? " error" : "", (what & BEV_EVENT_TIMEOUT) ? " timeout" : "",
             (what & BEV_EVENT_CONNECTED) ? " connected" : "");
}

static MAYBE_UNUSED void take(struct side* side, size_t most) {
    unsigned char block[4096];
    while (most > 0) {
        size_t i;
        size_t n = bufferevent_read(side->bev, block, most < sizeof block ? most : sizeof block);
        if (n == 0) break;
        for (i = 0; i < n; ++i) side->sum = side->sum * 31 + block[i];
        side->total += n;
        most -= n;
    }
}

static MAYBE_UNUSED void read_cb(struct bufferevent* bev, void* arg) {
    struct side* side = arg;
    size_t length = evbuffer_get_length(bufferevent_get_input(bev));
    ++side->reads;
    if (!side->quiet_read) say("%s: read, %lu in", side->name, (unsigned long)length);
    if (!side->keep) take(side, side->drain_max ? side->drain_max : length);
    if (side->on_read) side->on_read(side);
}

static MAYBE_UNUSED void write_cb(struct bufferevent* bev, void* arg) {
    struct side* side = arg;
    ++side->writes;
    if (!side->quiet_read) {
        say("%s: write, %lu left", side->name,
            (unsigned long)evbuffer_get_length(bufferevent_get_output(bev)));
    }
    if (side->on_write) side->on_write(side);
}

static MAYBE_UNUSED void event_cb(struct bufferevent* bev, short what, void* arg) {
    struct side* side = arg;
    int error = errno;
    char text[80];
    describe(what, text, sizeof text);
    ++side->events;
    if ((what & BEV_EVENT_ERROR) && !side->no_errno) {
        say("%s: event%s (%s), enabled %d", side->name, text, strerror(error),
            bufferevent_get_enabled(bev));
    } else {
        say("%s: event%s, enabled %d", side->name, text, bufferevent_get_enabled(bev));
    }
    if (side->on_event) side->on_event(side, what);
}

static MAYBE_UNUSED void attach(struct side* side, const char* name, struct bufferevent* bev) {
    memset(side, 0, sizeof *side);
    side->name = name;
    side->bev = bev;
    bufferevent_setcb(bev, read_cb, write_cb, event_cb, side);
}

/* Runs what is ready, and what that makes ready. */
static MAYBE_UNUSED void turn(void) {
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static MAYBE_UNUSED void turn_for_ms(int ms) {
    struct timeval tv;
    tv.tv_sec = ms / 1000;
    tv.tv_usec = (ms % 1000) * 1000;
    event_base_loopexit(base, &tv);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static MAYBE_UNUSED double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

/* side over one end of a stream pair, *raw the other. */
static MAYBE_UNUSED void socket_side(struct side* side, const char* name, int options, int* raw) {
    int fds[2];
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    attach(side, name, bufferevent_socket_new(base, fds[0], options));
    *raw = fds[1];
}

static MAYBE_UNUSED void fill(char* data, size_t size) {
    size_t i;
    for (i = 0; i < size; ++i) data[i] = (char)('a' + i % 26);
}

static MAYBE_UNUSED void put(int fd, const char* text) {
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) say("short write");
}

static MAYBE_UNUSED size_t swallow(int fd) {
    char block[16384];
    size_t all = 0;
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0) all += (size_t)n;
    return all;
}

static MAYBE_UNUSED int is_open(int fd) {
    return fcntl(fd, F_GETFD) != -1;
}

static MAYBE_UNUSED void silent_log(int severity, const char* message) {
    (void)severity;
    (void)message;
}

#endif
