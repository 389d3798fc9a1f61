/* The layout of struct event, for programs that embed one in a structure of theirs (event_assign makes it an event) or ask for
 * its size. The members belong to the library: a program that reads or writes them is on its own. */
#ifndef COREVENT_LIBEVENT_EVENT_STRUCT_H
#define COREVENT_LIBEVENT_EVENT_STRUCT_H

#include <event2/event-config.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an event is at the moment: bits of evcb_flags. */
#define EVLIST_TIMEOUT 0x01      /* has a time-out that runs */
#define EVLIST_INSERTED 0x02     /* waits for its descriptor or signal */
#define EVLIST_SIGNAL 0x04       /* not used */
#define EVLIST_ACTIVE 0x08       /* its callback is due */
#define EVLIST_INTERNAL 0x10     /* the library's own: not counted */
#define EVLIST_ACTIVE_LATER 0x20 /* its callback is due in the next pass */
#define EVLIST_FINALIZING 0x40   /* only its finalizer is still to run */
#define EVLIST_INIT 0x80         /* is a struct event, and assigned */
#define EVLIST_ALL 0xff

struct event;
struct event_base;

/* Something the loop calls: the head of every event. */
struct event_callback {
    struct {
        struct event_callback *tqe_next;
        struct event_callback **tqe_prev;
    } evcb_active_next;
    short evcb_flags;
    ev_uint8_t evcb_pri;     /* smaller is more urgent */
    ev_uint8_t evcb_closure; /* which member of the union, and how it is called */
    union {
        void (*evcb_callback)(evutil_socket_t, short, void *);
        void (*evcb_selfcb)(struct event_callback *, void *);
        void (*evcb_evfinalize)(struct event *, void *);
        void (*evcb_cbfinalize)(struct event_callback *, void *);
    } evcb_cb_union;
    void *evcb_arg;
};

struct event {
    struct event_callback ev_evcallback;

    union {
        struct {
            struct event *tqe_next;
            struct event **tqe_prev;
        } ev_next_with_common_timeout;
        int min_heap_idx;
    } ev_timeout_pos;
    evutil_socket_t ev_fd; /* descriptor, or number of the signal */

    struct event_base *ev_base;

    union {
        struct { /* all but signals */
            struct {
                struct event *le_next;
                struct event **le_prev;
            } ev_io_next;
            struct timeval ev_timeout; /* the interval of a persistent event */
        } ev_io;
        struct { /* signals */
            struct {
                struct event *le_next;
                struct event **le_prev;
            } ev_signal_next;
            short ev_ncalls;
            short *ev_pncalls;
        } ev_signal;
    } ev_;

    short ev_events; /* EV_*: what it waits for */
    short ev_res;    /* EV_*: what its callback is to be told */
    struct timeval ev_timeout; /* when its time is up, on the monotonic clock */
};

struct event_list {
    struct event *tqh_first;
    struct event **tqh_last;
};

struct event_dlist {
    struct event *lh_first;
};

#ifdef __cplusplus
}
#endif
#endif
