#include "compat/common_timeout.h"

#include "compat/base.h"
#include "compat/log.h"

#include <new>

namespace corevent::compat {

CommonTimeouts::~CommonTimeouts() = default;

CommonTimeouts::Queue& CommonTimeouts::queue_of(const event& ev) noexcept {
    return *queues_[index_of(ev.ev_timeout)];
}

const timeval* CommonTimeouts::length(event_base& base, const timeval& duration) noexcept {
    timeval wanted = duration;
    if (duration.tv_usec > 1'000'000) {
        if (marks(duration)) wanted = plain(duration);
        wanted.tv_sec += wanted.tv_usec / 1'000'000;
        wanted.tv_usec %= 1'000'000;
    }
    for (const auto& queue : queues_) {
        const timeval have = plain(queue->length);
        if (have.tv_sec == wanted.tv_sec && have.tv_usec == wanted.tv_usec) return &queue->length;
    }
    if (queues_.size() == queues_max) {
        warnx("more than %zu common timeouts in one base", queues_max);
        return nullptr;
    }
    try {
        auto queue = std::make_unique<Queue>();
        queue->length = {
            wanted.tv_sec,
            wanted.tv_usec | mark | static_cast<suseconds_t>(queues_.size() << index_shift)};
        queue->base = &base;
        event_assign(&queue->timer, &base, -1, 0, on_timer, queue.get());
        callback_of(queue->timer).evcb_flags |= EVLIST_INTERNAL;
        callback_of(queue->timer).evcb_pri = 0;
        queues_.push_back(std::move(queue));
        return &queues_.back()->length;
    } catch (const std::bad_alloc&) {
        warnx("no memory for a common timeout");
        return nullptr;
    }
}

/// Deadlines arrive in order as a rule: the place is looked for from the end.
void CommonTimeouts::insert(event_base&, event& ev) noexcept {
    Queue& queue = queue_of(ev);
    event** place = queue.last;
    event* before = nullptr;
    while (place != &queue.first) {
        // `place` is the next-pointer of the event before it, the first member of its hook.
        before = reinterpret_cast<event*>(reinterpret_cast<char*>(place) -
                                          offsetof(event, ev_timeout_pos));
        if (TimerTraits::key(*before) <= TimerTraits::key(ev)) break;
        place = before->ev_timeout_pos.ev_next_with_common_timeout.tqe_prev;
    }
    auto& hook = ev.ev_timeout_pos.ev_next_with_common_timeout;
    hook.tqe_next = *place;
    hook.tqe_prev = place;
    if (hook.tqe_next != nullptr) {
        hook.tqe_next->ev_timeout_pos.ev_next_with_common_timeout.tqe_prev = &hook.tqe_next;
    } else {
        queue.last = &hook.tqe_next;
    }
    *place = &ev;
    if (queue.first == &ev) schedule(queue);
}

void CommonTimeouts::remove(event& ev) noexcept {
    Queue& queue = queue_of(ev);
    auto& hook = ev.ev_timeout_pos.ev_next_with_common_timeout;
    if (hook.tqe_next != nullptr) {
        hook.tqe_next->ev_timeout_pos.ev_next_with_common_timeout.tqe_prev = hook.tqe_prev;
    } else {
        queue.last = hook.tqe_prev;
    }
    *hook.tqe_prev = hook.tqe_next;
}

void CommonTimeouts::schedule(Queue& queue) noexcept {
    const timeval due = plain(queue.first->ev_timeout);
    queue.base->add(queue.timer, &due, true);
}

void CommonTimeouts::on_timer(evutil_socket_t, short, void* arg) noexcept {
    Queue& queue = *static_cast<Queue*>(arg);
    event_base& base = *queue.base;
    const LockGuard guard(base.lock);
    const std::int64_t now = base.now_us();
    while (queue.first != nullptr && microseconds(plain(queue.first->ev_timeout)) <= now) {
        event& ev = *queue.first;
        base.remove(ev, event_base::Wait::never);
        base.activate(ev, EV_TIMEOUT, 1);
    }
    if (queue.first != nullptr) schedule(queue);
}

}  // namespace corevent::compat
