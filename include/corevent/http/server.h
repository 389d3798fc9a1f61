// Server: routes and listeners on a LoopGroup. Every loop accepts, reads, parses, answers and
// writes its own connections; no thread funnels. Set up from one controlling thread before start():
// routes and limits are read-only afterwards. Declared after its LoopGroup. shutdown() and
// metrics() may be called from any thread.
#pragma once

#include <corevent/http/handler.h>
#include <corevent/limits.h>
#include <corevent/listener.h>
#include <corevent/loop_group.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::http {

enum class LogFormat : std::uint8_t { text, json, combined };

struct StaticFilesOptions;

struct ServerOptions {
    Limits limits;
    std::string server_name{};  ///< value of the Server field; empty = the field is not sent
    std::chrono::milliseconds lame_duck{0};  ///< time between not ready and not accepting at
                                             ///< shutdown
    /// Access log: a descriptor to write lines to (one writer thread; loops never block; lines that
    /// do not fit into the ring are dropped and counted). -1 = off.
    int access_log_descriptor = -1;
    LogFormat access_log_format = LogFormat::text;
};

/// Figures since start, merged over the loops when asked for (relaxed counters; a reader may see
/// one loop a moment ahead).
struct LoopMetrics {
    std::uint64_t requests = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_open = 0;
    std::uint64_t octets_in = 0;
    std::uint64_t octets_out = 0;
    std::uint64_t responses[6] = {};  ///< by status class; [0] = cut without an answer
    std::uint64_t exceptions = 0;     ///< handlers that threw
    std::uint64_t stalls = 0;
    std::uint64_t longest_stall_ms = 0;
    std::uint64_t limits_fired[limit_count] = {};
};
struct Metrics {
    LoopMetrics total;
    std::vector<LoopMetrics> loops;
    std::uint64_t log_lines_dropped = 0;
    bool ready = false;  ///< started and not draining
};

class CE_API Server {
public:
    explicit Server(LoopGroup& loops, ServerOptions options = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Patterns: "/users/{id}", "/files/{path...}" (the rest, may be empty), "/exact". The most
    /// specific route wins: literal before {parameter} before {rest...}; a pattern given twice for
    /// one method, or malformed, throws std::logic_error (set-up only). GET serves HEAD; OPTIONS
    /// and 405 with Allow are answered from the table.
    Server& route(std::string_view method, std::string_view pattern, Handler handler);
    Server& any(std::string_view pattern, Handler handler);  ///< every method, those not in the
                                                             ///< enum too
    Server& get(std::string_view pattern, Handler handler) {
        return route("GET", pattern, std::move(handler));
    }
    Server& post(std::string_view pattern, Handler handler) {
        return route("POST", pattern, std::move(handler));
    }
    Server& put(std::string_view pattern, Handler handler) {
        return route("PUT", pattern, std::move(handler));
    }
    Server& del(std::string_view pattern, Handler handler) {
        return route("DELETE", pattern, std::move(handler));
    }
    Server& patch(std::string_view pattern, Handler handler) {
        return route("PATCH", pattern, std::move(handler));
    }
    /// Serves a directory below a prefix ("/" or "/static"). Fails when the directory cannot be
    /// opened.
    Outcome<void> files(std::string_view prefix, StaticFilesOptions options);
    /// Answers what no route does (default: 404).
    Server& otherwise(Handler handler);

    /// Opens a listener: ":8080", "127.0.0.1:0", "[::1]:80", "unix:/run/x.sock" (see
    /// Address::parse).
    Outcome<void> listen(std::string_view address, ListenerOptions options = {});
    const std::vector<Address>& addresses() const noexcept;  ///< in the order of listen(), with
                                                             ///< real ports

    void start();  ///< loops start (if they have not) and accept
    /// start(), then waits for SIGINT or SIGTERM, drains (a second signal cuts) and stops. Returns
    /// the exit code: 0, or 3 when the drain deadline cut something (each thing is listed in the
    /// log).
    int run();
    /// Any thread, idempotent: begins the drain: not ready, lame duck, stop accepting (nothing
    /// queued is reset), `Connection: close` on the next answers, idle connections closed, handlers
    /// asked to end at the drain deadline.
    void shutdown() noexcept;
    /// Controlling thread: waits for the end of the drain. 0 or 3 as in run().
    int wait();

    Metrics metrics() const;  // any thread
    LoopGroup& loops() noexcept;

    class ServerCore& core() noexcept {
        return *core_;
    }  ///< for the library's own floors and its tests

private:
    std::shared_ptr<class ServerCore> core_;  ///< also kept by requests that outlive the server
};

}  // namespace corevent::http
