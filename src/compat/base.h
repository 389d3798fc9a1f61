// struct event_base: a loop in the sense of libevent. Everything in it is guarded by its lock, which
// exists only in programs that asked for threads; the lock is given up while the loop waits and
// around callbacks. What an event goes through is in event_core.cc, a turn in event_loop.cc, what
// time it is in event_time.cc.
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "compat/common_timeout.h"
#include "compat/event_signal.h"
#include "compat/evmap.h"
#include "compat/lock.h"
#include "reactor/alarm.h"
#include "reactor/poller.h"
#include "reactor/wakeup.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <sys/time.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

struct evwatch;

namespace corevent::compat {

/// What the loop does with an active callback: evcb_closure.
enum Closure : ev_uint8_t {
    closure_event,
    closure_signal,
    closure_persist,
    closure_self,
    closure_finalize,
    closure_event_finalize,
    closure_event_finalize_free,
};

enum class Method : std::uint8_t { epoll, poll, select };

using ActiveQueue = TailQueue<event_callback, &event_callback::evcb_active_next>;

constexpr std::int64_t microseconds(const timeval& tv) noexcept {
    // A program's idea of forever: 146,000 years, and room to add the time of now.
    constexpr time_t seconds_max = INT64_MAX / 2 / 1'000'000;
    return std::clamp(tv.tv_sec, -seconds_max, seconds_max) * 1'000'000 + tv.tv_usec;
}
constexpr timeval timeval_of(std::int64_t us) noexcept {
    return {us / 1'000'000, us % 1'000'000};
}

struct TimerTraits {
    using Key = std::int64_t;  ///< deadline in microseconds
    static Key key(const event& ev) noexcept { return microseconds(ev.ev_timeout); }
    static std::size_t& slot(event& ev) noexcept { return ev.ev_timeout_pos.ev_heap_slot; }
};

/// An event of event_base_once().
struct OnceEvent {
    event ev;
    event_callback_fn callback;
    void* arg;
    ListHook<OnceEvent> hook;
};

struct EventCounts {
    int now = 0;
    int most = 0;
    void add() noexcept {
        if (++now > most) most = now;
    }
};

struct BaseOptions {
    Method method = Method::epoll;
    int flags = 0;
    std::int64_t dispatch_us_max = -1;  ///< -1: no limit
    int dispatch_callbacks_max = INT32_MAX;
    int limited_from_priority = 1;
};

/// The base of the functions without one (event_init).
event_base* current_base() noexcept;
void set_current_base(event_base* base) noexcept;

inline event& event_of(event_callback& callback) noexcept {
    return reinterpret_cast<event&>(callback);  // its first member
}
inline event_callback& callback_of(event& ev) noexcept {
    return ev.ev_evcallback;
}

}  // namespace corevent::compat

struct event_base {
    explicit event_base(const corevent::compat::BaseOptions& options);
    ~event_base();
    event_base(const event_base&) = delete;
    event_base& operator=(const event_base&) = delete;

    // What a turn touches comes first, in few cache lines: between two turns the kernel and the
    // program have had the cache.
    const corevent::compat::BaseOptions options;
    bool has(int flag) const noexcept { return (options.flags & flag) != 0; }

    corevent::compat::Lock lock;
    std::unique_ptr<corevent::Poller> poller;

    // --- the loop
    bool running = false;
    bool exit_asked = false;
    bool break_asked = false;
    bool continue_asked = false;
    bool sleeping = false;  ///< it waits, or is about to, and has its time limit already
    bool notified = false;  ///< and not woken up yet
    int running_priority = -1;
    int deferred_this_turn = 0;
    int waiters = 0;                    ///< threads that wait for the end of `current`
    std::uint32_t ready_count = 0;      ///< of `ready`: what the last wait brought
    event_callback* current = nullptr;  ///< whose callback runs

    // --- time
    std::int64_t cached_us = 0;  ///< of the monotonic clock; 0: not in callbacks
    std::int64_t newest_us = 0;
    std::int64_t wall_offset_us = 0;
    std::int64_t wall_read_us = -1;

    // --- counts
    corevent::compat::EventCounts added;         ///< without internal ones
    corevent::compat::EventCounts active_count;  ///< callbacks
    corevent::compat::EventCounts virtual_count;

    // --- queues
    int priorities = 0;
    std::unique_ptr<corevent::compat::ActiveQueue[]> active;
    corevent::compat::ActiveQueue later;  ///< active from the next turn on
    std::vector<corevent::PollEvent> ready =
        std::vector<corevent::PollEvent>(64);  ///< of one wait; doubled when it was full
    corevent::IndexedHeap<event, corevent::compat::TimerTraits> timers;
    corevent::compat::IoMap io;
    std::uint64_t turn = 1;                     ///< by number: another after each wait
    evwatch* watchers[2] = {nullptr, nullptr};  ///< watch.cc

    // --- what a turn without its occasion leaves alone
    evwatch* next_watcher = nullptr;
    unsigned long owner = 0;  ///< the thread of the loop
    corevent::compat::Cond callback_ended;
    corevent::Wakeup wakeup;
    std::optional<corevent::Alarm> alarm;  ///< with EVENT_BASE_FLAG_PRECISE_TIMER
    corevent::compat::SignalMap signals;
    corevent::compat::CommonTimeouts common_timeouts;
    corevent::TailQueue<corevent::compat::OnceEvent, &corevent::compat::OnceEvent::hook> once;

    // --- with the lock held, where nothing else is said
    bool in_loop_thread() const noexcept {
        return !running || lock.handle() == nullptr || owner == corevent::compat::thread_id();
    }
    /// Cached in callbacks.
    std::int64_t now_us() noexcept { return cached_us != 0 ? cached_us : read_usual_clock(); }
    std::int64_t read_usual_clock() noexcept;  ///< exact if the program asked for that
    std::int64_t read_exact_clock() noexcept;
    [[gnu::cold]] void read_wall_clock() noexcept;
    void wake() noexcept;  ///< if the loop runs in another thread
    int add(event& ev, const timeval* tv, bool absolute) noexcept;
    enum class Wait : std::uint8_t { never, unless_finalizing, always, even_if_finalizing };
    int remove(event& ev, Wait wait) noexcept;
    void activate(event& ev, int result, short calls) noexcept;
    bool activate(event_callback& callback) noexcept;  ///< true: it was not active
    bool activate_later(event_callback& callback) noexcept;
    void cancel(event_callback& callback, bool even_if_finalizing) noexcept;
    void finalize(event_callback& callback, void (*call)(event_callback*, void*)) noexcept;
    bool set_priorities(int count) noexcept;
    bool busy() const noexcept { return added.now > 0 || virtual_count.now > 0; }
    void wait_for(const event_callback& callback) noexcept;  ///< to end, in another thread

    // --- queues, and the bits that say so
    void insert_active(event_callback& callback) noexcept;
    void insert_later(event_callback& callback) noexcept;
    void remove_active(event_callback& callback) noexcept;
    bool insert_timeout(event& ev) noexcept;
    void remove_timeout(event& ev) noexcept;
    void insert_io(event& ev) noexcept;
    void remove_io(event& ev) noexcept;
    void count(const event_callback& callback) noexcept;
    void uncount(const event_callback& callback) noexcept;

    /// Every event once; f(const event&) as event_base_foreach_event().
    template <class F>
    int for_each_event(F f);
};

// --- what each callback passes through, wherever it came from

inline void event_base::count(const event_callback& callback) noexcept {
    if ((callback.evcb_flags & EVLIST_INTERNAL) == 0) added.add();
}

inline void event_base::uncount(const event_callback& callback) noexcept {
    if ((callback.evcb_flags & EVLIST_INTERNAL) == 0) --added.now;
}

inline void event_base::insert_active(event_callback& callback) noexcept {
    count(callback);
    callback.evcb_flags = static_cast<short>(callback.evcb_flags | EVLIST_ACTIVE);
    active_count.add();
    callback.evcb_active_next.tqe_prev = nullptr;
    // There may be fewer priorities than when it got its own.
    if (callback.evcb_pri >= priorities) [[unlikely]]
        callback.evcb_pri = static_cast<ev_uint8_t>(priorities - 1);
    active[callback.evcb_pri].push_back(callback);
}

inline void event_base::remove_active(event_callback& callback) noexcept {
    uncount(callback);
    --active_count.now;
    const bool now = (callback.evcb_flags & EVLIST_ACTIVE) != 0;
    (now ? active[callback.evcb_pri] : later).remove(callback);
    callback.evcb_flags =
        static_cast<short>(callback.evcb_flags & ~(EVLIST_ACTIVE | EVLIST_ACTIVE_LATER));
}
