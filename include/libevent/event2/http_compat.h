/** @file event2/http_compat.h
 *
 * HTTP functions that work on the process's current base (the one event_init() made), and an old
 * name. New programs name their base.
 */
#ifndef EVENT2_HTTP_COMPAT_H_INCLUDED_
#define EVENT2_HTTP_COMPAT_H_INCLUDED_

#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evhttp;
struct evhttp_connection;

/**
 * A server on the current base that listens on `address` and `port`.
 *
 * @return the server, or NULL if it cannot listen there
 */
EVENT2_EXPORT_SYMBOL
struct evhttp* evhttp_start(const char* address, ev_uint16_t port);

/** A client connection on the current base; see evhttp_connection_base_new(). */
EVENT2_EXPORT_SYMBOL
struct evhttp_connection* evhttp_connection_new(const char* address, ev_uint16_t port);

/** Moves a client connection that has not connected yet to another base. */
EVENT2_EXPORT_SYMBOL
void evhttp_connection_set_base(struct evhttp_connection* evcon, struct event_base* base);

/** The former name of evhttp_request_get_uri(). */
#define evhttp_request_uri evhttp_request_get_uri

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_HTTP_COMPAT_H_INCLUDED_ */
