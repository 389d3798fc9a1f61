// Locks of the libevent libraries: those that the program gave, made only when it gave some before.
// A null handle is no lock, and taking it does nothing: a program without threads pays one
// comparison. Locks are recursive.
#pragma once

namespace corevent::compat {

/// Whether the program has asked for threads.
bool threads_enabled() noexcept;

void* lock_new() noexcept;  ///< null without threads or memory
void lock_free(void* lock) noexcept;
void lock_acquire(void* lock) noexcept;
void lock_release(void* lock) noexcept;
bool lock_try(void* lock) noexcept;            ///< true: taken, or no lock
bool lock_is_held(const void* lock) noexcept;  ///< true unless lock debugging knows better

unsigned long thread_id() noexcept;  ///< 1 when the program tells no threads apart

/// A lock for as long as this lives.
class Lock {
public:
    Lock() noexcept : handle_(lock_new()) {}
    struct None {};
    explicit Lock(None) noexcept {}  ///< of what belongs to one thread whatever others do
    ~Lock() { lock_free(handle_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    void acquire() noexcept {
        if (handle_ != nullptr) lock_acquire(handle_);
    }
    void release() noexcept {
        if (handle_ != nullptr) lock_release(handle_);
    }
    void* handle() const noexcept { return handle_; }

private:
    void* handle_ = nullptr;
};

class LockGuard {
public:
    explicit LockGuard(Lock& lock) noexcept : lock_(lock) { lock_.acquire(); }
    ~LockGuard() { lock_.release(); }
    LockGuard(const LockGuard&) = delete;
    LockGuard& operator=(const LockGuard&) = delete;

private:
    Lock& lock_;
};

/// Gives a lock up for a scope: around callbacks.
class Unlocked {
public:
    explicit Unlocked(Lock& lock) noexcept : lock_(lock) { lock_.release(); }
    ~Unlocked() { lock_.acquire(); }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

private:
    Lock& lock_;
};

/// A condition variable of the program's; all of it does nothing where there is none.
class Cond {
public:
    Cond() noexcept = default;
    ~Cond();
    Cond(const Cond&) = delete;
    Cond& operator=(const Cond&) = delete;

    bool make() noexcept;  ///< false without condition variables or memory; once
    bool made() const noexcept { return handle_ != nullptr; }
    void wait(Lock& lock) noexcept;
    void broadcast() noexcept;

private:
    void* handle_ = nullptr;
};

}  // namespace corevent::compat
