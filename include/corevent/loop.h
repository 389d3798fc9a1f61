// Loop: one thread's event loop. It turns kernel events, timers, signals and posted work into
// callbacks, one at a time, on the thread that calls run(). It outlives everything attached to it:
// declare it first. Only post() and stop() may be called from any thread; everything else belongs
// to the loop's thread (or to the time before run()).
//
// Handles (Timer, SignalHandler) are move-only; the core behind a handle is freed at the end of a
// turn, never inside a callback, so a callback may destroy its own handle.
#pragma once

#include <corevent/error.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace corevent {

using Clock = std::chrono::steady_clock;
using Callback = std::move_only_function<void()>;

class LoopCore;
class TimerCore;
class SignalCore;

/// Work for another loop without an allocation: an object that the poster owns until run() or
/// discard() is called, once, on the loop's thread. May be posted again from within them.
class PostItem {
public:
    virtual void run() = 0;
    virtual void discard() noexcept = 0;  ///< the loop is being destroyed and will not run it

protected:
    PostItem() noexcept = default;
    ~PostItem() = default;

private:
    friend class PostQueue;
    PostItem* next_post_ = nullptr;
};

/// A timer without an allocation: embedded in whatever waits. The owner stops it before it dies.
/// What users declare is a Timer.
class TimerNode {
public:
    TimerNode(const TimerNode&) = delete;
    TimerNode& operator=(const TimerNode&) = delete;
    bool running() const noexcept { return heap_slot_ != SIZE_MAX; }

protected:
    TimerNode() noexcept = default;
    ~TimerNode() = default;

private:
    friend class LoopCore;
    friend struct TimerTraits;
    virtual void on_timer() = 0;  ///< not running any more; may be started again
    std::uint64_t due_ns_ = 0;
    std::uint64_t order_ = 0;  ///< equal times expire in the order they were started
    std::size_t heap_slot_ = SIZE_MAX;
};

enum class Backend : std::uint8_t { automatic, epoll, poll };
CE_API std::string_view backend_name(Backend backend) noexcept;

struct LoopOptions {
    Backend backend = Backend::automatic;
    unsigned index = 0;                             ///< shown in messages: "loop 1 held ..."
    std::chrono::milliseconds stall_threshold{10};  ///< a callback longer than this is reported; 0
                                                    ///< = never
    std::size_t receive_buffer_bytes = 64 * 1024;   ///< the one buffer lent to readers; at least 16
                                                    ///< KiB
    std::size_t posted_work_max = 0;                ///< closures that wait; 0 = Limit::posted_work
};

class CE_API Loop {
public:
    explicit Loop(LoopOptions options = {});
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Turns until stop(); may be called again. What was posted before stop() still runs.
    void run();
    bool run_once(std::chrono::milliseconds wait_max);  ///< one turn; false when nothing happened
    /// Any thread: run() returns at the end of the current turn, or of its first when it is not
    /// running yet.
    void stop() noexcept;

    /// Any thread; never waits. Runs `work` on the loop's thread in a later step of this or the next
    /// turn, in order per poster. Errc::queue_full when LoopOptions::posted_work_max wait already:
    /// `work` is then untouched, for the caller to try again, do without or tell its own caller.
    /// What posted work posts first to its own loop takes its place and always finds room. Work
    /// posted to a loop that never runs again is destroyed unrun with the loop. An exception from
    /// `work` (or from any other callback) ends the program: user code of the HTTP floor is caught
    /// there.
    [[nodiscard]] Result<void> post(Callback&& work);
    /// Any thread; never fails: no limit counts items, since each is made by somebody who keeps it
    /// and waits in one loop at a time.
    void post(PostItem& item) noexcept;

    /// Time when this turn woke up (one clock read a turn); the time of the call outside run().
    Clock::time_point now() const noexcept;
    unsigned index() const noexcept;
    bool is_current() const noexcept;  ///< whether the calling thread is inside this loop's run()
    static Loop* current() noexcept;   ///< the loop whose run() is on this thread's stack, or
                                       ///< nullptr

    LoopCore& core() noexcept { return *core_; }  ///< for the library's own floors

private:
    std::unique_ptr<LoopCore> core_;
};

/// A timer of the user: heap-ordered, O(log n). Destroying or stopping it inside its own callback
/// is fine.
class CE_API Timer {
public:
    Timer(Loop& loop, Callback on_expired);
    ~Timer();
    Timer(Timer&&) noexcept;
    Timer& operator=(Timer&&) noexcept;

    void start(Clock::duration after);  ///< once, counted from now(); restarts a running timer
    void start_every(Clock::duration period);  ///< again and again without drift; missed periods
                                               ///< are skipped
    void stop() noexcept;
    bool running() const noexcept;

private:
    TimerCore* core_;
};

/// Destroyed on the loop's thread or while the loop does not run (LoopGroup::stop() first), as a Timer is.
/// Calls back on the loop for each batch of a signal's deliveries. While a handle lives the signal
/// is blocked from its default action process-wide; several loops and handles may watch the same
/// signal. Restored when the last one goes.
class CE_API SignalHandler {
public:
    SignalHandler(Loop& loop, int signal_number, Callback on_signal);
    ~SignalHandler();
    SignalHandler(SignalHandler&&) noexcept;
    SignalHandler& operator=(SignalHandler&&) noexcept;

private:
    SignalCore* core_;
};

}  // namespace corevent
