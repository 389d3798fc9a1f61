/* Load for memcached: connections that each wait for their answer before they ask again, nine gets and
 * a set of 100 octets in turn, every answer checked.
 *
 *   memcached_load PORT REQUESTS [CONNECTIONS]     prints the number of answers
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { keys = 1000, value_length = 100, connections_max = 1000 };

struct connection {
    int fd;
    unsigned turn;
    char expected[256];
    size_t length; /* of what is expected */
    size_t have;
};

static char value[value_length + 1];

static void fail(const char* what) {
    perror(what);
    exit(1);
}

static void ask(struct connection* self) {
    char request[256];
    const unsigned key = self->turn * 7919U % keys;
    int length;
    if (self->turn < keys || self->turn % 10 == 0) {
        length = snprintf(request, sizeof request, "set key-%u 0 0 %d\r\n%s\r\n", key, value_length,
                          value);
        self->length = (size_t)snprintf(self->expected, sizeof self->expected, "STORED\r\n");
    } else {
        length = snprintf(request, sizeof request, "get key-%u\r\n", key);
        self->length =
            (size_t)snprintf(self->expected, sizeof self->expected,
                             "VALUE key-%u 0 %d\r\n%s\r\nEND\r\n", key, value_length, value);
    }
    self->have = 0;
    if (send(self->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        fail("send");
    }
}

/* Whether the answer is complete. */
static int answered(struct connection* self) {
    char got[512];
    const ssize_t count = recv(self->fd, got, sizeof got, 0);
    if (count <= 0) {
        fail("recv");
    }
    if ((size_t)count > self->length - self->have ||
        memcmp(got, self->expected + self->have, (size_t)count) != 0) {
        fprintf(stderr, "not what was asked for: %.*s\n", (int)count, got);
        exit(1);
    }
    self->have += (size_t)count;
    return self->have == self->length;
}

static int connected(int port) {
    struct sockaddr_in to;
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((unsigned short)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to) != 0) {
        fail("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int main(int argc, char** argv) {
    const long requests = argc > 2 ? atol(argv[2]) : 0;
    const int count = argc > 3 ? atoi(argv[3]) : 50;
    static struct connection connections[connections_max];
    struct epoll_event ready[256];
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    long asked = 0, done = 0;
    int i;
    if (requests < 1 || count < 1 || count > connections_max || epoll < 0) {
        fprintf(stderr, "usage: memcached_load PORT REQUESTS [CONNECTIONS]\n");
        return 2;
    }
    memset(value, 'v', value_length);
    for (i = 0; i < count; ++i) {
        struct epoll_event event;
        connections[i].fd = connected(atoi(argv[1]));
        connections[i].turn = i == 0 ? 0 : keys + (unsigned)i;
        event.events = EPOLLIN;
        event.data.ptr = &connections[i];
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0) {
            fail("epoll_ctl");
        }
    }
    /* The first connection stores every key before the others ask. */
    for (; connections[0].turn < keys; ++connections[0].turn) {
        ask(&connections[0]);
        while (!answered(&connections[0])) {
        }
    }
    for (i = 0; i < count && asked < requests; ++i, ++asked) {
        ask(&connections[i]);
    }
    while (done < requests) {
        const int events = epoll_wait(epoll, ready, 256, -1);
        if (events < 0 && errno != EINTR) {
            fail("epoll_wait");
        }
        for (i = 0; i < events; ++i) {
            struct connection* const self = ready[i].data.ptr;
            if (!answered(self)) {
                continue;
            }
            ++done;
            ++self->turn;
            if (asked < requests) {
                ++asked;
                ask(self);
            }
        }
    }
    printf("%ld\n", done);
    return 0;
}
