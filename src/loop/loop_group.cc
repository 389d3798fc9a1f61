#include <corevent/loop_group.h>

#include "base/assert.h"
#include "loop/loop_core.h"
#include "reactor/cores.h"

#include <corevent/offload.h>

#include <pthread.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

namespace corevent {
namespace {

constexpr unsigned offload_threads_min = 4;

}  // namespace

unsigned usable_cores() noexcept {
    return process_cores();
}

struct LoopGroup::State {
    std::vector<std::unique_ptr<Loop>> loops;
    std::unique_ptr<OffloadPool> pool;  // goes before the loops, to which its jobs return
    std::vector<std::thread> threads;
    bool started = false;
    bool stopped = false;
};

LoopGroup::LoopGroup(LoopGroupOptions options) : state_(std::make_unique<State>()) {
    const unsigned loops = options.loops != 0 ? options.loops : usable_cores();
    const unsigned workers = options.offload_threads != 0 ? options.offload_threads
                                                          : std::max(offload_threads_min, loops);
    const std::size_t queue =
        options.offload_queue != 0 ? options.offload_queue : Limits()[Limit::offload_queue];
    state_->pool = std::make_unique<OffloadPool>(workers, queue);
    for (unsigned i = 0; i < loops; ++i) {
        LoopOptions loop;
        loop.backend = options.backend;
        loop.index = i;
        loop.stall_threshold = options.stall_threshold;
        loop.posted_work_max = options.posted_work_max;
        state_->loops.push_back(std::make_unique<Loop>(loop));
        state_->loops.back()->core().use_offload_pool(*state_->pool);
    }
}

LoopGroup::~LoopGroup() {
    stop();
    state_->pool.reset();
}

unsigned LoopGroup::size() const noexcept {
    return static_cast<unsigned>(state_->loops.size());
}

Loop& LoopGroup::operator[](unsigned index) noexcept {
    CE_ASSERT(index < state_->loops.size());
    return *state_->loops[index];
}

void LoopGroup::start() {
    if (std::exchange(state_->started, true)) {
        return;
    }
    try {
        for (const std::unique_ptr<Loop>& loop : state_->loops) {
            state_->threads.emplace_back([&loop = *loop] {
                const std::string name = "corevent/" + std::to_string(loop.index());
                pthread_setname_np(pthread_self(), name.c_str());
                loop.run();
            });
        }
    } catch (...) {  // no thread left: those that started do not stay behind
        stop();
        throw;
    }
}

void LoopGroup::stop() noexcept {
    state_->stopped = true;
    state_->pool->stop();
    for (std::size_t i = 0; i < state_->threads.size(); ++i) {
        state_->loops[i]->stop();
    }
    for (std::thread& thread : state_->threads) {
        thread.join();
    }
    state_->threads.clear();
}

bool LoopGroup::running() const noexcept {
    return state_->started && !state_->stopped;
}

OffloadPool& LoopGroup::offload_pool() noexcept {
    return *state_->pool;
}

}  // namespace corevent
