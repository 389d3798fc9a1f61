#include <corevent/task_scope.h>

#include "base/assert.h"
#include "loop/loop_core.h"

#include <corevent/log.h>

#include <string>

namespace corevent {
namespace {

/// Where the calling coroutine runs. Coroutines suspend inside run() only: elsewhere nobody would
/// resume them.
LoopCore& current_core() noexcept {
    Loop* loop = Loop::current();
    CE_ASSERT(loop != nullptr);
    return loop->core();
}

void log_escaped(const std::exception_ptr& exception) noexcept {
    std::string line = "a spawned task ended by an exception: ";
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        line += e.what();
    } catch (...) {
        line += "not a std::exception";
    }
    log_line(LogLevel::error, line);
}

std::uint64_t due_after(const LoopCore& core, Clock::duration duration) noexcept {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    return core.now_ns() + (ns > 0 ? static_cast<std::uint64_t>(ns) : 0);
}

}  // namespace

TaskScope::~TaskScope() {
    CE_ASSERT(active_ == 0);  // co_await join() before the scope ends
}

void TaskScope::start(Task<void>::Handle handle) {
    CE_ASSERT(handle);
    detail::PromiseBase& promise = handle.promise();
    promise.scope = &cancel_;
    promise.owner = this;
    promise.on_done = task_done;
    ++active_;
    handle.resume();
}

void TaskScope::task_done(void* self, std::coroutine_handle<> handle) {
    TaskScope& scope = *static_cast<TaskScope*>(self);
    const auto task = Task<void>::Handle::from_address(handle.address());
    if (const std::exception_ptr exception = task.promise().exception) {
        log_escaped(exception);
        ++scope.exceptions_;
        if (scope.first_exception_ == nullptr) {
            scope.first_exception_ = exception;
        }
    }
    handle.destroy();
    if (--scope.active_ == 0 && scope.waiter_) {
        std::exchange(scope.waiter_, nullptr).resume();  // may destroy the scope
    }
}

TaskScope::Join::~Join() {
    CancelScope::unlink(*this);
}

bool TaskScope::Join::suspend(std::coroutine_handle<> waiter, CancelScope* scope) noexcept {
    CE_ASSERT(!scope_.waiter_);
    if (scope != nullptr) {
        if (scope->cancelled()) {
            scope_.cancel();
        } else {
            scope->link(*this);
        }
    }
    if (scope_.active_ == 0) {
        return false;
    }
    scope_.waiter_ = waiter;
    return true;
}

void TaskScope::Join::on_cancel() noexcept {
    scope_.cancel();  // may resume the waiter, whose frame holds *this
}

void TaskScope::Join::await_resume() {
    if (scope_.first_exception_) {
        std::rethrow_exception(std::exchange(scope_.first_exception_, nullptr));
    }
}

SleepAwaiter::~SleepAwaiter() {
    CancelScope::unlink(*this);
    if (running()) {
        core_->stop_timer(*this);
    }
}

bool SleepAwaiter::suspend(std::coroutine_handle<> waiter, CancelScope* scope) {
    if (scope != nullptr) {
        if (scope->cancelled()) {
            cancelled_ = true;
            return false;
        }
        scope->link(*this);
    }
    waiter_ = waiter;
    core_ = &current_core();
    core_->start_timer(*this, due_after(*core_, duration_));
    return true;
}

void SleepAwaiter::on_timer() {
    CancelScope::unlink(*this);
    waiter_.resume();
}

void SleepAwaiter::on_cancel() noexcept {
    cancelled_ = true;
    core_->start_timer(*this, core_->now_ns());  // the next look at the timers resumes it
}

Result<void> SleepAwaiter::await_resume() const noexcept {
    if (cancelled_) {
        return std::unexpected(std::make_error_code(std::errc::operation_canceled));
    }
    return {};
}

void YieldAwaiter::await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    current_core().post(*this);
}

namespace detail {

void TimeLimit::start(Clock::duration duration) {
    core_ = &current_core();
    core_->start_timer(*this, due_after(*core_, duration));
}

void TimeLimit::stop() noexcept {
    if (running()) {
        core_->stop_timer(*this);
    }
}

void TimeLimit::on_timer() {
    expired_ = true;
    scope_.cancel();  // may end the child and with it *this
}

void ChildSet::ended(bool threw) {
    if (threw) {
        scope_.cancel();  // counts as active meanwhile, so that the others cannot end the set
    }
    if (--active_ == 0 && parent_) {
        parent_.resume();  // may destroy the set
    }
}

}  // namespace detail

}  // namespace corevent
