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
    explicit SignalMap(const Wakeup& wakeup) noexcept : sink_(wakeup) {}
    ~SignalMap();
    SignalMap(const SignalMap&) = delete;
    SignalMap& operator=(const SignalMap&) = delete;

    bool add(event& ev) noexcept;
    void remove(event& ev) noexcept;
    EventList* of(int number) noexcept;
    /// Activates the events of the signals that have arrived.
    void dispatch(event_base& base) noexcept;

    template <class F>
    int for_each(F f) {
        for (EventList& list : events_) {
            if (list.empty()) continue;
            if (const int result = f(list); result != 0) return result;
        }
        return 0;
    }

private:
    SignalSink sink_;
    std::array<EventList, signal_number_max> events_;
};

}  // namespace corevent::compat
