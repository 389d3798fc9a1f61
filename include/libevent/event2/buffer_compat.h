/* Names that buffers had in libevent 1.4. <event2/buffer.h> has what replaces them. */
#ifndef EVENT2_BUFFER_COMPAT_H_INCLUDED_
#define EVENT2_BUFFER_COMPAT_H_INCLUDED_

#include <event2/buffer.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <stddef.h>

struct evbuffer;

/* evbuffer_readln with EVBUFFER_EOL_ANY. */
EVENT2_EXPORT_SYMBOL
char* evbuffer_readline(struct evbuffer* buffer);

typedef void (*evbuffer_cb)(struct evbuffer* buffer, size_t old_len, size_t new_len, void* arg);

/* Removes all callbacks and, if `cb` is not NULL, adds it, with the length before and after. 0,
 * or -1 when memory is short. */
EVENT2_EXPORT_SYMBOL
int evbuffer_setcb(struct evbuffer* buffer, evbuffer_cb cb, void* cbarg);

/* The address of `what` in the buffer, all of which lies in one piece afterwards, or NULL. */
EVENT2_EXPORT_SYMBOL
unsigned char* evbuffer_find(struct evbuffer* buffer, const unsigned char* what, size_t len);

#define EVBUFFER_LENGTH(x) evbuffer_get_length(x)
#define EVBUFFER_DATA(x) evbuffer_pullup((x), -1)

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFER_COMPAT_H_INCLUDED_ */
