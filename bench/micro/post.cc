// Posting to another loop that is awake: what the poster pays, with an item of its own and with a
// closure. The loop is kept awake by an item that posts itself again; the poster waits for the loop
// after every burst, outside the clock, so that the queue stays short.
#include <corevent/loop.h>

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace {

using namespace corevent;

constexpr std::size_t burst = 1024;

/// Runs a loop on a thread of its own and keeps it from sleeping.
class AwakeLoop final : private PostItem {
public:
    AwakeLoop() {
        loop_.post(static_cast<PostItem&>(*this));
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~AwakeLoop() {
        ending_.store(true, std::memory_order_relaxed);
        loop_.stop();
        thread_.join();
    }

    Loop& loop() noexcept { return loop_; }
    void count() noexcept {
        done_.store(done_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    void wait_for(std::uint64_t done) const {
        while (done_.load(std::memory_order_acquire) != done) {
            std::this_thread::yield();
        }
    }

private:
    void run() override {
        if (!ending_.load(std::memory_order_relaxed)) {
            loop_.post(static_cast<PostItem&>(*this));
        }
    }
    void discard() noexcept override {}

    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> ending_{false};
    Loop loop_;
    std::thread thread_;
};

class Item final : public PostItem {
public:
    AwakeLoop* target = nullptr;

private:
    void run() override { target->count(); }
    void discard() noexcept override {}
};

template <class Post>
void measure(benchmark::State& state, AwakeLoop& awake, Post post) {
    std::uint64_t posted = 0;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(burst))) {
        for (std::size_t i = 0; i < burst; ++i) {
            post(i);
        }
        posted += burst;
        state.PauseTiming();
        awake.wait_for(posted);
        state.ResumeTiming();
    }
}

void post_item(benchmark::State& state) {
    AwakeLoop awake;
    std::array<Item, burst> items;
    for (Item& item : items) {
        item.target = &awake;
    }
    measure(state, awake,
            [&](std::size_t i) { awake.loop().post(static_cast<PostItem&>(items[i])); });
}

void post_closure(benchmark::State& state) {
    AwakeLoop awake;
    measure(state, awake, [&](std::size_t) {
        while (!awake.loop().post([&awake] { awake.count(); })) {
            std::this_thread::yield();  // does not happen: a burst is shorter than the limit
        }
    });
}

}  // namespace

BENCHMARK(post_item);
BENCHMARK(post_closure);
