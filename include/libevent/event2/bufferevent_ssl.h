/* Bufferevents that speak TLS, over a socket or over another bufferevent, by means of OpenSSL. To
 * be linked with libevent_openssl.
 *
 * The event callback hears BEV_EVENT_CONNECTED when the handshake is done; data moves from then on.
 * Freeing a bufferevent sends no close_notify: a program that wants one calls SSL_shutdown first. */
#ifndef EVENT2_BUFFEREVENT_SSL_H_INCLUDED_
#define EVENT2_BUFFEREVENT_SSL_H_INCLUDED_

#include <event2/visibility.h>

#include <event2/bufferevent.h>
#include <event2/event-config.h>
#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

/* OpenSSL's SSL. */
struct ssl_st;

/* How far the SSL is when the bufferevent is made. */
enum bufferevent_ssl_state {
    BUFFEREVENT_SSL_OPEN = 0,       /* the handshake is done */
    BUFFEREVENT_SSL_CONNECTING = 1, /* a client, before its handshake */
    BUFFEREVENT_SSL_ACCEPTING = 2   /* a server, before its handshake */
};

/* TLS over `underlying`. With BEV_OPT_CLOSE_ON_FREE both and the SSL are freed together, and the
 * SSL also when this fails. NULL on failure. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* bufferevent_openssl_filter_new(struct event_base* base,
                                                   struct bufferevent* underlying,
                                                   struct ssl_st* ssl,
                                                   enum bufferevent_ssl_state state, int options);

/* TLS over a socket; `fd` may be -1 until bufferevent_setfd or bufferevent_socket_connect. An SSL
 * that has a socket already keeps it, and `fd` must be that or -1. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* bufferevent_openssl_socket_new(struct event_base* base, evutil_socket_t fd,
                                                   struct ssl_st* ssl,
                                                   enum bufferevent_ssl_state state, int options);

/* Whether an end without close_notify is an end (1) or an error (0, at first); -1 from a
 * bufferevent without TLS. */
EVENT2_EXPORT_SYMBOL
int bufferevent_openssl_get_allow_dirty_shutdown(struct bufferevent* bev);
EVENT2_EXPORT_SYMBOL
void bufferevent_openssl_set_allow_dirty_shutdown(struct bufferevent* bev,
                                                  int allow_dirty_shutdown);

/* The SSL, which stays the bufferevent's; NULL without TLS. */
EVENT2_EXPORT_SYMBOL
struct ssl_st* bufferevent_openssl_get_ssl(struct bufferevent* bufev);

/* Begins another handshake; 0, or -1 without TLS. */
EVENT2_EXPORT_SYMBOL
int bufferevent_ssl_renegotiate(struct bufferevent* bev);

/* Takes the latest of the errors that OpenSSL had; 0 when there is none left. */
EVENT2_EXPORT_SYMBOL
unsigned long bufferevent_get_openssl_error(struct bufferevent* bev);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFEREVENT_SSL_H_INCLUDED_ */
