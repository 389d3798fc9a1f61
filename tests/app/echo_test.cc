// `corevent echo`: the request as text and as JSON.

#include "program.h"

namespace corevent::test {
namespace {

TEST(Echo, AnswersAsText) {
    Running server({"echo", "-p", "0"});
    const std::string response =
        curl({"-i", "-H", "X-One: 1", "-d", "the body", server.url("/a/b?c=d")}).out;
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_EQ(field_of(response, "content-type"), "text/plain; charset=utf-8");
    EXPECT_NE(response.find("\r\n\r\nPOST /a/b?c=d HTTP/1.1\n"), std::string::npos) << response;
    EXPECT_NE(response.find("X-One: 1\n"), std::string::npos) << response;
    EXPECT_TRUE(response.ends_with("\n\nthe body")) << response;
    EXPECT_EQ(server.stop(), 0);
}

TEST(Echo, TakesEveryMethodAndPath) {
    Running server({"echo", "-p", "0"});
    for (const std::string method : {"GET", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}) {
        const std::string text = curl({"-X", method, server.url("/any/thing")}).out;
        EXPECT_TRUE(text.starts_with(method + " /any/thing HTTP/1.1\n")) << text;
    }
    EXPECT_EQ(status_of(server.url("/"), {"-I"}), "200");
}

TEST(Echo, StreamsABodyOfAnySize) {
    const TemporaryDirectory directory;
    const std::string body(20 * 1024 * 1024, 'z');  // far above body_bytes
    const std::string file = directory.file("body", body);
    Running server({"echo", "-p", "0"});
    const Finished answer = curl({"-H", "Expect:", "-T", file, server.url("/")});
    EXPECT_EQ(answer.code, 0) << answer.err;
    const std::size_t head = answer.out.find("\n\n");
    ASSERT_NE(head, std::string::npos);
    EXPECT_EQ(answer.out.size() - head - 2, body.size());
    EXPECT_TRUE(answer.out.ends_with(body));
}

/// What python makes of the JSON in `text`.
std::string python(const std::string& text, const std::string& expression) {
    const Finished parsed =
        run({"python3", "-c",
             "import json,sys,base64; r = json.loads(sys.argv[1]); print(" + expression + ")",
             text});
    EXPECT_EQ(parsed.code, 0) << parsed.err << text;
    return parsed.out;
}

TEST(Echo, AnswersAsJsonWhenAsked) {
    Running server({"echo", "-p", "0"});
    const std::string text = curl({"-H", "Accept: text/html, application/json;q=0.9", "-H",
                                   "X: \"\\\t", "-d", "a\nb\"\xc3\xa4", server.url("/p%20q?c=d")})
                                 .out;
    EXPECT_EQ(python(text, "(r['method'], r['target'], r['path'], r['query'], r['body_bytes'])"),
              "('POST', '/p%20q?c=d', '/p q', 'c=d', 6)\n");
    EXPECT_EQ(python(text, "ascii(r['body'])"), "'a\\nb\"\\xe4'\n");
    EXPECT_EQ(python(text, "dict(r['headers'])['X']"), "\"\\\n");
    EXPECT_EQ(status_of(server.url("/"), {"-H", "Accept: application/json"}), "200");
    EXPECT_TRUE(curl({"-H", "Accept: application/json;q=0", server.url("/")})
                    .out.starts_with("GET / "));
}

TEST(Echo, AnswersAsJsonToEveryoneWithTheFlag) {
    Running server({"echo", "--json", "-p", "0"});
    const TemporaryDirectory directory;
    const std::string file = directory.file("body", std::string("\xff\x00\x01", 3));
    const std::string text = curl({"--data-binary", "@" + file, server.url("/")}).out;
    EXPECT_EQ(python(text, "base64.b64decode(r['body_base64'])"), "b'\\xff\\x00\\x01'\n");
    EXPECT_EQ(python(text, "r['version']"), "1.1\n");
}

TEST(Echo, HoldsNoMoreThanBodyBytesForJson) {
    Running server({"echo", "--json", "-p", "0", "--body-bytes", "10"});
    EXPECT_EQ(status_of(server.url("/"), {"-d", "0123456789"}), "200");
    EXPECT_EQ(status_of(server.url("/"), {"-d", "0123456789a"}), "413");
}

TEST(Echo, ShowsTrailers) {
    Running server({"echo", "--json", "-p", "0"});
    Client client(server.port);
    client.send(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n");
    const std::string response = client.receive_all();
    EXPECT_EQ(python(response.substr(response.find("\r\n\r\n") + 4), "(r['body'], r['trailers'])"),
              "('abc', [['X-Sum', '7']])\n");
}

}  // namespace
}  // namespace corevent::test
