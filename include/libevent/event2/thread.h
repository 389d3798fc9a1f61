/** @file event2/thread.h
 *
 * Threads. A program whose bases are used from several threads says so before it makes the first:
 * with evthread_use_pthreads(), or with locks, conditions and thread numbers of its own. Who does
 * not pays for no lock.
 */
#ifndef EVENT2_THREAD_H_INCLUDED_
#define EVENT2_THREAD_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct timeval;

/* How a lock is taken. */
#define EVTHREAD_WRITE 0x04 /**< of a read-write lock */
#define EVTHREAD_READ 0x08  /**< of a read-write lock */
#define EVTHREAD_TRY 0x10   /**< do not wait: non-zero when it is taken */

#define EVTHREAD_LOCK_API_VERSION 1

/* Kinds of locks. */
#define EVTHREAD_LOCKTYPE_RECURSIVE 1 /**< its holder may take it again; the only kind in use */
#define EVTHREAD_LOCKTYPE_READWRITE 2

/** Locks of the program's own. */
struct evthread_lock_callbacks {
    int lock_api_version;              /**< EVTHREAD_LOCK_API_VERSION */
    unsigned supported_locktypes;      /**< must have EVTHREAD_LOCKTYPE_RECURSIVE */
    void* (*alloc)(unsigned locktype); /**< NULL: no memory */
    void (*free)(void* lock, unsigned locktype);
    int (*lock)(unsigned mode, void* lock); /**< 0: taken */
    int (*unlock)(unsigned mode, void* lock);
};

/** Before anything else of the library; what is set cannot be changed for something else.
 * NULL takes the locks away, which only tests do. Returns 0, or -1 when refused. */
EVENT2_EXPORT_SYMBOL
int evthread_set_lock_callbacks(const struct evthread_lock_callbacks*);

#define EVTHREAD_CONDITION_API_VERSION 1

/** Condition variables of the program's own. They are signalled with their lock held. */
struct evthread_condition_callbacks {
    int condition_api_version;                   /**< EVTHREAD_CONDITION_API_VERSION */
    void* (*alloc_condition)(unsigned condtype); /**< `condtype` is 0; NULL: no memory */
    void (*free_condition)(void* cond);
    int (*signal_condition)(void* cond, int broadcast);
    /** Gives up `lock`, waits, takes it again. 0: signalled, 1: `timeout` has passed, -1: error. */
    int (*wait_condition)(void* cond, void* lock, const struct timeval* timeout);
};

/** As evthread_set_lock_callbacks(). */
EVENT2_EXPORT_SYMBOL
int evthread_set_condition_callbacks(const struct evthread_condition_callbacks*);

/** How to tell threads apart. */
EVENT2_EXPORT_SYMBOL
void evthread_set_id_callback(unsigned long (*id_fn)(void));

/** All of the above with POSIX threads. In libevent_pthreads. Returns 0, or -1. */
EVENT2_EXPORT_SYMBOL
int evthread_use_pthreads(void);
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1

/** Checks every use of a lock, and aborts at one that is wrong. Before the first lock is made. */
EVENT2_EXPORT_SYMBOL
void evthread_enable_lock_debugging(void);
/** The same, under its old name. */
EVENT2_EXPORT_SYMBOL
void evthread_enable_lock_debuging(void);

/** That other threads can wake the loop of a base. Bases with a lock can be woken anyway.
 * Returns 0, or -1. */
EVENT2_EXPORT_SYMBOL
int evthread_make_base_notifiable(struct event_base* base);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_THREAD_H_INCLUDED_ */
