#include "http/server_loop.h"

#include "http/server_core.h"

#include <corevent/log.h>

namespace corevent::http {

ServerLoop::ServerLoop(ServerCore& core, const ServerConfig& settings, LoopCore& on,
                       unsigned number)
    : server(core),
      config(settings),
      loop(on),
      index(number),
      parser(settings.head_limits),
      plain(*this),
      gate(std::make_shared<LoopGate>(on)),
      loops_(core.group.size()) {}

ServerLoop::~ServerLoop() = default;

// --- connections

void ServerLoop::accept(Stream& stream) {
    H1Connection* connection = slab_.create(*this, stream);
    connections_.push_back(*connection);
    counters.connections_accepted.add();
    counters.connections_open.add();
    connection->start();
    if (cutting_) {
        connection->kill();
    } else if (draining) {
        connection->begin_drain();
    }
}

void ServerLoop::forget(H1Connection& connection) noexcept {
    connections_.remove(connection);
    loop.bury(connection);
}

void ServerLoop::destroy(H1Connection& connection) noexcept {
    slab_.destroy(&connection);
    counters.connections_open.sub(1);  // last: when none is left, the server may go
}

/// The connections that are there now. What is done to one may end others; none is freed before the
/// end of the turn.
std::vector<H1Connection*> ServerLoop::snapshot() const {
    std::vector<H1Connection*> all;
    for (H1Connection* c = connections_.front(); c != nullptr; c = H1Connection::List::next(*c)) {
        all.push_back(c);
    }
    return all;
}

void ServerLoop::begin_drain() {
    draining = true;
    for (H1Connection* connection : snapshot()) {
        connection->begin_drain();
    }
}

std::size_t ServerLoop::cut_all(std::size_t lines_max) {
    draining = true;
    cutting_ = true;
    std::size_t busy = 0;
    for (H1Connection* connection : snapshot()) {
        if (connection->busy()) {
            if (++busy <= lines_max) {
                log_line(LogLevel::warning, "cut " + connection->describe());
            }
            counters.responses[0].add();
        }
        connection->kill();
    }
    if (busy > lines_max) {
        log_line(LogLevel::warning, "cut " + std::to_string(busy - lines_max) + " more on loop " +
                                        std::to_string(index));
    }
    return busy;
}

// --- pools

Exchange& ServerLoop::acquire_exchange() {
    if (free_exchanges_.empty()) {
        return *new Exchange(*this);
    }
    Exchange* exchange = free_exchanges_.back().release();
    free_exchanges_.pop_back();
    return *exchange;
}

void ServerLoop::recycle_exchange(Exchange& exchange) noexcept {
    if (pool_closed_ || free_exchanges_.size() >= pool_max) {
        delete &exchange;
    } else {
        free_exchanges_.emplace_back(&exchange);
    }
}

void ServerLoop::close_pool() noexcept {
    pool_closed_ = true;
    free_exchanges_.clear();
}

H1Intake& ServerLoop::acquire_intake() {
    std::unique_ptr<H1Intake> intake;
    if (free_intakes_.empty()) {
        intake = std::make_unique<H1Intake>();
        intake->parser = h1::HeadParser(config.head_limits);
    } else {
        intake = std::move(free_intakes_.back());
        free_intakes_.pop_back();
    }
    return *intake.release();
}

void ServerLoop::release_intake(H1Intake& intake) noexcept {
    std::unique_ptr<H1Intake> taken(&intake);
    if (free_intakes_.size() >= pool_max) {
        return;
    }
    intake.bytes.capacity() > kept_bytes ? intake.bytes.release() : intake.bytes.clear();
    intake.begin = 0;
    intake.parser.reset();
    intake.head.clear();
    intake.decoder = h1::BodyDecoder();
    intake.awaited_ms = intake.await_started = 0;
    free_intakes_.push_back(std::move(taken));
}

// --- log

void ServerLoop::log_limited(LogLimit& limit, std::string_view line) {
    std::uint64_t suppressed = 0;
    if (!limit.allow(suppressed)) {
        return;
    }
    if (suppressed == 0) {
        log_line(LogLevel::info, line);
    } else {
        log_line(LogLevel::info,
                 std::string(line) + " (and " + std::to_string(suppressed) + " more)");
    }
}

void ServerLoop::fired(Limit limit, std::string_view line) {
    count(limit);
    log_limited(limit_logs_[static_cast<std::size_t>(limit)], line);
}

void ServerLoop::refused(std::string_view line) {
    log_limited(refusal_log_, line);
}

}  // namespace corevent::http
