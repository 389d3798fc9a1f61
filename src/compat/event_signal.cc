#include "compat/event_signal.h"

#include "compat/base.h"
#include "compat/log.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <new>

namespace corevent::compat {

SignalMap::SignalMap(event_base& base, const Wakeup& wakeup) noexcept : base_(base), sink_(wakeup) {
    arrival_.evcb_flags = EVLIST_INTERNAL;
    arrival_.evcb_closure = closure_self;
    arrival_.evcb_arg = this;
    arrival_.evcb_cb_union.evcb_selfcb = [](event_callback*, void* arg) {
        SignalMap& map = *static_cast<SignalMap*>(arg);
        const LockGuard guard(map.base_.lock);
        map.dispatch();
    };
}

SignalMap::~SignalMap() {
    for (int number = 1; number <= signal_number_max; ++number) {
        if (!events_[static_cast<std::size_t>(number - 1)].empty()) unwatch_signal(number, sink_);
    }
}

EventList* SignalMap::of(int number) noexcept {
    if (number < 1 || number > signal_number_max) return nullptr;
    return &events_[static_cast<std::size_t>(number - 1)];
}

bool SignalMap::add(event& ev) noexcept {
    EventList* const list = of(ev.ev_fd);
    if (list == nullptr) return false;
    if (list->empty()) {
        try {
            if (const Result<void> watched = watch_signal(ev.ev_fd, sink_); !watched) {
                warnx("signal %d cannot be caught: %s", ev.ev_fd,
                      std::strerror(watched.error().value()));
                return false;
            }
        } catch (const std::bad_alloc&) {
            return false;
        }
    }
    list->push_front(ev);
    return true;
}

void SignalMap::remove(event& ev) noexcept {
    EventList::remove(ev);
    if (of(ev.ev_fd)->empty()) unwatch_signal(ev.ev_fd, sink_);
}

void SignalMap::arrived() noexcept {
    base_.activate(arrival_);
}

/// Activates the events of the signals that have arrived.
void SignalMap::dispatch() noexcept {
    const std::uint64_t arrived = sink_.take();
    for (int number = 1; number <= signal_number_max; ++number) {
        if ((arrived >> (number - 1) & 1) == 0) continue;
        // None are left when a signal came between the two looks before.
        const unsigned times = std::min<unsigned>(sink_.count(number), SHRT_MAX);
        if (times == 0) continue;
        EventList& list = *of(number);
        for (event* ev = list.first(); ev != nullptr; ev = EventList::next(*ev)) {
            base_.activate(*ev, EV_SIGNAL, static_cast<short>(times));
        }
    }
}

}  // namespace corevent::compat
