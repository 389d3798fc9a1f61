/* What the programs of the event core share: a trace on stdout, events with a name whose callback
 * says what it was told and then does what the case wants. */
#ifndef TESTS_COMPAT_DIFF_EVENT_SUPPORT_H
#define TESTS_COMPAT_DIFF_EVENT_SUPPORT_H

#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))

static MAYBE_UNUSED const struct timeval at_once = {0, 0};
static MAYBE_UNUSED const struct timeval soon = {0, 2000};
static MAYBE_UNUSED const struct timeval never = {100000, 0};

static MAYBE_UNUSED void say(const char* format, ...) {
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

static MAYBE_UNUSED const char* words(short what) {
    static char text[8][64];
    static int next;
    char* out = text[next = (next + 1) % 8];
    snprintf(out, 64, "%s%s%s%s%s%s%s%s", what & EV_TIMEOUT ? "T" : "", what & EV_READ ? "R" : "",
             what & EV_WRITE ? "W" : "", what & EV_SIGNAL ? "S" : "", what & EV_PERSIST ? "P" : "",
             what & EV_ET ? "E" : "", what & EV_FINALIZE ? "F" : "", what & EV_CLOSED ? "C" : "");
    return *out ? out : "-";
}

/* An event, its name, and what its callback does after it has spoken. */
struct named {
    struct event ev;
    const char* name;
    void (*act)(struct named*);
    struct named* other;
    int calls;
};

static MAYBE_UNUSED void on_named(evutil_socket_t fd, short what, void* arg) {
    struct named* self = arg;
    self->calls++;
    say("  %s %s%s", self->name, words(what), fd < 0 ? " without fd" : "");
    if (self->act) {
        self->act(self);
    }
}

static MAYBE_UNUSED void name(struct named* n, const char* text, struct event_base* base, int fd,
                              short events) {
    memset(n, 0xa5, sizeof(*n));
    n->name = text;
    n->act = NULL;
    n->other = NULL;
    n->calls = 0;
    say("assign %s %s: %d", text, words(events),
        event_assign(&n->ev, base, fd, events, on_named, n));
}

static MAYBE_UNUSED void add(struct named* n, const struct timeval* tv) {
    say("add %s: %d", n->name, event_add(&n->ev, tv));
}

static MAYBE_UNUSED void del(struct named* n) {
    say("del %s: %d", n->name, event_del(&n->ev));
}

static MAYBE_UNUSED void pending(struct named* n) {
    say("%s pending %s", n->name,
        words((short)event_pending(&n->ev, EV_TIMEOUT | EV_READ | EV_WRITE | EV_SIGNAL | EV_CLOSED,
                                   NULL)));
}

static MAYBE_UNUSED void loop(struct event_base* base, int flags) {
    say("loop %d", flags);
    int result = event_base_loop(base, flags);
    say("loop returns %d, exit %d, break %d", result, event_base_got_exit(base),
        event_base_got_break(base));
}

static MAYBE_UNUSED void counts(struct event_base* base) {
    say("counts: active %d, virtual %d, added %d",
        event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE),
        event_base_get_num_events(base, EVENT_BASE_COUNT_VIRTUAL),
        event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
}

/* Both ends, non-blocking. */
static MAYBE_UNUSED void make_pair(int fd[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) {
        perror("socketpair");
        exit(2);
    }
    /* Low numbers are different ones with each library. */
    for (int i = 0; i < 2; ++i) {
        int low = fd[i];
        fd[i] = fcntl(low, F_DUPFD_CLOEXEC, 100);
        close(low);
    }
}

static MAYBE_UNUSED void put(int fd, const char* text) {
    if (write(fd, text, strlen(text)) < 0) {
        say("write: %s", strerror(errno));
    }
}

static MAYBE_UNUSED int drain(int fd) {
    char bytes[4096];
    int total = 0;
    ssize_t got;
    while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
        total += (int)got;
    }
    return total;
}

/* The base with one way to wait. */
static MAYBE_UNUSED struct event_base* base_with(const char* method, int flags) {
    static const char* const methods[] = {"epoll", "poll", "select"};
    struct event_config* config = event_config_new();
    struct event_base* base;
    for (int i = 0; i < 3; ++i) {
        if (strcmp(methods[i], method) != 0) {
            event_config_avoid_method(config, methods[i]);
        }
    }
    event_config_set_flag(config, flags);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* Runs a case in a process of its own and says how it ends. */
static MAYBE_UNUSED void in_child(const char* what, void (*run)(void)) {
    int status = 0;
    pid_t child;
    heading(what);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        run();
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(2);
    }
    if (WIFSIGNALED(status)) {
        say("ended by signal %d", WTERMSIG(status));
    } else {
        say("ended with %d", WEXITSTATUS(status));
    }
}

static MAYBE_UNUSED void count_messages(int severity, const char* text) {
    static const char* const severities[] = {"debug", "msg", "warn", "err"};
    (void)text;
    say("  (%s)", severities[severity]);
}

/* `run` with each method, and each way of using it. */
static MAYBE_UNUSED void run_each_method(void (*run)(const char* method, int flags)) {
    event_set_log_callback(count_messages);
    signal(SIGPIPE, SIG_IGN);
    run("epoll", 0);
    run("epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    run("poll", 0);
    run("select", 0);
}

#endif
