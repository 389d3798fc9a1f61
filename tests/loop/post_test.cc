#include <corevent/limits.h>
#include <corevent/loop.h>
#include <corevent/loop_group.h>
#include <corevent/offload.h>
#include <corevent/task_scope.h>

#include "loop/loop_core.h"
#include "loop/post_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

struct Note final : PostItem {
    void run() override {}
    void discard() noexcept override {}
    int number = 0;
};

TEST(PostQueue, SaysOnceThatItWasEmptyAndGivesTheOldestFirst) {
    PostQueue queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.take_all(), nullptr);
    std::vector<Note> notes(3);
    EXPECT_TRUE(queue.push(notes[0]));
    EXPECT_FALSE(queue.push(notes[1]));
    EXPECT_FALSE(queue.push(notes[2]));
    EXPECT_FALSE(queue.empty());
    const PostItem* item = queue.take_all();
    for (const Note& note : notes) {
        EXPECT_EQ(item, &note);
        item = PostQueue::next(*item);
    }
    EXPECT_EQ(item, nullptr);
    EXPECT_TRUE(queue.push(notes[0]));
}

class PostFromThreads : public testing::TestWithParam<Backend> {};
INSTANTIATE_TEST_SUITE_P(Backends, PostFromThreads, testing::Values(Backend::epoll, Backend::poll),
                         [](const auto& suite) { return std::string(backend_name(suite.param)); });

TEST_P(PostFromThreads, NothingIsLostAndEachPosterKeepsItsOrder) {
    constexpr int posters = 4;
    constexpr int posts = 5000;
    Loop loop(LoopOptions{.backend = GetParam()});
    std::vector<int> next(posters, 0);
    int total = 0;
    std::vector<std::jthread> threads;
    for (int p = 0; p < posters; ++p) {
        threads.emplace_back([&, p] {
            for (int i = 0; i < posts; ++i) {
                EXPECT_TRUE(loop.post([&, p, i] {
                    EXPECT_EQ(next[static_cast<std::size_t>(p)]++, i);
                    if (++total == posters * posts) {
                        loop.stop();
                    }
                }));
                if (i % 512 == 0) {
                    std::this_thread::yield();  // lets the loop fall asleep now and then
                }
            }
        });
    }
    loop.run();
    EXPECT_EQ(total, posters * posts);
}

// Each round the loop may be just about to sleep: a lost wake-up would hang here.
TEST_P(PostFromThreads, NoWakeUpIsLost) {
    Loop ping(LoopOptions{.backend = GetParam()});
    Loop pong(LoopOptions{.backend = GetParam(), .index = 1});
    std::jthread other([&] { pong.run(); });
    int rounds = 0;
    struct Ball final : PostItem {
        void run() override { back(); }
        void discard() noexcept override {}
        std::function<void()> back;
    } forth, back;
    forth.back = [&] { ping.post(back); };
    back.back = [&] {
        if (++rounds == 20'000) {
            pong.stop();
            ping.stop();
        } else {
            pong.post(forth);
        }
    };
    pong.post(forth);
    ping.run();
    EXPECT_EQ(rounds, 20'000);
}

TEST_P(PostFromThreads, AnAwakeLoopIsSeenInsideItsCallback) {
    Loop loop(LoopOptions{.backend = GetParam()});
    LoopCore& core = loop.core();
    std::atomic<int> stage{0};
    std::jthread runner([&] { loop.run(); });
    EXPECT_TRUE(loop.post([&] {
        stage = 1;
        stage.notify_all();
        stage.wait(1);
    }));
    stage.wait(0);
    EXPECT_TRUE(core.inside_callback());
    stage = 2;
    stage.notify_all();
    while (core.inside_callback()) {  // until it waits again
        std::this_thread::yield();
    }
    loop.stop();
    runner.join();
    EXPECT_FALSE(core.inside_callback());
}

TEST(PostLimit, BeyondItAPostIsRefusedAndTheWorkUntouched) {
    Loop loop(LoopOptions{.posted_work_max = 3});
    int ran = 0;
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(loop.post([&] { ++ran; }));
    }
    Callback fourth = [&] { ran += 10; };
    const Result<void> refused = loop.post(std::move(fourth));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), Errc::queue_full);
    EXPECT_TRUE(static_cast<bool>(fourth));
    loop.run_once(0ms);
    EXPECT_EQ(ran, 3);
    EXPECT_TRUE(loop.post(std::move(fourth)));
    loop.run_once(0ms);
    EXPECT_EQ(ran, 13);
}

TEST(PostLimit, IsThatOfTheTableUnlessGiven) {
    Loop loop;
    for (std::uint64_t i = 0; i < Limits()[Limit::posted_work]; ++i) {
        ASSERT_TRUE(loop.post([] {}));
    }
    EXPECT_FALSE(loop.post([] {}));
}

TEST(PostLimit, PostedWorkHasItsOwnPlaceToGive) {
    Loop loop(LoopOptions{.posted_work_max = 2});
    int ran = 0;
    EXPECT_TRUE(loop.post([&] {
        EXPECT_TRUE(loop.post([&] { ++ran; }));
        EXPECT_FALSE(loop.post([&] { ran += 10; }));  // the other place is taken
    }));
    EXPECT_TRUE(loop.post([&] { ran += 100; }));
    loop.run_once(0ms);
    loop.run_once(0ms);
    EXPECT_EQ(ran, 101);
}

// Threads that never wait take every place that is left; a chain of posts goes on all the same.
TEST_P(PostFromThreads, WhatFollowsPostedWorkIsNeverRefused) {
    Loop loop(LoopOptions{.backend = GetParam(), .stall_threshold = 0ms, .posted_work_max = 4});
    std::atomic<bool> enough{false};
    std::atomic<int> refused{0};
    int links = 0;
    std::function<void()> link = [&] {
        if (++links >= 2000 && refused > 0) {
            enough = true;
            loop.stop();
        } else {
            ASSERT_TRUE(loop.post([&] { link(); }));
        }
    };
    ASSERT_TRUE(loop.post([&] { link(); }));
    std::vector<std::jthread> greedy;
    for (int i = 0; i < 2; ++i) {
        greedy.emplace_back([&] {
            while (!enough) {
                if (!loop.post([] {})) {
                    ++refused;
                }
            }
        });
    }
    loop.run();
    EXPECT_GE(links, 2000);
}

TEST_P(PostFromThreads, NoMoreWaitThanTheLimitAndNoneIsLost) {
    constexpr int posters = 4;
    constexpr int posts = 3000;
    constexpr int limit = 16;
    Loop loop(LoopOptions{.backend = GetParam(), .stall_threshold = 0ms, .posted_work_max = limit});
    std::atomic<int> waiting{0};
    std::atomic<int> most{0};
    std::vector<int> next(posters, 0);
    int total = 0;
    std::vector<std::jthread> threads;
    for (int p = 0; p < posters; ++p) {
        threads.emplace_back([&, p] {
            for (int i = 0; i < posts; ++i) {
                Callback work = [&, p, i] {
                    --waiting;
                    EXPECT_EQ(next[static_cast<std::size_t>(p)]++, i);
                    if (++total == posters * posts) {
                        loop.stop();
                    }
                };
                while (!loop.post(std::move(work))) {
                    std::this_thread::yield();
                }
                const int now = ++waiting;
                for (int before = most; before < now;) {
                    if (most.compare_exchange_weak(before, now)) {
                        break;
                    }
                }
            }
        });
    }
    loop.run();
    EXPECT_EQ(total, posters * posts);
    EXPECT_LE(most, limit);
}

// The library's own ways home do not count, or an answer could be lost behind a user's flood.
TEST(PostLimit, YieldsAndOffloadedWorkComeHomeToAFullLoop) {
    LoopGroup group({.loops = 1, .posted_work_max = 1});
    TaskScope scope;
    std::latch done(1);
    std::function<void()> occupy = [&] {
        if (!done.try_wait()) {
            EXPECT_TRUE(group[0].post([&] { occupy(); }));
        }
    };
    struct Start final : PostItem {
        void run() override { begin(); }
        void discard() noexcept override {}
        std::function<void()> begin;
    } start;
    start.begin = [&] {
        scope.spawn([&]() -> Task<> {
            for (int i = 0; i < 10; ++i) {
                EXPECT_FALSE(group[0].post([] {}));
                co_await yield();
                EXPECT_TRUE(co_await offload([] {}));
            }
            done.count_down();
        });
    };
    EXPECT_TRUE(group[0].post([&] { occupy(); }));
    group[0].post(start);
    group.start();
    done.wait();
    group.stop();
    EXPECT_EQ(scope.size(), 0u);
}

}  // namespace
}  // namespace corevent
