/* evdns_getaddrinfo: numeric names, the hosts file, hints, both families in every order, skew,
 * errors, cancelling. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3, 10, 1, 2, 4};
static const unsigned char v6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static struct event_base* base;
static struct evdns_base* dns;

static int code_of(const char* text, char family) {
    /* "4ok6nx.test": what A and AAAA get. */
    const char* at = strchr(text, family);
    if (at == NULL) return 0;
    if (!strncmp(at + 1, "ok", 2)) return -1;
    if (!strncmp(at + 1, "two", 3)) return -2;
    if (!strncmp(at + 1, "nx", 2)) return 3;
    if (!strncmp(at + 1, "fail", 4)) return 1;
    if (!strncmp(at + 1, "odd", 3)) return 9;
    if (!strncmp(at + 1, "none", 4)) return 0;
    if (!strncmp(at + 1, "silent", 6)) return -3;
    if (!strncmp(at + 1, "cname", 5)) return -4;
    return 0;
}

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    int code = code_of(q->lower, q->type == 1 ? '4' : '6');
    if (code == -3) return;
    reply_begin(&out, q, 0x8180 | (code > 0 ? code : 0));
    if (code == -4) reply_name_record(&out, 0, NULL, 5, 60, "real.test");
    if (code < 0) {
        if (q->type == 1) {
            reply_record(&out, 0, code == -4 ? "real.test" : NULL, 1, 1, 60, v4,
                         code == -2 ? 8 : 4);
        } else {
            reply_record(&out, 0, code == -4 ? "real.test" : NULL, 28, 1, 60, v6, 16);
        }
    }
    reply_send(r, q, &out);
}

static int inside;
static void note(int result, struct evutil_addrinfo* found, void* arg) {
    printf("%s: ", inside ? "inside" : "later");
    print_addrinfo(result, found, arg);
}

static void ask(const char* node, const char* service, int family, int socktype, int protocol,
                int flags) {
    struct evutil_addrinfo hints;
    struct evdns_getaddrinfo_request* req;
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = family;
    hints.ai_socktype = socktype;
    hints.ai_protocol = protocol;
    hints.ai_flags = flags;
    printf("-- %s %s family %d socktype %d protocol %d flags %x\n", node == NULL ? "NULL" : node,
           service == NULL ? "NULL" : service, family, socktype, protocol, (unsigned)flags);
    outstanding = 1;
    inside = 1;
    req = evdns_getaddrinfo(dns, node, service, &hints, note, "cb");
    inside = 0;
    printf("returned %s\n", req == NULL ? "NULL" : "a request");
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
}

static void matrix(void) {
    static const char* const kinds[] = {"ok",  "two",  "nx",     "fail",
                                        "odd", "none", "silent", "cname"};
    size_t i, j;
    char name[60];
    for (i = 0; i < 8; ++i) {
        for (j = 0; j < 8; ++j) {
            snprintf(name, sizeof(name), "4%s6%s.test", kinds[i], kinds[j]);
            ask(name, "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
        }
        snprintf(name, sizeof(name), "4%s6%s.test", kinds[i], kinds[i]);
        ask(name, "80", AF_INET, SOCK_STREAM, 0, 0);
        ask(name, "80", AF_INET6, SOCK_STREAM, 0, EVUTIL_AI_CANONNAME);
        ask(name, NULL, AF_UNSPEC, 0, 0, EVUTIL_AI_CANONNAME);
    }
}

static void hosts(void) {
    char path[] = "/tmp/dns-hosts-XXXXXX";
    FILE* file = fdopen(mkstemp(path), "w");
    fputs(
        "# comment\n1.2.3.4 one alias1 Alias2\n::5 one\n5.6.7.8\tone # trailing\n"
        "bad name\n9.9.9.9\n  7.7.7.7 seven # c\n1.1.1.1:80 port\n[::9]:90 port6\n8.8.8.8 last",
        file);
    fclose(file);
    printf("load %d\n", evdns_base_load_hosts(dns, path));
    unlink(path);
    ask("one", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("ONE", "80", AF_INET, SOCK_STREAM, 0, 0);
    ask("one", "80", AF_INET6, SOCK_STREAM, 0, 0);
    ask("alias2", "80", AF_UNSPEC, SOCK_DGRAM, 0, 0);
    ask("seven", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("last", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("port", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("port6", "1", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("#", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    printf("missing %d\n", evdns_base_load_hosts(dns, "/nonexistent/hosts"));
    ask("localhost", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    evdns_base_clear_host_addresses(dns);
    ask("one", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    printf("null %d\n", evdns_base_load_hosts(dns, NULL));
    ask("localhost", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
}

static void cancels(void) {
    struct evdns_getaddrinfo_request* req;
    struct timeval wait = {0, 60000};
    printf("== cancel at once\n");
    outstanding = 1;
    req = evdns_getaddrinfo(dns, "4ok6ok.test", NULL, NULL, print_addrinfo, "cb");
    evdns_getaddrinfo_cancel(req);
    printf("cancelled\n");
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    evdns_base_set_option(dns, "timeout", "3");
    evdns_base_set_option(dns, "getaddrinfo-allow-skew", "3");
    printf("== cancel between the families\n");
    outstanding = 1;
    req = evdns_getaddrinfo(dns, "4ok6silent.test", NULL, NULL, print_addrinfo, "cb");
    event_base_loopexit(base, &wait);
    event_base_dispatch(base);
    printf("still %d\n", outstanding);
    evdns_getaddrinfo_cancel(req);
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    printf("== free, failing requests\n");
    outstanding = 2;
    evdns_getaddrinfo(dns, "4silent6silent.test", NULL, NULL, print_addrinfo, "cb");
    event_base_loop(base, EVLOOP_NONBLOCK);
    outstanding = 1;
}

int main(void) {
    struct responder server;
    base = event_base_new();
    dns = evdns_base_new(base, 0);
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    add_responder(dns, &server);
    evdns_base_set_option(dns, "timeout", "0.03");
    evdns_base_set_option(dns, "attempts", "1");
    evdns_base_set_option(dns, "max-timeouts", "100");
    evdns_base_set_option(dns, "getaddrinfo-allow-skew", "0.02");
    printf("== numeric\n");
    ask("1.2.3.4", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("1.2.3.4", NULL, AF_UNSPEC, 0, 0, 0);
    ask("::1", "http", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("::1", "80", AF_INET, SOCK_STREAM, 0, 0);
    ask("1.2.3.4", "80", AF_INET6, SOCK_STREAM, 0, 0);
    ask("1.2.3.4", "nosuchservice", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("1.2.3.4", "80", AF_UNSPEC, SOCK_DGRAM, 0, EVUTIL_AI_CANONNAME);
    ask("4ok6ok.test", "80", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_NUMERICHOST);
    ask("4ok6ok.test", "http", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_NUMERICSERV);
    ask("4ok6ok.test", "http", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("4ok6ok.test", "nosuchservice", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("4ok6ok.test", "70000", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask(NULL, "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask(NULL, "80", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_PASSIVE);
    ask(NULL, "80", AF_INET6, SOCK_STREAM, 0, EVUTIL_AI_PASSIVE);
    ask(NULL, NULL, AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask(NULL, "80", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_ADDRCONFIG);
    ask("4ok6ok.test", "80", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_ADDRCONFIG);
    ask("", "80", AF_UNSPEC, SOCK_STREAM, 0, 0);
    ask("4ok6ok.test", "80", 77, SOCK_STREAM, 0, 0);
    ask("4ok6ok.test", "80", AF_UNSPEC, 0, IPPROTO_UDP, 0);
    ask("4ok6ok.test", "80", AF_UNSPEC, SOCK_STREAM, IPPROTO_UDP, 0);
    ask("4ok6ok.test", "80", AF_UNSPEC, SOCK_DGRAM, IPPROTO_UDP, 0);
    server.quiet = 1;
    printf("== no hints\n");
    outstanding = 1;
    evdns_getaddrinfo(dns, "4ok6two.test", "443", NULL, print_addrinfo, "cb");
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    printf("== matrix\n");
    matrix();
    printf("== hosts\n");
    hosts();
    cancels();
    evdns_base_free(dns, 1);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_loop(base, EVLOOP_NONBLOCK);
    responder_close(&server);
    event_base_free(base);
    return 0;
}
