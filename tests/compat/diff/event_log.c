/* Messages: their severities, what errno adds, how long they may be, who is told, and how the fatal
 * ones end a program. The functions that write them are in no header, and programs call them. */
#include "event_support.h"

void event_msgx(const char* format, ...);
void event_warnx(const char* format, ...);
void event_warn(const char* format, ...);
void event_sock_warn(evutil_socket_t sock, const char* format, ...);
void event_errx(int status, const char* format, ...);
void event_err(int status, const char* format, ...);
void event_sock_err(int status, evutil_socket_t sock, const char* format, ...);

/* Debug messages are each library's own. */
static void on_message(int severity, const char* text) {
    if (severity != EVENT_LOG_DEBUG) {
        say("  %d, %d octets: %.60s", severity, (int)strlen(text), text);
    }
}

static void on_message_look_at_end(int severity, const char* text) {
    const size_t length = strlen(text);
    say("  %d, %d octets, ends in %s", severity, (int)length,
        length > 20 ? text + length - 20 : text);
}

static void on_fatal(int status) {
    say("  fatal: %d", status);
}

static void write_all(void) {
    int fd[2];
    make_pair(fd);
    errno = ENOENT;
    event_msgx("message %d %s", 1, "one");
    errno = ENOENT;
    event_warnx("warning %d", 2);
    errno = ENOENT;
    event_warn("warning %d", 3);
    errno = EAGAIN;
    event_sock_warn(fd[0], "warning %d", 4);
    errno = 0;
    event_warn("%s", "");
    close(fd[0]);
    close(fd[1]);
}

static void lengths(void) {
    static char text[3000];
    size_t i;
    static const size_t sizes[] = {1000, 1015, 1020, 1021, 1022, 1023, 1024, 2999};
    event_set_log_callback(on_message_look_at_end);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        memset(text, 'x', sizes[i]);
        text[sizes[i]] = '\0';
        event_warnx("%s", text);
        errno = ENOENT;
        event_warn("%s", text);
    }
}

static void to_stderr(void) {
    char text[4096];
    int out[2];
    ssize_t size;
    if (pipe(out) != 0 || dup2(out[1], 2) < 0) {
        return;
    }
    close(out[1]);
    event_set_log_callback(NULL);
    write_all();
    close(2);
    size = read(out[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    say("%s", text);
}

static void fatal_errx(void) {
    errno = ENOENT;
    event_errx(3, "fatal %d", 1);
}
static void fatal_err(void) {
    errno = ENOENT;
    event_err(4, "fatal %d", 2);
}
static void fatal_sock_err(void) {
    int fd[2];
    make_pair(fd);
    errno = EPIPE;
    event_sock_err(5, fd[0], "fatal %d", 3);
}
static void fatal_with_callback(void) {
    event_set_fatal_callback(on_fatal);
    fatal_err();
    say("survived");
}

static void on_event(evutil_socket_t fd, short what, void* arg) {
    say("  event %s", words(what));
}

/* What debug logging says is not compared, only that it changes nothing else. */
static void debugging(void) {
    static const ev_uint32_t masks[] = {EVENT_DBG_ALL, EVENT_DBG_NONE};
    size_t i;
    event_set_log_callback(on_message);
    for (i = 0; i < 2; ++i) {
        struct event_base* base;
        struct event* ev;
        event_enable_debug_logging(masks[i]);
        base = event_base_new();
        ev = event_new(base, -1, 0, on_event, NULL);
        event_add(ev, &at_once);
        loop(base, 0);
        event_warnx("while debugging");
        event_free(ev);
        event_base_free(base);
    }
}

int main(void) {
    heading("to a callback");
    event_set_log_callback(on_message);
    write_all();
    heading("lengths");
    lengths();
    in_child("to standard error", to_stderr);
    event_set_log_callback(on_message);
    in_child("errx", fatal_errx);
    in_child("err", fatal_err);
    in_child("sock_err", fatal_sock_err);
    in_child("err, with a callback that returns", fatal_with_callback);
    heading("debug logging");
    debugging();
    return 0;
}
