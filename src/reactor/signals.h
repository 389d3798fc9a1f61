// Signals turned into wake-ups. A SignalSink collects the numbers of signals that arrived and wakes
// its owner's poller; any number of sinks may watch a signal, process-wide. The first watcher of a
// signal replaces its disposition, the last one puts the old one back. watch_signal and
// unwatch_signal may be called from any thread; a sink outlives its watches. No callbacks here:
// what a signal means is the owner's business.
#pragma once

#include "reactor/wakeup.h"

#include <corevent/error.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace corevent {

inline constexpr int signal_number_max = 64;

class SignalSink {
public:
    explicit SignalSink(const Wakeup& wakeup) noexcept : wakeup_(wakeup) {}
    SignalSink(const SignalSink&) = delete;
    SignalSink& operator=(const SignalSink&) = delete;

    bool pending() const noexcept { return pending_.load(std::memory_order_relaxed) != 0; }
    /// The signals that arrived since the last call: bit n-1 stands for signal n.
    std::uint64_t take() noexcept { return pending_.exchange(0, std::memory_order_acq_rel); }

    /// How often signal `number` has arrived since this was last asked; for owners to whom that
    /// matters, after take().
    unsigned count(int number) noexcept {
        return counts_[static_cast<std::size_t>(number - 1)].exchange(0, std::memory_order_relaxed);
    }

    void raise(int number) noexcept {  ///< async-signal-safe, any thread
        counts_[static_cast<std::size_t>(number - 1)].fetch_add(1, std::memory_order_relaxed);
        pending_.fetch_or(std::uint64_t{1} << (number - 1), std::memory_order_acq_rel);
        wakeup_.notify();
    }

private:
    const Wakeup& wakeup_;
    std::atomic<std::uint64_t> pending_{0};
    std::array<std::atomic<unsigned>, signal_number_max> counts_{};
};

/// Fails with EINVAL for numbers that cannot be caught.
Result<void> watch_signal(int number, SignalSink& sink);
/// Once for each watch_signal. When it returns, no signal handler uses the sink on account of that
/// watch.
void unwatch_signal(int number, SignalSink& sink) noexcept;

/// Sets SIGPIPE to ignored unless the program has given it a disposition: a write to a socket that
/// the peer has closed is an error value here, never the end of the process (sendfile and TLS know
/// no MSG_NOSIGNAL). Once per process.
void ignore_sigpipe() noexcept;

}  // namespace corevent
