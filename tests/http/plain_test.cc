// Plain handlers over a real socket: keep-alive, pipelining, framing of answers, methods, request
// accessors.
#include "http/test_server.h"

namespace corevent::http::test {
namespace {

Response hello(Request&) {
    return Response::static_text("Hello, World!");
}

class PlainTest : public ::testing::Test {
protected:
    void SetUp() override {
        server->get("/hello", hello);
        server->post("/echo", [](Request& r) {
            return Response::bytes(std::string(r.body()), "application/octet-stream");
        });
        server->get("/nocontent", [](Request&) { return Response(204); });
        server->get("/notmodified", [](Request&) { return Response(304).header("ETag", "\"x\""); });
        server->get("/users/{id}/{rest...}", [](Request& r) {
            return Response::text(std::string(r.param("id")) + "|" + std::string(r.param("rest")) +
                                  "|" + std::string(r.param("none")) + "|" +
                                  std::string(r.route()));
        });
        server->any("/inspect/{x...}", inspect);
        server->get("/fields", [](Request&) {
            Response response = Response::text("body");
            response.header("X-One", "1")
                .header("X-One", "2")
                .header("Content-Length", "99")
                .header("Connection", "x");
            response.header("content-type", "text/markdown");
            return response;
        });
        server->get("/split", [](Request& r) {
            return Response::text("x").header("X-Bad", r.query_value("v").value());
        });
        server->get("/big", [](Request&) { return Response::text(std::string(1'000'000, 'b')); });
        server->get("/bigstatic", [](Request&) {
            static const std::string body(300'000, 's');
            return Response::static_text(body);
        });
        server.start();
    }

    static Response inspect(Request& r) {
        std::string text;
        text.append(r.method_name()).append(" ").append(r.target()).append("\n");
        text.append("path ").append(r.path()).append("\n");
        text.append("query ").append(r.query()).append("\n");
        text.append("a ").append(r.query_value("a").value_or("-")).append("\n");
        text.append("host ").append(r.host()).append("\n");
        text.append("minor ").append(std::to_string(r.version_minor())).append("\n");
        for (std::size_t i = 0; i < r.header_count(); ++i) {
            const auto [name, value] = r.header_at(i);
            text.append(name).append("=").append(value).append("\n");
        }
        return Response::text(text);
    }

    TestServer server;
};

TEST_F(PlainTest, AnswersAndKeepsTheConnection) {
    RawClient client(server.port());
    for (int i = 0; i < 3; ++i) {
        client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        const RawResponse answer = client.read();
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "Hello, World!");
        EXPECT_EQ(answer.field("Content-Length"), "13");
        EXPECT_EQ(answer.field("Content-Type"), "text/plain; charset=utf-8");
        EXPECT_EQ(answer.field("Date").size(), 29u);
        EXPECT_FALSE(answer.has("Connection"));
        EXPECT_FALSE(answer.has("Server"));
    }
    EXPECT_EQ(server->metrics().total.requests, 3u);
    EXPECT_EQ(server->metrics().total.responses[2], 3u);
}

TEST_F(PlainTest, TakesRequestsByteByByte) {
    RawClient client(server.port());
    for (const char c : std::string_view("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                         "5\r\n\r\nabcdeGET /hello HTTP/1.1\r\n"
                                         "Host: x\r\n\r\n")) {
        client.send({&c, 1});
    }
    EXPECT_EQ(client.read().body, "abcde");
    EXPECT_EQ(client.read().body, "Hello, World!");
}

TEST_F(PlainTest, AnswersPipelinedRequestsInOrder) {
    RawClient client(server.port());
    std::string requests;
    for (int i = 0; i < 500; ++i) {
        requests += "GET /users/" + std::to_string(i) + "/x HTTP/1.1\r\nHost: x\r\n\r\n";
        requests +=
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
            "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    }
    client.send(requests);
    for (int i = 0; i < 500; ++i) {
        EXPECT_EQ(client.read().body, std::to_string(i) + "|x||/users/{id}/{rest...}");
        EXPECT_EQ(client.read().body, "abcde");
    }
}

TEST_F(PlainTest, HeadHasFieldsAndNoBody) {
    RawClient client(server.port());
    client.send(
        "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nHEAD /big HTTP/1.1\r\nHost: x\r\n\r\nGET /hello "
        "HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse head = client.read(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.field("Content-Length"), "13");
    EXPECT_EQ(client.read(true).field("Content-Length"), "1000000");
    EXPECT_EQ(client.read().body, "Hello, World!");
}

TEST_F(PlainTest, StatusWithoutBodyHasNoLength) {
    RawClient client(server.port());
    client.send(
        "GET /nocontent HTTP/1.1\r\nHost: x\r\n\r\nGET /notmodified HTTP/1.1\r\nHost: x\r\n\r\nGET "
        "/hello HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse empty = client.read();
    EXPECT_EQ(empty.status, 204);
    EXPECT_FALSE(empty.has("Content-Length"));
    const RawResponse same = client.read();
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.field("ETag"), "\"x\"");
    EXPECT_FALSE(same.has("Content-Length"));
    EXPECT_EQ(client.read().status, 200);
}

TEST_F(PlainTest, ShowsTheRequest) {
    RawClient client(server.port());
    client.send(
        "BREW /inspect/%61%2Eb/./c/../d?a=1%202+3&b HTTP/1.1\r\nHost: example.org:81\r\nX-A:  b c "
        "\r\nx-a: d\r\n\r\n");
    EXPECT_EQ(client.read().body,
              "BREW /inspect/%61%2Eb/./c/../d?a=1%202+3&b\npath /inspect/a.b/d\nquery "
              "a=1%202+3&b\na 1 2 3\n"
              "host example.org:81\nminor 1\nHost=example.org:81\nX-A=b c\nx-a=d\n");
    client.send("GET http://other.example/inspect/x?q HTTP/1.1\r\nHost: example.org\r\n\r\n");
    EXPECT_NE(client.read().body.find("host other.example\n"), std::string::npos);
    client.send("GET /inspect/.well-known/x HTTP/1.0\r\n\r\n");
    EXPECT_NE(client.read().body.find("path /inspect/.well-known/x\n"), std::string::npos);
}

TEST_F(PlainTest, MethodsThatNoRouteTakes) {
    RawClient client(server.port());
    client.send("PUT /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    const RawResponse refused = client.read();
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.field("Allow"), "GET, HEAD, OPTIONS");
    client.send("OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse options = client.read();
    EXPECT_EQ(options.status, 204);
    EXPECT_EQ(options.field("Allow"), "POST, OPTIONS");
    client.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read().status, 204);
    client.send("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse missing = client.read();
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.body, "404 Not Found\n");
    client.send("BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read().status, 405);
    client.send("CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n");
    const RawResponse tunnel = client.read();
    EXPECT_EQ(tunnel.status, 501);
    EXPECT_TRUE(tunnel.closes());
}

TEST_F(PlainTest, BadPathsAreRefused) {
    for (const char* path :
         {"/%", "/%zz", "/%00", "/a%2Fb", "/../x", "/%2e%2e/x", "/%C0%AF", "/%0A"}) {
        const RawResponse answer =
            ask(server.port(), std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_EQ(answer.status, 400) << path;
        EXPECT_TRUE(answer.closes()) << path;
    }
}

TEST_F(PlainTest, FieldsOfTheServerAreNotTheHandlers) {
    const LogLines log;
    RawClient client(server.port());
    client.send("GET /fields HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Length"), "4");
    EXPECT_FALSE(answer.has("Connection"));
    EXPECT_EQ(answer.field("Content-Type"), "text/markdown");
    EXPECT_EQ(answer.head.find("Content-Type"), answer.head.rfind("Content-Type"));
    EXPECT_NE(answer.head.find("X-One: 1\r\nX-One: 2\r\n"), std::string::npos);
    EXPECT_TRUE(log.contains("ignored"));
}

TEST_F(PlainTest, AnswersAreNeverSplit) {
    const LogLines log;
    RawClient client(server.port());
    client.send("GET /split?v=a%0D%0AX-Injected:%201 HTTP/1.1\r\nHost: x\r\n\r\n");
    // The control characters do not even get that far: query_value() refuses to decode them.
    const RawResponse answer = client.read();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.head.find("Injected"), std::string::npos);
}

TEST_F(PlainTest, LargeBodiesArriveWhole) {
    RawClient client(server.port());
    client.send(
        "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /bigstatic HTTP/1.1\r\nHost: x\r\n\r\nGET /hello "
        "HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read().body, std::string(1'000'000, 'b'));
    EXPECT_EQ(client.read().body, std::string(300'000, 's'));
    EXPECT_EQ(client.read().body, "Hello, World!");
}

TEST_F(PlainTest, ManyLargePipelinedAnswersToASlowReader) {
    RawClient client(server.port(), 4096);
    std::string requests;
    for (int i = 0; i < 40; ++i) {
        requests += "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    client.send(requests);
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(client.read().body.size(), 1'000'000u);
    }
}

struct KeepAliveRow {
    const char* request;
    bool keeps;
    const char* connection;  ///< the field of the answer
};

TEST_F(PlainTest, KeepAliveByVersionAndConnection) {
    const KeepAliveRow rows[] = {
        {"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", true, ""},
        {"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false, "close"},
        {"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: foo, CLOSE\r\n\r\n", false, "close"},
        {"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", true, ""},
        {"GET /hello HTTP/1.0\r\n\r\n", false, "close"},
        {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "keep-alive"},
        {"GET /hello HTTP/1.0\r\nConnection: close\r\n\r\n", false, "close"},
    };
    for (const KeepAliveRow& row : rows) {
        RawClient client(server.port());
        client.send(row.request);
        const RawResponse answer = client.read();
        EXPECT_EQ(answer.status, 200) << row.request;
        EXPECT_EQ(answer.field("Connection"), row.connection) << row.request;
        if (row.keeps) {
            client.send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            EXPECT_EQ(client.read().status, 200) << row.request;
        }
        EXPECT_TRUE(client.at_end()) << row.request;
        EXPECT_FALSE(client.was_reset()) << row.request;
    }
}

TEST_F(PlainTest, HalfClosedClientsGetTheirAnswers) {
    RawClient client(server.port());
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /users/1/a HTTP/1.1\r\nHost: x\r\n\r\n");
    client.finish_sending();
    EXPECT_EQ(client.read().body, "Hello, World!");
    EXPECT_EQ(client.read().body, "1|a||/users/{id}/{rest...}");
    EXPECT_TRUE(client.at_end());
}

TEST(Server, SendsItsName) {
    ServerOptions options;
    options.server_name = "corevent-test";
    TestServer server(std::move(options));
    server->get("/", hello);
    server.start();
    EXPECT_EQ(ask(server.port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").field("Server"),
              "corevent-test");
}

TEST(Server, OtherwiseAnswersWhatNoRouteDoes) {
    TestServer server;
    server->get("/a", hello);
    server->otherwise([](Request& r) {
        return Response::text("nothing at " + std::string(r.path()), 404);
    });
    server.start();
    EXPECT_EQ(ask(server.port(), "GET /b HTTP/1.1\r\nHost: x\r\n\r\n").body, "nothing at /b");
    EXPECT_EQ(ask(server.port(), "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxy").body,
              "nothing at /c");
    EXPECT_EQ(ask(server.port(), "POST /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
}

TEST(Server, EndsConnectionsByNumberOfRequestsAndAge) {
    TestServer server(with_limits({{Limit::connection_requests, 2}}));
    server->get("/", hello);
    server.start();
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client.read().closes());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.read().closes());
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(server.fired(Limit::connection_requests), 1u);
}

}  // namespace
}  // namespace corevent::http::test
