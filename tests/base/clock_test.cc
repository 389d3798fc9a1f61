#include "base/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace corevent {
namespace {

TEST(Clock, CountsAsSteadyClockDoes) {
    const auto steady = [] {
        return static_cast<std::uint64_t>(
            std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
    };
    const std::uint64_t before = steady();
    const std::uint64_t now = monotonic_ns();
    EXPECT_LE(before, now);
    EXPECT_LE(now, steady());
}

TEST(Clock, TheCoarseClockNeverRunsAhead) {
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t coarse = coarse_ns();
        ASSERT_LE(coarse, monotonic_ns());
    }
}

}  // namespace
}  // namespace corevent
