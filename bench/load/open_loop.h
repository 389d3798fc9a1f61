// The open-loop engine: new connections at a fixed rate whatever the answers do, each with one
// request. It measures the time from connect to the first octet of the answer, which is what a
// client behind a blocked loop feels. One thread.
#pragma once

#include "load/options.h"
#include "load/report.h"
#include "load/response.h"
#include "load/socket.h"

#include <expected>
#include <string>
#include <vector>

namespace ce_load {

class OpenLoop {
public:
    OpenLoop(const Options& options, std::string request);
    ~OpenLoop();
    OpenLoop(const OpenLoop&) = delete;
    OpenLoop& operator=(const OpenLoop&) = delete;

    std::expected<Report, std::string> run();

private:
    struct Connection {
        int fd = -1;
        bool sent = false;
        bool answering = false;  ///< the first octet has come
        bool complete = false;
        std::uint64_t started_ns = 0;
        ResponseReader reader;
    };

    void run_for(double seconds);
    void start(std::uint64_t due_ns);
    void handle(std::uint32_t slot, std::uint32_t events);
    void read(Connection& connection, std::uint32_t slot);
    void first_octet(Connection& connection);
    void finish(std::uint32_t slot);
    void fail(std::uint32_t slot, std::uint64_t Errors::* kind);
    void wait_for_stragglers();

    const Options& options_;
    const std::size_t sources_;
    const std::string request_;
    Expectation expected_;
    EpollSet epoll_;
    std::vector<Connection> connections_;
    std::vector<std::uint32_t> free_;
    std::vector<char> buffer_;
    Report report_;
    Window window_;
    std::size_t turns_ = 0;
};

}  // namespace ce_load
