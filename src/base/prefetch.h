// prefetch_lines: asks for cache lines that are needed soon. A hint: any address will do.
#pragma once

#include <cstddef>

namespace corevent {

inline constexpr std::size_t cache_line_bytes = 64;

/// The line that `address` lies in and those after it, `Lines` in all.
template <std::size_t Lines>
inline void prefetch_lines(const void* address) noexcept {
    const char* const bytes = static_cast<const char*>(address);
    for (std::size_t line = 0; line < Lines; ++line) {
        __builtin_prefetch(bytes + line * cache_line_bytes);
    }
}

}  // namespace corevent
