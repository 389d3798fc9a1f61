// What the compat floor has to know of utilities beyond <event2/util.h>.
#pragma once

namespace corevent::compat {

/// In ai_flags: the node, its address and its name come from mm_malloc and not from libc. Address
/// and node are one block; the name is one of its own.
inline constexpr int addrinfo_of_libevent = static_cast<int>(0x80000000U);

}  // namespace corevent::compat
