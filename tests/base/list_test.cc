#include "base/list.h"

#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <list>
#include <random>
#include <vector>

namespace corevent {
namespace {

struct Item {
    int value = 0;
    ListHook<Item> hook;
};
using Queue = TailQueue<Item, &Item::hook>;

std::vector<int> values(const Queue& queue) {
    std::vector<int> found;
    for (const Item* i = queue.front(); i != nullptr; i = Queue::next(*i)) {
        found.push_back(i->value);
    }
    return found;
}

TEST(TailQueue, KeepsTheOrderOfPushes) {
    Item a{1, {}}, b{2, {}}, c{3, {}};
    Queue queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.pop_front(), nullptr);
    queue.push_back(a);
    queue.push_back(b);
    queue.push_back(c);
    EXPECT_EQ(values(queue), (std::vector{1, 2, 3}));
    EXPECT_EQ(queue.pop_front(), &a);
    EXPECT_FALSE(a.hook.linked());
    EXPECT_TRUE(b.hook.linked());
    EXPECT_EQ(values(queue), (std::vector{2, 3}));
}

TEST(TailQueue, PushFrontPutsBefore) {
    Item a{1, {}}, b{2, {}}, c{3, {}}, d{4, {}};
    Queue queue;
    queue.push_front(a);
    queue.push_back(b);
    queue.push_front(c);
    EXPECT_EQ(values(queue), (std::vector{3, 1, 2}));
    queue.remove(c);
    EXPECT_EQ(values(queue), (std::vector{1, 2}));
    queue.remove(b);
    queue.remove(a);
    queue.push_front(d);
    queue.push_back(a);
    EXPECT_EQ(values(queue), (std::vector{4, 1}));
}

TEST(TailQueue, AppendMovesEverything) {
    Item a{1, {}}, b{2, {}}, c{3, {}};
    Queue first, second;
    first.append(second);
    EXPECT_TRUE(first.empty());
    second.push_back(a);
    second.push_back(b);
    first.append(second);
    EXPECT_TRUE(second.empty());
    second.push_back(c);
    first.append(second);
    EXPECT_EQ(values(first), (std::vector{1, 2, 3}));
    first.remove(a);
    EXPECT_EQ(values(first), (std::vector{2, 3}));
}

// The layout that C code knows: an entry {next, address of the previous next}, a head {first,
// address of the last next}.
TEST(TailQueue, HasTheLayoutOfTailq) {
    struct CEntry {
        struct CItem* tqe_next;
        struct CItem** tqe_prev;
    };
    static_assert(offsetof(ListHook<Item>, tqe_next) == offsetof(CEntry, tqe_next));
    static_assert(offsetof(ListHook<Item>, tqe_prev) == offsetof(CEntry, tqe_prev));
    static_assert(sizeof(ListHook<Item>) == sizeof(CEntry));
    static_assert(sizeof(Queue) == 2 * sizeof(void*));
    Item a, b;
    Queue queue;
    queue.push_back(a);
    queue.push_back(b);
    EXPECT_EQ(*a.hook.tqe_prev, &a);
    EXPECT_EQ(b.hook.tqe_prev, &a.hook.tqe_next);
    queue.remove(a);
    EXPECT_EQ(*b.hook.tqe_prev, &b);
}

TEST(TailQueue, AgreesWithAListUnderRandomUse) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    std::vector<Item> items(50);
    for (std::size_t i = 0; i < items.size(); ++i) {
        items[i].value = static_cast<int>(i);
    }
    Queue queue;
    std::list<int> model;
    for (int step = 0; step < 20'000; ++step) {
        Item& item = items[random() % items.size()];
        if (item.hook.linked()) {
            queue.remove(item);
            model.remove(item.value);
        } else {
            queue.push_back(item);
            model.push_back(item.value);
        }
        if (step % 16 == 0) {
            ASSERT_TRUE(std::ranges::equal(values(queue), model));
        }
    }
}

}  // namespace
}  // namespace corevent
