// Deadlines of connections: the refresh that every request pays, at 10,000 to 1,000,000 connections
// visited in random order, and what expiry costs when time moves on.
#include "base/deadlines.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using namespace corevent;

class Entry final : public Deadline {
public:
    void on_deadline() override { ++expired; }
    std::uint64_t expired = 0;
};

constexpr std::uint64_t keep_alive_ms = 60'000;

std::vector<std::uint32_t> random_order(std::size_t count) {
    std::mt19937 random(7);
    std::vector<std::uint32_t> order(1 << 16);
    for (std::uint32_t& index : order) {
        index = static_cast<std::uint32_t>(random() % count);
    }
    return order;
}

void refresh(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    DeadlineQueue queue(0);
    std::vector<Entry> entries(count);
    for (Entry& entry : entries) {
        queue.set(entry, keep_alive_ms);
    }
    const std::vector<std::uint32_t> order = random_order(count);
    std::size_t turn = 0;
    std::uint64_t now = 0;
    for (auto _ : state) {
        queue.set(entries[order[turn & 0xffff]], now + keep_alive_ms);
        now += (++turn & 0xff) == 0 ? 1 : 0;
    }
    for (Entry& entry : entries) {
        queue.cancel(entry);
    }
}

/// Time moves by one bucket per iteration while every connection stays alive: the refiling that
/// pays for cheap refreshes.
void advance_refreshed(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    std::uint64_t now = 0;
    DeadlineQueue queue(now);
    std::vector<Entry> entries(count);
    for (std::size_t i = 0; i < count; ++i) {
        queue.set(entries[i], keep_alive_ms + i % keep_alive_ms);
    }
    for (auto _ : state) {
        state.PauseTiming();
        now += DeadlineQueue::bucket_ms;
        for (Entry& entry : entries) {
            queue.set(entry, now + keep_alive_ms);
        }
        state.ResumeTiming();
        benchmark::DoNotOptimize(queue.advance(now));
    }
    for (Entry& entry : entries) {
        queue.cancel(entry);
    }
}

}  // namespace

BENCHMARK(refresh)->Arg(10'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(advance_refreshed)->Arg(10'000)->Arg(100'000);
