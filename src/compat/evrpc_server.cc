// evrpc_base: remote calls that arrive at an evhttp server. A call is made of
//
//   POST /.rpc.NAME -> input hooks -> request read -> callback of the program
//       -> evrpc_request_done -> reply written -> output hooks -> 200
//
// and ends in a 503 wherever a step fails.
#include "compat/alloc.h"
#include "compat/evrpc.h"

#include <event2/buffer.h>

#include <string_view>

struct evrpc_base final : corevent::compat::Hooks {
    explicit evrpc_base(evhttp* of) noexcept : http(of) {}
    ~evrpc_base();

    evhttp* http;
    corevent::TailQueue<evrpc, &evrpc::next> calls;
};

/// The program sees it as the structure that EVRPC_HEADER declares.
struct evrpc_req_generic final : corevent::compat::Call {
    void* request;
    void* reply;
    evrpc* rpc;
    evhttp_request* http_req;
    evbuffer* rpc_data;
};
static_assert(sizeof(evrpc_req_generic) == 48);

namespace corevent::compat {
namespace {

constexpr int status_failed = 503;

evrpc_req_generic& incoming(Call& call) noexcept {
    return static_cast<evrpc_req_generic&>(call);
}

void free_call(evrpc_req_generic& call) noexcept {
    if (call.request != nullptr) {
        call.rpc->request_free(call.request);
    }
    if (call.reply != nullptr) {
        call.rpc->reply_free(call.reply);
    }
    if (call.rpc_data != nullptr) {
        evbuffer_free(call.rpc_data);
    }
    free_meta(call);
    mm_delete(&call);
}

void fail(evrpc_req_generic& call) noexcept {
    evhttp_request* const req = call.http_req;
    free_call(call);
    evhttp_send_error(req, status_failed, nullptr);
}

void on_input_hooked(Call& hooked, EVRPC_HOOK_RESULT result) noexcept {
    evrpc_req_generic& call = incoming(hooked);
    evrpc& rpc = *call.rpc;
    if (result == EVRPC_TERMINATE ||
        (call.request = rpc.request_new(rpc.request_new_arg)) == nullptr ||
        rpc.request_unmarshal(call.request, evhttp_request_get_input_buffer(call.http_req)) < 0 ||
        (call.reply = rpc.reply_new(rpc.reply_new_arg)) == nullptr) {
        fail(call);
        return;
    }
    rpc.cb(&call, rpc.cb_arg);
}

void on_output_hooked(Call& hooked, EVRPC_HOOK_RESULT result) noexcept {
    evrpc_req_generic& call = incoming(hooked);
    if (result == EVRPC_TERMINATE) {
        fail(call);
        return;
    }
    evkeyvalq* const headers = evhttp_request_get_output_headers(call.http_req);
    if (evhttp_find_header(headers, "Content-Type") == nullptr) {
        evhttp_add_header(headers, "Content-Type", "application/octet-stream");
    }
    evhttp_send_reply(call.http_req, HTTP_OK, "OK", call.rpc_data);
    free_call(call);
}

void on_request(evhttp_request* req, void* arg) noexcept {
    evrpc* const rpc = static_cast<evrpc*>(arg);
    evbuffer* const body = evhttp_request_get_input_buffer(req);
    auto* const call =
        evhttp_request_get_command(req) == EVHTTP_REQ_POST && evbuffer_get_length(body) > 0
            ? mm_new<evrpc_req_generic>()
            : nullptr;
    if (call == nullptr) {
        evhttp_send_error(req, status_failed, nullptr);
        return;
    }
    call->rpc = rpc;
    call->http_req = req;
    rpc->base->run(EVRPC_INPUT, *call, req, body, on_input_hooked);
}

void unregister(evrpc& rpc) noexcept {
    rpc.base->calls.remove(rpc);
    evhttp_del_cb(rpc.base->http, call_path(rpc.uri).c_str());
    mm_free(const_cast<char*>(rpc.uri));
    mm_free(&rpc);
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

evrpc_base::~evrpc_base() {
    while (Call* const call = take_paused()) {
        fail(incoming(*call));
    }
    while (evrpc* const rpc = calls.front()) {
        unregister(*rpc);
    }
}

extern "C" {

struct evrpc_base* evrpc_init(struct evhttp* server) {
    return mm_new<evrpc_base>(server);
}

void evrpc_free(struct evrpc_base* base) {
    mm_delete(base);
}

int evrpc_register_rpc(struct evrpc_base* base, struct evrpc* rpc,
                       void (*cb)(struct evrpc_req_generic*, void*), void* cb_arg) {
    const std::string path = call_path(rpc->uri);
    if (path.empty()) {
        return -1;
    }
    rpc->cb = cb;
    rpc->cb_arg = cb_arg;
    rpc->base = base;
    rpc->next = {};
    base->calls.push_back(*rpc);
    evhttp_set_cb(base->http, path.c_str(), on_request, rpc);
    return 0;
}

int evrpc_register_generic(struct evrpc_base* base, const char* name,
                           void (*callback)(struct evrpc_req_generic*, void*), void* cbarg,
                           void* (*req_new)(void*), void* req_new_arg, void (*req_free)(void*),
                           int (*req_unmarshal)(void*, struct evbuffer*), void* (*rpl_new)(void*),
                           void* rpl_new_arg, void (*rpl_free)(void*), int (*rpl_complete)(void*),
                           void (*rpl_marshal)(struct evbuffer*, void*)) {
    auto* const rpc = static_cast<evrpc*>(mm_calloc(1, sizeof(evrpc)));
    char* const uri = mm_strdup(name);
    if (rpc != nullptr && uri != nullptr) {
        rpc->uri = uri;
        rpc->request_new = req_new;
        rpc->request_new_arg = req_new_arg;
        rpc->request_free = req_free;
        rpc->request_unmarshal = req_unmarshal;
        rpc->reply_new = rpl_new;
        rpc->reply_new_arg = rpl_new_arg;
        rpc->reply_free = rpl_free;
        rpc->reply_complete = rpl_complete;
        rpc->reply_marshal = rpl_marshal;
        if (evrpc_register_rpc(base, rpc, callback, cbarg) == 0) {
            return 0;
        }
    }
    mm_free(uri);
    mm_free(rpc);
    return -1;
}

int evrpc_unregister_rpc(struct evrpc_base* base, const char* name) {
    for (evrpc* rpc = base->calls.front(); rpc != nullptr; rpc = base->calls.next(*rpc)) {
        if (std::string_view(rpc->uri) == name) {
            unregister(*rpc);
            return 0;
        }
    }
    return -1;
}

void evrpc_request_done(struct evrpc_req_generic* req) {
    evrpc& rpc = *req->rpc;
    if (rpc.reply_complete(req->reply) < 0 || (req->rpc_data = evbuffer_new()) == nullptr) {
        fail(*req);
        return;
    }
    rpc.reply_marshal(req->rpc_data, req->reply);
    rpc.base->run(EVRPC_OUTPUT, *req, req->http_req, req->rpc_data, on_output_hooked);
}

void* evrpc_get_request(struct evrpc_req_generic* req) {
    return req->request;
}

void* evrpc_get_reply(struct evrpc_req_generic* req) {
    return req->reply;
}

}  // extern "C"
