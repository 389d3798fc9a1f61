/* What the DNS programs share: a name server made of one UDP socket and a handler, a builder for
 * replies of any shape, and callbacks that print what the resolver says. Everything printed is free
 * of ids, ports, times and letter case, so that two runs print the same. */
#ifndef DNS_COMMON_H
#define DNS_COMMON_H

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused)) /* not every program needs all of it */

struct query {
    unsigned char raw[1500];
    int length;
    int id, flags, type, dns_class;
    int question_end; /* octets of header and question */
    char name[300];   /* as it came */
    char lower[300];  /* in lower case */
    int mixed;        /* whether it has letters of both cases */
    struct sockaddr_storage from;
    ev_socklen_t from_length;
};

struct responder {
    const char* label;
    evutil_socket_t fd;
    struct sockaddr_in address;
    struct event* ev;
    void (*handle)(struct responder*, struct query*);
    int seen;
    int quiet;
};

static const char* type_text(int type) {
    return type == 1 ? "A" : type == 28 ? "AAAA" : type == 12 ? "PTR" : "?";
}

static int parse_query(struct query* q) {
    int at = 12;
    size_t n = 0;
    if (q->length < 17) return -1;
    q->id = q->raw[0] << 8 | q->raw[1];
    q->flags = q->raw[2] << 8 | q->raw[3];
    while (at < q->length && q->raw[at] != 0) {
        int size = q->raw[at++];
        if (n != 0) q->name[n++] = '.';
        memcpy(q->name + n, q->raw + at, (size_t)size);
        n += (size_t)size;
        at += size;
    }
    q->name[n] = 0;
    at++;
    q->type = q->raw[at] << 8 | q->raw[at + 1];
    q->dns_class = q->raw[at + 2] << 8 | q->raw[at + 3];
    q->question_end = at + 4;
    int upper = 0, lower = 0;
    for (n = 0; q->name[n] != 0; ++n) {
        upper |= q->name[n] >= 'A' && q->name[n] <= 'Z';
        lower |= q->name[n] >= 'a' && q->name[n] <= 'z';
        q->lower[n] = (char)tolower((unsigned char)q->name[n]);
    }
    q->lower[n] = 0;
    q->mixed = upper && lower;
    return 0;
}

static void responder_read(evutil_socket_t fd, short what, void* arg) {
    struct responder* r = arg;
    (void)what;
    for (;;) {
        struct query q;
        memset(&q, 0, sizeof(q));
        q.from_length = sizeof(q.from);
        q.length =
            (int)recvfrom(fd, q.raw, sizeof(q.raw), 0, (struct sockaddr*)&q.from, &q.from_length);
        if (q.length < 0) return;
        if (parse_query(&q) < 0) {
            printf("%s: short query\n", r->label);
            continue;
        }
        ++r->seen;
        if (!r->quiet) {
            printf("%s: query %s %s class %d flags %04x extra %d\n", r->label, q.lower,
                   type_text(q.type), q.dns_class, q.flags, q.length - q.question_end);
        }
        if (r->handle != NULL) r->handle(r, &q);
    }
}

/* `host` is an address of 127/8; port 0 takes any. */
static void responder_open(struct responder* r, struct event_base* base, const char* label,
                           const char* host, int port,
                           void (*handle)(struct responder*, struct query*)) {
    ev_socklen_t length = sizeof(r->address);
    memset(r, 0, sizeof(*r));
    r->label = label;
    r->handle = handle;
    r->fd = socket(AF_INET, SOCK_DGRAM, 0);
    evutil_make_socket_nonblocking(r->fd);
    r->address.sin_family = AF_INET;
    r->address.sin_port = htons((unsigned short)port);
    inet_pton(AF_INET, host, &r->address.sin_addr);
    if (bind(r->fd, (struct sockaddr*)&r->address, sizeof(r->address)) < 0) {
        printf("bind: %s\n", strerror(errno));
        exit(1);
    }
    getsockname(r->fd, (struct sockaddr*)&r->address, &length);
    r->ev = event_new(base, r->fd, EV_READ | EV_PERSIST, responder_read, r);
    event_add(r->ev, NULL);
}

UNUSED static void responder_close(struct responder* r) {
    if (r->ev != NULL) event_free(r->ev);
    if (r->fd >= 0) close(r->fd);
    r->ev = NULL;
    r->fd = -1;
}

UNUSED static int add_responder(struct evdns_base* dns, struct responder* r) {
    return evdns_base_nameserver_sockaddr_add(dns, (struct sockaddr*)&r->address,
                                              sizeof(r->address), 0);
}

struct reply {
    unsigned char raw[65536];
    int length;
};

static void reply_u16(struct reply* out, int value) {
    out->raw[out->length++] = (unsigned char)(value >> 8);
    out->raw[out->length++] = (unsigned char)value;
}

static void reply_u32(struct reply* out, unsigned value) {
    reply_u16(out, (int)(value >> 16));
    reply_u16(out, (int)(value & 0xffff));
}

static void reply_bytes(struct reply* out, const void* bytes, int length) {
    memcpy(out->raw + out->length, bytes, (size_t)length);
    out->length += length;
}

static void reply_name(struct reply* out, const char* name) {
    while (*name != 0) {
        int size = (int)strcspn(name, ".");
        out->raw[out->length++] = (unsigned char)size;
        reply_bytes(out, name, size);
        name += size;
        if (*name == '.') ++name;
    }
    out->raw[out->length++] = 0;
}

/* Header and question of the query, with these flags (0x8180 for a usual reply). */
UNUSED static void reply_begin(struct reply* out, const struct query* q, int flags) {
    out->length = 0;
    reply_u16(out, q->id);
    reply_u16(out, flags);
    reply_u16(out, 1);
    reply_u16(out, 0);
    reply_u16(out, 0);
    reply_u16(out, 0);
    reply_bytes(out, q->raw + 12, q->question_end - 12);
}

/* A record of the question's name, or of `name`; section 0 answer, 1 authority, 2 additional. */
UNUSED static void reply_record(struct reply* out, int section, const char* name, int type,
                                int dns_class, unsigned ttl, const void* data, int length) {
    int at = 6 + 2 * section;
    if (name == NULL) {
        reply_u16(out, 0xc00c);
    } else {
        reply_name(out, name);
    }
    reply_u16(out, type);
    reply_u16(out, dns_class);
    reply_u32(out, ttl);
    reply_u16(out, length);
    reply_bytes(out, data, length);
    if (++out->raw[at + 1] == 0) ++out->raw[at];
}

UNUSED static void reply_name_record(struct reply* out, int section, const char* name, int type,
                                     unsigned ttl, const char* target) {
    struct reply tail;
    tail.length = 0;
    reply_name(&tail, target);
    reply_record(out, section, name, type, 1, ttl, tail.raw, tail.length);
}

UNUSED static void reply_soa(struct reply* out, const char* name, unsigned ttl, unsigned minimum) {
    struct reply tail;
    tail.length = 0;
    reply_name(&tail, "ns.test");
    reply_name(&tail, "m.test");
    reply_u32(&tail, 1);
    reply_u32(&tail, 2);
    reply_u32(&tail, 3);
    reply_u32(&tail, 4);
    reply_u32(&tail, minimum);
    reply_record(out, 1, name, 6, 1, ttl, tail.raw, tail.length);
}

UNUSED static void reply_send(struct responder* r, const struct query* q, const struct reply* out) {
    if (sendto(r->fd, out->raw, (size_t)out->length, 0, (const struct sockaddr*)&q->from,
               q->from_length) != out->length) {
        printf("sendto: %s\n", strerror(errno));
    }
}

/* -- what the resolver says --------------------------------------------------------------------- */

static int outstanding;
static struct event_base* stop_when_done;

static void request_done(void) {
    if (--outstanding == 0 && stop_when_done != NULL) event_base_loopexit(stop_when_done, NULL);
}

/* An evdns callback; `arg` is a label. */
UNUSED static void print_result(int result, char type, int count, int ttl, void* addresses,
                                void* arg) {
    int i;
    char text[64];
    printf("%s: result %d type %d count %d ttl %d", (const char*)arg, result, type, count, ttl);
    if (result == DNS_ERR_NONE) {
        for (i = 0; i < count; ++i) {
            if (type == DNS_IPv4_A) {
                inet_ntop(AF_INET, (char*)addresses + 4 * i, text, sizeof(text));
                printf(" %s", text);
            } else if (type == DNS_IPv6_AAAA) {
                inet_ntop(AF_INET6, (char*)addresses + 16 * i, text, sizeof(text));
                printf(" %s", text);
            } else {
                printf(" '%s'", ((char**)addresses)[i]);
            }
        }
    }
    printf("\n");
    request_done();
}

UNUSED static void print_addrinfo(int result, struct evutil_addrinfo* found, void* arg) {
    struct evutil_addrinfo* ai;
    char text[64];
    printf("%s: result %d\n", (const char*)arg, result);
    for (ai = found; ai != NULL; ai = ai->ai_next) {
        if (ai->ai_family == AF_INET) {
            struct sockaddr_in* in = (struct sockaddr_in*)ai->ai_addr;
            inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
            printf("  %s port %d", text, ntohs(in->sin_port));
        } else {
            struct sockaddr_in6* in = (struct sockaddr_in6*)ai->ai_addr;
            inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
            printf("  %s port %d", text, ntohs(in->sin6_port));
        }
        printf(" socktype %d protocol %d length %d canonname %s\n", ai->ai_socktype,
               ai->ai_protocol, (int)ai->ai_addrlen,
               ai->ai_canonname == NULL ? "-" : ai->ai_canonname);
    }
    if (found != NULL) evutil_freeaddrinfo(found);
    request_done();
}

#endif
