#include "reactor/alarm.h"

#include "base/clock.h"
#include "reactor/poller.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace corevent {
namespace {

constexpr PollToken token = 7;

class AlarmTest : public testing::TestWithParam<bool> {
protected:
    AlarmTest() : poller_(GetParam() ? std::move(*make_epoll_poller()) : make_poll_poller()) {
        EXPECT_TRUE(poller_->set(alarm_.fd(), Interest::none, Interest::in, token));
    }
    /// Whether the alarm was heard within `wait_ms`.
    bool heard(int wait_ms) {
        poller_->prepare();
        std::array<PollEvent, 4> events;
        const std::size_t count = poller_->wait(wait_ms, events);
        if (count == 0) return false;
        EXPECT_EQ(count, 1U);
        EXPECT_EQ(events[0].token(), token);
        alarm_.rang();
        if (!poller_->rearms_itself()) {
            alarm_.drain();
            poller_->rearm(alarm_.fd(), Readiness::in);
        }
        return true;
    }

    Alarm alarm_;
    std::unique_ptr<Poller> poller_;
};

TEST_P(AlarmTest, RingsOnceAndNotEarly) {
    const std::uint64_t due = monotonic_ns() + 20 * ns_per_ms;
    alarm_.set(due);
    EXPECT_TRUE(heard(10'000));
    EXPECT_GE(monotonic_ns(), due);
    EXPECT_FALSE(heard(0));
    alarm_.set(monotonic_ns() + 5 * ns_per_ms);
    EXPECT_TRUE(heard(10'000));
    EXPECT_FALSE(heard(0));
}

TEST_P(AlarmTest, TheEarlierTimeStays) {
    const std::uint64_t begin = monotonic_ns();
    alarm_.set(begin + 20 * ns_per_ms);
    alarm_.set(begin + 3600 * 1000 * ns_per_ms);
    EXPECT_TRUE(heard(10'000));
}

TEST_P(AlarmTest, AnEarlierTimeReplaces) {
    const std::uint64_t begin = monotonic_ns();
    alarm_.set(begin + 3600 * 1000 * ns_per_ms);
    alarm_.set(begin + 20 * ns_per_ms);
    EXPECT_TRUE(heard(10'000));
}

TEST_P(AlarmTest, WhatHasPassedRingsAtOnce) {
    alarm_.set(0);
    EXPECT_TRUE(heard(10'000));
}

INSTANTIATE_TEST_SUITE_P(All, AlarmTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "epoll" : "poll"; });

}  // namespace
}  // namespace corevent
