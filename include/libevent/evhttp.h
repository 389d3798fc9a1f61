/** @file evhttp.h
 *
 * The HTTP interface as programs of libevent 1.4 and later include it: everything of event.h and of
 * the event2/http*.h headers.
 */
#ifndef EVENT1_EVHTTP_H_INCLUDED_
#define EVENT1_EVHTTP_H_INCLUDED_

#include <event.h>
#include <event2/http.h>
#include <event2/http_compat.h>
#include <event2/http_struct.h>

#endif /* EVENT1_EVHTTP_H_INCLUDED_ */
