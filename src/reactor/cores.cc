#include "reactor/cores.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>

namespace corevent {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string_view word(std::string_view& text) noexcept {
    const std::size_t begin = std::min(text.find_first_not_of(" \n"), text.size());
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::string_view found = text.substr(begin, end - begin);
    text.remove_prefix(end);
    return found;
}

std::optional<std::uint64_t> number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

/// quota / period, rounded up. No number ("max", "-1", no such file) is no quota.
unsigned cores_of(std::string_view quota, std::string_view period) noexcept {
    const auto q = number(quota);
    const auto p = number(period);
    if (!q || !p || *q == 0 || *p == 0) {
        return 0;
    }
    return static_cast<unsigned>(std::min<std::uint64_t>((*q + *p - 1) / *p, UINT32_MAX));
}

unsigned cores_of_v2(const std::string& folder) {
    const std::string text = read_file(folder + "/cpu.max");
    std::string_view rest = text;
    const std::string_view quota = word(rest);
    return cores_of(quota, word(rest));
}

unsigned cores_of_v1(const std::string& folder) {
    const std::string quota = read_file(folder + "/cpu.cfs_quota_us");
    const std::string period = read_file(folder + "/cpu.cfs_period_us");
    std::string_view quota_rest = quota;
    std::string_view period_rest = period;
    return cores_of(word(quota_rest), word(period_rest));
}

/// The smallest quota from root/path up to root.
template <class CoresOf>
unsigned smallest_up(const std::string& root, std::string path, CoresOf cores_of_folder) {
    unsigned smallest = 0;
    for (;;) {
        const unsigned cores = cores_of_folder(root + path);
        if (cores != 0 && (smallest == 0 || cores < smallest)) {
            smallest = cores;
        }
        if (path.empty()) {
            return smallest;
        }
        path.erase(path.find_last_of('/') == path.npos ? 0 : path.find_last_of('/'));
    }
}

bool lists_cpu(std::string_view controllers) noexcept {
    while (!controllers.empty()) {
        const std::size_t comma = std::min(controllers.find(','), controllers.size());
        if (controllers.substr(0, comma) == "cpu") {
            return true;
        }
        controllers.remove_prefix(std::min(comma + 1, controllers.size()));
    }
    return false;
}

}  // namespace

unsigned cgroup_cores(std::string_view membership, const std::string& root) {
    unsigned smallest = 0;
    while (!membership.empty()) {  // lines of ID:CONTROLLERS:PATH; version 2 has no controllers
        const std::size_t end = std::min(membership.find('\n'), membership.size());
        const std::string_view line = membership.substr(0, end);
        membership.remove_prefix(std::min(end + 1, membership.size()));
        const std::size_t first = line.find(':');
        const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
        if (second == line.npos) {
            continue;
        }
        const std::string controllers(line.substr(first + 1, second - first - 1));
        const std::string path(line.substr(second + 1) == "/" ? std::string_view()
                                                              : line.substr(second + 1));
        unsigned cores = 0;
        if (controllers.empty()) {
            cores = smallest_up(root, path, cores_of_v2);
        } else if (lists_cpu(controllers)) {  // mounted under the names of its controllers, or as a
                                              // link named cpu
            cores = smallest_up(root + "/" + controllers, path, cores_of_v1);
            if (cores == 0) {
                cores = smallest_up(root + "/cpu", path, cores_of_v1);
            }
        }
        if (cores != 0 && (smallest == 0 || cores < smallest)) {
            smallest = cores;
        }
    }
    return smallest;
}

unsigned affinity_cores() noexcept {
    for (std::size_t cores = CPU_SETSIZE; cores <= 64 * CPU_SETSIZE; cores *= 2) {  // the kernel
                                                                                    // may know more
        cpu_set_t* set = CPU_ALLOC(cores);
        const std::size_t size = CPU_ALLOC_SIZE(cores);
        const bool read = set != nullptr && sched_getaffinity(0, size, set) == 0;
        const bool too_small = !read && errno == EINVAL;
        const int count = read ? CPU_COUNT_S(size, set) : 1;
        CPU_FREE(set);
        if (!too_small) {
            return count > 1 ? static_cast<unsigned>(count) : 1;
        }
    }
    return 1;
}

unsigned process_cores() noexcept {
    const unsigned affinity = affinity_cores();
    const unsigned quota = cgroup_cores(read_file("/proc/self/cgroup"), "/sys/fs/cgroup");
    return quota == 0 ? affinity : std::min(affinity, quota);
}

}  // namespace corevent
