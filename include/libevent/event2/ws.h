/** @file event2/ws.h
 *
 * WebSocket (RFC 6455) for servers, with the functions of libevent 2.2: a request of evhttp becomes
 * a session. Messages arrive whole; fragments are put together, pings answered, text is checked to
 * be UTF-8, and the closing handshake is made. A session belongs to the thread of its connection.
 */
#ifndef EVENT2_WS_H_INCLUDED_
#define EVENT2_WS_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bufferevent;
struct evhttp_request;
struct evws_connection;

/* Why a session is closed (RFC 6455 7.4). */
#define WS_CR_NONE 0
#define WS_CR_NORMAL 1000
#define WS_CR_PROTO_ERR 1002
#define WS_CR_DATA_TOO_BIG 1009

/* Types of messages. */
#define WS_TEXT_FRAME 0x1
#define WS_BINARY_FRAME 0x2

/** A message has come; the octets are gone when the callback returns. The callback may free the session. */
typedef void (*ws_on_msg_cb)(struct evws_connection*, int type, const unsigned char*, size_t,
                             void*);

/** The session ends: the peer or evws_close() closed it, or it was freed. */
typedef void (*ws_on_close_cb)(struct evws_connection*, void*);

/**
 * Answers a request for an upgrade and makes its connection a session. Sub-protocols: the first that
 * the client offers is accepted. The request is gone in any case.
 *
 * @param options 0
 * @return the session; NULL if the request is none for WebSocket, which then got 400 or 426
 */
EVENT2_EXPORT_SYMBOL
struct evws_connection* evws_new_session(struct evhttp_request* req, ws_on_msg_cb cb, void* arg,
                                         int options);

/** Sends a text, which must be UTF-8. */
EVENT2_EXPORT_SYMBOL
void evws_send_text(struct evws_connection* evws, const char* packet_str);

EVENT2_EXPORT_SYMBOL
void evws_send_binary(struct evws_connection* evws, const char* packet_data, size_t packet_len);

/** Begins the closing handshake; the session is freed at its end, or when the peer is silent for 5 s. */
EVENT2_EXPORT_SYMBOL
void evws_close(struct evws_connection* evws, uint16_t reason);

EVENT2_EXPORT_SYMBOL
void evws_connection_set_closecb(struct evws_connection* evws, ws_on_close_cb cb, void* arg);

/** Closes the connection at once and frees the session. */
EVENT2_EXPORT_SYMBOL
void evws_connection_free(struct evws_connection* evws);

/** The bufferevent under the session, for looking at. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* evws_connection_get_bufferevent(struct evws_connection* evws);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_WS_H_INCLUDED_ */
