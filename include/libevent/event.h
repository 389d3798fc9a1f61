/* Everything that programs of old expect from this one header: events, buffers, bufferevents, tagged data and utilities. New
 * programs include the headers of event2/ that they use. */
#ifndef COREVENT_LIBEVENT_EVENT1_H
#define COREVENT_LIBEVENT_EVENT1_H

#include <event2/event-config.h>

#include <stdarg.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

#include <evutil.h>

#include <event2/event_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/bufferevent_compat.h>
#include <event2/tag.h>
#include <event2/tag_compat.h>

#endif
