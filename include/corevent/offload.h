// offload: blocking or CPU-bound work away from the loops. `co_await offload(f)` runs f() on a
// thread of the loop's pool and comes home to the loop it left, with the value or the exception of
// f. The queue is bounded: when it is full the result is Errc::queue_full at once, for the caller
// to answer 503. A cancelled wait gives operation_canceled when the work had not begun; work that
// runs is waited for, because it uses what the coroutine owns.
//
// f is copied bit by bit: it captures references and plain values (static_assert). The coroutine is
// suspended while f runs, so what it refers to in the coroutine's frame stays alive and is not
// touched by anybody else.
#pragma once

#include <corevent/error.h>
#include <corevent/loop.h>
#include <corevent/task.h>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace corevent {

class OffloadPool;

/// One piece of work on its way: queued, running, or posted home. The base of what offload()
/// returns.
class CE_API OffloadJob : private PostItem, private CancelHook {
public:
    OffloadJob(const OffloadJob&) = delete;
    OffloadJob& operator=(const OffloadJob&) = delete;

protected:
    explicit OffloadJob(OffloadPool* pool) noexcept : pool_(pool) {}
    ~OffloadJob() = default;

    /// Hands the job to the pool; false when it ends at once with error().
    bool submit(std::coroutine_handle<> waiter, CancelScope* scope);
    std::error_code error() const noexcept { return error_; }

private:
    friend class OffloadPool;
    virtual void work() noexcept = 0;  ///< on a thread of the pool
    void run() override;               ///< home
    void discard() noexcept override {}
    void on_cancel() noexcept override;
    void go_home(std::error_code error) noexcept;

    OffloadPool* pool_;  ///< null: the pool of the current loop
    Loop* home_ = nullptr;
    std::coroutine_handle<> waiter_;
    std::error_code error_;
    struct Hook {
        OffloadJob* tqe_next = nullptr;
        OffloadJob** tqe_prev = nullptr;
    } hook_;  ///< in the pool's queue; under the pool's lock
};

/// Threads for blocking work, started when the first jobs arrive. A LoopGroup has one; a Loop
/// without a group makes its own on first use. submit is thread-safe; the constructor, stop() and
/// the destructor belong to one thread.
class CE_API OffloadPool {
public:
    /// At most `threads` threads and `queue_max` jobs that wait for one (both at least 1).
    OffloadPool(unsigned threads, std::size_t queue_max);
    ~OffloadPool();  ///< stop()
    OffloadPool(const OffloadPool&) = delete;
    OffloadPool& operator=(const OffloadPool&) = delete;

    /// Ends: jobs that wait go home with operation_canceled, those that run are waited for, later
    /// ones fail with Errc::loop_stopped. Idempotent. Loops should still run, so that the jobs
    /// arrive.
    void stop() noexcept;

    std::size_t queued() const noexcept;  ///< any thread
    unsigned threads() const noexcept;    ///< any thread: started so far

private:
    friend class OffloadJob;
    std::error_code add(OffloadJob& job);
    bool remove(OffloadJob& job) noexcept;  ///< false when it runs already or has run

    struct State;
    std::unique_ptr<State> state_;
};

template <class F>
class [[nodiscard]] OffloadAwaiter final : private OffloadJob {
public:
    using Returned = std::invoke_result_t<F&>;
    static_assert(std::is_trivially_destructible_v<F> && std::is_trivially_copyable_v<F>,
                  "offload(f): let f capture references or plain values; what it needs stays in "
                  "the coroutine");
    static_assert(!std::is_reference_v<Returned>, "offload(f): f returns a value or void");

    OffloadAwaiter(OffloadPool* pool, F function) noexcept
        : OffloadJob(pool), function_(function) {}

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> waiter) {
        return submit(waiter, waiter.promise().scope);
    }

    /// Result<R>; for an f that returns a Result itself, that type.
    auto await_resume() {
        using R = typename Flat<Returned>::type;
        if (exception_) {
            std::rethrow_exception(std::exchange(exception_, nullptr));
        }
        if (error()) {
            return R(std::unexpected(error()));
        }
        if constexpr (std::is_void_v<Returned>) {
            return R();
        } else {
            return R(std::move(*value_));
        }
    }

private:
    template <class T>
    struct Flat {
        using type = Result<T>;
    };
    template <class T>
    struct Flat<Result<T>> {
        using type = Result<T>;
    };

    void work() noexcept override {
        try {
            if constexpr (std::is_void_v<Returned>) {
                function_();
            } else {
                value_.emplace(function_());
            }
        } catch (...) {
            exception_ = std::current_exception();
        }
    }

    F function_;
    std::optional<std::conditional_t<std::is_void_v<Returned>, char, Returned>> value_;
    std::exception_ptr exception_;
};

/// `co_await offload(f)`, or into a pool of one's own: `co_await offload(pool, f)`.
template <class F>
OffloadAwaiter<F> offload(F function) noexcept {
    return OffloadAwaiter<F>(nullptr, function);
}
template <class F>
OffloadAwaiter<F> offload(OffloadPool& pool, F function) noexcept {
    return OffloadAwaiter<F>(&pool, function);
}

}  // namespace corevent
