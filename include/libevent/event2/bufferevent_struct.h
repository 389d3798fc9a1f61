/* The visible head of a bufferevent, for programs of old that read its fields. Accessors in
 * <event2/bufferevent.h> are the better way; nothing in here may be written to. */
#ifndef EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <event2/util.h>

struct bufferevent_ops;

/* The two marks of a direction, in octets. */
struct event_watermark {
    size_t low;
    size_t high;
};

struct bufferevent {
    struct event_base* ev_base;
    const struct bufferevent_ops* be_ops; /* what kind it is */

    struct event ev_read; /* readiness of the socket; in other kinds, the timeout alone */
    struct event ev_write;

    struct evbuffer* input;
    struct evbuffer* output;

    struct event_watermark wm_read;
    struct event_watermark wm_write;

    bufferevent_data_cb readcb;
    bufferevent_data_cb writecb;
    bufferevent_event_cb errorcb;
    void* cbarg;

    struct timeval timeout_read; /* zero: none */
    struct timeval timeout_write;

    short enabled; /* EV_READ, EV_WRITE */
};

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFEREVENT_STRUCT_H_INCLUDED_ */
