// IndexedHeap: a 4-ary min-heap of pointers whose items know their place, so that any of them can
// be erased or moved in O(log n). The keys are kept beside the pointers, so that comparing touches
// no item. It owns no item. One thread.
//
// Traits give `Key` (ordered by <), `key(const T&)` and `slot(T&)`, a reference to a std::size_t in
// the item that is heap_npos while the item is in no heap.
#pragma once

#include "base/assert.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace corevent {

inline constexpr std::size_t heap_npos = SIZE_MAX;

template <class T, class Traits>
class IndexedHeap {
public:
    using Key = typename Traits::Key;

    IndexedHeap() noexcept = default;
    IndexedHeap(const IndexedHeap&) = delete;
    IndexedHeap& operator=(const IndexedHeap&) = delete;

    bool empty() const noexcept { return nodes_.empty(); }
    std::size_t size() const noexcept { return nodes_.size(); }
    /// The item with the smallest key and that key; the heap is not empty.
    T& min() const noexcept { return *nodes_.front().item; }
    const Key& min_key() const noexcept { return nodes_.front().key; }

    /// f(T&) for everything in the heap, in no order; f changes nothing here.
    template <class F>
    void for_each(F f) const {
        for (const Node& node : nodes_) {
            f(*node.item);
        }
    }

    void push(T& item) {
        CE_DCHECK(Traits::slot(item) == heap_npos);
        nodes_.push_back({Traits::key(item), &item});
        sift_up(nodes_.size() - 1, nodes_.back());
    }

    void erase(T& item) noexcept {
        const std::size_t hole = Traits::slot(item);
        CE_DCHECK(hole < nodes_.size() && nodes_[hole].item == &item);
        Traits::slot(item) = heap_npos;
        const Node last = nodes_.back();
        nodes_.pop_back();
        if (hole < nodes_.size()) {
            place(hole, last);
        }
    }

    /// The key of `item`, which is in this heap, has changed.
    void update(T& item) noexcept { place(Traits::slot(item), {Traits::key(item), &item}); }

private:
    struct Node {
        Key key;
        T* item;
    };
    static constexpr std::size_t arity = 4;

    void put(std::size_t at, const Node& node) noexcept {
        nodes_[at] = node;
        Traits::slot(*node.item) = at;
    }

    void place(std::size_t at, const Node& node) noexcept {
        if (at > 0 && node.key < nodes_[(at - 1) / arity].key) {
            sift_up(at, node);
        } else {
            sift_down(at, node);
        }
    }

    void sift_up(std::size_t at, const Node node) noexcept {
        while (at > 0) {
            const std::size_t parent = (at - 1) / arity;
            if (!(node.key < nodes_[parent].key)) {
                break;
            }
            put(at, nodes_[parent]);
            at = parent;
        }
        put(at, node);
    }

    /// The first of those with the smallest key among the children from `first` on. Which it is cannot be
    /// predicted: no branches where there are all four.
    std::size_t least_child(std::size_t first, std::size_t count) const noexcept {
        const Node* const child = nodes_.data() + first;
        if (first + arity <= count) [[likely]] {
            const std::size_t low = child[1].key < child[0].key;
            const std::size_t high = 2 + std::size_t{child[3].key < child[2].key};
            return first + (child[high].key < child[low].key ? high : low);
        }
        std::size_t least = first;
        for (std::size_t other = first + 1; other < count; ++other) {
            if (nodes_[other].key < nodes_[least].key) {
                least = other;
            }
        }
        return least;
    }

    void sift_down(std::size_t at, const Node node) noexcept {
        const std::size_t count = nodes_.size();
        for (;;) {
            const std::size_t first = at * arity + 1;
            if (first >= count) {
                break;
            }
            const std::size_t least = least_child(first, count);
            if (!(nodes_[least].key < node.key)) {
                break;
            }
            put(at, nodes_[least]);
            at = least;
        }
        put(at, node);
    }

    std::vector<Node> nodes_;
};

}  // namespace corevent
