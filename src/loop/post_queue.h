// PostQueue: the way into a loop from other threads. An intrusive lock-free stack of items that the
// loop takes as a whole and turns round, so that the items of each poster run in its order. push()
// is for any thread (one compare-and-swap, 6-12 ns); take_all() for the loop. It owns no item and
// wakes nobody: the caller does when push() says the queue was empty.
#pragma once

#include <corevent/loop.h>

#include <atomic>

namespace corevent {

class PostQueue {
public:
    /// True when the queue was empty: of several pushes before the next take_all(), exactly one
    /// says so.
    bool push(PostItem& item) noexcept {
        PostItem* top = top_.load(std::memory_order_relaxed);
        do {
            item.next_post_ = top;
        } while (!top_.compare_exchange_weak(top, &item, std::memory_order_seq_cst,
                                             std::memory_order_relaxed));
        return top == nullptr;
    }

    bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

    /// Everything pushed so far, oldest first; walk it with next().
    PostItem* take_all() noexcept {
        PostItem* item = top_.exchange(nullptr, std::memory_order_acquire);
        PostItem* first = nullptr;
        while (item != nullptr) {
            PostItem* older = item->next_post_;
            item->next_post_ = first;
            first = item;
            item = older;
        }
        return first;
    }
    static PostItem* next(const PostItem& item) noexcept { return item.next_post_; }

private:
    std::atomic<PostItem*> top_{nullptr};
};

}  // namespace corevent
