// TailQueue: an intrusive doubly linked queue in the memory layout of TAILQ, so that the same code
// can walk queues whose hooks are part of a C ABI. It owns nothing and allocates nothing; whoever
// declares the items unlinks them before they die. One thread at a time. Every operation is O(1)
// and branch-light; there is no size().
#pragma once

#include "base/assert.h"

namespace corevent {

/// The hook that an item embeds: `tqe_prev` points at the pointer that points at this item and is
/// null while unlinked.
template <class T>
struct ListHook {
    T* tqe_next = nullptr;
    T** tqe_prev = nullptr;

    bool linked() const noexcept { return tqe_prev != nullptr; }
};

/// `hook` is a pointer to the member of T that has tqe_next and tqe_prev.
template <class T, auto hook>
class TailQueue {
public:
    TailQueue() noexcept = default;
    TailQueue(const TailQueue&) = delete;
    TailQueue& operator=(const TailQueue&) = delete;

    bool empty() const noexcept { return tqh_first_ == nullptr; }
    T* front() const noexcept { return tqh_first_; }
    static T* next(const T& item) noexcept { return (item.*hook).tqe_next; }

    void push_back(T& item) noexcept {
        CE_DCHECK((item.*hook).tqe_prev == nullptr);
        (item.*hook).tqe_next = nullptr;
        (item.*hook).tqe_prev = tqh_last_;
        *tqh_last_ = &item;
        tqh_last_ = &(item.*hook).tqe_next;
    }

    void push_front(T& item) noexcept {
        CE_DCHECK((item.*hook).tqe_prev == nullptr);
        T* const next = tqh_first_;
        (item.*hook).tqe_next = next;
        (item.*hook).tqe_prev = &tqh_first_;
        if (next != nullptr) {
            (next->*hook).tqe_prev = &(item.*hook).tqe_next;
        } else {
            tqh_last_ = &(item.*hook).tqe_next;
        }
        tqh_first_ = &item;
    }

    /// Unlinks `item`, which is in this queue.
    void remove(T& item) noexcept {
        CE_DCHECK((item.*hook).tqe_prev != nullptr);
        T* next = (item.*hook).tqe_next;
        T** prev = (item.*hook).tqe_prev;
        if (next != nullptr) {
            (next->*hook).tqe_prev = prev;
        } else {
            tqh_last_ = prev;
        }
        *prev = next;
        (item.*hook).tqe_prev = nullptr;
    }

    /// Unlinks and returns the first item, or null.
    T* pop_front() noexcept {
        T* item = tqh_first_;
        if (item != nullptr) {
            remove(*item);
        }
        return item;
    }

    /// Moves everything of `other` behind what is here.
    void append(TailQueue& other) noexcept {
        if (other.tqh_first_ == nullptr) {
            return;
        }
        *tqh_last_ = other.tqh_first_;
        (other.tqh_first_->*hook).tqe_prev = tqh_last_;
        tqh_last_ = other.tqh_last_;
        other.tqh_first_ = nullptr;
        other.tqh_last_ = &other.tqh_first_;
    }

private:
    T* tqh_first_ = nullptr;
    T** tqh_last_ = &tqh_first_;
};

}  // namespace corevent
