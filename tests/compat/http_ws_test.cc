// WebSocket sessions on evhttp: the handshake, messages both ways, closing from either side, and what
// becomes of sessions when their server goes.
#include "http_test_support.h"

#include <event2/bufferevent.h>
#include <event2/ws.h>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>

namespace {

using namespace http_test;
using namespace std::string_view_literals;

constexpr std::string_view upgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: echo, other\r\n\r\n";

/// A frame of less than 126 octets, masked with zeros.
std::string frame(unsigned first, std::string_view payload) {
    std::string out;
    out += static_cast<char>(first);
    out += static_cast<char>(0x80 | payload.size());
    out.append(4, '\0');
    return out.append(payload);
}

class HttpWs : public testing::TestWithParam<Mode> {
protected:
    HttpWs() : server_(GetParam()) {}

    /// Echoes; "close" makes the server close, "free" end at once.
    void start() {
        server_.start([this](evhttp_request* request) {
            evws_connection* const session = evws_new_session(
                request,
                [](evws_connection* of, int type, const unsigned char* data, std::size_t size,
                   void*) {
                    const std::string text(reinterpret_cast<const char*>(data), size);
                    if (text == "close") {
                        evws_close(of, WS_CR_NORMAL);
                    } else if (text == "free") {
                        evws_connection_free(of);
                    } else if (type == WS_TEXT_FRAME) {
                        evws_send_text(of, text.c_str());
                    } else {
                        evws_send_binary(of, text.data(), text.size());
                    }
                },
                nullptr, 0);
            if (session != nullptr) {
                evws_connection_set_closecb(
                    session,
                    [](evws_connection*, void* arg) { ++*static_cast<std::atomic<int>*>(arg); },
                    &closed_);
                EXPECT_NE(evws_connection_get_bufferevent(session), nullptr);
            }
        });
    }

    std::atomic<int> closed_ = 0;
    Server server_;
};

INSTANTIATE_TEST_SUITE_P(Modes, HttpWs,
                         testing::Values(Mode{"Plain", 0, 0}, Mode{"Io", 2, EVHTTP_THREADS_IO},
                                         Mode{"All", 2, EVHTTP_THREADS_ALL}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(HttpWs, MessagesAndTheClosingHandshake) {
    start();
    Client client(server_.port());
    client.send(std::string(upgrade) + frame(0x81, "early"));
    client.send(frame(0x01, "He") + frame(0x89, "ping") + frame(0x80, "llo"));
    client.send(frame(0x82, "\0\1"sv) + frame(0x88, "\x03\xE8"));
    const std::string all = client.rest();
    const std::size_t end = all.find("\r\n\r\n");
    ASSERT_NE(end, std::string::npos);
    const std::string head = all.substr(0, end);
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 "));
    EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    EXPECT_NE(head.find("Sec-WebSocket-Protocol: echo"), std::string::npos);
    EXPECT_EQ(all.substr(end + 4),
              "\x81\x05"
              "early\x8A\x04ping\x81\x05Hello\x82\x02\0\1\x88\x02\x03\xE8"sv);
    server_.stop();
    server_.free_http();
    EXPECT_EQ(closed_, 1);
}

TEST_P(HttpWs, TheServerCloses) {
    start();
    Client client(server_.port());
    client.send(std::string(upgrade) + frame(0x81, "close") + frame(0x81, "too late") +
                frame(0x88, "\x03\xE8"));
    const std::string all = client.rest();
    EXPECT_TRUE(all.ends_with("\r\n\r\n\x88\x02\x03\xE8"sv));
    Client other(server_.port());
    other.send(std::string(upgrade) + frame(0x81, "free"));
    EXPECT_EQ(other.rest().find('\x88'), std::string::npos);
    server_.stop();
    server_.free_http();
    EXPECT_EQ(closed_, 2);
}

TEST_P(HttpWs, BrokenRulesCloseTheSession) {
    start();
    for (const auto& [octets, code] : {std::pair{std::string("\x81\x01x"), "\x03\xEA"sv},
                                       {frame(0x81, "\xFF"), "\x03\xEF"sv},
                                       {frame(0x83, ""), "\x03\xEA"sv}}) {
        Client client(server_.port());
        client.send(std::string(upgrade) + octets);
        EXPECT_TRUE(client.rest().ends_with("\x88\x02" + std::string(code)));
    }
}

TEST_P(HttpWs, RequestsThatAreNoUpgrade) {
    start();
    const auto first_line = [&](std::string request) {
        Client client(server_.port());
        client.send(request);
        const std::string all = client.rest();
        return all.substr(0, all.find(' ', 9));
    };
    EXPECT_EQ(first_line("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1 400");
    std::string wrong(upgrade);
    wrong.replace(wrong.find("Version: 13"), 11, "Version: 12");
    EXPECT_EQ(first_line(wrong), "HTTP/1.1 426");
    wrong = upgrade;
    wrong.replace(wrong.find("Key: "), 5, "Key: x");
    EXPECT_EQ(first_line(wrong), "HTTP/1.1 400");
    EXPECT_EQ(closed_, 0);
}

TEST_P(HttpWs, SessionsEndWithTheirServer) {
    start();
    Client client(server_.port());
    client.send(std::string(upgrade) + frame(0x81, "x"));
    Client gone(server_.port());
    gone.send(std::string(upgrade));
    client.wait_for("\x81\x01x");
    gone.wait_for("\r\n\r\n");
    server_.stop();
    server_.free_http();
    EXPECT_EQ(closed_, 2);
}

}  // namespace
