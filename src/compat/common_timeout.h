// Common timeouts: many events that wait for the same length of time stand in a queue, the first of
// which has a timer. A timeval of such a length carries a mark above the 20 bits of its
// microseconds, so that programs may copy it. Guarded by the lock of the base.
#pragma once

#include "base/list.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <sys/time.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace corevent::compat {

class CommonTimeouts {
public:
    CommonTimeouts() noexcept = default;
    ~CommonTimeouts();
    CommonTimeouts(const CommonTimeouts&) = delete;
    CommonTimeouts& operator=(const CommonTimeouts&) = delete;

    /// The marked timeval of `duration`; null: 256 are in use, or no memory.
    const timeval* length(event_base& base, const timeval& duration) noexcept;

    /// Whether `tv` carries the mark of a length of this base.
    bool marks(const timeval& tv) const noexcept {
        return (tv.tv_usec & mark_bits) == mark && index_of(tv) < queues_.size();
    }
    static timeval plain(const timeval& tv) noexcept {  ///< without its mark
        return {tv.tv_sec, tv.tv_usec & microsecond_bits};
    }
    static timeval marked(timeval tv, const timeval& like) noexcept {  ///< with that of `like`
        tv.tv_usec |= like.tv_usec & ~microsecond_bits;
        return tv;
    }

    void insert(event_base& base, event& ev) noexcept;  ///< by its deadline, which is marked
    void remove(event& ev) noexcept;

    template <class F>
    int for_each_event(F f) {
        for (const auto& queue : queues_) {
            for (event* ev = queue->first; ev != nullptr; ev = next(*ev)) {
                if (const int result = f(*ev); result != 0) return result;
            }
        }
        return 0;
    }

private:
    struct Queue {
        timeval length{};  ///< marked
        event* first = nullptr;
        event** last = &first;
        event timer;
        event_base* base = nullptr;
    };
    static constexpr std::size_t queues_max = 256;
    // tv_usec of a marked timeval: mark (4 bits), which length (8), microseconds (20).
    static constexpr suseconds_t microsecond_bits = 0x000f'ffff;
    static constexpr suseconds_t mark_bits = 0xf000'0000;
    static constexpr suseconds_t mark = 0x5000'0000;
    static constexpr int index_shift = 20;

    static std::size_t index_of(const timeval& tv) noexcept {
        return static_cast<std::size_t>(tv.tv_usec >> index_shift & 0xff);
    }

    static event* next(const event& ev) noexcept {
        return ev.ev_timeout_pos.ev_next_with_common_timeout.tqe_next;
    }
    Queue& queue_of(const event& ev) noexcept;
    static void schedule(Queue& queue) noexcept;
    static void on_timer(evutil_socket_t, short, void* queue) noexcept;

    std::vector<std::unique_ptr<Queue>> queues_;
};

}  // namespace corevent::compat
