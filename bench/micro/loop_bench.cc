// What a loop and its coroutines cost: an empty turn, work of the next turn, timers of the user, tasks
// that end at once or suspend, cancellation scopes, and the way to a pool thread and back. Posting and
// deadlines have files of their own.
#include "base/slab.h"
#include "loop/loop_core.h"

#include <corevent/offload.h>
#include <corevent/task_scope.h>

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace corevent;
using namespace std::chrono_literals;

/// Runs `body` as a coroutine on a loop, for benchmarks that await.
template <class F>
void on_a_loop(F body) {
    Loop loop(LoopOptions{.stall_threshold = 0ms});
    TaskScope scope;
    const auto main = [&]() -> Task<> {
        co_await body();
        loop.stop();
    };
    if (loop.post([&] { scope.spawn(main); })) {
        loop.run();
    }
}

/// One system call, two clocks, no work: the floor under every turn.
void empty_turn(benchmark::State& state) {
    Loop loop;
    for (auto _ : state) {
        benchmark::DoNotOptimize(loop.run_once(0ms));
    }
}

void ready_item(benchmark::State& state) {
    struct Item final : ReadyItem {
        void on_turn() override { benchmark::DoNotOptimize(this); }
    };
    Loop loop;
    std::vector<std::unique_ptr<Item>> items;
    for (int i = 0; i < 256; ++i) {
        items.push_back(std::make_unique<Item>());
    }
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(items.size()))) {
        for (const auto& item : items) {
            loop.core().make_ready(*item);
        }
        loop.run_once(0ms);
    }
}

struct CountedTimer final : TimerNode {
    std::uint64_t expired = 0;

private:
    void on_timer() override { ++expired; }
};

/// Moving one of many timers of the user: what deadlines avoid.
void timer_restart(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    Loop loop;
    LoopCore& core = loop.core();
    const std::unique_ptr<CountedTimer[]> timers(new CountedTimer[count]);
    std::mt19937 random(7);
    std::uint64_t now = core.now_ns() + 3600 * 1000 * ns_per_ms;
    for (std::size_t i = 0; i < count; ++i) {
        core.start_timer(timers[i], now + i);
    }
    for (auto _ : state) {
        now += 1000;
        core.start_timer(timers[random() % count], now);
    }
    for (std::size_t i = 0; i < count; ++i) {
        core.stop_timer(timers[i]);
    }
}

void slab_block(benchmark::State& state) {
    Slab slab(320);
    std::array<void*, 64> blocks;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(blocks.size()))) {
        for (void*& block : blocks) {
            block = slab.allocate();
        }
        for (void* block : blocks) {
            slab.release(block);
        }
    }
}

Task<std::uint64_t> immediate(std::uint64_t value) {
    co_return value;
}

void task_immediate(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        std::uint64_t sum = 0;
        for (auto _ : state) {
            sum += co_await immediate(1);
        }
        benchmark::DoNotOptimize(sum);
    });
}

Task<std::uint64_t> nested(unsigned depth) {
    if (depth == 0) {
        co_return 1;
    }
    co_return 1 + co_await nested(depth - 1);
}

void task_nested_8(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        for (auto _ : state) {
            benchmark::DoNotOptimize(co_await nested(7));
        }
    });
}

void task_spawned(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        TaskScope scope;
        std::uint64_t runs = 0;
        const auto task = [&runs]() -> Task<> {
            ++runs;
            co_return;
        };
        for (auto _ : state) {
            scope.spawn(task());
        }
        co_await scope.join();
    });
}

/// A whole turn of the loop per iteration, with its poller call.
void task_yield(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        for (auto _ : state) {
            co_await yield();
        }
    });
}

void task_with_timeout(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        for (auto _ : state) {
            benchmark::DoNotOptimize(co_await with_timeout(1h, immediate(1)));
        }
    });
}

void task_when_all_3(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        for (auto _ : state) {
            const auto [a, b, c] = co_await when_all(immediate(1), immediate(2), immediate(3));
            benchmark::DoNotOptimize(a + b + c);
        }
    });
}

/// To a thread of the pool and back: two wake-ups of sleeping threads.
void offload_round_trip(benchmark::State& state) {
    on_a_loop([&]() -> Task<> {
        for (auto _ : state) {
            benchmark::DoNotOptimize(co_await offload([] { return 1; }));
        }
    });
}

}  // namespace

BENCHMARK(empty_turn);
BENCHMARK(ready_item);
BENCHMARK(timer_restart)->Arg(1000)->Arg(10'000)->Arg(100'000);
BENCHMARK(slab_block);
BENCHMARK(task_immediate);
BENCHMARK(task_nested_8);
BENCHMARK(task_spawned);
BENCHMARK(task_yield);
BENCHMARK(task_with_timeout);
BENCHMARK(task_when_all_3);
BENCHMARK(offload_round_trip)->UseRealTime();
