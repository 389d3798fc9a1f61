/* A base after fork(): the child makes it its own, the parent does not notice. */
#include "event_support.h"

static struct event_base* base;

static void child_side(struct named* r, struct named* s, struct named* t, int fd[2]) {
    say("child: reinit %d", event_reinit(base));
    counts(base);
    pending(r);
    pending(s);
    pending(t);
    put(fd[1], "child");
    loop(base, EVLOOP_ONCE);
    drain(fd[0]);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    del(r);
    del(s);
    del(t);
    loop(base, 0);
    event_base_free(base);
}

static void forked(const char* method, int flags) {
    struct named r, s, t;
    int fd[2], status, go[2];
    char byte;
    pid_t child;
    base = base_with(method, flags);
    heading(event_base_get_method(base));
    make_pair(fd);
    if (pipe(go) != 0) {
        exit(2);
    }
    name(&r, "r", base, fd[0], EV_READ | EV_PERSIST);
    name(&s, "s", base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    name(&t, "t", base, -1, 0);
    add(&r, NULL);
    add(&s, NULL);
    add(&t, &never);
    loop(base, EVLOOP_NONBLOCK);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        int own[2];
        make_pair(own); /* the descriptors are shared: the child reads from its own */
        dup2(own[0], fd[0]);
        dup2(own[1], fd[1]);
        child_side(&r, &s, &t, fd);
        _exit(write(go[1], "x", 1) == 1 ? 0 : 1);
    }
    waitpid(child, &status, 0);
    say("child ended with %d, %d", status, read(go[0], &byte, 1) == 1);
    counts(base);
    loop(base, EVLOOP_NONBLOCK);
    put(fd[1], "parent");
    loop(base, EVLOOP_ONCE);
    drain(fd[0]);
    raise(SIGUSR1);
    loop(base, EVLOOP_ONCE);
    loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
    close(fd[0]);
    close(fd[1]);
    close(go[0]);
    close(go[1]);
}

int main(void) {
    event_set_log_callback(count_messages);
    forked("epoll", 0);
    forked("epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    forked("epoll", EVENT_BASE_FLAG_PRECISE_TIMER);
    forked("poll", 0);
    forked("select", 0);
    evthread_use_pthreads();
    forked("epoll", 0);
    return 0;
}
