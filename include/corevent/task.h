// Coroutines: Task<T>, cancellation as a request, TaskScope (spawn with an owner), when_all, sleep_for, with_timeout.
//
// A Task is lazy and immovable: it is awaited in the expression that made it, or handed to TaskScope::spawn. Everything
// here belongs to the loop it runs on; nothing is thread-safe. No lock, no thread_local reference and no borrowed span
// may be held across a co_await.
//
// A suspended coroutine is never destroyed from outside. CancelScope::cancel() asks: each suspended leaf (sleep_for,
// a body read, offload ...) resumes with std::errc::operation_canceled and the coroutine leaves by its own return.
//
// Children start inline inside await_suspend and a child that finished at once resumes its parent by returning false:
// no symmetric transfer, so millions of immediate awaits use no stack in any build mode.
#pragma once

#include <corevent/error.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace corevent {

class Loop;
class CancelScope;

/// A suspended operation that wants to hear of cancellation. Intrusive; linked only while suspended.
class CancelHook {
public:
    CancelHook() noexcept = default;
    CancelHook(const CancelHook&) = delete;
    CancelHook& operator=(const CancelHook&) = delete;
    bool linked() const noexcept { return next_ != nullptr; }

protected:
    ~CancelHook() = default;

private:
    friend class CancelScope;
    virtual void on_cancel() noexcept = 0;  ///< unlinked already; may resume the coroutine
    CancelHook* prev_ = nullptr;
    CancelHook* next_ = nullptr;
};

/// A node in the tree of cancellation: cancelling it cancels its hooks and its child scopes, now and for what is
/// linked later. Lives on one loop; outlives everything linked to it.
class CE_API CancelScope final : private CancelHook {
public:
    CancelScope() noexcept;
    explicit CancelScope(CancelScope* parent) noexcept;
    ~CancelScope();

    void cancel() noexcept;  ///< idempotent; hooks run inside this call
    bool cancelled() const noexcept { return cancelled_; }

    void link(CancelHook& hook) noexcept;  ///< the scope must not be cancelled yet
    static void unlink(CancelHook& hook) noexcept;

private:
    void on_cancel() noexcept override { cancel(); }
    struct Head final : CancelHook {
        void on_cancel() noexcept override {}
    } head_;
    bool cancelled_ = false;
};

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> continuation = nullptr;
    CancelScope* scope = nullptr;                                ///< inherited from the awaiting coroutine
    void (*on_done)(void* owner, std::coroutine_handle<>) = nullptr;  ///< set instead of continuation by owners
    void* owner = nullptr;
    std::exception_ptr exception;

    std::suspend_always initial_suspend() noexcept { return {}; }

    struct FinalAwaiter {
        bool await_ready() noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> self) noexcept {
            // Whoever is resumed may destroy this frame: nothing of it is touched afterwards.
            PromiseBase& p = self.promise();
            if (p.on_done != nullptr) {
                p.on_done(p.owner, self);
            } else if (p.continuation) {
                p.continuation.resume();
            }
        }
        void await_resume() noexcept {}
    };
    FinalAwaiter final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <class T>
struct Promise;

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() {
        if (handle_) {
            handle_.destroy();
        }
    }

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> parent) {
        handle_.promise().scope = parent.promise().scope;
        handle_.resume();
        if (handle_.done()) {
            return false;
        }
        handle_.promise().continuation = parent;
        return true;
    }
    T await_resume() { return handle_.promise().take(); }

    /// For owners (TaskScope, when_all, the HTTP exchange): gives up the frame, not yet started.
    Handle release() noexcept { return std::exchange(handle_, nullptr); }

private:
    Handle handle_;
};

namespace detail {

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object() noexcept {
        return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
    }
    template <class U>
        requires std::constructible_from<T, U&&>
    void return_value(U&& v) {
        value.emplace(std::forward<U>(v));
    }
    T take() {
        if (exception) {
            std::rethrow_exception(std::exchange(exception, nullptr));
        }
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept {
        return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
    }
    void return_void() noexcept {}
    void take() {
        if (exception) {
            std::rethrow_exception(std::exchange(exception, nullptr));
        }
    }
};

}  // namespace detail

}  // namespace corevent
