#include "compat/bufferevent.h"

#include "base/assert.h"
#include "compat/alloc.h"
#include "compat/base.h"
#include "compat/evbuffer.h"
#include "compat/log.h"
#include "compat/rate_limit.h"

#include <cerrno>
#include <cstddef>
#include <utility>

// What programs were compiled with.
static_assert(sizeof(bufferevent) == 392 && offsetof(bufferevent, ev_read) == 16 &&
              offsetof(bufferevent, input) == 272 && offsetof(bufferevent, wm_read) == 288 &&
              offsetof(bufferevent, readcb) == 320 && offsetof(bufferevent, timeout_read) == 352 &&
              offsetof(bufferevent, enabled) == 384);
static_assert(sizeof(bufferevent_ops) == 72);

namespace corevent::compat {
namespace {

/// Runs in the loop, once nothing of `bev` can run any more.
void finish(event_callback*, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    // Whoever dropped the last reference may still be about to unlock.
    lock(bev);
    unlock(bev);
    bev.be_ops->destroy(&bev);
}

/// bufferevent_new gives no base: its events have the current one of that time.
event_base* loop_of(const Bev& bev) noexcept {
    return bev.ev_base != nullptr ? bev.ev_base : event_get_base(&bev.ev_read);
}

/// What may still be queued or running in the loop, and uses `bev`.
void finalize_parts(Bev& bev) noexcept {
    event_callback* const parts[] = {&bev.ev_read.ev_evcallback, &bev.ev_write.ev_evcallback,
                                     &bev.deferred};
    finalize(loop_of(bev), parts, 3, finish, &bev);
}

void schedule(Bev& bev) noexcept {
    if (bev.deferred.schedule(loop_of(bev))) {
        ++bev.references;
    }
}

bool is_deferred(const Bev& bev, int trigger_options) noexcept {
    return ((bev.options | trigger_options) & BEV_OPT_DEFER_CALLBACKS) != 0;
}

template <class Callback, class... What>
void call(Bev& bev, Callback callback, What... what) noexcept {
    void* const arg = bev.cbarg;
    if ((bev.options & BEV_OPT_UNLOCK_CALLBACKS) == 0) {
        callback(&bev, what..., arg);
        return;
    }
    unlock(bev);
    callback(&bev, what..., arg);
    lock(bev);
}

void call_read(Bev& bev) noexcept {
    call(bev, bev.readcb);
    // Nothing will be read that could call again, so that a callback which takes its input in
    // portions has to be called until there is room.
    if (bev.wm_read.high != 0 && (bev.enabled & EV_READ) != 0 &&
        bev.input_size() >= bev.wm_read.high) {
        trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    }
}

/// The deferred callback; `schedule` took the reference. What becomes due while it runs is served
/// as well, as long as its turn has not passed.
void run_due(event_callback*, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    lock(bev);
    if ((bev.events_due & BEV_EVENT_CONNECTED) != 0 && bev.errorcb != nullptr) {
        // It came before anything could be read or written.
        bev.events_due = static_cast<short>(bev.events_due & ~BEV_EVENT_CONNECTED);
        call(bev, bev.errorcb, static_cast<short>(BEV_EVENT_CONNECTED));
    }
    if (bev.read_due && bev.readcb != nullptr) {
        bev.read_due = false;
        call_read(bev);
    }
    if (bev.write_due && bev.writecb != nullptr) {
        bev.write_due = false;
        call(bev, bev.writecb);
    }
    if (bev.events_due != 0 && bev.errorcb != nullptr) {
        const short what = std::exchange(bev.events_due, short{0});
        errno = std::exchange(bev.error_due, 0);
        call(bev, bev.errorcb, what);
    }
    release_and_unlock(bev);
}

}  // namespace

// --- Life

Bev::Bev(event_base* base_of, const bufferevent_ops& kind, int bev_options) noexcept
    : bufferevent{}, options(bev_options) {
    ev_base = base_of;
    be_ops = &kind;
    enabled = EV_WRITE;
}

Bev::~Bev() {
    drop_rate_limit(*this);
    if (input != nullptr) {
        evbuffer_free(input);
    }
    if (output != nullptr) {
        evbuffer_free(output);
    }
    if (lock != nullptr && lock->users.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        mm_delete(lock);
    }
}

bool Bev::init(SharedLock* shared) noexcept {
    if ((options & (BEV_OPT_UNLOCK_CALLBACKS | BEV_OPT_DEFER_CALLBACKS)) ==
        BEV_OPT_UNLOCK_CALLBACKS) {
        warnx("BEV_OPT_UNLOCK_CALLBACKS requires BEV_OPT_DEFER_CALLBACKS: no bufferevent was made");
        return false;
    }
    input = evbuffer_new();
    output = evbuffer_new();
    if (input == nullptr || output == nullptr) {
        return false;
    }
    if ((options & BEV_OPT_THREADSAFE) != 0 && !enable_locking(shared)) {
        return false;
    }
    evbuffer_set_parent_(input, this);
    evbuffer_set_parent_(output, this);
    deferred.init(event_base_get_npriorities(ev_base) / 2, run_due, this);
    return true;
}

bool Bev::enable_locking(SharedLock* shared) noexcept {
    if (lock != nullptr) {
        return false;
    }
    if (shared != nullptr) {
        shared->users.fetch_add(1, std::memory_order_relaxed);
        lock = shared;
    } else {
        lock = mm_new<SharedLock>();
        if (lock == nullptr || lock->lock.handle() == nullptr) {
            return false;
        }
    }
    evbuffer_enable_locking(input, lock->lock.handle());
    evbuffer_enable_locking(output, lock->lock.handle());
    return true;
}

void lock(Bev& bev) noexcept {
    if (bev.lock != nullptr) {
        bev.lock->lock.acquire();
    }
}

bool try_lock(Bev& bev) noexcept {
    return bev.lock == nullptr || lock_try(bev.lock->lock.handle());
}

void unlock(Bev& bev) noexcept {
    if (bev.lock != nullptr) {
        bev.lock->lock.release();
    }
}

void hold_and_lock(Bev& bev) noexcept {
    lock(bev);
    ++bev.references;
}

bool release_and_unlock(Bev& bev) noexcept {
    CE_ASSERT(bev.references > 0);
    if (--bev.references > 0 || bev.ending) {
        unlock(bev);
        return false;
    }
    bev.ending = true;
    if (bev.be_ops->unlink != nullptr) {
        bev.be_ops->unlink(bev);
    }
    finalize_parts(bev);
    unlock(bev);
    return true;
}

// --- Callbacks

void run_read_callback(Bev& bev, int trigger_options) noexcept {
    if (bev.readcb == nullptr) {
        return;
    }
    if (is_deferred(bev, trigger_options)) {
        bev.read_due = true;
        schedule(bev);
    } else {
        call_read(bev);
    }
}

void run_write_callback(Bev& bev, int trigger_options) noexcept {
    if (bev.writecb == nullptr) {
        return;
    }
    if (is_deferred(bev, trigger_options)) {
        bev.write_due = true;
        schedule(bev);
    } else {
        call(bev, bev.writecb);
    }
}

void run_event_callback(Bev& bev, short what, int trigger_options) noexcept {
    if (bev.errorcb == nullptr) {
        return;
    }
    if (is_deferred(bev, trigger_options)) {
        bev.events_due = static_cast<short>(bev.events_due | what);
        bev.error_due = errno;
        schedule(bev);
    } else {
        call(bev, bev.errorcb, what);
    }
}

void trigger(Bev& bev, short events, int trigger_options) noexcept {
    const bool always = (trigger_options & BEV_TRIG_IGNORE_WATERMARKS) != 0;
    if ((events & EV_READ) != 0 && (always || bev.input_size() >= bev.wm_read.low)) {
        run_read_callback(bev, trigger_options);
    }
    if ((events & EV_WRITE) != 0 && (always || bev.output_size() <= bev.wm_write.low)) {
        run_write_callback(bev, trigger_options);
    }
}

// --- Directions

bool enable(Bev& bev, short events) noexcept {
    short start = events;
    for (const Direction d : {Direction::read, Direction::write}) {
        if (bev.suspended[index_of(d)] != 0) {
            start = static_cast<short>(start & ~event_bit(d));
        }
    }
    bev.enabled = static_cast<short>(bev.enabled | events);
    return start == 0 || bev.be_ops->enable(bev, start);
}

bool disable(Bev& bev, short events) noexcept {
    bev.enabled = static_cast<short>(bev.enabled & ~events);
    return bev.be_ops->disable(bev, events);
}

void suspend(Bev& bev, Direction direction, Reasons why) noexcept {
    Reasons& reasons = bev.suspended[index_of(direction)];
    if (reasons == 0) {
        bev.be_ops->disable(bev, event_bit(direction));
    }
    reasons |= why;
}

void unsuspend(Bev& bev, Direction direction, Reasons why) noexcept {
    Reasons& reasons = bev.suspended[index_of(direction)];
    reasons = static_cast<Reasons>(reasons & ~why);
    if (reasons == 0 && (bev.enabled & event_bit(direction)) != 0) {
        bev.be_ops->enable(bev, event_bit(direction));
    }
}

// --- Timeouts

bool add_event(event& ev, const timeval& timeout) noexcept {
    return event_add(&ev, evutil_timerisset(&timeout) ? &timeout : nullptr) == 0;
}

bool add_roomy_event(event& ev, const timeval& timeout, std::uint64_t turn) noexcept {
    event_base* const base = event_get_base(&ev);
    if (base == nullptr) {
        return false;
    }
    const LockGuard guard(base->lock);
    if (turn == any_turn || turn == base->turn) {
        base->io.assume_room(ev.ev_fd);
    }
    return add_event(ev, timeout);
}

void ask_kernel(event& ev) noexcept {
    event_base& base = *event_get_base(&ev);
    const LockGuard guard(base.lock);
    base.io.ask_kernel(*base.poller, ev.ev_fd);
}

bool adjust_pending_timeouts(Bev& bev) noexcept {
    bool good = true;
    for (const Direction d : {Direction::read, Direction::write}) {
        if (event_pending(&bev.io(d), event_bit(d), nullptr) == 0) {
            continue;
        }
        if (evutil_timerisset(&bev.timeout(d))) {
            good &= add_event(bev.io(d), bev.timeout(d));
        } else {
            event_remove_timer(&bev.io(d));
        }
    }
    return good;
}

namespace {

template <Direction direction>
void on_timeout(evutil_socket_t, short, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    const BevHold hold(bev);
    if (hold.ending()) {
        return;
    }
    disable(bev, event_bit(direction));
    run_event_callback(bev,
                       static_cast<short>(BEV_EVENT_TIMEOUT |
                                          (direction == Direction::read ? BEV_EVENT_READING
                                                                        : BEV_EVENT_WRITING)),
                       0);
}

}  // namespace

void init_timeout_events(Bev& bev) noexcept {
    event_assign(&bev.ev_read, bev.ev_base, -1, EV_FINALIZE, on_timeout<Direction::read>, &bev);
    event_assign(&bev.ev_write, bev.ev_base, -1, EV_FINALIZE, on_timeout<Direction::write>, &bev);
}

bool adjust_timeout_events(Bev& bev) noexcept {
    bool good = true;
    for (const Direction d : {Direction::read, Direction::write}) {
        if (bev.enabled_and_free(d) && evutil_timerisset(&bev.timeout(d)) &&
            (d == Direction::read || bev.output_size() != 0)) {
            good &= add_event(bev.io(d), bev.timeout(d));
        } else {
            stop_timeout(bev, d);
        }
    }
    return good;
}

void restart_timeout(Bev& bev, Direction direction) noexcept {
    if (evutil_timerisset(&bev.timeout(direction))) {
        event_add(&bev.io(direction), &bev.timeout(direction));
    }
}

void stop_timeout(Bev& bev, Direction direction) noexcept {
    event_del(&bev.io(direction));
}

}  // namespace corevent::compat
