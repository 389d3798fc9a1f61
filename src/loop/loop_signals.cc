#include "loop/loop_signals.h"

#include "base/assert.h"

#include <algorithm>

namespace corevent {

Result<void> LoopSignals::add(SignalCore& core) {
    Result<void> watching = watch_signal(core.number(), sink_);
    if (watching) {
        cores_.push_back(&core);
    }
    return watching;
}

void LoopSignals::remove(SignalCore& core) noexcept {
    unwatch_signal(core.number(), sink_);
    const auto found = std::ranges::find(cores_, &core);
    CE_ASSERT(found != cores_.end());
    if (dispatching_) {
        *found = nullptr;
    } else {
        cores_.erase(found);
    }
}

void LoopSignals::dispatch() {
    const std::uint64_t arrived = sink_.take();
    dispatching_ = true;
    const std::size_t count = cores_.size();  // handlers that are added now wait for the next
                                              // signal
    for (std::size_t i = 0; i < count; ++i) {
        SignalCore* core = cores_[i];
        if (core != nullptr && (arrived >> (core->number() - 1) & 1) != 0) {
            core->call();
        }
    }
    dispatching_ = false;
    std::erase(cores_, nullptr);
}

}  // namespace corevent
