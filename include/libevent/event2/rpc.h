/* Remote calls over HTTP: a request and a reply, both structures of tagged data, sent to
 * "/.rpc.NAME" of a server by POST.
 *
 * The structures and their functions STRUCT_new, _free, _marshal, _unmarshal, _complete and _clear
 * are the program's, usually generated. EVRPC_HEADER in a header and EVRPC_GENERATE in a source
 * declare and define a call of them. Everything runs on the thread of the event_base. */
#ifndef EVENT2_RPC_H_INCLUDED_
#define EVENT2_RPC_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evbuffer;
struct event_base;
struct evhttp;
struct evhttp_connection;
struct evhttp_request;
struct evrpc;
struct evrpc_base;
struct evrpc_hook_meta;
struct evrpc_pool;
struct evrpc_req_generic;
struct evrpc_request_wrapper;
struct evrpc_status;

/* --- Members of generated structures */

#define EVTAG_HAS(msg, member) ((msg)->member##_set == 1)

#ifndef EVENT2_RPC_COMPAT_H_INCLUDED_
#define EVTAG_ASSIGN(msg, member, value) (*(msg)->base->member##_assign)((msg), (value))
#define EVTAG_ASSIGN_WITH_LEN(msg, member, value, len) \
    (*(msg)->base->member##_assign)((msg), (value), (len))
#define EVTAG_GET(msg, member, pvalue) (*(msg)->base->member##_get)((msg), (pvalue))
#define EVTAG_GET_WITH_LEN(msg, member, pvalue, plen) \
    (*(msg)->base->member##_get)((msg), (pvalue), (plen))
#endif

#define EVTAG_ARRAY_ADD_VALUE(msg, member, value) (*(msg)->base->member##_add)((msg), (value))
#define EVTAG_ARRAY_ADD(msg, member) (*(msg)->base->member##_add)(msg)
#define EVTAG_ARRAY_GET(msg, member, offset, pvalue) \
    (*(msg)->base->member##_get)((msg), (offset), (pvalue))
#define EVTAG_ARRAY_LEN(msg, member) ((msg)->member##_length)

/* --- Declaring and defining a call */

/* What the callback of a server receives: the call NAME with its request and its reply. */
#define EVRPC_STRUCT(rpcname) struct evrpc_req__##rpcname

#define EVRPC_HEADER(rpcname, reqstruct, rplystruct)                                            \
    EVRPC_STRUCT(rpcname) {                                                                     \
        struct evrpc_hook_meta* hook_meta;                                                      \
        struct reqstruct* request;                                                              \
        struct rplystruct* reply;                                                               \
        struct evrpc* rpc;                                                                      \
        struct evhttp_request* http_req;                                                        \
        struct evbuffer* rpc_data;                                                              \
    };                                                                                          \
    EVENT2_EXPORT_SYMBOL                                                                        \
    int evrpc_send_request_##rpcname(struct evrpc_pool*, struct reqstruct*, struct rplystruct*, \
                                     void (*)(struct evrpc_status*, struct reqstruct*,          \
                                              struct rplystruct*, void*),                       \
                                     void*);

#define EVRPC_GENERATE(rpcname, reqstruct, rplystruct)                                             \
    int evrpc_send_request_##rpcname(struct evrpc_pool* pool, struct reqstruct* request,           \
                                     struct rplystruct* reply,                                     \
                                     void (*cb)(struct evrpc_status*, struct reqstruct*,           \
                                                struct rplystruct*, void* cbarg),                  \
                                     void* cbarg) {                                                \
        return evrpc_send_request_generic(pool, request, reply,                                    \
                                          (void (*)(struct evrpc_status*, void*, void*, void*))cb, \
                                          cbarg, #rpcname,                                         \
                                          (void (*)(struct evbuffer*, void*))reqstruct##_marshal,  \
                                          (void (*)(void*))rplystruct##_clear,                     \
                                          (int (*)(void*,                                          \
                                                   struct evbuffer*))rplystruct##_unmarshal);      \
    }

/* --- Servers */

/* Calls that arrive at an HTTP server; NULL when memory is short. To be freed before the server. */
EVENT2_EXPORT_SYMBOL
struct evrpc_base* evrpc_init(struct evhttp* server);

/* Ends all calls that wait for a hook, and forgets all that was registered. */
EVENT2_EXPORT_SYMBOL
void evrpc_free(struct evrpc_base* base);

/* `callback` answers calls of `name`, by EVRPC_REQUEST_DONE at last. */
#define EVRPC_REGISTER(base, name, request, reply, callback, cbarg)                           \
    evrpc_register_generic(base, #name, (void (*)(struct evrpc_req_generic*, void*))callback, \
                           cbarg, (void* (*)(void*))request##_new_with_arg, NULL,             \
                           (void (*)(void*))request##_free,                                   \
                           (int (*)(void*, struct evbuffer*))request##_unmarshal,             \
                           (void* (*)(void*))reply##_new_with_arg, NULL,                      \
                           (void (*)(void*))reply##_free, (int (*)(void*))reply##_complete,   \
                           (void (*)(struct evbuffer*, void*))reply##_marshal)

#define EVRPC_UNREGISTER(base, name) evrpc_unregister_rpc((base), #name)

#define EVRPC_REQUEST_HTTP(rpc_req) (rpc_req)->http_req

/* Sends the reply as it stands, or an error if it is not complete. */
#define EVRPC_REQUEST_DONE(rpc_req)                                            \
    do {                                                                       \
        struct evrpc_req_generic* req_ = (struct evrpc_req_generic*)(rpc_req); \
        evrpc_request_done(req_);                                              \
    } while (0)

EVENT2_EXPORT_SYMBOL
void evrpc_request_done(struct evrpc_req_generic* req);
EVENT2_EXPORT_SYMBOL
void* evrpc_get_request(struct evrpc_req_generic* req);
EVENT2_EXPORT_SYMBOL
void* evrpc_get_reply(struct evrpc_req_generic* req);

/* What EVRPC_REGISTER calls. The structure is the library's from then on; 0. */
EVENT2_EXPORT_SYMBOL
int evrpc_register_rpc(struct evrpc_base* base, struct evrpc* rpc,
                       void (*cb)(struct evrpc_req_generic*, void*), void* cb_arg);
EVENT2_EXPORT_SYMBOL
int evrpc_register_generic(struct evrpc_base* base, const char* name,
                           void (*callback)(struct evrpc_req_generic*, void*), void* cbarg,
                           void* (*req_new)(void*), void* req_new_arg, void (*req_free)(void*),
                           int (*req_unmarshal)(void*, struct evbuffer*), void* (*rpl_new)(void*),
                           void* rpl_new_arg, void (*rpl_free)(void*), int (*rpl_complete)(void*),
                           void (*rpl_marshal)(struct evbuffer*, void*));

/* 0, or -1 for a name that was not registered. */
EVENT2_EXPORT_SYMBOL
int evrpc_unregister_rpc(struct evrpc_base* base, const char* name);

/* --- Clients */

/* Connections that share calls: each carries one at a time, and the rest wait. */
EVENT2_EXPORT_SYMBOL
struct evrpc_pool* evrpc_pool_new(struct event_base* base);

/* Frees its connections as well. */
EVENT2_EXPORT_SYMBOL
void evrpc_pool_free(struct evrpc_pool* pool);

/* The connection belongs to the pool from then on, and gets its timeout unless it has one. */
EVENT2_EXPORT_SYMBOL
void evrpc_pool_add_connection(struct evrpc_pool* pool, struct evhttp_connection* evcon);
EVENT2_EXPORT_SYMBOL
void evrpc_pool_remove_connection(struct evrpc_pool* pool, struct evhttp_connection* evcon);

/* Seconds after which a call fails with EVRPC_STATUS_ERR_TIMEOUT, from when it is sent. */
EVENT2_EXPORT_SYMBOL
void evrpc_pool_set_timeout(struct evrpc_pool* pool, int timeout_in_secs);

/* Calls NAME; the callback is told how it went. 0, or -1 when it could not be begun. */
#define EVRPC_MAKE_REQUEST(name, pool, request, reply, cb, cbarg) \
    evrpc_send_request_##name((pool), (request), (reply), (cb), (cbarg))

EVENT2_EXPORT_SYMBOL
int evrpc_send_request_generic(struct evrpc_pool* pool, void* request, void* reply,
                               void (*cb)(struct evrpc_status*, void*, void*, void*), void* cb_arg,
                               const char* rpcname, void (*req_marshal)(struct evbuffer*, void*),
                               void (*rpl_clear)(void*),
                               int (*rpl_unmarshal)(void*, struct evbuffer*));

/* The same in two steps: a call that is made later, by evrpc_make_request. */
#define EVRPC_MAKE_CTX(rpcname, reqstruct, rplystruct, pool, request, reply, cb, cbarg) \
    evrpc_make_request_ctx(pool, request, reply, #rpcname,                              \
                           (void (*)(struct evbuffer*, void*))reqstruct##_marshal,      \
                           (void (*)(void*))rplystruct##_clear,                         \
                           (int (*)(void*, struct evbuffer*))rplystruct##_unmarshal,    \
                           (void (*)(struct evrpc_status*, void*, void*, void*))cb, cbarg)

EVENT2_EXPORT_SYMBOL
struct evrpc_request_wrapper* evrpc_make_request_ctx(struct evrpc_pool* pool, void* request,
                                                     void* reply, const char* rpcname,
                                                     void (*req_marshal)(struct evbuffer*, void*),
                                                     void (*rpl_clear)(void*),
                                                     int (*rpl_unmarshal)(void*, struct evbuffer*),
                                                     void (*cb)(struct evrpc_status*, void*, void*,
                                                                void*),
                                                     void* cbarg);
EVENT2_EXPORT_SYMBOL
int evrpc_make_request(struct evrpc_request_wrapper* ctx);
EVENT2_EXPORT_SYMBOL
struct evrpc_pool* evrpc_request_get_pool(struct evrpc_request_wrapper* ctx);
EVENT2_EXPORT_SYMBOL
void evrpc_request_set_pool(struct evrpc_request_wrapper* ctx, struct evrpc_pool* pool);
EVENT2_EXPORT_SYMBOL
void evrpc_request_set_cb(struct evrpc_request_wrapper* ctx,
                          void (*cb)(struct evrpc_status*, void* request, void* reply, void* arg),
                          void* cb_arg);

/* --- Hooks: functions that see each message of a server or a pool, and may stop it */

enum EVRPC_HOOK_TYPE {
    EVRPC_INPUT, /* what has arrived, before it is read */
    EVRPC_OUTPUT /* what is written, before it is sent */
};

#define INPUT EVRPC_INPUT
#define OUTPUT EVRPC_OUTPUT

enum EVRPC_HOOK_RESULT {
    EVRPC_TERMINATE = -1, /* the call has failed */
    EVRPC_CONTINUE = 0,   /* to the next hook */
    EVRPC_PAUSE = 1       /* until evrpc_resume_request */
};

/* `vbase` is an evrpc_base or an evrpc_pool. `cb` is given the call as `ctx` for the functions
 * below, its HTTP request, and its body; it returns one of EVRPC_HOOK_RESULT. Returns a handle. */
EVENT2_EXPORT_SYMBOL
void* evrpc_add_hook(void* vbase, enum EVRPC_HOOK_TYPE hook_type,
                     int (*cb)(void* ctx, struct evhttp_request*, struct evbuffer*, void*),
                     void* cb_arg);

/* 1 when the handle was found. */
EVENT2_EXPORT_SYMBOL
int evrpc_remove_hook(void* vbase, enum EVRPC_HOOK_TYPE hook_type, void* handle);

/* Goes on with a call that a hook has paused. 0, or -1 when it is not waiting. */
EVENT2_EXPORT_SYMBOL
int evrpc_resume_request(void* vbase, void* ctx, enum EVRPC_HOOK_RESULT res);

/* Data under a name, copied, for as long as the call lives. */
EVENT2_EXPORT_SYMBOL
void evrpc_hook_add_meta(void* ctx, const char* key, const void* data, size_t data_size);

/* 0, or -1 without such data. What it finds belongs to the call. */
EVENT2_EXPORT_SYMBOL
int evrpc_hook_find_meta(void* ctx, const char* key, void** data, size_t* data_size);

/* The connection of the call, or NULL before it has one. */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection* evrpc_hook_get_connection(void* ctx);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_RPC_H_INCLUDED_ */
