/* Lives of requests and resolvers: cancelling, freeing, suspending, the limit of queries on the way,
 * and when the loop ends by itself. */
#include "dns_common.h"

static const unsigned char v4[] = {10, 1, 2, 3};
static struct event_base* base;
static struct responder server;
static int silent;
static struct query held[64];
static int holding, held_count;

static void answer(struct query* q) {
    struct reply out;
    reply_begin(&out, q, 0x8180);
    reply_record(&out, 0, NULL, 1, 1, 60, v4, 4);
    reply_send(&server, q, &out);
}

static void handle(struct responder* r, struct query* q) {
    (void)r;
    if (holding && held_count < 64) {
        held[held_count++] = *q;
    } else if (!silent) {
        answer(q);
    }
}

static struct evdns_request* other;
static struct evdns_base* current;

static void cancel_other(int result, char type, int count, int ttl, void* addresses, void* arg) {
    print_result(result, type, count, ttl, addresses, arg);
    if (other != NULL) evdns_cancel_request(current, other);
    other = NULL;
}

static void free_inside(int result, char type, int count, int ttl, void* addresses, void* arg) {
    print_result(result, type, count, ttl, addresses, arg);
    printf("freeing\n");
    evdns_base_free(current, 1);
    current = NULL;
}

static void ask_again(int result, char type, int count, int ttl, void* addresses, void* arg) {
    print_result(result, type, count, ttl, addresses, arg);
    ++outstanding;
    evdns_base_resolve_ipv4(current, "again.test", 0, print_result, "again");
}

static void turn(int times) {
    struct timeval pause = {0, 2000};
    while (times-- > 0) {
        event_base_loopexit(base, &pause);
        event_base_dispatch(base);
    }
}

static void start(const char* title) {
    printf("== %s\n", title);
    current = evdns_base_new(base, 0);
    add_responder(current, &server);
    silent = holding = held_count = 0;
}

int main(void) {
    struct evdns_base* dns;
    struct evdns_request* req;
    int i;
    static char labels[100][8];
    for (i = 0; i < 100; ++i) snprintf(labels[i], sizeof(labels[i]), "n%d", i);
    base = event_base_new();
    responder_open(&server, base, "server", "127.0.0.1", 0, handle);

    start("cancel at once");
    outstanding = 1000;
    req = evdns_base_resolve_ipv4(current, "one.test", 0, print_result, "one");
    evdns_cancel_request(current, req);
    printf("cancelled\n");
    turn(3);
    req = evdns_base_resolve_ipv4(current, "two.test", 0, print_result, "two");
    evdns_cancel_request(NULL, req);
    turn(3);
    printf("== cancel twice, cancel while waiting for the reply\n");
    silent = 1;
    req = evdns_base_resolve_ipv4(current, "three.test", 0, print_result, "three");
    turn(3);
    evdns_cancel_request(current, req);
    turn(3);
    silent = 0;
    printf("== cancel another from a callback\n");
    evdns_base_resolve_ipv4(current, "four.test", 0, cancel_other, "four");
    holding = 1;
    other = evdns_base_resolve_ipv4(current, "five.test", 0, print_result, "five");
    turn(3);
    answer(&held[0]);
    turn(3);
    printf("== ask again from a callback\n");
    holding = 0;
    evdns_base_resolve_ipv4(current, "six.test", 0, ask_again, "six");
    turn(5);
    printf("== free with requests on the way, failing them\n");
    silent = 1;
    evdns_base_resolve_ipv4(current, "seven.test", 0, print_result, "seven");
    turn(2);
    evdns_base_free(current, 1);
    printf("freed\n");
    turn(3);

    start("free silently");
    silent = 1;
    evdns_base_resolve_ipv4(current, "seven.test", 0, print_result, "seven");
    turn(2);
    evdns_base_free(current, 0);
    turn(3);

    start("free from a callback");
    evdns_base_resolve_ipv4(current, "nine.test", 0, free_inside, "nine");
    turn(3);

    start("at most two on the way");
    evdns_base_set_option(current, "max-inflight", "2");
    holding = 1;
    for (i = 0; i < 6; ++i) {
        char name[20];
        snprintf(name, sizeof(name), "n%d.test", i);
        evdns_base_resolve_ipv4(current, name, 0, print_result, labels[i]);
    }
    turn(3);
    printf("held %d\n", held_count);
    answer(&held[0]);
    turn(3);
    printf("held %d\n", held_count);
    for (i = 1; i < held_count; ++i) {
        answer(&held[i]);
        turn(2);
    }
    evdns_base_free(current, 1);

    start("more allowed later");
    evdns_base_set_option(current, "max-inflight", "1");
    holding = 1;
    for (i = 0; i < 4; ++i) {
        evdns_base_resolve_ipv4(current, "same.test", 0, print_result, labels[i]);
    }
    turn(3);
    printf("held %d\n", held_count);
    evdns_base_set_option(current, "max-inflight", "3");
    turn(3);
    printf("held %d\n", held_count);
    for (i = 0; i < held_count; ++i) {
        answer(&held[i]);
        turn(2);
    }
    evdns_base_free(current, 1);

    start("suspend and resume");
    silent = 1;
    evdns_base_resolve_ipv4(current, "ten.test", 0, print_result, "ten");
    turn(3);
    evdns_base_clear_nameservers_and_suspend(current);
    turn(2);
    silent = 0;
    add_responder(current, &server);
    turn(3);
    printf("resume\n");
    evdns_base_resume(current);
    turn(3);
    printf("a request while suspended\n");
    evdns_base_clear_nameservers_and_suspend(current);
    evdns_base_resolve_ipv4(current, "eleven.test", 0, print_result, "eleven");
    turn(3);
    add_responder(current, &server);
    turn(3);
    evdns_base_resolve_ipv4(current, "twelve.test", 0, print_result, "twelve");
    turn(3);
    printf("resume\n");
    evdns_base_resume(current);
    turn(3);
    evdns_base_free(current, 1);
    turn(2);

    printf("== no name server\n");
    dns = evdns_base_new(base, 0);
    req = evdns_base_resolve_ipv4(dns, "thirteen.test", 0, print_result, "thirteen");
    printf("%s\n", req == NULL ? "NULL" : "a request");
    turn(2);
    add_responder(dns, &server);
    turn(3);
    evdns_base_free(dns, 1);
    turn(2);

    printf("== names that cannot be asked for\n");
    start("refused");
    printf("%d\n", evdns_base_resolve_ipv4(current, "", DNS_QUERY_NO_SEARCH, print_result,
                                           "empty") == NULL);
    turn(3);
    evdns_base_free(current, 1);
    turn(2);

    responder_close(&server);
    printf("== the loop ends\n");
    for (i = 0; i < 2; ++i) {
        int result;
        dns = evdns_base_new(base, i == 0 ? EVDNS_BASE_DISABLE_WHEN_INACTIVE : 0);
        evdns_base_nameserver_ip_add(dns, "127.0.0.1:9");
        event_base_loop(base, EVLOOP_NONBLOCK);
        result = event_base_loop(base, EVLOOP_NONBLOCK);
        printf("dispatch %d, events %d\n", result,
               event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED));
        evdns_base_free(dns, 0);
    }
    event_base_free(base);
    return 0;
}
