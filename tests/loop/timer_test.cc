#include <corevent/loop.h>

#include "loop/loop_core.h"
#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

TEST(Timer, ExpiresOnceAndNeverEarly) {
    Loop loop;
    const Clock::time_point start = Clock::now();
    int calls = 0;
    Timer timer(loop, [&] {
        ++calls;
        EXPECT_GE(Clock::now() - start, 15ms);
        EXPECT_GE(loop.now() - start, 15ms);
        loop.stop();
    });
    EXPECT_FALSE(timer.running());
    timer.start(15ms);
    EXPECT_TRUE(timer.running());
    loop.run();
    EXPECT_FALSE(timer.running());
    loop.run_once(0ms);
    EXPECT_EQ(calls, 1);
}

TEST(Timer, IsCountedFromTheCallOutsideOfRun) {
    Loop loop;
    const Clock::time_point made = loop.now();
    while (Clock::now() - made < 20ms) {  // the loop gets older than the timer is long
    }
    Timer timer(loop, [&] { loop.stop(); });
    const Clock::time_point start = Clock::now();
    timer.start(10ms);
    loop.run();
    EXPECT_GE(Clock::now() - start, 10ms);
}

TEST(Timer, ZeroAndNegativeAreDueAtOnceButNotForEver) {
    Loop loop;
    int calls = 0;
    std::optional<Timer> timer;
    timer.emplace(loop, [&] {
        if (++calls < 3) {
            timer->start(-5ms);
        }
    });
    timer->start(0ms);
    for (int turn = 1; turn <= 3; ++turn) {  // once a turn, so that nobody starves
        EXPECT_TRUE(loop.run_once(0ms));
        EXPECT_EQ(calls, turn);
    }
    EXPECT_FALSE(loop.run_once(0ms));
}

TEST(Timer, RestartAndStop) {
    Loop loop;
    int calls = 0;
    Timer timer(loop, [&] { ++calls; });
    timer.start(0ms);
    timer.start(1h);
    loop.run_once(0ms);
    EXPECT_EQ(calls, 0);
    timer.start(0ms);
    timer.stop();
    timer.stop();
    loop.run_once(0ms);
    EXPECT_EQ(calls, 0);
}

TEST(Timer, MayDestroyItselfInItsCallback) {
    Loop loop;
    auto timer = std::make_unique<std::optional<Timer>>();
    const auto captured = std::make_shared<int>(7);
    int seen = 0;
    timer->emplace(loop, [&timer, &seen, captured] {
        timer.reset();
        seen = *captured;  // the callback outlives its handle up to the end of the turn
    });
    (*timer)->start_every(1ms);
    while (seen == 0) {
        loop.run_once(10s);
    }
    EXPECT_EQ(seen, 7);
    EXPECT_EQ(captured.use_count(), 1);
}

TEST(Timer, MovedHandlesKeepRunning) {
    Loop loop;
    int calls = 0;
    Timer timer(loop, [&] { ++calls; });
    timer.start(0ms);
    Timer moved(std::move(timer));
    Timer target(loop, [] { ADD_FAILURE() << "was replaced"; });
    target.start(0ms);
    target = std::move(moved);
    loop.run_once(0ms);
    EXPECT_EQ(calls, 1);
}

TEST(Timer, EqualTimesExpireInTheOrderOfStart) {
    Loop loop;
    std::vector<int> order;
    std::vector<Timer> timers;
    for (int i = 0; i < 20; ++i) {
        timers.emplace_back(loop, [&order, i] { order.push_back(i); });
    }
    EXPECT_TRUE(loop.post([&] {
        for (Timer& timer : timers) {
            timer.start(0ms);
        }
        timers[0].start(0ms);  // behind the others now
    }));
    loop.run_once(0ms);
    ASSERT_EQ(order.size(), 20u);
    EXPECT_EQ(order.front(), 1);
    EXPECT_EQ(order.back(), 0);
}

TEST(Timer, APeriodKeepsItsRhythmAndSkipsWhatWasMissed) {
    Loop loop;
    std::vector<Clock::time_point> at;
    Timer timer(loop, [&] {
        at.push_back(loop.now());
        if (at.size() == 2) {
            const Clock::time_point until = Clock::now() + 17ms;  // misses three periods
            while (Clock::now() < until) {
            }
        }
        if (at.size() == 4) {
            loop.stop();
        }
    });
    const Clock::time_point start = loop.now();
    timer.start_every(5ms);
    loop.run();
    ASSERT_EQ(at.size(), 4u);
    EXPECT_GE(at[0] - start, 5ms);
    EXPECT_GE(at[2] - at[1], 17ms);
    // The missed ones do not come in a burst: each call belongs to a period of its own.
    EXPECT_LT((at[2] - start) / 5ms, (at[3] - start) / 5ms);
    timer.stop();
    EXPECT_FALSE(timer.running());
}

TEST(Timer, HeapAgreesWithAModelUnderRandomUse) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    Loop loop;
    std::vector<Timer> timers;
    std::vector<bool> expected(100, false);
    std::vector<int> fired(100, 0);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        timers.emplace_back(loop, [&fired, i] { ++fired[i]; });
    }
    for (int step = 0; step < 300; ++step) {
        EXPECT_TRUE(loop.post([&] {
            for (int k = 0; k < 20; ++k) {
                const std::size_t i = random() % timers.size();
                if (random() % 3 == 0) {
                    timers[i].stop();
                    expected[i] = false;
                } else {
                    const bool soon = random() % 2 == 0;
                    timers[i].start(soon ? 0ms : 1h);
                    expected[i] = soon;
                }
            }
        }));
        loop.run_once(0ms);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            ASSERT_EQ(fired[i], expected[i] ? 1 : 0) << i;
            ASSERT_FALSE(expected[i] && timers[i].running());
            fired[i] = 0;
            expected[i] = false;
        }
    }
}

}  // namespace
}  // namespace corevent
