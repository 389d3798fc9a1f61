// Answers from other threads: late, early, never; after the client, the server or the loops have gone.
#include "http/test_server.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <stdexcept>

namespace corevent::http::test {
namespace {

/// Responders on their way to a thread of the test.
class Desk {
public:
    void put(Responder responder) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(responder));
        signal_.notify_one();
    }
    Responder take() {
        std::unique_lock lock(mutex_);
        signal_.wait(lock, [this] { return !waiting_.empty(); });
        Responder first = std::move(waiting_.front());
        waiting_.pop_front();
        return first;
    }

private:
    std::mutex mutex_;
    std::condition_variable signal_;
    std::deque<Responder> waiting_;
};

constexpr std::string_view get_defer = "GET /defer HTTP/1.1\r\nHost: x\r\n\r\n";

class ResponderTest : public ::testing::Test {
protected:
    void SetUp() override { set_up(server); }
    void set_up(TestServer& where) {
        where->get("/defer",
                   [this](Request&, Responder responder) { desk.put(std::move(responder)); });
        where->post("/defer", [this](Request& request, Responder responder) {
            body = request.body();
            desk.put(std::move(responder));
        });
        where->get("/now", [](Request& request, Responder responder) {
            responder.send(Response::text("at once: " + std::string(request.path())));
            responder.send(Response::text("never seen"));
        });
        where->get("/drop", [](Request&, Responder) {});
    }

    Desk desk;
    std::string body;
    TestServer server;
};

TEST_F(ResponderTest, AnswersFromAnotherThreadInOrder) {
    server.start();
    std::thread worker([this] {
        for (int i = 0; i < 50; ++i) {
            desk.take().send(Response::text(std::to_string(i)));
        }
    });
    RawClient client(server.port());
    std::string requests;
    for (int i = 0; i < 50; ++i) {
        requests += get_defer;
        requests += "GET /now HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    client.send(requests);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(client.read().body, std::to_string(i));
        EXPECT_EQ(client.read().body, "at once: /now");
    }
    worker.join();
}

TEST_F(ResponderTest, TheBodyIsThereBeforeTheHandler) {
    server.start();
    RawClient client(server.port());
    client
        .send("POST /defer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send("2\r\nde\r\n0\r\n\r\n");
    desk.take().send(Response(204));
    EXPECT_EQ(client.read().status, 204);
    EXPECT_EQ(body, "abcde");
}

TEST_F(ResponderTest, UnansweredMeans500) {
    server.start();
    RawClient client(server.port());
    client.send("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read().status, 500);
    client.send(get_defer);
    {
        const Responder dropped = desk.take();
        EXPECT_FALSE(dropped.abandoned());
    }
    EXPECT_EQ(client.read().status, 500);
}

TEST_F(ResponderTest, TheClientGoesFirst) {
    server.start();
    RawClient client(server.port());
    client.send(get_defer);
    Responder late = desk.take();
    client.reset();
    EXPECT_TRUE(eventually([&] { return late.abandoned(); }));
    late.send(Response::text("too late"));
    RawClient next(server.port());
    next.send("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(next.read().status, 200);
}

TEST_F(ResponderTest, TheServerGoesFirst) {
    std::optional<Responder> sent_late;
    std::optional<Responder> dropped_late;
    LoopGroup group(LoopGroupOptions{.loops = 2});
    {
        Server short_lived(group);
        short_lived.get("/defer",
                        [this](Request&, Responder responder) { desk.put(std::move(responder)); });
        ASSERT_TRUE(short_lived.listen("127.0.0.1:0"));
        short_lived.start();
        RawClient first(short_lived.addresses().front().port());
        RawClient second(short_lived.addresses().front().port());
        first.send(get_defer);
        second.send(get_defer);
        sent_late.emplace(desk.take());
        dropped_late.emplace(desk.take());
    }
    EXPECT_TRUE(sent_late->abandoned());
    sent_late->send(Response::text("too late"));
    dropped_late.reset();
}

TEST_F(ResponderTest, TheLoopsGoFirst) {
    std::optional<Responder> late;
    {
        TestServer short_lived;
        set_up(short_lived);
        short_lived.start();
        RawClient client(short_lived.port());
        client.send(get_defer);
        late.emplace(desk.take());
    }
    late->send(Response::text("to nobody"));
}

TEST_F(ResponderTest, ManyThreadsAnswerManyConnectionsOnManyLoops) {
    TestServer wide({}, 4);
    set_up(wide);
    wide.start();
    constexpr int clients = 6;
    constexpr int requests = 200;  // of each client, and answers of each worker
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) {
        threads.emplace_back([this] {
            for (int j = 0; j < requests; ++j) {
                desk.take().send(Response::text("x"));
            }
        });
        threads.emplace_back([&wide] {
            RawClient client(wide.port());
            for (int j = 0; j < requests; ++j) {
                client.send(get_defer);
                EXPECT_EQ(client.read().body, "x");
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wide->metrics().total.requests, static_cast<std::uint64_t>(clients * requests));
}

}  // namespace
}  // namespace corevent::http::test
