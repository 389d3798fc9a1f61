// The stop of a server: what runs is finished, what is idle goes, nothing that was accepted is lost, and what a deadline
// cuts is listed.
#include "http/test_server.h"

#include <unistd.h>
#include <atomic>
#include <csignal>

namespace corevent::http::test {
namespace {

constexpr std::string_view get_hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

class DrainTest : public ::testing::Test {
protected:
    void add_routes(TestServer& server) {
        server->get("/hello", [](Request&) { return Response::static_text("Hello, World!"); });
        server->get("/big", [](Request&) { return Response::text(std::string(20'000'000, 'b')); });
        server->get("/gate", [this](Request& request) -> Task<Response> {
            ++at_gate;
            while (!gate_open) {
                if (!co_await sleep_for(1ms)) {
                    ++cancelled;
                    co_return Response::text("cancelled");
                }
            }
            co_return Response::text(request.draining() ? "draining" : "serving");
        });
        server->get("/stuck", [this](Request&) -> Task<Response> {
            ++at_gate;
            if (!co_await sleep_for(1h)) {
                ++cancelled;
            }
            co_return Response::text("cancelled");
        });
        server->get("/events", [this](Request& request, ResponseWriter& out) -> Task<> {
            ++at_gate;
            while (!request.draining()) {
                static_cast<void>(co_await out.write("tick\n"));
                co_await sleep_for(5ms);
            }
            static_cast<void>(co_await out.write("bye\n"));
        });
    }

    std::atomic<int> at_gate{0};
    std::atomic<int> cancelled{0};
    std::atomic<bool> gate_open{false};
    LogLines log;
};

TEST_F(DrainTest, AnIdleServerStopsAtOnce) {
    TestServer server;
    add_routes(server);
    server.start();
    EXPECT_TRUE(server->metrics().ready);
    server->shutdown();
    EXPECT_FALSE(server->metrics().ready);
    EXPECT_EQ(server->wait(), 0);
    EXPECT_EQ(server->wait(), 0);
    server->shutdown();
}

TEST_F(DrainTest, IdleConnectionsAreEndedGently) {
    TestServer server({}, 2);
    add_routes(server);
    server.start();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.port()));
        if (i % 2 == 0) {
            clients.back()->send(get_hello);
            EXPECT_EQ(clients.back()->read().status, 200);
        }
    }
    server->shutdown();
    for (auto& client : clients) {
        EXPECT_TRUE(client->at_end());
        EXPECT_FALSE(client->was_reset());
        client->close();
    }
    EXPECT_EQ(server->wait(), 0);
}

TEST_F(DrainTest, ARequestThatMeetsTheStopIsAnswered) {
    TestServer server;
    add_routes(server);
    server.start();
    RawClient kept(server.port());
    kept.send(get_hello);
    EXPECT_FALSE(kept.read().closes());
    RawClient begun(server.port());
    begun.send("GET /hel");
    RawClient fresh(server.port());
    ASSERT_TRUE(eventually([&] { return server->metrics().total.connections_open == 3; }));
    server->shutdown();
    for (RawClient* client : {&kept, &fresh}) {
        client->send(get_hello);
    }
    begun.send("lo HTTP/1.1\r\nHost: x\r\n\r\n");
    for (RawClient* client : {&kept, &begun, &fresh}) {
        const RawResponse answer = client->read();
        EXPECT_EQ(answer.status, 200);
        // A loop that had not heard of the stop yet promises nothing, and ends the connection all the same.
        EXPECT_TRUE(client->at_end());
        client->close();
    }
    EXPECT_EQ(server->wait(), 0);
}

TEST_F(DrainTest, RunningDownloadsAndHandlersAreFinished) {
    TestServer server;
    add_routes(server);
    server.start();
    RawClient download(server.port(), 4096);
    download.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    RawClient handler(server.port());
    handler.send("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n" +
                 std::string(get_hello));  // and one that waits behind it
    RawClient events(server.port());
    events.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return at_gate == 2; }));
    EXPECT_FALSE(download.read_some().empty());
    server->shutdown();
    const RawResponse seen = events.read();
    EXPECT_TRUE(seen.body.ends_with("bye\n"));
    EXPECT_TRUE(seen.complete);
    gate_open = true;
    const RawResponse first = handler.read();
    EXPECT_EQ(first.body, "draining");
    EXPECT_FALSE(first.closes());
    const RawResponse second = handler.read();
    EXPECT_EQ(second.body, "Hello, World!");
    EXPECT_TRUE(second.closes());
    EXPECT_GT(download.read_to_end().size(), 19'900'000u);
    EXPECT_FALSE(download.was_reset());
    for (RawClient* client : {&download, &handler, &events}) {
        client->close();
    }
    EXPECT_EQ(server->wait(), 0);
    EXPECT_EQ(cancelled, 0);
}

TEST_F(DrainTest, TheDeadlineCutsAndListsWhatIsLeft) {
    TestServer server(with_limits({{Limit::drain, 300}}));
    add_routes(server);
    server.start();
    RawClient stuck(server.port());
    stuck.send("GET /stuck?job=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    RawClient slow(server.port(), 4096);
    slow.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return at_gate == 1; }));
    EXPECT_FALSE(slow.read_some().empty());
    server->shutdown();
    EXPECT_EQ(server->wait(), 3);
    EXPECT_EQ(cancelled, 1);
    EXPECT_TRUE(log.contains("cut GET /stuck?job=1 from 127.0.0.1:" +
                             std::to_string(stuck.local_port())))
        << log.all();
    EXPECT_TRUE(log.contains("cut GET /big, ")) << log.all();
    EXPECT_TRUE(log.contains("2 requests were cut: the drain limit of 300 ms has passed"))
        << log.all();
    EXPECT_EQ(server.fired(Limit::drain), 2u);
    EXPECT_EQ(server->metrics().total.connections_open, 0u);
}

TEST_F(DrainTest, LameDuckAcceptsForAWhile) {
    ServerOptions options;
    options.lame_duck = 300ms;
    TestServer server(std::move(options));
    add_routes(server);
    server.start();
    server->shutdown();
    EXPECT_FALSE(server->metrics().ready);
    const RawResponse answer = ask(server.port(), get_hello);
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.closes());
    EXPECT_EQ(server->wait(), 0);
}

TEST_F(DrainTest, RunEndsWithTheSignal) {
    TestServer server;
    add_routes(server);
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    std::optional<RawClient> client;
    std::thread user([&] {
        ASSERT_TRUE(eventually([&] { return server->metrics().ready; }));
        client.emplace(server.port());
        client->send(get_hello);
        EXPECT_EQ(client->read().status, 200);
        ::kill(::getpid(), SIGTERM);
        EXPECT_TRUE(client->at_end());
        client->close();
    });
    EXPECT_EQ(server->run(), 0);
    user.join();
    EXPECT_TRUE(log.contains("1 connection open; once more stops now"));
}

TEST_F(DrainTest, ASecondSignalStopsAtOnce) {
    TestServer server;
    add_routes(server);
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    std::optional<RawClient> client;
    std::thread user([&] {
        ASSERT_TRUE(eventually([&] { return server->metrics().ready; }));
        client.emplace(server.port());
        client->send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n");
        ASSERT_TRUE(eventually([&] { return at_gate == 1; }));
        ::kill(::getpid(), SIGINT);
        ASSERT_TRUE(eventually([&] { return !server->metrics().ready; }));
        ::kill(::getpid(), SIGTERM);
        EXPECT_TRUE(client->at_end() || client->was_reset());
    });
    EXPECT_EQ(server->run(), 3);
    user.join();
    EXPECT_TRUE(log.contains("a second signal")) << log.all();
}

TEST_F(DrainTest, DestroyedWhileHandlersRun) {
    RawClient* client = nullptr;
    std::optional<RawClient> keeper;
    {
        TestServer server({}, 2);
        add_routes(server);
        server.start();
        keeper.emplace(server.port());
        client = &*keeper;
        client->send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n");
        ASSERT_TRUE(eventually([&] { return at_gate == 1; }));
    }
    EXPECT_EQ(cancelled, 1);
    static_cast<void>(client->read_to_end());
}

TEST_F(DrainTest, DestroyedWithoutEverHavingStarted) {
    TestServer server;
    add_routes(server);
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
}

TEST_F(DrainTest, DestroyedAfterItsLoopsHaveStopped) {
    TestServer server;
    add_routes(server);
    server.start();
    RawClient client(server.port());
    client.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return at_gate == 1; }));
    server.group->stop();
    server.server.reset();
    EXPECT_EQ(cancelled, 1);
}

/// Clients that go on asking until they are told to stop, or refused; what they sent and did not get answered is lost.
TEST_F(DrainTest, NothingThatWasAcceptedIsLost) {
    for (int round = 0; round < 20; ++round) {
        TestServer server({}, 2);
        add_routes(server);
        server.start();
        std::atomic<int> lost{0};
        std::atomic<int> answered{0};
        std::atomic<int> connected{0};  // who comes after the stop is refused, and has lost nothing
        std::vector<std::thread> clients;
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back([&] {
                RawClient client(server.port());
                ++connected;
                for (;;) {
                    if (!client.send(get_hello)) {
                        ++lost;
                        return;
                    }
                    const RawResponse answer = client.read();
                    if (!answer.complete) {
                        ++lost;
                        return;
                    }
                    ++answered;
                    if (answer.closes()) {
                        return;
                    }
                }
            });
        }
        ASSERT_TRUE(eventually([&] { return connected == 4 && answered > 100; }));
        server->shutdown();
        EXPECT_EQ(server->wait(), 0);
        for (auto& client : clients) {
            client.join();
        }
        EXPECT_EQ(lost, 0) << "round " << round;
    }
}

}  // namespace
}  // namespace corevent::http::test
