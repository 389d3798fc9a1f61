#include "base/deadlines.h"

#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

namespace corevent {
namespace {

struct Recorded final : Deadline {
    std::function<void(Recorded&)> act = [](Recorded&) {};
    int expired = 0;
    void on_deadline() override {
        ++expired;
        act(*this);
    }
};

constexpr std::uint64_t bucket = DeadlineQueue::bucket_ms;

TEST(Deadlines, AnEmptyQueueNeedsNoWaking) {
    DeadlineQueue queue(123'456);
    EXPECT_EQ(queue.next_ms(), DeadlineQueue::never);
    EXPECT_EQ(queue.advance(999'999), 0u);
}

TEST(Deadlines, AFourSecondLimitIsNeverEarlyAndAtMostABucketLate) {
    for (std::uint64_t start = 0; start < 2 * bucket; start += 7) {
        DeadlineQueue queue(start);
        Recorded deadline;
        queue.set(deadline, start + 4000);
        EXPECT_TRUE(deadline.set());
        std::uint64_t now = start;
        while (deadline.expired == 0) {
            now = queue.next_ms();
            ASSERT_NE(now, DeadlineQueue::never);
            queue.advance(now);
        }
        EXPECT_GE(now, start + 4000);
        EXPECT_LE(now, start + 4000 + bucket);
        EXPECT_FALSE(deadline.set());
        EXPECT_EQ(queue.next_ms(), DeadlineQueue::never);
    }
}

TEST(Deadlines, RefreshingMovesTheEndAndWakesOnlyPerBucket) {
    DeadlineQueue queue(0);
    Recorded deadline;
    int wakes = 0;
    queue.set(deadline, 5000);
    for (std::uint64_t now = 0; now < 60'000; now += 10) {
        if (queue.next_ms() <= now) {
            ++wakes;
            queue.advance(now);
        }
        queue.set(deadline, now + 5000);
    }
    EXPECT_EQ(deadline.expired, 0);
    EXPECT_LE(wakes, 60'000 / 5000);
    EXPECT_EQ(deadline.due_ms(), 59'990u + 5000);
    queue.cancel(deadline);
    queue.cancel(deadline);
}

TEST(Deadlines, MovedEarlierItIsMetEarlier) {
    DeadlineQueue queue(0);
    Recorded deadline;
    queue.set(deadline, 60'000);
    queue.set(deadline, 1000);
    EXPECT_EQ(queue.next_ms(), 1250u);
    queue.advance(1249);
    EXPECT_EQ(deadline.expired, 0);
    queue.advance(1250);
    EXPECT_EQ(deadline.expired, 1);
}

TEST(Deadlines, HoursAheadAreKept) {
    DeadlineQueue queue(500);
    Recorded deadline;
    const std::uint64_t due = 500 + 3'600'000;
    queue.set(deadline, due);
    std::uint64_t now = 0;
    int wakes = 0;
    while (deadline.expired == 0) {
        now = queue.next_ms();
        queue.advance(now);
        ++wakes;
    }
    EXPECT_GE(now, due);
    EXPECT_LE(now, due + bucket);
    EXPECT_LT(wakes, 100);
}

TEST(Deadlines, ACallMayCancelOthersAndSetItselfAgain) {
    DeadlineQueue queue(0);
    Recorded first, second;
    first.act = [&](Recorded& self) {
        queue.cancel(second);
        if (self.expired < 3) {
            queue.set(self, 0);  // in the past: the next bucket
        }
    };
    queue.set(first, 100);
    queue.set(second, 100);
    EXPECT_EQ(queue.advance(10'000), 3u);
    EXPECT_EQ(first.expired, 3);
    EXPECT_EQ(second.expired, 0);
}

TEST(Deadlines, AgreesWithAModelUnderRandomUse) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    std::uint64_t now = random() % 100'000;
    DeadlineQueue queue(now);
    std::vector<Recorded> deadlines(200);
    for (int step = 0; step < 20'000; ++step) {
        Recorded& one = deadlines[random() % deadlines.size()];
        switch (random() % 8) {
            case 0: queue.cancel(one); break;
            case 1: queue.set(one, now + random() % 200'000); break;
            default: queue.set(one, now + random() % 10'000); break;
        }
        if (random() % 4 == 0) {
            now += random() % (random() % 50 == 0 ? 100'000 : 300);
            std::vector<std::pair<Recorded*, std::uint64_t>> before;
            for (Recorded& d : deadlines) {
                if (d.set()) {
                    before.emplace_back(&d, d.due_ms());
                }
            }
            const std::uint64_t next = queue.next_ms();
            const std::size_t expired = queue.advance(now);
            std::size_t gone = 0;
            for (const auto& [d, due] : before) {
                if (!d->set()) {
                    ++gone;
                    ASSERT_LE(due, now) << "early";
                } else {
                    ASSERT_GT(due + bucket, now) << "late";
                }
                ASSERT_TRUE(due >= now || next <= due + bucket) << "not woken in time";
            }
            ASSERT_EQ(gone, expired);
        }
    }
    for (Recorded& d : deadlines) {
        queue.cancel(d);
    }
    EXPECT_EQ(queue.next_ms(), DeadlineQueue::never);
}

}  // namespace
}  // namespace corevent
