#include "reactor/signals.h"

#include "base/assert.h"

#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <mutex>
#include <vector>

namespace corevent {
namespace {

/// One entry for each watch; those of one sink stand together.
using SinkList = std::vector<SignalSink*>;

/// Handlers read `sinks` of their signal without a lock. A list is never changed: a new one takes
/// its place, and the old one is freed when no handler runs any more.
struct Watched {
    std::atomic<SinkList*> sinks{nullptr};
    struct sigaction before{};
};

std::array<Watched, signal_number_max + 1> watched;
std::atomic<int> handlers_running{0};
std::mutex watch_lock;

void handle(int number) {
    handlers_running.fetch_add(1, std::memory_order_seq_cst);
    const SinkList* sinks =
        watched[static_cast<std::size_t>(number)].sinks.load(std::memory_order_seq_cst);
    if (sinks != nullptr) {
        const SignalSink* told = nullptr;
        for (SignalSink* sink : *sinks) {
            // Once for each sink: its owner may take() between two raises and count one signal twice.
            if (sink != told) {
                sink->raise(number);
                told = sink;
            }
        }
    }
    handlers_running.fetch_sub(1, std::memory_order_seq_cst);
}

void replace(Watched& w, std::unique_ptr<SinkList> sinks) noexcept {
    const std::unique_ptr<SinkList> old(w.sinks.exchange(sinks.release(),
                                                         std::memory_order_seq_cst));
    while (handlers_running.load(std::memory_order_seq_cst) != 0) {
        sched_yield();
    }
}

}  // namespace

Result<void> watch_signal(int number, SignalSink& sink) {
    if (number < 1 || number > signal_number_max) {
        return std::unexpected(std::error_code(EINVAL, std::system_category()));
    }
    const std::lock_guard lock(watch_lock);
    Watched& w = watched[static_cast<std::size_t>(number)];
    const SinkList* now = w.sinks.load(std::memory_order_relaxed);
    const bool first = now == nullptr;
    auto sinks = first ? std::make_unique<SinkList>() : std::make_unique<SinkList>(*now);
    sinks->insert(std::ranges::find(*sinks, &sink), &sink);
    replace(w, std::move(sinks));
    if (first) {
        struct sigaction action{};
        action.sa_handler = handle;
        action.sa_flags = SA_RESTART;
        sigfillset(&action.sa_mask);
        if (sigaction(number, &action, &w.before) != 0) {
            const std::error_code error(errno, std::system_category());
            replace(w, nullptr);
            return std::unexpected(error);
        }
    }
    return {};
}

void unwatch_signal(int number, SignalSink& sink) noexcept {
    const std::lock_guard lock(watch_lock);
    Watched& w = watched[static_cast<std::size_t>(number)];
    const SinkList* now = w.sinks.load(std::memory_order_relaxed);
    CE_ASSERT(now != nullptr);
    auto sinks = std::make_unique<SinkList>(*now);
    const auto found = std::ranges::find(*sinks, &sink);
    CE_ASSERT(found != sinks->end());
    sinks->erase(found);
    if (sinks->empty()) {
        sigaction(number, &w.before, nullptr);
        sinks.reset();
    }
    replace(w, std::move(sinks));
}

void ignore_sigpipe() noexcept {
    static const bool done = [] {
        struct sigaction now{};
        if (sigaction(SIGPIPE, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
            now.sa_handler == SIG_DFL) {
            now.sa_handler = SIG_IGN;
            sigaction(SIGPIPE, &now, nullptr);
        }
        return true;
    }();
    static_cast<void>(done);
}

}  // namespace corevent
