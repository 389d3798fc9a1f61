// evdns from several threads: requests made and cancelled anywhere, options and servers changed
// meanwhile, the resolver freed by another thread than the one that runs the loop. Every request has
// exactly one callback.
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace corevent::compat {
namespace {

constexpr int threads = 3;
constexpr int requests_each = 400;

/// A base with a loop thread and a server of evdns on it.
class EvdnsThreads : public testing::Test {
protected:
    EvdnsThreads() {
        evthread_use_pthreads();
        base_ = event_base_new();
        const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof(address_);
        EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address_), length), 0);
        getsockname(fd, reinterpret_cast<sockaddr*>(&address_), &length);
        port_ = evdns_add_server_port_with_base(base_, fd, 0, &EvdnsThreads::serve, nullptr);
        dns_ = evdns_base_new(base_, 0);
        evdns_base_set_option(dns_, "timeout", "0.2");
        add_server();
        loop_ = std::thread([this] { event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY); });
    }
    ~EvdnsThreads() override {
        event_base_loopexit(base_, nullptr);
        loop_.join();
        evdns_close_server_port(port_);
        for (int i = 0; i < 3; ++i) {
            event_base_loop(base_, EVLOOP_NONBLOCK);
        }
        event_base_free(base_);
    }

    void add_server() {
        evdns_base_nameserver_sockaddr_add(dns_, reinterpret_cast<const sockaddr*>(&address_),
                                           sizeof(address_), 0);
    }

    static void serve(evdns_server_request* request, void*) {
        const char* const name = request->questions[0]->name;
        if (request->questions[0]->type == EVDNS_TYPE_A) {
            evdns_server_request_add_a_reply(request, name, 1, "\1\2\3\4", 60);
        }
        evdns_server_request_respond(request, 0);
    }

    static void count(int, char, int, int, void*, void* arg) {
        static_cast<std::atomic<int>*>(arg)->fetch_add(1, std::memory_order_relaxed);
    }
    static void count_addresses(int, evutil_addrinfo* found, void* arg) {
        if (found != nullptr) {
            evutil_freeaddrinfo(found);
        }
        static_cast<std::atomic<int>*>(arg)->fetch_add(1, std::memory_order_relaxed);
    }

    /// Runs `work` in several threads at once.
    template <class Work>
    static void together(Work work) {
        std::vector<std::thread> workers;
        for (int i = 0; i < threads; ++i) {
            workers.emplace_back(work, i);
        }
        for (auto& worker : workers) {
            worker.join();
        }
    }

    static void wait_for(const std::atomic<int>& value, int wanted) {
        while (value.load(std::memory_order_relaxed) < wanted) {
            std::this_thread::yield();
        }
    }

    event_base* base_ = nullptr;
    evdns_server_port* port_ = nullptr;
    evdns_base* dns_ = nullptr;
    sockaddr_in address_{};
    std::thread loop_;
    std::atomic<int> calls_{0};  ///< outlives callbacks that come late
};

TEST_F(EvdnsThreads, EachRequestHasOneCallback) {
    together([&](int worker) {
        for (int i = 0; i < requests_each; ++i) {
            const std::string name =
                "w" + std::to_string(worker) + "-" + std::to_string(i) + ".test";
            if (i % 2 == 0) {
                evdns_base_resolve_ipv4(dns_, name.c_str(), 0, count, &calls_);
            } else {
                evdns_getaddrinfo(dns_, name.c_str(), "80", nullptr, count_addresses, &calls_);
            }
            if (i % 50 == 0) {
                evdns_base_set_option(dns_, "max-inflight", i % 100 == 0 ? "16" : "64");
                evdns_base_search_add(dns_, "search.test");
                evdns_base_load_hosts(dns_, nullptr);
                evdns_base_count_nameservers(dns_);
            }
        }
    });
    wait_for(calls_, threads * requests_each);
    EXPECT_EQ(calls_, threads * requests_each);
    evdns_base_free(dns_, 1);
}

TEST_F(EvdnsThreads, CancellingWhileRepliesAreHeldBack) {
    // No server yet: every request waits, so that all can still be cancelled.
    evdns_base_clear_nameservers_and_suspend(dns_);
    std::array<std::vector<evdns_request*>, threads> made;
    together([&](int worker) {
        for (int i = 0; i < requests_each; ++i) {
            made[static_cast<std::size_t>(worker)]
                .push_back(evdns_base_resolve_ipv4(dns_, "held.test", 0, count, &calls_));
        }
        for (int i = 0; i < requests_each; i += 2) {
            evdns_cancel_request(dns_, made[static_cast<std::size_t>(worker)]
                                           [static_cast<std::size_t>(i)]);
        }
    });
    wait_for(calls_, threads * requests_each / 2);
    add_server();
    evdns_base_resume(dns_);
    wait_for(calls_, threads * requests_each);
    EXPECT_EQ(calls_, threads * requests_each);
    evdns_base_free(dns_, 1);
}

TEST_F(EvdnsThreads, SuspendingAndResumingMeanwhile) {
    std::atomic<bool> over{false};
    std::thread other([&] {
        while (!over) {
            evdns_base_clear_nameservers_and_suspend(dns_);
            add_server();
            evdns_base_resume(dns_);
            std::this_thread::yield();
        }
    });
    together([&](int) {
        for (int i = 0; i < requests_each; ++i) {
            evdns_base_resolve_ipv4(dns_, "some.test", 0, count, &calls_);
        }
    });
    over = true;
    other.join();
    evdns_base_resume(dns_);
    wait_for(calls_, threads * requests_each);
    EXPECT_EQ(calls_, threads * requests_each);
    evdns_base_free(dns_, 1);
}

TEST_F(EvdnsThreads, FreeingWithRequestsUnderWay) {
    for (int i = 0; i < 200; ++i) {
        evdns_base_resolve_ipv4(dns_, "some.test", 0, count, &calls_);
    }
    evdns_base_free(dns_, 1);
    wait_for(calls_, 200);
    EXPECT_EQ(calls_, 200);
}

TEST_F(EvdnsThreads, FreeingSilently) {
    for (int i = 0; i < 200; ++i) {
        evdns_base_resolve_ipv4(dns_, "some.test", 0, count, &calls_);
        evdns_getaddrinfo(dns_, "some.test", "80", nullptr, count_addresses, &calls_);
    }
    evdns_base_free(dns_, 0);
    EXPECT_LE(calls_, 400);
}

}  // namespace
}  // namespace corevent::compat
