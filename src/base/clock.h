// Monotonic time as plain integers. A read of the exact clock costs about 50 ns, so loops read it
// once a turn and keep the value; the coarse clock costs about 7 ns, moves in steps of a few
// milliseconds (one kernel tick) and never runs ahead of the exact one. Any thread. No wall-clock
// time here.
#pragma once

#include <cstdint>
#include <ctime>

namespace corevent {

inline constexpr std::uint64_t ns_per_ms = 1'000'000;

inline std::uint64_t clock_ns(clockid_t id) noexcept {
    timespec t;
    clock_gettime(id, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

/// Nanoseconds of CLOCK_MONOTONIC, the epoch of std::chrono::steady_clock.
inline std::uint64_t monotonic_ns() noexcept {
    return clock_ns(CLOCK_MONOTONIC);
}

/// The exact clock at the last kernel tick.
inline std::uint64_t coarse_ns() noexcept {
    return clock_ns(CLOCK_MONOTONIC_COARSE);
}

}  // namespace corevent
