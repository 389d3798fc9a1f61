#include "load/closed_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ce_load {
namespace {

constexpr std::size_t opening_max = 128;              // below every peer's listen backlog
constexpr std::uint64_t bring_up_ns = 5'000'000'000;  // without another connection coming up
constexpr std::uint64_t silence_ns = 20'000'000'000;
constexpr std::uint64_t turn_ns = 10'000'000;
constexpr std::size_t receive_bytes = 256 * 1024;
constexpr std::uint32_t end_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

std::size_t pick_sources(const Options& options) {
    if (options.sources > 0) return options.sources;
    if (options.mode == Mode::close) return 16;
    return options.connections > 1000 ? options.connections / 1000 : 0;
}

std::string repeat(const std::string& text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

std::uint64_t Errors::* error_kind(ResponseError error) noexcept {
    if (error == ResponseError::status) return &Errors::status;
    if (error == ResponseError::length) return &Errors::length;
    return &Errors::malformed;
}

}  // namespace

ClosedLoop::ClosedLoop(const Options& options, std::string request)
    : options_(options),
      sources_(pick_sources(options)),
      single_(std::move(request)),
      batch_(repeat(single_, options.pipeline)),
      connections_(options.connections),
      buffer_(receive_bytes) {
    expected_.status = options.expected_status;
    expected_.body_bytes = options.expected_body;
}

ClosedLoop::~ClosedLoop() {
    for (const Connection& connection : connections_) {
        if (connection.fd >= 0) close(connection.fd);
    }
}

std::expected<Report, std::string> ClosedLoop::run() {
    if (options_.mode == Mode::keep_alive) {
        if (!bring_up()) return std::unexpected(failure_text());
        sending_ = &batch_;
    }
    const bool fixed = options_.requests > 0;
    if (fixed) window_.begin(options_, report_);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        if (options_.mode == Mode::close)
            open(i);
        else
            start_batch(connections_[i]);
    }
    if (fixed) {
        run_until_all_done();
    } else {
        run_for(options_.warmup_seconds);
        window_.begin(options_, report_);
        run_for(options_.seconds);
    }
    window_.end(options_, report_);
    if (!fixed) count_stalled();
    if (report_.requests == 0) return std::unexpected(failure_text());
    return report_;
}

std::expected<Report, std::string> ClosedLoop::hold() {
    if (!bring_up()) return std::unexpected(failure_text());
    std::printf("{\"event\":\"holding\",\"connections\":%zu}\n", parked_);
    std::fflush(stdout);
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (poll(&input, 1, -1) < 0 && errno == EINTR) {
    }
    char byte = 0;
    for (const Connection& connection : connections_) {
        if (recv(connection.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
            ++report_.errors.cut;
    }
    report_.requests = parked_;
    return report_;
}

/// Opens all connections, a bounded number at a time; each sends one request and is parked when it
/// is answered.
bool ClosedLoop::bring_up() {
    bringing_up_ = true;
    std::uint64_t deadline = now_ns() + bring_up_ns;
    std::size_t opened = 0;
    while (parked_ < connections_.size()) {
        while (opened < connections_.size() && opened - parked_ < opening_max) open(opened++);
        const std::size_t before = parked_;
        turn(turn_ns);
        if (parked_ != before) deadline = now_ns() + bring_up_ns;
        if (report_.errors.total() > 0 || now_ns() > deadline) return false;
    }
    bringing_up_ = false;
    return true;
}

void ClosedLoop::open(std::size_t index) {
    Connection& connection = connections_[index];
    connection.reader.reset();
    connection.outstanding = 0;
    connection.unsent = 0;
    connection.started_ns = now_ns();
    connection.fd = start_connect(options_.port, sources_, turns_++);
    if (connection.fd < 0 || !epoll_.add(connection.fd, static_cast<std::uint32_t>(index))) {
        fail(connection, &Errors::connect);
        return;
    }
    connection.state = State::connecting;
}

void ClosedLoop::reopen(Connection& connection) {
    if (connection.fd >= 0) close(connection.fd);
    connection.fd = -1;
    connection.state = State::closed;
    const bool all_issued = options_.requests > 0 && issued_ >= options_.requests;
    if (hopeless() || (all_issued && !bringing_up_)) return;
    open(static_cast<std::size_t>(&connection - connections_.data()));
}

void ClosedLoop::start_batch(Connection& connection) {
    const std::size_t size = bringing_up_ || options_.mode == Mode::close ? 1 : options_.pipeline;
    if (!bringing_up_) {
        if (options_.requests > 0 && issued_ >= options_.requests) {
            connection.state = State::parked;
            return;
        }
        issued_ += size;
    }
    connection.state = State::waiting;
    connection.outstanding = size;
    connection.unsent = sending_->size();
    if (options_.mode != Mode::close) connection.started_ns = now_ns();
    flush(connection);
}

bool ClosedLoop::flush(Connection& connection) {
    while (connection.unsent > 0) {
        const char* from = sending_->data() + (sending_->size() - connection.unsent);
        const ssize_t sent = send(connection.fd, from, connection.unsent, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;  // any other error is met by the read that follows
        connection.unsent -= static_cast<std::size_t>(sent);
    }
    return true;
}

void ClosedLoop::handle(Connection& connection, std::uint32_t events) {
    if (connection.state == State::closed) return;
    if (connection.state == State::connecting) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0 && connect_error(connection.fd) != 0) {
            fail(connection, &Errors::connect);
            return;
        }
        if ((events & EPOLLOUT) == 0) return;
        start_batch(connection);
        if ((events & EPOLLIN) == 0) return;
    }
    if (connection.unsent > 0 && (events & EPOLLOUT) != 0) flush(connection);
    if ((events & (EPOLLIN | end_events)) != 0) read(connection, events);
}

void ClosedLoop::read(Connection& connection, std::uint32_t events) {
    for (;;) {
        const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            ended(connection);
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        report_.bytes += size;
        const auto progress = connection.reader.feed({buffer_.data(), size}, expected_);
        if (progress.completed > connection.outstanding) {
            fail(connection, &Errors::malformed);
            return;
        }
        if (progress.completed > 0) answered(connection, progress.completed);
        if (progress.error != ResponseError::none) {
            fail(connection, error_kind(progress.error));
            return;
        }
        const bool may_have_ended = (events & end_events) != 0 || connection.state == State::ending;
        if (size < buffer_.size() && !may_have_ended) return;
    }
}

void ClosedLoop::answered(Connection& connection, std::size_t completed) {
    const std::uint64_t taken = now_ns() - connection.started_ns;
    connection.outstanding -= completed;
    if (!bringing_up_) {
        report_.requests += completed;
        for (std::size_t i = 0; i < completed; ++i) report_.latency.add(taken);
    }
    if (connection.outstanding > 0) return;
    if (bringing_up_) {
        connection.state = State::parked;
        ++parked_;
    } else if (options_.mode == Mode::close) {
        connection.state = State::ending;
    } else {
        start_batch(connection);
    }
}

/// The server ended the connection, or it broke.
void ClosedLoop::ended(Connection& connection) {
    if (connection.state == State::ending) {
        reopen(connection);
        return;
    }
    if (bringing_up_ || options_.mode == Mode::close || !connection.reader.at_boundary()) {
        fail(connection, &Errors::cut);
        return;
    }
    ++report_.reconnects;
    issued_ -= std::min<std::uint64_t>(issued_, connection.outstanding);  // they are sent again
    reopen(connection);
}

void ClosedLoop::fail(Connection& connection, std::uint64_t Errors::* kind) {
    ++(report_.errors.*kind);
    lost_ += connection.outstanding;
    if (connection.state == State::ending) {  // octets after the only answer: it was not right
        --report_.requests;
        ++lost_;
    }
    reopen(connection);
}

void ClosedLoop::turn(std::uint64_t timeout_ns) {
    for (const epoll_event& event : epoll_.wait(timeout_ns))
        handle(connections_[event.data.u32], event.events);
}

void ClosedLoop::run_for(double seconds) {
    const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    for (std::uint64_t now = now_ns(); now < end && !hopeless(); now = now_ns())
        turn(std::min(turn_ns, end - now));
}

void ClosedLoop::run_until_all_done() {
    std::uint64_t last_requests = 0;
    std::uint64_t last_change = now_ns();
    while (!finished() && !hopeless()) {
        turn(turn_ns);
        const std::uint64_t now = now_ns();
        if (report_.requests != last_requests) {
            last_requests = report_.requests;
            last_change = now;
        } else if (now - last_change > silence_ns) {
            report_.errors.stalled += options_.requests - report_.requests;
            return;
        }
    }
}

bool ClosedLoop::finished() const noexcept {
    return report_.requests + lost_ >= options_.requests;
}

void ClosedLoop::count_stalled() {
    for (const Connection& connection : connections_) {
        const bool waited =
            connection.state == State::waiting || connection.state == State::connecting;
        if (waited && connection.started_ns < window_.begun_ns()) ++report_.errors.stalled;
    }
}

bool ClosedLoop::hopeless() const noexcept {
    return report_.errors.total() + report_.reconnects > 1000 + report_.requests / 10;
}

std::string ClosedLoop::failure_text() const {
    const Errors& errors = report_.errors;
    return "no usable answers from port " + std::to_string(options_.port) + ": " +
           std::to_string(parked_) + " of " + std::to_string(connections_.size()) +
           " connections came up; errors: connect " + std::to_string(errors.connect) + ", status " +
           std::to_string(errors.status) + ", length " + std::to_string(errors.length) +
           ", malformed " + std::to_string(errors.malformed) + ", cut " +
           std::to_string(errors.cut);
}

}  // namespace ce_load
