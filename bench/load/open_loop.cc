#include "load/open_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ce_load {
namespace {

constexpr std::size_t open_max = 15'000;
constexpr std::uint64_t delayed_ns = 10'000'000;
constexpr std::uint64_t late_ns = 1'000'000;
constexpr std::uint64_t straggler_ns = 5'000'000'000;

}  // namespace

OpenLoop::OpenLoop(const Options& options, std::string request)
    : options_(options),
      sources_(options.sources > 0 ? options.sources : 16),
      request_(std::move(request)),
      connections_(open_max),
      buffer_(64 * 1024) {
    expected_.status = options.expected_status;
    expected_.body_bytes = options.expected_body;
    for (std::uint32_t slot = 0; slot < open_max; ++slot) free_.push_back(slot);
}

OpenLoop::~OpenLoop() {
    for (const Connection& connection : connections_) {
        if (connection.fd >= 0) close(connection.fd);
    }
}

std::expected<Report, std::string> OpenLoop::run() {
    run_for(options_.warmup_seconds);
    window_.begin(options_, report_);
    run_for(options_.seconds);
    window_.end(options_, report_);
    wait_for_stragglers();
    if (report_.requests == 0)
        return std::unexpected("no usable answers from port " + std::to_string(options_.port));
    return report_;
}

void OpenLoop::run_for(double seconds) {
    const auto step = static_cast<std::uint64_t>(1e9 / options_.rate);
    std::uint64_t due = now_ns();
    const std::uint64_t end = due + static_cast<std::uint64_t>(seconds * 1e9);
    for (std::uint64_t now = due; now < end; now = now_ns()) {
        while (due <= now && due < end) {
            start(due);
            due += step;
        }
        const std::uint64_t next = std::min(due, end);
        const std::uint64_t after = now_ns();
        for (const epoll_event& event : epoll_.wait(next > after ? next - after : 0)) {
            handle(event.data.u32, event.events);
        }
    }
}

void OpenLoop::start(std::uint64_t due_ns) {
    if (free_.empty()) {
        ++report_.errors.connect;
        return;
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    Connection& connection = connections_[slot];
    connection = Connection();
    connection.started_ns = now_ns();
    if (connection.started_ns - due_ns > late_ns) ++report_.started_late;
    connection.fd = start_connect(options_.port, sources_, turns_++);
    if (connection.fd < 0 || !epoll_.add(connection.fd, slot)) fail(slot, &Errors::connect);
}

void OpenLoop::handle(std::uint32_t slot, std::uint32_t events) {
    Connection& connection = connections_[slot];
    if (connection.fd < 0) return;
    if (!connection.sent) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0 && connect_error(connection.fd) != 0) {
            fail(slot, &Errors::connect);
            return;
        }
        if ((events & EPOLLOUT) == 0) return;
        // The request is far smaller than an empty send buffer: one send takes it all or the
        // connection is broken.
        const ssize_t sent = send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(request_.size())) {
            fail(slot, &Errors::cut);
            return;
        }
        connection.sent = true;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) read(connection, slot);
}

void OpenLoop::read(Connection& connection, std::uint32_t slot) {
    for (;;) {
        const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            if (connection.complete)
                finish(slot);
            else
                fail(slot, &Errors::cut);
            return;
        }
        report_.bytes += static_cast<std::uint64_t>(got);
        if (!connection.answering) first_octet(connection);
        const auto progress =
            connection.reader.feed({buffer_.data(), static_cast<std::size_t>(got)}, expected_);
        if (progress.error == ResponseError::none &&
            progress.completed <= (connection.complete ? 0U : 1U)) {
            connection.complete = connection.complete || progress.completed == 1;
            continue;
        }
        if (progress.error == ResponseError::status)
            fail(slot, &Errors::status);
        else if (progress.error == ResponseError::length)
            fail(slot, &Errors::length);
        else
            fail(slot, &Errors::malformed);
        return;
    }
}

void OpenLoop::first_octet(Connection& connection) {
    connection.answering = true;
    if (connection.started_ns < window_.begun_ns()) return;
    const std::uint64_t taken = now_ns() - connection.started_ns;
    report_.latency.add(taken);
    if (taken > delayed_ns) ++report_.delayed_over_10ms;
}

void OpenLoop::finish(std::uint32_t slot) {
    Connection& connection = connections_[slot];
    if (connection.started_ns >= window_.begun_ns()) ++report_.requests;
    close(connection.fd);
    connection.fd = -1;
    free_.push_back(slot);
}

void OpenLoop::fail(std::uint32_t slot, std::uint64_t Errors::* kind) {
    Connection& connection = connections_[slot];
    ++(report_.errors.*kind);
    if (connection.fd >= 0) close(connection.fd);
    connection.fd = -1;
    free_.push_back(slot);
}

/// Connections still open get their chance; those that never answer count as delayed and as
/// stalled.
void OpenLoop::wait_for_stragglers() {
    const std::uint64_t end = now_ns() + straggler_ns;
    for (std::uint64_t now = now_ns(); free_.size() < open_max && now < end; now = now_ns()) {
        for (const epoll_event& event : epoll_.wait(end - now))
            handle(event.data.u32, event.events);
    }
    for (const Connection& connection : connections_) {
        if (connection.fd < 0 || connection.started_ns < window_.begun_ns()) continue;
        ++report_.errors.stalled;
        if (!connection.answering) ++report_.delayed_over_10ms;
    }
}

}  // namespace ce_load
