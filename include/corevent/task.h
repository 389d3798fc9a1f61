// Coroutines: Task<T> and cancellation as a request. What starts, joins and times them is in
// task_scope.h.
//
// A Task is lazy and immovable: it is awaited in the expression that made it, or handed over there
// to TaskScope::spawn, when_all or with_timeout. Everything here belongs to the loop it runs on;
// nothing is thread-safe. No lock, no thread_local reference and no borrowed span may be held
// across a co_await.
//
// A suspended coroutine is never destroyed from outside. CancelScope::cancel() asks: each suspended
// leaf (sleep_for, a body read, offload ...) resumes with std::errc::operation_canceled and the
// coroutine leaves by its own return.
//
// Children start inline inside await_suspend and a child that finished at once resumes its parent
// by returning false: no symmetric transfer, so millions of immediate awaits use no stack in any
// build mode.
//
// In a coroutine that declares no variable at all, `if (!co_await f())` must not be written: GCC 12 destroys what is
// awaited while it is suspended, and the coroutine never goes on. Name the result: `if (auto r = co_await f(); !r)`.
//
// Two more forms must not be written, because GCC 12 destroys what they own twice:
//   - a temporary closure or aggregate that owns something (a captured string, say) in an expression that contains
//     co_await: name it in a statement of its own, or pass what it needs as arguments;
//   - `condition ? co_await f() : g()` for a type that owns something: write an if.
#pragma once

#include <corevent/error.h>

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace corevent {

class CancelScope;

/// A suspended operation that wants to hear of cancellation. Intrusive; linked only while
/// suspended.
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
    /// Unlinked already. Best arranges the resumption for a later step of the loop; may resume the
    /// coroutine at once.
    virtual void on_cancel() noexcept = 0;
    CancelHook* prev_ = nullptr;
    CancelHook* next_ = nullptr;
};

/// A node in the tree of cancellation: cancelling it cancels its hooks and its child scopes, now
/// and for what is linked later. Lives on one loop; outlives everything linked to it.
class CE_API CancelScope final : private CancelHook {
public:
    CancelScope() noexcept;
    explicit CancelScope(CancelScope* parent) noexcept;  ///< null: a root; cancelled at once when
                                                         ///< the parent is
    ~CancelScope();

    void set_parent(CancelScope* parent) noexcept;  ///< once, for a scope made without one
    void cancel() noexcept;  ///< idempotent; hooks run inside this call, and one of them may
                             ///< destroy this scope
    bool cancelled() const noexcept { return cancelled_; }

    void link(CancelHook& hook) noexcept;           ///< the scope must not be cancelled yet
    static void unlink(CancelHook& hook) noexcept;  ///< harmless when not linked

private:
    void on_cancel() noexcept override { cancel(); }
    struct Head final : CancelHook {
        void on_cancel() noexcept override {}
    } head_;
    bool cancelled_ = false;
    bool* destroyed_ = nullptr;  ///< on the stack of a cancel() that is running
};

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> continuation = nullptr;
    CancelScope* scope = nullptr;  ///< inherited from the awaiting coroutine; null: cannot be
                                   ///< cancelled
    /// Set by owners instead of a continuation; called as the last act of the coroutine, and may
    /// destroy its frame.
    void (*on_done)(void* owner, std::coroutine_handle<>) = nullptr;
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
    void rethrow() {
        if (exception) [[unlikely]] {
            std::rethrow_exception(std::exchange(exception, nullptr));
        }
    }
};

template <class T>
struct Promise;

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
public:
    static_assert(!std::is_rvalue_reference_v<T>,
                  "a Task returns a value, void or an lvalue reference");
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

    class Awaiter {
    public:
        explicit Awaiter(Handle handle) noexcept : handle_(handle) {}
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

    private:
        Handle handle_;
    };

    /// Only where it is made: `co_await f()`. A task that has a name cannot be awaited (and so
    /// never twice).
    Awaiter operator co_await() && noexcept { return Awaiter(handle_); }

    /// For owners (TaskScope, when_all, the HTTP exchange): gives up the frame, not yet started.
    Handle release() noexcept { return std::exchange(handle_, nullptr); }

private:
    Handle handle_;
};

namespace detail {

template <class T>
struct Promise final : PromiseBase {
    using value_type = T;
    std::optional<T> value;
    Task<T> get_return_object() noexcept {
        return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
    }
    template <class U = T>
        requires std::convertible_to<U&&, T>
    void return_value(U&& v) {
        value.emplace(std::forward<U>(v));
    }
    T take() {
        rethrow();
        return std::move(*value);
    }
};

template <class T>
struct Promise<T&> final : PromiseBase {
    using value_type = T&;
    T* value = nullptr;
    Task<T&> get_return_object() noexcept {
        return Task<T&>(std::coroutine_handle<Promise>::from_promise(*this));
    }
    void return_value(T& v) noexcept { value = std::addressof(v); }
    T& take() {
        rethrow();
        return *value;
    }
};

template <>
struct Promise<void> final : PromiseBase {
    using value_type = void;
    Task<void> get_return_object() noexcept {
        return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
    }
    void return_void() noexcept {}
    void take() { rethrow(); }
};

}  // namespace detail

}  // namespace corevent
