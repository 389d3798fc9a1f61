// The time of a base: the monotonic clock in microseconds, as it was when the callbacks of a turn
// began, and the time of day told from that.
#include "compat/base.h"

#include "base/clock.h"

#include <algorithm>

using namespace corevent::compat;

namespace {

constexpr std::int64_t wall_clock_us = 5'000'000;  ///< the offset is read again after that

}  // namespace

std::int64_t event_base::read_exact_clock() noexcept {
    newest_us = std::max(newest_us, static_cast<std::int64_t>(corevent::monotonic_ns() / 1000));
    return newest_us;
}

std::int64_t event_base::read_usual_clock() noexcept {
    const bool exact = has(EVENT_BASE_FLAG_PRECISE_TIMER);
    const std::uint64_t ns = exact ? corevent::monotonic_ns() : corevent::coarse_ns();
    newest_us = std::max(newest_us, static_cast<std::int64_t>(ns / 1000));
    if (wall_read_us < 0 || newest_us - wall_read_us > wall_clock_us) [[unlikely]]
        read_wall_clock();
    return newest_us;
}

void event_base::read_wall_clock() noexcept {
    timeval wall;
    gettimeofday(&wall, nullptr);
    wall_offset_us = microseconds(wall) - newest_us;
    wall_read_us = newest_us;
}

extern "C" {

int event_base_gettimeofday_cached(event_base* base, timeval* tv) {
    if (base == nullptr) base = current_base();
    if (base == nullptr) return gettimeofday(tv, nullptr);
    const LockGuard guard(base->lock);
    if (base->cached_us == 0) return gettimeofday(tv, nullptr);
    *tv = timeval_of(base->cached_us + base->wall_offset_us);
    return 0;
}

int event_base_update_cache_time(event_base* base) {
    if (base == nullptr) base = current_base();
    if (base == nullptr) return -1;
    const LockGuard guard(base->lock);
    if (base->running && !base->has(EVENT_BASE_FLAG_NO_CACHE_TIME)) {
        base->cached_us = 0;
        base->cached_us = base->now_us();
    }
    return 0;
}

int event_gettime_monotonic(event_base* base, timeval* tv) {
    if (base == nullptr || tv == nullptr) return -1;
    const LockGuard guard(base->lock);
    *tv = timeval_of(base->now_us());
    return 0;
}

}  // extern "C"
