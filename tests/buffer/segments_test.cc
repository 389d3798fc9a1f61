#include "buffer/segments.h"

#include "buffer/segments.inc"
#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace corevent {
namespace {

/// Counts what is out, and refuses when told to.
struct CountedMemory {
    static inline long living = 0;
    static inline bool none = false;
    static void* allocate(std::size_t bytes) noexcept {
        if (none) {
            return nullptr;
        }
        ++living;
        return std::malloc(bytes);
    }
    static void release(void* memory) noexcept {
        --living;
        std::free(memory);
    }
};
using Queue = SegmentQueue<CountedMemory, 2>;

class CountedHolder final : public Holder {
public:
    static inline long living = 0;
    CountedHolder() { ++living; }
    ~CountedHolder() override { --living; }
};

std::string text_of(const Queue& queue) {
    std::string text(queue.size(), '?');
    queue.copy_out({0, 0}, text.data(), text.size());
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i < queue.segments(); ++i) {
        EXPECT_GT(queue.at(i).length, 0u);
        sum += queue.at(i).length;
    }
    EXPECT_EQ(sum, queue.size());
    return text;
}

bool append(Queue& queue, std::string_view text) {
    return queue.append_copy(text.data(), text.size());
}

TEST(SegmentQueue, ReservesAndCommits) {
    Queue queue;
    std::array<iovec, 2> slices;
    ASSERT_EQ(queue.reserve(10, std::span(slices).first(1)), 1u);
    EXPECT_GE(slices[0].iov_len, 10u);
    void* const first = slices[0].iov_base;
    ASSERT_EQ(queue.reserve(10, slices), 1u);
    EXPECT_EQ(slices[0].iov_base, first);
    std::memcpy(slices[0].iov_base, "0123", 4);
    slices[0].iov_len = 4;
    EXPECT_TRUE(queue.commit(std::span(slices).first(1)));
    EXPECT_FALSE(queue.commit(std::span(slices).first(1)));
    EXPECT_EQ(text_of(queue), "0123");

    const std::size_t room = queue.at(0).room;
    ASSERT_EQ(queue.reserve(room + 50, slices), 2u);
    EXPECT_EQ(slices[0].iov_len, room);
    EXPECT_GE(slices[1].iov_len, 50u);
    std::memset(slices[0].iov_base, 'a', room);
    std::memset(slices[1].iov_base, 'b', 50);
    slices[1].iov_len = 50;
    EXPECT_TRUE(queue.commit(slices));
    EXPECT_EQ(text_of(queue), "0123" + std::string(room, 'a') + std::string(50, 'b'));

    ASSERT_EQ(queue.reserve(10, std::span(slices).first(1)), 1u);
    ++slices[0].iov_len;
    EXPECT_FALSE(queue.commit(std::span(slices).first(1)));
}

TEST(SegmentQueue, ExpandingMakesAppendingFree) {
    Queue queue;
    append(queue, "x");
    ASSERT_TRUE(queue.expand(5000));
    CountedMemory::none = true;
    EXPECT_TRUE(append(queue, std::string(5000, 'y')));
    EXPECT_FALSE(append(queue, std::string(500000, 'z')));
    EXPECT_FALSE(queue.expand(500000));
    EXPECT_FALSE(queue.prepend_copy(std::string(3000, 'p').data(), 3000));
    CountedMemory::none = false;
    EXPECT_EQ(text_of(queue), "x" + std::string(5000, 'y'));
    EXPECT_FALSE(queue.expand(SIZE_MAX));
    EXPECT_FALSE(queue.expand(Queue::size_max));
}

TEST(SegmentQueue, MakesContiguousInPlaceWhereThereIsRoom) {
    Queue queue;
    append(queue, "abc");
    const char* const data = queue.at(0).data;
    queue.append_memory(nullptr, "defghi", 6);
    EXPECT_EQ(queue.make_contiguous(5), data);
    EXPECT_EQ(queue.segments(), 2u);
    EXPECT_EQ(std::string(data, 5), "abcde");
    EXPECT_EQ(text_of(queue), "abcdefghi");
    EXPECT_EQ(queue.make_contiguous(9), data);
    EXPECT_EQ(queue.segments(), 1u);
    append(queue, "jkl");
    EXPECT_EQ(queue.segments(), 1u);
    EXPECT_EQ(text_of(queue), "abcdefghijkl");
}

TEST(SegmentQueue, SharingEndsGrowing) {
    Queue one, two;
    append(one, "shared");
    ASSERT_TRUE(one.share_all(two, 7));
    EXPECT_EQ(two.at(0).mark, 7);
    EXPECT_EQ(two.at(0).data, one.at(0).data);
    append(one, " one");
    append(two, " two");
    EXPECT_TRUE(one.prepend_copy("1", 1));
    EXPECT_EQ(text_of(one), "1shared one");
    EXPECT_EQ(text_of(two), "shared two");
    one.consume(one.size());
    EXPECT_EQ(text_of(two), "shared two");
}

TEST(SegmentQueue, MovesPartsOfFilesByReference) {
    Queue one, two;
    one.append_file(new CountedHolder, 100, 50);
    EXPECT_EQ(one.move_front(two, 20), 20u);
    EXPECT_EQ(two.at(0).offset, 100u);
    EXPECT_EQ(two.at(0).length, 20u);
    EXPECT_EQ(one.at(0).offset, 120u);
    EXPECT_EQ(one.size(), 30u);
    one.consume(30);
    EXPECT_EQ(CountedHolder::living, 1);
    two.consume(20);
    EXPECT_EQ(CountedHolder::living, 0);
}

/// What a step does, it does to the text too, if the queue says that it was done.
void step(std::mt19937_64& random, std::array<Queue, 3>& queues,
          std::array<std::string, 3>& texts) {
    const std::size_t i = random() % 3;
    const std::size_t k = (i + 1 + random() % 2) % 3;
    Queue& a = queues[i];
    std::string& text = texts[i];
    const std::size_t size = random() % (random() % 6 == 0 ? 6000 : 60);
    const std::string fresh(size, static_cast<char>('a' + random() % 26));
    static const std::string constant(6000, '#');
    CountedMemory::none = random() % 5 == 0;
    switch (random() % 11) {
        case 0:
        case 1: text += append(a, fresh) ? fresh : ""; break;
        case 2: text.insert(0, a.prepend_copy(fresh.data(), size) ? fresh : ""); break;
        case 3:
            if (size != 0) {
                auto* const holder = new CountedHolder;
                if (a.append_memory(holder, constant.data(), size)) {
                    text += constant.substr(0, size);
                } else {
                    holder->drop_reference();
                }
            }
            break;
        case 4: {
            const std::size_t part = std::min(size * 3, a.size());
            a.consume(part);
            text.erase(0, part);
            break;
        }
        case 5:
            if (a.append_all(queues[k])) {
                text += std::exchange(texts[k], {});
            }
            break;
        case 6:
            if (a.prepend_all(queues[k])) {
                text.insert(0, std::exchange(texts[k], {}));
            }
            break;
        case 7: {
            const std::size_t moved = a.move_front(queues[k], std::min(size, a.size()));
            texts[k] += text.substr(0, moved);
            text.erase(0, moved);
            break;
        }
        case 8:
            if (a.size() < 20000 && a.share_all(queues[k], 1)) {
                texts[k] += text;
            }
            break;
        case 9: {
            std::array<iovec, 2> slices;
            const std::size_t count =
                a.reserve(size + 1, std::span(slices).first(1 + random() % 2));
            for (std::size_t s = 0; s < count; ++s) {
                slices[s].iov_len = std::min(slices[s].iov_len, size);
                std::memset(slices[s].iov_base, '0' + static_cast<int>(s), slices[s].iov_len);
            }
            if (a.commit(std::span(slices).first(count))) {
                for (std::size_t s = 0; s < count; ++s) {
                    text.append(slices[s].iov_len, static_cast<char>('0' + s));
                }
            }
            break;
        }
        default:
            if (size != 0 && size <= a.size()) {
                const char* const data = a.make_contiguous(size);
                EXPECT_TRUE(data == nullptr || text.compare(0, size, data, size) == 0);
            }
            break;
    }
    CountedMemory::none = false;
    EXPECT_EQ(text_of(a), text);
    EXPECT_EQ(text_of(queues[k]), texts[k]);
    if (a.size() > 60000) {
        a.consume(50000);
        text.erase(0, 50000);
    }
}

TEST(SegmentQueue, AgreesWithStringsUnderRandomUseWithAndWithoutMemory) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    const long memory_before = CountedMemory::living;
    {
        std::array<Queue, 3> queues;
        std::array<std::string, 3> texts;
        for (int i = 0; i < 8000 && !testing::Test::HasFailure(); ++i) {
            step(random, queues, texts);
        }
    }
    EXPECT_EQ(CountedMemory::living, memory_before);
    EXPECT_EQ(CountedHolder::living, 0);
}

}  // namespace
}  // namespace corevent
