// CPU time of other processes, read from /proc: the exact scheduler run time of all their threads,
// and the kernel's sampled split into user and system. Any thread; it follows no process that
// starts later.
#pragma once

#include <cstdint>
#include <vector>

namespace ce_load {

struct CpuTime {
    std::uint64_t run_ns = 0;      ///< exact, all threads
    std::uint64_t user_ticks = 0;  ///< sampled; ticks of sysconf(_SC_CLK_TCK)
    std::uint64_t system_ticks = 0;
    bool complete = true;  ///< false when a process had gone
};

CpuTime cpu_time_of(const std::vector<int>& pids);

/// CPU time of this process so far, nanoseconds.
std::uint64_t own_cpu_ns() noexcept;

/// Monotonic time, nanoseconds.
std::uint64_t now_ns() noexcept;

}  // namespace ce_load
