// Handlers of their own pace: coroutines, streamed answers, Responders; order, back pressure, exceptions, clients that go.
#include "http/test_server.h"

#include <atomic>
#include <stdexcept>

namespace corevent::http::test {
namespace {

constexpr std::string_view get_hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

Task<Response> delayed(Request& request) {
    const auto ms = std::chrono::milliseconds(std::stoi(std::string(request.param("ms"))));
    const Result<void> slept = co_await sleep_for(ms);
    co_return Response::text(slept ? std::string(request.param("ms")) : "cancelled");
}

Task<Response> echo(Request& request) {
    Result<std::string> body = co_await request.read_all(16 * 1024 * 1024);
    if (!body) {
        co_return Response::error(400, body.error().message());
    }
    std::string trailers;
    for (const auto& [name, value] : request.trailers()) {
        trailers += name + "=" + value + ";";
    }
    Response response = Response::bytes(std::move(*body), "application/octet-stream");
    if (!trailers.empty()) {
        response.header("X-Trailers", trailers);
    }
    co_return response;
}

Task<> stream_numbers(Request& request, ResponseWriter& out) {
    out.header("X-Kind", "numbers");
    for (int i = 0; i < 1000; ++i) {
        const std::string line = std::to_string(i) + "\n";
        if (!co_await out.write(line)) {
            co_return;
        }
        if (i % 100 == 0) {
            co_await sleep_for(1ms);
        }
    }
    out.trailer("X-Sum", "499500");
    static_cast<void>(request);
}

Task<> write_ten_octets(Request& request, ResponseWriter& out) {
    const std::string announced(request.query_value("n").value());
    out.content_length(std::stoull(announced));
    static_cast<void>(co_await out.write("12345"));
    static_cast<void>(co_await out.write("67890"));
}

std::string numbers() {
    std::string all;
    for (int i = 0; i < 1000; ++i) {
        all += std::to_string(i) + "\n";
    }
    return all;
}

class AsyncTest : public ::testing::Test {
protected:
    void SetUp() override {
        server->get("/hello", [](Request&) { return Response::static_text("Hello, World!"); });
        server->get("/delay/{ms}", delayed);
        server->post("/echo", echo);
        server->get("/numbers", stream_numbers);
        server->get("/immediate", [](Request& r) -> Task<Response> {
            co_return Response::text(std::string(r.path()));
        });
        server->get("/length", write_ten_octets);
        server->get("/empty", [](Request&, ResponseWriter& out) -> Task<> {
            out.status(202).header("X-A", "b");
            co_return;
        });
        server->get("/hints", [](Request&, ResponseWriter& out) -> Task<> {
            static_cast<void>(co_await out.inform(103, "Link", "</style.css>; rel=preload"));
            static_cast<void>(co_await out.write("done"));
        });
        server->get("/events", [](Request&, ResponseWriter& out) -> Task<> {
            out.header("Content-Type", "text/event-stream");
            for (int i = 0; i < 3; ++i) {
                static_cast<void>(co_await out.write("data: tick\n\n"));
                static_cast<void>(co_await out.flush());
                co_await sleep_for(20ms);
            }
        });
        server->get("/big/{mib}", [](Request& r, ResponseWriter& out) -> Task<> {
            const std::string piece(1 << 20, 'x');
            const int count = std::stoi(std::string(r.param("mib")));
            for (int i = 0; i < count; ++i) {
                if (!co_await out.write(piece)) {
                    co_return;
                }
            }
        });
        add_throwing();
    }

    void add_throwing() {
        server->get("/throw/plain",
                    [](Request&) -> Response { throw std::runtime_error("plain went wrong"); });
        server->get("/throw/int", [](Request&) -> Response { throw 7; });
        server->get("/throw/async", [](Request&) -> Task<Response> {
            co_await sleep_for(1ms);
            throw std::runtime_error("async went wrong");
        });
        server->get("/throw/at_once", [](Request&) -> Task<Response> {
            throw std::runtime_error("no coroutine at all");
        });
        server->get("/throw/stream", [](Request&, ResponseWriter&) -> Task<> {
            co_await sleep_for(1ms);
            throw std::runtime_error("stream went wrong");
        });
        server->get("/throw/late", [](Request&, ResponseWriter& out) -> Task<> {
            static_cast<void>(co_await out.write("so far"));
            co_await sleep_for(1ms);
            throw std::runtime_error("late went wrong");
        });
        server->get("/throw/deferred",
                    [](Request&, Responder) { throw std::runtime_error("deferred went wrong"); });
    }

    TestServer server;
};

TEST_F(AsyncTest, CoroutinesAnswerAndConnectionsGoOn) {
    server.start();
    RawClient client(server.port());
    client.send("GET /delay/5 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read().body, "5");
    client.send("GET /immediate HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read().body, "/immediate");
    client.send(get_hello);
    EXPECT_EQ(client.read().body, "Hello, World!");
}

TEST_F(AsyncTest, PipelinedAnswersKeepTheirOrderWhateverTheHandlers) {
    server.start();
    RawClient client(server.port());
    std::string requests;
    for (int i = 0; i < 20; ++i) {
        requests += "GET /delay/" + std::to_string(3 - i % 4) + " HTTP/1.1\r\nHost: x\r\n\r\n";
        requests += get_hello;
        requests += "GET /immediate HTTP/1.1\r\nHost: x\r\n\r\n";
        requests += "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
        requests += "GET /numbers HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    client.send(requests);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(client.read().body, std::to_string(3 - i % 4));
        EXPECT_EQ(client.read().body, "Hello, World!");
        EXPECT_EQ(client.read().body, "/immediate");
        EXPECT_EQ(client.read().body, "body");
        EXPECT_EQ(client.read().body, numbers());
    }
}

TEST_F(AsyncTest, PipelinedInputBeyondTheLimitWaitsInTheKernel) {
    TestServer small(with_limits({{Limit::pipeline_bytes, 1024}}));
    small->get("/delay/{ms}", delayed);
    small->get("/hello", [](Request&) { return Response::static_text("Hello, World!"); });
    small.start();
    RawClient client(small.port());
    std::string requests = "GET /delay/50 HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < 20'000; ++i) {
        requests += get_hello;
    }
    std::thread sender([&] { client.send(requests); });
    EXPECT_EQ(client.read().body, "50");
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_EQ(client.read().body, "Hello, World!") << i;
    }
    sender.join();
}

TEST_F(AsyncTest, StreamsInChunks) {
    server.start();
    RawClient client(server.port());
    client.send("GET /numbers HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(answer.field("X-Kind"), "numbers");
    EXPECT_FALSE(answer.has("Content-Length"));
    EXPECT_EQ(answer.body, numbers());
    ASSERT_EQ(answer.trailers.size(), 1u);
    EXPECT_EQ(answer.trailers[0].second, "499500");
    client.send(get_hello);
    EXPECT_EQ(client.read().body, "Hello, World!");
}

TEST_F(AsyncTest, StreamsToHttp10EndWithTheConnection) {
    server.start();
    for (const char* fields : {"", "Connection: keep-alive\r\n"}) {
        const RawResponse answer =
            ask(server.port(), "GET /numbers HTTP/1.0\r\n" + std::string(fields) + "\r\n");
        EXPECT_FALSE(answer.has("Transfer-Encoding"));
        EXPECT_TRUE(answer.closes());
        EXPECT_EQ(answer.body, numbers());
        EXPECT_TRUE(answer.complete);
    }
}

TEST_F(AsyncTest, HeadOfAStreamHasNoBody) {
    server.start();
    RawClient client(server.port());
    client.send("HEAD /numbers HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read(true).status, 200);
    client.send("HEAD /length?n=10 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read(true).field("Content-Length"), "10");
    client.send(get_hello);
    EXPECT_EQ(client.read().body, "Hello, World!");
}

TEST_F(AsyncTest, AnnouncedLengthIsKept) {
    server.start();
    RawClient client(server.port());
    client.send("GET /length?n=10 HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse whole = client.read();
    EXPECT_EQ(whole.body, "1234567890");
    EXPECT_FALSE(whole.has("Transfer-Encoding"));
    client.send(get_hello);
    EXPECT_EQ(client.read().status, 200);
}

TEST_F(AsyncTest, ABodyOfAnotherLengthEndsTheConnection) {
    const std::pair<const char*, const char*> rows[] = {{"7", "longer than"},
                                                        {"11", "shorter than"}};
    for (const auto& [announced, why] : rows) {
        const LogLines log;
        TestServer other;
        other->get("/length", write_ten_octets);
        other.start();
        const RawResponse cut = ask(other.port(), "GET /length?n=" + std::string(announced) +
                                                      " HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_FALSE(cut.complete) << announced;
        EXPECT_LE(cut.body.size(), std::stoul(announced));
        EXPECT_TRUE(eventually([&] { return log.contains(why); })) << log.all();
    }
}

TEST_F(AsyncTest, StreamingHandlerThatWritesNothing) {
    server.start();
    RawClient client(server.port());
    client.send("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.field("X-A"), "b");
    EXPECT_EQ(answer.field("Content-Length"), "0");
}

TEST_F(AsyncTest, EarlyHintsComeFirst) {
    server.start();
    RawClient client(server.port());
    client.send("GET /hints HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse hints = client.read();
    EXPECT_EQ(hints.status, 103);
    EXPECT_EQ(hints.field("Link"), "</style.css>; rel=preload");
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "done");
    client.send("GET /hints HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read().status, 200);  // HTTP/1.0 knows no informational answers
}

TEST_F(AsyncTest, FlushedPiecesLeaveAtOnce) {
    server.start();
    RawClient client(server.port());
    client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string first = client.read_some();
    EXPECT_NE(first.find("data: tick"), std::string::npos);
    EXPECT_EQ(first.find("data: tick"), first.rfind("data: tick"));  // the second is not there yet
}

TEST_F(AsyncTest, UploadsStreamThrough) {
    server.start();
    RawClient client(server.port());
    const std::string body(8'000'000, 'u');
    std::thread sender([&] {
        client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
        client.send(body);
    });
    const RawResponse answer = client.read();
    sender.join();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body == body);
}

TEST_F(AsyncTest, ChunkedUploadsAndTheirTrailers) {
    server.start();
    RawClient client(server.port());
    std::string request = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string body;
    for (int i = 0; i < 300; ++i) {
        const std::string piece(static_cast<std::size_t>(i) * 7 % 500 + 1,
                                static_cast<char>('a' + i % 26));
        char size[32];
        std::snprintf(size, sizeof size, "%zx;ext=\"v\"\r\n", piece.size());
        request += size + piece + "\r\n";
        body += piece;
    }
    request += "0\r\nX-Check: yes\r\n\r\n";
    for (std::size_t at = 0; at < request.size(); at += 777) {
        client.send(std::string_view(request).substr(at, 777));
    }
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.field("X-Trailers"), "X-Check=yes;");
}

TEST_F(AsyncTest, ExceptionsBecome500AndTheServerLives) {
    const LogLines log;
    server.start();
    RawClient client(server.port());
    for (const char* path : {"plain", "int", "async", "at_once", "stream", "deferred"}) {
        client.send("GET /throw/" + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
        const RawResponse answer = client.read();
        EXPECT_EQ(answer.status, 500) << path;
        EXPECT_EQ(answer.body, "500 Internal Server Error\n") << path;
        EXPECT_FALSE(answer.closes()) << path;
    }
    client.send("GET /throw/late HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse cut = client.read();
    EXPECT_EQ(cut.status, 200);
    EXPECT_EQ(cut.body, "so far");
    EXPECT_FALSE(cut.complete);
    EXPECT_EQ(ask(server.port(), get_hello).status, 200);
    EXPECT_TRUE(log.contains("500 GET /throw/plain: request ")) << log.all();
    EXPECT_TRUE(log.contains("plain went wrong"));
    EXPECT_EQ(server->metrics().total.exceptions, 7u);
}

/// What a handler saw of its own end.
struct Seen {
    std::atomic<bool> started{false};
    std::atomic<bool> ended{false};
    std::atomic<bool> cancelled{false};
};

TEST_F(AsyncTest, AClientThatGoesCancelsItsHandler) {
    Seen seen;
    server->get("/wait", [&seen](Request& request) -> Task<Response> {
        seen.started = true;
        const Result<void> slept = co_await sleep_for(1h);
        seen.cancelled =
            !slept && slept.error() == std::errc::operation_canceled && request.cancelled();
        seen.ended = true;
        co_return Response::text("nobody reads this: " + std::string(request.path()));
    });
    server.start();
    RawClient client(server.port());
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return seen.started.load(); }));
    client.reset();
    EXPECT_TRUE(eventually([&] { return seen.ended.load(); }));
    EXPECT_TRUE(seen.cancelled);
}

TEST_F(AsyncTest, AClientThatGoesWakesItsReaderAndItsWriter) {
    Seen reader;
    Seen writer;
    server->post("/read", [&reader](Request& request) -> Task<Response> {
        reader.started = true;
        for (;;) {
            const auto piece = co_await request.read();
            if (!piece) {
                reader.cancelled = piece.error() == std::errc::operation_canceled;
                break;
            }
        }
        reader.ended = true;
        co_return Response(204);
    });
    server->get("/write", [&writer](Request&, ResponseWriter& out) -> Task<> {
        const std::string piece(100'000, 'w');
        for (;;) {
            writer.started = true;
            if (const auto written = co_await out.write(piece); !written) {
                writer.cancelled = written.error() == std::errc::operation_canceled;
                break;
            }
        }
        writer.ended = true;
    });
    server.start();
    RawClient upload(server.port());
    upload.send("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    RawClient download(server.port());
    download.send("GET /write HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return reader.started.load() && writer.started.load(); }));
    static_cast<void>(download.read_some());
    upload.reset();
    download.reset();
    EXPECT_TRUE(eventually([&] { return reader.ended.load() && writer.ended.load(); }));
    EXPECT_TRUE(reader.cancelled);
    EXPECT_TRUE(writer.cancelled);
}

TEST_F(AsyncTest, ASlowReaderPausesItsProducer) {
    TestServer small(with_limits({{Limit::output_bytes, 256 * 1024}}));
    std::atomic<std::size_t> produced{0};
    small->get("/endless", [&produced](Request&, ResponseWriter& out) -> Task<> {
        const std::string piece(50'000, 'x');
        while (co_await out.write(piece)) {
            produced += piece.size();
        }
    });
    small.start();
    RawClient client(small.port(), 8192);
    client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return small.fired(Limit::output_bytes) > 0; }));
    const std::size_t paused_at = produced;
    EXPECT_LT(paused_at, 8'000'000u);  // output_bytes and what the kernel holds
    EXPECT_FALSE(client.quiet_for(0));
    std::size_t taken = 0;
    while (taken < paused_at + 4'000'000) {
        taken += client.read_some().size();
    }
    EXPECT_GT(produced.load(), paused_at);
}

TEST_F(AsyncTest, ASlowHandlerPausesItsUpload) {
    std::atomic<bool> go_on{false};
    std::atomic<std::size_t> total{0};
    server->post("/slow", [&](Request& request) -> Task<Response> {
        while (!go_on) {
            co_await sleep_for(1ms);
        }
        for (;;) {
            const auto piece = co_await request.read();
            if (!piece || piece->empty()) {
                break;
            }
            total += piece->size();
        }
        co_return Response::text(std::to_string(total.load()));
    });
    server.start();
    RawClient client(server.port());
    client.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n");
    const std::string piece(1'000'000, 'p');
    std::size_t sent = 0;
    std::size_t stuck = 0;
    while (stuck < 50 && sent < 50'000'000) {
        const std::size_t now =
            client.send_some(std::string_view(piece).substr(0, std::min(piece.size(),
                                                                        50'000'000 - sent)));
        sent += now;
        stuck = now == 0 ? stuck + 1 : 0;
        if (now == 0) {
            static_cast<void>(client.quiet_for(2));
        }
    }
    EXPECT_LT(sent, 40'000'000u) << "the server took everything though nobody reads it";
    go_on = true;
    while (sent < 50'000'000) {
        const std::string_view rest =
            std::string_view(piece).substr(0, std::min(piece.size(), 50'000'000 - sent));
        ASSERT_TRUE(client.send(rest));
        sent += rest.size();
    }
    EXPECT_EQ(client.read().body, "50000000");
}

TEST_F(AsyncTest, BodiesNobodyReadsDoNotSpoilTheNextRequest) {
    server->post("/ignore", [](Request&) -> Task<Response> {
        co_await sleep_for(1ms);
        co_return Response::text("ignored");
    });
    server.start();
    RawClient client(server.port());
    client.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    client.send(std::string(100'000, 'i'));
    client.send(get_hello);
    EXPECT_EQ(client.read().body, "ignored");
    EXPECT_EQ(client.read().body, "Hello, World!");
    client.send(
        "POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
    client.send(get_hello);
    EXPECT_EQ(client.read().body, "ignored");
    EXPECT_EQ(client.read().body, "Hello, World!");
}

}  // namespace
}  // namespace corevent::http::test
