// What an event goes through: set up, added, active, deleted, finalized. The bits of evcb_flags say
// where it is:
//
//   EVLIST_INSERTED  asked for a descriptor or a signal      EVLIST_ACTIVE        in `active`
//   EVLIST_TIMEOUT   has a deadline                          EVLIST_ACTIVE_LATER  in `later`
//   EVLIST_FINALIZING  nothing but its finalizer is to run
#include "compat/alloc.h"
#include "compat/base.h"
#include "compat/deferred.h"
#include "compat/event_debug.h"
#include "compat/log.h"

#include "base/assert.h"
#include "base/clock.h"

#include <algorithm>
#include <cstring>
#include <new>

using namespace corevent::compat;

namespace corevent::compat {

constexpr short io_events = EV_READ | EV_WRITE | EV_CLOSED;
constexpr int deferred_per_turn_max = 32;

namespace {

const char self_mark = 0;

bool is(const event_callback& callback, int flags) noexcept {
    return (callback.evcb_flags & flags) != 0;
}

void set(event_callback& callback, int flags) noexcept {
    callback.evcb_flags = static_cast<short>(callback.evcb_flags | flags);
}

void unset(event_callback& callback, int flags) noexcept {
    callback.evcb_flags = static_cast<short>(callback.evcb_flags & ~flags);
}

/// The calls of a signal that are still owed are not made.
void forget_calls(event& ev) noexcept {
    auto& signal = ev.ev_.ev_signal;
    if ((ev.ev_events & EV_SIGNAL) != 0 && signal.ev_ncalls != 0 && signal.ev_pncalls != nullptr) {
        *signal.ev_pncalls = 0;
    }
}

}  // namespace

}  // namespace corevent::compat

// --- queues

void event_base::insert_later(event_callback& callback) noexcept {
    count(callback);
    set(callback, EVLIST_ACTIVE_LATER);
    active_count.add();
    callback.evcb_active_next.tqe_prev = nullptr;
    if (callback.evcb_pri >= priorities)
        callback.evcb_pri = static_cast<ev_uint8_t>(priorities - 1);
    later.push_back(callback);
}

bool event_base::insert_timeout(event& ev) noexcept {
    if (common_timeouts.marks(ev.ev_timeout)) {
        common_timeouts.insert(*this, ev);
    } else {
        ev.ev_timeout_pos.ev_heap_slot = corevent::heap_npos;
        try {
            timers.push(ev);
        } catch (const std::bad_alloc&) {
            return false;
        }
    }
    count(callback_of(ev));
    set(callback_of(ev), EVLIST_TIMEOUT);
    return true;
}

void event_base::remove_timeout(event& ev) noexcept {
    uncount(callback_of(ev));
    unset(callback_of(ev), EVLIST_TIMEOUT);
    if (common_timeouts.marks(ev.ev_timeout)) {
        common_timeouts.remove(ev);
    } else {
        timers.erase(ev);
    }
}

void event_base::insert_io(event& ev) noexcept {
    count(callback_of(ev));
    set(callback_of(ev), EVLIST_INSERTED);
}

void event_base::remove_io(event& ev) noexcept {
    uncount(callback_of(ev));
    unset(callback_of(ev), EVLIST_INSERTED);
}

void event_base::wait_for(const event_callback& callback) noexcept {
    while (current == &callback && !in_loop_thread() && callback_ended.made()) {
        ++waiters;
        callback_ended.wait(lock);
    }
}

void event_base::wake() noexcept {
    if (!sleeping || notified || in_loop_thread()) return;
    notified = true;
    wakeup.notify();
}

// --- add, delete, activate

int event_base::add(event& ev, const timeval* tv, bool absolute) noexcept {
    event_callback& callback = callback_of(ev);
    if (is(callback, EVLIST_FINALIZING)) return -1;
    if ((ev.ev_events & EV_SIGNAL) != 0) wait_for(callback);
    bool tell_loop = false;
    if ((ev.ev_events & (io_events | EV_SIGNAL)) != 0 &&
        !is(callback, EVLIST_INSERTED | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) {
        if ((ev.ev_events & EV_SIGNAL) != 0) {
            if (!signals.add(ev)) return -1;
        } else {
            const IoMap::Change change = io.add(*poller, ev);
            if (change == IoMap::Change::failed) return -1;
            tell_loop = change == IoMap::Change::told;
        }
        insert_io(ev);
    }
    if (tv != nullptr) {
        const timeval given = *tv;  // may be a field of the event
        if (callback.evcb_closure == closure_persist && !absolute) ev.ev_.ev_io.ev_timeout = given;
        if (is(callback, EVLIST_TIMEOUT)) {
            if (!common_timeouts.marks(ev.ev_timeout) && &timers.min() == &ev) tell_loop = true;
            remove_timeout(ev);
        }
        // It has timed out, and now it has not.
        if (is(callback, EVLIST_ACTIVE) && (ev.ev_res & EV_TIMEOUT) != 0) {
            forget_calls(ev);
            remove_active(callback);
        }
        if (absolute) {
            ev.ev_timeout = given;
        } else if (common_timeouts.marks(given)) {
            const timeval due = timeval_of(now_us() + microseconds(CommonTimeouts::plain(given)));
            ev.ev_timeout = CommonTimeouts::marked(due, given);
        } else {
            ev.ev_timeout = timeval_of(now_us() + microseconds(given));
        }
        if (!insert_timeout(ev)) return -1;
        if (!common_timeouts.marks(ev.ev_timeout) && &timers.min() == &ev) tell_loop = true;
    }
    if (tell_loop) wake();
    note_add(ev);
    return 0;
}

int event_base::remove(event& ev, Wait wait) noexcept {
    event_callback& callback = callback_of(ev);
    if (wait != Wait::even_if_finalizing && is(callback, EVLIST_FINALIZING)) return 0;
    forget_calls(ev);
    if (is(callback, EVLIST_TIMEOUT)) remove_timeout(ev);
    if (is(callback, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) remove_active(callback);
    if (is(callback, EVLIST_INSERTED)) {
        remove_io(ev);
        if ((ev.ev_events & io_events) != 0) {
            if (io.remove(*poller, ev) == IoMap::Change::told) wake();
        } else {
            signals.remove(ev);
        }
        // Nothing is left to wait for: a loop in another thread is to notice.
        if (!busy() && active_count.now == 0) wake();
    }
    note_del(ev);
    if (wait == Wait::always ||
        (wait == Wait::unless_finalizing && (ev.ev_events & EV_FINALIZE) == 0)) {
        wait_for(callback);
    }
    return 0;
}

void event_base::activate(event& ev, int result, short calls) noexcept {
    event_callback& callback = callback_of(ev);
    if (is(callback, EVLIST_FINALIZING)) return;
    if (is(callback, EVLIST_ACTIVE)) {
        ev.ev_res = static_cast<short>(ev.ev_res | result);
        return;
    }
    const bool was_later = is(callback, EVLIST_ACTIVE_LATER);
    ev.ev_res = static_cast<short>(was_later ? ev.ev_res | result : result);
    if (callback.evcb_pri < running_priority) continue_asked = true;
    if ((ev.ev_events & EV_SIGNAL) != 0) {
        wait_for(callback);
        ev.ev_.ev_signal.ev_ncalls = calls;
        ev.ev_.ev_signal.ev_pncalls = nullptr;
    }
    activate(callback);
}

bool event_base::activate(event_callback& callback) noexcept {
    if (is(callback, EVLIST_FINALIZING | EVLIST_ACTIVE)) return false;
    const bool was_later = is(callback, EVLIST_ACTIVE_LATER);
    if (was_later) remove_active(callback);
    insert_active(callback);
    wake();
    return !was_later;
}

bool event_base::activate_later(event_callback& callback) noexcept {
    if (is(callback, EVLIST_FINALIZING | EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) return false;
    insert_later(callback);
    wake();
    return true;
}

void event_base::cancel(event_callback& callback, bool even_if_finalizing) noexcept {
    if (is(callback, EVLIST_FINALIZING) && !even_if_finalizing) return;
    if (is(callback, EVLIST_INIT)) {
        remove(event_of(callback), even_if_finalizing ? Wait::even_if_finalizing : Wait::never);
    } else if (is(callback, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) {
        remove_active(callback);
    }
}

void event_base::finalize(event_callback& callback, void (*call)(event_callback*, void*)) noexcept {
    cancel(callback, false);
    callback.evcb_closure = closure_finalize;
    callback.evcb_cb_union.evcb_cbfinalize = call;
    activate(callback);
    set(callback, EVLIST_FINALIZING);
}

namespace corevent::compat {

void Deferred::init(int priority, Call call, void* arg) noexcept {
    evcb_flags = 0;
    evcb_pri = static_cast<ev_uint8_t>(priority);
    evcb_closure = closure_self;
    evcb_cb_union.evcb_selfcb = call;
    evcb_arg = arg;
}

bool Deferred::schedule(event_base* base) noexcept {
    const LockGuard guard(base->lock);
    if (base->deferred_this_turn > deferred_per_turn_max) return base->activate_later(*this);
    const bool newly = base->activate(static_cast<event_callback&>(*this));
    base->deferred_this_turn += newly;
    return newly;
}

void Deferred::cancel(event_base* base) noexcept {
    const LockGuard guard(base->lock);
    base->cancel(*this, false);
}

void finalize(event_base* base, event_callback* const* callbacks, int count, Deferred::Call call,
              void* arg) noexcept {
    if (base == nullptr) base = current_base();
    const LockGuard guard(base->lock);
    event_callback* last = nullptr;
    for (int i = 0; i < count; ++i) {
        if (callbacks[i] == base->current && !base->in_loop_thread()) {
            last = callbacks[i];
        } else {
            base->cancel(*callbacks[i], false);
        }
    }
    // The one that runs now, in the loop's thread, ends before its finalizer.
    if (last == nullptr) last = callbacks[0];
    last->evcb_arg = arg;
    base->finalize(*last, call);
}

void add_virtual(event_base* base) noexcept {
    const LockGuard guard(base->lock);
    base->virtual_count.add();
}

void remove_virtual(event_base* base) noexcept {
    const LockGuard guard(base->lock);
    CE_ASSERT(base->virtual_count.now > 0);
    if (--base->virtual_count.now == 0) base->wake();
}

}  // namespace corevent::compat

// --- the functions of the C API

namespace {

int finalize_event(event* ev, event_finalize_callback_fn callback, bool free_it) noexcept {
    event_base* const base = ev->ev_base;
    if (base == nullptr) {
        warnx("an event without a base is to be finalized");
        return -1;
    }
    const LockGuard guard(base->lock);
    check_setup(*ev, "event_finalize");
    base->remove(*ev, event_base::Wait::never);
    event_callback& cb = callback_of(*ev);
    cb.evcb_closure = free_it ? closure_event_finalize_free : closure_event_finalize;
    cb.evcb_cb_union.evcb_evfinalize = callback;
    base->activate(*ev, EV_FINALIZE, 1);
    set(cb, EVLIST_FINALIZING);
    return 0;
}

/// What a finalizer needs without one of the program's.
void no_finalizer(event*, void*) {}

int delete_event(event* ev, event_base::Wait wait) noexcept {
    if (ev->ev_base == nullptr) {
        warnx("event_del: event has no event_base set.");
        return -1;
    }
    check_setup(*ev, "event_del");
    const LockGuard guard(ev->ev_base->lock);
    return ev->ev_base->remove(*ev, wait);
}

}  // namespace

extern "C" {

void* event_self_cbarg(void) {
    return const_cast<char*>(&self_mark);
}

int event_assign(event* ev, event_base* base, evutil_socket_t fd, short events,
                 event_callback_fn callback, void* arg) {
    note_first_use();
    if (base == nullptr) base = current_base();
    if (arg == &self_mark) arg = ev;
    if ((events & EV_SIGNAL) == 0) check_nonblocking(fd);
    check_not_added(*ev, __func__);
    if ((events & EV_SIGNAL) != 0 && (events & io_events) != 0) {
        warnx("event_assign: EV_SIGNAL is not compatible with EV_READ, EV_WRITE or EV_CLOSED");
        return -1;
    }
    event_callback& cb = callback_of(*ev);
    cb.evcb_active_next = {};
    cb.evcb_flags = EVLIST_INIT;
    cb.evcb_pri = static_cast<ev_uint8_t>(base != nullptr ? base->priorities / 2 : 0);
    cb.evcb_cb_union.evcb_callback = callback;
    cb.evcb_arg = arg;
    if ((events & EV_SIGNAL) != 0) {
        cb.evcb_closure = closure_signal;
    } else {
        cb.evcb_closure = (events & EV_PERSIST) != 0 ? closure_persist : closure_event;
    }
    ev->ev_timeout_pos.ev_heap_slot = corevent::heap_npos;
    ev->ev_fd = fd;
    ev->ev_base = base;
    std::memset(&ev->ev_, 0, sizeof ev->ev_);
    ev->ev_events = events;
    ev->ev_res = 0;
    ev->ev_timeout = {};
    note_setup(*ev);
    return 0;
}

event* event_new(event_base* base, evutil_socket_t fd, short events, event_callback_fn callback,
                 void* arg) {
    auto* const ev = static_cast<event*>(mm_malloc(sizeof(event)));
    if (ev == nullptr) return nullptr;
    if (event_assign(ev, base, fd, events, callback, arg) < 0) {
        mm_free(ev);
        return nullptr;
    }
    return ev;
}

void event_free(event* ev) {
    event_del(ev);
    note_teardown(*ev);
    mm_free(ev);
}

int event_base_set(event_base* base, event* ev) {
    if (ev->ev_evcallback.evcb_flags != EVLIST_INIT) return -1;
    check_setup(*ev, __func__);
    ev->ev_base = base;
    ev->ev_evcallback.evcb_pri = static_cast<ev_uint8_t>(base->priorities / 2);
    return 0;
}

int event_add(event* ev, const timeval* timeout) {
    if (ev->ev_base == nullptr) {
        warnx("event_add: event has no event_base set.");
        return -1;
    }
    check_setup(*ev, __func__);
    const LockGuard guard(ev->ev_base->lock);
    return ev->ev_base->add(*ev, timeout, false);
}

int event_remove_timer(event* ev) {
    if (ev->ev_base == nullptr) {
        warnx("event_remove_timer: event has no event_base set.");
        return -1;
    }
    check_setup(*ev, __func__);
    const LockGuard guard(ev->ev_base->lock);
    if (is(callback_of(*ev), EVLIST_TIMEOUT)) {
        ev->ev_base->remove_timeout(*ev);
        ev->ev_.ev_io.ev_timeout = {};
    }
    return 0;
}

int event_del(event* ev) {
    return delete_event(ev, event_base::Wait::unless_finalizing);
}

int event_del_block(event* ev) {
    return delete_event(ev, event_base::Wait::always);
}

int event_del_noblock(event* ev) {
    return delete_event(ev, event_base::Wait::never);
}

void event_active(event* ev, int res, short ncalls) {
    if (ev->ev_base == nullptr) {
        warnx("event_active: event has no event_base set.");
        return;
    }
    check_setup(*ev, __func__);
    const LockGuard guard(ev->ev_base->lock);
    ev->ev_base->activate(*ev, res, ncalls);
}

int event_finalize(unsigned, event* ev, event_finalize_callback_fn callback) {
    return finalize_event(ev, callback, false);
}

int event_free_finalize(unsigned, event* ev, event_finalize_callback_fn callback) {
    return finalize_event(ev, callback != nullptr ? callback : no_finalizer, true);
}

int event_pending(const event* ev, short events, timeval* tv) {
    if (ev->ev_base == nullptr) {
        warnx("event_pending: event has no event_base set.");
        return 0;
    }
    check_setup(*ev, __func__);
    event_base& base = *ev->ev_base;
    const LockGuard guard(base.lock);
    const event_callback& cb = ev->ev_evcallback;
    int flags = 0;
    if (is(cb, EVLIST_INSERTED)) flags |= ev->ev_events & (io_events | EV_SIGNAL);
    if (is(cb, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) flags |= ev->ev_res;
    if (is(cb, EVLIST_TIMEOUT)) flags |= EV_TIMEOUT;
    flags &= events & (EV_TIMEOUT | io_events | EV_SIGNAL);
    if (tv != nullptr && (flags & EV_TIMEOUT) != 0 && is(cb, EVLIST_TIMEOUT)) {
        const timeval due = base.common_timeouts.marks(ev->ev_timeout)
                                ? CommonTimeouts::plain(ev->ev_timeout)
                                : ev->ev_timeout;
        base.now_us();  // brings the offset up to date
        *tv = timeval_of(microseconds(due) + base.wall_offset_us);
    }
    return flags;
}

int event_priority_set(event* ev, int priority) {
    check_setup(*ev, __func__);
    if (is(callback_of(*ev), EVLIST_ACTIVE)) return -1;
    if (priority < 0 || priority >= ev->ev_base->priorities) return -1;
    ev->ev_evcallback.evcb_pri = static_cast<ev_uint8_t>(priority);
    return 0;
}

}  // extern "C"
