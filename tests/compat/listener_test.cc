// Listeners where they do better than what they replace: descriptors that are exhausted, and
// switching from another thread while connections come.
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

namespace {

struct Free {
    void operator()(event_base* base) const { event_base_free(base); }
    void operator()(evconnlistener* lev) const { evconnlistener_free(lev); }
};
using Base = std::unique_ptr<event_base, Free>;
using Listener = std::unique_ptr<evconnlistener, Free>;

int accepted;
int failures;
int warnings;

void on_accept(evconnlistener*, evutil_socket_t fd, sockaddr*, int, void*) {
    ++accepted;
    close(fd);
}

void on_failure(evconnlistener*, void*) {
    ++failures;
}

void on_log(int severity, const char*) {
    warnings += severity == EVENT_LOG_WARN ? 1 : 0;
}

Listener listen_anywhere(event_base* base, unsigned flags, sockaddr_in& address) {
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Listener lev(evconnlistener_new_bind(base, on_accept, nullptr, LEV_OPT_CLOSE_ON_FREE | flags,
                                         -1, reinterpret_cast<sockaddr*>(&address),
                                         sizeof address));
    socklen_t size = sizeof address;
    getsockname(evconnlistener_get_fd(lev.get()), reinterpret_cast<sockaddr*>(&address), &size);
    return lev;
}

int connect_to(const sockaddr_in& address) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

void run_ms(event_base* base, int ms) {
    const timeval tv{ms / 1000, ms % 1000 * 1000};
    event_base_loopexit(base, &tv);
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
}

double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// No descriptor can be opened while this lives.
class NoDescriptors {
public:
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &saved_);
        const int first_free = dup(0);
        close(first_free);
        rlimit low = saved_;
        low.rlim_cur = static_cast<rlim_t>(first_free);
        setrlimit(RLIMIT_NOFILE, &low);
    }
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &saved_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit saved_;
};

class ListenerTest : public testing::Test {
protected:
    ListenerTest() { accepted = failures = warnings = 0; }
    ~ListenerTest() override { event_set_log_callback(nullptr); }
};

TEST_F(ListenerTest, ExhaustedDescriptorsNeitherSpinNorFloodTheLog) {
    event_set_log_callback(on_log);
    const Base base(event_base_new());
    sockaddr_in address;
    const Listener lev = listen_anywhere(base.get(), 0, address);
    const int client = connect_to(address);
    {
        const NoDescriptors none;
        const double before = cpu_seconds();
        run_ms(base.get(), 350);
        EXPECT_LT(cpu_seconds() - before, 0.1);
    }
    EXPECT_EQ(warnings, 1);
    EXPECT_EQ(accepted, 0);
    run_ms(base.get(), 150);
    EXPECT_EQ(accepted, 1);
    close(client);
}

TEST_F(ListenerTest, ErrorCallbackIsNotCalledInEveryTurn) {
    const Base base(event_base_new());
    sockaddr_in address;
    const Listener lev = listen_anywhere(base.get(), 0, address);
    evconnlistener_set_error_cb(lev.get(), on_failure);
    const int client = connect_to(address);
    {
        const NoDescriptors none;
        run_ms(base.get(), 350);
    }
    EXPECT_GE(failures, 2);
    EXPECT_LE(failures, 5);
    run_ms(base.get(), 150);
    EXPECT_EQ(accepted, 1);
    close(client);
}

TEST_F(ListenerTest, DisabledWhileItRestsItStaysDisabled) {
    const Base base(event_base_new());
    sockaddr_in address;
    const Listener lev = listen_anywhere(base.get(), 0, address);
    evconnlistener_set_error_cb(lev.get(), on_failure);
    const int client = connect_to(address);
    {
        const NoDescriptors none;
        run_ms(base.get(), 30);
    }
    ASSERT_EQ(failures, 1);
    EXPECT_EQ(evconnlistener_disable(lev.get()), 0);
    run_ms(base.get(), 150);
    EXPECT_EQ(accepted, 0);
    EXPECT_EQ(evconnlistener_enable(lev.get()), 0);
    run_ms(base.get(), 20);
    EXPECT_EQ(accepted, 1);
    close(client);
}

TEST_F(ListenerTest, SwitchedByAnotherThreadWhileConnectionsCome) {
    evthread_use_pthreads();
    const Base base(event_base_new());
    sockaddr_in address;
    Listener lev = listen_anywhere(base.get(), LEV_OPT_THREADSAFE, address);
    std::thread loop([&] { event_base_loop(base.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
    std::thread switcher([&] {
        for (int i = 0; i < 200; ++i) {
            evconnlistener_disable(lev.get());
            evconnlistener_set_cb(lev.get(), on_accept, nullptr);
            evconnlistener_enable(lev.get());
        }
    });
    for (int i = 0; i < 50; ++i) {
        const int client = connect_to(address);
        char octet;
        EXPECT_EQ(read(client, &octet, 1), 0);  // closed by on_accept
        close(client);
    }
    switcher.join();
    lev.reset();
    event_base_loopexit(base.get(), nullptr);
    loop.join();
    EXPECT_EQ(accepted, 50);
}

}  // namespace
