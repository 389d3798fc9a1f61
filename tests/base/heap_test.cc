#include "base/heap.h"

#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace corevent {
namespace {

struct Item {
    int due = 0;
    std::size_t slot = heap_npos;
};
struct Traits {
    using Key = int;
    static Key key(const Item& i) { return i.due; }
    static std::size_t& slot(Item& i) { return i.slot; }
};
using Heap = IndexedHeap<Item, Traits>;

TEST(IndexedHeap, GivesTheSmallestFirst) {
    std::vector<Item> items(6);
    Heap heap;
    EXPECT_TRUE(heap.empty());
    for (const int due : {5, 3, 9, 1, 7, 3}) {
        Item& item = items[heap.size()];
        item.due = due;
        heap.push(item);
    }
    std::vector<int> order;
    while (!heap.empty()) {
        EXPECT_EQ(heap.min_key(), heap.min().due);
        order.push_back(heap.min_key());
        Item& item = heap.min();
        heap.erase(item);
        EXPECT_EQ(item.slot, heap_npos);
    }
    EXPECT_EQ(order, (std::vector{1, 3, 3, 5, 7, 9}));
}

TEST(IndexedHeap, AgreesWithASetUnderRandomUse) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    std::vector<Item> items(300);
    Heap heap;
    std::multiset<int> model;
    const auto forget = [&](int due) { model.erase(model.find(due)); };
    for (int step = 0; step < 50'000; ++step) {
        Item& item = items[random() % items.size()];
        const int due = static_cast<int>(random() % 1000);
        if (item.slot == heap_npos) {
            item.due = due;
            heap.push(item);
            model.insert(due);
        } else if (random() % 2 == 0) {
            forget(item.due);
            heap.erase(item);
        } else {
            forget(std::exchange(item.due, due));
            heap.update(item);
            model.insert(due);
        }
        ASSERT_EQ(heap.size(), model.size());
        if (!model.empty()) {
            ASSERT_EQ(heap.min_key(), *model.begin());
            ASSERT_EQ(heap.min().due, *model.begin());
        }
    }
    while (!heap.empty()) {
        ASSERT_EQ(heap.min_key(), *model.begin());
        model.erase(model.begin());
        heap.erase(heap.min());
    }
}

TEST(IndexedHeap, ShowsEachItemOnce) {
    std::vector<Item> items(50);
    Heap heap;
    heap.for_each([](Item&) { ADD_FAILURE(); });
    std::multiset<int> expected;
    for (Item& item : items) {
        item.due = static_cast<int>((&item - items.data()) * 7 % 11);
        expected.insert(item.due);
        heap.push(item);
    }
    std::multiset<int> seen;
    heap.for_each([&](Item& item) { seen.insert(item.due); });
    EXPECT_EQ(seen, expected);
    while (!heap.empty()) {
        heap.erase(heap.min());
    }
}

}  // namespace
}  // namespace corevent
