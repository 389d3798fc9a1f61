// Pairs of connected streams on one loop, over each transport, and a client that records what it is
// told. For the suite that every kind of stream passes. One thread: the tests turn the loop
// themselves and wait for conditions, not for time.
#pragma once

#include "net/pipe.h"
#include "net/socket_stream.h"

#include <corevent/stream.h>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace corevent::test {

/// Turns `loop` until `done()`; false when nothing of it came true for a long time.
template <class Done>
bool turn_until(Loop& loop, Done done, std::chrono::seconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        loop.run_once(std::chrono::milliseconds(20));
    }
    return true;
}

/// Turns `loop` until a turn brings nothing more.
inline void turn_until_idle(Loop& loop) {
    while (loop.run_once(std::chrono::milliseconds(0))) {
    }
}

class Recorder final : public StreamClient {
public:
    Stream* stream = nullptr;  ///< null once closed
    std::string received;
    std::size_t received_bytes = 0;
    bool keep = true;  ///< whether `received` grows
    int spans = 0;
    int ends = 0;
    int drains = 0;
    int progresses = 0;
    int closes = 0;
    std::error_code why;
    bool inside_call = false;  ///< set by the tests around their own calls: nothing may arrive then
    std::function<void(std::span<char>)> bytes_hook;
    std::function<void()> end_hook;
    std::function<void()> drained_hook;
    std::function<void()> progress_hook;
    std::function<void()> closed_hook;

    void attach(Stream& s) {
        stream = &s;
        s.start(*this);
    }

    void on_bytes(std::span<char> bytes) override {
        check();
        ++spans;
        received_bytes += bytes.size();
        EXPECT_FALSE(bytes.empty());
        if (keep) received.append(bytes.data(), bytes.size());
        if (bytes_hook) bytes_hook(bytes);
    }
    void on_end() override {
        check();
        EXPECT_EQ(++ends, 1);
        if (end_hook) end_hook();
    }
    void on_drained() override {
        check();
        ++drains;
        EXPECT_EQ(stream->queued_bytes(), 0U);
        if (drained_hook) drained_hook();
    }
    void on_progress(std::size_t queued) override {
        check();
        ++progresses;
        EXPECT_GT(queued, 0U);
        if (progress_hook) progress_hook();
    }
    void on_closed(std::error_code reason) override {
        check();
        EXPECT_EQ(++closes, 1);
        why = reason;
        stream = nullptr;
        if (closed_hook) closed_hook();
    }

    /// A call of the stream that must not call back.
    template <class F>
    auto quietly(F call) {
        inside_call = true;
        struct Leave {
            bool& flag;
            ~Leave() { flag = false; }
        } leave{inside_call};
        return call(*stream);
    }

private:
    void check() const {
        EXPECT_FALSE(inside_call);
        EXPECT_EQ(closes, 0) << "called after on_closed()";
    }
};

enum class Kind : std::uint8_t { tcp_epoll, tcp_poll, unix_epoll, unix_poll, pipe, pipe_script };

inline std::string kind_name(Kind kind) {
    switch (kind) {
        case Kind::tcp_epoll: return "tcp_epoll";
        case Kind::tcp_poll: return "tcp_poll";
        case Kind::unix_epoll: return "unix_epoll";
        case Kind::unix_poll: return "unix_poll";
        case Kind::pipe: return "pipe";
        case Kind::pipe_script: return "pipe_script";
    }
    return "?";
}

inline Backend backend_of(Kind kind) {
    return kind == Kind::tcp_poll || kind == Kind::unix_poll ? Backend::poll : Backend::epoll;
}

/// Two connected descriptors. `buffer_bytes` bounds what the kernel holds (0: its own choice).
inline std::pair<int, int> connected_descriptors(Kind kind, int buffer_bytes) {
    const auto limit = [buffer_bytes](int fd) {
        if (buffer_bytes == 0) return;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    };
    if (kind == Kind::unix_epoll || kind == Kind::unix_poll) {
        int fds[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        limit(fds[0]);
        limit(fds[1]);
        return {fds[0], fds[1]};
    }
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const int on = 1;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    limit(listener);
    EXPECT_EQ(bind(listener, generic, sizeof address), 0);
    EXPECT_EQ(listen(listener, 16), 0);
    EXPECT_EQ(getsockname(listener, generic, &length), 0);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    limit(client);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    EXPECT_EQ(connect(client, generic, sizeof address), 0);
    const int server = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    EXPECT_GE(server, 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    ::close(listener);
    return {client, server};
}

enum class Side { connected, accepted };

inline Stream& adopt(Loop& loop, int fd, Side side = Side::connected) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length);
    SocketPool& pool = SocketPool::of(loop);
    pool.core().add_load(1);
    const auto* const address = reinterpret_cast<const sockaddr*>(&peer);
    if (side == Side::accepted) return pool.adopt_accepted(fd, address, pool.nobody());
    return **pool.adopt(fd, address, pool.nobody());
}

inline bool is_pipe(Kind kind) {
    return kind == Kind::pipe || kind == Kind::pipe_script;
}

inline std::pair<Stream*, Stream*> make_pair_of_streams(Loop& loop, Kind kind,
                                                        int buffer_bytes = 0) {
    if (is_pipe(kind)) {
        PipeScript script;
        if (buffer_bytes != 0) script.capacity_bytes = static_cast<std::size_t>(buffer_bytes);
        if (kind == Kind::pipe_script) {
            script.read_sizes = {1, 7, 4096, 2, 60000};
            script.write_sizes = {3, 5000, 0, 1, 64 * 1024};
            script.drain_delay_turns = 2;
        }
        return make_pipe(loop, script, script);
    }
    const auto [a, b] = connected_descriptors(kind, buffer_bytes);
    return {&adopt(loop, a), &adopt(loop, b, Side::accepted)};
}

}  // namespace corevent::test
