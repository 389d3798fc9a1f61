// Who outlives whom in evhttp: requests that a program still has when the server goes, when its base
// goes, or when neither was freed in order. What is wrong here is a leak or a use after free, which
// AddressSanitizer reports; the rest is expected by name.
#include "http_test_support.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace {

using namespace http_test;

/// What was allocated and is lost, at this point of the test.
bool leaks() {
#if defined(__SANITIZE_ADDRESS__)
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}

/// Every way for a program to be done with a request.
using Way = void (*)(evhttp_request*);
constexpr std::array<Way, 8> ways{
    [](evhttp_request* request) { reply(request, 200, "late"); },
    [](evhttp_request* request) { evhttp_send_error(request, 503, "Late"); },
    [](evhttp_request* request) {
        evhttp_send_reply_start(request, 200, "OK");
        evbuffer* const piece = evbuffer_new();
        evbuffer_add_printf(piece, "piece");
        evhttp_send_reply_chunk(request, piece);
        evbuffer_free(piece);
        evhttp_send_reply_end(request);
    },
    [](evhttp_request* request) { evhttp_cancel_request(request); },
    [](evhttp_request* request) { evhttp_request_free(request); },
    [](evhttp_request* request) {
        evhttp_request_own(request);
        reply(request, 200, "owned");
        evhttp_request_free(request);
    },
    [](evhttp_request* request) {
        evhttp_add_header(evhttp_request_get_output_headers(request), "X-Late", "1");
        evhttp_send_reply(request, 204, nullptr, nullptr);
    },
    [](evhttp_request* request) {
        evhttp_send_reply_start(request, 200, "OK");
        evhttp_cancel_request(request);
    },
};

/// One request on a connection of its own, if there is a server. True if it was answered.
bool knock(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    char octet = 0;
    const bool answered = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                          send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 &&
                          recv(fd, &octet, 1, 0) == 1;
    close(fd);
    return answered;
}

/// Requests that handlers put aside.
class Kept {
public:
    void add(evhttp_request* request) {
        const std::lock_guard guard(mutex_);
        requests_.push_back(request);
        come_.notify_all();
    }
    std::vector<evhttp_request*> wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        come_.wait(lock, [&] { return requests_.size() == count; });
        return std::exchange(requests_, {});
    }

private:
    std::mutex mutex_;
    std::condition_variable come_;
    std::vector<evhttp_request*> requests_;
};

class HttpLife : public testing::TestWithParam<Mode> {
protected:
    /// A server whose handler puts the requests of `count` clients into `kept`.
    std::unique_ptr<Server> server_with_requests(Kept& kept, std::size_t count) {
        auto server = std::make_unique<Server>(GetParam());
        server->start([&](evhttp_request* request) { kept.add(request); });
        for (std::size_t i = 0; i < count; ++i) {
            clients_.push_back(std::make_unique<Client>(server->port()));
            clients_.back()->get("/keep");
        }
        return server;
    }
    /// The first half in this thread, the rest in another.
    static void finish(const std::vector<evhttp_request*>& requests) {
        const std::size_t half = requests.size() / 2;
        for (std::size_t i = 0; i < half; ++i) {
            ways[i % ways.size()](requests[i]);
        }
        std::thread([&] {
            for (std::size_t i = half; i < requests.size(); ++i) {
                ways[i % ways.size()](requests[i]);
            }
        }).join();
    }

    std::vector<std::unique_ptr<Client>> clients_;
};

INSTANTIATE_TEST_SUITE_P(Modes, HttpLife,
                         testing::Values(Mode{"Plain", 0, 0}, Mode{"Io", 2, EVHTTP_THREADS_IO},
                                         Mode{"All", 2, EVHTTP_THREADS_ALL}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(HttpLife, RequestsStayUntilAnsweredWhenTheServerIsFreed) {
    Kept kept;
    const auto server = server_with_requests(kept, 2 * ways.size());
    const auto requests = kept.wait_for(2 * ways.size());
    server->stop();
    server->free_http();
    for (evhttp_request* const request : requests) {
        EXPECT_STREQ(evhttp_request_get_uri(request), "/keep");
        EXPECT_STREQ(evhttp_request_get_host(request), "h");
        EXPECT_EQ(evhttp_request_get_connection(request), nullptr);
    }
    finish(requests);
    EXPECT_FALSE(leaks());
    for (const auto& client : clients_) {
        EXPECT_EQ(client->rest(), "");
    }
}

TEST_P(HttpLife, RequestsStayUntilAnsweredWhenTheBaseIsFreedToo) {
    Kept kept;
    auto server = server_with_requests(kept, 2 * ways.size());
    const auto requests = kept.wait_for(2 * ways.size());
    server.reset();
    for (evhttp_request* const request : requests) {
        EXPECT_STREQ(evhttp_request_get_uri(request), "/keep");
        EXPECT_EQ(evhttp_request_get_connection(request), nullptr);
    }
    finish(requests);
    EXPECT_FALSE(leaks());
}

/// The order that no program should choose, and some do. The server is memory then; its callbacks,
/// whose arguments may be gone, are not called.
TEST_P(HttpLife, ABaseMayGoBeforeItsServer) {
    std::atomic<int> called = 0;
    for (int round = 0; round < 3; ++round) {
        Kept kept;
        clients_.clear();
        auto server = std::make_unique<Server>(GetParam());
        server->start([&](evhttp_request* request) {
            evhttp_connection_set_closecb(
                evhttp_request_get_connection(request),
                [](evhttp_connection*, void* arg) { ++*static_cast<std::atomic<int>*>(arg); },
                &called);
            evhttp_request_set_on_complete_cb(
                request, [](evhttp_request*, void* arg) { ++*static_cast<std::atomic<int>*>(arg); },
                &called);
            kept.add(request);
        });
        for (std::size_t i = 0; i < 2 * ways.size(); ++i) {
            clients_.push_back(std::make_unique<Client>(server->port()));
            clients_.back()->get("/keep");
        }
        const auto requests = kept.wait_for(2 * ways.size());
        server->stop();
        server->free_base();
        // A base that may have the same address, with a server of its own.
        {
            Server next(GetParam());
            next.start([](evhttp_request* request) { reply(request, 200, "next"); });
            Client client(next.port());
            client.get("/");
            EXPECT_EQ(client.answer(), "next");
            finish(requests);
            client.get("/");
            EXPECT_EQ(client.answer(), "next");
        }
        server.reset();
        EXPECT_FALSE(leaks());
    }
    EXPECT_EQ(called, 0);
}

/// A server that is never freed is the program's leak, and nobody else's.
TEST_P(HttpLife, AnswersOnTheirWayGoWithTheBase) {
    Kept kept;
    const auto server = server_with_requests(kept, 12);
    const auto requests = kept.wait_for(12);
    server->stop();
    std::thread([&] {  // with the loop at rest, so that they stay on their way
        for (evhttp_request* const request : requests) {
            reply(request, 200, "on its way");
        }
    })
        .join();
    server->free_base();
    server->free_http();
    EXPECT_FALSE(leaks());
}

/// An answer that was given in another callback than the handler leaves when that returns, and the
/// loop may not get there.
TEST(HttpLifePlain, DoneButNotDelivered) {
    for (const bool base_first : {true, false}) {
        event_base* const base = event_base_new();
        evhttp* const http = evhttp_new(base);
        evhttp_bound_socket* const bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
        static evhttp_request* held;
        evhttp_set_gencb(
            http,
            [](evhttp_request* request, void* arg) {
                held = request;
                event_base_loopbreak(static_cast<event_base*>(arg));
            },
            base);
        Client client(port_of(bound));
        client.get("/");
        event_base_dispatch(base);
        reply(held, 200, "done");
        if (base_first) {
            event_base_free(base);
            evhttp_free(http);
        } else {
            evhttp_free(http);
            event_base_free(base);
        }
        EXPECT_FALSE(leaks());
    }
}

/// libevent leaves the socket of a server alone when only the base is freed, and a program may have
/// given it one that it goes on using.
TEST(HttpLifePlain, TheSocketOutlivesTheBase) {
    event_base* base = event_base_new();
    evhttp* const http = evhttp_new(base);
    evhttp_bound_socket* const bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    const std::uint16_t port = port_of(bound);
    const int fd = evhttp_bound_socket_get_fd(bound);
    event_base_free(base);
    EXPECT_EQ(evhttp_bound_socket_get_fd(bound), fd);
    const int own = dup(fd);
    evhttp_free(http);
    base = event_base_new();
    evhttp* const second = evhttp_new(base);
    ASSERT_EQ(evhttp_accept_socket(second, own), 0);
    evhttp_set_gencb(
        second,
        [](evhttp_request* request, void* arg) {
            reply(request, 200, "second");
            event_base_loopexit(static_cast<event_base*>(arg), nullptr);
        },
        base);
    Client client(port);
    client.get("/");
    event_base_dispatch(base);
    EXPECT_EQ(client.answer(), "second");
    evhttp_free(second);
    event_base_free(base);
}

/// A handler at home may end the server: what is on its way from the threads names it.
TEST(HttpLifeIo, AHandlerMayFreeTheServer) {
    for (int round = 0; round < 10; ++round) {
        Server server({"Io", 2, EVHTTP_THREADS_IO});
        std::atomic<int> handled = 0;
        server.start([&](evhttp_request* request) {
            if (handled++ == 0) {
                // Others have arrived, and their letters are in the same batch or behind it.
                while (evhttp_get_connection_count(server.http()) < 8) {
                    std::this_thread::yield();
                }
                server.free_http();
            }
            reply(request, 200, "to nobody");
        });
        std::vector<std::unique_ptr<Client>> clients;
        for (int i = 0; i < 8; ++i) {
            clients.push_back(std::make_unique<Client>(server.port()));
            clients.back()->get("/");
        }
        for (const auto& client : clients) {
            EXPECT_EQ(client->rest(), "");
        }
        server.stop();
    }
    EXPECT_FALSE(leaks());
}

/// A program at home closes a connection that it thinks idle, while a request is on its way: the
/// handler still gets that, and it stays valid until it is answered.
TEST(HttpLifeIo, FreeingAConnectionSparesTheRequestOnItsWay) {
    Server server({"Io", 1, EVHTTP_THREADS_IO});
    std::atomic<evhttp_connection*> idle = nullptr;
    std::atomic<bool> blocked = false;
    std::atomic<bool> go_on = false;
    std::atomic<int> late = 0;
    Kept kept;
    server.start([&](evhttp_request* request) {
        const std::string_view path = evhttp_request_get_uri(request);
        if (path == "/idle") {
            idle = evhttp_request_get_connection(request);
            reply(request, 200, "idle");
        } else if (path == "/free") {
            blocked = true;
            blocked.notify_all();
            go_on.wait(false);
            evhttp_connection_free(idle);
            reply(request, 200, "freed");
        } else if (path == "/late") {
            ++late;
            kept.add(request);
        } else {
            reply(request, 200, "other");
        }
    });
    Client victim(server.port());
    victim.get("/idle");
    EXPECT_EQ(victim.answer(), "idle");
    Client other(server.port());
    other.get("/free");
    blocked.wait(false);
    victim.get("/late");
    wait_until([&] { return victim.was_read(); });
    other.get("/other");  // read by the same thread behind that: its letter has left
    go_on = true;
    go_on.notify_all();
    EXPECT_EQ(other.answer(), "freed");
    EXPECT_EQ(other.answer(), "other");
    EXPECT_EQ(victim.rest(), "");
    const auto requests = kept.wait_for(1);
    EXPECT_STREQ(evhttp_request_get_uri(requests[0]), "/late");
    wait_until([&] { return evhttp_request_get_connection(requests[0]) == nullptr; });
    reply(requests[0], 200, "to nobody");
    EXPECT_EQ(late, 1);
    server.stop();
    server.free_http();
    EXPECT_FALSE(leaks());
}

/// A thread of the program closes a connection that it thinks idle, while a handler begins on that: the request stays
/// valid until it is answered.
class HttpLifeThreads : public testing::TestWithParam<Mode> {};
INSTANTIATE_TEST_SUITE_P(Modes, HttpLifeThreads,
                         testing::Values(Mode{"Plain", 0, 0}, Mode{"Io", 1, EVHTTP_THREADS_IO},
                                         Mode{"All", 1, EVHTTP_THREADS_ALL}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(HttpLifeThreads, FreeingAConnectionSparesTheRequestOfAHandlerThatRuns) {
    Server server(GetParam());
    std::atomic<evhttp_connection*> idle = nullptr;
    std::atomic<bool> begun = false;
    std::atomic<bool> go_on = false;
    Kept kept;
    server.start([&](evhttp_request* request) {
        const std::string_view path = evhttp_request_get_uri(request);
        if (path == "/idle") {
            idle = evhttp_request_get_connection(request);
        } else if (path == "/late") {
            begun = true;
            begun.notify_all();
            go_on.wait(false);
            kept.add(request);
            return;
        }
        reply(request, 200, "now");
    });
    Client victim(server.port());
    victim.get("/idle");
    EXPECT_EQ(victim.answer(), "now");
    victim.get("/late");
    begun.wait(false);
    evhttp_connection_free(idle);
    go_on = true;
    go_on.notify_all();
    const auto requests = kept.wait_for(1);
    EXPECT_EQ(victim.rest(), "");  // it has been closed
    EXPECT_STREQ(evhttp_request_get_uri(requests[0]), "/late");
    wait_until([&] { return evhttp_request_get_connection(requests[0]) == nullptr; });
    reply(requests[0], 200, "to nobody");
    Client other(server.port());
    other.get("/other");
    EXPECT_EQ(other.answer(), "now");
    server.stop();
    server.free_http();
    EXPECT_FALSE(leaks());
}

/// What the program has in its hands when it frees the connection goes with it, as in libevent.
TEST_P(HttpLifeThreads, FreeingAConnectionFreesTheRequestThatWasGivenToTheProgram) {
    for (const bool in_handler : {false, true}) {
        Server server(GetParam());
        Kept kept;
        server.start([&](evhttp_request* request) {
            if (evhttp_request_get_uri(request) == std::string_view("/other")) {
                reply(request, 200, "now");
            } else if (in_handler) {
                evhttp_connection_free(evhttp_request_get_connection(request));
            } else {
                kept.add(request);
            }
        });
        Client victim(server.port());
        victim.get("/keep");
        Client other(server.port());
        if (!in_handler) {
            evhttp_request* const request = kept.wait_for(1)[0];
            other.get("/other");  // behind the handler's return, on the same thread
            EXPECT_EQ(other.answer(), "now");
            evhttp_connection_free(evhttp_request_get_connection(request));
        }
        EXPECT_EQ(victim.rest(), "");
        server.stop();
        server.free_http();
        EXPECT_FALSE(leaks());
    }
}

/// The worker has seen the connection end before the handler asks to hear of that.
TEST(HttpLifeIo, ACloseCallbackThatComesLateIsCalled) {
    Server server({"Io", 1, EVHTTP_THREADS_IO});
    std::atomic<bool> blocked = false;
    std::atomic<bool> go_on = false;
    std::atomic<int> closed = 0;
    server.start([&](evhttp_request* request) {
        if (evhttp_request_get_uri(request) == std::string_view("/block")) {
            blocked = true;
            blocked.notify_all();
            go_on.wait(false);
            reply(request, 200, "blocked");
            return;
        }
        evhttp_connection_set_closecb(
            evhttp_request_get_connection(request),
            [](evhttp_connection*, void* arg) { ++*static_cast<std::atomic<int>*>(arg); }, &closed);
        reply(request, 200, "to nobody");
    });
    Client first(server.port());
    first.get("/block");
    blocked.wait(false);
    {
        Client second(server.port());
        second.get("/gone");
        wait_until([&] { return second.was_read(); });
        second.reset();
    }
    wait_until([&] { return evhttp_get_connection_count(server.http()) == 1; });
    go_on = true;
    go_on.notify_all();
    EXPECT_EQ(first.answer(), "blocked");
    first.get("/block");  // behind the letters of the second
    EXPECT_EQ(first.answer(), "blocked");
    EXPECT_EQ(closed, 1);
}

/// A socket is closed while clients come through it: threads look at its settings until they have
/// heard.
TEST_P(HttpLife, SocketsGoWhileClientsCome) {
    for (int round = 0; round < 10; ++round) {
        Server server(GetParam());
        std::atomic<bool> ended = false;
        server.start([](evhttp_request* request) { reply(request, 200, "x"); });
        std::vector<std::thread> callers;
        std::atomic<int> served = 0;
        for (int c = 0; c < 3; ++c) {
            callers.emplace_back([&] {
                while (!ended) {
                    served += knock(server.port()) ? 1 : 0;
                }
            });
        }
        wait_until([&] { return served > 20; });
        server.stop();
        server.free_http();
        ended = true;
        for (std::thread& caller : callers) {
            caller.join();
        }
    }
    EXPECT_FALSE(leaks());
}

/// A child that only wants to be rid of the base: the threads are not there, and the parent goes on.
TEST_P(HttpLife, AChildMayFreeTheBaseOfItsParent) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer allows no threads in the child of a fork";
#endif
    Server server(GetParam());
    server.start([](evhttp_request* request) { reply(request, 200, "parent"); });
    Client client(server.port());
    client.get("/");
    EXPECT_EQ(client.answer(), "parent");
    server.stop();
    const pid_t child = fork();
    if (child == 0) {
        alarm(30);
        event_reinit(server.base());
        server.free_base();
        server.free_http();
        _exit(7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
    server.start([](evhttp_request* request) { reply(request, 200, "still"); });
    client.get("/");
    EXPECT_EQ(client.answer(), "still");
}

}  // namespace
