#include <corevent/task_scope.h>

#include <corevent/log.h>

#include "loop/run_task.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
}

class Tasks : public testing::Test {
protected:
    Tasks() {
        set_log_sink([](LogLevel, std::string_view line) { lines().emplace_back(line); });
    }
    ~Tasks() override {
        set_log_sink(nullptr);
        lines().clear();
    }
    Loop loop_{LoopOptions{.stall_threshold = 0ms}};
};

Task<int> value_after(Clock::duration duration, int value) {
    co_await sleep_for(duration);
    co_return value;
}
Task<Result<int>> patient(int value) {
    if (const Result<void> slept = co_await sleep_for(1h); !slept) {
        co_return std::unexpected(slept.error());
    }
    co_return value;
}
Task<int> throws_after(Clock::duration duration, const char* what) {
    co_await sleep_for(duration);
    throw std::runtime_error(what);
}

// --- sleep_for, yield

TEST_F(Tasks, SleepForSleeps) {
    test::run_task(loop_, [&]() -> Task<> {
        const Clock::time_point start = Clock::now();
        EXPECT_TRUE(co_await sleep_for(10ms));
        EXPECT_GE(Clock::now() - start, 10ms);
        EXPECT_TRUE(co_await sleep_for(0ms));
        EXPECT_TRUE(co_await sleep_for(-1h));
    });
}

TEST_F(Tasks, ACancelledSleepEndsEarlyAndOneThatStartsLaterNotAtAll) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope scope;
        std::vector<std::error_code> errors;
        scope.spawn([&]() -> Task<> {
            for (int i = 0; i < 2; ++i) {
                const Result<void> slept = co_await sleep_for(1h);
                errors.push_back(slept ? std::error_code() : slept.error());
            }
        });
        scope.cancel();
        EXPECT_TRUE(errors.empty()) << "a request, not an end: nobody is resumed inside cancel()";
        co_await scope.join();
        EXPECT_EQ(errors.size(), 2u);
        for (const std::error_code& error : errors) {
            EXPECT_EQ(error, std::errc::operation_canceled);
        }
    });
}

TEST_F(Tasks, YieldLetsOthersRun) {
    test::run_task(loop_, [&]() -> Task<> {
        std::string order;
        TaskScope scope;
        for (const char name : {'a', 'b'}) {
            scope.spawn([&order, name]() -> Task<> {
                for (int i = 0; i < 3; ++i) {
                    order.push_back(name);
                    co_await yield();
                }
            });
        }
        co_await scope.join();
        EXPECT_EQ(order, "ababab");
    });
}

// --- TaskScope

TEST_F(Tasks, AScopeStartsAtOnceAndJoinsAll) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope scope;
        co_await scope.join();  // empty
        int started = 0, ended = 0;
        for (int i = 0; i < 5; ++i) {
            scope.spawn([&, i]() -> Task<> {
                ++started;
                if (i > 0) {
                    co_await sleep_for(i * 1ms);
                }
                ++ended;
            });
        }
        EXPECT_EQ(started, 5);
        EXPECT_EQ(ended, 1);
        EXPECT_EQ(scope.size(), 4u);
        co_await scope.join();
        EXPECT_EQ(ended, 5);
        EXPECT_EQ(scope.size(), 0u);
        scope.spawn([&]() -> Task<> {  // a scope may be used again
            ++ended;
            co_return;
        });
        co_await scope.join();
        EXPECT_EQ(ended, 6);
    });
}

TEST_F(Tasks, ATaskMaySpawnIntoItsOwnScope) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope scope;
        int depth = 0;
        struct Nest {
            static Task<> go(TaskScope& into, int& level) {
                if (++level < 5) {
                    co_await yield();
                    into.spawn(go(into, level));
                }
            }
        };
        scope.spawn(Nest::go(scope, depth));
        co_await scope.join();
        EXPECT_EQ(depth, 5);
    });
}

TEST_F(Tasks, EscapedExceptionsAreLoggedCountedAndTheFirstThrown) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope scope;
        int survivors = 0;
        scope.spawn([]() -> Task<> {
            co_await sleep_for(2ms);
            throw std::runtime_error("second");
        });
        scope.spawn([]() -> Task<> {
            co_await yield();
            throw std::runtime_error("first");
        });
        scope.spawn([]() -> Task<> {
            co_await sleep_for(3ms);
            throw 42;
        });
        scope.spawn([&]() -> Task<> {
            co_await sleep_for(4ms);
            ++survivors;
        });
        std::string caught;
        try {
            co_await scope.join();
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
        EXPECT_EQ(caught, "first");
        EXPECT_EQ(survivors, 1);
        EXPECT_EQ(scope.exceptions(), 3u);
        co_await scope.join();  // thrown once
    });
    ASSERT_EQ(lines().size(), 3u);
    EXPECT_EQ(lines()[0], "a spawned task ended by an exception: first");
    EXPECT_EQ(lines()[1], "a spawned task ended by an exception: second");
    EXPECT_EQ(lines()[2], "a spawned task ended by an exception: not a std::exception");
}

TEST_F(Tasks, CancellingTheWaiterCancelsTheScope) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope outer;
        std::error_code seen;
        bool joined = false;
        outer.spawn([&]() -> Task<> {
            TaskScope inner;
            inner.spawn([&]() -> Task<> { seen = (co_await patient(1)).error(); });
            co_await inner.join();
            joined = true;
        });
        outer.cancel();
        co_await outer.join();
        EXPECT_EQ(seen, std::errc::operation_canceled);
        EXPECT_TRUE(joined);
    });
}

TEST_F(Tasks, JoiningUnderACancelledScopeCancelsAtOnce) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope outer;
        bool joined = false;
        outer.cancel();
        outer.spawn([&]() -> Task<> {
            TaskScope inner;
            inner.spawn([]() -> Task<> { co_await patient(1); });
            co_await inner.join();
            joined = true;
        });
        co_await outer.join();
        EXPECT_TRUE(joined);
    });
}

TEST_F(Tasks, AScopeUnderAParentIsCancelledWithIt) {
    test::run_task(loop_, [&]() -> Task<> {
        CancelScope parent;
        TaskScope scope(parent);
        scope.spawn([]() -> Task<> { co_await patient(1); });
        parent.cancel();
        EXPECT_TRUE(scope.cancelled());
        co_await scope.join();
    });
}

TEST_F(Tasks, TheCallableAndItsArgumentsLiveAsLongAsTheTask) {
    const auto token = std::make_shared<int>(1);
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope scope;
        scope.spawn(
            [token](std::shared_ptr<int> argument) -> Task<> {
                co_await yield();
                EXPECT_EQ(*token + *argument, 2);
            },
            token);
        EXPECT_GE(token.use_count(), 3);
        co_await scope.join();
        EXPECT_EQ(token.use_count(), 1);
    });
}

TEST_F(Tasks, AScopeThatIsNotEmptyMustNotDie) {
    EXPECT_DEATH(
        {
            Loop loop;
            EXPECT_TRUE(loop.post([] {
                TaskScope scope;
                scope.spawn([]() -> Task<> { co_await sleep_for(1h); });
            }));
            loop.run_once(0ms);
        },
        "assertion failed: active_ == 0");
}

// --- when_all

TEST_F(Tasks, WhenAllRunsSideBySideAndGivesATuple) {
    test::run_task(loop_, [&]() -> Task<> {
        int started = 0;
        const auto child = [&](Clock::duration duration) -> Task<int> {
            const int mine = ++started;
            co_await sleep_for(duration);
            EXPECT_EQ(started, 3) << "one after the other";
            co_return mine;
        };
        const auto nothing = [&]() -> Task<> { co_await child(1ms); };
        const auto [a, b, c] = co_await when_all(child(3ms), child(2ms), nothing());
        EXPECT_EQ(a, 1);
        EXPECT_EQ(b, 2);
        EXPECT_EQ(c, std::monostate());
        const auto [immediate] = co_await when_all([]() -> Task<int> { co_return 3; }());
        EXPECT_EQ(immediate, 3);
    });
}

TEST_F(Tasks, WhenAllCancelsTheOthersAfterAnException) {
    test::run_task(loop_, [&]() -> Task<> {
        std::string caught;
        std::error_code other;
        const auto watcher = [&]() -> Task<> { other = (co_await patient(1)).error(); };
        try {
            co_await when_all(watcher(), throws_after(1ms, "late"));
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
        EXPECT_EQ(caught, "late");
        EXPECT_EQ(other, std::errc::operation_canceled);
    });
}

TEST_F(Tasks, WhenAllOfOneThatThrowsAtOnceAndOneThatStartsAfterIt) {
    test::run_task(loop_, [&]() -> Task<> {
        std::string caught;
        const auto at_once = []() -> Task<int> {
            throw std::runtime_error("at once");
            co_return 1;
        };
        try {
            co_await when_all(at_once(), patient(1));
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
        EXPECT_EQ(caught, "at once");
    });
}

TEST_F(Tasks, WhenAllOverAVectorKeepsTheOrder) {
    test::run_task(loop_, [&]() -> Task<> {
        const auto make = [](int i) { return [i] { return value_after((5 - i) * 1ms, i); }; };
        std::vector<decltype(make(0))> factories;
        for (int i = 0; i < 5; ++i) {
            factories.push_back(make(i));
        }
        const std::vector<int> values = co_await when_all(factories);
        EXPECT_EQ(values, (std::vector{0, 1, 2, 3, 4}));
        factories.clear();
        EXPECT_TRUE((co_await when_all(factories)).empty());
        int runs = 0;
        const auto plain = [&runs]() -> Task<> {
            co_await yield();
            ++runs;
        };
        std::vector<std::function<Task<>()>> voids(3, plain);
        co_await when_all(voids);
        EXPECT_EQ(runs, 3);
    });
}

TEST_F(Tasks, AFactoryThatThrowsStartsNothing) {
    test::run_task(loop_, [&]() -> Task<> {
        int started = 0;
        std::string caught;
        std::vector<std::function<Task<int>()>> factories;
        factories.emplace_back([&]() -> Task<int> {
            ++started;
            co_return 1;
        });
        factories.emplace_back([]() -> Task<int> { throw std::runtime_error("no task"); });
        try {
            co_await when_all(factories);
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
        EXPECT_EQ(caught, "no task");
        EXPECT_EQ(started, 0);
    });
}

// --- with_timeout

TEST_F(Tasks, WithTimeoutGivesTheResultInTime) {
    test::run_task(loop_, [&]() -> Task<> {
        EXPECT_EQ((co_await with_timeout(1h, value_after(1ms, 5))).value(), 5);
        EXPECT_EQ((co_await with_timeout(1h, []() -> Task<int> { co_return 6; }())).value(), 6);
        EXPECT_TRUE(co_await with_timeout(1h, []() -> Task<> { co_await yield(); }()));
        const Result<int> failed = co_await with_timeout(1h, []() -> Task<Result<int>> {
            co_return std::unexpected(std::make_error_code(std::errc::io_error));
        }());
        EXPECT_EQ(failed.error(), std::errc::io_error);
    });
}

TEST_F(Tasks, WithTimeoutAsksTheTaskToLeave) {
    test::run_task(loop_, [&]() -> Task<> {
        const Clock::time_point start = Clock::now();
        EXPECT_EQ((co_await with_timeout(5ms, patient(1))).error(), std::errc::timed_out);
        EXPECT_EQ((co_await with_timeout(5ms, value_after(1h, 1))).error(), std::errc::timed_out);
        EXPECT_EQ((co_await with_timeout(0ms, []() -> Task<> { co_await sleep_for(1h); }()))
                      .error(),
                  std::errc::timed_out);
        EXPECT_GE(Clock::now() - start, 10ms);
    });
}

TEST_F(Tasks, AChildThatIgnoresTheRequestIsWaitedFor) {
    test::run_task(loop_, [&]() -> Task<> {
        bool left = false;
        const auto stubborn = [&]() -> Task<Result<int>> {
            for (int i = 0; i < 3; ++i) {
                co_await sleep_for(3ms);
                co_await yield();
            }
            left = true;
            co_return 8;
        };
        const Result<int> result = co_await with_timeout(1ms, stubborn());
        EXPECT_TRUE(left);
        EXPECT_EQ(result.value(), 8) << "a value that it still brings is kept";
    });
}

TEST_F(Tasks, CancellationFromOutsideIsNoTimeout) {
    test::run_task(loop_, [&]() -> Task<> {
        TaskScope scope;
        std::error_code error;
        scope.spawn([&]() -> Task<> { error = (co_await with_timeout(1h, patient(1))).error(); });
        co_await yield();
        scope.cancel();
        co_await scope.join();
        EXPECT_EQ(error, std::errc::operation_canceled);
    });
}

TEST_F(Tasks, TimeoutsNest) {
    test::run_task(loop_, [&]() -> Task<> {
        const auto inner = []() -> Task<Result<int>> {
            co_return co_await with_timeout(1h, patient(1));
        };
        EXPECT_EQ((co_await with_timeout(2ms, inner())).error(), std::errc::timed_out);
        const auto outer = []() -> Task<Result<int>> {
            co_return co_await with_timeout(2ms, patient(1));
        };
        EXPECT_EQ((co_await with_timeout(1h, outer())).error(), std::errc::timed_out);
    });
}

TEST_F(Tasks, ExceptionsPassThroughATimeout) {
    test::run_task(loop_, [&]() -> Task<> {
        EXPECT_THROW(co_await with_timeout(1h, throws_after(1ms, "x")), std::runtime_error);
        EXPECT_THROW(co_await with_timeout(1ms, throws_after(1h, "x")), std::runtime_error);
    });
}

TEST_F(Tasks, ATreeOfEverythingIsCancelledAndJoined) {
    test::run_task(loop_, [&]() -> Task<> {
        int left = 0;
        const auto leaf = [&]() -> Task<> {
            co_await patient(1);
            ++left;
        };
        const auto branch = [&]() -> Task<> {
            co_await when_all(leaf(), leaf(), [&]() -> Task<> {
                TaskScope inner;
                inner.spawn(leaf());
                inner.spawn(leaf());
                co_await inner.join();
            }());
        };
        TaskScope scope;
        for (int i = 0; i < 50; ++i) {
            scope.spawn(branch());
        }
        co_await yield();
        scope.cancel();
        co_await scope.join();
        EXPECT_EQ(left, 200);
    });
}

}  // namespace
}  // namespace corevent
