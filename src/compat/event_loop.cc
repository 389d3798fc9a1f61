// A turn of the loop: promote what was put off -> wait -> note the time -> timers ->
// callbacks of the most urgent level that has any. The lock is held but in the wait and around
// callbacks.
#include "compat/alloc.h"
#include "compat/base.h"
#include "compat/event_debug.h"
#include "compat/log.h"
#include "compat/watch.h"

#include "base/assert.h"
#include "base/clock.h"

#include <algorithm>
#include <climits>
#include <new>
#include <span>

using namespace corevent::compat;

namespace {

using corevent::Poller;
using corevent::PollEvent;
using corevent::PollToken;
using corevent::Readiness;

constexpr std::int64_t us_per_ms = 1000;
/// Longer waits overflow in some kernels.
constexpr std::int64_t wait_us_max = std::int64_t{35} * 60 * 1'000'000;

constexpr std::size_t ready_max = 4096;  ///< events of one wait

constexpr PollToken wakeup_token = 0;  // descriptors have generations from 1 on
constexpr PollToken alarm_token = 1;

/// What the events of a descriptor are told, which is not the same with each method.
short events_of(Readiness bits, Method method) noexcept {
    static_assert(static_cast<int>(Readiness::in) == 1 && EV_READ == 1 << 1 &&
                  static_cast<int>(Readiness::out) == EV_WRITE);
    if (without(bits, Readiness::in | Readiness::out) == Readiness::none && method == Method::epoll)
        [[likely]] {
        const auto set = static_cast<unsigned>(bits);
        return static_cast<short>(EV_ET | (set & 1) << 1 | (set & EV_WRITE));
    }
    const bool broken = has(bits, Readiness::error);
    const bool hung_up = has(bits, Readiness::hangup);
    if (method == Method::epoll && (broken || (hung_up && !has(bits, Readiness::end)))) {
        return EV_READ | EV_WRITE | EV_ET;
    }
    short events = method == Method::epoll ? EV_ET : 0;  // for those that asked for it
    if (has(bits, Readiness::in)) events |= EV_READ;
    if (has(bits, Readiness::out)) events |= EV_WRITE;
    if (method == Method::select) {
        if (broken) events |= EV_READ | EV_WRITE;
        if (hung_up) events |= EV_READ;
        return events;
    }
    if (method == Method::poll && (broken || hung_up)) events |= EV_READ | EV_WRITE;
    if (has(bits, Readiness::end)) events |= EV_CLOSED;
    return events;
}

/// A loop while it runs.
class Turns {
public:
    Turns(event_base& base, int flags) noexcept : base_(base), flags_(flags) {}
    int run() noexcept;

private:
    void wait(std::int64_t wait_us) noexcept;
    std::int64_t time_to_wait() noexcept;
    int limit_of(std::int64_t wait_us) noexcept;
    void take_all(std::size_t count) noexcept;
    void take(const PollEvent& event) noexcept;
    void activate(event& ev, int result) noexcept;
    void expire_timers() noexcept;
    void take_out(::event& ev, int flag) noexcept;
    int run_active() noexcept;
    int run_queue(ActiveQueue& queue, bool limited) noexcept;
    void run_callback(event_callback& callback) noexcept;
    void run_persistent(event& ev) noexcept;

    // Out of the way of the others, which are cold enough when the kernel comes back.
    [[gnu::cold]] void more_ready() noexcept;
    [[gnu::cold]] void take_own(PollToken token) noexcept;
    [[gnu::cold]] void promote_later() noexcept;
    [[gnu::cold]] bool limit_reached(int count) noexcept;
    [[gnu::cold]] void run_signal(event& ev) noexcept;
    [[gnu::noinline]] bool settle(std::int64_t& wait_us) noexcept;
    [[gnu::noinline]] void run_other(event_callback& callback) noexcept;
    [[gnu::noinline]] void rearm(event& ev) noexcept;

    event_base& base_;
    const int flags_;
    std::int64_t end_us_ = -1;  ///< of the callbacks of limited priorities
};

int Turns::run() noexcept {
    for (;;) {
        base_.continue_asked = false;
        base_.deferred_this_turn = 0;
        if (base_.exit_asked || base_.break_asked) return 0;
        const bool waits = base_.active_count.now == 0 && (flags_ & EVLOOP_NONBLOCK) == 0;
        if ((flags_ & EVLOOP_NO_EXIT_ON_EMPTY) == 0 && !base_.busy() &&
            base_.active_count.now == 0) {
            return 1;
        }
        if (!base_.later.empty()) promote_later();
        wait(waits ? time_to_wait() : 0);
        expire_timers();
        if (base_.active_count.now > 0) {
            const int ran = run_active();
            if ((flags_ & EVLOOP_ONCE) != 0 && base_.active_count.now == 0 && ran != 0) return 0;
        } else if ((flags_ & EVLOOP_NONBLOCK) != 0) {
            return 0;
        }
    }
}

/// In microseconds; -1: until something happens.
std::int64_t Turns::time_to_wait() noexcept {
    if (base_.timers.empty()) return -1;
    base_.cached_us = 0;
    const std::int64_t left = base_.timers.min_key() - base_.now_us();
    return std::clamp<std::int64_t>(left, 0, wait_us_max);
}

/// For the poller, in milliseconds, rounded up; with an alarm it is that which ends the wait.
int Turns::limit_of(std::int64_t wait_us) noexcept {
    if (wait_us < 0) return Poller::forever;
    if (!base_.alarm) return static_cast<int>((wait_us + us_per_ms - 1) / us_per_ms);
    base_.alarm->set(corevent::monotonic_ns() + static_cast<std::uint64_t>(wait_us) * 1000);
    return Poller::forever;
}

/// Tells the poller what it is to know. Returns whether what it says then is to be completed.
bool Turns::settle(std::int64_t& wait_us) noexcept {
    base_.io.flush(*base_.poller);
    if (!base_.io.unsettled()) return false;
    const std::span<const PollEvent> last(base_.ready.data(), base_.ready_count);
    if (base_.io.note_order(last)) wait_us = 0;
    return true;
}

void Turns::wait(std::int64_t wait_us) noexcept {
    base_.sleeping = wait_us != 0;  // before the watchers, which may take their time
    // What most programs have none of costs a look, not a call: the code of a turn is often cold.
    if (base_.watchers[0] != nullptr) run_prepare_watchers(base_, wait_us);
    const bool completed = base_.io.unsettled() && settle(wait_us);
    base_.poller->prepare();
    base_.cached_us = 0;
    const int wait_ms = wait_us == 0 ? 0 : limit_of(wait_us);
    std::size_t count = 0;
    {
        const Unlocked unlocked(base_.lock);
        count = base_.poller->wait(wait_ms, base_.ready);
    }
    base_.sleeping = false;
    base_.notified = false;
    // The coarse clock may lag behind what the poller has waited for.
    if (count == 0 && wait_ms > 0) base_.read_exact_clock();
    if (!base_.has(EVENT_BASE_FLAG_NO_CACHE_TIME)) base_.cached_us = base_.now_us();
    if (base_.watchers[1] != nullptr) run_check_watchers(base_);
    const bool silent = count == 0;
    if (completed) [[unlikely]]
        count = base_.io.complete(base_.ready, count);
    base_.ready_count = static_cast<std::uint32_t>(count);
    ++base_.turn;
    if (count != 0) take_all(count);
    if (silent) base_.signals.look();  // one may have ended the wait; else the poller tells of it
}

void Turns::take_all(std::size_t count) noexcept {
    const PollEvent* const ready = base_.ready.data();
    // Of thousands of events those that become active have left the caches.
    constexpr std::size_t ahead = 4;
    for (std::size_t i = 0; i < count; ++i) {
        if (i + 2 * ahead < count) base_.io.prefetch_events(ready[i + 2 * ahead].token());
        if (i + ahead < count) base_.io.prefetch_first(ready[i + ahead].token());
        take(ready[i]);
    }
    if (count == base_.ready.size()) [[unlikely]]
        more_ready();
}

void Turns::more_ready() noexcept {
    const std::size_t size = base_.ready.size();
    try {
        if (size < ready_max) base_.ready.resize(size * 2);
    } catch (const std::bad_alloc&) {  // the rest is told next time
    }
}

void Turns::take(const PollEvent& event) noexcept {
    if (event.token() <= UINT32_MAX) [[unlikely]] {
        take_own(event.token());
        return;
    }
    EventList* const list = base_.io.find(event.token());
    if (list == nullptr) return;
    const short what = events_of(event.bits(), base_.options.method);
    for (::event* ev = list->first(); ev != nullptr; ev = EventList::next(*ev)) {
        const int mine = ev->ev_events & what;
        if ((mine & ~EV_ET) != 0) activate(*ev, mine);
    }
}

/// The alarm, or another thread or a signal that wakes the loop up.
void Turns::take_own(PollToken token) noexcept {
    const bool alarm = token == alarm_token;
    if (alarm) {
        base_.alarm->rang();
    } else {
        base_.signals.look();
    }
    if (base_.poller->rearms_itself()) return;
    if (alarm) {
        base_.alarm->drain();
        base_.poller->rearm(base_.alarm->fd(), Readiness::in);
    } else {
        base_.wakeup.drain();
        base_.poller->rearm(base_.wakeup.fd(), Readiness::in);
    }
}

/// Between the wait and the callbacks, where nothing runs and nobody sleeps, most events take the
/// short way.
void Turns::activate(::event& ev, int result) noexcept {
    event_callback& callback = callback_of(ev);
    constexpr int queues = EVLIST_ACTIVE | EVLIST_ACTIVE_LATER | EVLIST_FINALIZING;
    if ((callback.evcb_flags & queues) != 0 || (ev.ev_events & EV_SIGNAL) != 0) [[unlikely]] {
        base_.activate(ev, result, 1);
        return;
    }
    ev.ev_res = static_cast<short>(result);
    base_.insert_active(callback);
}

void Turns::expire_timers() noexcept {
    if (base_.timers.empty()) return;
    const std::int64_t now = base_.now_us();
    while (!base_.timers.empty() && base_.timers.min_key() <= now) {
        event& ev = base_.timers.min();
        take_out(ev, EVLIST_TIMEOUT);
        activate(ev, EV_TIMEOUT);
    }
}

/// Removes an event that is in the queue of `flag` at least; most are in no other.
void Turns::take_out(::event& ev, int flag) noexcept {
    event_callback& callback = callback_of(ev);
    constexpr int queues =
        EVLIST_TIMEOUT | EVLIST_INSERTED | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER | EVLIST_FINALIZING;
    if ((callback.evcb_flags & queues) != flag || (ev.ev_events & EV_SIGNAL) != 0) {
        base_.remove(ev, event_base::Wait::never);
        return;
    }
    if (flag == EVLIST_TIMEOUT) {
        base_.remove_timeout(ev);
    } else {
        base_.remove_active(callback);
    }
    note_del(ev);
}

void Turns::promote_later() noexcept {
    while (event_callback* callback = base_.later.front()) {
        base_.later.remove(*callback);
        callback->evcb_flags =
            static_cast<short>((callback->evcb_flags & ~EVLIST_ACTIVE_LATER) | EVLIST_ACTIVE);
        base_.active[callback->evcb_pri].push_back(*callback);
        base_.deferred_this_turn += callback->evcb_closure == closure_self;
    }
}

// --- callbacks

/// Runs the most urgent level that has something to run. Returns how many callbacks were not
/// internal; negative: the loop is to end.
int Turns::run_active() noexcept {
    const BaseOptions& options = base_.options;
    if (options.dispatch_us_max >= 0) end_us_ = base_.now_us() + options.dispatch_us_max;
    const bool limits = end_us_ >= 0 || options.dispatch_callbacks_max != INT_MAX;
    int ran = 0;
    for (int priority = 0; priority < base_.priorities && ran == 0; ++priority) {
        ActiveQueue& queue = base_.active[priority];
        if (queue.empty()) continue;
        base_.running_priority = priority;
        ran = run_queue(queue, limits && priority >= options.limited_from_priority);
    }
    base_.running_priority = -1;
    return ran;
}

int Turns::run_queue(ActiveQueue& queue, bool limited) noexcept {
    int count = 0;
    while (event_callback* callback = queue.front()) {
        count += (callback->evcb_flags & EVLIST_INTERNAL) == 0;
        run_callback(*callback);
        base_.current = nullptr;
        if (base_.waiters > 0) [[unlikely]] {
            base_.waiters = 0;
            base_.callback_ended.broadcast();
        }
        if (base_.break_asked) [[unlikely]]
            return -1;
        if (limited && limit_reached(count)) return count;
        if (base_.continue_asked) [[unlikely]]
            break;
    }
    return count;
}

bool Turns::limit_reached(int count) noexcept {
    if (count >= base_.options.dispatch_callbacks_max) return true;
    if (count == 0 || end_us_ < 0) return false;
    base_.cached_us = 0;
    const std::int64_t now = base_.now_us();
    if (!base_.has(EVENT_BASE_FLAG_NO_CACHE_TIME)) base_.cached_us = now;
    return now >= end_us_;
}

void Turns::run_callback(event_callback& callback) noexcept {
    if (callback.evcb_closure != closure_persist ||
        (callback.evcb_flags & EVLIST_FINALIZING) != 0) {
        run_other(callback);
        return;
    }
    base_.remove_active(callback);
    base_.current = &callback;
    run_persistent(event_of(callback));
}

void Turns::run_other(event_callback& callback) noexcept {
    const bool is_event = (callback.evcb_flags & EVLIST_INIT) != 0;
    event& ev = event_of(callback);  // if it is one
    if (!is_event || (ev.ev_events & EV_PERSIST) != 0 ||
        (callback.evcb_flags & EVLIST_FINALIZING) != 0) {
        base_.remove_active(callback);
    } else {
        take_out(ev, EVLIST_ACTIVE);
    }
    base_.current = &callback;
    // What is passed is copied first: once the lock is given up the event may be changed, and in
    // its own callback freed.
    void* const arg = callback.evcb_arg;
    const auto call = callback.evcb_cb_union;
    switch (callback.evcb_closure) {
        case closure_event: {
            const evutil_socket_t fd = ev.ev_fd;
            const short result = ev.ev_res;
            const Unlocked unlocked(base_.lock);
            call.evcb_callback(fd, result, arg);
            return;
        }
        case closure_signal: run_signal(ev); return;
        case closure_persist: run_persistent(ev); return;
        case closure_self: {
            const Unlocked unlocked(base_.lock);
            call.evcb_selfcb(&callback, arg);
            return;
        }
        case closure_finalize: {
            base_.current = nullptr;
            const Unlocked unlocked(base_.lock);
            call.evcb_cbfinalize(&callback, arg);
            return;
        }
        case closure_event_finalize:
        case closure_event_finalize_free: {
            const bool free_it = callback.evcb_closure == closure_event_finalize_free;
            base_.current = nullptr;
            const Unlocked unlocked(base_.lock);
            note_teardown(ev);
            call.evcb_evfinalize(&ev, arg);
            if (free_it) mm_free(&ev);
            return;
        }
        default: CE_ASSERT(false);
    }
}

/// As often as the signal came; a deletion or loopbreak in between ends it.
void Turns::run_signal(event& ev) noexcept {
    short calls = ev.ev_.ev_signal.ev_ncalls;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdangling-pointer"  // gone with the last call, and with the event
    if (calls != 0) ev.ev_.ev_signal.ev_pncalls = &calls;
#pragma GCC diagnostic pop
    while (calls > 0) {
        --calls;
        ev.ev_.ev_signal.ev_ncalls = calls;
        if (calls == 0) ev.ev_.ev_signal.ev_pncalls = nullptr;
        const auto callback = ev.ev_evcallback.evcb_cb_union.evcb_callback;
        const evutil_socket_t number = ev.ev_fd;
        const short result = ev.ev_res;
        void* const arg = ev.ev_evcallback.evcb_arg;
        {
            const Unlocked unlocked(base_.lock);
            callback(number, result, arg);
        }
        if (base_.break_asked) {
            if (calls != 0) ev.ev_.ev_signal.ev_pncalls = nullptr;
            return;
        }
    }
}

void Turns::run_persistent(event& ev) noexcept {
    const timeval& interval = ev.ev_.ev_io.ev_timeout;
    if (interval.tv_sec != 0 || interval.tv_usec != 0) rearm(ev);
    const auto callback = ev.ev_evcallback.evcb_cb_union.evcb_callback;
    const evutil_socket_t fd = ev.ev_fd;
    const short result = ev.ev_res;
    void* const arg = ev.ev_evcallback.evcb_arg;
    const Unlocked unlocked(base_.lock);
    callback(fd, result, arg);
}

/// The next deadline is counted from the last one if that is why it runs, else from now; one that
/// has passed by now as well is counted from now.
void Turns::rearm(event& ev) noexcept {
    const timeval interval = ev.ev_.ev_io.ev_timeout;
    const std::int64_t now = base_.now_us();
    const bool common = base_.common_timeouts.marks(interval);
    const std::int64_t length = microseconds(common ? CommonTimeouts::plain(interval) : interval);
    std::int64_t from = now;
    if ((ev.ev_res & EV_TIMEOUT) != 0) {
        from = microseconds(common ? CommonTimeouts::plain(ev.ev_timeout) : ev.ev_timeout);
    }
    const std::int64_t due = from + length < now ? now + length : from + length;
    timeval tv = timeval_of(due);
    if (common) tv = CommonTimeouts::marked(tv, interval);
    base_.add(ev, &tv, true);
}

void on_loopexit(evutil_socket_t, short, void* arg) noexcept {
    event_base& base = *static_cast<event_base*>(arg);
    const LockGuard guard(base.lock);
    base.exit_asked = true;
}

/// A one-shot event fires, and goes.
void on_once(evutil_socket_t fd, short events, void* arg) noexcept {
    auto* const once = static_cast<OnceEvent*>(arg);
    event_base& base = *once->ev.ev_base;
    {
        const LockGuard guard(base.lock);
        base.once.remove(*once);
    }
    const event_callback_fn callback = once->callback;
    void* const callback_arg = once->arg;
    note_teardown(once->ev);
    mm_free(once);
    callback(fd, events, callback_arg);
}

}  // namespace

// --- the functions of the C API

extern "C" {

int event_base_loop(event_base* base, int flags) {
    const LockGuard guard(base->lock);
    if (base->running) {
        warnx(
            "event_base_loop: reentrant invocation.  Only one event_base_loop can run on each "
            "event_base at once.");
        return -1;
    }
    base->running = true;
    base->cached_us = 0;
    base->owner = thread_id();
    base->exit_asked = false;
    base->break_asked = false;
    const int result = Turns(*base, flags).run();
    base->cached_us = 0;
    base->running = false;
    return result;
}

int event_base_dispatch(event_base* base) {
    return event_base_loop(base, 0);
}

int event_base_loopexit(event_base* base, const timeval* tv) {
    return event_base_once(base, -1, EV_TIMEOUT, on_loopexit, base, tv);
}

int event_base_loopbreak(event_base* base) {
    if (base == nullptr) return -1;
    const LockGuard guard(base->lock);
    base->break_asked = true;
    base->wake();
    return 0;
}

int event_base_loopcontinue(event_base* base) {
    if (base == nullptr) return -1;
    const LockGuard guard(base->lock);
    base->continue_asked = true;
    base->wake();
    return 0;
}

int event_base_got_break(event_base* base) {
    const LockGuard guard(base->lock);
    return base->break_asked;
}

int event_base_got_exit(event_base* base) {
    const LockGuard guard(base->lock);
    return base->exit_asked;
}

int event_base_once(event_base* base, evutil_socket_t fd, short events, event_callback_fn callback,
                    void* arg, const timeval* tv) {
    if (base == nullptr || (events & (EV_SIGNAL | EV_PERSIST)) != 0) return -1;
    constexpr short io_events = EV_READ | EV_WRITE | EV_CLOSED;
    const bool timer = (events & (EV_TIMEOUT | io_events)) == EV_TIMEOUT;
    if (!timer && (events & io_events) == 0) return -1;
    auto* const once = static_cast<OnceEvent*>(mm_malloc(sizeof(OnceEvent)));
    if (once == nullptr) return -1;
    once->callback = callback;
    once->arg = arg;
    once->hook = {};
    event_assign(&once->ev, base, timer ? -1 : fd,
                 static_cast<short>(timer ? 0 : events & io_events), on_once, once);
    const LockGuard guard(base->lock);
    if (timer && (tv == nullptr || (tv->tv_sec == 0 && tv->tv_usec == 0))) {
        base->activate(once->ev, EV_TIMEOUT, 1);
    } else if (base->add(once->ev, tv, false) != 0) {
        note_teardown(once->ev);
        mm_free(once);
        return -1;
    }
    base->once.push_back(*once);
    return 0;
}

}  // extern "C"
