// LoopSignals: the signal handlers of one loop, behind SignalHandler. Made when the first handler
// is; its sink is fed by the process-wide registry (reactor/signals.h) from wherever a signal
// arrives. Used on the loop's thread.
#pragma once

#include "loop/loop_core.h"
#include "reactor/signals.h"

#include <vector>

namespace corevent {

class SignalCore final : public Buried {
public:
    SignalCore(LoopCore& loop, int number, Callback on_signal) noexcept
        : loop_(loop), number_(number), on_signal_(std::move(on_signal)) {}

    LoopCore& loop() noexcept { return loop_; }
    int number() const noexcept { return number_; }
    void call() { on_signal_(); }
    void destroy_now() noexcept override { delete this; }

private:
    LoopCore& loop_;
    const int number_;
    Callback on_signal_;
};

class LoopSignals {
public:
    explicit LoopSignals(const Wakeup& wakeup) noexcept : sink_(wakeup) {}

    Result<void> add(SignalCore& core);
    void remove(SignalCore& core) noexcept;

    bool pending() const noexcept { return sink_.pending(); }
    bool empty() const noexcept { return cores_.empty(); }
    void dispatch();  ///< calls the handlers of what arrived; they may add and remove handlers

private:
    SignalSink sink_;
    std::vector<SignalCore*> cores_;  ///< null: removed while dispatching
    bool dispatching_ = false;
};

}  // namespace corevent
