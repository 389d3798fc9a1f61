// evhttp and threads: answers from threads of the program, and servers that run on threads of their
// own in both modes. Clients are threads with blocking sockets that check what they get. Run under
// ThreadSanitizer and AddressSanitizer these are the proof that any thread may answer.
#include "http_test_support.h"
#include "reactor/cores.h"

#include <event2/bufferevent.h>

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int any_number = -1;
std::atomic<int> threads_left = any_number;  ///< that can still be had

}  // namespace

/// Between the library and the system, which is not brought to refuse threads without being root.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* arg) noexcept {
    static const auto call =
        reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
    for (int left = threads_left; left != any_number;) {
        if (left == 0) return EAGAIN;
        if (threads_left.compare_exchange_weak(left, left - 1)) break;
    }
    return call(thread, attributes, start, arg);
}

namespace {

using namespace std::chrono_literals;
using namespace http_test;

/// Threads with a bound on their number, all joined at the end.
class Threads {
public:
    ~Threads() { join(); }
    void run(std::function<void()> work) {
        const std::lock_guard guard(mutex_);
        threads_.emplace_back(std::move(work));
    }
    void join() {
        for (;;) {
            std::vector<std::thread> batch;
            {
                const std::lock_guard guard(mutex_);
                batch.swap(threads_);
            }
            if (batch.empty()) {
                return;
            }
            for (std::thread& thread : batch) {
                thread.join();
            }
        }
    }

private:
    std::mutex mutex_;
    std::vector<std::thread> threads_;
};

/// A pool of threads with a queue: what programs with libevent build for themselves.
class Pool {
public:
    explicit Pool(int size) {
        for (int i = 0; i < size; ++i) {
            threads_.emplace_back([this] { work(); });
        }
    }
    ~Pool() {
        {
            const std::lock_guard guard(mutex_);
            ended_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    void add(std::function<void()> job) {
        {
            const std::lock_guard guard(mutex_);
            jobs_.push_back(std::move(job));
        }
        wake_.notify_one();
    }

private:
    void work() {
        for (;;) {
            std::function<void()> job;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [&] { return ended_ || !jobs_.empty(); });
                if (jobs_.empty()) {
                    return;
                }
                job = std::move(jobs_.front());
                jobs_.pop_front();
            }
            job();
        }
    }
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool ended_ = false;
    std::vector<std::thread> threads_;
};

class HttpThreads : public testing::TestWithParam<Mode> {};

INSTANTIATE_TEST_SUITE_P(Modes, HttpThreads,
                         testing::Values(Mode{"Plain", 0, 0}, Mode{"Io", 2, EVHTTP_THREADS_IO},
                                         Mode{"All", 2, EVHTTP_THREADS_ALL}),
                         [](const auto& param) { return std::string(param.param.name); });

/// 1,000 requests, a thread for each, which answers after a random while; clients that stay and
/// clients that go.
TEST_P(HttpThreads, AThreadForEachRequest) {
    constexpr int clients = 40;
    constexpr int requests = 25;
    Threads threads;
    Server server(GetParam());
    std::atomic<int> handled = 0;
    std::atomic<int> answered = 0;
    server.start([&](evhttp_request* request) {
        const int number = handled.fetch_add(1);
        threads.run([&, request, number] {
            std::this_thread::sleep_for(std::chrono::microseconds(number * 7919 % 3000));
            const std::string path = evhttp_request_get_uri(request);
            evhttp_add_header(evhttp_request_get_output_headers(request), "X-Path", path.c_str());
            ++answered;
            reply(request, 200, path);
        });
    });
    std::atomic<int> complete = 0;
    Threads callers;
    for (int c = 0; c < clients; ++c) {
        callers.run([&, c] {
            std::minstd_rand random(static_cast<unsigned>(c + 1));
            for (int i = 0; i < requests;) {
                Client client(server.port());
                const int run = 1 + static_cast<int>(random() % 4);
                for (int k = 0; k < run && i < requests; ++k, ++i) {
                    const std::string path = "/" + std::to_string(c) + "/" + std::to_string(i);
                    client.get(path);
                    if (random() % 4 == 0) {  // does not wait for the answer
                        if (random() % 2 == 0) {
                            client.reset();
                        }
                        ++i;
                        break;
                    }
                    EXPECT_EQ(client.answer(), path);
                    ++complete;
                }
            }
        });
    }
    callers.join();
    threads.join();
    EXPECT_GT(complete, clients * requests / 2);
    EXPECT_GE(handled, complete);
    EXPECT_EQ(handled, answered);
}

TEST_P(HttpThreads, APoolAnswersPipelinedRequestsInOrder) {
    Pool pool(4);
    Server server(GetParam());
    server.start([&](evhttp_request* request) {
        pool.add([request] { reply(request, 200, evhttp_request_get_uri(request)); });
    });
    Threads callers;
    for (int c = 0; c < 8; ++c) {
        callers.run([&, c] {
            Client client(server.port());
            for (int round = 0; round < 20; ++round) {
                std::string requests;
                for (int i = 0; i < 8; ++i) {
                    requests += "GET /" + std::to_string(c * 1000 + round * 8 + i) +
                                " HTTP/1.1\r\nHost: h\r\n\r\n";
                }
                client.send(requests);
                for (int i = 0; i < 8; ++i) {
                    EXPECT_EQ(client.answer(), "/" + std::to_string(c * 1000 + round * 8 + i));
                }
            }
        });
    }
    callers.join();
}

TEST_P(HttpThreads, AnswersInPieces) {
    Pool pool(3);
    Server server(GetParam());
    server.start([&](evhttp_request* request) {
        pool.add([request] {
            evhttp_send_reply_start(request, 200, "Pieces");
            for (int i = 0; i < 5; ++i) {
                evbuffer* const piece = evbuffer_new();
                evbuffer_add_printf(piece, "%s:%d", evhttp_request_get_uri(request), i);
                evhttp_send_reply_chunk(request, piece);
                evbuffer_free(piece);
            }
            evhttp_send_reply_end(request);
        });
    });
    Threads callers;
    for (int c = 0; c < 6; ++c) {
        callers.run([&, c] {
            Client client(server.port());
            for (int i = 0; i < 20; ++i) {
                const std::string path = "/" + std::to_string(c);
                client.get(path);
                std::string expected;
                for (int k = 0; k < 5; ++k) {
                    expected += "4\r\n" + path + ":" + std::to_string(k) + "\r\n";
                }
                EXPECT_EQ(client.answer(), expected);
            }
        });
    }
    callers.join();
}

TEST_P(HttpThreads, ErrorsAndLargeBodiesFromAnotherThread) {
    Pool pool(2);
    Server server(GetParam());
    const std::string large(300'000, 'x');
    server.start([&](evhttp_request* request) {
        pool.add([&, request] {
            if (evhttp_request_get_uri(request) == std::string_view("/error")) {
                evhttp_send_error(request, 503, "Busy");
            } else {
                reply(request, 200, large);
            }
        });
    });
    for (int i = 0; i < 10; ++i) {
        Client client(server.port());
        client.get("/large");
        EXPECT_EQ(client.answer(), large);
        client.get("/error");
        EXPECT_NE(client.rest().find("HTTP/1.1 503 Busy\r\n"), std::string::npos);
    }
}

TEST_P(HttpThreads, CancellingFromAnotherThreadEndsTheConnection) {
    Pool pool(3);
    Server server(GetParam());
    server.start([&](evhttp_request* request) {
        pool.add([request] { evhttp_cancel_request(request); });
    });
    for (int i = 0; i < 50; ++i) {
        Client client(server.port());
        client.get("/");
        EXPECT_EQ(client.rest(), "");
    }
}

/// The server goes while threads have its requests: their answers have no effect and leak nothing.
TEST_P(HttpThreads, FreeingTheServerWithRequestsInFlight) {
    for (int round = 0; round < 5; ++round) {
        std::mutex mutex;
        std::condition_variable come;
        std::vector<evhttp_request*> waiting;
        constexpr std::size_t wanted = 12;
        {
            Server server(GetParam());
            server.start([&](evhttp_request* request) {
                const std::lock_guard guard(mutex);
                waiting.push_back(request);
                come.notify_one();
            });
            std::vector<std::unique_ptr<Client>> clients;
            for (std::size_t i = 0; i < wanted; ++i) {
                clients.push_back(std::make_unique<Client>(server.port()));
                clients.back()->get("/wait");
            }
            std::unique_lock lock(mutex);
            come.wait(lock, [&] { return waiting.size() == wanted; });
            lock.unlock();
            server.stop();
            std::thread early([&] {  // answers while the server goes
                for (std::size_t i = 0; i < wanted / 2; ++i) {
                    reply(waiting[i], 200, "early");
                }
            });
            server.free_http();
            early.join();
        }
        std::thread late([&] {
            for (std::size_t i = wanted / 2; i < wanted; ++i) {
                reply(waiting[i], 200, "late");
            }
        });
        late.join();
    }
}

/// Clients go while threads have their requests; the answers are dropped, the others are served.
TEST_P(HttpThreads, ClientsThatHaveGone) {
    Server server(GetParam());
    std::mutex mutex;
    std::condition_variable come;
    std::vector<evhttp_request*> waiting;
    server.start([&](evhttp_request* request) {
        if (evhttp_request_get_uri(request) == std::string_view("/now")) {
            reply(request, 200, "now");
            return;
        }
        const std::lock_guard guard(mutex);
        waiting.push_back(request);
        come.notify_one();
    });
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 4; ++i) {
            Client client(server.port());
            client.get("/wait");
            if (i % 2 == 0) {
                client.reset();
            }
        }
        std::unique_lock lock(mutex);
        come.wait(lock, [&] { return waiting.size() == 4; });
        std::vector<evhttp_request*> taken = std::exchange(waiting, {});
        lock.unlock();
        for (evhttp_request* request : taken) {
            reply(request, 200, "nobody reads this");
        }
        Client client(server.port());
        client.get("/now");
        EXPECT_EQ(client.answer(), "now");
    }
}

/// In mode IO every callback of the program runs on the thread that dispatches its base.
TEST(HttpThreadsIo, CallbacksStayAtHome) {
    Server server({"Io", 2, EVHTTP_THREADS_IO});
    std::atomic<int> away = 0;
    std::atomic<int> completed = 0;
    std::atomic<int> closed = 0;
    std::atomic<int> written = 0;
    struct Counters {
        Server& server;
        std::atomic<int>&away, &completed, &closed, &written;
    } counters{server, away, completed, closed, written};
    server.start([&](evhttp_request* request) {
        away += server.at_home() ? 0 : 1;
        evhttp_request_set_on_complete_cb(
            request,
            [](evhttp_request*, void* arg) {
                auto& count = *static_cast<Counters*>(arg);
                count.away += count.server.at_home() ? 0 : 1;
                ++count.completed;
            },
            &counters);
        evhttp_connection_set_closecb(
            evhttp_request_get_connection(request),
            [](evhttp_connection*, void* arg) {
                auto& count = *static_cast<Counters*>(arg);
                count.away += count.server.at_home() ? 0 : 1;
                ++count.closed;
            },
            &counters);
        evhttp_send_reply_start(request, 200, "OK");
        evbuffer* const piece = evbuffer_new();
        evbuffer_add_printf(piece, "piece");
        static evhttp_request* current;
        current = request;
        evhttp_send_reply_chunk_with_cb(
            request, piece,
            [](evhttp_connection*, void* arg) {
                auto& count = *static_cast<Counters*>(arg);
                count.away += count.server.at_home() ? 0 : 1;
                ++count.written;
                evhttp_send_reply_end(current);
            },
            &counters);
        evbuffer_free(piece);
    });
    for (int i = 0; i < 20; ++i) {
        Client client(server.port());
        client.get("/");
        EXPECT_EQ(client.answer(), "5\r\npiece\r\n");
    }
    while (closed < 20) {
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(away, 0);
    EXPECT_EQ(completed, 20);
    EXPECT_EQ(written, 20);
}

/// A program that wants the bufferevent gets one on its own base.
TEST(HttpThreadsIo, BuffereventsComeHome) {
    Server server({"Io", 2, EVHTTP_THREADS_IO});
    std::atomic<int> wrong = 0;
    server.start([&](evhttp_request* request) {
        evhttp_connection* const connection = evhttp_request_get_connection(request);
        bufferevent* const bev = evhttp_connection_get_bufferevent(connection);
        if (bev == nullptr || bufferevent_get_base(bev) != evhttp_connection_get_base(connection) ||
            bufferevent_getfd(bev) < 0) {
            ++wrong;
        }
        reply(request, 200, evhttp_request_get_uri(request));
    });
    Threads callers;
    for (int c = 0; c < 4; ++c) {
        callers.run([&, c] {
            for (int i = 0; i < 10; ++i) {
                Client client(server.port());
                for (int k = 0; k < 3; ++k) {
                    const std::string path = "/" + std::to_string(c * 100 + i * 10 + k);
                    client.get(path);
                    EXPECT_EQ(client.answer(), path);
                }
            }
        });
    }
    callers.join();
    EXPECT_EQ(wrong, 0);
}

/// A handler that takes its time sees that its client has gone.
TEST(HttpThreadsIo, AHandlerSeesThatItsClientHasGone) {
    Server server({"Io", 1, EVHTTP_THREADS_IO});
    std::atomic<int> gone = 0;
    std::atomic<evhttp_request*> waiting = nullptr;
    server.start([&](evhttp_request* request) {
        if (evhttp_request_get_uri(request) == std::string_view("/wait")) {
            waiting = request;
            return;
        }
        if (evhttp_request* const other = waiting) {
            if (evhttp_request_get_connection(other) == nullptr) {
                ++gone;
                reply(waiting.exchange(nullptr), 200, "nobody reads this");
            }
        }
        reply(request, 200, "x");
    });
    {
        Client client(server.port());
        client.get("/wait");
        while (waiting == nullptr) {
            std::this_thread::sleep_for(1ms);
        }
        client.reset();
    }
    Client client(server.port());
    while (gone == 0) {
        client.get("/");
        EXPECT_EQ(client.answer(), "x");
    }
}

TEST(HttpThreadsAll, HandlersRunOnSeveralThreads) {
    Server server({"All", 2, EVHTTP_THREADS_ALL});
    std::mutex mutex;
    std::set<std::thread::id> seen;
    std::atomic<int> at_home = 0;
    server.start([&](evhttp_request* request) {
        at_home += server.at_home() ? 1 : 0;
        {
            const std::lock_guard guard(mutex);
            seen.insert(std::this_thread::get_id());
        }
        reply(request, 200, "x");
    });
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 16; ++i) {  // all at the same time, so that they are shared out
        clients.push_back(std::make_unique<Client>(server.port()));
    }
    for (const auto& client : clients) {
        client->get("/");
        EXPECT_EQ(client->answer(), "x");
    }
    EXPECT_EQ(at_home, 0);
    EXPECT_EQ(seen.size(), 2U);
    EXPECT_EQ(evhttp_get_connection_count(server.http()), 16);
}

TEST(HttpThreads, Settings) {
    event_base* const base = event_base_new();
    evhttp* const http = evhttp_new(base);
    EXPECT_EQ(evhttp_get_threads(http), 0);
    EXPECT_EQ(evhttp_set_threads(http, -1, EVHTTP_THREADS_IO), -1);
    EXPECT_EQ(evhttp_set_threads(http, 2, 7), -1);
    EXPECT_EQ(evhttp_set_threads(http, 0, EVHTTP_THREADS_IO), 0);
    EXPECT_EQ(evhttp_get_threads(http),
              static_cast<int>(std::min(corevent::process_cores(), 256U)));
    EXPECT_EQ(evhttp_set_threads(http, 3, EVHTTP_THREADS_ALL), 0);
    EXPECT_EQ(evhttp_get_threads(http), 3);
    EXPECT_EQ(evhttp_bind_socket(http, "127.0.0.1", 0), 0);
    EXPECT_EQ(evhttp_set_threads(http, 2, EVHTTP_THREADS_IO), -1);
    evhttp_free(http);
    event_base_free(base);
}

/// Servers that ask for four threads in a system that gives no more than some.
class TooFewThreads : public testing::TestWithParam<Mode> {
protected:
    TooFewThreads() {
        said.clear();
        event_set_log_callback([](int, const char* text) { said = text; });
    }
    ~TooFewThreads() override {
        event_set_log_callback(nullptr);
        threads_left = any_number;
    }
    /// What a request is answered, and how many threads the server says it has.
    std::pair<std::string, int> serve_with(int threads) {
        Server server(GetParam());
        server.start([](evhttp_request* request) { reply(request, 200, "served"); },
                     [threads] { threads_left = threads; });
        Client client(server.port());
        client.get("/");
        const std::string answer = client.answer();
        server.stop();
        return {answer, evhttp_get_threads(server.http())};
    }
    static inline std::string said;  ///< by the thread of the base
};

INSTANTIATE_TEST_SUITE_P(Modes, TooFewThreads,
                         testing::Values(Mode{"Io", 4, EVHTTP_THREADS_IO},
                                         Mode{"All", 4, EVHTTP_THREADS_ALL}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(TooFewThreads, WithoutAnyTheBaseServes) {
    EXPECT_EQ(serve_with(0), std::pair(std::string("served"), 0));
    EXPECT_NE(said.find("only 0 of 4 threads"), std::string::npos) << said;
}

TEST_P(TooFewThreads, WithSomeThoseServe) {
    EXPECT_EQ(serve_with(2), std::pair(std::string("served"), 2));
    EXPECT_NE(said.find("only 2 of 4 threads"), std::string::npos) << said;
}

/// The threads start when the base is dispatched, so that a program may fork after binding.
TEST(HttpThreads, AProgramMayForkBeforeItDispatches) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer allows no threads in the child of a fork";
#endif
    event_base* const base = event_base_new();
    evhttp* const http = evhttp_new(base);
    ASSERT_EQ(evhttp_set_threads(http, 2, EVHTTP_THREADS_IO), 0);
    evhttp_bound_socket* const bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr*>(&address), &length);
    evhttp_set_gencb(
        http,
        [](evhttp_request* request, void* arg) {
            reply(request, 200, "child");
            event_base_loopexit(static_cast<event_base*>(arg), nullptr);
        },
        base);
    const pid_t child = fork();
    if (child == 0) {
        event_reinit(base);
        event_base_dispatch(base);
        evhttp_free(http);
        event_base_free(base);
        _exit(0);
    }
    {
        Client client(ntohs(address.sin_port));
        client.get("/");
        EXPECT_EQ(client.answer(), "child");
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    evhttp_free(http);
    event_base_free(base);
}

}  // namespace
