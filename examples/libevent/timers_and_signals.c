/* Timers and signals in one event loop: a timer that repeats, one that fires once, and SIGINT and
 * SIGTERM, which end the program in good order.
 *
 *     timers_and_signals [TICKS]  ends by itself after so many ticks, 5 by default
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct ticker {
    struct event* timer;
    int left;
};

static void on_tick(evutil_socket_t fd, short what, void* arg) {
    struct ticker* ticker = arg;
    (void)fd;
    (void)what;
    printf("tick, %d to go\n", --ticker->left);
    if (ticker->left == 0) event_del(ticker->timer); /* nothing is left to wait for but signals */
}

static void on_end(evutil_socket_t fd, short what, void* arg) {
    (void)fd;
    (void)what;
    printf("time is up\n");
    event_base_loopexit(arg, NULL);
}

static void on_signal(evutil_socket_t number, short what, void* arg) {
    (void)what;
    printf("signal %d\n", (int)number);
    event_base_loopexit(arg, NULL);
}

int main(int argc, char** argv) {
    const struct timeval interval = {0, 20000};
    struct timeval end = {0, 0};
    struct event_base* base = event_base_new();
    struct event *once, *interrupt, *terminate;
    struct ticker ticker;

    ticker.left = argc > 1 && atoi(argv[1]) > 0 ? atoi(argv[1]) : 5;
    end.tv_sec = ticker.left / 40 + 1; /* well after the last tick */
    ticker.timer = event_new(base, -1, EV_PERSIST, on_tick, &ticker);
    once = evtimer_new(base, on_end, base);
    interrupt = evsignal_new(base, SIGINT, on_signal, base);
    terminate = evsignal_new(base, SIGTERM, on_signal, base);
    event_add(ticker.timer, &interval);
    event_add(once, &end);
    event_add(interrupt, NULL);
    event_add(terminate, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    event_base_dispatch(base);

    event_free(ticker.timer);
    event_free(once);
    event_free(interrupt);
    event_free(terminate);
    event_base_free(base);
    return 0;
}
