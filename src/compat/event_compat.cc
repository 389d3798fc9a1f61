// The functions of event2/event_compat.h: those of the core, on the current base.
#include "compat/base.h"
#include "compat/log.h"

#include <event2/event.h>
#include <event2/event_compat.h>

using corevent::compat::current_base;

extern "C" {

int event_dispatch(void) {
    return event_loop(0);
}

int event_loop(int flags) {
    return event_base_loop(current_base(), flags);
}

int event_loopexit(const timeval* tv) {
    return event_base_loopexit(current_base(), tv);
}

int event_loopbreak(void) {
    return event_base_loopbreak(current_base());
}

int event_once(evutil_socket_t fd, short events, event_callback_fn callback, void* arg,
               const timeval* tv) {
    return event_base_once(current_base(), fd, events, callback, arg, tv);
}

const char* event_get_method(void) {
    return event_base_get_method(current_base());
}

int event_priority_init(int npriorities) {
    return event_base_priority_init(current_base(), npriorities);
}

void event_set(event* ev, evutil_socket_t fd, short events, event_callback_fn callback, void* arg) {
    if (event_assign(ev, current_base(), fd, events, callback, arg) < 0) {
        corevent::compat::errx(corevent::compat::abort_status,
                               "event_set: arguments that contradict each other");
    }
}

}  // extern "C"
