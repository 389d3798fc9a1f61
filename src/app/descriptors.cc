#include "app/descriptors.h"

#include "app/messages.h"

#include <fmt/format.h>

#include <sys/resource.h>
#include <algorithm>

namespace corevent::app {
namespace {

/// Above this more descriptors bring nothing, and a container may report a limit of a billion.
constexpr rlim_t descriptors_max = 1 << 20;

/// Below this a server on the internet runs into the limit on an ordinary day.
constexpr std::uint64_t connections_few = 1000;

std::string remedy(std::uint64_t descriptors) {
    return fmt::format(
        "raise it: ulimit -n {0} in the shell (as root above the hard limit), LimitNOFILE={0} in a "
        "systemd unit",
        descriptors);
}

}  // namespace

std::string Descriptors::text() const {
    return now > before ? fmt::format("descriptors raised {} -> {}", before, now)
                        : fmt::format("{} descriptors", now);
}

Descriptors raise_descriptors() noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return {1024, 1024};  // cannot happen; the smallest limit that systems come with
    }
    const rlim_t before = std::min(limit.rlim_cur, descriptors_max);
    const rlim_t wanted = std::max(before, std::min(limit.rlim_max, descriptors_max));
    limit.rlim_cur = wanted;
    const bool raised = wanted > before && setrlimit(RLIMIT_NOFILE, &limit) == 0;
    return {before, raised ? wanted : before};
}

OrStop<void> settle_connections(Limits& limits, const Descriptors& descriptors) {
    std::uint64_t& connections = limits[Limit::connections];
    const std::uint64_t most = descriptors.connections_max();
    if (connections == 0) {
        connections = most;
    } else if (connections > most) {
        return stop(ExitCode::failed,
                    fmt::format("{} connections asked for, but {} descriptors carry at most {}\n{}",
                                grouped(connections), grouped(descriptors.now), grouped(most),
                                remedy((connections * 10 + 7) / 8)));
    }
    return {};
}

std::string descriptor_warning(const Descriptors& descriptors) {
    if (descriptors.connections_max() >= connections_few) {
        return {};
    }
    return fmt::format("at most {} connections: the limit of open files is {}\n{}",
                       grouped(descriptors.connections_max()), grouped(descriptors.now),
                       remedy(20000));
}

}  // namespace corevent::app
