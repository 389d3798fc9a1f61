// TokenTable: names for registered things that survive their death. A token is an index and a
// generation; once a thing is removed its old tokens find nothing, although the slot and the
// descriptor number are used again. It owns nothing. One thread at a time.
#pragma once

#include "base/assert.h"
#include "reactor/poller.h"

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
            slots_.push_back({});
        } else {
            free_ = slots_[index].next_free;
        }
        slots_[index].item = &item;
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

    void remove(PollToken token) noexcept {
        CE_DCHECK(find(token) != nullptr);
        const auto index = static_cast<std::uint32_t>(token);
        Slot& slot = slots_[index];
        slot.item = nullptr;
        slot.generation = slot.generation == UINT32_MAX ? 1 : slot.generation + 1;
        slot.next_free = free_;
        free_ = index;
    }

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
    struct Slot {
        T* item = nullptr;
        std::uint32_t generation = 1;
        std::uint32_t next_free = none;
    };
    std::vector<Slot> slots_;
    std::uint32_t free_ = none;
};

}  // namespace corevent
