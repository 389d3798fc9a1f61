// Posting to another loop that is awake: what the poster pays. The loop is kept awake by work that
// posts itself again; the poster waits for the loop every `burst` posts, outside the clock, so that
// the queue stays short.
#include <corevent/loop.h>

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace {

using namespace corevent;

constexpr std::uint64_t burst = 256;

class AwakeLoop {
public:
    AwakeLoop() {
        loop_.post([this] { stay_awake(); });
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~AwakeLoop() {
        ending_.store(true, std::memory_order_relaxed);
        loop_.stop();
        thread_.join();
    }

    void post_counted() {
        loop_.post([this] {
            done_.store(done_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        });
    }
    std::uint64_t done() const noexcept { return done_.load(std::memory_order_acquire); }

private:
    void stay_awake() {
        if (!ending_.load(std::memory_order_relaxed)) {
            loop_.post([this] { stay_awake(); });
        }
    }

    Loop loop_;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

void post_to_awake_loop(benchmark::State& state) {
    AwakeLoop loop;
    std::uint64_t posted = 0;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(burst))) {
        for (std::uint64_t i = 0; i < burst; ++i) {
            loop.post_counted();
        }
        posted += burst;
        state.PauseTiming();
        while (loop.done() != posted) {
            std::this_thread::yield();
        }
        state.ResumeTiming();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(posted));
}

}  // namespace

BENCHMARK(post_to_awake_loop);
