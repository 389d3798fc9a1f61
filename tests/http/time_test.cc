// Each phase of a connection ends by its own named limit: silent clients, slow heads, slow bodies, slow readers, slow
// handlers, idle connections. Limits are some tens of milliseconds here; deadlines are met within their bucket (250 ms).
#include "http/test_server.h"

#include <poll.h>

#include <atomic>

namespace corevent::http::test {
namespace {

class TimeTest : public ::testing::Test {
protected:
    static void add_routes(TestServer& server) {
        server->get("/", [](Request&) { return Response::static_text("ok"); });
        server->post("/",
                     [](Request& r) { return Response::text(std::to_string(r.body().size())); });
        server->post("/stream", [](Request& request) -> Task<Response> {
            std::size_t total = 0;
            for (;;) {
                const auto piece = co_await request.read();
                if (!piece) {
                    co_return Response::text(piece.error().message());
                }
                if (piece->empty()) {
                    co_return Response::text(std::to_string(total));
                }
                total += piece->size();
            }
        });
        server->get("/wait", [](Request& request) -> Task<Response> {
            const auto slept = co_await sleep_for(1h);
            co_return Response::text(slept ? "slept"
                                           : std::string(request.cancelled() ? "cancelled"
                                                                             : "woken"));
        });
        server->get("/big", [](Request&) { return Response::text(std::string(30'000'000, 'b')); });
        server->get("/stream", [](Request&, ResponseWriter& out) -> Task<> {
            const std::string piece(100'000, 's');
            while (co_await out.write(piece)) {
            }
        });
    }

    /// Sends `bytes` one by one, `pause` apart, until the server answers or ends; the answer.
    static RawResponse drip(RawClient& client, std::string_view bytes, int pause_ms) {
        for (const char c : bytes) {
            if (!client.quiet_for(pause_ms) || !client.send({&c, 1})) {
                break;
            }
        }
        return client.read();
    }

    LogLines log;
};

TEST_F(TimeTest, SilentConnectionsAreClosed) {
    TestServer server(with_limits({{Limit::head_deadline, 60}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(server.fired(Limit::head_deadline), 1u);
    EXPECT_TRUE(log.contains("head_deadline 60 ms")) << log.all();
}

TEST_F(TimeTest, ADrippingHeadIsCutThoughItNeverPauses) {
    TestServer server(with_limits({{Limit::head_deadline, 100}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    const RawResponse answer =
        drip(client, "GET / HTTP/1.1\r\nHost: x\r\nX-A: " + std::string(2000, 'a'), 5);
    EXPECT_EQ(answer.status, 408);
    EXPECT_TRUE(answer.closes());
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(server.fired(Limit::head_deadline), 1u);
    EXPECT_TRUE(log.contains("408 an incomplete head from 127.0.0.1")) << log.all();
}

TEST_F(TimeTest, TheSecondHeadHasTheSameDeadline) {
    TestServer server(with_limits({{Limit::head_deadline, 100}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(client.read().status, 408);
}

TEST_F(TimeTest, IdleConnectionsAreClosedWithoutAWord) {
    TestServer server(with_limits({{Limit::keep_alive_idle, 60}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    for (int i = 0; i < 3; ++i) {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_EQ(client.read().status, 200);
    }
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(server.fired(Limit::keep_alive_idle), 1u);
}

TEST_F(TimeTest, BodiesThatStop) {
    TestServer server(with_limits({{Limit::body_idle, 60}}));
    add_routes(server);
    server.start();
    for (const char* path : {"/", "/stream"}) {
        RawClient client(server.port());
        client.send("POST " + std::string(path) +
                    " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc");
        const RawResponse answer = client.read();
        EXPECT_EQ(answer.status, 408) << path;
        EXPECT_TRUE(answer.closes());
        EXPECT_TRUE(client.at_end());
    }
    EXPECT_EQ(server.fired(Limit::body_idle), 2u);
    EXPECT_TRUE(log.contains("408 POST / from 127.0.0.1")) << log.all();
}

TEST_F(TimeTest, AHandlerIsToldThatItsBodyTimedOut) {
    TestServer server(with_limits({{Limit::body_idle, 60}}));
    std::atomic<bool> timed_out{false};
    server->post("/", [&timed_out](Request& request) -> Task<Response> {
        const auto body = co_await request.read_all();
        timed_out = !body && body.error() == std::errc::timed_out;
        co_return Response(204);
    });
    server.start();
    EXPECT_EQ(ask(server.port(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc")
                  .status,
              408);
    EXPECT_TRUE(eventually([&] { return timed_out.load(); }));
}

TEST_F(TimeTest, ABodyNobodyWaitsForHasNoDeadline) {
    TestServer server(with_limits({{Limit::body_idle, 30}}));
    server->post("/", [](Request& request) -> Task<Response> {
        co_await sleep_for(700ms);
        const auto body = co_await request.read_all();
        co_return Response::text(body ? *body : body.error().message());
    });
    server.start();
    EXPECT_EQ(ask(server.port(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").body,
              "abc");
    EXPECT_EQ(server.fired(Limit::body_idle), 0u);
}

TEST_F(TimeTest, BodiesThatDripAreCutByTheirRate) {
    for (const char* path : {"/", "/stream"}) {
        TestServer server(with_limits({{Limit::body_rate, 100'000}, {Limit::body_idle, 5000}}));
        add_routes(server);
        server.core().config.body_rate_grace = 100;
        server.start();
        RawClient client(server.port());
        client.send("POST " + std::string(path) +
                    " HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
        const RawResponse answer = drip(client, std::string(5000, 'd'), 5);
        EXPECT_EQ(answer.status, 408) << path;
        EXPECT_EQ(server.fired(Limit::body_rate), 1u);
        EXPECT_EQ(server.fired(Limit::body_idle), 0u);
    }
}

TEST_F(TimeTest, UnreadRestsOfBodiesHaveADeadlineToo) {
    TestServer server(with_limits({{Limit::body_idle, 60}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    client.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc");
    EXPECT_EQ(client.read().status, 404);
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(server.fired(Limit::body_idle), 1u);
}

TEST_F(TimeTest, ReadersThatTakeNothingAreCut) {
    for (const char* path : {"/big", "/stream"}) {
        TestServer server(with_limits({{Limit::write_stall, 100}}));
        add_routes(server);
        server.start();
        RawClient client(server.port(), 4096);
        client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(eventually([&] { return server.fired(Limit::write_stall) == 1; })) << path;
        EXPECT_TRUE(eventually([&] { return server->metrics().total.connections_open == 0; }))
            << path;
    }
    EXPECT_TRUE(log.contains("write_stall")) << log.all();
}

TEST_F(TimeTest, ReadersThatTakeLittleAreNotCut) {
    TestServer server(with_limits({{Limit::write_stall, 400}}));
    server->get("/", [](Request&) { return Response::text(std::string(8'000'000, 'b')); });
    server.start();
    RawClient client(server.port(), 4096);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    std::size_t got = 0;
    for (int i = 0; i < 10; ++i) {  // a second and a half, far longer than the limit in all
        static_cast<void>(::poll(nullptr, 0, 150));  // the reader's own pace is what is tested
        for (int j = 0; j < 10; ++j) {
            got += client.read_some().size();
        }
    }
    EXPECT_EQ(server.fired(Limit::write_stall), 0u);
    while (got < 8'000'000) {
        got += client.read_some().size();
    }
}

TEST_F(TimeTest, HandlersHaveTheirTime) {
    TestServer server(with_limits({{Limit::handler_time, 60}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse late = client.read();
    EXPECT_EQ(late.status, 503);
    EXPECT_FALSE(late.closes());
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(server.fired(Limit::handler_time), 1u);
}

TEST_F(TimeTest, ConnectionsHaveAnAge) {
    TestServer server(with_limits({{Limit::connection_age, 50}}));
    add_routes(server);
    server.start();
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client.read().closes());
    EXPECT_TRUE(client.quiet_for(60));
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.read().closes());
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(server.fired(Limit::connection_age), 1u);
}

}  // namespace
}  // namespace corevent::http::test
