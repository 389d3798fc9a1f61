// The limits of corevent as evhttp uses them, where they are switched on. Constant data.
#pragma once

#include <corevent/limits.h>

#include <cstddef>

namespace corevent::compat {

/// The default of the table, in its unit.
std::size_t default_limit(Limit limit) noexcept;

}  // namespace corevent::compat
