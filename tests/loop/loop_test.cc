#include <corevent/loop.h>

#include "loop/loop_core.h"
#include "reactor/fd.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

class LoopTest : public testing::TestWithParam<Backend> {
protected:
    Loop loop_{LoopOptions{.backend = GetParam()}};
    LoopCore& core_ = loop_.core();
};
INSTANTIATE_TEST_SUITE_P(Backends, LoopTest, testing::Values(Backend::epoll, Backend::poll),
                         [](const auto& suite) { return std::string(backend_name(suite.param)); });

struct Ready final : ReadyItem {
    explicit Ready(std::function<void()> work) : work_(std::move(work)) {}
    void on_turn() override { work_(); }
    std::function<void()> work_;
};

struct Reader final : IoWatch {
    Reader() {
        int fds[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        near = Fd(fds[0]);
        far = Fd(fds[1]);
    }
    void on_ready(Readiness events) override { act(events); }
    Fd near, far;
    std::function<void(Readiness)> act = [](Readiness) {};
};

TEST_P(LoopTest, KnowsItsPlace) {
    EXPECT_EQ(loop_.index(), 0u);
    EXPECT_EQ(core_.backend(), backend_name(GetParam()));
    EXPECT_FALSE(loop_.is_current());
    EXPECT_EQ(Loop::current(), nullptr);
    EXPECT_FALSE(core_.inside_callback());
    bool ran = false;
    EXPECT_TRUE(loop_.post([&] {
        ran = true;
        EXPECT_TRUE(loop_.is_current());
        EXPECT_EQ(Loop::current(), &loop_);
        EXPECT_TRUE(core_.inside_callback());
        Loop other;
        EXPECT_FALSE(other.is_current());
        EXPECT_TRUE(other.post([&] { EXPECT_EQ(Loop::current(), &other); }));
        EXPECT_TRUE(other.run_once(0ms));  // a loop within a loop gives the thread back
        EXPECT_EQ(Loop::current(), &loop_);
    }));
    EXPECT_TRUE(loop_.run_once(0ms));
    EXPECT_TRUE(ran);
    EXPECT_FALSE(loop_.run_once(0ms));
    EXPECT_EQ(Loop::current(), nullptr);
}

TEST_P(LoopTest, StopEndsRunAndRunMayBeCalledAgain) {
    for (int i = 0; i < 3; ++i) {
        int turns = 0;
        EXPECT_TRUE(loop_.post([&] {
            ++turns;
            loop_.stop();
            EXPECT_TRUE(loop_.post([&] { ++turns; }));  // still runs
        }));
        loop_.run();
        EXPECT_EQ(turns, 2);
    }
    loop_.stop();  // before run(): its first turn is the last
    loop_.run();
}

TEST_P(LoopTest, StopFromAnotherThreadWakesASleepingLoop) {
    std::jthread stopper([&] { loop_.stop(); });
    loop_.run();
}

TEST_P(LoopTest, PostsOfAThreadRunInOrderAndReposts) {
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(loop_.post([&, i] {
            order.push_back(i);
            if (i == 0) {
                EXPECT_TRUE(loop_.post([&] { order.push_back(100); }));
            }
        }));
    }
    loop_.run_once(0ms);
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
    loop_.run_once(0ms);
    EXPECT_EQ(order.back(), 100);
}

TEST_P(LoopTest, WhatNeverRunsIsDestroyedWithTheLoop) {
    const auto token = std::make_shared<int>(1);
    struct Item final : PostItem {
        void run() override { ADD_FAILURE(); }
        void discard() noexcept override { discarded = true; }
        bool discarded = false;
    } item;
    {
        Loop short_lived(LoopOptions{.backend = GetParam()});
        EXPECT_TRUE(short_lived.post([token] { ADD_FAILURE(); }));
        short_lived.post(item);
    }
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_TRUE(item.discarded);
}

TEST_P(LoopTest, ReadyItemsRunOncePerTurn) {
    int first_runs = 0;
    std::optional<Ready> second;
    Ready first([&] {
        ++first_runs;
        core_.make_ready(first);  // for the next turn
        core_.make_ready(first);  // at most once in the queue
        core_.make_ready(*second);
        core_.cancel_ready(*second);
    });
    second.emplace([&] { ADD_FAILURE() << "was cancelled"; });
    core_.make_ready(first);
    core_.make_ready(*second);
    EXPECT_TRUE(loop_.run_once(0ms));
    EXPECT_EQ(first_runs, 1);
    EXPECT_TRUE(first.queued());
    EXPECT_FALSE(second->queued());
    EXPECT_TRUE(loop_.run_once(10s));  // does not wait while there is deferred work
    EXPECT_EQ(first_runs, 2);
    core_.cancel_ready(first);
    core_.cancel_ready(first);
    EXPECT_FALSE(loop_.run_once(0ms));
}

TEST_P(LoopTest, NothingIsFreedBeforeTheEndOfTheTurn) {
    struct Corpse final : Buried {
        explicit Corpse(std::vector<std::string>& journal, Corpse* other)
            : log(journal), next(other) {}
        void destroy_now() noexcept override {
            log.emplace_back("destroyed");
            if (next != nullptr) {
                core->bury(*next);
            }
        }
        std::vector<std::string>& log;
        Corpse* next;
        LoopCore* core = nullptr;
    };
    std::vector<std::string> log;
    Corpse second(log, nullptr), first(log, &second);
    first.core = &core_;
    EXPECT_TRUE(loop_.post([&] {
        core_.bury(first);
        log.emplace_back("buried");
    }));
    EXPECT_TRUE(loop_.post([&] { log.emplace_back("same turn"); }));
    loop_.run_once(0ms);
    EXPECT_EQ(log, (std::vector<std::string>{"buried", "same turn", "destroyed", "destroyed"}));
}

TEST_P(LoopTest, ReadinessArrivesAndRearms) {
    Reader reader;
    std::string got;
    reader.act = [&](Readiness events) {
        if (has(events, Readiness::in)) {
            char part[64];
            for (ssize_t n; (n = read(reader.near.get(), part, sizeof part)) > 0;) {
                got.append(part, static_cast<std::size_t>(n));
            }
            core_.rearm(reader, reader.near.get(), Readiness::in);
        }
    };
    ASSERT_TRUE(core_.watch(reader, reader.near.get(), Interest::stream));
    EXPECT_TRUE(reader.watched());
    loop_.run_once(0ms);
    for (const char* text : {"one", "two", "three"}) {
        ASSERT_GT(write(reader.far.get(), text, strlen(text)), 0);
        EXPECT_TRUE(loop_.run_once(10s));
    }
    EXPECT_EQ(got, "onetwothree");
    core_.unwatch(reader, reader.near.get());
    core_.unwatch(reader, reader.near.get());
    EXPECT_FALSE(reader.watched());
}

TEST_P(LoopTest, EventsOfWhatWasUnwatchedInTheSameTurnAreDropped) {
    Reader readers[2];
    int calls = 0;
    for (int i = 0; i < 2; ++i) {
        Reader& other = readers[1 - i];
        readers[i].act = [&, i](Readiness) {
            ++calls;
            core_.unwatch(other, other.near.get());
            other.near.reset();
            EXPECT_TRUE(readers[i].near);
        };
        ASSERT_TRUE(core_.watch(readers[i], readers[i].near.get(), Interest::stream));
    }
    loop_.run_once(0ms);
    EXPECT_EQ(calls, 1);
    for (Reader& reader : readers) {
        core_.unwatch(reader, reader.near.get());
    }
}

TEST_P(LoopTest, AListenerPausesAndResumes) {
    Reader reader;
    int calls = 0;
    reader.act = [&](Readiness) { ++calls; };
    ASSERT_GT(write(reader.far.get(), "x", 1), 0);
    ASSERT_TRUE(core_.watch(reader, reader.near.get(), Interest::none));
    EXPECT_FALSE(loop_.run_once(0ms));
    ASSERT_TRUE(core_.set_interest(reader, reader.near.get(), Interest::listener));
    EXPECT_TRUE(loop_.run_once(0ms));
    EXPECT_TRUE(loop_.run_once(0ms));
    EXPECT_EQ(calls, 2);
    ASSERT_TRUE(core_.set_interest(reader, reader.near.get(), Interest::none));
    EXPECT_FALSE(loop_.run_once(0ms));
    core_.unwatch(reader, reader.near.get());
}

TEST_P(LoopTest, WatchingWhatCannotBePolledFails) {
    Reader reader;
    EXPECT_FALSE(core_.watch(reader, -1, Interest::stream));
    EXPECT_FALSE(reader.watched());
}

TEST_P(LoopTest, DeadlinesAreMet) {
    struct Limit final : Deadline {
        void on_deadline() override { loop->stop(); }
        Loop* loop;
    } limit;
    limit.loop = &loop_;
    const std::uint64_t start = core_.fresh_now_ns() / ns_per_ms;
    core_.deadlines().set(limit, start + 20);
    loop_.run();
    EXPECT_GE(core_.now_ms(), start + 20);
    EXPECT_FALSE(limit.set());
}

TEST_P(LoopTest, AnIdleLoopSleeps) {
    // A deadline and a timer far ahead: the loop must not tick meanwhile.
    struct Limit final : Deadline {
        void on_deadline() override { ADD_FAILURE(); }
    } limit;
    core_.deadlines().set(limit, core_.fresh_now_ns() / ns_per_ms + 60'000);
    Timer far(loop_, [] { ADD_FAILURE(); });
    far.start(1h);
    Timer end(loop_, [&] { loop_.stop(); });
    end.start(300ms);
    rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    loop_.run();
    getrusage(RUSAGE_THREAD, &after);
    EXPECT_LE(after.ru_nvcsw - before.ru_nvcsw, 5) << "woke up without a reason";
    core_.deadlines().cancel(limit);
}

TEST_P(LoopTest, LendsItsBuffers) {
    const std::span<char> buffer = core_.receive_buffer();
    EXPECT_GE(buffer.size(), 64u * 1024);
    for (std::size_t i = 0; i < LoopCore::receive_padding; ++i) {
        EXPECT_EQ(buffer.data()[buffer.size() + i], '\0');
    }
    EXPECT_TRUE(core_.cork().empty());
    Loop small(LoopOptions{.receive_buffer_bytes = 10});
    EXPECT_EQ(small.core().receive_buffer().size(), 16u * 1024);
}

TEST_P(LoopTest, SignalsReachEveryHandlerInBatches) {
    int first = 0, second = 0, other = 0;
    SignalHandler one(loop_, SIGUSR1, [&] { ++first; });
    std::optional<SignalHandler> two;
    two.emplace(loop_, SIGUSR1, [&] {
        ++second;
        two.reset();  // its own handle, from inside
    });
    SignalHandler three(loop_, SIGUSR2, [&] { ++other; });
    raise(SIGUSR1);
    raise(SIGUSR1);
    EXPECT_TRUE(loop_.run_once(10s));
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 1);
    raise(SIGUSR1);
    EXPECT_TRUE(loop_.run_once(10s));
    EXPECT_EQ(first, 2);
    EXPECT_EQ(second, 1);
    EXPECT_EQ(other, 0);
    SignalHandler moved(std::move(one));
    raise(SIGUSR1);
    EXPECT_TRUE(loop_.run_once(10s));
    EXPECT_EQ(first, 3);
}

TEST_P(LoopTest, ASignalSentToTheProcessWakesASleepingLoop) {
    SignalHandler handler(loop_, SIGTERM, [&] { loop_.stop(); });
    std::jthread sender([] { kill(getpid(), SIGTERM); });
    loop_.run();
}

TEST_P(LoopTest, AHandlerMayAddAnother) {
    std::vector<SignalHandler> handlers;
    int late = 0;
    SignalHandler first(loop_, SIGUSR1, [&] {
        if (handlers.empty()) {
            handlers.emplace_back(loop_, SIGUSR1, [&] { ++late; });
        }
    });
    raise(SIGUSR1);
    loop_.run_once(10s);
    EXPECT_EQ(late, 0);
    raise(SIGUSR1);
    loop_.run_once(10s);
    EXPECT_EQ(late, 1);
}

TEST_P(LoopTest, SignalsThatCannotBeHandledThrowAtOnce) {
    EXPECT_THROW(SignalHandler(loop_, SIGKILL, [] {}), std::system_error);
}

TEST_P(LoopTest, LoadIsCounted) {
    core_.add_load(2);
    core_.add_load(-1);
    EXPECT_EQ(core_.load(), 1u);
}

TEST(LoopDeathTest, AnExceptionFromACallbackEndsTheProgram) {
    EXPECT_DEATH(
        {
            Loop loop;
            EXPECT_TRUE(loop.post([] { throw std::runtime_error("from a callback"); }));
            loop.run_once(0ms);
        },
        "from a callback");
}

}  // namespace
}  // namespace corevent
