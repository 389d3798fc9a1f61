// How many cores a process may use: its affinity mask and the CPU quota of its cgroup (v1 or v2).
// What "a loop for each core" means, for native loops and for the threads of evhttp alike; the parts
// are apart so that tests can show them other files. Set-up time, any thread.
#pragma once

#include <string>
#include <string_view>

namespace corevent {

/// Cores in the affinity mask, capped by the quota; at least 1.
unsigned process_cores() noexcept;

/// The quota in cores, rounded up, that `membership` (the text of /proc/self/cgroup) and the
/// control files below `root` (/sys/fs/cgroup) give, the smallest of the group and its ancestors; 0
/// when there is none.
unsigned cgroup_cores(std::string_view membership, const std::string& root);

/// Cores in the affinity mask of this process; at least 1.
unsigned affinity_cores() noexcept;

}  // namespace corevent
