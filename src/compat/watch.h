// Watchers of a loop (event2/watch.h): called by it with the lock of the base held, which they do
// not see.
#pragma once

#include <cstdint>

struct event_base;

namespace corevent::compat {

/// `wait_us` is what the loop is about to wait at most; -1: for as long as it takes.
void run_prepare_watchers(event_base& base, std::int64_t wait_us) noexcept;
void run_check_watchers(event_base& base) noexcept;
void free_watchers(event_base& base) noexcept;

}  // namespace corevent::compat
