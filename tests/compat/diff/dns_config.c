/* Name servers, options, resolv.conf: what is taken, what is refused with which code. */
#include <sys/stat.h>
#include "dns_common.h"

static struct event_base* base;

static void print_servers(struct evdns_base* dns) {
    int i, n = evdns_base_count_nameservers(dns);
    char text[80];
    printf("  %d servers", n);
    for (i = 0; i < n; ++i) {
        struct sockaddr_storage ss;
        int length = evdns_base_get_nameserver_addr(dns, i, (struct sockaddr*)&ss, sizeof(ss));
        if (ss.ss_family == AF_INET) {
            struct sockaddr_in* in = (struct sockaddr_in*)&ss;
            inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
            printf(" [%d] %s:%d", length, text, ntohs(in->sin_port));
        } else {
            struct sockaddr_in6* in = (struct sockaddr_in6*)&ss;
            inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
            printf(" [%d] %s:%d", length, text, ntohs(in->sin6_port));
        }
    }
    printf("\n");
}

static void addresses(void) {
    static const char* const texts[] = {
        "1.2.3.4",     "1.2.3.4",   "1.2.3.4:53",    "1.2.3.4:5353", "1.2.3.4:0", "[::1]:54",
        "[::1]",       "::1",       "2001:db8::2",   "[::1]:54",     "",          "x",
        "1.2.3",       "1.2.3.4:x", "1.2.3.4:65536", "1.2.3.4:-1",   "[::1",      "::1]:5",
        "[1.2.3.4]:5", "1.2.3.4 ",  "fe80::1%lo",    "[::1]:99999",  "256.1.1.1", "[::1]x"};
    struct evdns_base* dns = evdns_base_new(base, 0);
    struct sockaddr_storage ss;
    size_t i;
    printf("== addresses\n");
    for (i = 0; i < sizeof(texts) / sizeof(*texts); ++i) {
        printf("%s: %d\n", texts[i], evdns_base_nameserver_ip_add(dns, texts[i]));
    }
    print_servers(dns);
    memset(&ss, 0, sizeof(ss));
    printf("unspec %d\n",
           evdns_base_nameserver_sockaddr_add(dns, (struct sockaddr*)&ss, sizeof(ss), 0));
    ss.ss_family = AF_INET;
    printf("flags %d\n", evdns_base_nameserver_sockaddr_add(dns, (struct sockaddr*)&ss,
                                                            sizeof(struct sockaddr_in), 7));
    printf("again %d\n", evdns_base_nameserver_sockaddr_add(dns, (struct sockaddr*)&ss,
                                                            sizeof(struct sockaddr_in), 0));
    printf("long %d\n", evdns_base_nameserver_add(dns, htonl(0x7f000009)));
    printf("long again %d\n", evdns_base_nameserver_add(dns, htonl(0x7f000009)));
    print_servers(dns);
    printf("-1: %d\n", evdns_base_get_nameserver_addr(dns, -1, (struct sockaddr*)&ss, sizeof(ss)));
    printf("99: %d\n", evdns_base_get_nameserver_addr(dns, 99, (struct sockaddr*)&ss, sizeof(ss)));
    printf("short: %d\n", evdns_base_get_nameserver_addr(dns, 0, (struct sockaddr*)&ss, 4));
    printf("clear %d\n", evdns_base_clear_nameservers_and_suspend(dns));
    print_servers(dns);
    printf("resume %d\n", evdns_base_resume(dns));
    printf("0: %d\n", evdns_base_get_nameserver_addr(dns, 0, (struct sockaddr*)&ss, sizeof(ss)));
    evdns_base_free(dns, 0);
}

static void options(void) {
    static const char* const names[] = {"ndots",
                                        "timeout",
                                        "max-timeouts",
                                        "max-inflight",
                                        "attempts",
                                        "randomize-case",
                                        "bind-to",
                                        "initial-probe-timeout",
                                        "getaddrinfo-allow-skew",
                                        "so-rcvbuf",
                                        "so-sndbuf",
                                        "nonsense",
                                        ""};
    static const char* const values[] = {
        "1",      "0",     "-1",          "",     "x",  "1x",        "300",          "1.5",
        "0.0001", "70000", "99999999999", "0x10", " 3", "127.0.0.1", "127.0.0.1:77", "[::1]:5"};
    size_t i, j, colon;
    char name[60];
    printf("== options\n");
    for (i = 0; i < sizeof(names) / sizeof(*names); ++i) {
        for (colon = 0; colon < 3; ++colon) {
            struct evdns_base* dns = evdns_base_new(base, 0);
            snprintf(name, sizeof(name), "%s%s", names[i],
                     colon == 0   ? ""
                     : colon == 1 ? ":"
                                  : ":7");
            printf("%s:", name);
            for (j = 0; j < sizeof(values) / sizeof(*values); ++j) {
                printf(" %d", evdns_base_set_option(dns, name, values[j]));
            }
            printf("\n");
            evdns_base_free(dns, 0);
        }
    }
}

static struct responder server;
static void nxdomain(struct responder* r, struct query* q) {
    struct reply out;
    reply_begin(&out, q, 0x8183);
    reply_send(r, q, &out);
}

/* Parses `text` as resolv.conf; the servers, and the search order by asking. */
static void resolv(const char* text, int flags) {
    struct evdns_base* dns = evdns_base_new(base, 0);
    char path[] = "/tmp/resolv-XXXXXX";
    int fd = mkstemp(path);
    FILE* file = fdopen(fd, "w");
    const char* c;
    fputs(text, file);
    fclose(file);
    printf("-- flags %d <", flags);
    for (c = text; *c != 0; ++c) {
        if (*c == '\n')
            printf("\\n");
        else if (*c == '\t')
            printf("\\t");
        else if (*c == '\r')
            printf("\\r");
        else
            putchar(*c);
    }
    printf(">\n");
    printf("  parse %d\n", evdns_base_resolv_conf_parse(dns, flags, path));
    print_servers(dns);
    unlink(path);
    evdns_base_clear_nameservers_and_suspend(dns);
    add_responder(dns, &server);
    evdns_base_resume(dns);
    evdns_base_set_option(dns, "timeout", "0.2");
    outstanding = 2;
    evdns_base_resolve_ipv4(dns, "host", 0, print_result, "host");
    event_base_loop(base, EVLOOP_ONCE);
    outstanding = 1;
    event_base_loop(base, EVLOOP_NONBLOCK);
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    outstanding = 1;
    evdns_base_resolve_ipv4(dns, "a.b", 0, print_result, "a.b");
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    evdns_base_free(dns, 0);
}

int main(void) {
    struct evdns_base* dns;
    int i;
    char big[70000];
    base = event_base_new();
    addresses();
    options();
    printf("== resolv.conf\n");
    responder_open(&server, base, "server", "127.0.0.1", 0, nxdomain);
    resolv("", 15);
    resolv("", 15 | 16);
    resolv("", 5);
    resolv("nameserver 1.2.3.4\nnameserver ::1\nnameserver bad\nnameserver\n", 15);
    resolv("nameserver 1.2.3.4\nsearch one.test two.test\n", 13);
    resolv("nameserver 1.2.3.4\nsearch one.test two.test\n", 2);
    resolv("nameserver 1.2.3.4\nsearch one.test two.test\n", 1);
    resolv("  nameserver   1.2.3.4  \n\t search\tone.test\t two.test \n", 15);
    resolv("domain d.test\nnameserver 1.2.3.4", 15);
    resolv("domain d.test\nsearch s.test\nnameserver 1.2.3.4\n", 15);
    resolv("search s.test\ndomain d.test\nnameserver 1.2.3.4\n", 15);
    resolv("search a.test\nsearch b.test\nnameserver 1.2.3.4\n", 15);
    resolv("search a.test\noptions ndots:2 timeout:1 attempts:1\nnameserver 1.2.3.4\n", 15);
    resolv("search a.test\noptions ndots:2\nnameserver 1.2.3.4\n", 2);
    resolv("search a.test\noptions ndots:0\nnameserver 1.2.3.4\n", 15);
    resolv("search a.test\noptions ndots:x\nnameserver 1.2.3.4\n", 15);
    resolv("# comment\n; comment\nsearch a.test # c\nnameserver 1.2.3.4 # x\n", 15);
    resolv("nameserver 1.2.3.4:5353\nnameserver [::2]:99\n", 15);
    resolv("nameserver 1.2.3.4\r\nsearch a.test\r\n", 15);
    resolv("NAMESERVER 1.2.3.4\nnameservers 5.6.7.8\n", 15);
    resolv("nameserver 1.2.3.4\nnameserver 1.2.3.4\n", 15);
    resolv("nameserver 1.2.3.4 5.6.7.8\n", 15);
    resolv("sortlist 1.2.3.4\nrotate\nnameserver 1.2.3.4\n", 15);
    memset(big, '#', sizeof(big));
    big[sizeof(big) - 1] = 0;
    dns = evdns_base_new(base, 0);
    {
        char path[] = "/tmp/resolv-big-XXXXXX";
        FILE* file = fdopen(mkstemp(path), "w");
        fwrite(big, 1, sizeof(big), file);
        fclose(file);
        printf("too big: %d\n", evdns_base_resolv_conf_parse(dns, 15, path));
        print_servers(dns);
        unlink(path);
    }
    evdns_base_free(dns, 0);
    for (i = 0; i < 3; ++i) {
        static const char* const paths[] = {"/nonexistent/resolv.conf", "/tmp", "/dev/null"};
        dns = evdns_base_new(base, 0);
        printf("%s: %d\n", paths[i], evdns_base_resolv_conf_parse(dns, 15, paths[i]));
        print_servers(dns);
        printf("no default: %d\n", evdns_base_resolv_conf_parse(dns, 15 | 16, paths[i]));
        evdns_base_free(dns, 0);
    }
    printf("== texts\n");
    for (i = -1; i < 72; i += i == 6 ? 58 : 1) printf("%d %s\n", i, evdns_err_to_string(i));
    responder_close(&server);
    event_base_free(base);
    return 0;
}
