// The closed-loop engine: N connections that each wait for their answers before they send again; a
// connection for every request; and the idle connections. One thread, one object per run. It
// measures between begin and end of a Window and checks every answer.
//
//   connecting -> waiting -> parked           bringing up: one request on each connection
//   parked -> waiting -> waiting ...          keep-alive: batch after batch
//   connecting -> waiting -> ending -> (new)  close: the server ends the connection
#pragma once

#include "load/options.h"
#include "load/report.h"
#include "load/response.h"
#include "load/socket.h"

#include <expected>
#include <string>
#include <vector>

namespace ce_load {

class ClosedLoop {
public:
    ClosedLoop(const Options& options, std::string request);
    ~ClosedLoop();
    ClosedLoop(const ClosedLoop&) = delete;
    ClosedLoop& operator=(const ClosedLoop&) = delete;

    /// Runs warm-up and window; the report, or one line that says why it could not run.
    std::expected<Report, std::string> run();

    /// Brings all connections up with one request each, says so on stdout, holds them until a line
    /// arrives on stdin.
    std::expected<Report, std::string> hold();

private:
    enum class State : std::uint8_t { closed, connecting, waiting, parked, ending };

    struct Connection {
        int fd = -1;
        State state = State::closed;
        std::size_t unsent = 0;       ///< octets of *sending_ still to be sent
        std::size_t outstanding = 0;  ///< answers that are still to come
        std::uint64_t started_ns = 0;
        ResponseReader reader;
    };

    bool bring_up();
    void open(std::size_t index);
    void reopen(Connection& connection);
    void start_batch(Connection& connection);
    bool flush(Connection& connection);
    void handle(Connection& connection, std::uint32_t events);
    void read(Connection& connection, std::uint32_t events);
    void answered(Connection& connection, std::size_t completed);
    void ended(Connection& connection);
    void fail(Connection& connection, std::uint64_t Errors::* kind);
    void turn(std::uint64_t timeout_ns);
    void run_for(double seconds);
    void run_until_all_done();
    void count_stalled();
    bool finished() const noexcept;
    bool hopeless() const noexcept;
    std::string failure_text() const;

    const Options& options_;
    const std::size_t sources_;
    const std::string single_;
    const std::string batch_;
    const std::string* sending_ = &single_;
    Expectation expected_;
    EpollSet epoll_;
    std::vector<Connection> connections_;
    std::vector<char> buffer_;
    Report report_;
    Window window_;
    bool bringing_up_ = false;
    std::size_t parked_ = 0;
    std::uint64_t issued_ = 0;
    std::uint64_t lost_ = 0;  ///< requests of a fixed number that will get no answer
    std::size_t turns_ = 0;   ///< connections opened so far; spreads them over the sources
};

}  // namespace ce_load
