// Figures of one loop: plain integers written by that loop alone and read by anybody (relaxed).
// Adding costs a load, an add and a store; nothing is shared, the reader merges.
#pragma once

#include <corevent/limits.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace corevent::http {

class Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void sub(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) LoopCounters {
    Counter requests;
    Counter connections_accepted;
    Counter connections_open;
    Counter octets_in;
    Counter octets_out;
    Counter exceptions;
    std::array<Counter, 6> responses;  ///< by status class; [0]: cut without an answer
    std::array<Counter, limit_count> limits_fired;
};

}  // namespace corevent::http
