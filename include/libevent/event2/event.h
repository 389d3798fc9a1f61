/* Events and the loop that waits for them.
 *
 * A base (struct event_base) is a loop: it waits for descriptors, times and signals and calls what the program wants called.
 * An event (struct event) is one such wish. event_new or event_assign says what it is, event_add makes it pending, and when it
 * happens it becomes active and the loop of its base calls its callback. Callbacks of one base never run at the same time.
 *
 * Bases and events may be used from several threads when the program has enabled threads first (event2/thread.h). */
#ifndef COREVENT_LIBEVENT_EVENT_H
#define COREVENT_LIBEVENT_EVENT_H

#include <event2/event-config.h>
#include <event2/util.h>
#include <event2/visibility.h>

#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct event;
struct event_config;

/* ---- What an event waits for, and what its callback is told: bits. */
#define EV_TIMEOUT 0x01
#define EV_READ 0x02
#define EV_WRITE 0x04
#define EV_SIGNAL 0x08
#define EV_PERSIST 0x10  /* stays pending when it becomes active */
#define EV_ET 0x20       /* is told once each time the descriptor becomes ready */
#define EV_FINALIZE 0x40 /* event_del never waits for the callback: the program finalizes */
#define EV_CLOSED 0x80   /* the peer has closed its end, found out without reading */

typedef void (*event_callback_fn)(evutil_socket_t, short, void *);

/* ---- Events */

/* As the argument of a callback: the event itself. */
EVENT2_EXPORT_SYMBOL
void *event_self_cbarg(void);

/* A new event on a descriptor (EV_READ, EV_WRITE, EV_CLOSED), on a signal (EV_SIGNAL, with its number in place of a descriptor),
 * or on nothing but time (-1 and 0). Not pending. NULL when memory is short or the bits do not go together. */
EVENT2_EXPORT_SYMBOL
struct event *event_new(struct event_base *, evutil_socket_t, short, event_callback_fn, void *);
/* The same in memory of the program, whatever that holds. Not for an event that is pending. 0, or -1. */
EVENT2_EXPORT_SYMBOL
int event_assign(struct event *, struct event_base *, evutil_socket_t, short, event_callback_fn, void *);
/* Deletes and frees what event_new has made. */
EVENT2_EXPORT_SYMBOL
void event_free(struct event *);

typedef void (*event_finalize_callback_fn)(struct event *, void *);

/* Deletes the event, without waiting for its callback, and calls the finalizer from the loop once the callback cannot run any
 * more. Only then may what it uses be freed. The flags are 0. */
EVENT2_EXPORT_SYMBOL
int event_finalize(unsigned, struct event *, event_finalize_callback_fn);
/* The same, and the event itself is freed after its finalizer. */
EVENT2_EXPORT_SYMBOL
int event_free_finalize(unsigned, struct event *, event_finalize_callback_fn);

/* Calls a function once, when `events` happen or the time is up, with no event to keep. No EV_SIGNAL and no EV_PERSIST. */
EVENT2_EXPORT_SYMBOL
int event_base_once(struct event_base *, evutil_socket_t, short, event_callback_fn, void *, const struct timeval *);

/* Makes the event pending, with a time-out unless that is NULL. When it is pending already: a time-out replaces the one it has,
 * NULL leaves that as it is. 0, or -1 when the system refuses. */
EVENT2_EXPORT_SYMBOL
int event_add(struct event *ev, const struct timeval *timeout);
/* Takes the time-out away and leaves the rest. */
EVENT2_EXPORT_SYMBOL
int event_remove_timer(struct event *ev);
/* The event is neither pending nor active any more. From another thread than that of the loop it waits while the callback runs,
 * unless the event has EV_FINALIZE. */
EVENT2_EXPORT_SYMBOL
int event_del(struct event *);
EVENT2_EXPORT_SYMBOL
int event_del_noblock(struct event *ev); /* never waits */
EVENT2_EXPORT_SYMBOL
int event_del_block(struct event *ev); /* waits, EV_FINALIZE or not */

/* Makes the event active, pending or not; its callback is told `res`. `ncalls` is how often a callback on a signal is called. */
EVENT2_EXPORT_SYMBOL
void event_active(struct event *ev, int res, short ncalls);

/* Which of `events` the event is pending or active for; with EV_TIMEOUT among them, `tv` becomes the time of day at which the
 * time will be up (unless `tv` is NULL). */
EVENT2_EXPORT_SYMBOL
int event_pending(const struct event *ev, short events, struct timeval *tv);
/* The event whose callback is running, asked from within it; or NULL. */
EVENT2_EXPORT_SYMBOL
struct event *event_base_get_running_event(struct event_base *base);
/* Whether this memory is an event. It cannot be asked about memory that was never written. */
EVENT2_EXPORT_SYMBOL
int event_initialized(const struct event *ev);

#define event_get_signal(ev) ((int)event_get_fd(ev))
EVENT2_EXPORT_SYMBOL
evutil_socket_t event_get_fd(const struct event *ev);
EVENT2_EXPORT_SYMBOL
struct event_base *event_get_base(const struct event *ev);
EVENT2_EXPORT_SYMBOL
short event_get_events(const struct event *ev);
EVENT2_EXPORT_SYMBOL
event_callback_fn event_get_callback(const struct event *ev);
EVENT2_EXPORT_SYMBOL
void *event_get_callback_arg(const struct event *ev);
EVENT2_EXPORT_SYMBOL
int event_get_priority(const struct event *ev);
/* All of it at once; what is not wanted is NULL. */
EVENT2_EXPORT_SYMBOL
void event_get_assignment(const struct event *event, struct event_base **base_out, evutil_socket_t *fd_out, short *events_out,
                          event_callback_fn *callback_out, void **arg_out);
EVENT2_EXPORT_SYMBOL
size_t event_get_struct_event_size(void);

/* Moves an event that is not pending to another base. 0, or -1. */
EVENT2_EXPORT_SYMBOL
int event_base_set(struct event_base *, struct event *);

/* Timers: events on nothing but time. */
#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)

/* Signals. */
#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_assign(ev, b, x, cb, arg) event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, cb, (arg))
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)

/* Events that only the program makes active. */
#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)

/* ---- Bases */

EVENT2_EXPORT_SYMBOL
struct event_base *event_base_new(void);
/* NULL for the usual configuration. NULL when nothing satisfies it. */
EVENT2_EXPORT_SYMBOL
struct event_base *event_base_new_with_config(const struct event_config *);
/* Frees the base and all it holds, but no event and no descriptor of the program; finalizers that are due run. */
EVENT2_EXPORT_SYMBOL
void event_base_free(struct event_base *);
/* The same without running finalizers. */
EVENT2_EXPORT_SYMBOL
void event_base_free_nofinalize(struct event_base *);
/* To be called in a child process after fork() if it goes on to use the base. 0, or -1. */
EVENT2_EXPORT_SYMBOL
int event_reinit(struct event_base *base);

/* What a way of waiting can do: bits. */
enum event_method_feature {
    EV_FEATURE_ET = 0x01,         /* EV_ET */
    EV_FEATURE_O1 = 0x02,         /* the cost does not grow with the number of pending events */
    EV_FEATURE_FDS = 0x04,        /* any kind of descriptor, files too */
    EV_FEATURE_EARLY_CLOSE = 0x08 /* EV_CLOSED */
};

enum event_base_config_flag {
    EVENT_BASE_FLAG_NOLOCK = 0x01,               /* no lock, although threads are enabled */
    EVENT_BASE_FLAG_IGNORE_ENV = 0x02,           /* no look at EVENT_* in the environment */
    EVENT_BASE_FLAG_STARTUP_IOCP = 0x04,         /* nothing, here */
    EVENT_BASE_FLAG_NO_CACHE_TIME = 0x08,        /* ask the clock each time, not once a pass */
    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 0x10, /* tell the kernel of all changes just before waiting */
    EVENT_BASE_FLAG_PRECISE_TIMER = 0x20         /* microseconds, for more system calls */
};

EVENT2_EXPORT_SYMBOL
struct event_config *event_config_new(void);
EVENT2_EXPORT_SYMBOL
void event_config_free(struct event_config *cfg);
/* Not to wait with the method of this name. */
EVENT2_EXPORT_SYMBOL
int event_config_avoid_method(struct event_config *cfg, const char *method);
/* Only methods with all of these EV_FEATURE_*. Replaces what was required before. */
EVENT2_EXPORT_SYMBOL
int event_config_require_features(struct event_config *cfg, int feature);
EVENT2_EXPORT_SYMBOL
int event_config_set_flag(struct event_config *cfg, int flag);
EVENT2_EXPORT_SYMBOL
int event_config_set_num_cpus_hint(struct event_config *cfg, int cpus);
/* Looks for new events at the latest after this time (NULL: any) or this many callbacks (negative: any), while callbacks of
 * `min_priority` or less urgent ones run. */
EVENT2_EXPORT_SYMBOL
int event_config_set_max_dispatch_interval(struct event_config *cfg, const struct timeval *max_interval, int max_callbacks,
                                           int min_priority);

EVENT2_EXPORT_SYMBOL
const char *event_base_get_method(const struct event_base *);
EVENT2_EXPORT_SYMBOL
int event_base_get_features(const struct event_base *base);
/* All names of methods, and NULL behind them. */
EVENT2_EXPORT_SYMBOL
const char **event_get_supported_methods(void);

/* Priorities: 0 is the most urgent one, n/2 what an event has that was given none. */
#define EVENT_MAX_PRIORITIES 256
EVENT2_EXPORT_SYMBOL
int event_base_priority_init(struct event_base *, int);
EVENT2_EXPORT_SYMBOL
int event_base_get_npriorities(struct event_base *eb);
EVENT2_EXPORT_SYMBOL
int event_priority_set(struct event *, int);

/* Which events are to be counted: bits. */
#define EVENT_BASE_COUNT_ACTIVE 1U
#define EVENT_BASE_COUNT_VIRTUAL 2U
#define EVENT_BASE_COUNT_ADDED 4U
EVENT2_EXPORT_SYMBOL
int event_base_get_num_events(struct event_base *, unsigned int);
/* The most there have been since the last call with a non-zero last argument. */
EVENT2_EXPORT_SYMBOL
int event_base_get_max_events(struct event_base *, unsigned int, int);

typedef int (*event_base_foreach_event_cb)(const struct event_base *, const struct event *, void *);
/* Calls `fn` for each event of the base until it returns other than 0, and returns that. It must change nothing. */
EVENT2_EXPORT_SYMBOL
int event_base_foreach_event(struct event_base *base, event_base_foreach_event_cb fn, void *arg);
EVENT2_EXPORT_SYMBOL
void event_base_dump_events(struct event_base *, FILE *);

/* Makes all events on this descriptor active that wait for `events`; with EV_TIMEOUT, those whose time-out runs. */
EVENT2_EXPORT_SYMBOL
void event_base_active_by_fd(struct event_base *base, evutil_socket_t fd, short events);
EVENT2_EXPORT_SYMBOL
void event_base_active_by_signal(struct event_base *base, int sig);

/* ---- The loop */

#define EVLOOP_ONCE 0x01             /* wait for events, call what is due, return */
#define EVLOOP_NONBLOCK 0x02         /* do not wait */
#define EVLOOP_NO_EXIT_ON_EMPTY 0x04 /* go on although no event is left */

/* Runs until told to stop or nothing is pending. 0, 1 when nothing was left to wait for, -1 on failure. */
EVENT2_EXPORT_SYMBOL
int event_base_loop(struct event_base *, int);
EVENT2_EXPORT_SYMBOL
int event_base_dispatch(struct event_base *);

/* The loop returns after this time, when all that is active then has been called; NULL: as soon as that. */
EVENT2_EXPORT_SYMBOL
int event_base_loopexit(struct event_base *, const struct timeval *);
/* The loop returns after the callback that runs. What else is active stays so. */
EVENT2_EXPORT_SYMBOL
int event_base_loopbreak(struct event_base *);
/* The loop looks for new events after the callback that runs. */
EVENT2_EXPORT_SYMBOL
int event_base_loopcontinue(struct event_base *);
/* Why the loop has returned last. */
EVENT2_EXPORT_SYMBOL
int event_base_got_exit(struct event_base *);
EVENT2_EXPORT_SYMBOL
int event_base_got_break(struct event_base *);

/* ---- Time */

/* The time of day as it was when the loop had waited last; outside the loop, as it is. */
EVENT2_EXPORT_SYMBOL
int event_base_gettimeofday_cached(struct event_base *base, struct timeval *tv);
/* Asks the clock now, for the rest of this pass of the loop. */
EVENT2_EXPORT_SYMBOL
int event_base_update_cache_time(struct event_base *base);
EVENT2_EXPORT_SYMBOL
int event_gettime_monotonic(struct event_base *base, struct timeval *tp);

/* For a time-out that many events have: what is returned stands for `duration` in event_add, and adding it costs the same however
 * many there are. NULL on failure. The value may be copied. */
EVENT2_EXPORT_SYMBOL
const struct timeval *event_base_init_common_timeout(struct event_base *base, const struct timeval *duration);

/* ---- The library */

EVENT2_EXPORT_SYMBOL
const char *event_get_version(void);
EVENT2_EXPORT_SYMBOL
ev_uint32_t event_get_version_number(void);
/* The version of these headers. */
#define LIBEVENT_VERSION EVENT__VERSION
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION

#define EVENT_LOG_DEBUG 0
#define EVENT_LOG_MSG 1
#define EVENT_LOG_WARN 2
#define EVENT_LOG_ERR 3
#define _EVENT_LOG_DEBUG EVENT_LOG_DEBUG
#define _EVENT_LOG_MSG EVENT_LOG_MSG
#define _EVENT_LOG_WARN EVENT_LOG_WARN
#define _EVENT_LOG_ERR EVENT_LOG_ERR

/* Who gets the messages, in place of standard error; NULL for that. */
typedef void (*event_log_cb)(int severity, const char *msg);
EVENT2_EXPORT_SYMBOL
void event_set_log_callback(event_log_cb cb);

/* Who is called when the library cannot go on. The process ends when it returns. */
typedef void (*event_fatal_cb)(int err);
EVENT2_EXPORT_SYMBOL
void event_set_fatal_callback(event_fatal_cb cb);

#define EVENT_DBG_ALL 0xffffffffu
#define EVENT_DBG_NONE 0
EVENT2_EXPORT_SYMBOL
void event_enable_debug_logging(ev_uint32_t which);

/* From now on each event is known, and the process ends when one is used that was not assigned, or is assigned while pending.
 * Before the first base and the first event. */
EVENT2_EXPORT_SYMBOL
void event_enable_debug_mode(void);
/* Debug mode forgets an event whose memory is going to be used for something else. */
EVENT2_EXPORT_SYMBOL
void event_debug_unassign(struct event *);

/* Where memory comes from; NULLs for the C library. Before anything else. */
EVENT2_EXPORT_SYMBOL
void event_set_mem_functions(void *(*malloc_fn)(size_t sz), void *(*realloc_fn)(void *ptr, size_t sz),
                             void (*free_fn)(void *ptr));
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED

/* Frees what the library itself holds. Nothing of it may be used after that. */
EVENT2_EXPORT_SYMBOL
void libevent_global_shutdown(void);

#ifdef __cplusplus
}
#endif
#endif
