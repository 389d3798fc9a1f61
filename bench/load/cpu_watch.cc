#include "load/cpu_watch.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <time.h>

namespace ce_load {
namespace {

std::uint64_t clock_ns(clockid_t clock) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t run_time_of_threads(const std::string& process) {
    std::uint64_t total = 0;
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator(process + "/task", error)) {
        std::ifstream file(task.path() / "schedstat");
        std::uint64_t run = 0;
        if (file >> run) total += run;
    }
    return total;
}

/// Fields 14 and 15 of stat; the name in field 2 may hold spaces, so counting starts behind its
/// last parenthesis.
bool add_ticks(const std::string& process, CpuTime& time) {
    std::ifstream file(process + "/stat");
    std::string line;
    if (!std::getline(file, line)) return false;
    std::size_t at = line.rfind(')');
    if (at == std::string::npos) return false;
    for (int field = 2; field < 14; ++field) {
        at = line.find(' ', at + 1);
        if (at == std::string::npos) return false;
    }
    std::size_t used = 0;
    time.user_ticks += std::stoull(line.substr(at + 1), &used);
    time.system_ticks += std::stoull(line.substr(at + 1 + used));
    return true;
}

}  // namespace

CpuTime cpu_time_of(const std::vector<int>& pids) {
    CpuTime time;
    for (const int pid : pids) {
        const std::string process = "/proc/" + std::to_string(pid);
        time.run_ns += run_time_of_threads(process);
        if (!add_ticks(process, time)) time.complete = false;
    }
    return time;
}

std::uint64_t own_cpu_ns() noexcept {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

std::uint64_t now_ns() noexcept {
    return clock_ns(CLOCK_MONOTONIC);
}

}  // namespace ce_load
