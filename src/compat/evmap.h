// IoMap: the events of each descriptor, and what the poller is told of it: the union of what they
// ask for. Guarded by the lock of its base. It runs nothing.
#pragma once

#include "base/prefetch.h"
#include "reactor/poller.h"

#include <event2/event_struct.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
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
    IoMap(bool batched, bool may_assume) noexcept : batched_(batched), may_assume_(may_assume) {}

    enum class Change : std::int8_t { failed = -1, none = 0, told = 1 };
    Change add(Poller& poller, event& ev) noexcept;
    Change remove(Poller& poller, event& ev) noexcept;
    void flush(Poller& poller) noexcept;

    /// Room in a socket without asking the kernel: when this comes right before the add() of an event
    /// for EV_WRITE, the poller is not told of it. The next wait takes no time, and then brings
    /// Readiness::out as if the kernel had found room. From the flush() after that on, an event that
    /// is still there waits for the kernel. What others add for EV_WRITE always does.
    void assume_room(int fd) noexcept;
    /// It was a mistake: tells the poller now.
    bool ask_kernel(Poller& poller, int fd) noexcept;
    /// False: the poller knows all, nothing is assumed, and the kernel's order is the right one. After
    /// flush(): what the next wait brings is to be completed.
    bool unsettled() const noexcept { return !changed_.empty() || reordered_; }
    /// Before a wait that is completed. `last` is what the last one brought. Returns whether
    /// something is assumed.
    bool note_order(std::span<const PollEvent> last) noexcept;
    /// After it. `ready` begins with `count` events of the poller; returns how many there are then.
    /// The order becomes what epoll makes of it: what was told last time comes first, as it came then.
    std::size_t complete(std::span<PollEvent> ready, std::size_t count) noexcept;

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
        std::uint16_t place = 0;         ///< in order_, if it is there
        Interest told = Interest::none;  ///< what the poller knows
        bool edges : 1 = false;
        bool listed : 1 = false;   ///< in changed_
        bool assumed : 1 = false;  ///< to have room, and listed
    };
    static_assert(sizeof(Entry) == 24);
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
    static PollToken token_of(int fd, const Entry& entry) noexcept {
        return PollToken{entry.generation} << 32 | static_cast<std::uint32_t>(fd);
    }
    /// The same, and null when the token is stale.
    Entry* current(PollToken token) const noexcept {
        Entry* const entry = known(token);
        const bool valid =
            entry != nullptr && entry->generation == static_cast<std::uint32_t>(token >> 32);
        return valid ? entry : nullptr;
    }
    static Interest wanted(const Entry& entry) noexcept;
    static bool asks_for(const Entry& entry, int lane) noexcept;
    bool list(int fd, Entry& entry) noexcept;  ///< in changed_; false without memory
    std::size_t place_of(const PollEvent& event) const noexcept;
    /// `anew`: also when nothing seems to have changed.
    bool tell(Poller& poller, int fd, Entry& entry, bool anew) noexcept;
    Change changed(Poller& poller, int fd, Entry& entry) noexcept;
    bool stop_assuming(Poller& poller, Entry& entry, const event& other) noexcept;

    const bool batched_;
    const bool may_assume_;
    std::vector<std::unique_ptr<Block>> blocks_;
    std::vector<int> changed_;  ///< and what is assumed
    std::vector<PollToken> order_;
    bool reordered_ = false;  ///< the last wait brought other events, or in another order, than the
                              ///< poller said
};

}  // namespace corevent::compat
