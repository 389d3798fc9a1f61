/* Sockets of <event2/util.h>: what each call sets, and what it says of descriptors that are none. */
#define _GNU_SOURCE
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int logged;

static void count(int severity, const char* text) {
    (void)text;
    printf("  logged, severity %d\n", severity);
    logged++;
}

static void show(const char* what, int result) {
    printf("%s: %d%s%s\n", what, result, result < 0 ? ", " : "", result < 0 ? strerror(errno) : "");
}

static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

static void pairs(void) {
    static const int kinds[][3] = {
        {AF_UNIX, SOCK_STREAM, 0}, {AF_UNIX, SOCK_DGRAM, 0}, {AF_UNIX, SOCK_SEQPACKET, 0},
        {AF_INET, SOCK_STREAM, 0}, {AF_UNIX, 99, 0},         {-1, SOCK_STREAM, 0}};
    unsigned i;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        evutil_socket_t pair[2] = {-1, -1};
        char text[6] = "";
        int result = evutil_socketpair(kinds[i][0], kinds[i][1], kinds[i][2], pair);
        show("socketpair", result);
        if (result != 0) continue;
        printf("  wrote %d", (int)write(pair[0], "hello", 5));
        printf(", read %d: %s\n", (int)read(pair[1], text, 5), text);
        printf("  nonblocking %d, close-on-exec %d\n", (fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0,
               fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
        show("closesocket", evutil_closesocket(pair[0]));
        show("closesocket", EVUTIL_CLOSESOCKET(pair[1]));
        show("closesocket again", evutil_closesocket(pair[1]));
    }
}

static void flags_of(int fd) {
    printf(
        "  nonblocking %d, close-on-exec %d, reuseaddr %d, reuseport %d, keepalive %d, v6only %d, "
        "deferred %d\n",
        (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, fcntl(fd, F_GETFD) & FD_CLOEXEC,
        option(fd, SOL_SOCKET, SO_REUSEADDR), option(fd, SOL_SOCKET, SO_REUSEPORT),
        option(fd, SOL_SOCKET, SO_KEEPALIVE), option(fd, IPPROTO_IPV6, IPV6_V6ONLY),
        option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT));
}

static void settings(const char* what, int fd) {
    int round;
    printf("%s\n", what);
    for (round = 0; round < 2; round++) {
        show("nonblocking", evutil_make_socket_nonblocking(fd));
        flags_of(fd);
        show("closeonexec", evutil_make_socket_closeonexec(fd));
        flags_of(fd);
    }
    show("reuseable", evutil_make_listen_socket_reuseable(fd));
    flags_of(fd);
    show("reuseable_port", evutil_make_listen_socket_reuseable_port(fd));
    flags_of(fd);
    show("ipv6only", evutil_make_listen_socket_ipv6only(fd));
    flags_of(fd);
    show("deferred", evutil_make_tcp_listen_socket_deferred(fd));
    flags_of(fd);
}

int main(void) {
    int fds[2], i;
    event_set_log_callback(count);
    pairs();
    settings("tcp", i = socket(AF_INET, SOCK_STREAM, 0));
    close(i);
    settings("tcp over ipv6", i = socket(AF_INET6, SOCK_STREAM, 0));
    close(i);
    settings("udp", i = socket(AF_INET, SOCK_DGRAM, 0));
    close(i);
    settings("unix", i = socket(AF_UNIX, SOCK_STREAM, 0));
    close(i);
    if (pipe(fds) == 0) {
        settings("pipe", fds[0]);
        close(fds[0]);
        close(fds[1]);
    }
    settings("none", -1);
    settings("closed", 1000);
    errno = 0;
    EVUTIL_SET_SOCKET_ERROR(EAGAIN);
    printf("errors: %d %d %s, none is %d\n", EVUTIL_SOCKET_ERROR() == EAGAIN,
           evutil_socket_geterror(0) == EAGAIN, evutil_socket_error_to_string(EPIPE),
           EVUTIL_INVALID_SOCKET);
    printf("%d messages\n", logged);
    return 0;
}
