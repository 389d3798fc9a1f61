// SignalMap: the events of each signal of a base. Guarded by the lock of the base. Several bases of
// a process may watch a signal; each hears of it.
#pragma once

#include "compat/evmap.h"
#include "reactor/signals.h"

#include <event2/event_struct.h>

#include <array>

namespace corevent::compat {

class SignalMap {
public:
    explicit SignalMap(event_base& base, const Wakeup& wakeup) noexcept;
    ~SignalMap();
    SignalMap(const SignalMap&) = delete;
    SignalMap& operator=(const SignalMap&) = delete;

    bool add(event& ev) noexcept;
    void remove(event& ev) noexcept;
    EventList* of(int number) noexcept;
    /// To be asked after each wait, with the lock held: queues arrival_ if signals have come.
    void look() noexcept {
        if (sink_.pending()) [[unlikely]]
            arrived();
    }

    template <class F>
    int for_each(F f) {
        for (EventList& list : events_) {
            if (list.empty()) continue;
            if (const int result = f(list); result != 0) return result;
        }
        return 0;
    }

private:
    void arrived() noexcept;
    void dispatch() noexcept;

    event_base& base_;
    event_callback
        arrival_{};  ///< the most urgent of the callbacks: activates the events of signals
    SignalSink sink_;
    std::array<EventList, signal_number_max> events_;
};

}  // namespace corevent::compat
