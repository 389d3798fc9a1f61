// What is refused, and how: bad heads and bodies, sizes, expectations. Every refusal has its status, says why in a line,
// closes, and is read by the client even while it still sends.
#include "http/test_server.h"

#include <algorithm>

namespace corevent::http::test {
namespace {

struct Row {
    const char* name;
    std::string request;
    int status;
};

std::vector<Row> bad_heads() {
    const std::string host = "Host: x\r\n";
    return {
        {"length and chunked",
         "POST /e HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"chunked and length",
         "POST /e HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
         400},
        {"two lengths",
         "POST /e HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
        {"list of lengths", "POST /e HTTP/1.1\r\n" + host + "Content-Length: 3, 4\r\n\r\nabcd",
         400},
        {"signed length", "POST /e HTTP/1.1\r\n" + host + "Content-Length: +3\r\n\r\nabc", 400},
        {"negative length", "POST /e HTTP/1.1\r\n" + host + "Content-Length: -3\r\n\r\nabc", 400},
        {"hex length", "POST /e HTTP/1.1\r\n" + host + "Content-Length: 0x3\r\n\r\nabc", 400},
        {"empty length", "POST /e HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\nabc", 400},
        {"huge length",
         "POST /e HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\nabc", 400},
        {"two codings", "POST /e HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n",
         400},
        {"chunked twice",
         "POST /e HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
        {"two coding lines",
         "POST /e HTTP/1.1\r\n" + host +
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"unknown coding", "POST /e HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n",
         400},
        {"coding in 1.0", "POST /e HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"vertical tab in coding",
         "POST /e HTTP/1.1\r\n" + host +
             "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
         400},
        {"no host", "GET /e HTTP/1.1\r\n\r\n", 400},
        {"two hosts", "GET /e HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"bad host", "GET /e HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"space before colon", "GET /e HTTP/1.1\r\n" + host + "X-A : b\r\n\r\n", 400},
        {"folded line", "GET /e HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n\r\n", 400},
        {"space before the first field", "GET /e HTTP/1.1\r\n Host: x\r\n\r\n", 400},
        {"bare LF", "GET /e HTTP/1.1\nHost: x\n\n", 400},
        {"LF in the fields", "GET /e HTTP/1.1\r\nHost: x\n\r\n", 400},
        {"bare CR", "GET /e HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n", 400},
        {"NUL in a value", std::string("GET /e HTTP/1.1\r\nHost: x\r\nX-A: b") + '\0' + "c\r\n\r\n",
         400},
        {"control in a value", "GET /e HTTP/1.1\r\nHost: x\r\nX-A: b\x01\r\n\r\n", 400},
        {"empty name", "GET /e HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400},
        {"no colon", "GET /e HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", 400},
        {"two spaces", "GET  /e HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"tab for a space", "GET\t/e HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"no version", "GET /e\r\n\r\n", 400},
        {"version 2", "GET /e HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        {"bad version", "GET /e HTTP/1.x\r\nHost: x\r\n\r\n", 400},
        {"lower-case version", "GET /e http/1.1\r\nHost: x\r\n\r\n", 400},
        {"bad method", "G(T /e HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"TLS", "\x16\x03\x01\x02", 400},
        {"fragment", "GET /e#f HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"unescaped octet", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"no slash", "GET e HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"asterisk with GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"long request line", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n",
         414},
        {"long field", "GET /e HTTP/1.1\r\nHost: x\r\nX-A: " + std::string(9000, 'a') + "\r\n\r\n",
         431},
        {"large head",
         "GET /e HTTP/1.1\r\nHost: x\r\nX-A: " + std::string(7000, 'a') + "\r\nX-B: " +
             std::string(7000, 'b') + "\r\nX-C: " + std::string(7000, 'c') + "\r\n\r\n",
         431},
        {"unknown expectation",
         "POST /e HTTP/1.1\r\n" + host + "Expect: tea\r\nContent-Length: 1\r\n\r\na", 417},
    };
}

std::vector<Row> bad_bodies() {
    const auto chunked = [](std::string_view body) {
        return "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string(body);
    };
    return {
        {"no size", chunked("\r\nabc\r\n0\r\n\r\n"), 400},
        {"sign", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400},
        {"0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
        {"space before the size", chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400},
        {"two sizes", chunked("3 3\r\nabc\r\n0\r\n\r\n"), 400},
        {"not hex", chunked("g\r\nabc\r\n0\r\n\r\n"), 400},
        {"many digits", chunked("00000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
        {"overflow", chunked("fffffffffffffffff\r\nabc\r\n"), 400},
        {"LF behind the size", chunked("3\nabc\r\n0\r\n\r\n"), 400},
        {"CR alone behind the size", chunked("3\rabc\r\n0\r\n\r\n"), 400},
        {"LF behind the data", chunked("3\r\nabc\n0\r\n\r\n"), 400},
        {"too much data", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
        {"CR LF CR X", chunked("3\r\nabc\r\n0\r\n\rX"), 400},
        {"control in an extension", chunked("3;a=\x01\r\nabc\r\n0\r\n\r\n"), 400},
        {"LF in an extension", chunked("3;a\nabc\r\n0\r\n\r\n"), 400},
        {"length as a trailer", chunked("3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n"), 400},
        {"folded trailer", chunked("3\r\nabc\r\n0\r\nX-A: b\r\n c\r\n\r\n"), 400},
    };
}

class RefusalTest : public ::testing::Test {
protected:
    void SetUp() override {
        server->any("/e", [](Request& r) { return Response::text(std::string(r.body())); });
        server->post("/stream", [](Request& request) -> Task<Response> {
            const auto body = co_await request.read_all();
            co_return body ? Response::text(*body) : Response::error(599, body.error().message());
        });
    }
    TestServer server;
};

void expect_refusal(std::uint16_t port, const Row& row, bool byte_by_byte) {
    SCOPED_TRACE(row.name);
    RawClient client(port);
    // A second request hides behind the first: it must never be answered.
    const std::string all = row.request + "GET /e HTTP/1.1\r\nHost: smuggled\r\n\r\n";
    if (byte_by_byte) {
        for (const char c : all) {
            client.send({&c, 1});
        }
    } else {
        client.send(all);
    }
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, row.status);
    EXPECT_TRUE(answer.closes());
    EXPECT_TRUE(answer.complete);
    EXPECT_GT(std::ranges::count(answer.body, '\n'), 1)
        << answer.body;  // the status and the reason
    EXPECT_TRUE(client.at_end());
    EXPECT_FALSE(client.was_reset());
}

TEST_F(RefusalTest, BadHeads) {
    server.start();
    for (const Row& row : bad_heads()) {
        expect_refusal(server.port(), row, false);
    }
    EXPECT_EQ(server.fired(Limit::head_bytes), 1u);
    EXPECT_EQ(server.fired(Limit::line_bytes), 2u);
    EXPECT_EQ(server->metrics().total.responses[2], 0u);
}

TEST_F(RefusalTest, BadHeadsByteByByte) {
    server.start();
    for (const Row& row : bad_heads()) {
        if (row.request.size() < 1000) {
            expect_refusal(server.port(), row, true);
        }
    }
}

TEST_F(RefusalTest, BadBodies) {
    server.start();
    for (const Row& row : bad_bodies()) {
        expect_refusal(server.port(), row, false);
        Row streamed = row;
        streamed.request.replace(0, 7, "POST /stream");
        expect_refusal(server.port(), streamed, false);
    }
}

TEST_F(RefusalTest, TooManyFields) {
    server.start();
    std::string request = "GET /e HTTP/1.1\r\nHost: x\r\n";
    for (int i = 0; i < 100; ++i) {
        request += "X-" + std::to_string(i) + ": v\r\n";
    }
    expect_refusal(server.port(), {"fields", request + "\r\n", 431}, false);
    EXPECT_EQ(server.fired(Limit::fields), 1u);
}

TEST_F(RefusalTest, ChunkExtensionsAreBounded) {
    server.start();
    std::string request = "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 40; ++i) {
        request += "1;a=" + std::string(1000, 'x') + "\r\nq\r\n";
    }
    expect_refusal(server.port(), {"extensions", request, 400}, false);
    EXPECT_EQ(server.fired(Limit::chunk_extension_bytes), 1u);
}

TEST_F(RefusalTest, BodiesAboveTheLimitAreRefusedBeforeTheyAreSent) {
    const LogLines log;
    server.start();
    RawClient client(server.port());
    client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 12300000\r\n\r\n");
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(answer.closes());
    EXPECT_TRUE(log.contains("413 POST /e: body 12.3 MB > body_bytes 1 MiB")) << log.all();
    EXPECT_EQ(server.fired(Limit::body_bytes), 1u);
}

TEST_F(RefusalTest, AnUploadThatIsRefusedStillReadsItsAnswer) {
    server.start();
    RawClient client(server.port());
    // A client that sends everything before it looks: without lingering it would meet a reset instead of the answer.
    client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 12300000\r\n\r\n");
    EXPECT_TRUE(client.send(std::string(12'300'000, 'u')));
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(client.at_end());
    EXPECT_FALSE(client.was_reset());
}

TEST_F(RefusalTest, ChunkedBodiesAboveTheLimit) {
    server.start();
    RawClient client(server.port());
    client.send("POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'c') + "\r\n";
    for (int i = 0; i < 40; ++i) {
        client.send(chunk);
    }
    EXPECT_EQ(client.read().status, 413);
    EXPECT_TRUE(client.at_end());
    EXPECT_FALSE(client.was_reset());
}

TEST_F(RefusalTest, ReadAllHasALimitOfItsOwn) {
    server->post("/small", [](Request& request) -> Task<Response> {
        const auto body = co_await request.read_all(10);
        if (!body) {
            co_return Response::error(body.error() == Errc::limit_exceeded ? 413 : 500);
        }
        co_return Response::text(*body);
    });
    server.start();
    EXPECT_EQ(ask(server.port(),
                  "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789")
                  .body,
              "0123456789");
    EXPECT_EQ(ask(server.port(),
                  "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n0123456789a")
                  .status,
              413);
    EXPECT_EQ(ask(server.port(),
                  "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n")
                  .status,
              413);
}

TEST_F(RefusalTest, UploadsToNowhereAreAnsweredAtOnce) {
    server.start();
    RawClient small(server.port());
    small.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    const RawResponse early = small.read();  // before its body was sent
    EXPECT_EQ(early.status, 404);
    EXPECT_FALSE(early.closes());
    small.send(std::string(1000, 's') + "GET /e HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(small.read().status, 200);
    RawClient large(server.port());
    large.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    const RawResponse last = large.read();
    EXPECT_EQ(last.status, 404);
    EXPECT_TRUE(last.closes());
    EXPECT_TRUE(large.at_end());
}

TEST_F(RefusalTest, ConnectionsThatEndEarly) {
    server.start();
    for (const char* begun :
         {"GET /e HTT", "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc",
          "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"}) {
        RawClient client(server.port());
        client.send(begun);
        client.finish_sending();
        const RawResponse answer = client.read();
        EXPECT_EQ(answer.status, 400) << begun;
        EXPECT_TRUE(client.at_end());
    }
    RawClient streamed(server.port());
    streamed.send("POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc");
    streamed.finish_sending();
    const RawResponse told = streamed.read();  // the handler is told, and says so
    EXPECT_EQ(told.status, 599);
    EXPECT_NE(told.body.find("ended the stream"), std::string::npos) << told.body;
    RawClient silent(server.port());
    silent.finish_sending();
    EXPECT_TRUE(silent.at_end());
}

// --- 100 (Continue)

constexpr std::string_view expecting =
    "HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

TEST_F(RefusalTest, ContinueWhenTheServerBeginsToBuffer) {
    server.start();
    RawClient client(server.port());
    for (int i = 0; i < 2; ++i) {
        client.send("POST /e " + std::string(expecting));
        EXPECT_EQ(client.read().status, 100);
        client.send("abcde");
        EXPECT_EQ(client.read().body, "abcde");
    }
}

TEST_F(RefusalTest, NoContinueWhenTheBodyIsThere) {
    server.start();
    RawClient client(server.port());
    client.send("POST /e " + std::string(expecting) + "abcde");
    EXPECT_EQ(client.read().status, 200);
    client.send("POST /stream " + std::string(expecting) + "abcde");
    EXPECT_EQ(client.read().status, 200);
}

TEST_F(RefusalTest, ContinueWhenTheHandlerAsks) {
    server->post("/later", [](Request& request) -> Task<Response> {
        co_await sleep_for(30ms);
        const auto body = co_await request.read_all();
        co_return Response::text(body.value());
    });
    server.start();
    RawClient client(server.port());
    client.send("POST /later " + std::string(expecting));
    EXPECT_TRUE(client.quiet_for(10));
    EXPECT_EQ(client.read().status, 100);
    client.send("abcde");
    EXPECT_EQ(client.read().body, "abcde");
}

TEST_F(RefusalTest, NoContinueBehindAFinalAnswer) {
    server->post("/no", [](Request&) -> Task<Response> { co_return Response::error(403); });
    server->post("/nostream", [](Request&, ResponseWriter& out) -> Task<> {
        out.status(403);
        static_cast<void>(co_await out.write("no"));
    });
    server.start();
    for (const char* path : {"/no", "/nostream", "/nowhere"}) {
        RawClient client(server.port());
        client.send("POST " + std::string(path) + " " + std::string(expecting));
        const RawResponse answer = client.read();
        EXPECT_EQ(answer.status / 100, 4) << path;
        EXPECT_TRUE(answer.closes()) << path;  // nobody knows whether the body comes
        EXPECT_TRUE(client.at_end());
    }
    const RawResponse large = ask(
        server.port(),
        "POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 50000000\r\n\r\n");
    EXPECT_EQ(large.status, 413);
}

TEST_F(RefusalTest, Http10HasNoContinue) {
    server.start();
    RawClient client(server.port());
    client.send("POST /e HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    EXPECT_TRUE(client.quiet_for(20));
    client.send("abcde");
    EXPECT_EQ(client.read().status, 200);
}

}  // namespace
}  // namespace corevent::http::test
