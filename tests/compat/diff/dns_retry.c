/* Servers that do not answer, or answer with errors: who is asked next, how often, what is told, and
 * how a server that was down comes back. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3};
static struct event_base* base;
static struct responder one, two;
static int mode_one, mode_two; /* -1 silent, -2 right, else an RCODE */

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    int mode = r == &one ? mode_one : mode_two;
    if (mode == -1) return;
    reply_begin(&out, q, 0x8180 | (mode > 0 ? mode : 0) | (mode == -3 ? 0x200 : 0));
    if (mode == -2 || mode == -3) reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
    reply_send(r, q, &out);
}

static void run(const char* title, int with_two, int m1, int m2, const char* attempts,
                const char* max_timeouts, int requests) {
    struct evdns_base* dns = evdns_base_new(base, 0);
    static const char* const names[] = {"first.test", "second.test", "third.test", "fourth.test"};
    int i;
    printf("== %s: %d, %d, attempts %s, max-timeouts %s\n", title, m1, m2, attempts, max_timeouts);
    mode_one = m1;
    mode_two = m2;
    evdns_base_set_option(dns, "timeout", "0.06");
    evdns_base_set_option(dns, "attempts", attempts);
    evdns_base_set_option(dns, "max-timeouts", max_timeouts);
    add_responder(dns, &one);
    if (with_two) add_responder(dns, &two);
    for (i = 0; i < requests; ++i) {
        outstanding = 1;
        evdns_base_resolve_ipv4(dns, names[i], 0, print_result, (void*)names[i]);
        event_base_dispatch(base);
    }
    evdns_base_free(dns, 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void log_fn(int warning, const char* text) {
    (void)warning;
    (void)text;
}

int main(void) {
    static const int rcodes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15};
    size_t i;
    char title[40];
    base = event_base_new();
    stop_when_done = base;
    evdns_set_log_fn(log_fn);
    responder_open(&one, base, "one", "127.0.0.1", 0, handle);
    responder_open(&two, base, "two", "127.0.0.2", 0, handle);
    run("silent", 0, -1, 0, "1", "3", 2);
    run("silent", 0, -1, 0, "3", "3", 2);
    run("silent", 0, -1, 0, "2", "1", 4);
    run("both silent", 1, -1, -1, "3", "3", 3);
    run("one silent", 1, -1, -2, "3", "3", 3);
    run("two silent", 1, -2, -1, "3", "3", 3);
    run("truncated", 0, -3, -1, "3", "3", 2);
    run("truncated", 1, -3, -2, "3", "3", 2);
    for (i = 0; i < sizeof(rcodes) / sizeof(*rcodes); ++i) {
        snprintf(title, sizeof(title), "rcode %d", rcodes[i]);
        run(title, 0, rcodes[i], 0, "2", "3", 2);
        snprintf(title, sizeof(title), "rcode %d, other right", rcodes[i]);
        run(title, 1, rcodes[i], -2, "2", "3", 2);
        snprintf(title, sizeof(title), "rcode %d on both", rcodes[i]);
        run(title, 1, rcodes[i], rcodes[i], "2", "3", 2);
    }
    responder_close(&one);
    responder_close(&two);
    event_base_free(base);
    return 0;
}
