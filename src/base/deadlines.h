// Deadlines of connections: many, refreshed all the time, nearly never met. A Deadline is a field
// in the connection; its queue files it in a coarse bucket. Refreshing is a compare and a store: a
// deadline that moves later stays in its bucket and is filed again only when that bucket comes due
// (a heap would pay 25-300 ns for each refresh). A deadline is never early and at most one bucket
// (250 ms) late, plus what the loop itself is late.
//
// One queue per loop, one thread. The owner of a Deadline cancels it before it dies. Time is an
// argument: no clock here.
#pragma once

#include "base/assert.h"
#include "base/list.h"

#include <array>
#include <bit>
#include <cstdint>

namespace corevent {

class Deadline {
public:
    Deadline() noexcept = default;
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    bool set() const noexcept { return hook_.linked(); }
    std::uint64_t due_ms() const noexcept { return due_ms_; }  ///< meaningful while set()

    /// Called once when the deadline has passed; it is not set any more and may be set again or
    /// destroyed.
    virtual void on_deadline() = 0;

protected:
    ~Deadline() { CE_DCHECK(!hook_.linked()); }

private:
    friend class DeadlineQueue;
    ListHook<Deadline> hook_;
    std::uint64_t due_ms_ = 0;
    std::uint64_t filed_ms_ = 0;  ///< start of the bucket that holds it: it may move freely from
                                  ///< here on
};

class DeadlineQueue {
public:
    static constexpr std::uint64_t bucket_ms = 250;
    static constexpr std::uint64_t never = UINT64_MAX;

    explicit DeadlineQueue(std::uint64_t now_ms) noexcept : tick_(now_ms / bucket_ms) {}
    DeadlineQueue(const DeadlineQueue&) = delete;
    DeadlineQueue& operator=(const DeadlineQueue&) = delete;

    /// Sets or moves `deadline` to `due_ms`. Later than its bucket: one store. Earlier: filed anew,
    /// O(1).
    void set(Deadline& deadline, std::uint64_t due_ms) noexcept {
        if (deadline.hook_.linked()) [[likely]] {
            if (due_ms >= deadline.filed_ms_) [[likely]] {
                deadline.due_ms_ = due_ms;
                return;
            }
            unfile(deadline);
        }
        deadline.due_ms_ = due_ms;
        file(deadline);
    }

    /// Unsets `deadline`; harmless when it is not set.
    void cancel(Deadline& deadline) noexcept {
        if (deadline.hook_.linked()) {
            unfile(deadline);
        }
    }

    /// When advance() should be called next: the end of the first bucket in use, or `never`. O(1).
    std::uint64_t next_ms() const noexcept {
        const std::uint64_t start = tick_ % buckets;
        for (std::uint64_t i = 0; i <= words; ++i) {  // the first word twice: its bits from `start`
                                                      // on, then those before
            const std::uint64_t word = (start / 64 + i) % words;
            std::uint64_t bits = used_[word];
            if (i == 0) {
                bits &= ~std::uint64_t{0} << (start % 64);
            } else if (i == words) {
                bits &= ~(~std::uint64_t{0} << (start % 64));
            }
            if (bits != 0) {
                const std::uint64_t slot =
                    word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits));
                const std::uint64_t ahead = (slot + buckets - start) % buckets;
                return (tick_ + ahead + 1) * bucket_ms;
            }
        }
        return never;
    }

    /// Calls on_deadline() of everything that is due at `now_ms` and whose bucket has ended;
    /// returns how many. The calls may set and cancel any deadline of this queue.
    std::size_t advance(std::uint64_t now_ms) {
        std::size_t expired = 0;
        for (std::uint64_t next = next_ms(); next <= now_ms; next = next_ms()) {
            const std::uint64_t bucket = next / bucket_ms - 1;
            tick_ = bucket + 1;
            expired += empty_bucket(bucket % buckets, now_ms);
        }
        if (now_ms / bucket_ms > tick_) {
            tick_ = now_ms / bucket_ms;
        }
        return expired;
    }

private:
    static constexpr std::uint64_t buckets = 256;  // 64 s ahead; what lies further waits in the
                                                   // last bucket
    static constexpr std::uint64_t words = buckets / 64;
    using Bucket = TailQueue<Deadline, &Deadline::hook_>;

    void file(Deadline& deadline) noexcept {
        std::uint64_t tick = deadline.due_ms_ / bucket_ms;
        if (tick < tick_) {
            tick = tick_;
        } else if (tick > tick_ + buckets - 2) {  // one bucket stays free: the one that advance()
                                                  // is emptying
            tick = tick_ + buckets - 2;
        }
        const std::uint64_t slot = tick % buckets;
        deadline.filed_ms_ = tick * bucket_ms;
        buckets_[slot].push_back(deadline);
        used_[slot / 64] |= std::uint64_t{1} << (slot % 64);
    }

    void unfile(Deadline& deadline) noexcept {
        const std::uint64_t slot = deadline.filed_ms_ / bucket_ms % buckets;
        buckets_[slot].remove(deadline);
        if (buckets_[slot].empty()) {
            used_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
        }
    }

    std::size_t empty_bucket(std::uint64_t slot, std::uint64_t now_ms) {
        std::size_t expired = 0;
        while (Deadline* deadline = buckets_[slot].front()) {
            unfile(*deadline);
            if (deadline->due_ms_ > now_ms) {
                file(*deadline);
            } else {
                ++expired;
                deadline->on_deadline();
            }
        }
        return expired;
    }

    std::uint64_t tick_;  ///< first bucket that has not been emptied
    std::array<std::uint64_t, words> used_{};
    std::array<Bucket, buckets> buckets_{};
};

}  // namespace corevent
