// Deferred: a call that is queued in a loop like an active event, at most once at a time. For
// callbacks that shall not run within the call that causes them. Its owner cancels it, or hands it to
// finalize(), before it dies. Of the deferred calls of one pass 32 run in it, the others in the
// next: they must not keep the loop from its descriptors. Any thread, where the base has a lock.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

namespace corevent::compat {

struct Deferred : event_callback {
    using Call = void (*)(event_callback*, void* arg);

    Deferred() noexcept : event_callback{} {}
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;

    void init(int priority, Call call, void* arg) noexcept;
    bool schedule(event_base* base) noexcept;  ///< true: it was not queued before
    void cancel(event_base* base) noexcept;
    void set_priority(int priority) noexcept { evcb_pri = static_cast<ev_uint8_t>(priority); }
};

/// Takes `count` events and deferred calls out of the loop without waiting; `call(..., arg)` runs in
/// the loop once none of them runs any more. They are not used again.
void finalize(event_base* base, event_callback* const* callbacks, int count, Deferred::Call call,
              void* arg) noexcept;

/// What keeps event_base_loop() from ending although no event is pending (a look-up in a thread).
void add_virtual(event_base* base) noexcept;
void remove_virtual(event_base* base) noexcept;

}  // namespace corevent::compat
