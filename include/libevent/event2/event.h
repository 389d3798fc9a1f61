/** @file event2/event.h
 *
 * The core: an event_base is a loop; an event is a callback for a descriptor, a signal, a time, or
 * several of these at once. One thread runs a loop; with evthread_use_pthreads() other threads may add,
 * delete and activate its events meanwhile. Functions that return int return 0, or -1 when they
 * failed, where nothing else is said. Times given are lengths of time.
 */
#ifndef EVENT2_EVENT_H_INCLUDED_
#define EVENT2_EVENT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/util.h>
#include <event2/visibility.h>

#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event;
struct event_base;
struct event_config;

/* --- bases */

/** A base with the default settings, or NULL. */
EVENT2_EXPORT_SYMBOL
struct event_base* event_base_new(void);
EVENT2_EXPORT_SYMBOL
struct event_base* event_base_new_with_config(const struct event_config*);
/** Deletes what is pending and runs what waits for its finalizer. Events and descriptors stay the
 * program's. NULL: the current base (event_init()). */
EVENT2_EXPORT_SYMBOL
void event_base_free(struct event_base*);
/** The same without finalizers. */
EVENT2_EXPORT_SYMBOL
void event_base_free_nofinalize(struct event_base*);
/** In the child of a fork(), before the base is used there. -1: some events could not be added
 * again. The parent's base goes on as it was. */
EVENT2_EXPORT_SYMBOL
int event_reinit(struct event_base* base);

/** "epoll", "epoll (with changelist)", "poll" or "select". */
EVENT2_EXPORT_SYMBOL
const char* event_base_get_method(const struct event_base*);
/** Names, the last followed by NULL. */
EVENT2_EXPORT_SYMBOL
const char** event_get_supported_methods(void);

enum event_method_feature {
    EV_FEATURE_ET = 0x01,         /**< EV_ET */
    EV_FEATURE_O1 = 0x02,         /**< the number of events does not count */
    EV_FEATURE_FDS = 0x04,        /**< any kind of file */
    EV_FEATURE_EARLY_CLOSE = 0x08 /**< EV_CLOSED */
};
EVENT2_EXPORT_SYMBOL
int event_base_get_features(const struct event_base* base);

/* --- settings of a base */

EVENT2_EXPORT_SYMBOL
struct event_config* event_config_new(void);
EVENT2_EXPORT_SYMBOL
void event_config_free(struct event_config* cfg);
EVENT2_EXPORT_SYMBOL
int event_config_avoid_method(struct event_config* cfg, const char* method);
/** Bits of event_method_feature; the last call counts. */
EVENT2_EXPORT_SYMBOL
int event_config_require_features(struct event_config* cfg, int feature);

enum event_base_config_flag {
    EVENT_BASE_FLAG_NOLOCK = 0x01,               /**< one thread only, whatever else is set */
    EVENT_BASE_FLAG_IGNORE_ENV = 0x02,           /**< no EVENT_* variables of the environment */
    EVENT_BASE_FLAG_STARTUP_IOCP = 0x04,         /**< not on this system */
    EVENT_BASE_FLAG_NO_CACHE_TIME = 0x08,        /**< the clock is read at every use */
    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 0x10, /**< changes are told before the next wait */
    EVENT_BASE_FLAG_PRECISE_TIMER = 0x20         /**< microseconds instead of milliseconds */
};
EVENT2_EXPORT_SYMBOL
int event_config_set_flag(struct event_config* cfg, int flag);
/** Kept, and without effect here. */
EVENT2_EXPORT_SYMBOL
int event_config_set_num_cpus_hint(struct event_config* cfg, int cpus);
/** Looks for new events after `max_interval` (NULL: no limit) or `max_callbacks` (< 0: no limit)
 * of one queue whose priority is `min_priority` or less urgent. */
EVENT2_EXPORT_SYMBOL
int event_config_set_max_dispatch_interval(struct event_config* cfg,
                                           const struct timeval* max_interval, int max_callbacks,
                                           int min_priority);

/* --- running a loop */

#define EVLOOP_ONCE 0x01             /**< until some callbacks have run */
#define EVLOOP_NONBLOCK 0x02         /**< what is ready now, without waiting */
#define EVLOOP_NO_EXIT_ON_EMPTY 0x04 /**< also when nothing is pending */

/** 0: it was ended or is done with what `flags` say, 1: nothing is pending, -1: an error. */
EVENT2_EXPORT_SYMBOL
int event_base_loop(struct event_base*, int flags);
/** event_base_loop() without flags. */
EVENT2_EXPORT_SYMBOL
int event_base_dispatch(struct event_base*);
/** After `tv` (NULL: at once) the pass that runs is finished, then the loop ends. */
EVENT2_EXPORT_SYMBOL
int event_base_loopexit(struct event_base*, const struct timeval* tv);
/** The loop ends with the callback that runs; what is active stays so. Any thread. */
EVENT2_EXPORT_SYMBOL
int event_base_loopbreak(struct event_base*);
/** The loop looks for new events after the callback that runs. */
EVENT2_EXPORT_SYMBOL
int event_base_loopcontinue(struct event_base*);
EVENT2_EXPORT_SYMBOL
int event_base_got_exit(struct event_base*);
EVENT2_EXPORT_SYMBOL
int event_base_got_break(struct event_base*);

/* --- events */

/* What an event is for, and what its callback is told. */
#define EV_TIMEOUT 0x01
#define EV_READ 0x02
#define EV_WRITE 0x04
#define EV_SIGNAL 0x08
#define EV_PERSIST 0x10  /**< stays pending when it fires */
#define EV_ET 0x20       /**< edges instead of levels */
#define EV_FINALIZE 0x40 /**< event_del() does not wait for the callback in another thread */
#define EV_CLOSED 0x80   /**< the peer has closed */

typedef void (*event_callback_fn)(evutil_socket_t, short, void*);

/** As `arg` of event_new() and event_assign(): the event itself. */
EVENT2_EXPORT_SYMBOL
void* event_self_cbarg(void);
/** `fd` is a descriptor, the number of a signal (EV_SIGNAL) or -1. NULL: arguments that contradict
 * each other, or no memory. */
EVENT2_EXPORT_SYMBOL
struct event* event_new(struct event_base*, evutil_socket_t fd, short events, event_callback_fn,
                        void* arg);
/** The same in memory of the program's own, which holds no pending event. */
EVENT2_EXPORT_SYMBOL
int event_assign(struct event*, struct event_base*, evutil_socket_t fd, short events,
                 event_callback_fn, void* arg);
/** event_del(), then frees what event_new() made. */
EVENT2_EXPORT_SYMBOL
void event_free(struct event*);

/** Makes it pending, for `timeout` if not NULL. Again: the timeout is replaced, if there is one. */
EVENT2_EXPORT_SYMBOL
int event_add(struct event* ev, const struct timeval* timeout);
/** Takes the timeout away and leaves the rest. */
EVENT2_EXPORT_SYMBOL
int event_remove_timer(struct event* ev);
/** Neither pending nor active. From another thread it waits for the callback, unless EV_FINALIZE. */
EVENT2_EXPORT_SYMBOL
int event_del(struct event*);
EVENT2_EXPORT_SYMBOL
int event_del_noblock(struct event* ev); /**< never waits */
EVENT2_EXPORT_SYMBOL
int event_del_block(struct event* ev); /**< always waits */
/** Runs the callback with `res`, for signals `ncalls` times, pending or not. */
EVENT2_EXPORT_SYMBOL
void event_active(struct event* ev, int res, short ncalls);
/** The bits of `events` that `ev` is pending or active for; `tv` gets its deadline in wall-clock
 * time. */
EVENT2_EXPORT_SYMBOL
int event_pending(const struct event* ev, short events, struct timeval* tv);
/** One call of `callback`, which cannot be taken back. No EV_SIGNAL, no EV_PERSIST. */
EVENT2_EXPORT_SYMBOL
int event_base_once(struct event_base*, evutil_socket_t fd, short events, event_callback_fn,
                    void* arg, const struct timeval*);

typedef void (*event_finalize_callback_fn)(struct event*, void*);
/** Deletes `ev` without waiting; `callback` runs in the loop when nobody uses it any more. The
 * first argument is 0. */
EVENT2_EXPORT_SYMBOL
int event_finalize(unsigned, struct event*, event_finalize_callback_fn);
/** The same, and frees it then. */
EVENT2_EXPORT_SYMBOL
int event_free_finalize(unsigned, struct event*, event_finalize_callback_fn);

EVENT2_EXPORT_SYMBOL
int event_initialized(const struct event* ev);
EVENT2_EXPORT_SYMBOL
evutil_socket_t event_get_fd(const struct event* ev);
#define event_get_signal(ev) ((int)event_get_fd(ev))
EVENT2_EXPORT_SYMBOL
struct event_base* event_get_base(const struct event* ev);
EVENT2_EXPORT_SYMBOL
short event_get_events(const struct event* ev);
EVENT2_EXPORT_SYMBOL
event_callback_fn event_get_callback(const struct event* ev);
EVENT2_EXPORT_SYMBOL
void* event_get_callback_arg(const struct event* ev);
EVENT2_EXPORT_SYMBOL
int event_get_priority(const struct event* ev);
/** All of these at once; each may be NULL. */
EVENT2_EXPORT_SYMBOL
void event_get_assignment(const struct event* event, struct event_base** base_out,
                          evutil_socket_t* fd_out, short* events_out,
                          event_callback_fn* callback_out, void** arg_out);
/** Moves an event that is neither pending nor active to another base. */
EVENT2_EXPORT_SYMBOL
int event_base_set(struct event_base*, struct event*);
/** In a callback: its event. */
EVENT2_EXPORT_SYMBOL
struct event* event_base_get_running_event(struct event_base* base);

#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)

#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_assign(ev, b, x, cb, arg) \
    event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, cb, (arg))
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)

#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)

/* --- priorities */

#define EVENT_MAX_PRIORITIES 256

/** Levels 0 (most urgent) to `npriorities` - 1. Not while events are active. */
EVENT2_EXPORT_SYMBOL
int event_base_priority_init(struct event_base*, int npriorities);
EVENT2_EXPORT_SYMBOL
int event_base_get_npriorities(struct event_base* eb);
/** Not while it is active. Events begin in the middle. */
EVENT2_EXPORT_SYMBOL
int event_priority_set(struct event*, int priority);

/* --- time */

/** For many timeouts of one length: event_add() with what this returns costs less. At most 256
 * lengths a base. Copies of it work as well. */
EVENT2_EXPORT_SYMBOL
const struct timeval* event_base_init_common_timeout(struct event_base* base,
                                                     const struct timeval* duration);
/** Wall-clock time; in a callback as of when the loop woke up. */
EVENT2_EXPORT_SYMBOL
int event_base_gettimeofday_cached(struct event_base* base, struct timeval* tv);
/** Reads the clock anew for the rest of the callbacks. */
EVENT2_EXPORT_SYMBOL
int event_base_update_cache_time(struct event_base* base);
/** The clock that deadlines are measured with; as of when the loop woke up. */
EVENT2_EXPORT_SYMBOL
int event_gettime_monotonic(struct event_base* base, struct timeval* tp);

/* --- looking in */

#define EVENT_BASE_COUNT_ACTIVE 1U  /**< queued callbacks */
#define EVENT_BASE_COUNT_VIRTUAL 2U /**< what keeps the loop running without an event */
#define EVENT_BASE_COUNT_ADDED 4U   /**< once for each of: pending, timed, active */

EVENT2_EXPORT_SYMBOL
int event_base_get_num_events(struct event_base*, unsigned int);
/** The most there have been, since `clear` was last set. */
EVENT2_EXPORT_SYMBOL
int event_base_get_max_events(struct event_base*, unsigned int, int clear);
EVENT2_EXPORT_SYMBOL
void event_base_dump_events(struct event_base*, FILE*);
/** Activates the events that wait for any of `events` on `fd` (or time out, EV_TIMEOUT). */
EVENT2_EXPORT_SYMBOL
void event_base_active_by_fd(struct event_base* base, evutil_socket_t fd, short events);
EVENT2_EXPORT_SYMBOL
void event_base_active_by_signal(struct event_base* base, int sig);

typedef int (*event_base_foreach_event_cb)(const struct event_base*, const struct event*, void*);
/** Every event once, until `fn` returns something else than 0, which is returned. `fn` changes
 * nothing. */
EVENT2_EXPORT_SYMBOL
int event_base_foreach_event(struct event_base* base, event_base_foreach_event_cb fn, void* arg);

EVENT2_EXPORT_SYMBOL
size_t event_get_struct_event_size(void);
EVENT2_EXPORT_SYMBOL
const char* event_get_version(void);
EVENT2_EXPORT_SYMBOL
ev_uint32_t event_get_version_number(void);
#define LIBEVENT_VERSION EVENT__VERSION
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION

/* --- the process */

#define EVENT_LOG_DEBUG 0
#define EVENT_LOG_MSG 1
#define EVENT_LOG_WARN 2
#define EVENT_LOG_ERR 3
#define _EVENT_LOG_DEBUG EVENT_LOG_DEBUG
#define _EVENT_LOG_MSG EVENT_LOG_MSG
#define _EVENT_LOG_WARN EVENT_LOG_WARN
#define _EVENT_LOG_ERR EVENT_LOG_ERR

typedef void (*event_log_cb)(int severity, const char* msg);
/** Where messages go; NULL: standard error. `cb` calls nothing of the library. */
EVENT2_EXPORT_SYMBOL
void event_set_log_callback(event_log_cb cb);
typedef void (*event_fatal_cb)(int err);
/** What is called before the program ends because of an error that leaves no way on. */
EVENT2_EXPORT_SYMBOL
void event_set_fatal_callback(event_fatal_cb cb);

#define EVENT_DBG_ALL 0xffffffffu
#define EVENT_DBG_NONE 0
/** Debug messages: all or none. */
EVENT2_EXPORT_SYMBOL
void event_enable_debug_logging(ev_uint32_t which);
/** Ends the program when an event is used that is not set up, or set up while it is pending.
 * Before the first event. */
EVENT2_EXPORT_SYMBOL
void event_enable_debug_mode(void);
/** In debug mode: forgets an event whose memory goes. */
EVENT2_EXPORT_SYMBOL
void event_debug_unassign(struct event*);

/** Memory for everything that programs get to see. Before anything is allocated; three NULLs:
 * the C library's. */
EVENT2_EXPORT_SYMBOL
void event_set_mem_functions(void* (*malloc_fn)(size_t sz),
                             void* (*realloc_fn)(void* ptr, size_t sz), void (*free_fn)(void* ptr));
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED

/** Frees what the library holds for the process. No call of it is allowed afterwards. */
EVENT2_EXPORT_SYMBOL
void libevent_global_shutdown(void);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_EVENT_H_INCLUDED_ */
