// Where evhttp is stricter, or more right, than libevent: requests that it refuses or frames
// differently, answers that it does not spoil, limits and the lenient switch. The rest of its
// behaviour is compared with the installed library in tests/compat/diff/http_*.c.
#include "http_test_support.h"

#include <event2/bufferevent.h>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace http_test;
using namespace std::string_view_literals;

constexpr Mode plain{"Plain", 0, 0};

/// Answers with method, target and body; the server's settings are the test's.
class HttpStrict : public testing::Test {
protected:
    HttpStrict() : server_(plain) {}

    void start() {
        server_.start([](evhttp_request* request) {
            evbuffer* const input = evhttp_request_get_input_buffer(request);
            const std::string body(reinterpret_cast<char*>(evbuffer_pullup(input, -1)),
                                   evbuffer_get_length(input));
            reply(request, 200, std::string(evhttp_request_get_uri(request)) + "|" + body);
        });
    }

    /// All that comes back for `octets` and a request behind them that ends the connection.
    std::string exchange(std::string_view octets) {
        Client client(server_.port());
        client.send(octets);
        client.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        return client.rest();
    }
    /// The statuses of the answers, in order: "200 400".
    std::string statuses(std::string_view octets) {
        const std::string all = exchange(octets);
        std::string found;
        for (std::size_t at = all.find("HTTP/1."); at != std::string::npos;
             at = all.find("HTTP/1.", at + 1)) {
            found += (found.empty() ? "" : " ") + all.substr(at + 9, 3);
        }
        return found;
    }

    Server server_;
};

TEST_F(HttpStrict, RequestsThatCanBeMisreadAreRefused) {
    start();
    const std::string_view refused[] = {
        "GET /a HTTP/1.1\nHost: h\n\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"sv,
        "GET /a HTTP/1.1\r\nHost: h\r\nA: b\x01"
        "c\r\n\r\n",
        "GET /a HTTP/0.9\r\n\r\n",
        "GET /a HTTP/01.1\r\nHost: h\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a#f HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://u@h/a HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a HTTP/1.1\r\n Host: h\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\nab",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\nab",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked, x\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n",
    };
    for (const std::string_view request : refused) {
        EXPECT_EQ(statuses(request), "400") << request;
    }
}

TEST_F(HttpStrict, ChunkExtensionsAreRead) {
    start();
    EXPECT_EQ(statuses("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "2;a=b\r\nab\r\n0\r\n\r\n"),
              "200 200");
}

/// Octets behind the header of a HEAD request are its body, and not another request.
TEST_F(HttpStrict, TheBodyOfAHeadRequestIsItsBody) {
    start();
    EXPECT_EQ(statuses("HEAD /a HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n"
                       "GET /b HTTP/1.1\r\nHost: xyz\r\n\r\n"),
              "200 200");
}

/// An answer to HEAD, and 204, have no body whatever the program gives.
TEST_F(HttpStrict, AnswersWithoutBodyHaveNone) {
    server_.start([](evhttp_request* request) {
        reply(request, evhttp_request_get_uri(request) == std::string_view("/204") ? 204 : 200,
              "body");
    });
    const std::string head = exchange("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(head.find("body"), head.rfind("body"));
    const std::string empty = exchange("GET /204 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(empty.find("body"), empty.rfind("body"));
}

/// `close` counts wherever it stands among the members of Connection.
TEST_F(HttpStrict, CloseAmongOtherMembersOfConnection) {
    start();
    EXPECT_EQ(statuses("GET /a HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n"), "200");
}

/// A %00 does not make a longer path look like a shorter one.
TEST_F(HttpStrict, AnEncodedNulEndsNoPath) {
    server_.start([](evhttp_request* request) { reply(request, 404, "general"); });
    evhttp_set_cb(
        server_.http(), "/secret",
        [](evhttp_request* request, void*) { reply(request, 200, "secret"); }, nullptr);
    EXPECT_EQ(statuses("GET /secret%00.txt HTTP/1.1\r\nHost: h\r\n\r\n"), "404 404");
    EXPECT_EQ(statuses("GET /secret HTTP/1.1\r\nHost: h\r\n\r\n"), "200 404");
}

TEST_F(HttpStrict, APatternMayEndInAStar) {
    server_.start([](evhttp_request* request) { reply(request, 200, "root"); });
    evhttp* const other = evhttp_new(nullptr);
    evhttp_set_gencb(
        other, [](evhttp_request* request, void*) { reply(request, 202, "other"); }, nullptr);
    EXPECT_EQ(evhttp_add_virtual_host(server_.http(), "other.*", other), 0);
    EXPECT_EQ(statuses("GET / HTTP/1.1\r\nHost: other.org\r\n\r\n"), "202 200");
}

TEST_F(HttpStrict, TheLenientSwitch) {
    evhttp_set_lenient(server_.http(), 1);
    start();
    EXPECT_EQ(statuses("GET /a HTTP/1.1\nHost: h\n\n"), "200 200");
    EXPECT_EQ(statuses("GET /a HTTP/1.1\r\n\r\n"), "200 200");
    EXPECT_EQ(statuses("POST /a HTTP/1.1\nHost: h\nContent-Length: 2\n\nab"), "200 200");
    EXPECT_EQ(statuses("POST /a HTTP/1.1\nHost: h\nContent-Length: 2\nContent-Length: 3\n\nab"),
              "400");
}

TEST_F(HttpStrict, TheLimits) {
    evhttp_set_limits(server_.http(), 1);
    start();
    EXPECT_EQ(statuses("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), "414");
    EXPECT_EQ(statuses("GET /a HTTP/1.1\r\nHost: h\r\nA: " + std::string(9000, 'a') + "\r\n\r\n"),
              "431");
    std::string many = "GET /a HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 120; ++i) {
        many += "A: b\r\n";
    }
    EXPECT_EQ(statuses(many + "\r\n"), "431");
    EXPECT_EQ(statuses("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n"), "413");
}

TEST_F(HttpStrict, TheMostConnections) {
    EXPECT_EQ(evhttp_set_max_connections(server_.http(), -1), -1);
    EXPECT_EQ(evhttp_set_max_connections(server_.http(), 2), 0);
    start();
    Client first(server_.port());
    first.get("/1");
    EXPECT_EQ(first.answer(), "/1|");
    Client second(server_.port());
    second.get("/2");
    EXPECT_EQ(second.answer(), "/2|");
    EXPECT_EQ(evhttp_get_connection_count(server_.http()), 2);
    Client third(server_.port());
    EXPECT_NE(third.rest().find(" 503 "), std::string::npos);
    first.get("/3");
    EXPECT_EQ(first.answer(), "/3|");
}

TEST_F(HttpStrict, ACallbackForEachNewRequest) {
    struct Seen {
        int requests = 0;
        int headers = 0;
        std::string pieces;
    } seen;
    evhttp_set_newreqcb(
        server_.http(),
        [](evhttp_request* request, void* arg) {
            ++static_cast<Seen*>(arg)->requests;
            request->cb_arg = arg;
            evhttp_request_set_header_cb(request, [](evhttp_request* of, void* seen_arg) {
                ++static_cast<Seen*>(seen_arg)->headers;
                return evhttp_request_get_uri(of) == std::string_view("/drop") ? -1 : 0;
            });
            evhttp_request_set_chunked_cb(request, [](evhttp_request* of, void* seen_arg) {
                evbuffer* const input = evhttp_request_get_input_buffer(of);
                static_cast<Seen*>(seen_arg)->pieces +=
                    "<" +
                    std::string(reinterpret_cast<char*>(evbuffer_pullup(input, -1)),
                                evbuffer_get_length(input)) +
                    ">";
            });
            return 0;
        },
        &seen);
    start();
    EXPECT_EQ(statuses("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              "200 200");
    EXPECT_EQ(statuses("GET /drop HTTP/1.1\r\nHost: h\r\n\r\n"), "");
    server_.stop();
    EXPECT_EQ(seen.pieces, "<abc><de>");
    EXPECT_EQ(seen.requests, 3);
    EXPECT_EQ(seen.headers, 3);
}

TEST_F(HttpStrict, PagesOfTheProgramForErrors) {
    evhttp_set_errorcb(
        server_.http(),
        [](evhttp_request*, evbuffer* page, int error, const char* reason, void*) {
            if (error == 400) {
                return -1;
            }
            evbuffer_add_printf(page, "own page: %d %s", error, reason);
            return 0;
        },
        nullptr);
    server_.start([](evhttp_request* request) { evhttp_send_error(request, 500, nullptr); });
    EXPECT_NE(exchange("GET /a HTTP/1.1\r\nHost: h\r\n\r\n").find("own page: 500 Internal"),
              std::string::npos);
    EXPECT_NE(exchange("garbage\r\n\r\n").find("Bad Request</h1>"), std::string::npos);
}

/// A request that the program owns stays after its answer, until it is freed.
TEST_F(HttpStrict, OwnedRequestsStay) {
    evhttp_request* kept = nullptr;
    server_.start([&](evhttp_request* request) {
        if (evhttp_request_get_uri(request) == std::string_view("/own")) {
            kept = request;
            evhttp_request_own(request);
        }
        reply(request, 200, "x");
    });
    EXPECT_EQ(statuses("GET /own HTTP/1.1\r\nHost: h\r\n\r\n"), "200 200");
    server_.stop();
    ASSERT_NE(kept, nullptr);
    EXPECT_STREQ(evhttp_request_get_uri(kept), "/own");
    EXPECT_STREQ(kept->remote_host, "127.0.0.1");
    evhttp_request_free(kept);
}

/// A second answer to the same request is none.
TEST_F(HttpStrict, OneAnswerForEachRequest) {
    server_.start([](evhttp_request* request) {
        reply(request, 200, "first");
        reply(request, 200, "second");
        evhttp_send_error(request, 500, nullptr);
    });
    const std::string all = exchange("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(all.find("second"), std::string::npos);
    EXPECT_EQ(all.find("500"), std::string::npos);
}

/// The refusal of a body arrives although its sender goes on sending.
TEST_F(HttpStrict, ARefusalIsNotLostInAReset) {
    evhttp_set_max_body_size(server_.http(), 10);
    start();
    for (int i = 0; i < 20; ++i) {
        Client client(server_.port());
        client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" +
                    std::string(500'000, 'x'));
        EXPECT_NE(client.rest().find(" 413 "), std::string::npos);
    }
}

/// Without descriptors accepting rests; it neither spins nor gives up.
TEST_F(HttpStrict, DescriptorsRunOut) {
    std::vector<std::unique_ptr<Client>> clients;  // in the backlog
    for (int i = 0; i < 10; ++i) {
        clients.push_back(std::make_unique<Client>(server_.port()));
        clients.back()->get("/" + std::to_string(i));
    }
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{128, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    std::vector<int> spent;
    for (int fd = dup(0); fd >= 0; fd = dup(0)) {
        spent.push_back(fd);
    }
    const auto used = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec +
               usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
    };
    start();
    const auto begin = used();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    EXPECT_LT(used() - begin, 200'000);
    for (const int fd : spent) {
        close(fd);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(clients[static_cast<std::size_t>(i)]->answer(), "/" + std::to_string(i) + "|");
    }
}

/// An answer larger than any buffer of the kernel, to a client that takes its time.
TEST_F(HttpStrict, LargeAnswersToASlowClient) {
    const std::string large(20'000'000, 'x');
    server_.start([&](evhttp_request* request) { reply(request, 200, large); });
    Client client(server_.port());
    client.get("/large");
    client.get("/large");
    EXPECT_EQ(client.answer().size(), large.size());
    EXPECT_EQ(client.answer().size(), large.size());
}

}  // namespace
