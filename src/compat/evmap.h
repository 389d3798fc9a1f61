// IoMap: the events of each descriptor, and what the poller is told of it: the union of what they
// ask for. Guarded by the lock of its base. It runs nothing.
#pragma once

#include "base/prefetch.h"
#include "reactor/poller.h"

#include <event2/event_struct.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace corevent::compat {

/// Events of one descriptor or signal, the last added first: a LIST of the C headers.
class EventList {
public:
    event* first() const noexcept { return first_; }
    bool empty() const noexcept { return first_ == nullptr; }
    void push_front(event& ev) noexcept;
    static void remove(event& ev) noexcept;
    static event* next(const event& ev) noexcept { return ev.ev_.ev_io.ev_io_next.le_next; }

private:
    event* first_ = nullptr;
};

class IoMap {
public:
    /// With `batched`, the poller hears of changes in flush() instead of at once.
    explicit IoMap(bool batched) noexcept : batched_(batched) {}

    enum class Change : std::int8_t { failed = -1, none = 0, told = 1 };
    Change add(Poller& poller, event& ev) noexcept;
    Change remove(Poller& poller, event& ev) noexcept;
    void flush(Poller& poller) noexcept {
        if (!changed_.empty()) tell_changed(poller);
    }

    /// The events of the descriptor behind a token that the poller has been given; null if it is
    /// stale.
    EventList* find(PollToken token) noexcept {
        const auto number = static_cast<std::size_t>(token & UINT32_MAX);
        Entry& entry = (*blocks_[number / block_size])[number % block_size];
        return entry.generation == static_cast<std::uint32_t>(token >> 32) ? &entry.events
                                                                           : nullptr;
    }
    EventList* of(int fd) noexcept;
    /// Hints: find() comes soon; what is first in its list is needed soon.
    void prefetch_events(PollToken token) const noexcept {
        if (const Entry* const entry = known(token)) prefetch_lines<1>(entry);
    }
    void prefetch_first(PollToken token) const noexcept {
        if (const Entry* const entry = known(token)) prefetch_lines<2>(entry->events.first());
    }

    /// A new poller after fork(): registers everything anew. False: something could not be.
    bool tell_all(Poller& poller) noexcept;

    /// f(EventList&) by number, until it returns something else than 0, which is returned.
    template <class F>
    int for_each(F f) {
        for (const auto& block : blocks_) {
            if (block == nullptr) continue;
            for (Entry& entry : *block) {
                if (entry.events.empty()) continue;
                if (const int result = f(entry.events); result != 0) return result;
            }
        }
        return 0;
    }

private:
    /// How many events ask for EV_READ, EV_WRITE and EV_CLOSED: lanes of 16 bits, in this order.
    using Counts = std::uint64_t;
    struct Entry {
        EventList events;
        Counts counts = 0;
        std::uint32_t generation = 1;
        bool edges = false;
        bool listed = false;             ///< in changed_
        Interest told = Interest::none;  ///< what the poller knows
    };
    static Counts counts_of(const event& ev) noexcept;
    static Counts used(Counts counts) noexcept;
    static constexpr std::size_t block_size = 64;
    using Block = std::array<Entry, block_size>;

    Entry* make_entry(int fd) noexcept;  ///< null without memory
    /// The entry of the token's descriptor, or null if there is none.
    Entry* known(PollToken token) const noexcept {
        const auto number = static_cast<std::size_t>(token & UINT32_MAX);
        const std::size_t block = number / block_size;
        if (block >= blocks_.size() || blocks_[block] == nullptr) return nullptr;
        return &(*blocks_[block])[number % block_size];
    }
    static Interest wanted(const Entry& entry) noexcept;
    /// `anew`: also when nothing seems to have changed.
    bool tell(Poller& poller, int fd, Entry& entry, bool anew) noexcept;
    Change changed(Poller& poller, int fd, Entry& entry) noexcept;
    void tell_changed(Poller& poller) noexcept;

    const bool batched_;
    std::vector<std::unique_ptr<Block>> blocks_;
    std::vector<int> changed_;
};

}  // namespace corevent::compat
