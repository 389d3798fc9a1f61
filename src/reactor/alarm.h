// Alarm: a timerfd that makes a poller return at a time. For what is due seldom and moves often
// (coarse deadlines): a poller that waits without a time limit saves 0.5 us at each sleep, and
// setting the alarm costs a system call only when it has to ring earlier than it was set to. It
// rings once. A poller that re-arms by itself needs no drain(); for the others the owner calls it
// before rearm(). One thread.
#pragma once

#include "reactor/fd.h"

#include <cstdint>

namespace corevent {

class Alarm {
public:
    static constexpr std::uint64_t never = UINT64_MAX;

    Alarm();  ///< throws std::system_error when no descriptor is left
    int fd() const noexcept { return fd_.get(); }

    /// To ring at `due_ns` of CLOCK_MONOTONIC or earlier: one that is set to an earlier time stays,
    /// and whoever hears it sets it again.
    void set(std::uint64_t due_ns) noexcept {
        if (due_ns < due_ns_) set_kernel(due_ns);
    }
    /// The poller has told that it rang.
    void rang() noexcept { due_ns_ = never; }
    void drain() const noexcept;

private:
    void set_kernel(std::uint64_t due_ns) noexcept;

    Fd fd_;
    std::uint64_t due_ns_ = never;
};

}  // namespace corevent
