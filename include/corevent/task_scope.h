// What starts, joins and times tasks: TaskScope (spawn with an owner), when_all, sleep_for,
// with_timeout, yield. Everything here is used on the thread of one loop, inside its run().
// Ownership is a tree: a scope outlives its tasks, an awaiting coroutine outlives the children it
// awaits, and cancelling runs down the tree as a request; nothing here destroys a coroutine that is
// suspended.
#pragma once

#include <corevent/error.h>
#include <corevent/loop.h>
#include <corevent/task.h>

#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace corevent {

/// Owns the tasks that are spawned into it. It must be empty when it is destroyed (CE_ASSERT):
/// `co_await join()` first.
///
///     TaskScope scope;
///     scope.spawn(read_all(stream));                         // the task goes into the scope
///     scope.spawn([](int id) -> Task<> {...}, 7);            // the callable lives as long as its
///     task co_await scope.join();
class CE_API TaskScope {
public:
    TaskScope() noexcept = default;
    explicit TaskScope(CancelScope& parent) noexcept : cancel_(&parent) {}
    ~TaskScope();
    TaskScope(const TaskScope&) = delete;
    TaskScope& operator=(const TaskScope&) = delete;

    /// Starts `task` at once, up to its first suspension. An exception that leaves it is logged and
    /// counted; the first one is thrown again by join().
    void spawn(Task<void> task) { start(task.release()); }

    /// Calls `function(arguments...)`, which returns a Task<>; both are kept in the coroutine's
    /// frame until it ends.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    void spawn(F&& function, Args&&... arguments) {
        static_assert(
            std::same_as<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>, Task<void>>,
            "what is spawned is a coroutine that returns Task<>");
        spawn(keep_and_run<std::decay_t<F>, std::decay_t<Args>...>(
            std::forward<F>(function), std::forward<Args>(arguments)...));
    }

    void cancel() noexcept { cancel_.cancel(); }  ///< asks every task, also those spawned later
    bool cancelled() const noexcept { return cancel_.cancelled(); }
    CancelScope& cancel_scope() noexcept { return cancel_; }

    std::size_t size() const noexcept { return active_; }  ///< tasks that have not ended
    std::size_t exceptions() const noexcept {
        return exceptions_;
    }  ///< tasks that ended by an exception

    /// Waits until no task is left, then throws the first escaped exception, once. When the waiting
    /// coroutine is cancelled, so is this scope; the wait goes on until the tasks have left. One
    /// waiter at a time.
    class [[nodiscard]] CE_API Join final : private CancelHook {
    public:
        explicit Join(TaskScope& scope) noexcept : scope_(scope) {}
        ~Join();
        bool await_ready() const noexcept { return scope_.active_ == 0; }
        template <class P>
        bool await_suspend(std::coroutine_handle<P> waiter) noexcept {
            return suspend(waiter, waiter.promise().scope);
        }
        void await_resume();

    private:
        bool suspend(std::coroutine_handle<> waiter, CancelScope* scope) noexcept;
        void on_cancel() noexcept override;
        TaskScope& scope_;
    };
    Join join() noexcept { return Join(*this); }

private:
    template <class F, class... Args>
    static Task<void> keep_and_run(F function, Args... arguments) {
        co_await std::invoke(function, std::move(arguments)...);
    }
    void start(Task<void>::Handle handle);
    static void task_done(void* self, std::coroutine_handle<> handle);

    CancelScope cancel_;
    std::size_t active_ = 0;
    std::size_t exceptions_ = 0;
    std::exception_ptr first_exception_;
    std::coroutine_handle<> waiter_;
};

namespace detail {

template <class T>
struct AsResult {
    using type = Result<T>;
};
template <class T>
struct AsResult<Result<T>> {
    using type = Result<T>;
};
/// Result<T>, and Result<T> for what is one already.
template <class T>
using as_result = typename AsResult<T>::type;

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

template <class T>
using value_or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

}  // namespace detail

/// `co_await sleep_for(d)`: a Result<void>, operation_canceled when the wait was cut short.
class [[nodiscard]] CE_API SleepAwaiter final : private TimerNode, private CancelHook {
public:
    explicit SleepAwaiter(Clock::duration duration) noexcept : duration_(duration) {}
    ~SleepAwaiter();
    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> waiter) {
        return suspend(waiter, waiter.promise().scope);
    }
    Result<void> await_resume() const noexcept;

private:
    bool suspend(std::coroutine_handle<> waiter, CancelScope* scope);
    void on_timer() override;
    void on_cancel() noexcept override;

    Clock::duration duration_;
    std::coroutine_handle<> waiter_;
    LoopCore* core_ = nullptr;
    bool cancelled_ = false;
};

inline SleepAwaiter sleep_for(Clock::duration duration) noexcept {
    return SleepAwaiter(duration);
}

/// `co_await yield()`: lets the loop look at everything else that is due before this coroutine goes
/// on.
class [[nodiscard]] CE_API YieldAwaiter final : private PostItem {
public:
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    void await_resume() const noexcept {}

private:
    void run() override { waiter_.resume(); }
    void discard() noexcept override {}
    std::coroutine_handle<> waiter_;
};

inline YieldAwaiter yield() noexcept {
    return YieldAwaiter();
}

namespace detail {

/// The clock of with_timeout: asks a scope to cancel when the time is over.
class CE_API TimeLimit final : private TimerNode {
public:
    explicit TimeLimit(CancelScope& scope) noexcept : scope_(scope) {}
    ~TimeLimit() { stop(); }
    void start(Clock::duration duration);
    void stop() noexcept;
    bool expired() const noexcept { return expired_; }

private:
    void on_timer() override;
    CancelScope& scope_;
    LoopCore* core_ = nullptr;
    bool expired_ = false;
};

/// Children that run under a cancel scope of their own while their parent waits; owns the frames.
class CE_API ChildSet {
public:
    ChildSet() noexcept = default;
    ChildSet(const ChildSet&) = delete;
    ChildSet& operator=(const ChildSet&) = delete;

    CancelScope& scope() noexcept { return scope_; }

    template <class T>
    void start(std::coroutine_handle<Promise<T>> child) {
        PromiseBase& promise = child.promise();
        promise.scope = &scope_;
        promise.owner = this;
        promise.on_done = &child_done<T>;
        ++active_;
        child.resume();
    }
    bool done() const noexcept { return active_ == 0; }
    void wait(std::coroutine_handle<> parent) noexcept { parent_ = parent; }

private:
    template <class T>
    static void child_done(void* self, std::coroutine_handle<> child) {
        const auto typed = std::coroutine_handle<Promise<T>>::from_address(child.address());
        static_cast<ChildSet*>(self)->ended(typed.promise().exception != nullptr);
    }
    void ended(bool threw);

    CancelScope scope_;
    std::size_t active_ = 0;
    std::coroutine_handle<> parent_;
};

/// A frame that is destroyed with this object; it must have ended, or not have been started.
template <class T>
class Child {
public:
    explicit Child(Task<T>&& task) noexcept : handle_(task.release()) {}
    Child(Child&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Child& operator=(Child&&) = delete;
    ~Child() {
        if (handle_) {
            handle_.destroy();
        }
    }
    auto handle() const noexcept { return handle_; }

    value_or_monostate<T> take() {
        if constexpr (std::is_void_v<T>) {
            handle_.promise().take();
            return {};
        } else {
            return handle_.promise().take();
        }
    }

private:
    typename Task<T>::Handle handle_;
};

}  // namespace detail

/// `co_await with_timeout(d, f())`: the task's result as a Result. When the time is over first, the
/// task is asked to leave and, once it has left, the result is timed_out; a Result with a value
/// that it still brings is kept.
template <class T>
class [[nodiscard]] TimeoutAwaiter {
public:
    TimeoutAwaiter(Clock::duration duration, Task<T>&& task) noexcept
        : duration_(duration), child_(std::move(task)), limit_(children_.scope()) {}
    TimeoutAwaiter(const TimeoutAwaiter&) = delete;
    TimeoutAwaiter& operator=(const TimeoutAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> parent) {
        children_.scope().set_parent(parent.promise().scope);
        children_.start(child_.handle());
        if (children_.done()) {
            return false;
        }
        limit_.start(duration_);
        children_.wait(parent);
        return true;
    }
    detail::as_result<T> await_resume() {
        limit_.stop();
        const auto late = std::unexpected(std::make_error_code(std::errc::timed_out));
        if constexpr (std::is_void_v<T>) {
            child_.take();
            return limit_.expired() ? Result<void>(late) : Result<void>();
        } else {
            T value = child_.take();
            if constexpr (detail::is_result<T>) {
                return limit_.expired() && !value ? T(late) : std::move(value);
            } else {
                return limit_.expired() ? Result<T>(late) : Result<T>(std::move(value));
            }
        }
    }

private:
    Clock::duration duration_;
    detail::Child<T> child_;
    detail::ChildSet children_;
    detail::TimeLimit limit_;
};

template <class T>
TimeoutAwaiter<T> with_timeout(Clock::duration duration, Task<T> task) noexcept {
    static_assert(!std::is_reference_v<T>, "with_timeout gives values, not references");
    return TimeoutAwaiter<T>(duration, std::move(task));
}

/// `co_await when_all(f(), g())`: a tuple of the results (std::monostate for void). All start at
/// once, in order; it goes on when all have ended. An exception asks the others to cancel and is
/// thrown again when they have left (the first in the order of the arguments).
template <class... T>
class [[nodiscard]] WhenAllAwaiter {
public:
    explicit WhenAllAwaiter(Task<T>&&... tasks) noexcept
        : all_(detail::Child<T>(std::move(tasks))...) {}
    WhenAllAwaiter(const WhenAllAwaiter&) = delete;
    WhenAllAwaiter& operator=(const WhenAllAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> parent) {
        children_.scope().set_parent(parent.promise().scope);
        std::apply([this](auto&... child) { (children_.start(child.handle()), ...); }, all_);
        if (children_.done()) {
            return false;
        }
        children_.wait(parent);
        return true;
    }
    std::tuple<detail::value_or_monostate<T>...> await_resume() {
        return std::apply(
            [](auto&... child) {
                return std::tuple<detail::value_or_monostate<T>...>{child.take()...};
            },
            all_);
    }

private:
    std::tuple<detail::Child<T>...> all_;
    detail::ChildSet children_;
};

template <class... T>
WhenAllAwaiter<T...> when_all(Task<T>... tasks) noexcept {
    return WhenAllAwaiter<T...>(std::move(tasks)...);
}

/// The same for a number of tasks known at run time: calls each factory and gives a vector of the
/// results in their order (nothing for Task<>). The factories must live until the await has ended.
template <class F>
class [[nodiscard]] WhenAllRange {
public:
    using T = typename std::invoke_result_t<F&>::promise_type::value_type;
    explicit WhenAllRange(std::vector<F>& factories) : factories_(factories) {
        all_.reserve(factories.size());
    }
    WhenAllRange(const WhenAllRange&) = delete;
    WhenAllRange& operator=(const WhenAllRange&) = delete;

    bool await_ready() const noexcept { return factories_.empty(); }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> parent) {
        children_.scope().set_parent(parent.promise().scope);
        for (F& factory : factories_) {  // may throw, so none runs before all are made
            all_.emplace_back(factory());
        }
        for (auto& child : all_) {
            children_.start(child.handle());
        }
        if (children_.done()) {
            return false;
        }
        children_.wait(parent);
        return true;
    }
    auto await_resume() {
        if constexpr (std::is_void_v<T>) {
            for (auto& child : all_) {
                child.take();
            }
        } else {
            std::vector<T> results;
            results.reserve(all_.size());
            for (auto& child : all_) {
                results.push_back(child.take());
            }
            return results;
        }
    }

private:
    std::vector<F>& factories_;
    std::vector<detail::Child<T>> all_;
    detail::ChildSet children_;
};

template <class F>
    requires std::invocable<F&>
WhenAllRange<F> when_all(std::vector<F>& factories) {
    return WhenAllRange<F>(factories);
}

}  // namespace corevent
