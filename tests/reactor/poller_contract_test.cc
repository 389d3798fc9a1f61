// One suite over every poller: what poller.h promises, no more and no less.
#include "reactor/poller.h"

#include "reactor/fd.h"
#include "reactor/token.h"
#include "reactor/wakeup.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <map>
#include <string>
#include <thread>

namespace corevent {
namespace {

struct Pair {
    Fd near;
    Fd far;
};

Pair socket_pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    return {Fd(fds[0]), Fd(fds[1])};
}

Pair pipe_pair() {  // near reads, far writes
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    return {Fd(fds[0]), Fd(fds[1])};
}

void put(const Fd& fd, std::string_view text) {
    ASSERT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string take_all(const Fd& fd) {
    std::string all;
    std::array<char, 4096> part;
    for (ssize_t n; (n = read(fd.get(), part.data(), part.size())) > 0;) {
        all.append(part.data(), static_cast<std::size_t>(n));
    }
    return all;
}

void fill(const Fd& fd) {
    const std::string block(65536, 'x');
    while (write(fd.get(), block.data(), block.size()) > 0) {
    }
    EXPECT_EQ(errno, EAGAIN);
}

class PollerContract : public testing::TestWithParam<const char*> {
protected:
    PollerContract() {
        poller_ = std::string_view(GetParam()) == "epoll" ? std::move(make_epoll_poller().value())
                                                          : make_poll_poller();
        EXPECT_EQ(poller_->name(), GetParam());
    }

    /// One round; what is delivered per token (bits of several events added up).
    std::map<PollToken, Readiness> round(int timeout_ms = 0) {
        poller_->prepare();
        std::array<PollEvent, 16> events;
        const std::size_t count = poller_->wait(timeout_ms, events);
        std::map<PollToken, Readiness> delivered;
        for (std::size_t i = 0; i < count; ++i) {
            delivered[events[i].token()] |= events[i].bits();
        }
        return delivered;
    }
    Readiness of(PollToken token, int timeout_ms = 0) {
        const auto delivered = round(timeout_ms);
        const auto found = delivered.find(token);
        return found == delivered.end() ? Readiness::none : found->second;
    }
    void watch(const Fd& fd, Interest interest, PollToken token) {
        ASSERT_TRUE(poller_->set(fd.get(), Interest::none, interest, token));
    }

    std::unique_ptr<Poller> poller_;
};

INSTANTIATE_TEST_SUITE_P(Pollers, PollerContract, testing::Values("epoll", "poll"),
                         [](const auto& suite) { return suite.param; });

TEST_P(PollerContract, NothingIsReadyWithoutDescriptors) {
    EXPECT_TRUE(round(0).empty());
    EXPECT_TRUE(round(1).empty());
}

TEST_P(PollerContract, AStreamIsWritableFirstAndTheTokenComesBackWhole) {
    const Pair pair = socket_pair();
    const PollToken token = 0xfedcba9876543210;
    watch(pair.near, Interest::stream, token);
    EXPECT_EQ(of(token), Readiness::out);
    EXPECT_TRUE(round().empty());  // an edge, once
    put(pair.far, "x");
    EXPECT_TRUE(has(of(token), Readiness::in));
}

TEST_P(PollerContract, ABitThatWasTrueBeforeIsDelivered) {
    const Pair pair = socket_pair();
    put(pair.far, "x");
    watch(pair.near, Interest::in, 7);
    EXPECT_EQ(of(7), Readiness::in);
    EXPECT_TRUE(round().empty());
}

TEST_P(PollerContract, ADeliveredBitComesAgainAfterDrainAndRearm) {
    const Pair pair = socket_pair();
    watch(pair.near, Interest::in, 7);
    for (int i = 0; i < 5; ++i) {
        put(pair.far, "abc");
        EXPECT_EQ(of(7, 1000), Readiness::in);
        EXPECT_EQ(take_all(pair.near), "abc");
        poller_->rearm(pair.near.get(), Readiness::in);
        EXPECT_TRUE(round().empty());
    }
}

TEST_P(PollerContract, NothingIsLostBetweenDrainAndRearm) {
    const Pair pair = socket_pair();
    watch(pair.near, Interest::in, 7);
    put(pair.far, "abc");
    EXPECT_EQ(of(7), Readiness::in);
    EXPECT_EQ(take_all(pair.near), "abc");
    put(pair.far, "late");  // after the EAGAIN, before the rearm
    poller_->rearm(pair.near.get(), Readiness::in);
    EXPECT_EQ(of(7), Readiness::in);
}

TEST_P(PollerContract, WithoutRearmAnUndrainedDescriptorDoesNotSpin) {
    const Pair pair = socket_pair();
    watch(pair.near, Interest::stream, 7);
    put(pair.far, "abc");
    EXPECT_EQ(of(7), Readiness::in | Readiness::out);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(round().empty());
    }
}

TEST_P(PollerContract, OutComesBackWhenThereIsRoom) {
    const Pair pair = socket_pair();
    watch(pair.near, Interest::stream, 7);
    EXPECT_EQ(of(7), Readiness::out);
    fill(pair.near);
    poller_->rearm(pair.near.get(), Readiness::out);
    EXPECT_TRUE(round().empty());
    EXPECT_FALSE(take_all(pair.far).empty());
    EXPECT_TRUE(has(of(7, 1000), Readiness::out));
}

TEST_P(PollerContract, TheEndOfThePeersSendingIsToldOnce) {
    const Pair pair = socket_pair();
    watch(pair.near, Interest::stream, 7);
    EXPECT_EQ(of(7), Readiness::out);
    put(pair.far, "last");
    ASSERT_EQ(shutdown(pair.far.get(), SHUT_WR), 0);
    const Readiness told = of(7, 1000);
    EXPECT_TRUE(has(told, Readiness::in));
    EXPECT_TRUE(has(told, Readiness::end));
    EXPECT_FALSE(has(told, Readiness::hangup));
    EXPECT_TRUE(round().empty());
    fill(pair.near);  // the other direction still works
    poller_->rearm(pair.near.get(), Readiness::out);
    take_all(pair.far);
    EXPECT_TRUE(has(of(7, 1000), Readiness::out));
}

TEST_P(PollerContract, AHangUpIsToldOnceAndDoesNotSpin) {
    Pair pair = socket_pair();
    watch(pair.near, Interest::stream, 7);
    EXPECT_EQ(of(7), Readiness::out);
    pair.far.reset();
    const Readiness told = of(7, 1000);
    EXPECT_TRUE(has(told, Readiness::hangup));
    EXPECT_TRUE(has(told, Readiness::in));
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(round().empty());
    }
}

TEST_P(PollerContract, APipeWhoseWriterWentHangsUp) {
    Pair pair = pipe_pair();
    watch(pair.near, Interest::in, 7);
    put(pair.far, "abc");
    EXPECT_EQ(of(7), Readiness::in);
    EXPECT_EQ(take_all(pair.near), "abc");
    poller_->rearm(pair.near.get(), Readiness::in);
    pair.far.reset();
    EXPECT_TRUE(has(of(7, 1000), Readiness::hangup));
    EXPECT_TRUE(round().empty());
}

TEST_P(PollerContract, APipeWhoseReaderWentIsAnError) {
    Pair pair = pipe_pair();
    watch(pair.far, Interest::out, 7);
    EXPECT_EQ(of(7), Readiness::out);
    pair.near.reset();
    EXPECT_TRUE(has(of(7, 1000), Readiness::error));
    EXPECT_TRUE(round().empty());
}

TEST_P(PollerContract, LevelInterestIsToldAgainAndAgain) {
    const Pair pair = socket_pair();
    watch(pair.near, Interest::listener, 7);
    EXPECT_TRUE(round().empty());
    put(pair.far, "x");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(of(7, 1000), Readiness::in);
    }
    take_all(pair.near);
    EXPECT_TRUE(round().empty());
}

TEST_P(PollerContract, WithLevelsTheEndIsToldOnlyToThoseWhoAsk) {
    Pair pair = socket_pair();
    watch(pair.near, Interest::in | Interest::level, 7);
    ASSERT_EQ(shutdown(pair.far.get(), SHUT_WR), 0);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(of(7, 1000), Readiness::in);
    }
    const Interest asked = Interest::end | Interest::level;
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::in | Interest::level, asked, 8));
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(of(8, 1000), Readiness::end);
    }
    ASSERT_TRUE(poller_->set(pair.near.get(), asked, Interest::out | Interest::level, 9));
    EXPECT_EQ(of(9, 1000), Readiness::out);
}

TEST_P(PollerContract, InterestPausesAndResumes) {
    const Pair pair = socket_pair();
    put(pair.far, "x");
    watch(pair.near, Interest::listener, 7);
    EXPECT_EQ(of(7), Readiness::in);
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::listener, Interest::none, 7));
    EXPECT_TRUE(round().empty());
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::none, Interest::listener, 8));
    EXPECT_EQ(of(8), Readiness::in);
}

TEST_P(PollerContract, ChangingInterestAndTokenTellsWhatIsTrueNow) {
    const Pair pair = socket_pair();
    put(pair.far, "x");
    watch(pair.near, Interest::out, 7);
    EXPECT_EQ(of(7), Readiness::out);
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::out, Interest::stream, 9));
    const auto delivered = round();
    EXPECT_EQ(delivered.count(7), 0u);
    EXPECT_TRUE(has(delivered.at(9), Readiness::in));
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::stream, Interest::listener, 10));
    EXPECT_EQ(of(10), Readiness::in);
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::listener, Interest::none, 10));
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::none, Interest::none, 10));
    EXPECT_TRUE(round().empty());
}

TEST_P(PollerContract, AfterClosingTheNumberMayBeUsedAgain) {
    Pair old = socket_pair();
    watch(old.near, Interest::stream, 7);
    put(old.far, "x");
    const int number = old.near.get();
    poller_->closing(number);
    old.near.reset();
    const Pair fresh = socket_pair();
    ASSERT_EQ(fresh.near.get(), number);  // the lowest free one
    ASSERT_TRUE(poller_->set(number, Interest::none, Interest::stream, 8));
    const auto delivered = round();
    EXPECT_EQ(delivered.count(7), 0u);
    EXPECT_EQ(delivered.at(8), Readiness::out);
}

TEST_P(PollerContract, AStaleTokenIsRecognisedByItsGeneration) {
    struct Thing {
    } first, second;
    TokenTable<Thing> table;
    Pair one = socket_pair();
    const PollToken token = table.add(first);
    watch(one.near, Interest::stream, token);
    poller_->prepare();
    std::array<PollEvent, 4> events;
    ASSERT_EQ(poller_->wait(0, events), 1u);  // fetched, not yet looked at ...
    poller_->closing(one.near.get());         // ... when the thing goes and its slot is used again
    one.near.reset();
    table.remove(token);
    const PollToken next = table.add(second);
    EXPECT_EQ(static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(token));
    EXPECT_EQ(table.find(events[0].token()), nullptr);
    EXPECT_EQ(table.find(next), &second);
}

TEST_P(PollerContract, ASmallOutputStarvesNobody) {
    std::array<Pair, 12> pairs;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        pairs[i] = socket_pair();
        watch(pairs[i].near, Interest::in | Interest::level, i + 1);
        put(pairs[i].far, "x");
    }
    std::map<PollToken, int> seen;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        poller_->prepare();
        std::array<PollEvent, 2> events;
        ASSERT_EQ(poller_->wait(0, events), 2u);
        ++seen[events[0].token()];
        ++seen[events[1].token()];
    }
    EXPECT_EQ(seen.size(), pairs.size());
    for (const auto& [token, times] : seen) {
        EXPECT_EQ(times, 2) << token;
    }
}

TEST_P(PollerContract, WhatCannotBePolledFails) {
    EXPECT_FALSE(poller_->set(-1, Interest::none, Interest::stream, 1));
    const Pair pair = socket_pair();
    watch(pair.near, Interest::stream, 1);
    const Result<void> again = poller_->set(pair.near.get(), Interest::none, Interest::stream, 2);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error(), std::errc::file_exists);
}

TEST_P(PollerContract, AWakeupFromAnotherThreadEndsTheWait) {
    const Wakeup wakeup;
    ASSERT_TRUE(poller_->set(wakeup.fd(), Interest::none, Interest::in, 5));
    for (int i = 0; i < 3; ++i) {
        poller_->prepare();
        std::jthread waker([&] { wakeup.notify(); });
        std::array<PollEvent, 4> events;
        ASSERT_EQ(poller_->wait(Poller::forever, events), 1u);
        EXPECT_EQ(events[0].token(), 5u);
        if (!poller_->rearms_itself()) {
            wakeup.drain();
            poller_->rearm(wakeup.fd(), Readiness::in);
        }
    }
}

TEST_P(PollerContract, ASetDuringAWaitTakesEffectAtTheNextPrepare) {
    const Wakeup wakeup;
    ASSERT_TRUE(poller_->set(wakeup.fd(), Interest::none, Interest::in, 5));
    const Pair pair = socket_pair();
    poller_->prepare();
    std::array<PollEvent, 4> events;
    std::size_t count = 0;
    std::thread waiter([&] { count = poller_->wait(Poller::forever, events); });
    ASSERT_TRUE(poller_->set(pair.near.get(), Interest::none, Interest::stream, 6));
    wakeup.notify();
    waiter.join();
    EXPECT_GE(count, 1u);
    bool told = false;
    for (std::size_t i = 0; i < count; ++i) {
        told |= events[i].token() == 6;
    }
    EXPECT_TRUE(told || has(of(6, 1000), Readiness::out));
}

TEST_P(PollerContract, ASignalEndsTheWaitWithoutEvents) {
    struct sigaction action{};
    struct sigaction before{};
    action.sa_handler = [](int) {};
    ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
    // Again and again, since the first may arrive before the wait has begun.
    const itimerval often{{0, 1000}, {0, 1000}};
    ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
    std::array<PollEvent, 4> events;
    EXPECT_EQ(poller_->wait(Poller::forever, events), 0u);
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    sigaction(SIGALRM, &before, nullptr);
}

/// epoll forgets it by itself.
TEST(PollPoller, ADescriptorClosedWithoutAWordIsAnError) {
    const std::unique_ptr<Poller> poller = make_poll_poller();
    Pair pair = socket_pair();
    ASSERT_TRUE(poller->set(pair.near.get(), Interest::none, Interest::in | Interest::level, 5));
    const int number = pair.near.get();
    pair.near.reset();
    std::array<PollEvent, 4> events;
    for (int i = 0; i < 2; ++i) {
        poller->prepare();
        ASSERT_EQ(poller->wait(0, events), 1u);
        EXPECT_EQ(events[0].bits(), Readiness::error);
    }
    poller->closing(number);
    poller->prepare();
    EXPECT_EQ(poller->wait(0, events), 0u);
}

TEST(EpollPoller, EachNotifyIsAnEdgeAlthoughNothingIsRead) {
    const std::unique_ptr<Poller> poller = std::move(make_epoll_poller().value());
    ASSERT_TRUE(poller->rearms_itself());
    const Wakeup wakeup;
    ASSERT_TRUE(poller->set(wakeup.fd(), Interest::none, Interest::in, 5));
    std::array<PollEvent, 4> events;
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(poller->wait(0, events), 0u);
        wakeup.notify();
        wakeup.notify();
        ASSERT_EQ(poller->wait(0, events), 1u);
        EXPECT_EQ(events[0].bits(), Readiness::in);
    }
}

}  // namespace
}  // namespace corevent
