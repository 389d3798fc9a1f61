/** @file event2/http_struct.h
 *
 * struct evhttp_request, for programs that read its fields. The accessors of event2/http.h do the
 * same and stay right where fields may change. The size and the places of the fields are part of the
 * binary interface.
 */
#ifndef EVENT2_HTTP_STRUCT_H_INCLUDED_
#define EVENT2_HTTP_STRUCT_H_INCLUDED_

#include <event2/http.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evbuffer;
struct evhttp_connection;
struct evhttp_uri;
struct evkeyvalq;

/** A request with its answer: what a server received, or what a client sends. */
struct evhttp_request {
#if defined(TAILQ_ENTRY)
    TAILQ_ENTRY(evhttp_request) next;
#else
    struct {
        struct evhttp_request* tqe_next;
        struct evhttp_request** tqe_prev;
    } next;
#endif

    /** The connection; NULL once it has gone, and before evhttp_make_request(). */
    struct evhttp_connection* evcon;
    /** The bits below. */
    int flags;
/** The request ends its connection when it is freed. */
#define EVHTTP_REQ_OWN_CONNECTION 0x0001
/** The request asks for something on another host. */
#define EVHTTP_PROXY_REQUEST 0x0002
/** The program frees the request: evhttp_request_own(). */
#define EVHTTP_USER_OWNED 0x0004
/** A callback of this request is running. */
#define EVHTTP_REQ_DEFER_FREE 0x0008
/** Free it when that callback returns. */
#define EVHTTP_REQ_NEEDS_FREE 0x0010

    struct evkeyvalq* input_headers;
    struct evkeyvalq* output_headers;

    /** The numeric address and the port of the peer. */
    char* remote_host;
    ev_uint16_t remote_port;

    /** What evhttp_request_get_host() found out. */
    char* host_cache;

    enum evhttp_request_kind kind;
    enum evhttp_cmd_type type;

    size_t headers_size;
    size_t body_size;

    /** The target as it was received or will be sent, and its parts. */
    char* uri;
    struct evhttp_uri* uri_elems;

    /** The HTTP version: 1 and 1, or 1 and 0. */
    char major;
    char minor;

    /** The status of the answer and its phrase. */
    int response_code;
    char* response_code_line;

    /** The body that was received, and how much of it is missing. */
    struct evbuffer* input_buffer;
    ev_int64_t ntoread;
    unsigned chunked : 1, userdone : 1;

    /** The body that is to be sent. */
    struct evbuffer* output_buffer;

    /** The callback of the request, and its argument. */
    void (*cb)(struct evhttp_request*, void*);
    void* cb_arg;

    /** Called for the pieces of a body as they arrive. */
    void (*chunk_cb)(struct evhttp_request*, void*);
    /** Called when the header is complete; less than 0 ends the request. */
    int (*header_cb)(struct evhttp_request*, void*);
    /** Called with the reason when the request fails. */
    void (*error_cb)(enum evhttp_request_error, void*);
    /** Called when the answer is written. */
    void (*on_complete_cb)(struct evhttp_request*, void*);
    void* on_complete_cb_arg;
};

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_HTTP_STRUCT_H_INCLUDED_ */
