// ServerLoop: what one loop of a server has for itself: the connections it owns, the plain exchange
// and the pool of the others, the parser of the span being dispatched, the cached date, the
// counters. Nothing in it is shared but the counters and the gate. It lives as long as the server
// or the last exchange that runs on it.
#pragma once

#include "base/slab.h"
#include "codec/h1_parser.h"
#include "http/counters.h"
#include "http/date_field.h"
#include "http/exchange.h"
#include "http/h1_connection.h"
#include "http/log_limit.h"
#include "http/responder_ticket.h"
#include "http/server_config.h"
#include "loop/loop_core.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace corevent::http {

class ServerLoop {
public:
    ServerLoop(ServerCore& server, const ServerConfig& config, LoopCore& loop, unsigned index);
    ~ServerLoop();
    ServerLoop(const ServerLoop&) = delete;
    ServerLoop& operator=(const ServerLoop&) = delete;

    // --- connections
    void accept(Stream& stream);
    void forget(H1Connection& connection) noexcept;   ///< closed: buried at the end of the turn
    void destroy(H1Connection& connection) noexcept;  ///< buried
    /// Answers say `Connection: close` from now on, idle connections go.
    void begin_drain();
    /// Lists in the log what is under way (at most `lines_max` lines), asks its handlers to end and
    /// closes every connection; returns how many requests that were.
    std::size_t cut_all(std::size_t lines_max);

    // --- exchanges
    Exchange& acquire_exchange();
    void recycle_exchange(Exchange& exchange) noexcept;
    std::uint64_t next_id() noexcept { return ++requests_ * loops_ + index; }
    /// The server goes: exchanges that come back from now on are freed.
    void close_pool() noexcept;

    H1Intake& acquire_intake();
    void release_intake(H1Intake& intake) noexcept;

    const char* date() noexcept { return date_.get(loop.now_ms()); }

    /// Counts a limit that fired and logs it (at most one line a second and limit).
    void fired(Limit limit, std::string_view line);
    void count(Limit limit) noexcept {
        counters.limits_fired[static_cast<std::size_t>(limit)].add();
    }
    /// Logs a refusal that is no limit, at most one line a second.
    void refused(std::string_view line);

    ServerCore& server;
    const ServerConfig& config;
    LoopCore& loop;
    const unsigned index;

    // --- the span being dispatched
    h1::HeadParser parser;
    h1::RequestHead head;
    Exchange plain;
    H1Connection* dispatched = nullptr;  ///< whose output goes into the loop's cork

    LoopCounters counters;
    std::uint64_t output_queued = 0;  ///< of all connections here
    /// "GET /big" of whole answers that are still leaving.
    std::unordered_map<const H1Connection*, std::string> unsent;
    bool draining = false;
    std::shared_ptr<LoopGate> gate;

private:
    std::vector<H1Connection*> snapshot() const;
    void log_limited(LogLimit& limit, std::string_view line);

    static constexpr std::size_t pool_max = 256;
    static constexpr std::size_t kept_bytes = 4096;  ///< a pooled buffer that has grown beyond this
                                                     ///< is given back

    unsigned loops_;
    std::uint64_t requests_ = 0;
    bool cutting_ = false;
    bool pool_closed_ = false;
    DateField date_;
    SlabPool<H1Connection> slab_;
    H1Connection::List connections_;
    std::vector<std::unique_ptr<Exchange>> free_exchanges_;
    std::vector<std::unique_ptr<H1Intake>> free_intakes_;
    std::array<LogLimit, limit_count> limit_logs_;
    LogLimit refusal_log_;
};

}  // namespace corevent::http
