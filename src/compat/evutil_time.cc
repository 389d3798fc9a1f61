// The monotonic timers of <event2/util.h>. A timer belongs to one thread; as long as it was not
// configured it follows the time of day, as EV_MONOT_FALLBACK says.
#include "base/clock.h"
#include "compat/alloc.h"

#include <event2/util.h>

#include <algorithm>
#include <ctime>

struct evutil_monotonic_timer {
    clockid_t clock = CLOCK_REALTIME;
    std::uint64_t last_ns =
        0;  ///< what was read before: the time of day may go back, this does not
};

using namespace corevent;
using namespace corevent::compat;

extern "C" {

struct evutil_monotonic_timer* evutil_monotonic_timer_new(void) {
    return mm_new<evutil_monotonic_timer>();
}

void evutil_monotonic_timer_free(struct evutil_monotonic_timer* timer) {
    if (timer != nullptr) {
        mm_delete(timer);
    }
}

int evutil_configure_monotonic_time(struct evutil_monotonic_timer* timer, int flags) {
    if ((flags & EV_MONOT_FALLBACK) != 0) {
        timer->clock = CLOCK_REALTIME;
    } else {
        timer->clock = (flags & EV_MONOT_PRECISE) != 0 ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE;
    }
    return 0;
}

int evutil_gettime_monotonic(struct evutil_monotonic_timer* timer, struct timeval* tp) {
    timer->last_ns = std::max(timer->last_ns, clock_ns(timer->clock));
    tp->tv_sec = static_cast<time_t>(timer->last_ns / 1'000'000'000);
    tp->tv_usec = static_cast<suseconds_t>(timer->last_ns % 1'000'000'000 / 1000);
    return 0;
}

}  // extern "C"
