#include <corevent/loop.h>

#include "loop/loop_core.h"
#include "loop/post_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
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
                loop.post([&, p, i] {
                    EXPECT_EQ(next[static_cast<std::size_t>(p)]++, i);
                    if (++total == posters * posts) {
                        loop.stop();
                    }
                });
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
    loop.post([&] {
        stage = 1;
        stage.notify_all();
        stage.wait(1);
    });
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

}  // namespace
}  // namespace corevent
