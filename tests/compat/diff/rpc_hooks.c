/* Hooks of servers and pools: their order, each of their results, pausing, resuming, data that they keep
 * with a call. */
#include "rpc_support.h"

struct hook {
    const char* name;
    int result;
    void* base; /* to resume with */
    int later;  /* what to resume with */
};

static void* paused;
static struct hook* pauser;

static void on_call(EVRPC_STRUCT(Ask) * rpc, void* arg) {
    void* data = NULL;
    size_t size = 0;
    (void)arg;
    say("  called with %s", rpc->request->text);
    if (evrpc_hook_find_meta(rpc, "key", &data, &size) == 0)
        say("  meta of the call: %.*s", (int)size, (char*)data);
    rpc->reply->text = strdup("reply");
    rpc->reply->has_number = 1;
    EVRPC_REQUEST_DONE(rpc);
}

static void resume(evutil_socket_t fd, short what, void* arg) {
    void* ctx = paused;
    struct hook* hook = arg;
    (void)fd;
    (void)what;
    paused = NULL;
    say("  resume %s with %d: %d", hook->name, hook->later,
        evrpc_resume_request(hook->base, ctx, hook->later));
}

static int on_message(void* ctx, struct evhttp_request* req, struct evbuffer* body, void* arg) {
    struct hook* hook = arg;
    void* data = NULL;
    size_t size = 0;
    struct evhttp_connection* connection = evrpc_hook_get_connection(ctx);
    say("  hook %s: request %d, body %d, connection %d, meta %d", hook->name, req != NULL,
        (int)evbuffer_get_length(body), connection != NULL,
        evrpc_hook_find_meta(ctx, "key", &data, &size));
    if (data) say("    of %d octets: %.*s", (int)size, (int)size, (char*)data);
    if (!data) evrpc_hook_add_meta(ctx, "key", hook->name, strlen(hook->name));
    if (hook->result == EVRPC_PAUSE) {
        struct timeval soon = {0, 0};
        paused = ctx;
        pauser = hook;
        event_base_once(base, -1, EV_TIMEOUT, resume, hook, &soon);
    }
    return hook->result;
}

static void one(const char* name) {
    say("%s", name);
    ask(name, "text", 1);
    run();
}

static void each_result(void* vbase, const char* where, enum EVRPC_HOOK_TYPE type) {
    static const int results[] = {EVRPC_CONTINUE, EVRPC_TERMINATE, EVRPC_PAUSE};
    static const int later[] = {EVRPC_CONTINUE, EVRPC_TERMINATE};
    int i, j;
    for (i = 0; i < 3; i++) {
        for (j = 0; j < (results[i] == EVRPC_PAUSE ? 2 : 1); j++) {
            struct hook hook;
            char name[60];
            void* handle;
            hook.name = where;
            hook.result = results[i];
            hook.base = vbase;
            hook.later = later[j];
            sprintf(name, "%s %s result %d later %d", where, type == INPUT ? "input" : "output",
                    hook.result, hook.later);
            handle = evrpc_add_hook(vbase, type, on_message, &hook);
            one(name);
            say("  removed %d", evrpc_remove_hook(vbase, type, handle));
        }
    }
}

static void several(void) {
    struct hook hooks[6] = {
        {"server in 1", EVRPC_CONTINUE, NULL, 0},  {"server in 2", EVRPC_CONTINUE, NULL, 0},
        {"server out 1", EVRPC_CONTINUE, NULL, 0}, {"pool out 1", EVRPC_CONTINUE, NULL, 0},
        {"pool out 2", EVRPC_CONTINUE, NULL, 0},   {"pool in 1", EVRPC_CONTINUE, NULL, 0}};
    void* handles[6];
    handles[0] = evrpc_add_hook(server, INPUT, on_message, &hooks[0]);
    handles[1] = evrpc_add_hook(server, INPUT, on_message, &hooks[1]);
    handles[2] = evrpc_add_hook(server, OUTPUT, on_message, &hooks[2]);
    handles[3] = evrpc_add_hook(pool, OUTPUT, on_message, &hooks[3]);
    handles[4] = evrpc_add_hook(pool, OUTPUT, on_message, &hooks[4]);
    handles[5] = evrpc_add_hook(pool, INPUT, on_message, &hooks[5]);
    one("several hooks");
    say("wrong kind: %d", evrpc_remove_hook(server, OUTPUT, handles[0]));
    say("right kind: %d", evrpc_remove_hook(server, INPUT, handles[0]));
    say("again: %d", evrpc_remove_hook(server, INPUT, handles[0]));
    say("of the pool: %d", evrpc_remove_hook(pool, OUTPUT, handles[3]));
    one("fewer hooks");
    hooks[1].result = EVRPC_PAUSE;
    hooks[1].base = server;
    hooks[1].later = EVRPC_CONTINUE;
    ask("queue 1", "one", 1);
    ask("queue 2", "two", 2);
    ask("queue 3", "three", 3);
    run();
}

int main(void) {
    start();
    EVRPC_REGISTER(server, Ask, question, answer, on_call, NULL);
    connect_pool();
    one("no hooks");
    each_result(server, "server", INPUT);
    each_result(server, "server", OUTPUT);
    each_result(pool, "pool", OUTPUT);
    each_result(pool, "pool", INPUT);
    say("resume what does not wait: %d %d", evrpc_resume_request(server, NULL, EVRPC_CONTINUE),
        evrpc_resume_request(pool, &base, EVRPC_CONTINUE));
    several();
    stop();
    return 0;
}
