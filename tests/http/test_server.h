// TestServer: a server on loopback with its own loops, for tests that talk to it through RawClient.
// Routes and limits are set before start(). LogLines collects what the library logs while it lives.
// Thread of the test.
#pragma once

#include "http/server_core.h"
#include "support/raw_client.h"

#include <corevent/http.h>
#include <corevent/log.h>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace corevent::http::test {

using corevent::test::RawClient;
using corevent::test::RawResponse;
using namespace std::chrono_literals;

/// What is logged while one of these lives (one at a time, made before the loops start).
class LogLines {
public:
    LogLines() {
        const std::lock_guard lock(mutex());
        lines().clear();
        set_log_sink([](LogLevel, std::string_view line) {
            const std::lock_guard guard(mutex());
            lines().emplace_back(line);
        });
    }
    ~LogLines() { set_log_sink(nullptr); }

    bool contains(std::string_view text) const { return count(text) != 0; }
    std::size_t count(std::string_view text) const {
        const std::lock_guard lock(mutex());
        std::size_t found = 0;
        for (const std::string& line : lines()) {
            found += line.find(text) != std::string::npos;
        }
        return found;
    }
    std::string all() const {
        const std::lock_guard lock(mutex());
        std::string text;
        for (const std::string& line : lines()) {
            text += line + "\n";
        }
        return text;
    }

private:
    static std::mutex& mutex() {
        static std::mutex one;
        return one;
    }
    static std::vector<std::string>& lines() {
        static std::vector<std::string> all_lines;
        return all_lines;
    }
};

/// Waits for something that another thread brings about: looks again and again, for ten seconds at
/// most.
inline bool eventually(const std::function<bool()>& condition) {
    for (const auto end = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < end;) {
        if (condition()) {
            return true;
        }
        std::this_thread::yield();
    }
    return condition();
}

class TestServer {
public:
    explicit TestServer(ServerOptions options = {}, unsigned loops = 1)
        : group(std::make_unique<LoopGroup>(LoopGroupOptions{.loops = loops})),
          server(std::make_unique<Server>(*group, std::move(options))) {}
    ~TestServer() {
        server.reset();
        group.reset();
    }

    void start() {
        const auto listening = server->listen("127.0.0.1:0");
        ASSERT_TRUE(listening) << listening.error().message;
        server->start();
    }
    std::uint16_t port() const { return server->addresses().front().port(); }
    std::uint64_t fired(Limit limit) const {
        return server->metrics().total.limits_fired[static_cast<std::size_t>(limit)];
    }
    ServerCore& core() { return server->core(); }
    Server* operator->() { return server.get(); }

    std::unique_ptr<LoopGroup> group;
    std::unique_ptr<Server> server;
};

inline ServerOptions with_limits(std::initializer_list<std::pair<Limit, std::uint64_t>> limits) {
    ServerOptions options;
    for (const auto& [limit, value] : limits) {
        options.limits[limit] = value;
    }
    return options;
}

/// One request on a connection of its own; the server must close it or the client does.
inline RawResponse ask(std::uint16_t port, std::string_view request) {
    RawClient client(port);
    client.send(request);
    return client.read();
}

}  // namespace corevent::http::test
