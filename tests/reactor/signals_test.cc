#include "reactor/signals.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace corevent {
namespace {

std::uint64_t bit(int number) {
    return std::uint64_t{1} << (number - 1);
}

void (*disposition(int number))(int) {
    struct sigaction now{};
    sigaction(number, nullptr, &now);
    return now.sa_handler;
}

bool readable(const Wakeup& wakeup) {
    pollfd p{wakeup.fd(), POLLIN, 0};
    return poll(&p, 1, 0) == 1;
}

TEST(Signals, ReachTheSinkAndWakeItsOwner) {
    const Wakeup wakeup;
    SignalSink sink(wakeup);
    ASSERT_TRUE(watch_signal(SIGUSR1, sink));
    EXPECT_FALSE(sink.pending());
    raise(SIGUSR1);
    raise(SIGUSR1);
    EXPECT_TRUE(sink.pending());
    EXPECT_TRUE(readable(wakeup));
    EXPECT_EQ(sink.take(), bit(SIGUSR1));
    EXPECT_EQ(sink.take(), 0u);
    unwatch_signal(SIGUSR1, sink);
}

TEST(Signals, ASinkCountsHowOften) {
    const Wakeup wakeup;
    SignalSink sink(wakeup);
    ASSERT_TRUE(watch_signal(SIGUSR1, sink));
    ASSERT_TRUE(watch_signal(SIGUSR2, sink));
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    EXPECT_EQ(sink.take(), bit(SIGUSR1) | bit(SIGUSR2));
    EXPECT_EQ(sink.count(SIGUSR1), 2u);
    EXPECT_EQ(sink.count(SIGUSR1), 0u);
    EXPECT_EQ(sink.count(SIGUSR2), 1u);
    EXPECT_EQ(sink.count(SIGHUP), 0u);
    unwatch_signal(SIGUSR1, sink);
    unwatch_signal(SIGUSR2, sink);
}

/// A second raise could come after the owner's take(), which would then count one signal twice.
TEST(Signals, ASinkThatWatchesTwiceIsRaisedOnce) {
    const Wakeup wakeup;
    const Wakeup other_wakeup;
    SignalSink sink(wakeup);
    SignalSink other(other_wakeup);
    ASSERT_TRUE(watch_signal(SIGUSR1, sink));
    ASSERT_TRUE(watch_signal(SIGUSR1, other));
    ASSERT_TRUE(watch_signal(SIGUSR1, sink));
    raise(SIGUSR1);
    std::uint64_t notified = 0;
    ASSERT_EQ(read(wakeup.fd(), &notified, sizeof notified), static_cast<ssize_t>(sizeof notified));
    EXPECT_EQ(notified, 1U);
    EXPECT_EQ(other.take(), bit(SIGUSR1));
    unwatch_signal(SIGUSR1, sink);
    unwatch_signal(SIGUSR1, sink);
    unwatch_signal(SIGUSR1, other);
}

TEST(Signals, TheLastWatcherRestoresWhatWasThere) {
    const auto marker = [](int) {};
    struct sigaction mine{};
    struct sigaction before{};
    mine.sa_handler = marker;
    sigaction(SIGUSR2, &mine, &before);
    const Wakeup wakeup;
    SignalSink one(wakeup), two(wakeup);
    ASSERT_TRUE(watch_signal(SIGUSR2, one));
    ASSERT_TRUE(watch_signal(SIGUSR2, two));
    ASSERT_TRUE(watch_signal(SIGUSR2, two));
    raise(SIGUSR2);
    EXPECT_EQ(one.take(), bit(SIGUSR2));
    EXPECT_EQ(two.take(), bit(SIGUSR2));
    unwatch_signal(SIGUSR2, one);
    unwatch_signal(SIGUSR2, two);
    raise(SIGUSR2);
    EXPECT_EQ(one.take(), 0u);
    EXPECT_EQ(two.take(), bit(SIGUSR2));
    EXPECT_NE(disposition(SIGUSR2), +marker);
    unwatch_signal(SIGUSR2, two);
    EXPECT_EQ(disposition(SIGUSR2), +marker);
    sigaction(SIGUSR2, &before, nullptr);
}

TEST(Signals, WhatCannotBeCaughtFails) {
    const Wakeup wakeup;
    SignalSink sink(wakeup);
    for (const int number : {SIGKILL, SIGSTOP, 0, -1, signal_number_max + 1}) {
        const Result<void> watched = watch_signal(number, sink);
        ASSERT_FALSE(watched) << number;
        EXPECT_EQ(watched.error(), std::errc::invalid_argument);
    }
}

TEST(Signals, SinksComeAndGoWhileSignalsArrive) {
    std::atomic<bool> done{false};
    const Wakeup keep_wakeup;
    SignalSink keep(keep_wakeup);
    ASSERT_TRUE(watch_signal(SIGUSR1, keep));
    std::jthread sender([&] {
        while (!done) {
            raise(SIGUSR1);
        }
    });
    for (int i = 0; i < 2000; ++i) {
        const auto wakeup = std::make_unique<Wakeup>();
        const auto sink = std::make_unique<SignalSink>(*wakeup);
        ASSERT_TRUE(watch_signal(SIGUSR1, *sink));
        unwatch_signal(SIGUSR1, *sink);
    }
    done = true;
    sender.join();
    unwatch_signal(SIGUSR1, keep);
}

TEST(Signals, SigpipeIsIgnored) {
    ignore_sigpipe();
    EXPECT_EQ(disposition(SIGPIPE), SIG_IGN);
}

}  // namespace
}  // namespace corevent
