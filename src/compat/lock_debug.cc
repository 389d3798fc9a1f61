#include "compat/lock_debug.h"

#include "compat/alloc.h"
#include "compat/lock.h"
#include "compat/log.h"

#include <event2/thread.h>

#include <atomic>

namespace corevent::compat {
namespace {

std::atomic<bool> enabled{false};

constexpr unsigned long nobody = 0;
constexpr unsigned alive = 0xdeb0b10c;

/// `holder` and `count` are written by the holder alone.
struct DebugLock {
    unsigned signature = alive;
    void* lock = nullptr;  ///< the program's
    std::atomic<unsigned long> holder{nobody};
    int count = 0;
};

/// Thread numbers may be 0, as far as the program is concerned.
unsigned long self() noexcept {
    return thread_id() + 1;
}

DebugLock& checked(void* lock) noexcept {
    auto* const debug = static_cast<DebugLock*>(lock);
    if (debug->signature != alive) errx(abort_status, "a lock is used that has been freed");
    return *debug;
}

void took(DebugLock& debug) noexcept {
    if (debug.count++ == 0) {
        debug.holder.store(self(), std::memory_order_relaxed);
    } else if (debug.holder.load(std::memory_order_relaxed) != self()) {
        errx(abort_status, "a lock was given to two threads at once");
    }
}

}  // namespace

bool lock_debugging() noexcept {
    return enabled.load(std::memory_order_relaxed);
}

void end_lock_debugging() noexcept {
    enabled.store(false, std::memory_order_relaxed);
}

void* debug_lock_new() noexcept {
    auto* const debug = mm_new<DebugLock>();
    if (debug == nullptr) return nullptr;
    debug->lock = raw_locks().alloc(EVTHREAD_LOCKTYPE_RECURSIVE);
    if (debug->lock == nullptr) {
        mm_delete(debug);
        return nullptr;
    }
    return debug;
}

void debug_lock_free(void* lock) noexcept {
    DebugLock& debug = checked(lock);
    if (debug.count != 0) errx(abort_status, "a lock is freed that is held");
    raw_locks().free(debug.lock, EVTHREAD_LOCKTYPE_RECURSIVE);
    debug.signature = 0;
    mm_delete(&debug);
}

void debug_lock_acquire(void* lock) noexcept {
    DebugLock& debug = checked(lock);
    raw_locks().lock(0, debug.lock);
    took(debug);
}

bool debug_lock_try(void* lock) noexcept {
    DebugLock& debug = checked(lock);
    if (raw_locks().lock(EVTHREAD_TRY, debug.lock) != 0) return false;
    took(debug);
    return true;
}

void debug_lock_release(void* lock) noexcept {
    DebugLock& debug = checked(lock);
    if (!debug_lock_is_held(lock)) {
        errx(abort_status, "a lock is released by a thread that does not hold it");
    }
    if (--debug.count == 0) debug.holder.store(nobody, std::memory_order_relaxed);
    raw_locks().unlock(0, debug.lock);
}

bool debug_lock_is_held(const void* lock) noexcept {
    return static_cast<const DebugLock*>(lock)->holder.load(std::memory_order_relaxed) == self();
}

void* debug_lock_begin_wait(void* lock) noexcept {
    DebugLock& debug = checked(lock);
    if (!debug_lock_is_held(lock) || debug.count != 1) {
        errx(abort_status, "waiting for a condition without its lock, or with it taken twice");
    }
    debug.count = 0;
    debug.holder.store(nobody, std::memory_order_relaxed);
    return debug.lock;
}

void debug_lock_end_wait(void* lock) noexcept {
    took(checked(lock));
}

}  // namespace corevent::compat

extern "C" {

void evthread_enable_lock_debugging(void) {
    corevent::compat::enabled.store(true, std::memory_order_relaxed);
}

void evthread_enable_lock_debuging(void) {
    evthread_enable_lock_debugging();
}

}  // extern "C"
