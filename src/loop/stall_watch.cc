#include "loop/stall_watch.h"

#include <corevent/log.h>

#include <algorithm>
#include <functional>
#include <string>

namespace corevent {
namespace {

constexpr std::uint64_t ns_per_minute = 60'000 * ns_per_ms;

}  // namespace

StallWatch::StallWatch(unsigned loop_index, std::chrono::milliseconds threshold) noexcept
    : threshold_ns_(threshold.count() > 0
                        ? static_cast<std::uint64_t>(threshold.count()) * ns_per_ms
                        : 0),
      loop_index_(loop_index) {}

void StallWatch::measure() noexcept {
    const std::uint64_t now = monotonic_ns();
    const std::uint64_t held = now - mark_ns_;
    mark_ns_ = now;
    if (held >= threshold_ns_) {
        report(held, now);
    }
}

void StallWatch::report(std::uint64_t held_ns, std::uint64_t now_ns) noexcept {
    const std::uint64_t held_ms = held_ns / ns_per_ms;
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (held_ms > longest_ms_.load(std::memory_order_relaxed)) {
        longest_ms_.store(held_ms, std::memory_order_relaxed);
    }
    const std::string_view name = activity_ != nullptr ? activity_ : "a callback";
    if (first_this_minute(name, now_ns)) {
        std::string line = "loop ";
        line.append(std::to_string(loop_index_)).append(" held ").append(std::to_string(held_ms));
        line.append(" ms by ").append(name).append(": use co_await offload(...)");
        log_line(LogLevel::warning, line);
    }
}

/// Remembers the last names that were reported, by hash; the oldest makes room. Two names with one
/// hash share a minute.
bool StallWatch::first_this_minute(std::string_view name, std::uint64_t now_ns) noexcept {
    const std::size_t hash = std::hash<std::string_view>{}(name) | 1;  // 0 marks a free place
    auto entry = std::ranges::find(reported_, hash, &Reported::name_hash);
    if (entry == reported_.end()) {
        entry = std::ranges::min_element(reported_, {}, &Reported::at_ns);
    } else if (now_ns - entry->at_ns < ns_per_minute) {
        return false;
    }
    *entry = {hash, now_ns};
    return true;
}

}  // namespace corevent
