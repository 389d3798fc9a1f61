/* The structures of <event2/rpc.h> that programs see. */
#ifndef EVENT2_RPC_STRUCT_H_INCLUDED_
#define EVENT2_RPC_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TAILQ_ENTRY
#define EVENT_DEFINED_TQENTRY_
#define TAILQ_ENTRY(type)       \
    struct {                    \
        struct type* tqe_next;  \
        struct type** tqe_prev; \
    }
#endif

struct evbuffer;
struct evhttp_request;
struct evrpc_base;
struct evrpc_req_generic;

/* How a call went. */
struct evrpc_status {
#define EVRPC_STATUS_ERR_NONE 0        /* the reply is there */
#define EVRPC_STATUS_ERR_TIMEOUT 1     /* no answer in time, or no connection */
#define EVRPC_STATUS_ERR_BADPAYLOAD 2  /* an answer that is no reply */
#define EVRPC_STATUS_ERR_UNSTARTED 3   /* it could not be sent */
#define EVRPC_STATUS_ERR_HOOKABORTED 4 /* a hook has ended it */
    int error;
    struct evhttp_request* http_req; /* the answer, NULL without one */
};

/* A call that a server offers. */
struct evrpc {
    TAILQ_ENTRY(evrpc) next;

    const char* uri; /* the name; "/.rpc.NAME" once registered */

    void* (*request_new)(void*);
    void* request_new_arg;
    void (*request_free)(void*);
    int (*request_unmarshal)(void*, struct evbuffer*);

    void* (*reply_new)(void*);
    void* reply_new_arg;
    void (*reply_free)(void*);
    int (*reply_complete)(void*);
    void (*reply_marshal)(struct evbuffer*, void*);

    void (*cb)(struct evrpc_req_generic*, void*);
    void* cb_arg;

    struct evrpc_base* base;
};

#ifdef EVENT_DEFINED_TQENTRY_
#undef TAILQ_ENTRY
#undef EVENT_DEFINED_TQENTRY_
#endif

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_RPC_STRUCT_H_INCLUDED_ */
