/* Buffers and descriptors: reading with every bound, ends and errors, writing parts, full pipes. */
#include "buffer_support.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

static void pair(int* fds) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        abort();
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
}

static int result_of(int result) {
    if (result < 0) {
        printf("   errno %s\n", strerror(errno));
    }
    return result;
}

static void reading(void) {
    int fds[2], bound;
    struct evbuffer* a = evbuffer_new();
    char* text = pattern_text(0, 4000);
    title("reading");
    pair(fds);
    evbuffer_add_cb(a, on_change, (void*)"a");
    SHOW(result_of(evbuffer_read(a, fds[0], 100)));
    SHOW(result_of(evbuffer_read(a, fds[0], -1)));
    for (bound = -1; bound < 4000; bound = bound * 3 + 2 + (bound < 0)) {
        SHOW(write(fds[1], text, 4000));
        printf("bound %d\n", bound);
        while (evbuffer_read(a, fds[0], bound) > 0) {
        }
        SHOW(errno == EAGAIN);
        show("a", a);
        if (bound % 2 == 0) {
            evbuffer_drain(a, evbuffer_get_length(a) - 100);
        }
    }
    SHOW(write(fds[1], "last", 4));
    shutdown(fds[1], SHUT_WR);
    SHOW(evbuffer_read(a, fds[0], 2));
    SHOW(evbuffer_read(a, fds[0], 100));
    SHOW(evbuffer_read(a, fds[0], 100));
    SHOW(evbuffer_read(a, fds[0], -1));
    show("a", a);
    close(fds[0]);
    close(fds[1]);
    SHOW(result_of(evbuffer_read(a, -1, 10)));
    free(text);
    evbuffer_free(a);
}

static void much(void) {
    int fds[2];
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    char* text = pattern_text(0, 1 << 20);
    size_t written = 0, got = 0;
    title("a mebibyte through a socket");
    pair(fds);
    evbuffer_add_reference(b, text, 1 << 20, NULL, NULL);
    while (got < 1 << 20) {
        int n = evbuffer_write(b, fds[1]);
        if (n > 0) {
            written += (size_t)n;
        }
        while ((n = evbuffer_read(a, fds[0], -1)) > 0) {
            got += (size_t)n;
        }
    }
    SHOW(written);
    SHOW(evbuffer_get_length(b));
    SHOW(memcmp(evbuffer_pullup(a, -1), text, 1 << 20));
    show("a", a);
    close(fds[0]);
    close(fds[1]);
    free(text);
    evbuffer_free(a);
    evbuffer_free(b);
}

static void writing(void) {
    int fds[2], i;
    struct evbuffer* a = evbuffer_new();
    char in[4096];
    title("writing");
    pair(fds);
    SHOW(evbuffer_write(a, fds[0]));
    SHOW(evbuffer_write_atmost(a, fds[0], 10));
    for (i = 0; i < 20; ++i) {
        evbuffer_add_reference(a, "0123456789", (size_t)(i % 10 + 1), NULL, NULL);
    }
    evbuffer_add_cb(a, on_change, (void*)"a");
    show("a", a);
    SHOW(evbuffer_write_atmost(a, fds[0], 0));
    SHOW(evbuffer_write_atmost(a, fds[0], 1));
    SHOW(evbuffer_write_atmost(a, fds[0], 7));
    SHOW(evbuffer_write_atmost(a, fds[0], 30));
    SHOW(evbuffer_write(a, fds[0]));
    SHOW(evbuffer_write_atmost(a, fds[0], 1000));
    memset(in, 0, sizeof(in));
    SHOW(read(fds[1], in, sizeof(in) - 1));
    printf("%s\n", in);
    evbuffer_add(a, "frozen", 6);
    evbuffer_freeze(a, 1);
    SHOW(evbuffer_write(a, fds[0]));
    evbuffer_unfreeze(a, 1);
    SHOW(result_of(evbuffer_write(a, -1)));
    close(fds[1]);
    SHOW(result_of(evbuffer_write(a, fds[0])));
    show("a", a);
    close(fds[0]);
    evbuffer_free(a);
}

static void full(void) {
    int fds[2], n = 0;
    struct evbuffer* a = evbuffer_new();
    char* text = pattern_text(0, 200000);
    size_t sent = 0;
    title("a full pipe");
    if (pipe(fds) != 0) {
        abort();
    }
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    evbuffer_add(a, text, 200000);
    while ((n = evbuffer_write(a, fds[1])) > 0) {
        sent += (size_t)n;
    }
    SHOW(result_of(n));
    SHOW(sent + evbuffer_get_length(a));
    SHOW(sent);
    show("a", a);
    SHOW(result_of(evbuffer_read(a, fds[1], 10)));
    close(fds[0]);
    close(fds[1]);
    free(text);
    evbuffer_free(a);
}

int main(void) {
    use_all();
    signal(SIGPIPE, SIG_IGN);
    reading();
    much();
    writing();
    full();
    return 0;
}
