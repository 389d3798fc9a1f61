/* Threads. A program that uses a base, or anything that belongs to it, from several threads says so before it makes the first
 * one: evthread_use_pthreads(), or functions of its own. Until then no lock exists and none is taken. */
#ifndef COREVENT_LIBEVENT_THREAD_H
#define COREVENT_LIBEVENT_THREAD_H

#include <event2/event-config.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct timeval;

/* How a lock is to be taken: bits of `mode`. */
#define EVTHREAD_WRITE 0x04
#define EVTHREAD_READ 0x08
#define EVTHREAD_TRY 0x10 /* do not wait: non-zero when somebody else has it */

#define EVTHREAD_LOCK_API_VERSION 1

/* What a lock must be able to do: bits of `locktype`; 0 is a plain lock. */
#define EVTHREAD_LOCKTYPE_RECURSIVE 1
#define EVTHREAD_LOCKTYPE_READWRITE 2

/* Locks of the program's own making. lock and unlock return 0 when they have done it. */
struct evthread_lock_callbacks {
    int lock_api_version; /* EVTHREAD_LOCK_API_VERSION */
    unsigned supported_locktypes;
    void *(*alloc)(unsigned locktype); /* a lock nobody holds, or NULL */
    void (*free)(void *lock, unsigned locktype);
    int (*lock)(unsigned mode, void *lock);
    int (*unlock)(unsigned mode, void *lock);
};

/* Once set they stay: the same again gives 0, others -1. NULL takes them away, which is safe only where nothing was made with
 * them. */
EVENT2_EXPORT_SYMBOL
int evthread_set_lock_callbacks(const struct evthread_lock_callbacks *);

#define EVTHREAD_CONDITION_API_VERSION 1

/* Condition variables. wait_condition gives 1 when the time was up, 0 when it was signalled, -1 on failure. */
struct evthread_condition_callbacks {
    int condition_api_version; /* EVTHREAD_CONDITION_API_VERSION */
    void *(*alloc_condition)(unsigned condtype);
    void (*free_condition)(void *cond);
    int (*signal_condition)(void *cond, int broadcast);
    int (*wait_condition)(void *cond, void *lock, const struct timeval *timeout);
};

EVENT2_EXPORT_SYMBOL
int evthread_set_condition_callbacks(const struct evthread_condition_callbacks *);

/* How a thread learns its own name. */
EVENT2_EXPORT_SYMBOL
void evthread_set_id_callback(unsigned long (*id_fn)(void));

/* All three with POSIX threads: 0, or -1. In libevent_pthreads. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads(void);
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1

/* Every lock checks from now on that it is used as it may be, and the process ends when it is not. Before anything else. */
EVENT2_EXPORT_SYMBOL
void evthread_enable_lock_debugging(void);
/* The same function, as its name was once written. */
EVENT2_EXPORT_SYMBOL
void evthread_enable_lock_debuging(void);

/* Other threads can wake this base. A base made after threads were enabled can be woken anyway. */
EVENT2_EXPORT_SYMBOL
int evthread_make_base_notifiable(struct event_base *base);

#ifdef __cplusplus
}
#endif
#endif
