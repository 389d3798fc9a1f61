#include "compat/lock.h"

#include "compat/alloc.h"
#include "compat/lock_debug.h"
#include "compat/log.h"

#include <event2/thread.h>

#include <cstring>

namespace corevent::compat {

namespace {

evthread_lock_callbacks program_locks{};
evthread_condition_callbacks program_conditions{};
unsigned long (*id_function)() = nullptr;

bool same(const evthread_lock_callbacks& a, const evthread_lock_callbacks& b) noexcept {
    return a.lock_api_version == b.lock_api_version &&
           a.supported_locktypes == b.supported_locktypes && a.alloc == b.alloc &&
           a.free == b.free && a.lock == b.lock && a.unlock == b.unlock;
}

bool same(const evthread_condition_callbacks& a, const evthread_condition_callbacks& b) noexcept {
    return a.condition_api_version == b.condition_api_version &&
           a.alloc_condition == b.alloc_condition && a.free_condition == b.free_condition &&
           a.signal_condition == b.signal_condition && a.wait_condition == b.wait_condition;
}

}  // namespace

const evthread_lock_callbacks& raw_locks() noexcept {
    return program_locks;
}

bool threads_enabled() noexcept {
    return program_locks.alloc != nullptr;
}

void* lock_new() noexcept {
    if (program_locks.alloc == nullptr) return nullptr;
    if (lock_debugging()) return debug_lock_new();
    return program_locks.alloc(EVTHREAD_LOCKTYPE_RECURSIVE);
}

void lock_free(void* lock) noexcept {
    if (lock == nullptr) return;
    if (lock_debugging()) {
        debug_lock_free(lock);
    } else if (program_locks.free != nullptr) {
        program_locks.free(lock, EVTHREAD_LOCKTYPE_RECURSIVE);
    }
}

void lock_acquire(void* lock) noexcept {
    if (lock == nullptr) return;
    if (lock_debugging()) {
        debug_lock_acquire(lock);
    } else {
        program_locks.lock(0, lock);
    }
}

void lock_release(void* lock) noexcept {
    if (lock == nullptr) return;
    if (lock_debugging()) {
        debug_lock_release(lock);
    } else {
        program_locks.unlock(0, lock);
    }
}

bool lock_try(void* lock) noexcept {
    if (lock == nullptr) return true;
    return lock_debugging() ? debug_lock_try(lock) : program_locks.lock(EVTHREAD_TRY, lock) == 0;
}

bool lock_is_held(const void* lock) noexcept {
    return lock == nullptr || !lock_debugging() || debug_lock_is_held(lock);
}

unsigned long thread_id() noexcept {
    return id_function != nullptr ? id_function() : 1;
}

Cond::~Cond() {
    if (handle_ != nullptr && program_conditions.free_condition != nullptr) {
        program_conditions.free_condition(handle_);
    }
}

bool Cond::make() noexcept {
    if (handle_ == nullptr && program_conditions.alloc_condition != nullptr) {
        handle_ = program_conditions.alloc_condition(0);
    }
    return handle_ != nullptr;
}

void Cond::wait(Lock& lock) noexcept {
    if (handle_ == nullptr) return;
    void* const handle = lock_debugging() ? debug_lock_begin_wait(lock.handle()) : lock.handle();
    program_conditions.wait_condition(handle_, handle, nullptr);
    if (lock_debugging()) debug_lock_end_wait(lock.handle());
}

void Cond::broadcast() noexcept {
    if (handle_ != nullptr) program_conditions.signal_condition(handle_, 1);
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

int evthread_set_lock_callbacks(const evthread_lock_callbacks* callbacks) {
    if (callbacks == nullptr) {
        if (program_locks.alloc != nullptr) {
            warnx("the functions for locks are taken away: what has been made with them is lost");
        }
        program_locks = {};
        return 0;
    }
    if (program_locks.alloc != nullptr) {
        if (same(program_locks, *callbacks)) return 0;
        warnx("the functions for locks cannot be replaced once they are set");
        return -1;
    }
    if (callbacks->alloc == nullptr || callbacks->free == nullptr || callbacks->lock == nullptr ||
        callbacks->unlock == nullptr) {
        return -1;
    }
    program_locks = *callbacks;
    return 0;
}

int evthread_set_condition_callbacks(const evthread_condition_callbacks* callbacks) {
    if (callbacks == nullptr) {
        if (program_conditions.alloc_condition != nullptr) {
            warnx(
                "the functions for conditions are taken away: what has been made with them is "
                "lost");
        }
        program_conditions = {};
        return 0;
    }
    if (program_conditions.alloc_condition != nullptr) {
        if (same(program_conditions, *callbacks)) return 0;
        warnx("the functions for conditions cannot be replaced once they are set");
        return -1;
    }
    if (callbacks->alloc_condition == nullptr || callbacks->free_condition == nullptr ||
        callbacks->signal_condition == nullptr || callbacks->wait_condition == nullptr) {
        return -1;
    }
    program_conditions = *callbacks;
    return 0;
}

void evthread_set_id_callback(unsigned long (*id_fn)(void)) {
    id_function = id_fn;
}

}  // extern "C"
