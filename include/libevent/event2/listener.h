/* Connection listeners: an event on a listening socket that accepts what comes and hands each new
 * socket to a callback. A listener belongs to one event_base and its thread, unless it was made
 * with LEV_OPT_THREADSAFE. */
#ifndef EVENT2_LISTENER_H_INCLUDED_
#define EVENT2_LISTENER_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event.h>

struct sockaddr;
struct evconnlistener;

/* A connection was accepted: the socket is the callback's. The address is gone after it returns. */
typedef void (*evconnlistener_cb)(struct evconnlistener*, evutil_socket_t, struct sockaddr*,
                                  int socklen, void*);

/* Accepting failed; the reason is in errno. */
typedef void (*evconnlistener_errorcb)(struct evconnlistener*, void*);

/* Accepted sockets are not made non-blocking. */
#define LEV_OPT_LEAVE_SOCKETS_BLOCKING (1u << 0)
/* Freeing the listener closes its socket. */
#define LEV_OPT_CLOSE_ON_FREE (1u << 1)
/* Sockets close on exec. */
#define LEV_OPT_CLOSE_ON_EXEC (1u << 2)
/* SO_REUSEADDR: the port is free as soon as its last listener has closed. */
#define LEV_OPT_REUSEABLE (1u << 3)
/* A lock, so that any thread may use the listener. */
#define LEV_OPT_THREADSAFE (1u << 4)
/* Starts disabled; evconnlistener_enable begins to accept. */
#define LEV_OPT_DISABLED (1u << 5)
/* The kernel reports a connection when its first data has come. */
#define LEV_OPT_DEFERRED_ACCEPT (1u << 6)
/* SO_REUSEPORT: several sockets share the port. */
#define LEV_OPT_REUSEABLE_PORT (1u << 7)
/* An IPv6 socket takes no IPv4 connections. */
#define LEV_OPT_BIND_IPV6ONLY (1u << 8)

/* A listener on a bound, non-blocking socket. `backlog`: above 0, calls listen() with it; below 0,
 * with a number chosen here; 0, the socket listens already. NULL on failure, and then the socket
 * stays the caller's. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener* evconnlistener_new(struct event_base* base, evconnlistener_cb cb, void* ptr,
                                          unsigned flags, int backlog, evutil_socket_t fd);

/* Makes the socket as well and binds it to an address; `backlog` must not be 0. */
EVENT2_EXPORT_SYMBOL
struct evconnlistener* evconnlistener_new_bind(struct event_base* base, evconnlistener_cb cb,
                                               void* ptr, unsigned flags, int backlog,
                                               const struct sockaddr* sa, int socklen);

/* May be called from the listener's own callback. */
EVENT2_EXPORT_SYMBOL
void evconnlistener_free(struct evconnlistener* lev);

EVENT2_EXPORT_SYMBOL
int evconnlistener_enable(struct evconnlistener* lev);

/* Connections wait in the kernel meanwhile. */
EVENT2_EXPORT_SYMBOL
int evconnlistener_disable(struct evconnlistener* lev);

EVENT2_EXPORT_SYMBOL
struct event_base* evconnlistener_get_base(struct evconnlistener* lev);

EVENT2_EXPORT_SYMBOL
evutil_socket_t evconnlistener_get_fd(struct evconnlistener* lev);

/* Without a callback the listener does not accept. */
EVENT2_EXPORT_SYMBOL
void evconnlistener_set_cb(struct evconnlistener* lev, evconnlistener_cb cb, void* arg);

EVENT2_EXPORT_SYMBOL
void evconnlistener_set_error_cb(struct evconnlistener* lev, evconnlistener_errorcb errorcb);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_LISTENER_H_INCLUDED_ */
