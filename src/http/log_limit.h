// LogLimit: at most one line a second from one place, and how many were kept back in between. Any
// thread; relaxed, so two threads at the border of a second may both pass.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

namespace corevent::http {

class LogLimit {
public:
    /// True if a line may be written now; `suppressed` is then the number of lines that were not
    /// since the last one.
    bool allow(std::uint64_t& suppressed) noexcept {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        const std::int64_t second = now.tv_sec + 1;
        if (last_.load(std::memory_order_relaxed) == second) {
            suppressed_.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
        last_.store(second, std::memory_order_relaxed);
        suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
        return true;
    }

private:
    std::atomic<std::int64_t> last_{0};
    std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace corevent::http
