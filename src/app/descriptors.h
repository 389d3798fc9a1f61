// Descriptors: raises the soft limit of open files to the hard one at start, and derives from it
// how many connections the server takes. Start-up only, before threads exist.
#pragma once

#include "app/exit_code.h"

#include <corevent/limits.h>

#include <cstdint>
#include <string>

namespace corevent::app {

struct Descriptors {
    std::uint64_t before;  ///< soft limit as found
    std::uint64_t now;     ///< soft limit in force

    /// Connections that leave room for files and everything else: 80 %.
    std::uint64_t connections_max() const noexcept { return now / 10 * 8 + now % 10 * 8 / 10; }
    /// "descriptors raised 1024 -> 20000" or "20000 descriptors".
    std::string text() const;
};

Descriptors raise_descriptors() noexcept;

/// Sets `connections` where it is none. More than the descriptors carry is an error with the
/// remedy.
OrStop<void> settle_connections(Limits& limits, const Descriptors& descriptors);

/// A warning with the remedy when the limit is low for a server, else "".
std::string descriptor_warning(const Descriptors& descriptors);

}  // namespace corevent::app
