/** @file event2/watch.h
 *
 * Looking on at a loop: a prepare watcher runs before the loop waits, a check watcher when it has
 * woken, before events are queued. They keep no loop alive. From libevent 2.2.
 */
#ifndef EVENT2_WATCH_H_INCLUDED_
#define EVENT2_WATCH_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#include <sys/time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evwatch;

/** What prepare watchers are told. */
struct evwatch_prepare_cb_info;
/** What check watchers are told: nothing so far. */
struct evwatch_check_cb_info;

typedef void (*evwatch_prepare_cb)(struct evwatch*, const struct evwatch_prepare_cb_info*, void*);
typedef void (*evwatch_check_cb)(struct evwatch*, const struct evwatch_check_cb_info*, void*);

/** Returns NULL without memory. Watchers run in the order in which they were made, and go with
 * their base. */
EVENT2_EXPORT_SYMBOL
struct evwatch* evwatch_prepare_new(struct event_base* base, evwatch_prepare_cb callback,
                                    void* arg);
EVENT2_EXPORT_SYMBOL
struct evwatch* evwatch_check_new(struct event_base* base, evwatch_check_cb callback, void* arg);
EVENT2_EXPORT_SYMBOL
struct event_base* evwatch_base(struct evwatch* watch);
/** Also from within a watcher, its own included. */
EVENT2_EXPORT_SYMBOL
void evwatch_free(struct evwatch* watch);
/** How long the loop is about to wait at most. Returns 1, or 0 when it waits for as long as it takes. */
EVENT2_EXPORT_SYMBOL
int evwatch_prepare_get_timeout(const struct evwatch_prepare_cb_info* info,
                                struct timeval* timeout);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_WATCH_H_INCLUDED_ */
