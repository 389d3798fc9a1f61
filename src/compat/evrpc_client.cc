// evrpc_pool: remote calls over HTTP connections that they share. A connection carries one call at a
// time; the others wait in the order in which they were made.
//
//   waiting -> carried: request written -> output hooks -> sent -> answer or time-out
//       -> input hooks -> reply read -> callback
//
// Whatever fails goes straight to the callback, which hears why.
#include "compat/alloc.h"
#include "compat/evrpc.h"
#include "compat/http_connection.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http_compat.h>

#include <utility>

namespace corevent::compat {
struct Carrier;
}

struct evrpc_request_wrapper final : corevent::compat::Call {
    corevent::ListHook<evrpc_request_wrapper> hook;
    evrpc_pool* pool;
    corevent::compat::Carrier* carrier;  ///< null: waits, or its connection has left the pool
    evhttp_request* req;                 ///< null before it is carried
    bool given_to_http;                  ///< http frees `req` from then on
    event timeout;
    char* name;
    void* request;
    void* reply;
    void (*marshal)(evbuffer*, void*);
    void (*clear)(void*);
    int (*unmarshal)(void*, evbuffer*);
    void (*cb)(evrpc_status*, void*, void*, void*);
    void* cb_arg;
};

namespace corevent::compat {

/// A connection of a pool.
struct Carrier {
    ListHook<Carrier> hook;
    evhttp_connection* http;
    evrpc_request_wrapper* carried;  ///< or null
};

}  // namespace corevent::compat

struct evrpc_pool final : corevent::compat::Hooks {
    explicit evrpc_pool(event_base* of) noexcept : base(of) {}
    ~evrpc_pool();

    event_base* base;    ///< null: the global one
    int timeout_s = -1;  ///< none
    corevent::TailQueue<corevent::compat::Carrier, &corevent::compat::Carrier::hook> carriers;
    corevent::TailQueue<evrpc_request_wrapper, &evrpc_request_wrapper::hook> waiting;
};

namespace corevent::compat {
namespace {

void schedule(evrpc_pool& pool) noexcept;

evrpc_request_wrapper& outgoing(Call& call) noexcept {
    return static_cast<evrpc_request_wrapper&>(call);
}

void free_call(evrpc_request_wrapper& call) noexcept {
    if (event_initialized(&call.timeout)) {
        event_del(&call.timeout);
    }
    if (call.carrier != nullptr) {
        call.carrier->carried = nullptr;
    }
    if (call.req != nullptr && !call.given_to_http) {
        evhttp_request_free(call.req);
    }
    free_meta(call);
    mm_free(call.name);
    mm_delete(&call);
}

void finish(evrpc_request_wrapper& call, int error, evhttp_request* answer) noexcept {
    evrpc_pool& pool = *call.pool;
    if (Carrier* const carrier = std::exchange(call.carrier, nullptr); carrier != nullptr) {
        carrier->carried = nullptr;
    }
    evrpc_status status{error, answer};
    call.cb(&status, call.request, call.reply, call.cb_arg);
    free_call(call);
    schedule(pool);
}

void on_input_hooked(Call& hooked, EVRPC_HOOK_RESULT result) noexcept {
    evrpc_request_wrapper& call = outgoing(hooked);
    int error = EVRPC_STATUS_ERR_NONE;
    if (result == EVRPC_TERMINATE) {
        error = EVRPC_STATUS_ERR_HOOKABORTED;
    } else if (call.unmarshal(call.reply, evhttp_request_get_input_buffer(call.req)) < 0) {
        error = EVRPC_STATUS_ERR_BADPAYLOAD;
    }
    if (error != EVRPC_STATUS_ERR_NONE) {
        call.clear(call.reply);
    }
    finish(call, error, call.req);
}

void on_answer(evhttp_request* req, void* arg) noexcept {
    auto& call = *static_cast<evrpc_request_wrapper*>(arg);
    event_del(&call.timeout);
    if (req == nullptr) {
        call.clear(call.reply);
        finish(call, EVRPC_STATUS_ERR_TIMEOUT, nullptr);
        return;
    }
    if (call.pool->run(EVRPC_INPUT, call, req, evhttp_request_get_input_buffer(req),
                       on_input_hooked)) {
        evhttp_request_own(req);
        call.given_to_http = false;
    }
}

void on_timeout(evutil_socket_t, short, void* arg) noexcept {
    auto& call = *static_cast<evrpc_request_wrapper*>(arg);
    evhttp_cancel_request(call.req);
    on_answer(nullptr, &call);
}

void on_output_hooked(Call& hooked, EVRPC_HOOK_RESULT result) noexcept {
    evrpc_request_wrapper& call = outgoing(hooked);
    const std::string path = call_path(call.name);
    if (result == EVRPC_TERMINATE || path.empty() || call.carrier == nullptr) {
        finish(call, EVRPC_STATUS_ERR_UNSTARTED, nullptr);
        return;
    }
    if (call.pool->timeout_s > 0) {
        const timeval timeout{call.pool->timeout_s, 0};
        event_add(&call.timeout, &timeout);
    }
    call.given_to_http = true;
    if (evhttp_make_request(call.carrier->http, call.req, EVHTTP_REQ_POST, path.c_str()) < 0) {
        finish(call, EVRPC_STATUS_ERR_UNSTARTED, nullptr);
    }
}

void carry(evrpc_request_wrapper& call, Carrier& carrier) noexcept {
    call.carrier = &carrier;
    carrier.carried = &call;
    call.req = evhttp_request_new(on_answer, &call);
    if (call.req == nullptr) {
        finish(call, EVRPC_STATUS_ERR_UNSTARTED, nullptr);
        return;
    }
    char* host = nullptr;
    std::uint16_t port = 0;
    evhttp_connection_get_peer(carrier.http, &host, &port);
    evhttp_add_header(evhttp_request_get_output_headers(call.req), "Host", host);
    evbuffer* const body = evhttp_request_get_output_buffer(call.req);
    call.marshal(body, call.request);
    if (call.hook_meta == nullptr) {
        call.hook_meta = mm_new<evrpc_hook_meta>(carrier.http);
    }
    call.pool->run(EVRPC_OUTPUT, call, call.req, body, on_output_hooked);
}

Carrier* idle_carrier(const evrpc_pool& pool) noexcept {
    Carrier* carrier = pool.carriers.front();
    while (carrier != nullptr && carrier->carried != nullptr) {
        carrier = pool.carriers.next(*carrier);
    }
    return carrier;
}

void schedule(evrpc_pool& pool) noexcept {
    if (Carrier* const carrier = idle_carrier(pool); carrier != nullptr) {
        if (evrpc_request_wrapper* const call = pool.waiting.pop_front(); call != nullptr) {
            carry(*call, *carrier);
        }
    }
}

Carrier* carrier_of(const evrpc_pool& pool, const evhttp_connection* connection) noexcept {
    Carrier* carrier = pool.carriers.front();
    while (carrier != nullptr && carrier->http != connection) {
        carrier = pool.carriers.next(*carrier);
    }
    return carrier;
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

evrpc_pool::~evrpc_pool() {
    while (evrpc_request_wrapper* const call = waiting.pop_front()) {
        free_call(*call);
    }
    while (Call* const call = take_paused()) {
        free_call(outgoing(*call));
    }
    while (Carrier* const carrier = carriers.pop_front()) {
        evhttp_connection_free(carrier->http);  // and the request on it
        if (evrpc_request_wrapper* const call = carrier->carried; call != nullptr) {
            free_call(*call);
        }
        mm_delete(carrier);
    }
}

extern "C" {

struct evrpc_pool* evrpc_pool_new(struct event_base* base) {
    return mm_new<evrpc_pool>(base);
}

void evrpc_pool_free(struct evrpc_pool* pool) {
    mm_delete(pool);
}

void evrpc_pool_add_connection(struct evrpc_pool* pool, struct evhttp_connection* evcon) {
    Carrier* const carrier = mm_new<Carrier>();
    if (carrier == nullptr) {
        return;
    }
    carrier->http = evcon;
    pool->carriers.push_back(*carrier);
    if (pool->base != nullptr && evhttp_connection_get_base(evcon) == nullptr) {
        evhttp_connection_set_base(evcon, pool->base);
    }
    if (pool->timeout_s > 0 && !is_set(evcon->read_timeout)) {
        evhttp_connection_set_timeout(evcon, pool->timeout_s);
    }
    schedule(*pool);
}

void evrpc_pool_remove_connection(struct evrpc_pool* pool, struct evhttp_connection* evcon) {
    Carrier* const carrier = carrier_of(*pool, evcon);
    if (carrier == nullptr) {
        return;
    }
    if (carrier->carried != nullptr) {
        carrier->carried->carrier = nullptr;
    }
    pool->carriers.remove(*carrier);
    mm_delete(carrier);
}

void evrpc_pool_set_timeout(struct evrpc_pool* pool, int timeout_in_secs) {
    for (Carrier* c = pool->carriers.front(); c != nullptr; c = pool->carriers.next(*c)) {
        evhttp_connection_set_timeout(c->http, timeout_in_secs);
    }
    pool->timeout_s = timeout_in_secs;
}

struct evrpc_request_wrapper* evrpc_make_request_ctx(struct evrpc_pool* pool, void* request,
                                                     void* reply, const char* rpcname,
                                                     void (*req_marshal)(struct evbuffer*, void*),
                                                     void (*rpl_clear)(void*),
                                                     int (*rpl_unmarshal)(void*, struct evbuffer*),
                                                     void (*cb)(struct evrpc_status*, void*, void*,
                                                                void*),
                                                     void* cbarg) {
    auto* const call = mm_new<evrpc_request_wrapper>();
    if (call == nullptr || (call->name = mm_strdup(rpcname)) == nullptr) {
        mm_delete(call);
        return nullptr;
    }
    call->pool = pool;
    call->request = request;
    call->reply = reply;
    call->marshal = req_marshal;
    call->clear = rpl_clear;
    call->unmarshal = rpl_unmarshal;
    call->cb = cb;
    call->cb_arg = cbarg;
    return call;
}

int evrpc_make_request(struct evrpc_request_wrapper* ctx) {
    evrpc_pool& pool = *ctx->pool;
    event_assign(&ctx->timeout, pool.base, -1, 0, on_timeout, ctx);
    pool.waiting.push_back(*ctx);
    schedule(pool);
    return 0;
}

int evrpc_send_request_generic(struct evrpc_pool* pool, void* request, void* reply,
                               void (*cb)(struct evrpc_status*, void*, void*, void*), void* cb_arg,
                               const char* rpcname, void (*req_marshal)(struct evbuffer*, void*),
                               void (*rpl_clear)(void*),
                               int (*rpl_unmarshal)(void*, struct evbuffer*)) {
    evrpc_request_wrapper* const call =
        evrpc_make_request_ctx(pool, request, reply, rpcname, req_marshal, rpl_clear, rpl_unmarshal,
                               cb, cb_arg);
    return call != nullptr ? evrpc_make_request(call) : -1;
}

struct evrpc_pool* evrpc_request_get_pool(struct evrpc_request_wrapper* ctx) {
    return ctx->pool;
}

void evrpc_request_set_pool(struct evrpc_request_wrapper* ctx, struct evrpc_pool* pool) {
    ctx->pool = pool;
}

void evrpc_request_set_cb(struct evrpc_request_wrapper* ctx,
                          void (*cb)(struct evrpc_status*, void* request, void* reply, void* arg),
                          void* cb_arg) {
    ctx->cb = cb;
    ctx->cb_arg = cb_arg;
}

}  // extern "C"
