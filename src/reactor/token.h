// TokenTable: names for registered things that survive their death. A token is an index and a
// generation; once a thing is removed its old tokens find nothing, although the slot and the
// descriptor number are used again. It owns nothing, and gives back the memory of a crowd that has
// gone. One thread at a time.
#pragma once

#include "base/assert.h"
#include "base/prefetch.h"
#include "reactor/poller.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace corevent {

template <class T>
class TokenTable {
public:
    /// A token for `item`; never 0.
    PollToken add(T& item) {
        std::uint32_t index = free_;
        if (index == none) {
            CE_ASSERT(slots_.size() < none);
            index = static_cast<std::uint32_t>(slots_.size());
            slots_.push_back({.generation = first_generation_});
            shrink_at_ = slots_.size() >= crowd ? slots_.size() / 8 : 0;
        } else {
            free_ = slots_[index].next_free;
        }
        slots_[index].item = &item;
        ++used_;
        return PollToken{slots_[index].generation} << 32 | index;
    }

    /// What the token was given for, or null when that has been removed.
    T* find(PollToken token) const noexcept {
        const auto index = static_cast<std::uint32_t>(token);
        if (index >= slots_.size()) [[unlikely]] {
            return nullptr;
        }
        const Slot& slot = slots_[index];
        return slot.generation == static_cast<std::uint32_t>(token >> 32) ? slot.item : nullptr;
    }

    /// find() comes soon.
    void prefetch(PollToken token) const noexcept {
        prefetch_lines<1>(slots_.data() + static_cast<std::uint32_t>(token));
    }

    void remove(PollToken token) noexcept {
        CE_DCHECK(find(token) != nullptr);
        const auto index = static_cast<std::uint32_t>(token);
        Slot& slot = slots_[index];
        slot.item = nullptr;
        slot.generation = after(slot.generation);
        slot.next_free = free_;
        free_ = index;
        if (--used_ <= shrink_at_ && slots_.size() >= crowd) [[unlikely]] {
            shrink();
        }
    }

    std::size_t capacity() const noexcept { return slots_.size(); }

    /// f(T&) for everything in the table; f may remove what it is given.
    template <class F>
    void for_each(F f) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].item != nullptr) {
                f(*slots_[i].item);
            }
        }
    }

private:
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::size_t crowd = 1024;
    struct Slot {
        T* item = nullptr;
        std::uint32_t generation = 1;
        std::uint32_t next_free = none;
    };
    static std::uint32_t after(std::uint32_t generation) noexcept {
        return generation == UINT32_MAX ? 1 : generation + 1;
    }

    /// Drops the free slots at the end; what takes their place begins with later generations. Asks
    /// again at half the number of things, so that one which stays at the end costs little.
    void shrink() noexcept {
        shrink_at_ = used_ / 2;
        std::uint32_t last = first_generation_;
        while (!slots_.empty() && slots_.back().item == nullptr) {
            last = std::max(last, slots_.back().generation);
            slots_.pop_back();
        }
        first_generation_ = last;  // a free slot's generation was never given out
        slots_.shrink_to_fit();
        free_ = none;
        for (std::size_t i = slots_.size(); i-- > 0;) {
            if (slots_[i].item == nullptr) {
                slots_[i].next_free = free_;
                free_ = static_cast<std::uint32_t>(i);
            }
        }
    }

    std::vector<Slot> slots_;
    std::uint32_t free_ = none;
    std::uint32_t first_generation_ = 1;
    std::size_t used_ = 0;
    std::size_t shrink_at_ = 0;
};

}  // namespace corevent
