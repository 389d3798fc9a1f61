#include <corevent/offload.h>

#include <corevent/loop_group.h>
#include <corevent/task_scope.h>

#include "loop/run_task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

class Offload : public testing::Test {
protected:
    Loop loop_{LoopOptions{.stall_threshold = 0ms}};
};

/// Work that holds a thread of a pool until it is let go.
class Gate {
public:
    void pass() {
        entered_.count_down();
        open_.wait();
    }
    void wait_until_entered() { entered_.wait(); }
    void open() { open_.count_down(); }

private:
    std::latch entered_{1};
    std::latch open_{1};
};

int plain_function() {
    return 5;
}

TEST_F(Offload, RunsElsewhereAndComesHome) {
    test::run_task(loop_, [&]() -> Task<> {
        const std::thread::id home = std::this_thread::get_id();
        std::string text = "what the coroutine owns";
        const Result<std::thread::id> where = co_await offload([&text] {
            text += ", changed";
            return std::this_thread::get_id();
        });
        EXPECT_TRUE(where);
        EXPECT_NE(where.value(), home);
        EXPECT_EQ(std::this_thread::get_id(), home);
        EXPECT_EQ(text, "what the coroutine owns, changed");
        EXPECT_TRUE(co_await offload([] {}));
        EXPECT_EQ((co_await offload(plain_function)).value(), 5);
        const Result<std::unique_ptr<int>> box =
            co_await offload([] { return std::make_unique<int>(6); });
        EXPECT_EQ(**box, 6);
    });
}

TEST_F(Offload, ResultsAreNotNested) {
    test::run_task(loop_, [&]() -> Task<> {
        const auto refuse = []() -> Result<int> {
            return std::unexpected(std::make_error_code(std::errc::permission_denied));
        };
        const Result<int> refused = co_await offload(refuse);
        EXPECT_EQ(refused.error(), std::errc::permission_denied);
        const Result<int> given = co_await offload([]() -> Result<int> { return 4; });
        EXPECT_EQ(given.value(), 4);
    });
}

TEST_F(Offload, ExceptionsComeHome) {
    test::run_task(loop_, [&]() -> Task<> {
        std::string caught;
        try {
            co_await offload([] { throw std::runtime_error("from the pool"); });
        } catch (const std::runtime_error& e) {
            caught = e.what();
        }
        EXPECT_EQ(caught, "from the pool");
    });
}

TEST_F(Offload, ThreadsStartWithTheWork) {
    OffloadPool pool(3, 100);
    EXPECT_EQ(pool.threads(), 0u);
    test::run_task(loop_, [&]() -> Task<> {
        co_await offload(pool, [] {});
        EXPECT_EQ(pool.threads(), 1u);
        TaskScope scope;
        std::latch together(3);
        for (int i = 0; i < 3; ++i) {
            scope.spawn([&]() -> Task<> {
                co_await offload(pool, [&] {
                    together.arrive_and_wait();
                });  // only three at once can pass
            });
        }
        co_await scope.join();
        EXPECT_EQ(pool.threads(), 3u);
        for (int i = 0; i < 20; ++i) {
            co_await offload(pool, [] {});
        }
        EXPECT_EQ(pool.threads(), 3u);
    });
}

TEST_F(Offload, AFullQueueSaysSoAtOnce) {
    OffloadPool pool(1, 2);
    test::run_task(loop_, [&]() -> Task<> {
        Gate gate;
        TaskScope scope;
        int done = 0;
        const auto job = [&](bool holds) -> Task<> {
            const Result<void> result = co_await offload(pool, [&gate, holds] {
                if (holds) {
                    gate.pass();
                }
            });
            EXPECT_TRUE(result);
            ++done;
        };
        scope.spawn(job(true));
        gate.wait_until_entered();
        scope.spawn(job(false));
        scope.spawn(job(false));
        EXPECT_EQ(pool.queued(), 2u);
        const Result<void> refused = co_await offload(pool, [] {});
        EXPECT_EQ(refused.error(), Errc::queue_full);
        gate.open();
        co_await scope.join();
        EXPECT_EQ(done, 3);
        EXPECT_TRUE(co_await offload(pool, [] {}));
    });
}

TEST_F(Offload, CancelledInTheQueueItNeverRuns) {
    OffloadPool pool(1, 10);
    test::run_task(loop_, [&]() -> Task<> {
        Gate gate;
        TaskScope holder;
        holder.spawn([&]() -> Task<> { co_await offload(pool, [&] { gate.pass(); }); });
        gate.wait_until_entered();
        TaskScope waiters;
        std::atomic<int> ran{0};
        int cancelled = 0;
        for (int i = 0; i < 3; ++i) {
            waiters.spawn([&]() -> Task<> {
                const Result<void> result = co_await offload(pool, [&] { ++ran; });
                cancelled += !result && result.error() == std::errc::operation_canceled;
                const Result<void> again =
                    co_await offload(pool, [&] { ++ran; });  // asked to leave already
                cancelled += !again && again.error() == std::errc::operation_canceled;
            });
        }
        waiters.cancel();
        EXPECT_EQ(pool.queued(), 0u);
        co_await waiters.join();
        gate.open();
        co_await holder.join();
        EXPECT_EQ(cancelled, 6);
        EXPECT_EQ(ran, 0);
    });
}

TEST_F(Offload, CancelledWhileItRunsItIsWaitedFor) {
    OffloadPool pool(1, 10);
    test::run_task(loop_, [&]() -> Task<> {
        Gate gate;
        TaskScope scope;
        std::optional<Result<int>> result;
        scope.spawn([&]() -> Task<> {
            std::string owned(100, 'x');
            const auto work = [&gate, &owned] {
                gate.pass();
                return static_cast<int>(owned.size());
            };
            result = co_await offload(pool, work);
        });
        gate.wait_until_entered();
        scope.cancel();
        co_await yield();
        EXPECT_FALSE(result);
        gate.open();
        co_await scope.join();
        EXPECT_EQ(result->value(), 100);
    });
}

TEST_F(Offload, AStoppedPoolSendsEverythingHome) {
    OffloadPool pool(1, 10);
    test::run_task(loop_, [&]() -> Task<> {
        Gate gate;
        TaskScope scope;
        std::string outcomes;
        scope.spawn([&]() -> Task<> {
            const Result<void> result = co_await offload(pool, [&] { gate.pass(); });
            outcomes += result ? "ran " : "not ";
        });
        gate.wait_until_entered();
        for (int i = 0; i < 2; ++i) {
            scope.spawn([&]() -> Task<> {
                const Result<void> result = co_await offload(pool, [] {});
                outcomes += result.error() == std::errc::operation_canceled ? "cancelled " : "? ";
            });
        }
        std::jthread stopper([&] { pool.stop(); });
        while (pool.queued() != 0) {
            co_await yield();
        }
        gate.open();
        co_await scope.join();
        stopper.join();
        EXPECT_EQ(outcomes.find('?'), std::string::npos);
        EXPECT_NE(outcomes.find("ran"), std::string::npos);
        EXPECT_EQ(outcomes.size(), std::string("ran cancelled cancelled ").size());
        EXPECT_EQ((co_await offload(pool, [] {})).error(), Errc::loop_stopped);
    });
}

TEST_F(Offload, ManyJobsOfManyLoops) {
    constexpr int jobs = 300;
    LoopGroup group({.loops = 3, .offload_threads = 4});
    std::latch finished(3);
    std::atomic<int> ran{0};
    std::vector<std::unique_ptr<TaskScope>> scopes;
    for (unsigned i = 0; i < group.size(); ++i) {
        scopes.push_back(std::make_unique<TaskScope>());
        EXPECT_TRUE(group[i].post([&, i, scope = scopes.back().get()] {
            scope->spawn([&, i]() -> Task<> {
                TaskScope inner;
                for (int j = 0; j < jobs; ++j) {
                    inner.spawn([&, i]() -> Task<> {
                        for (int k = 0; k < 3; ++k) {
                            EXPECT_TRUE(co_await offload([&ran] { ran.fetch_add(1); }));
                            EXPECT_EQ(Loop::current(), &group[i]);
                        }
                    });
                }
                co_await inner.join();
                finished.count_down();
            });
        }));
    }
    group.start();
    finished.wait();
    group.stop();
    EXPECT_EQ(ran, 3 * jobs * 3);
}

// Cancellation, completion and the full queue race: each job completes exactly once.
TEST_F(Offload, CancellationRacesWithTheWork) {
    OffloadPool pool(2, 8);
    test::run_task(loop_, [&]() -> Task<> {
        int completed = 0;
        for (int round = 0; round < 300; ++round) {
            TaskScope scope;
            for (int i = 0; i < 12; ++i) {
                scope.spawn([&]() -> Task<> {
                    const Result<int> result = co_await offload(pool, [] { return 1; });
                    EXPECT_TRUE(result || result.error() == std::errc::operation_canceled ||
                                result.error() == Errc::queue_full);
                    ++completed;
                });
            }
            if (round % 3 != 0) {
                co_await yield();
            }
            scope.cancel();
            co_await scope.join();
        }
        EXPECT_EQ(completed, 300 * 12);
    });
}

}  // namespace
}  // namespace corevent
