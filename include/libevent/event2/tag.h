/* Tagged data in buffers: records of a tag (a number that the program chooses), a length and a
 * payload, as evrpc sends them.
 *
 *     tag      7 bits an octet, the lowest first; the top bit says that more follow
 *     integer  4 bits a piece, the lowest first; the first piece is the number of pieces less one,
 *              and what is left of the last octet is 0
 *     record   tag, integer: length of the payload, payload
 *
 * Reading functions take what they read out of the front of the buffer, and return -1 for data
 * that is incomplete, malformed, or of another tag than the one asked for. */
#ifndef EVENT2_TAG_H_INCLUDED_
#define EVENT2_TAG_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <sys/time.h>
#include <sys/types.h>

#include <event2/util.h>

struct evbuffer;

/* Does nothing; programs call it. */
EVENT2_EXPORT_SYMBOL
void evtag_init(void);

/* --- Writing */

/* A record of the `len` octets at `data`. */
EVENT2_EXPORT_SYMBOL
void evtag_marshal(struct evbuffer* evbuf, ev_uint32_t tag, const void* data, ev_uint32_t len);

/* A record of all that is in `data`, which is empty afterwards. */
EVENT2_EXPORT_SYMBOL
void evtag_marshal_buffer(struct evbuffer* evbuf, ev_uint32_t tag, struct evbuffer* data);

/* A bare integer, without tag and length. */
EVENT2_EXPORT_SYMBOL
void evtag_encode_int(struct evbuffer* evbuf, ev_uint32_t number);
EVENT2_EXPORT_SYMBOL
void evtag_encode_int64(struct evbuffer* evbuf, ev_uint64_t number);

/* A record of an integer. */
EVENT2_EXPORT_SYMBOL
void evtag_marshal_int(struct evbuffer* evbuf, ev_uint32_t tag, ev_uint32_t integer);
EVENT2_EXPORT_SYMBOL
void evtag_marshal_int64(struct evbuffer* evbuf, ev_uint32_t tag, ev_uint64_t integer);

/* A record of a string, without its NUL. */
EVENT2_EXPORT_SYMBOL
void evtag_marshal_string(struct evbuffer* buf, ev_uint32_t tag, const char* string);

/* A record of two integers, seconds and microseconds. */
EVENT2_EXPORT_SYMBOL
void evtag_marshal_timeval(struct evbuffer* evbuf, ev_uint32_t tag, struct timeval* tv);

/* --- Reading */

/* Takes tag and length off, and returns the length, when the payload is there. */
EVENT2_EXPORT_SYMBOL
int evtag_unmarshal_header(struct evbuffer* evbuf, ev_uint32_t* ptag);

/* Moves the payload of the first record to the end of `dst`; returns its length. */
EVENT2_EXPORT_SYMBOL
int evtag_unmarshal(struct evbuffer* src, ev_uint32_t* ptag, struct evbuffer* dst);

/* Reads the tag, and leaves it; returns the number of its octets. */
EVENT2_EXPORT_SYMBOL
int evtag_peek(struct evbuffer* evbuf, ev_uint32_t* ptag);

/* The length of the first record, all of it; and of its payload. 0 or -1. */
EVENT2_EXPORT_SYMBOL
int evtag_peek_length(struct evbuffer* evbuf, ev_uint32_t* plength);
EVENT2_EXPORT_SYMBOL
int evtag_payload_length(struct evbuffer* evbuf, ev_uint32_t* plength);

/* Drops the first record. 0 or -1. */
EVENT2_EXPORT_SYMBOL
int evtag_consume(struct evbuffer* evbuf);

/* Records of each kind. 0 or -1. */
EVENT2_EXPORT_SYMBOL
int evtag_unmarshal_int(struct evbuffer* evbuf, ev_uint32_t need_tag, ev_uint32_t* pinteger);
EVENT2_EXPORT_SYMBOL
int evtag_unmarshal_int64(struct evbuffer* evbuf, ev_uint32_t need_tag, ev_uint64_t* pinteger);

/* The payload must have `len` octets. */
EVENT2_EXPORT_SYMBOL
int evtag_unmarshal_fixed(struct evbuffer* src, ev_uint32_t need_tag, void* data, size_t len);

/* The caller frees the string. */
EVENT2_EXPORT_SYMBOL
int evtag_unmarshal_string(struct evbuffer* evbuf, ev_uint32_t need_tag, char** pstring);

EVENT2_EXPORT_SYMBOL
int evtag_unmarshal_timeval(struct evbuffer* evbuf, ev_uint32_t need_tag, struct timeval* ptv);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_TAG_H_INCLUDED_ */
