// What the tests of evhttp share: a server on a thread of its own, and blocking clients that fail the
// test instead of waiting for ever.
#pragma once

#include <event2/buffer.h>
#include <event2/corevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace http_test {

/// Where the network work and the handlers of a server run.
struct Mode {
    const char* name;
    int threads;
    int mode;
};

inline void PrintTo(const Mode& mode, std::ostream* out) {
    *out << mode.name;
}

inline std::uint16_t port_of(evhttp_bound_socket* bound) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
}

/// Asks again and again, and fails the test when that takes too long.
template <class Condition>
void wait_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        ASSERT_LT(std::chrono::steady_clock::now(), end);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

/// A server whose base a thread of its own dispatches. What touches the base before start() and after
/// stop() does so on the test's thread.
class Server {
public:
    using Handler = std::function<void(evhttp_request*)>;

    explicit Server(const Mode& mode) : base_(event_base_new()), http_(evhttp_new(base_)) {
        if (mode.threads > 0) {
            EXPECT_EQ(evhttp_set_threads(http_, mode.threads, mode.mode), 0);
        }
        port_ = port_of(evhttp_bind_socket_with_handle(http_, "127.0.0.1", 0));
        evhttp_set_gencb(
            http_,
            [](evhttp_request* request, void* arg) {
                static_cast<Server*>(arg)->handler_(request);
            },
            this);
        stop_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        stop_event_ = event_new(
            base_, stop_fd_, EV_READ,
            [](evutil_socket_t, short, void* arg) {
                event_base_loopbreak(static_cast<event_base*>(arg));
            },
            base_);
        event_add(stop_event_, nullptr);
    }
    ~Server() {
        stop();
        free_http();
        free_base();
        close(stop_fd_);
    }

    /// `first`: what the thread does before it dispatches.
    void start(Handler handler, std::function<void()> first = [] {}) {
        handler_ = std::move(handler);
        thread_ = std::thread([this, first = std::move(first)] {
            first();
            home_ = std::this_thread::get_id();
            event_base_dispatch(base_);
        });
    }
    /// The base rests then, and may be started again.
    void stop() {
        if (thread_.joinable()) {
            std::uint64_t one = 1;
            EXPECT_EQ(write(stop_fd_, &one, sizeof one), 8);
            thread_.join();
            EXPECT_EQ(read(stop_fd_, &one, sizeof one), 8);
            event_add(stop_event_, nullptr);
        }
    }
    void free_http() {
        if (http_ != nullptr) {
            evhttp_free(std::exchange(http_, nullptr));
        }
    }

    /// Also while there is a server on it.
    void free_base() {
        if (base_ != nullptr) {
            event_free(stop_event_);
            event_base_free(std::exchange(base_, nullptr));
        }
    }

    event_base* base() { return base_; }
    evhttp* http() { return http_; }
    std::uint16_t port() const { return port_; }
    bool at_home() const { return std::this_thread::get_id() == home_; }

private:
    event_base* base_;
    evhttp* http_;
    std::uint16_t port_ = 0;
    int stop_fd_ = -1;
    event* stop_event_ = nullptr;
    Handler handler_;
    std::thread thread_;
    std::thread::id home_;
};

inline void reply(evhttp_request* request, int code, std::string_view body) {
    evbuffer* const buffer = evbuffer_new();
    evbuffer_add(buffer, body.data(), body.size());
    evhttp_send_reply(request, code, nullptr, buffer);
    evbuffer_free(buffer);
}

/// A blocking client that fails the test instead of waiting for ever.
class Client {
public:
    explicit Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const timeval patience{30, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
            << strerror(errno);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { close(fd_); }

    void send(std::string_view text) {
        EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    void get(const std::string& path) { send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"); }

    /// The connection goes with a reset, whatever is under way.
    void reset() {
        const linger hard{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }

    /// The body of the next answer; "" with `ended` set when the connection ends.
    std::string answer() {
        for (;;) {
            const std::size_t end = got_.find("\r\n\r\n");
            if (end != std::string::npos) {
                const std::string head = got_.substr(0, end);
                const bool chunked = head.find("Transfer-Encoding: chunked") != std::string::npos;
                const std::size_t length_at = head.find("Content-Length: ");
                const std::size_t begin = end + 4;
                std::size_t behind = begin;
                std::size_t size = 0;
                if (chunked) {
                    const std::size_t last = got_.find("0\r\n\r\n", end);
                    size = last != std::string::npos ? last - begin : std::string::npos;
                    behind = last + 5;
                } else if (length_at != std::string::npos) {
                    const std::size_t length = std::stoul(head.substr(length_at + 16));
                    size = got_.size() >= begin + length ? length : std::string::npos;
                    behind = begin + length;
                }
                if (size != std::string::npos) {
                    std::string body = got_.substr(begin, size);
                    got_.erase(0, behind);
                    return body;
                }
            }
            if (!more()) {
                return {};
            }
        }
    }
    /// Everything up to the end of the connection.
    std::string rest() {
        while (more()) {
        }
        return std::exchange(got_, {});
    }
    bool ended() const { return ended_; }
    /// Whether the process, which serves it, has read all that was sent.
    bool was_read() const {
        sockaddr_in mine{};
        sockaddr_in servers{};
        socklen_t length = sizeof mine;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&mine), &length);
        getpeername(fd_, reinterpret_cast<sockaddr*>(&servers), &length);
        std::ifstream table("/proc/self/net/tcp");
        std::string line;
        for (std::getline(table, line); std::getline(table, line);) {
            unsigned local_port = 0;
            unsigned remote_port = 0;
            unsigned unread = 1;
            unsigned long inode = 0;  // 0: not accepted yet
            if (std::sscanf(line.c_str(), " %*u: %*x:%x %*x:%x %*x %*x:%x %*x:%*x %*x %*u %*u %lu",
                            &local_port, &remote_port, &unread, &inode) == 4 &&
                local_port == ntohs(servers.sin_port) && remote_port == ntohs(mine.sin_port)) {
                return unread == 0 && inode != 0;
            }
        }
        return false;
    }
    /// Until `text` is among what has come.
    void wait_for(std::string_view text) {
        while (got_.find(text) == std::string::npos && more()) {
        }
        EXPECT_NE(got_.find(text), std::string::npos);
    }

private:
    bool more() {
        char buffer[65536];
        const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
        if (n <= 0) {
            EXPECT_TRUE(n == 0 || errno == ECONNRESET) << strerror(errno);
            ended_ = true;
            return false;
        }
        got_.append(buffer, static_cast<std::size_t>(n));
        return true;
    }

    int fd_;
    std::string got_;
    bool ended_ = false;
};

}  // namespace http_test
