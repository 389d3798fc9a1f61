/* What a function needs in its declaration so that a program finds it in the shared library. */
#ifndef COREVENT_LIBEVENT_VISIBILITY_H
#define COREVENT_LIBEVENT_VISIBILITY_H

#include <event2/event-config.h>

#ifdef __GNUC__
#define EVENT2_EXPORT_SYMBOL __attribute__((visibility("default")))
#else
#define EVENT2_EXPORT_SYMBOL
#endif
#define EVENT2_CORE_EXPORT_SYMBOL EVENT2_EXPORT_SYMBOL

#endif
