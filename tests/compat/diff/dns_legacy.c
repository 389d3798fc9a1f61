/* The global resolver of dns_compat.h, and the small change of dns.h. */
#include "dns_common.h" /* first: <event2/dns_compat.h> leans on <event2/dns.h> */

#include <event2/dns_compat.h>
#include <event2/event_compat.h>
#include <sys/stat.h>

static const unsigned char v4[] = {10, 1, 2, 3};

static void handle(struct responder* r, struct query* q) {
    struct reply out;
    reply_begin(&out, q, q->lower[0] == 'x' ? 0x8183 : 0x8180);
    if (q->lower[0] != 'x') {
        if (q->type == 1) reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
        if (q->type == 12) reply_name_record(&out, 0, NULL, 12, 60, "host.test");
    }
    reply_send(r, q, &out);
}

static ev_uint16_t no_id(void) {
    return 7;
}

static void no_bytes(char* to, size_t size) {
    memset(to, 1, size);
}

static void serve(struct evdns_server_request* req, void* arg) {
    printf("served %s\n", req->questions[0]->name);
    evdns_server_request_add_a_reply(req, req->questions[0]->name, 1, v4, 9);
    evdns_server_request_respond(req, 0);
    (void)arg;
}

int main(void) {
    struct event_base* base;
    struct responder server, held;
    struct evdns_server_port* port;
    struct in_addr in;
    struct in6_addr in6;
    char address[40], path[] = "/tmp/legacy-resolv-XXXXXX";
    FILE* file;
    int fd;
    printf("global %s\n", evdns_get_global_base() == NULL ? "NULL" : "there");
    base = event_init();
    stop_when_done = base;
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(server.address.sin_port));
    printf("option %d\n", evdns_set_option("timeout", "0.5", 0));
    printf("global %s\n", evdns_get_global_base() == NULL ? "NULL" : "there");
    printf("add %d\n", evdns_nameserver_ip_add(address));
    printf("count %d\n", evdns_count_nameservers());
    evdns_set_transaction_id_fn(no_id);
    evdns_set_random_bytes_fn(no_bytes);
    evdns_search_add("one.test");
    evdns_search_ndots_set(2);
    outstanding = 4;
    printf("%d\n", evdns_resolve_ipv4("a.test", 0, print_result, "a"));
    event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_ONCE);
    printf("%d\n", evdns_resolve_ipv4("xnone", DNS_NO_SEARCH, print_result, "xnone"));
    while (outstanding > 2) event_base_loop(base, EVLOOP_ONCE);
    evdns_search_clear();
    printf("%d\n", evdns_resolve_ipv6("a.test", 0, print_result, "aaaa"));
    while (outstanding > 1) event_base_loop(base, EVLOOP_ONCE);
    in.s_addr = htonl(0x01020304);
    printf("%d\n", evdns_resolve_reverse(&in, 0, print_result, "ptr"));
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    outstanding = 1;
    memset(&in6, 1, sizeof(in6));
    printf("%d\n", evdns_resolve_reverse_ipv6(&in6, 0, print_result, "ptr6"));
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    printf("add long %d\n", evdns_nameserver_add(htonl(0x7f000009)));
    printf("clear %d\n", evdns_clear_nameservers_and_suspend());
    printf("count %d\n", evdns_count_nameservers());
    fd = mkstemp(path);
    file = fdopen(fd, "w");
    fprintf(file, "nameserver %s\nsearch two.test\n", address);
    fclose(file);
    printf("parse %d\n", evdns_resolv_conf_parse(DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS, path));
    unlink(path);
    printf("resume %d\n", evdns_resume());
    printf("count %d\n", evdns_count_nameservers());
    outstanding = 1;
    evdns_resolve_ipv4("x", 0, print_result, "x");
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    printf("== a served name\n");
    responder_open(&held, base, "unused", "127.0.0.1", 0, NULL);
    event_free(held.ev);
    port = evdns_add_server_port(held.fd, 0, serve, NULL);
    evdns_clear_nameservers_and_suspend();
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(held.address.sin_port));
    evdns_nameserver_ip_add(address);
    evdns_resume();
    evdns_search_clear();
    evdns_set_option("randomize-case:", "0", 0);
    outstanding = 1;
    evdns_resolve_ipv4("Served.Name", 0, print_result, "served");
    while (outstanding > 0) event_base_loop(base, EVLOOP_ONCE);
    evdns_close_server_port(port);
    evdns_shutdown(1);
    printf("global %s\n", evdns_get_global_base() == NULL ? "NULL" : "there");
    event_base_loop(base, EVLOOP_NONBLOCK);
    printf("== with the system's name servers\n");
    printf("init %d\n", evdns_init());
    printf("global %s\n", evdns_get_global_base() == NULL ? "NULL" : "there");
    printf("count %d\n", evdns_count_nameservers());
    evdns_shutdown(0);
    printf("global %s\n", evdns_get_global_base() == NULL ? "NULL" : "there");
    event_base_loop(base, EVLOOP_NONBLOCK);
    responder_close(&server);
    event_base_free(base);
    return 0;
}
