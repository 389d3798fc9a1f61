// Lock debugging (evthread_enable_lock_debugging): every lock remembers its holder, and a use that
// is wrong ends the program. Handles are those of lock.h while lock_debugging() is true, which never
// changes back before libevent_global_shutdown().
#pragma once

struct evthread_lock_callbacks;

namespace corevent::compat {

bool lock_debugging() noexcept;
void end_lock_debugging() noexcept;
/// The functions of the program (lock.cc).
const evthread_lock_callbacks& raw_locks() noexcept;

void* debug_lock_new() noexcept;
void debug_lock_free(void* lock) noexcept;
void debug_lock_acquire(void* lock) noexcept;
void debug_lock_release(void* lock) noexcept;
bool debug_lock_try(void* lock) noexcept;
bool debug_lock_is_held(const void* lock) noexcept;
/// The holder is about to wait for a condition: the program's lock, for its function.
void* debug_lock_begin_wait(void* lock) noexcept;
void debug_lock_end_wait(void* lock) noexcept;

}  // namespace corevent::compat
