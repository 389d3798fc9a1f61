/** @file event2/http.h
 *
 * HTTP/1 for servers and clients on an event_base.
 *
 * A server (struct evhttp) listens on sockets, reads requests and calls back for each complete one;
 * the program answers now or later, at once or in pieces, from the callback's thread or from any
 * other. A client (struct evhttp_connection) sends requests to one host, one after the other on a
 * connection that it keeps. Headers are lists of names and values; bodies are evbuffers.
 *
 * Unless a function says otherwise, call it on the thread that runs the base. See
 * event2/corevent.h for servers on several threads.
 */
#ifndef EVENT2_HTTP_H_INCLUDED_
#define EVENT2_HTTP_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bufferevent;
struct evbuffer;
struct evconnlistener;
struct evdns_base;
struct event_base;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;
struct evhttp_uri;
struct evkeyvalq;
struct sockaddr;
struct timeval;

/* Status codes that have a name here; any other number does as well. */
#define HTTP_OK 200
#define HTTP_NOCONTENT 204
#define HTTP_MOVEPERM 301
#define HTTP_MOVETEMP 302
#define HTTP_NOTMODIFIED 304
#define HTTP_BADREQUEST 400
#define HTTP_NOTFOUND 404
#define HTTP_BADMETHOD 405
#define HTTP_ENTITYTOOLARGE 413
#define HTTP_EXPECTATIONFAILED 417
#define HTTP_INTERNAL 500
#define HTTP_NOTIMPLEMENTED 501
#define HTTP_SERVUNAVAIL 503

/** Methods; also the bits for evhttp_set_allowed_methods(). */
enum evhttp_cmd_type {
    EVHTTP_REQ_GET = 1 << 0,
    EVHTTP_REQ_POST = 1 << 1,
    EVHTTP_REQ_HEAD = 1 << 2,
    EVHTTP_REQ_PUT = 1 << 3,
    EVHTTP_REQ_DELETE = 1 << 4,
    EVHTTP_REQ_OPTIONS = 1 << 5,
    EVHTTP_REQ_TRACE = 1 << 6,
    EVHTTP_REQ_CONNECT = 1 << 7,
    EVHTTP_REQ_PATCH = 1 << 8
};

/** Whether a request object waits for its own answer (client) or was received (server). */
enum evhttp_request_kind { EVHTTP_REQUEST, EVHTTP_RESPONSE };

/** Why a request failed. */
enum evhttp_request_error {
    EVREQ_HTTP_TIMEOUT,        /**< nothing came, or nothing could be sent, in time */
    EVREQ_HTTP_EOF,            /**< the connection ended too early */
    EVREQ_HTTP_INVALID_HEADER, /**< the header is malformed or too large */
    EVREQ_HTTP_BUFFER_ERROR,   /**< reading or writing failed */
    EVREQ_HTTP_REQUEST_CANCEL, /**< evhttp_cancel_request() */
    EVREQ_HTTP_DATA_TOO_LONG   /**< the body is larger than allowed */
};

/* ---- server: sockets ---------------------------------------------------------------------- */

/** A server without sockets on `base`; NULL when memory is short. */
EVENT2_EXPORT_SYMBOL
struct evhttp* evhttp_new(struct event_base* base);

/**
 * Closes the server's sockets and connections and frees it with its virtual hosts. A request that
 * is still to be answered stays valid until it is answered, which then has no effect.
 */
EVENT2_EXPORT_SYMBOL
void evhttp_free(struct evhttp* http);

/**
 * Listens on `address` (a name or a number; NULL for any) and `port` (0 lets the system choose).
 * May be called several times.
 *
 * @return 0, or -1
 */
EVENT2_EXPORT_SYMBOL
int evhttp_bind_socket(struct evhttp* http, const char* address, ev_uint16_t port);

/** The same; returns a handle of the socket, or NULL. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket* evhttp_bind_socket_with_handle(struct evhttp* http, const char* address,
                                                           ev_uint16_t port);

/** Accepts on a socket that is bound and listening already, and takes it over. 0, or -1. */
EVENT2_EXPORT_SYMBOL
int evhttp_accept_socket(struct evhttp* http, evutil_socket_t fd);

/** The same; returns a handle of the socket, or NULL. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket* evhttp_accept_socket_with_handle(struct evhttp* http,
                                                             evutil_socket_t fd);

/** Accepts through a listener of the program's, and takes it over. */
EVENT2_EXPORT_SYMBOL
struct evhttp_bound_socket* evhttp_bind_listener(struct evhttp* http,
                                                 struct evconnlistener* listener);

/** The listener behind a handle. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener* evhttp_bound_socket_get_listener(struct evhttp_bound_socket* bound);

/** The descriptor behind a handle. */
EVENT2_EXPORT_SYMBOL
evutil_socket_t evhttp_bound_socket_get_fd(struct evhttp_bound_socket* bound_socket);

typedef void evhttp_bound_socket_foreach_fn(struct evhttp_bound_socket*, void*);

/** Calls `function` for each socket that the server listens on; it may remove that socket. */
EVENT2_EXPORT_SYMBOL
void evhttp_foreach_bound_socket(struct evhttp* http, evhttp_bound_socket_foreach_fn* function,
                                 void* argument);

/** Stops listening on a socket and closes it. The handle is gone; connections go on. */
EVENT2_EXPORT_SYMBOL
void evhttp_del_accept_socket(struct evhttp* http, struct evhttp_bound_socket* bound_socket);

/* ---- server: who handles what ------------------------------------------------------------- */

/**
 * Calls `cb` for requests whose path, percent-decoded and without query, is `path`.
 *
 * @return 0; -1 if the path is taken already; -2 when memory is short
 */
EVENT2_EXPORT_SYMBOL
int evhttp_set_cb(struct evhttp* http, const char* path, void (*cb)(struct evhttp_request*, void*),
                  void* cb_arg);

/** Undoes evhttp_set_cb(). 0, or -1 if there is nothing to undo. */
EVENT2_EXPORT_SYMBOL
int evhttp_del_cb(struct evhttp*, const char*);

/** Calls `cb` for all other requests. NULL: they get 404. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_gencb(struct evhttp* http, void (*cb)(struct evhttp_request*, void*), void* arg);

/**
 * Calls `cb` when a request begins to arrive, before its header is read: the place to set callbacks
 * for the header and the pieces of the body. Less than 0 closes the connection. (As in 2.2.)
 */
EVENT2_EXPORT_SYMBOL
void evhttp_set_newreqcb(struct evhttp* http, int (*cb)(struct evhttp_request* req, void* arg),
                         void* arg);

/**
 * Lets `cb` make a bufferevent without socket for each accepted connection, for example one that
 * speaks TLS. NULL from it means a plain socket.
 */
EVENT2_EXPORT_SYMBOL
void evhttp_set_bevcb(struct evhttp* http, struct bufferevent* (*cb)(struct event_base*, void*),
                      void* arg);

/** The same for the connections of one listening socket, before that of the server. (As in 2.2.) */
EVENT2_EXPORT_SYMBOL
void evhttp_bound_set_bevcb(struct evhttp_bound_socket* bound,
                            struct bufferevent* (*cb)(struct event_base*, void*), void* arg);

/**
 * Lets `cb` write the body of error answers into `buffer`; less than 0 from it means the usual
 * page. (As in 2.2.)
 */
EVENT2_EXPORT_SYMBOL
void evhttp_set_errorcb(struct evhttp* http,
                        int (*cb)(struct evhttp_request* req, struct evbuffer* buffer, int error,
                                  const char* reason, void* cbarg),
                        void* cbarg);

/** Methods that get to a callback, a set of EVHTTP_REQ_*. The others get 501. Without a call: GET, POST,
 * HEAD, PUT and DELETE. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_allowed_methods(struct evhttp* http, ev_uint16_t methods);

/**
 * Serves requests whose host matches `pattern` ('*' stands for anything, case does not matter) by
 * `vhost`, a server without sockets, which `http` owns from now on.
 *
 * @return 0, or -1 if `vhost` listens or is a virtual host already
 */
EVENT2_EXPORT_SYMBOL
int evhttp_add_virtual_host(struct evhttp* http, const char* pattern, struct evhttp* vhost);

/** Gives a virtual host back to the caller. 0, or -1 if it is none of this server's. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_virtual_host(struct evhttp* http, struct evhttp* vhost);

/** Another name of this server, matched exactly but for case, before the patterns. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_server_alias(struct evhttp* http, const char* alias);

/** Undoes evhttp_add_server_alias(). 0, or -1. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_server_alias(struct evhttp* http, const char* alias);

/* ---- server: settings --------------------------------------------------------------------- */

/** The largest header (request line and fields, without line ends) that is read; less than 0 for
 * no limit. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_headers_size(struct evhttp* http, ev_ssize_t max_headers_size);

/** The largest body that is read; less than 0 for no limit. Larger ones get 413. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_max_body_size(struct evhttp* http, ev_ssize_t max_body_size);

/** The most connections at a time; further ones get 503. 0 for no limit. Returns the former
 * setting's success: 0, or -1 for a number below 0. (As in 2.2.) */
EVENT2_EXPORT_SYMBOL
int evhttp_set_max_connections(struct evhttp* http, int max_connections);

/** How many connections the server has now. Any thread. (As in 2.2.) */
EVENT2_EXPORT_SYMBOL
int evhttp_get_connection_count(struct evhttp* http);

/** Content-Type of answers that do not set one; NULL for none. The string is not copied. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_default_content_type(struct evhttp* http, const char* content_type);

/** Closes connections on which reading or writing makes no progress for so many seconds; less than
 * 0: never. For connections accepted from now on. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_timeout(struct evhttp* http, int timeout_in_secs);

/** The same; NULL: never. */
EVENT2_EXPORT_SYMBOL
void evhttp_set_timeout_tv(struct evhttp* http, const struct timeval* tv);

/** The same for one direction. (As in 2.2.) */
EVENT2_EXPORT_SYMBOL
void evhttp_set_read_timeout_tv(struct evhttp* http, const struct timeval* tv);
EVENT2_EXPORT_SYMBOL
void evhttp_set_write_timeout_tv(struct evhttp* http, const struct timeval* tv);

/** A body that is too large is read to its end before the refusal, so that its sender sees it. */
#define EVHTTP_SERVER_LINGERING_CLOSE 0x0001

/** Sets the flags of the server. 0, or 1 if one of them is unknown. */
EVENT2_EXPORT_SYMBOL
int evhttp_set_flags(struct evhttp* http, int flags);

/* ---- server: answering (any thread) ------------------------------------------------------- */

/*
 * Each request is answered exactly once, when the program likes and on whatever thread. The answer
 * takes effect on the thread of the connection. If the client has gone by then, it has none.
 */

/**
 * An error page that ends the connection.
 *
 * @param reason the phrase behind the status; NULL for the usual one
 */
EVENT2_EXPORT_SYMBOL
void evhttp_send_error(struct evhttp_request* req, int error, const char* reason);

/**
 * The whole answer. Fields of its header were added to evhttp_request_get_output_headers() before.
 *
 * @param databuf the body, which is taken out of it; may be NULL
 */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply(struct evhttp_request* req, int code, const char* reason,
                       struct evbuffer* databuf);

/** Begins an answer whose body follows in pieces: chunked, unless a Content-Length was set or the
 * client speaks HTTP/1.0. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_start(struct evhttp_request* req, int code, const char* reason);

/** A piece of the body, taken out of `databuf`. An empty one is passed over. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_chunk(struct evhttp_request* req, struct evbuffer* databuf);

/** The same; calls `cb` once everything so far was given to the system: the time for the next. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_chunk_with_cb(struct evhttp_request*, struct evbuffer*,
                                     void (*cb)(struct evhttp_connection*, void*), void* arg);

/** The end of the body. The request is gone, unless the program owns it. */
EVENT2_EXPORT_SYMBOL
void evhttp_send_reply_end(struct evhttp_request* req);

/* ---- client ------------------------------------------------------------------------------- */

/** A connection to a host on `base`, made when the first request needs it. `dnsbase` resolves names
 * without blocking; NULL: the system does. */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection* evhttp_connection_base_new(struct event_base* base,
                                                     struct evdns_base* dnsbase,
                                                     const char* address, ev_uint16_t port);

/** The same over a bufferevent of the program's (without socket, or connected already), which the
 * connection owns from now on. NULL: a plain socket. */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection* evhttp_connection_base_bufferevent_new(struct event_base* base,
                                                                 struct evdns_base* dnsbase,
                                                                 struct bufferevent* bev,
                                                                 const char* address,
                                                                 ev_uint16_t port);

/** Frees a connection with its requests, whose callbacks are not called. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_free(struct evhttp_connection* evcon);

/** Frees a client connection after its current request. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_free_on_completion(struct evhttp_connection* evcon);

/**
 * A request to be made. `cb` is called once with the answer: with NULL if there was none in time,
 * and with a status of 0 if the host was not reached.
 */
EVENT2_EXPORT_SYMBOL
struct evhttp_request* evhttp_request_new(void (*cb)(struct evhttp_request*, void*), void* arg);

/** Calls `cb` for the pieces of the answer's body as they arrive; they are dropped afterwards. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_chunked_cb(struct evhttp_request*,
                                   void (*cb)(struct evhttp_request*, void*));

/** Calls `cb` when the header has been read; less than 0 from it gives the request up. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_header_cb(struct evhttp_request*, int (*cb)(struct evhttp_request*, void*));

/** Calls the function with the reason when the request fails, before the request's callback. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_error_cb(struct evhttp_request*,
                                 void (*)(enum evhttp_request_error, void*));

/** Calls `cb` when the answer is written, before the request is freed. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_set_on_complete_cb(struct evhttp_request* req,
                                       void (*cb)(struct evhttp_request*, void*), void* cb_arg);

/** Frees a request that was never made, or that the program owns. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_free(struct evhttp_request* req);

/**
 * Sends `req`, after those before it. The connection owns it, also on failure. Nothing is added to
 * the header but what the body needs: set Host.
 *
 * @return 0, or -1
 */
EVENT2_EXPORT_SYMBOL
int evhttp_make_request(struct evhttp_connection* evcon, struct evhttp_request* req,
                        enum evhttp_cmd_type type, const char* uri);

/** Gives up a request; the one that is under way ends its connection. Its callback is not called.
 * Any thread. */
EVENT2_EXPORT_SYMBOL
void evhttp_cancel_request(struct evhttp_request* req);

/** AF_INET or AF_INET6: only such addresses. AF_UNSPEC: any. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_family(struct evhttp_connection* evcon, int family);

/** Connects to the address of before without asking for it again. */
#define EVHTTP_CON_REUSE_CONNECTED_ADDR 0x0008
/** Reads an answer although the request could not be written to its end. */
#define EVHTTP_CON_READ_ON_WRITE_ERROR 0x0010
/** Reads a body that is too large to its end before the connection closes. */
#define EVHTTP_CON_LINGERING_CLOSE 0x0020
/** Flags from here on are not the program's. */
#define EVHTTP_CON_PUBLIC_FLAGS_END 0x100000

/** Sets the flags of the connection. 0, or 1 if one of them is unknown. */
EVENT2_EXPORT_SYMBOL
int evhttp_connection_set_flags(struct evhttp_connection* evcon, int flags);

/** The largest header and the largest body that are read on this connection; less than 0 for no
 * limit. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_max_headers_size(struct evhttp_connection* evcon,
                                            ev_ssize_t new_max_headers_size);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_max_body_size(struct evhttp_connection* evcon,
                                         ev_ssize_t new_max_body_size);

/** The address and the port from which to connect. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_local_address(struct evhttp_connection* evcon, const char* address);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_local_port(struct evhttp_connection* evcon, ev_uint16_t port);

/** How long connecting, reading and writing may make no progress; less than 0 or NULL: the
 * defaults of 45 s to connect and 50 s to read and to write. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_timeout(struct evhttp_connection* evcon, int timeout_in_secs);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_timeout_tv(struct evhttp_connection* evcon, const struct timeval* tv);

/** One of the three. (As in 2.2.) */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_connect_timeout_tv(struct evhttp_connection* evcon,
                                              const struct timeval* tv);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_read_timeout_tv(struct evhttp_connection* evcon,
                                           const struct timeval* tv);
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_write_timeout_tv(struct evhttp_connection* evcon,
                                            const struct timeval* tv);

/** How long to wait before connecting again; it doubles with each try. 2 s by default. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_initial_retry_tv(struct evhttp_connection* evcon,
                                            const struct timeval* tv);

/** How often to connect again when it fails; less than 0: without end. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_retries(struct evhttp_connection* evcon, int retry_max);

/* ---- connections, of both kinds ----------------------------------------------------------- */

/** Calls the function once when a connection that was established goes away. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_closecb(struct evhttp_connection* evcon,
                                   void (*)(struct evhttp_connection*, void*), void*);

/** Numeric address and port of the peer (client: the address as it was given). The string belongs
 * to the connection. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_get_peer(struct evhttp_connection* evcon, char** address, ev_uint16_t* port);

/** The address of the peer, or NULL if there is no connection. */
EVENT2_EXPORT_SYMBOL
const struct sockaddr* evhttp_connection_get_addr(struct evhttp_connection* evcon);

/** The bufferevent of the connection, for programs that look at it or take it over. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* evhttp_connection_get_bufferevent(struct evhttp_connection* evcon);

EVENT2_EXPORT_SYMBOL
struct event_base* evhttp_connection_get_base(struct evhttp_connection* req);

/** The server of an accepted connection, or NULL. */
EVENT2_EXPORT_SYMBOL
struct evhttp* evhttp_connection_get_server(struct evhttp_connection* evcon);

/* ---- requests, of both kinds (any thread, for the thread that handles the request) -------- */

/** Makes the program the one that frees the request, with evhttp_request_free(), after it was
 * answered or its callback was called. */
EVENT2_EXPORT_SYMBOL
void evhttp_request_own(struct evhttp_request* req);

EVENT2_EXPORT_SYMBOL
int evhttp_request_is_owned(struct evhttp_request* req);

/** The connection of the request, which owns it; NULL if there is none any more. */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection* evhttp_request_get_connection(struct evhttp_request* req);

/** The target as it was received. */
EVENT2_EXPORT_SYMBOL
const char* evhttp_request_get_uri(const struct evhttp_request* req);

/** The parts of the target. */
EVENT2_EXPORT_SYMBOL
const struct evhttp_uri* evhttp_request_get_evhttp_uri(const struct evhttp_request* req);

EVENT2_EXPORT_SYMBOL
enum evhttp_cmd_type evhttp_request_get_command(const struct evhttp_request* req);

EVENT2_EXPORT_SYMBOL
int evhttp_request_get_response_code(const struct evhttp_request* req);
EVENT2_EXPORT_SYMBOL
const char* evhttp_request_get_response_code_line(const struct evhttp_request* req);

EVENT2_EXPORT_SYMBOL
struct evkeyvalq* evhttp_request_get_input_headers(struct evhttp_request* req);
EVENT2_EXPORT_SYMBOL
struct evkeyvalq* evhttp_request_get_output_headers(struct evhttp_request* req);
EVENT2_EXPORT_SYMBOL
struct evbuffer* evhttp_request_get_input_buffer(struct evhttp_request* req);
EVENT2_EXPORT_SYMBOL
struct evbuffer* evhttp_request_get_output_buffer(struct evhttp_request* req);

/** The host that the request is for: that of the target, else the Host field without its port. */
EVENT2_EXPORT_SYMBOL
const char* evhttp_request_get_host(struct evhttp_request* req);

/* ---- lists of names and values ------------------------------------------------------------ */

/** The value of the first pair with that name (any case), or NULL. */
EVENT2_EXPORT_SYMBOL
const char* evhttp_find_header(const struct evkeyvalq* headers, const char* key);

/** Removes the first pair with that name. 0, or -1 if there is none. */
EVENT2_EXPORT_SYMBOL
int evhttp_remove_header(struct evkeyvalq* headers, const char* key);

/** Adds a pair at the end, as copies. 0, or -1 if a string would break the header's lines. */
EVENT2_EXPORT_SYMBOL
int evhttp_add_header(struct evkeyvalq* headers, const char* key, const char* value);

/** Removes all pairs. */
EVENT2_EXPORT_SYMBOL
void evhttp_clear_headers(struct evkeyvalq* headers);

/* ---- text --------------------------------------------------------------------------------- */

/* Strings that these return are the caller's to free(). */

/** Percent-encodes everything but letters, digits and -._~ */
EVENT2_EXPORT_SYMBOL
char* evhttp_encode_uri(const char* str);

/** The same for `size` octets (less than 0: up to the NUL), with '+' for spaces if asked. */
EVENT2_EXPORT_SYMBOL
char* evhttp_uriencode(const char* str, ev_ssize_t size, int space_to_plus);

/** Percent-decodes; '+' becomes a space behind the first '?'. */
EVENT2_EXPORT_SYMBOL
char* evhttp_decode_uri(const char* uri);

/** Percent-decodes; '+' becomes a space if asked. `size_out` gets the length, which matters when
 * the text has a %00. */
EVENT2_EXPORT_SYMBOL
char* evhttp_uridecode(const char* uri, int decode_plus, size_t* size_out);

/** Fills `headers`, which need not be initialised, from the query of a URI. 0, or -1. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query(const char* uri, struct evkeyvalq* headers);

/** The same from the query alone. */
EVENT2_EXPORT_SYMBOL
int evhttp_parse_query_str(const char* uri, struct evkeyvalq* headers);

/** Replaces the five characters that mean something in HTML. */
EVENT2_EXPORT_SYMBOL
char* evhttp_htmlescape(const char* html);

/* ---- URIs (RFC 3986) ---------------------------------------------------------------------- */

/** An empty URI, to be filled by the setters. */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri* evhttp_uri_new(void);

/** Sets the flags of the parser for this URI's setters. */
EVENT2_EXPORT_SYMBOL
void evhttp_uri_set_flags(struct evhttp_uri* uri, unsigned flags);

/* The parts; NULL (-1 for the port) where there is none. The path is "" rather than NULL. */
EVENT2_EXPORT_SYMBOL
const char* evhttp_uri_get_scheme(const struct evhttp_uri* uri);
EVENT2_EXPORT_SYMBOL
const char* evhttp_uri_get_userinfo(const struct evhttp_uri* uri);
EVENT2_EXPORT_SYMBOL
const char* evhttp_uri_get_host(const struct evhttp_uri* uri);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_get_port(const struct evhttp_uri* uri);
EVENT2_EXPORT_SYMBOL
const char* evhttp_uri_get_path(const struct evhttp_uri* uri);
EVENT2_EXPORT_SYMBOL
const char* evhttp_uri_get_query(const struct evhttp_uri* uri);
EVENT2_EXPORT_SYMBOL
const char* evhttp_uri_get_fragment(const struct evhttp_uri* uri);

/* Setting a part to a copy, or to nothing (NULL, -1). 0, or -1 if it is malformed. */
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_scheme(struct evhttp_uri* uri, const char* scheme);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_userinfo(struct evhttp_uri* uri, const char* userinfo);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_host(struct evhttp_uri* uri, const char* host);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_port(struct evhttp_uri* uri, int port);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_path(struct evhttp_uri* uri, const char* path);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_query(struct evhttp_uri* uri, const char* query);
EVENT2_EXPORT_SYMBOL
int evhttp_uri_set_fragment(struct evhttp_uri* uri, const char* fragment);

/** Paths, queries and fragments may hold characters that a URI may not. */
#define EVHTTP_URI_NONCONFORMANT 0x01

/** Splits a URI or relative reference; NULL if it is malformed. Nothing is decoded. */
EVENT2_EXPORT_SYMBOL
struct evhttp_uri* evhttp_uri_parse_with_flags(const char* source_uri, unsigned flags);
EVENT2_EXPORT_SYMBOL
struct evhttp_uri* evhttp_uri_parse(const char* source_uri);

EVENT2_EXPORT_SYMBOL
void evhttp_uri_free(struct evhttp_uri* uri);

/** Writes the URI into `buf` of `limit` octets and returns it; NULL if it does not fit or its parts
 * do not make one. */
EVENT2_EXPORT_SYMBOL
char* evhttp_uri_join(struct evhttp_uri* uri, char* buf, size_t limit);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_HTTP_H_INCLUDED_ */
