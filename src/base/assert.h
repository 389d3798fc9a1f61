// Checks against programmer errors. CE_ASSERT is always on and meant for cheap conditions: it
// prints the expression and its place on stderr and aborts. CE_DCHECK is the same in builds without
// NDEBUG and compiles to nothing otherwise (the expression is still type-checked, never evaluated).
// Any thread. Bad input is never checked with these: it is a value.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace corevent {

/// Prints `file:line: assertion failed: expression` in one line and aborts. Out of line of the hot
/// path.
[[noreturn]] __attribute__((cold, noinline)) inline void assertion_failed(const char* expression,
                                                                          const char* file,
                                                                          int line) noexcept {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    std::abort();
}

}  // namespace corevent

#define CE_ASSERT(expression)                           \
    (__builtin_expect(static_cast<bool>(expression), 1) \
         ? static_cast<void>(0)                         \
         : ::corevent::assertion_failed(#expression, __FILE__, __LINE__))

#ifdef NDEBUG
#define CE_DCHECK(expression) static_cast<void>(sizeof(static_cast<bool>(expression)))
#else
#define CE_DCHECK(expression) CE_ASSERT(expression)
#endif
