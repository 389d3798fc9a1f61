/* The functions of 1.x on the one global base, with its macros; an event in memory that was never cleared. */
#include <event.h>

#include "event_support.h"

#include <evutil.h>

static struct event timer, reader, persistent;
static int fd[2], rounds;

static void on_timer(int s, short what, void* arg) {
    say("timer %s %s%s", words(what), (const char*)arg, s < 0 ? "" : " on a descriptor");
    if (++rounds == 1) {
        struct timeval tv = {0, 1000};
        timeout_add(&timer, &tv);
        event_once(fd[0], EV_WRITE, on_timer, (void*)"once", NULL);
    } else {
        event_loopexit(NULL);
    }
}
static void on_reader(int s, short what, void* arg) {
    struct event* self = arg;
    say("reader %s %d, fd is right: %d", words(what), drain(s), EVENT_FD(self) == s);
    event_base_loopbreak(event_get_base(self));
}
static void on_break(int s, short what, void* arg) {
    say("break %d", event_loopbreak());
}
static void on_signal(int s, short what, void* arg) {
    say("signal %d %s", s == SIGUSR1, words(what));
    signal_del(&persistent);
}

int main(void) {
    struct event_base *first = event_init(), *second;
    struct timeval tv = {0, 1000}, due;
    say("method %s", event_get_method());
    make_pair(fd);
    memset(&timer, 0xff, sizeof(timer));
    memset(&reader, 0x5a, sizeof(reader));
    timeout_set(&timer, on_timer, (void*)"argument");
    say("initialized %d, pending %d", timeout_initialized(&timer), timeout_pending(&timer, NULL));
    timeout_add(&timer, &tv);
    say("pending %d", timeout_pending(&timer, &due));
    say("dispatch %d", event_dispatch());
    event_set(&reader, fd[0], EV_READ, on_reader, &reader);
    event_add(&reader, NULL);
    put(fd[1], "hello");
    say("loop %d", event_loop(EVLOOP_ONCE));
    signal_set(&persistent, SIGUSR1, on_signal, NULL);
    say("signal %d, initialized %d", EVENT_SIGNAL(&persistent) == SIGUSR1,
        signal_initialized(&persistent));
    signal_add(&persistent, NULL);
    say("pending %d", signal_pending(&persistent, NULL) == EV_SIGNAL);
    raise(SIGUSR1);
    say("dispatch %d", event_dispatch());
    timeout_set(&timer, on_break, NULL);
    tv.tv_usec = 0;
    timeout_add(&timer, &tv);
    event_once(-1, EV_TIMEOUT, on_timer, (void*)"behind the break", &tv);
    say("dispatch %d, broken %d", event_dispatch(), event_base_got_break(first));
    tv.tv_usec = 1000;
    rounds = 1;
    say("dispatch %d", event_dispatch());
    say("priorities %d %d", event_priority_init(4), event_base_get_npriorities(first));
    second = event_init();
    say("another base: %d", first != second);
    event_set(&reader, fd[0], EV_READ, on_reader, &reader);
    say("of the second: %d", event_get_base(&reader) == second);
    say("to the first: %d", event_base_set(first, &reader));
    say("of the first: %d", event_get_base(&reader) == first);
    event_add(&reader, &tv);
    say("exit %d", event_loopexit(&tv));
    say("dispatch %d", event_dispatch());
    say("the first %d", event_base_dispatch(first));
    event_base_free(first);
    event_base_free(second);
    return 0;
}
