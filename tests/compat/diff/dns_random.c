/* Damaged replies: classes, TTLs and data changed, messages cut at random (with a fixed seed), and noise
 * that answers nothing before the real reply. Damaged names and lengths are not here: they are refused
 * more strictly than in the original. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3};
static const unsigned char v6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static unsigned state = 12345;

static unsigned next_random(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static int noise;
static int places[200], place_count; /* octets that may be changed */

/* The record of `length` octets of data that was added last: its class, TTL and data. */
static void may_change(const struct reply* out, int length, int data_too) {
    int i;
    for (i = 0; i < 6; ++i) places[place_count++] = out->length - length - 8 + i;
    for (i = 0; i < length && data_too; ++i) places[place_count++] = out->length - length + i;
}

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    int i, changes = (int)(next_random() % 3);
    if (noise) {
        for (i = 0; i < 5; ++i) {
            unsigned char junk[200];
            int n, length = (int)(next_random() % sizeof(junk));
            for (n = 0; n < length; ++n) junk[n] = (unsigned char)next_random();
            if (length > 1) junk[0] = (unsigned char)((q->id >> 8) ^ 0x55); /* surely another id */
            sendto(r->fd, junk, (size_t)length, 0, (struct sockaddr*)&q->from, q->from_length);
        }
    }
    place_count = 0;
    reply_begin(&out, q, 0x8180);
    switch (next_random() % 3) {
        case 0: reply_name_record(&out, 0, NULL, 5, 60, "real.test"); break;
        case 1:
            reply_record(&out, 0, NULL, 16, 1, 60, "\3abc", 4);
            may_change(&out, 4, 1);
            break;
        default: break;
    }
    if (q->type == 1) {
        reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
        may_change(&out, 4, 1);
        reply_record(&out, 0, "other.test", 1, 1, 50, v4, 4);
        may_change(&out, 4, 1);
    } else if (q->type == 28) {
        reply_record(&out, 0, NULL, 28, 1, 60, v6, 16);
        may_change(&out, 16, 1);
    } else {
        reply_name_record(&out, 0, NULL, 12, 60, "host.test");
        may_change(&out, 11, 0);
    }
    reply_soa(&out, "test", 77, 66);
    if (!noise) {
        while (changes-- > 0) {
            int at = places[next_random() % (unsigned)place_count];
            out.raw[at] = (unsigned char)(next_random() % 64);
        }
        if (next_random() % 4 == 0) {
            out.length =
                q->question_end + (int)(next_random() % (unsigned)(out.length - q->question_end));
        }
    }
    reply_send(r, q, &out);
}

int main(void) {
    struct event_base* base = event_base_new();
    struct evdns_base* dns = evdns_base_new(base, 0);
    struct responder server;
    struct in_addr in;
    int i;
    char label[20];
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    server.quiet = 1;
    add_responder(dns, &server);
    stop_when_done = base;
    in.s_addr = htonl(0x01020304);
    for (i = 0; i < 1500; ++i) {
        noise = i % 10 == 0;
        snprintf(label, sizeof(label), "%d", i);
        outstanding = 1;
        if (i % 3 == 0) {
            evdns_base_resolve_ipv4(dns, "some.test", 0, print_result, label);
        } else if (i % 3 == 1) {
            evdns_base_resolve_ipv6(dns, "some.test", 0, print_result, label);
        } else {
            evdns_base_resolve_reverse(dns, &in, 0, print_result, label);
        }
        event_base_dispatch(base);
    }
    evdns_base_free(dns, 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    responder_close(&server);
    event_base_free(base);
    return 0;
}
