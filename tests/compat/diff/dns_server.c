/* The server side: what requests look like to the callback, and replies octet for octet. */
#include "dns_common.h"

static struct event_base* base;
static struct evdns_server_request* kept;
static int handled;

static void add(const char* what, int result) {
    printf("  %s: %d\n", what, result);
}

static void serve(struct evdns_server_request* req, void* arg) {
    struct sockaddr_storage ss;
    const char* name = req->nquestions > 0 ? req->questions[0]->name : "";
    unsigned char v4[8] = {1, 2, 3, 4, 5, 6, 7, 8}, v6[32];
    struct in_addr in;
    int i;
    ++handled;
    memset(v6, 0x11, sizeof(v6));
    printf("request flags %04x questions %d", req->flags, req->nquestions);
    for (i = 0; i < req->nquestions; ++i) {
        printf(" (%s %d %d)", req->questions[i]->name, req->questions[i]->type,
               req->questions[i]->dns_question_class);
    }
    printf(" arg %s\n", (const char*)arg);
    add("peer", evdns_server_request_get_requesting_addr(req, (struct sockaddr*)&ss, sizeof(ss)));
    add("peer short", evdns_server_request_get_requesting_addr(req, (struct sockaddr*)&ss, 4));
    printf("  family %d\n", ss.ss_family);
    if (!strcmp(name, "drop.test")) {
        add("drop", evdns_server_request_drop(req));
        return;
    } else if (!strcmp(name, "keep.test")) {
        kept = req;
        return;
    } else if (!strcmp(name, "a.test")) {
        add("a", evdns_server_request_add_a_reply(req, "a.test", 1, v4, 60));
    } else if (!strcmp(name, "two.test")) {
        add("a", evdns_server_request_add_a_reply(req, "two.test", 1, v4, 60));
        add("again", evdns_server_request_add_a_reply(req, "two.test", 1, v4 + 4, 60));
        add("a other", evdns_server_request_add_a_reply(req, "sub.two.test", 1, v4, 60));
    } else if (!strcmp(name, "aaaa.test")) {
        add("aaaa", evdns_server_request_add_aaaa_reply(req, "aaaa.test", 1, v6, 61));
    } else if (!strcmp(name, "cname.test")) {
        add("cname", evdns_server_request_add_cname_reply(req, "cname.test", "real.test", 5));
        add("a", evdns_server_request_add_a_reply(req, "real.test", 1, v4, 60));
        evdns_server_request_set_flags(req, EVDNS_FLAGS_AA);
    } else if (!strcmp(name, "ptr.test")) {
        in.s_addr = htonl(0x01020304);
        add("both", evdns_server_request_add_ptr_reply(req, &in, "x.test", "host.test", 7));
        add("none", evdns_server_request_add_ptr_reply(req, NULL, NULL, "host.test", 7));
        add("in", evdns_server_request_add_ptr_reply(req, &in, NULL, "host.test", 7));
        add("name",
            evdns_server_request_add_ptr_reply(req, NULL, "9.in-addr.arpa", "host.test", 7));
    } else if (!strcmp(name, "raw.test")) {
        add("answer",
            evdns_server_request_add_reply(req, 0, "raw.test", 16, 1, 3, 6, 0, "\5hello"));
        add("authority", evdns_server_request_add_reply(req, 1, "test", 2, 1, 3, 0, 1, "ns.test"));
        add("additional",
            evdns_server_request_add_reply(req, 2, "ns.test", 1, 1, 3, 4, 0, "\7\7\7\7"));
        add("section 3",
            evdns_server_request_add_reply(req, 3, "ns.test", 1, 1, 3, 4, 0, "\7\7\7\7"));
        add("section -1",
            evdns_server_request_add_reply(req, -1, "ns.test", 1, 1, 3, 4, 0, "\7\7\7\7"));
        add("no data", evdns_server_request_add_reply(req, 0, "raw.test", 16, 1, 3, 0, 0, NULL));
        add("class 3", evdns_server_request_add_reply(req, 0, "raw.test", 99, 3, -1, 1, 0, "x"));
        evdns_server_request_set_flags(req, EVDNS_FLAGS_AA | EVDNS_FLAGS_RD);
    } else if (!strncmp(name, "err", 3)) {
        add("respond", evdns_server_request_respond(req, atoi(name + 3)));
        return;
    }
    add("respond", evdns_server_request_respond(req, 0));
}

static int client;
static void put(unsigned char* to, int* at, int value) {
    to[(*at)++] = (unsigned char)(value >> 8);
    to[(*at)++] = (unsigned char)value;
}

static void exchange(const unsigned char* bytes, int length) {
    unsigned char in[2000];
    int i, n, tries;
    int before = handled;
    send(client, bytes, (size_t)length, 0);
    for (tries = 0; tries < 3; ++tries) event_base_loop(base, EVLOOP_NONBLOCK);
    if (handled == before) printf("  no callback\n");
    while ((n = (int)recv(client, in, sizeof(in), MSG_DONTWAIT)) >= 0) {
        printf("  %d octets:", n);
        for (i = 0; i < n; ++i) printf("%02x", in[i]);
        printf("\n");
    }
}

static void ask(const char* name, int type, int flags) {
    struct reply out;
    printf("-- %s %d %04x\n", name, type, flags);
    out.length = 0;
    reply_u16(&out, 0x1234);
    reply_u16(&out, flags);
    reply_u16(&out, 1);
    reply_u16(&out, 0);
    reply_u32(&out, 0);
    reply_name(&out, name);
    reply_u16(&out, type);
    reply_u16(&out, 1);
    exchange(out.raw, out.length);
}

int main(void) {
    struct responder holder;
    struct evdns_server_port* port;
    static const char* const names[] = {"a.test",   "two.test", "aaaa.test", "cname.test",
                                        "ptr.test", "raw.test", "drop.test", "empty.test",
                                        "err3",     "err15",    "A.Test"};
    static const int flag_set[] = {0x0000, 0x0100, 0x0110, 0x01ff, 0x8100, 0x0900, 0x2800, 0x0fff};
    size_t i;
    int at = 0;
    unsigned char many[512];
    base = event_base_new();
    responder_open(&holder, base, "unused", "127.0.0.1", 0, NULL);
    event_free(holder.ev);
    holder.ev = NULL;
    printf("flags 1: %s\n",
           evdns_add_server_port_with_base(base, holder.fd, 1, serve, "arg") ? "port" : "NULL");
    port = evdns_add_server_port_with_base(base, holder.fd, 0, serve, "arg");
    client = socket(AF_INET, SOCK_DGRAM, 0);
    connect(client, (struct sockaddr*)&holder.address, sizeof(holder.address));
    for (i = 0; i < sizeof(names) / sizeof(*names); ++i) ask(names[i], 1, 0x0100);
    for (i = 0; i < sizeof(flag_set) / sizeof(*flag_set); ++i) ask("a.test", 28, flag_set[i]);
    printf("-- malformed\n");
    exchange((const unsigned char*)"\x12\x34\1\0\0\0\0\0\0\0\0\0", 12);
    exchange((const unsigned char*)"\x12\x34\1\0\0\1\0\0\0\0\0\0\4test\0\0\1\0", 21);
    exchange((const unsigned char*)"\x12\x34\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18);
    printf("-- three questions\n");
    put(many, &at, 0x1234);
    put(many, &at, 0x0100);
    put(many, &at, 3);
    put(many, &at, 0);
    put(many, &at, 0);
    put(many, &at, 0);
    for (i = 0; i < 3; ++i) {
        memcpy(many + at, "\1a\4test\0", 8);
        at += 8;
        put(many, &at, 1 + (int)i);
        put(many, &at, 1);
    }
    exchange(many, at);
    printf("-- a late answer, the port closed before\n");
    ask("keep.test", 1, 0x0100);
    evdns_close_server_port(port);
    {
        unsigned char in[600];
        int n;
        add("a", evdns_server_request_add_a_reply(kept, "keep.test", 1, "\1\1\1\1", 60));
        add("respond", evdns_server_request_respond(kept, 0));
        event_base_loop(base, EVLOOP_NONBLOCK);
        n = (int)recv(client, in, sizeof(in), MSG_DONTWAIT);
        printf("  %d octets\n", n);
        n = (int)send(client, in, 20, 0);
        n = (int)send(client, in, 20, 0);
        printf("  closed: %d\n", n < 0);
    }
    close(client);
    event_base_free(base);
    return 0;
}
