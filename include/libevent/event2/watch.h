/* Watchers: functions that a loop calls in each of its passes, before it waits for events and after. For programs that measure
 * or that bring another loop along. They keep no loop running. (An addition of libevent 2.2.) */
#ifndef COREVENT_LIBEVENT_WATCH_H
#define COREVENT_LIBEVENT_WATCH_H

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct timeval;

struct evwatch;
struct evwatch_prepare_cb_info;
struct evwatch_check_cb_info;

typedef void (*evwatch_prepare_cb)(struct evwatch *, const struct evwatch_prepare_cb_info *, void *);
typedef void (*evwatch_check_cb)(struct evwatch *, const struct evwatch_check_cb_info *, void *);

/* Calls `callback` just before the loop waits, from now on; NULL when memory is short. */
EVENT2_EXPORT_SYMBOL
struct evwatch *evwatch_prepare_new(struct event_base *base, evwatch_prepare_cb callback, void *arg);
/* Calls `callback` just after the loop has waited, before it calls what has happened. */
EVENT2_EXPORT_SYMBOL
struct evwatch *evwatch_check_new(struct event_base *base, evwatch_check_cb callback, void *arg);

EVENT2_EXPORT_SYMBOL
struct event_base *evwatch_base(struct evwatch *watcher);
/* Also from within a watcher. The base frees what is left with itself. */
EVENT2_EXPORT_SYMBOL
void evwatch_free(struct evwatch *watcher);

/* How long the loop is going to wait: 1 and the time in `timeout`, or 0 when only an event will end it. */
EVENT2_EXPORT_SYMBOL
int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info *info, struct timeval *timeout);

#ifdef __cplusplus
}
#endif
#endif
