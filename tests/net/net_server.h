// An echo server on a LoopGroup, and waiting for conditions of other threads: for tests of listeners. The server's clients
// are raw sockets, so that nothing of ours stands on both sides.
#pragma once

#include <corevent/listener.h>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace corevent::test {

/// Waits until another thread has made `done()` true; false after a long time.
template <class Done>
bool wait_until(Done done, std::chrono::seconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    return true;
}

/// Answers each span with itself and ends when the peer does. "B" holds the loop for 200 ms first. Frees itself.
class Echo final : public StreamClient {
public:
    explicit Echo(Stream& stream) : stream_(stream) { stream.start(*this); }
    void on_bytes(std::span<char> bytes) override {
        if (bytes.front() == 'B') std::this_thread::sleep_for(std::chrono::milliseconds(200));
        stream_.write(std::string_view(bytes.data(), bytes.size()));
    }
    void on_end() override { stream_.close(); }
    void on_drained() override {}
    void on_closed(std::error_code) override { delete this; }

private:
    Stream& stream_;
};

/// A blocking client of any address.
class RawSocket {
public:
    explicit RawSocket(const Address& to) {
        sockaddr_storage storage{};
        const socklen_t length = to.to_sockaddr(&storage);
        fd_ = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval limit{20, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&storage), length) == 0;
        error_ = connected_ ? 0 : errno;
    }
    RawSocket(RawSocket&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), error_(other.error_) {}
    RawSocket& operator=(RawSocket&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(connected_, other.connected_);
        std::swap(error_, other.error_);
        return *this;
    }
    ~RawSocket() { close(); }

    bool connected() const { return connected_; }
    int error() const { return error_; }
    int fd() const { return fd_; }
    bool send(std::string_view text) {
        return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(text.size());
    }
    /// What comes next; "" at the end, "!" after an error.
    std::string receive() {
        char buffer[4096];
        const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
        return got < 0 ? "!" : std::string(buffer, static_cast<std::size_t>(got));
    }
    bool ping() { return send("ping") && receive() == "ping"; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
    bool connected_ = false;
    int error_ = 0;
};

class EchoServer {
public:
    explicit EchoServer(unsigned loops, const Address& address = Address::loopback(0),
                        const ListenerOptions& options = {}, Backend backend = Backend::automatic)
        : group({.loops = loops, .backend = backend, .stall_threshold = {}}) {
        auto opened = Listener::open(group, address, options, [this](Loop& loop, Stream& stream) {
            EXPECT_TRUE(loop.is_current());
            EXPECT_EQ(&stream.loop(), &loop);
            ++served;
            new Echo(stream);
        });
        if (!opened) {
            ADD_FAILURE() << opened.error().message;
            return;
        }
        listener = std::move(*opened);
        listener->start();
        group.start();
    }
    /// Every client must have gone or go. Who still waits to be accepted is let in first: a loop that
    /// ends with streams open does not tell their clients.
    ~EchoServer() {
        if (listener == nullptr) return;
        close();
        EXPECT_TRUE(wait_until([&] { return listener->connections() == 0; }));
    }

    const Address& address() const { return listener->address(); }
    /// Closes the listener and waits until that is done.
    void close() {
        std::atomic<bool> done{false};
        listener->close([&] { done = true; });
        EXPECT_TRUE(wait_until([&] { return done.load(); }));
    }

    LoopGroup group;
    std::atomic<int> served{0};
    std::unique_ptr<Listener> listener;
};

}  // namespace corevent::test
