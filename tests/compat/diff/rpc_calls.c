/* Calls and their results: order on a connection, several connections, unknown names, replies that are not
 * complete, requests that are no calls, time-outs. */
#include "rpc_support.h"

static int incomplete;
static EVRPC_STRUCT(Ask) * held[2];
static int hold, held_count;

static void on_call(EVRPC_STRUCT(Ask) * rpc, void* arg) {
    struct question* asked = rpc->request;
    struct answer* reply = rpc->reply;
    say("called with %s %u, arg %s, generic %d %d, http %s %s", asked->text, asked->number,
        (char*)arg, evrpc_get_request((struct evrpc_req_generic*)rpc) == asked,
        evrpc_get_reply((struct evrpc_req_generic*)rpc) == reply,
        evhttp_request_get_command(EVRPC_REQUEST_HTTP(rpc)) == EVHTTP_REQ_POST ? "POST" : "?",
        evhttp_request_get_uri(rpc->http_req));
    if (hold) {
        held[held_count++] = rpc;
        return;
    }
    reply->text = malloc(strlen(asked->text) + 7);
    sprintf(reply->text, "reply %s", asked->text);
    if (!incomplete) {
        reply->number = asked->number * 2;
        reply->has_number = 1;
    }
    EVRPC_REQUEST_DONE(rpc);
}

static void on_raw(struct evhttp_request* req, void* arg) {
    if (req == NULL) {
        say("%s: no answer", (const char*)arg);
    } else {
        const char* type =
            evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Type");
        say("%s: %d, %s, body %d", (const char*)arg, evhttp_request_get_response_code(req),
            type ? type : "-",
            evhttp_request_get_response_code(req) == 200
                ? (int)evbuffer_get_length(evhttp_request_get_input_buffer(req))
                : -1);
    }
    waiting--;
}

static void raw(const char* name, enum evhttp_cmd_type type, const char* uri, const void* body,
                size_t length) {
    struct evhttp_connection* connection =
        evhttp_connection_base_new(base, NULL, "127.0.0.1", port);
    struct evhttp_request* req = evhttp_request_new(on_raw, (void*)name);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Host", "localhost");
    evbuffer_add(evhttp_request_get_output_buffer(req), body, length);
    waiting++;
    evhttp_make_request(connection, req, type, uri);
    run();
    evhttp_connection_free(connection);
}

static const unsigned char good[] = {0x01, 0x01, 'x', 0x02, 0x02, 0x05, 0x00};

static void registering(void) {
    say("unregister before: %d", EVRPC_UNREGISTER(server, Ask));
    say("register: %d", EVRPC_REGISTER(server, Ask, question, answer, on_call, (void*)"argument"));
    say("unregister another: %d", EVRPC_UNREGISTER(server, Missing));
}

static void calling(void) {
    struct evhttp_connection* second;
    char names[20][8];
    int i;
    connect_pool();
    ask("one", "text", 21);
    run();
    ask("empty text", "", 0);
    run();
    for (i = 0; i < 10; i++) {
        sprintf(names[i], "queue %d", i);
        ask(names[i], "in a queue", (unsigned)i);
    }
    run();
    second = connect_pool();
    ask("with two", "a", 1);
    run();
    evrpc_pool_remove_connection(pool, second);
    evhttp_connection_free(second);
    ask("with one again", "b", 2);
    run();
    waiting++;
    say("missing: %d", EVRPC_MAKE_REQUEST(Missing, pool, new_question("m", 1),
                                          answer_new_with_arg(NULL), on_result, (void*)"missing"));
    run();
    ask("no text in the request", NULL, 3);
    run();
    incomplete = 1;
    ask("incomplete reply", "c", 4);
    run();
    incomplete = 0;
    ask("and after it", "d", 5);
    run();
}

static void on_other(struct evrpc_status* status, struct question* asked, struct answer* got,
                     void* arg) {
    printf("other callback, ");
    on_result(status, asked, got, arg);
}

static void in_two_steps(void) {
    struct evrpc_request_wrapper* call =
        EVRPC_MAKE_CTX(Ask, question, answer, pool, new_question("two steps", 7),
                       answer_new_with_arg(NULL), on_result, (void*)"two steps");
    say("its pool: %d", evrpc_request_get_pool(call) == pool);
    evrpc_request_set_pool(call, NULL);
    say("its pool now: %d", evrpc_request_get_pool(call) == NULL);
    evrpc_request_set_pool(call, pool);
    evrpc_request_set_cb(call, (void (*)(struct evrpc_status*, void*, void*, void*))on_other,
                         (void*)"two steps");
    waiting++;
    say("made: %d", evrpc_make_request(call));
    run();
}

/* What EVRPC_REGISTER makes of its arguments, by hand. */
static void by_hand(void) {
    struct evrpc* made = calloc(1, sizeof *made);
    made->uri = strdup("ByHand");
    made->request_new = (void* (*)(void*))question_new_with_arg;
    made->request_free = (void (*)(void*))question_free;
    made->request_unmarshal = (int (*)(void*, struct evbuffer*))question_unmarshal;
    made->reply_new = (void* (*)(void*))answer_new_with_arg;
    made->reply_free = (void (*)(void*))answer_free;
    made->reply_complete = (int (*)(void*))answer_complete;
    made->reply_marshal = (void (*)(struct evbuffer*, void*))answer_marshal;
    say("register: %d",
        evrpc_register_rpc(server, made, (void (*)(struct evrpc_req_generic*, void*))on_call,
                           (void*)"by hand"));
    say("named %s", made->uri);
    raw("by hand", EVHTTP_REQ_POST, "/.rpc.ByHand", good, sizeof good);
    say("unregister: %d", evrpc_unregister_rpc(server, "ByHand"));
    raw("by hand, unregistered", EVHTTP_REQ_POST, "/.rpc.ByHand", good, sizeof good);
}

static void no_calls(void) {
    raw("GET", EVHTTP_REQ_GET, "/.rpc.Ask", "", 0);
    raw("empty", EVHTTP_REQ_POST, "/.rpc.Ask", "", 0);
    raw("garbage", EVHTTP_REQ_POST, "/.rpc.Ask", "garbage", 7);
    raw("good", EVHTTP_REQ_POST, "/.rpc.Ask", good, sizeof good);
    raw("good, with query", EVHTTP_REQ_POST, "/.rpc.Ask?a=b", good, sizeof good);
    raw("cut off", EVHTTP_REQ_POST, "/.rpc.Ask", good, 2);
    raw("PUT", EVHTTP_REQ_PUT, "/.rpc.Ask", good, sizeof good);
    raw("other name", EVHTTP_REQ_POST, "/.rpc.Asking", good, sizeof good);
    raw("no name", EVHTTP_REQ_POST, "/.rpc.", good, sizeof good);
}

static void too_late(void) {
    hold = 1;
    evrpc_pool_set_timeout(pool, 1);
    ask("held", "never answered", 9);
    ask("behind it", "nor this", 10);
    run();
    hold = 0;
    say("held %d", held_count);
    ask("afterwards", "again", 11);
    run();
    EVRPC_REQUEST_DONE(held[0]); /* their clients have gone */
    EVRPC_REQUEST_DONE(held[1]);
}

int main(void) {
    start();
    registering();
    calling();
    in_two_steps();
    by_hand();
    no_calls();
    say("unregister: %d", EVRPC_UNREGISTER(server, Ask));
    say("unregister again: %d", EVRPC_UNREGISTER(server, Ask));
    ask("not registered", "e", 6);
    run();
    say("register: %d", EVRPC_REGISTER(server, Ask, question, answer, on_call, (void*)"again"));
    ask("registered again", "f", 7);
    run();
    too_late();
    stop();
    return 0;
}
