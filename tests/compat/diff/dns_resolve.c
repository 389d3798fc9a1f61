/* Forward and reverse look-ups: what goes over the wire, and what becomes of replies of every kind. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3};
static const unsigned char v6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

static void answer_shapes(struct reply* out, const struct query* q, const char* kind) {
    unsigned char many[4] = {10, 0, 0, 0};
    int i;
    if (!strcmp(kind, "a")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
    } else if (!strcmp(kind, "aaaa")) {
        reply_record(out, 0, NULL, 28, 1, 61, v6, 16);
    } else if (!strcmp(kind, "three")) {
        for (i = 0; i < 3; ++i) {
            many[3] = (unsigned char)i;
            reply_record(out, 0, NULL, 1, 1, 100u - (unsigned)i, many, 4);
        }
    } else if (!strcmp(kind, "forty")) {
        for (i = 0; i < 40; ++i) {
            many[3] = (unsigned char)i;
            reply_record(out, 0, NULL, 1, 1, 500u - (unsigned)i, many, 4);
        }
    } else if (!strcmp(kind, "cname")) {
        reply_name_record(out, 0, NULL, 5, 7, "real.example");
        reply_record(out, 0, "real.example", 1, 1, 60, v4, 4);
    } else if (!strcmp(kind, "cnameonly")) {
        reply_name_record(out, 0, NULL, 5, 7, "real.example");
    } else if (!strcmp(kind, "otherowner")) {
        reply_record(out, 0, "somebody.else", 1, 1, 60, v4, 4);
    } else if (!strcmp(kind, "otherclass")) {
        reply_record(out, 0, NULL, 1, 3, 60, v4, 4);
        reply_record(out, 0, NULL, 1, 1, 50, v4, 4);
    } else if (!strcmp(kind, "othertype")) {
        reply_record(out, 0, NULL, 16, 1, 60, "\3abc", 4);
        reply_record(out, 0, NULL, 1, 1, 50, v4, 4);
    } else if (!strcmp(kind, "txtonly")) {
        reply_record(out, 0, NULL, 16, 1, 60, "\3abc", 4);
    } else if (!strcmp(kind, "twice8")) {
        unsigned char eight[8] = {10, 9, 8, 7, 10, 9, 8, 6};
        reply_record(out, 0, NULL, 1, 1, 60, eight, 8);
    } else if (!strcmp(kind, "five")) {
        reply_record(out, 0, NULL, 1, 1, 60, "\1\2\3\4\5", 5);
    } else if (!strcmp(kind, "zerottl")) {
        reply_record(out, 0, NULL, 1, 1, 0, v4, 4);
    } else if (!strcmp(kind, "bigttl")) {
        reply_record(out, 0, NULL, 1, 1, 0x7fffffffu, v4, 4);
    } else if (!strcmp(kind, "soa")) {
        reply_soa(out, "example", 300, 120);
    } else if (!strcmp(kind, "soamin")) {
        reply_soa(out, "example", 30, 120);
    } else if (!strcmp(kind, "ns")) {
        reply_name_record(out, 1, "example", 2, 44, "ns.example");
    } else if (!strcmp(kind, "extra")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        reply_name_record(out, 1, "example", 2, 44, "ns.example");
        reply_record(out, 2, "ns.example", 1, 1, 5, v4, 4);
    } else if (!strcmp(kind, "cut")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        out->length -= 2;
    } else if (!strcmp(kind, "cutsecond")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        out->length -= 2;
    } else if (!strcmp(kind, "countlie")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        out->raw[7] = 9;
    } else if (!strcmp(kind, "trailing")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        reply_bytes(out, "junk", 4);
    } else if (!strcmp(kind, "badname")) {
        reply_record(out, 0, NULL, 1, 1, 60, v4, 4);
        out->raw[out->length - 15] = 0xff; /* the pointer of the owner leads out of the message */
    }
    (void)q;
}

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    char kind[300];
    int rcode = 0, flags = 0x8180;
    if (q->type == 12) {
        reply_begin(&out, q, flags);
        if (strstr(q->lower, "127.in-addr.arpa")) {
            reply_name_record(&out, 0, NULL, 12, 99, "localhost.example");
        } else if (strstr(q->lower, "9.in-addr.arpa")) {
            reply_name_record(&out, 0, NULL, 12, 99, "first.example");
            reply_name_record(&out, 0, NULL, 12, 98, "second.example");
        } else if (strstr(q->lower, "ip6.arpa")) {
            reply_name_record(&out, 0, NULL, 12, 12, "six.example");
        }
        reply_send(r, q, &out);
        return;
    }
    strcpy(kind, q->lower);
    kind[strcspn(kind, ".")] = 0;
    if (!strncmp(kind, "rcode", 5)) rcode = atoi(kind + 5);
    if (!strcmp(kind, "tc") || !strcmp(kind, "tcempty")) flags |= 0x200;
    if (!strcmp(kind, "noqr")) flags &= ~0x8000;
    if (!strcmp(kind, "opcode")) flags |= 0x2000;
    reply_begin(&out, q, flags | rcode);
    if (!strcmp(kind, "tc") || !strcmp(kind, "noqr") || !strcmp(kind, "opcode")) {
        reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
    } else if (!strcmp(kind, "rcode3") && strstr(q->lower, "soa")) {
        reply_soa(&out, "example", 300, 120);
    } else if (rcode == 0) {
        answer_shapes(&out, q, kind);
    }
    reply_send(r, q, &out);
}

int main(void) {
    static const char* const forward[] = {"a.example",
                                          "three.example",
                                          "forty.example",
                                          "cname.example",
                                          "cnameonly.example",
                                          "otherowner.example",
                                          "otherclass.example",
                                          "othertype.example",
                                          "txtonly.example",
                                          "twice8.example",
                                          "five.example",
                                          "zerottl.example",
                                          "bigttl.example",
                                          "soa.example",
                                          "soamin.example",
                                          "ns.example",
                                          "extra.example",
                                          "trailing.example",
                                          "empty.example",
                                          "aaaa.example",
                                          "rcode3.example",
                                          "rcode3.soa.example",
                                          "a.with-a-rather-long-name.and.many.labels.example",
                                          "A.Example",
                                          "under_score.a b.example",
                                          "a.example."};
    static const char* const broken[] = {"cut.example",     "cutsecond.example", "countlie.example",
                                         "badname.example", "noqr.example",      "opcode.example"};
    struct event_base* base = event_base_new();
    struct evdns_base* dns = evdns_base_new(base, 0);
    struct responder server;
    struct in_addr in;
    struct in6_addr in6;
    size_t i;
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    printf("add %d\n", add_responder(dns, &server));
    printf("count %d\n", evdns_base_count_nameservers(dns));
    stop_when_done = base;
    for (i = 0; i < sizeof(forward) / sizeof(*forward); ++i) {
        outstanding = 1;
        if (!evdns_base_resolve_ipv4(dns, forward[i], DNS_QUERY_NO_SEARCH, print_result,
                                     (void*)forward[i])) {
            printf("%s: refused\n", forward[i]);
            continue;
        }
        event_base_dispatch(base);
    }
    for (i = 0; i < 4; ++i) {
        static const char* const names[] = {"aaaa.example", "a.example", "empty.example",
                                            "rcode3.example"};
        outstanding = 1;
        evdns_base_resolve_ipv6(dns, names[i], DNS_QUERY_NO_SEARCH, print_result, (void*)names[i]);
        event_base_dispatch(base);
    }
    for (i = 0; i < 3; ++i) {
        static const char* const hosts[] = {"127.0.0.1", "9.8.7.6", "1.2.3.4"};
        outstanding = 1;
        inet_pton(AF_INET, hosts[i], &in);
        evdns_base_resolve_reverse(dns, &in, 0, print_result, (void*)hosts[i]);
        event_base_dispatch(base);
    }
    outstanding = 1;
    inet_pton(AF_INET6, "2001:db8::ff00:42:8329", &in6);
    evdns_base_resolve_reverse_ipv6(dns, &in6, 0, print_result, (void*)"six");
    event_base_dispatch(base);
    /* Replies that cannot be used: a short time-out, one attempt. */
    evdns_base_set_option(dns, "timeout", "0.05");
    evdns_base_set_option(dns, "attempts", "1");
    evdns_base_set_option(dns, "max-timeouts", "200");
    for (i = 0; i < sizeof(broken) / sizeof(*broken); ++i) {
        outstanding = 1;
        evdns_base_resolve_ipv4(dns, broken[i], DNS_QUERY_NO_SEARCH, print_result,
                                (void*)broken[i]);
        event_base_dispatch(base);
    }
    evdns_base_free(dns, 0);
    responder_close(&server);
    event_base_free(base);
    return 0;
}
