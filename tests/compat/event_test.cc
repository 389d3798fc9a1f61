// The event core where it does more or better than what it replaces: watchers, signals in several
// bases, descriptors that are closed without a word, times and priorities beyond measure.
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/watch.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <memory>
#include <string>

namespace {

struct Free {
    void operator()(event_base* base) const { event_base_free(base); }
    void operator()(event* ev) const { event_free(ev); }
};
using Base = std::unique_ptr<event_base, Free>;
using Event = std::unique_ptr<event, Free>;

constexpr timeval at_once{0, 0};
constexpr timeval never{100'000, 0};

std::string trace;

void note(evutil_socket_t, short, void* arg) {
    trace += static_cast<const char*>(arg);
}

Event noted(const Base& base, const char* text, int fd = -1, short events = 0) {
    return Event(event_new(base.get(), fd, events, note, const_cast<char*>(text)));
}

Base base_with(const char* method) {
    event_config* const config = event_config_new();
    for (const char* other : {"epoll", "poll", "select"}) {
        if (std::string(other) != method) event_config_avoid_method(config, other);
    }
    Base base(event_base_new_with_config(config));
    event_config_free(config);
    return base;
}

class EventCore : public testing::Test {
protected:
    void SetUp() override { trace.clear(); }
};

// --- watchers

struct Watched {
    evwatch* watcher = nullptr;
    long waits_s = -2;  ///< what the loop was about to wait; -1: without end
    int calls = 0;
};

void on_prepare(evwatch*, const evwatch_prepare_cb_info* info, void* arg) {
    Watched& seen = *static_cast<Watched*>(arg);
    timeval tv{};
    seen.waits_s = evwatch_prepare_get_timeout(info, &tv) != 0 ? tv.tv_sec : -1;
    ++seen.calls;
    trace += "prepare ";
}

void on_check(evwatch*, const evwatch_check_cb_info*, void* arg) {
    ++static_cast<Watched*>(arg)->calls;
    trace += "check ";
}

TEST_F(EventCore, WatchersRunAroundTheWait) {
    const Base base(event_base_new());
    Watched before;
    Watched after;
    before.watcher = evwatch_prepare_new(base.get(), on_prepare, &before);
    after.watcher = evwatch_check_new(base.get(), on_check, &after);
    EXPECT_EQ(evwatch_base(before.watcher), base.get());
    EXPECT_EQ(event_base_loop(base.get(), 0), 1) << "watchers keep no loop running";
    EXPECT_EQ(trace, "");
    const Event timer = noted(base, "timer ");
    event_add(timer.get(), &at_once);
    event_base_loop(base.get(), EVLOOP_ONCE);
    EXPECT_EQ(trace, "prepare check timer ");
    EXPECT_EQ(before.waits_s, 0);
    evwatch_free(before.watcher);
    event_add(timer.get(), &at_once);
    trace.clear();
    event_base_loop(base.get(), EVLOOP_ONCE);
    EXPECT_EQ(trace, "check timer ");
}

TEST_F(EventCore, AWatcherKnowsHowLongTheLoopWillWait) {
    const Base base(event_base_new());
    Watched before;
    before.watcher = evwatch_prepare_new(base.get(), on_prepare, &before);
    const Event timer = noted(base, "");
    const Event signal = noted(base, "", SIGUSR1, EV_SIGNAL | EV_PERSIST);
    event_add(signal.get(), nullptr);
    // Ends the wait: the watcher has just been told how long it would have been.
    const auto raise_it = [](evwatch*, const evwatch_prepare_cb_info*, void*) { raise(SIGUSR1); };
    evwatch_prepare_new(base.get(), raise_it, nullptr);
    event_base_loop(base.get(), EVLOOP_ONCE);
    EXPECT_EQ(before.waits_s, -1);
    constexpr timeval minute{60, 500'000};
    event_add(timer.get(), &minute);
    event_base_loop(base.get(), EVLOOP_ONCE);
    EXPECT_EQ(before.waits_s, 60);
}

TEST_F(EventCore, AWatcherMayFreeItselfAndTheNext) {
    const Base base(event_base_new());
    static Watched first, second;
    first = second = {};
    const auto free_both = [](evwatch* self, const evwatch_check_cb_info*, void*) {
        trace += "first ";
        evwatch_free(second.watcher);
        evwatch_free(self);
    };
    first.watcher = evwatch_check_new(base.get(), free_both, nullptr);
    second.watcher = evwatch_check_new(base.get(), on_check, &second);
    Watched third;
    third.watcher = evwatch_check_new(base.get(), on_check, &third);
    for (int i = 0; i < 2; ++i)
        event_base_loop(base.get(), EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
    EXPECT_EQ(trace, "first check check ");
    EXPECT_EQ(second.calls, 0);
    EXPECT_EQ(third.calls, 2);
}

// --- signals

/// In libevent only the base that asked last hears of signals.
TEST_F(EventCore, EachBaseHearsOfASignal) {
    const Base one(event_base_new());
    const Base two(event_base_new());
    const Event first = noted(one, "one ", SIGUSR1, EV_SIGNAL | EV_PERSIST);
    const Event second = noted(two, "two ", SIGUSR1, EV_SIGNAL | EV_PERSIST);
    event_add(first.get(), nullptr);
    event_add(second.get(), nullptr);
    raise(SIGUSR1);
    event_base_loop(one.get(), EVLOOP_ONCE);
    event_base_loop(two.get(), EVLOOP_ONCE);
    EXPECT_EQ(trace, "one two ");
    event_del(first.get());
    raise(SIGUSR1);
    event_base_loop(two.get(), EVLOOP_ONCE);
    EXPECT_EQ(trace, "one two two ");
}

// --- descriptors

/// The program closed one under its event: poll(2) reports that in each turn, so the event hears of it.
TEST_F(EventCore, WithPollAClosedDescriptorIsTold) {
    for (const char* method : {"poll", "select"}) {
        trace.clear();
        const Base base = base_with(method);
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        const Event reader = noted(base, "told ", fds[0], EV_READ);
        event_add(reader.get(), nullptr);
        close(fds[0]);
        EXPECT_EQ(event_base_loop(base.get(), 0), 1);
        EXPECT_EQ(trace, "told ") << method;
        close(fds[1]);
    }
}

/// With poll and select libevent takes it: callbacks without end, or a loop that fails.
TEST_F(EventCore, AClosedDescriptorIsRefused) {
    for (const char* method : {"epoll", "poll", "select"}) {
        const Base base = base_with(method);
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        const Event reader = noted(base, "told ", fds[0], EV_READ | EV_PERSIST);
        close(fds[0]);
        EXPECT_EQ(event_add(reader.get(), nullptr), -1) << method;
        EXPECT_EQ(event_base_loop(base.get(), 0), 1) << method << ": there is nothing to wait for";
        close(fds[1]);
    }
    EXPECT_EQ(trace, "");
}

// --- beyond measure

TEST_F(EventCore, TimesBeyondMeasureAreFarAway) {
    const Base base(event_base_new());
    const Event timer = noted(base, "far ");
    for (const timeval far : {timeval{LONG_MAX, 0}, timeval{LONG_MAX, 999'999},
                              timeval{LONG_MAX / 1'000'000, 0}, timeval{INT_MAX, 0}}) {
        ASSERT_EQ(event_add(timer.get(), &far), 0);
        event_base_loop(base.get(), EVLOOP_NONBLOCK);
        EXPECT_NE(event_pending(timer.get(), EV_TIMEOUT, nullptr), 0) << far.tv_sec;
    }
    constexpr timeval long_ago{LONG_MIN, 0};
    event_add(timer.get(), &long_ago);
    event_base_loop(base.get(), EVLOOP_ONCE);
    EXPECT_EQ(trace, "far ");
}

/// An event of a level that is gone is of the last one there is.
TEST_F(EventCore, FewerPrioritiesThanAnEventKnew) {
    const Base base(event_base_new());
    ASSERT_EQ(event_base_priority_init(base.get(), 9), 0);
    const Event last = noted(base, "last ");
    const Event first = noted(base, "first ");
    ASSERT_EQ(event_priority_set(last.get(), 8), 0);
    ASSERT_EQ(event_priority_set(first.get(), 0), 0);
    ASSERT_EQ(event_base_priority_init(base.get(), 2), 0);
    event_active(last.get(), EV_READ, 1);
    event_active(first.get(), EV_READ, 1);
    event_base_loop(base.get(), EVLOOP_NONBLOCK);
    EXPECT_EQ(trace, "first last ");
    EXPECT_EQ(event_get_priority(last.get()), 1);
}

}  // namespace
