// StallWatch: notices when a callback holds a loop for too long and says which. The coarse clock (7
// ns a look) is the trigger, the exact clock the figure; a callback may be charged up to one tick
// (4 ms) of what ran before it. One message per activity and minute, every stall counted. Owned by
// a loop and used on its thread; figures() for any thread.
#pragma once

#include "base/clock.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent {

class StallWatch {
public:
    struct Figures {
        std::uint64_t count;
        std::uint64_t longest_ms;
    };

    StallWatch(unsigned loop_index, std::chrono::milliseconds threshold) noexcept;

    /// The loop is free at `now_ns`: what is held is counted from here.
    void begin(std::uint64_t now_ns) noexcept { mark_ns_ = now_ns; }
    /// What runs next, for activities that do not name themselves; a literal.
    void begin_step(const char* name) noexcept {
        step_ = name;
        activity_ = name;
    }
    /// What runs from now on; must stay valid until the next check() or call.
    void set_activity(const char* name) noexcept { activity_ = name; }
    void check() noexcept {
        if (threshold_ns_ != 0 && coarse_ns() > mark_ns_) [[unlikely]] {
            measure();
        }
        activity_ = step_;
    }

    Figures figures() const noexcept {
        return {count_.load(std::memory_order_relaxed),
                longest_ms_.load(std::memory_order_relaxed)};
    }

private:
    void measure() noexcept;
    void report(std::uint64_t held_ns, std::uint64_t now_ns) noexcept;
    bool first_this_minute(std::string_view name, std::uint64_t now_ns) noexcept;

    struct Reported {
        std::size_t name_hash = 0;
        std::uint64_t at_ns = 0;
    };
    static constexpr std::size_t remembered = 64;

    std::uint64_t mark_ns_ = 0;
    const std::uint64_t threshold_ns_;
    const char* activity_ = nullptr;
    const char* step_ = nullptr;
    const unsigned loop_index_;
    std::array<Reported, remembered> reported_{};
    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::uint64_t> longest_ms_{0};
};

}  // namespace corevent
