/* Search domains and ndots: which names are asked for, in which order, and which result is told. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3};
static const char* answered; /* the one name that exists */
static int other_rcode;      /* what all others get */
static const char* nodata;   /* exists without an address */

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    if (answered != NULL && !strcmp(q->lower, answered)) {
        reply_begin(&out, q, 0x8180);
        reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
    } else if (nodata != NULL && !strcmp(q->lower, nodata)) {
        reply_begin(&out, q, 0x8180);
    } else {
        reply_begin(&out, q, 0x8180 | other_rcode);
    }
    reply_send(r, q, &out);
}

static struct event_base* base;
static struct evdns_base* dns;

static void ask(const char* name, int flags, const char* exists, int rcode) {
    char label[400];
    answered = exists;
    other_rcode = rcode;
    outstanding = 1;
    snprintf(label, sizeof(label), "<%.40s> flags %d exists %s rcode %d", name, flags,
             exists == NULL ? "-" : exists, rcode);
    printf("-- %s\n", label);
    if (evdns_base_resolve_ipv4(dns, name, flags, print_result, label) == NULL) {
        printf("refused\n");
        return;
    }
    event_base_dispatch(base);
}

int main(void) {
    struct responder server;
    char longest[300];
    int ndots;
    base = event_base_new();
    dns = evdns_base_new(base, 0);
    stop_when_done = base;
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    add_responder(dns, &server);

    ask("host", 0, NULL, 3);
    evdns_base_search_add(dns, "one.test");
    evdns_base_search_add(dns, ".two.test");
    evdns_base_search_add(dns, "..three.test");
    evdns_base_search_add(dns, "four.test.");
    for (ndots = 0; ndots < 4; ++ndots) {
        printf("== ndots %d\n", ndots);
        evdns_base_search_ndots_set(dns, ndots);
        ask("host", 0, NULL, 3);
        ask("host", DNS_QUERY_NO_SEARCH, NULL, 3);
        ask("host", 0, "host.two.test", 3);
        ask("host", 0, "host", 3);
        ask("a.b", 0, NULL, 3);
        ask("a.b", 0, "a.b", 3);
        ask("a.b", 0, "a.b.three.test", 3);
        ask("a.b.c.d", 0, NULL, 3);
        ask("host.", 0, NULL, 3);
        ask("a.b.", 0, NULL, 3);
        if (ndots > 0) ask("", 0, NULL, 3);
    }
    printf("== clear, add, option\n");
    evdns_base_search_clear(dns);
    ask("host", 0, NULL, 3);
    evdns_base_search_add(dns, "one.test");
    evdns_base_set_option(dns, "ndots", "2");
    ask("a.b", 0, NULL, 3);
    evdns_base_set_option(dns, "ndots:", "3");
    ask("a.b.c", 0, NULL, 3);
    printf("== other results than NXDOMAIN\n");
    evdns_base_search_add(dns, "two.test");
    evdns_base_search_ndots_set(dns, 1);
    ask("host", 0, NULL, 0);
    ask("a.b", 0, NULL, 0);
    ask("host", 0, NULL, 1);
    ask("host", 0, NULL, 8);
    ask("host", 0, NULL, 0x200);
    ask("host", 0, NULL, 4);
    ask("host", 0, NULL, 5);
    nodata = "host.one.test";
    ask("host", 0, "host.two.test", 3);
    nodata = "host.two.test";
    ask("host", 0, NULL, 3);
    nodata = "host";
    ask("host", 0, NULL, 3);
    nodata = "a.b";
    ask("a.b", 0, "a.b.two.test", 3);
    nodata = NULL;
    printf("== lengths\n");
    evdns_base_search_clear(dns);
    memset(longest, 'x', sizeof(longest));
    longest[63] = 0;
    ask(longest, 0, NULL, 3);
    longest[63] = 'x';
    longest[64] = 0;
    ask(longest, 0, NULL, 3);
    longest[64] = 'x';
    longest[63] = longest[127] = longest[191] = '.';
    longest[253] = 0;
    ask(longest, 0, NULL, 3);
    evdns_base_search_add(dns, "one.test");
    evdns_base_search_ndots_set(dns, 9);
    ask(longest, 0, NULL, 3);
    evdns_base_search_ndots_set(dns, 1);
    ask(longest, 0, NULL, 3);
    evdns_base_free(dns, 0);
    responder_close(&server);
    event_base_free(base);
    return 0;
}
