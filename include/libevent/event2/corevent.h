/** @file event2/corevent.h
 *
 * What corevent offers beyond libevent: HTTP servers on several threads, limits, and a switch for
 * clients of the past. Programs that want to build with either test for this header or for
 * EVHTTP_HAS_THREADS.
 */
#ifndef EVENT2_COREVENT_H_INCLUDED_
#define EVENT2_COREVENT_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evhttp;

#define EVHTTP_HAS_THREADS 1

/** Network work runs on threads of the server; handlers run where they always did, on the thread
 * that dispatches the base. Safe for every program. */
#define EVHTTP_THREADS_IO 1
/** Handlers and all other callbacks of the server run on those threads as well, each request's on the
 * thread of its connection. The program says that they may run at the same time. */
#define EVHTTP_THREADS_ALL 2

/**
 * Serves `http` on `threads` threads of its own; 0 means one for each core that the process may
 * use (by its affinity and the CPU quota of its cgroup), 1 in mode IO still moves the network work
 * away from the base's thread.
 *
 * To be called before the first socket is bound. The threads start when the base is dispatched, so
 * a program may fork before; evhttp_free() ends them. The environment variables
 * COREVENT_HTTP_THREADS (a number or "auto") and COREVENT_HTTP_MODE ("io" or "all") do the same for
 * programs that do not call this.
 *
 * @param mode EVHTTP_THREADS_IO or EVHTTP_THREADS_ALL
 * @return 0; -1 if the arguments make no sense or the server has sockets already
 */
EVENT2_EXPORT_SYMBOL
int evhttp_set_threads(struct evhttp* http, int threads, int mode);

/** How many threads the server is to have, and once its base has been dispatched, how many it has:
 * fewer when the system gave no more (a warning says so); 0 if it runs on its base alone. */
EVENT2_EXPORT_SYMBOL
int evhttp_get_threads(const struct evhttp* http);

/**
 * Switches the limits of corevent's own server on (1) or off (0, the default): sizes of heads and
 * bodies, time for a head, for a silent body and for a client that does not read, idle time. They
 * fill in where the program set none. A header above the program's own limit is answered with 431
 * then, with 400 otherwise, as libevent does. COREVENT_HTTP_LIMITS=on does the same.
 */
EVENT2_EXPORT_SYMBOL
void evhttp_set_limits(struct evhttp* http, int on);

/**
 * Lets requests pass that are malformed but cannot be misread: lines that end in LF alone, and an
 * HTTP/1.1 request without Host. Off by default. COREVENT_HTTP_LENIENT=on does the same. Whatever
 * makes the length of a message doubtful stays refused.
 */
EVENT2_EXPORT_SYMBOL
void evhttp_set_lenient(struct evhttp* http, int on);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_COREVENT_H_INCLUDED_ */
