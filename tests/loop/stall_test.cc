#include <corevent/log.h>
#include <corevent/loop.h>

#include "loop/loop_core.h"
#include "loop/stall_watch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
}

void hold(Clock::duration duration) {
    const Clock::time_point until = Clock::now() + duration;
    while (Clock::now() < until) {
    }
}

/// The milliseconds of each line "loop 3 held 41 ms by WHAT: use co_await offload(...)". Lines about other things are
/// left out: on a busy machine anything may take long.
std::vector<unsigned long> reports_of(const std::string& what) {
    const std::string begin = "loop 3 held ";
    const std::string end = " ms by " + what + ": use co_await offload(...)";
    std::vector<unsigned long> found;
    for (const std::string& line : lines()) {
        if (line.starts_with(begin) && line.ends_with(end)) {
            found.push_back(std::stoul(line.substr(begin.size())));
        }
    }
    return found;
}

class Stall : public testing::Test {
protected:
    Stall() {
        set_log_sink([](LogLevel level, std::string_view line) {
            EXPECT_EQ(level, LogLevel::warning);
            lines().emplace_back(line);
        });
    }
    ~Stall() override {
        set_log_sink(nullptr);
        lines().clear();
    }
};

TEST_F(Stall, IsReportedUnderItsNameOncePerMinuteAndCounted) {
    Loop loop(LoopOptions{.index = 3});
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(loop.post([&] {
            loop.core().set_activity("GET /report");
            hold(40ms);
            loop.core().check_stall();
        }));
        loop.run_once(0ms);
    }
    ASSERT_EQ(reports_of("GET /report").size(), 1u);
    EXPECT_GE(reports_of("GET /report")[0], 40u);
    EXPECT_GE(loop.core().stalls().count, 3u);
    EXPECT_GE(loop.core().stalls().longest_ms, 40u);
    EXPECT_TRUE(loop.post([&] {
        loop.core().set_activity("GET /other");
        hold(30ms);
        loop.core().check_stall();
    }));
    loop.run_once(0ms);
    ASSERT_EQ(reports_of("GET /other").size(), 1u);
    EXPECT_GE(reports_of("GET /other")[0], 30u);
}

TEST_F(Stall, CallbacksThatNameNothingAreFoundToo) {
    Loop loop(LoopOptions{.index = 3});
    EXPECT_TRUE(loop.post([] { hold(30ms); }));
    loop.run_once(0ms);
    ASSERT_EQ(reports_of("posted work").size(), 1u);
    EXPECT_GE(reports_of("posted work")[0], 30u);
    Timer timer(loop, [] { hold(30ms); });
    timer.start(0ms);
    loop.run_once(0ms);
    ASSERT_EQ(reports_of("a timer").size(), 1u);
    EXPECT_GE(reports_of("a timer")[0], 30u);
}

TEST_F(Stall, WaitingIsNoStall) {
    Loop loop(LoopOptions{.index = 3, .stall_threshold = 150ms});
    Timer timer(loop, [&] { loop.stop(); });
    timer.start(300ms);
    loop.run();
    EXPECT_EQ(loop.core().stalls().count, 0u);
}

TEST_F(Stall, AThresholdOfZeroSwitchesItOff) {
    Loop loop(LoopOptions{.index = 3, .stall_threshold = 0ms});
    EXPECT_TRUE(loop.post([] { hold(30ms); }));
    loop.run_once(0ms);
    EXPECT_EQ(loop.core().stalls().count, 0u);
    EXPECT_TRUE(lines().empty());
}

TEST_F(Stall, ManyNamesDoNotGrowAnything) {
    StallWatch watch(3, 1ms);
    for (int i = 0; i < 200; ++i) {
        const std::string name = "GET /" + std::to_string(i % 100);
        watch.begin(monotonic_ns() - 50 * ns_per_ms);
        watch.set_activity(name.c_str());
        watch.check();
    }
    EXPECT_EQ(watch.figures().count, 200u);
    EXPECT_GE(watch.figures().longest_ms, 50u);
    EXPECT_EQ(lines().size(), 200u);  // more names than are remembered: the oldest are told again
}

}  // namespace
}  // namespace corevent
