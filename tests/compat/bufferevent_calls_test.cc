// How often the kernel is asked about a descriptor while bufferevents answer each other: what the
// programs of tests/compat/diff cannot see. epoll_ctl() is counted on its way out of the library.
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <string>

namespace {

std::atomic<int> epoll_ctl_calls = 0;

}  // namespace

extern "C" int epoll_ctl(int epfd, int op, int fd, epoll_event* event) noexcept {
    static const auto call =
        reinterpret_cast<int (*)(int, int, int, epoll_event*)>(dlsym(RTLD_NEXT, "epoll_ctl"));
    epoll_ctl_calls.fetch_add(1, std::memory_order_relaxed);
    return call(epfd, op, fd, event);
}

namespace {

class BuffereventCalls : public testing::Test {
protected:
    void SetUp() override {
        base = event_base_new();
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        for (const int i : {0, 1}) {
            bevs[i] = bufferevent_socket_new(base, fds[i], BEV_OPT_CLOSE_ON_FREE);
            bufferevent_setcb(bevs[i], on_read, nullptr, nullptr, this);
            ASSERT_EQ(bufferevent_enable(bevs[i], EV_READ | EV_WRITE), 0);
        }
        turn();
    }
    void TearDown() override {
        for (bufferevent* bev : bevs) bufferevent_free(bev);
        event_base_free(base);
    }

    void turn() { event_base_loop(base, EVLOOP_NONBLOCK); }
    /// Sends a message that goes to and fro `count` times; the calls it took.
    int calls_of(int count) {
        left = count;
        epoll_ctl_calls = 0;
        bufferevent_write(bevs[0], "message", 7);
        turn();
        EXPECT_EQ(left, 0);
        return epoll_ctl_calls;
    }
    static void on_read(bufferevent* bev, void* arg) {
        BuffereventCalls& test = *static_cast<BuffereventCalls*>(arg);
        char octets[4096];
        const std::size_t size = bufferevent_read(bev, octets, sizeof octets);
        if (test.left > 0 && --test.left > 0) bufferevent_write(bev, octets, size);
    }

    event_base* base = nullptr;
    bufferevent* bevs[2] = {nullptr, nullptr};
    int left = 0;
};

TEST_F(BuffereventCalls, AnAnswerNeedsNone) {
    EXPECT_EQ(calls_of(10), 4) << "the first message of each end";
    EXPECT_EQ(calls_of(1000), 2) << "the one outside of the loop";
}

TEST_F(BuffereventCalls, WhatStaysBehindWaitsForTheKernel) {
    calls_of(10);
    // Both ends take little at a time now: of each message something is left in the next turn.
    for (bufferevent* bev : bevs) bufferevent_set_max_single_write(bev, 4);
    EXPECT_GE(calls_of(10), 10);
}

/// An answer that is written in another turn says nothing about room in the socket.
TEST_F(BuffereventCalls, WithoutAQuestionTheKernelIsAsked) {
    calls_of(10);
    epoll_ctl_calls = 0;
    left = 0;
    for (int i = 0; i < 10; ++i) {
        bufferevent_write(bevs[0], "message", 7);
        turn();
    }
    EXPECT_EQ(epoll_ctl_calls, 20);
}

/// Between question and answer the socket has been filled behind the bufferevent's back: one attempt,
/// and then no turn that does nothing.
TEST_F(BuffereventCalls, AFullSocketIsNoSpin) {
    calls_of(10);
    bufferevent_setcb(bevs[1], nullptr, nullptr, nullptr, nullptr);
    bufferevent_disable(bevs[1], EV_READ);
    bufferevent_setcb(
        bevs[0],
        [](bufferevent* bev, void*) {
            const std::string block(4096, 'x');
            while (write(bufferevent_getfd(bev), block.data(), block.size()) > 0) {
            }
            bufferevent_write(bev, "answer", 6);
        },
        nullptr, nullptr, nullptr);
    bufferevent_write(bevs[1], "question", 8);
    constexpr timeval a_while{0, 20'000};
    event_base_loopexit(base, &a_while);
    const clock_t before = clock();
    event_base_loop(base, 0);
    EXPECT_LT(clock() - before, CLOCKS_PER_SEC / 100);
    EXPECT_NE(event_pending(&bevs[0]->ev_write, EV_WRITE, nullptr), 0);
}

}  // namespace
