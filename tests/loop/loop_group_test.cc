#include <corevent/loop_group.h>

#include <corevent/offload.h>
#include <corevent/task_scope.h>

#include <pthread.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

TEST(LoopGroup, HasALoopPerUsableCore) {
    LoopGroup group;
    EXPECT_EQ(group.size(), usable_cores());
    EXPECT_FALSE(group.running());
    for (unsigned i = 0; i < group.size(); ++i) {
        EXPECT_EQ(group[i].index(), i);
    }
}

TEST(LoopGroup, EachLoopHasAThreadWithItsName) {
    LoopGroup group({.loops = 3});
    std::latch seen(3);
    std::vector<std::string> names(3);
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_TRUE(group[i].post([&, i] {  // set up before the start
            char name[16];
            pthread_getname_np(pthread_self(), name, sizeof name);
            names[i] = name;
            EXPECT_TRUE(group[i].is_current());
            seen.count_down();
        }));
    }
    group.start();
    group.start();
    EXPECT_TRUE(group.running());
    seen.wait();
    group.stop();
    EXPECT_FALSE(group.running());
    group.stop();
    EXPECT_EQ(names, (std::vector<std::string>{"corevent/0", "corevent/1", "corevent/2"}));
}

TEST(LoopGroup, StopsCleanlyUnderLoad) {
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> made{0}, gone{0};
        struct Counted {
            explicit Counted(std::atomic<int>& made_now, std::atomic<int>& gone_later)
                : gone_(gone_later) {
                ++made_now;
            }
            Counted(const Counted&) = delete;
            ~Counted() { ++gone_; }
            std::atomic<int>& gone_;
        };
        {
            LoopGroup group({.loops = 3,  // everybody shares few cores
                             .posted_work_max = 1000,
                             .stall_threshold = 0ms});
            group.start();
            std::atomic<bool> enough{false};
            std::vector<std::jthread> posters;
            for (unsigned p = 0; p < 2; ++p) {
                posters.emplace_back([&, p] {
                    for (unsigned i = p; !enough; ++i) {
                        Callback work = [&next = group[(i + 1) % 3],
                                         carried =
                                             std::make_unique<Counted>(made, gone)]() mutable {
                            static_cast<void>(next.post([moved = std::move(carried)] {}));
                        };
                        while (!group[i % 3].post(std::move(work)) && !enough) {
                            std::this_thread::yield();
                        }
                    }
                });
            }
            while (made < 500) {
                std::this_thread::yield();
            }
            group.stop();  // while the posters are at it
            enough = true;
        }
        EXPECT_EQ(made, gone) << "run, or destroyed with its loop";
    }
}

TEST(LoopGroup, WhatWasPostedBeforeStopRuns) {
    for (int round = 0; round < 50; ++round) {
        LoopGroup group({.loops = 2});
        group.start();
        int ran = 0;
        for (int i = 0; i < 100; ++i) {
            EXPECT_TRUE(group[0].post([&] { ++ran; }));
        }
        group.stop();
        ASSERT_EQ(ran, 100);
    }
}

TEST(LoopGroup, OffloadedWorkIsHomeBeforeStopEnds) {
    LoopGroup group({.loops = 1, .offload_threads = 2});
    TaskScope scope;
    std::latch begun(1), release(1);
    bool home = false;
    EXPECT_TRUE(group[0].post([&] {
        scope.spawn([&]() -> Task<> {
            co_await offload([&] {
                begun.count_down();
                release.wait();
            });
            home = true;
        });
    }));
    group.start();
    begun.wait();
    std::jthread opener([&] { release.count_down(); });
    group.stop();
    EXPECT_TRUE(home);
    EXPECT_EQ(scope.size(), 0u);
}

TEST(LoopGroup, TheQueueOfThePoolIsTheLimitUnlessGiven) {
    LoopGroup group({.loops = 1, .offload_threads = 1, .offload_queue = 1});
    TaskScope scope;
    std::latch begun(1), release(1), refused(1);
    EXPECT_TRUE(group[0].post([&] {
        scope.spawn([&]() -> Task<> {
            co_await offload([&] {
                begun.count_down();
                release.wait();
            });
        });
    }));
    group.start();
    begun.wait();
    EXPECT_TRUE(group[0].post([&] {
        scope.spawn([]() -> Task<> { co_await offload([] {}); });
        scope.spawn([&]() -> Task<> {
            const Result<void> result = co_await offload([] {});
            EXPECT_EQ(result.error(), Errc::queue_full);
            refused.count_down();
        });
    }));
    refused.wait();
    release.count_down();
    group.stop();
    EXPECT_EQ(scope.size(), 0u);
}

TEST(LoopGroup, PerLoopStateIsFoundWithoutALock) {
    struct State {
        explicit State(Loop& owner) : loop(&owner) {}
        Loop* loop;
        int count = 0;
    };
    LoopGroup group({.loops = 3});
    PerLoop<State> states(group, [](Loop& loop) { return std::make_unique<State>(loop); });
    EXPECT_EQ(states.size(), 3u);
    std::latch done(300);
    group.start();
    for (unsigned i = 0; i < 300; ++i) {
        EXPECT_TRUE(group[i % 3].post([&] {
            EXPECT_EQ(states.local().loop, Loop::current());
            ++states.local().count;
            done.count_down();
        }));
    }
    done.wait();
    group.stop();
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_EQ(states.of(i).count, 100);
    }
    const PerLoop<std::string> defaulted(group);
    EXPECT_EQ(defaulted.size(), 3u);
}

/// Starts a group where no thread can be made (its stack would be larger than the address space), in a child process.
[[noreturn]] void start_without_threads() {
    LoopGroup group({.loops = 2});
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{1} << 46);
    pthread_setattr_default_np(&attributes);
    try {
        group.start();
    } catch (const std::system_error&) {
        _exit(group.running() ? 1 : 7);
    }
    _exit(0);
}

TEST(LoopGroupDeathTest, AStartWithoutThreadsFailsAndLeavesNone) {
    EXPECT_EXIT(start_without_threads(), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace corevent
