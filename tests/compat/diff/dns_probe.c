/* A server that went down is probed with growing intervals and comes back; requests meanwhile. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3};
static struct event_base* base;
static struct evdns_base* dns;
static struct responder server, other;
static int silent = 1, probes, rcode;

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    if (!strcmp(q->lower, "google.com") && ++probes == 3) {
        printf("answering the third probe\n");
        silent = 0;
    }
    if (silent) return;
    reply_begin(&out, q, 0x8180 | rcode);
    if (rcode == 0) reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
    reply_send(r, q, &out);
    if (probes == 3 && rcode == 0 && !strcmp(q->lower, "google.com"))
        event_base_loopexit(base, NULL);
}

static void right(struct responder* r, struct query* q) {
    struct reply out;
    reply_begin(&out, q, 0x8180);
    reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
    reply_send(r, q, &out);
}

static void log_fn(int warning, const char* text) {
    char copy[200];
    char* colon;
    if (!warning && strncmp(text, "Nameserver", 10) && strncmp(text, "All", 3)) return;
    snprintf(copy, sizeof(copy), "%s", text);
    colon = strstr(copy, "127.0.0.");
    if (colon != NULL && (colon = strchr(colon, ':')) != NULL) {
        char* end = colon + 1 + strspn(colon + 1, "0123456789");
        memmove(colon, end, strlen(end) + 1); /* the port */
    }
    printf("log %d: %s\n", warning, copy);
}

static void ask(const char* name) {
    outstanding = 1;
    evdns_base_resolve_ipv4(dns, name, 0, print_result, (void*)name);
    event_base_dispatch(base);
}

int main(void) {
    struct timeval start, end, length, limit = {10, 0};
    struct event* late;
    base = event_base_new();
    stop_when_done = base;
    late = evtimer_new(base, (event_callback_fn)abort, NULL);
    event_add(late, &limit);
    evdns_set_log_fn(log_fn);
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    responder_open(&other, base, "other", "127.0.0.2", 0, right);
    dns = evdns_base_new(base, 0);
    evdns_base_set_option(dns, "timeout", "0.03");
    evdns_base_set_option(dns, "attempts", "1");
    evdns_base_set_option(dns, "initial-probe-timeout", "0.05");
    add_responder(dns, &server);
    ask("one.test");
    gettimeofday(&start, NULL);
    event_base_dispatch(base);
    gettimeofday(&end, NULL);
    evutil_timersub(&end, &start, &length);
    /* 50 + 150 + 450 ms and two time-outs of 30 ms. */
    printf("interval right: %d\n",
           length.tv_sec == 0 && length.tv_usec > 640000 && length.tv_usec < 950000);
    ask("two.test");
    printf("== refused, another server stands in\n");
    rcode = 5;
    probes = 100;
    add_responder(dns, &other);
    ask("three.test");
    ask("four.test");
    ask("five.test");
    rcode = 0;
    probes = 2;
    silent = 0;
    event_base_dispatch(base);
    event_base_loop(base, EVLOOP_NONBLOCK);
    ask("six.test");
    ask("seven.test");
    evdns_base_free(dns, 1);
    responder_close(&server);
    responder_close(&other);
    event_free(late);
    event_base_free(base);
    return 0;
}
