// The command line of ce_load as a plain value. Parsed once in main, read-only afterwards. It knows
// the flags and their limits; it opens nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace ce_load {

enum class Mode : std::uint8_t {
    keep_alive,  ///< N connections, each sending its next batch when the last one is answered
    close,       ///< N slots, each opening a connection for every request
    open_loop,   ///< new connections at a fixed rate, whatever the answers do
    idle,        ///< N connections, one request each, then held until told to close
};

struct Options {
    Mode mode = Mode::keep_alive;
    std::uint16_t port = 0;
    std::size_t connections = 64;
    std::size_t pipeline = 1;
    std::size_t sources = 0;  ///< client addresses 127.0.1.x to spread over; 0 picks by mode
    double seconds = 1.0;
    double warmup_seconds = 0.3;
    std::uint64_t requests = 0;  ///< a fixed number of requests instead of a time window; 0 =
                                 ///< window
    double rate = 1500.0;        ///< open loop: new connections a second
    std::string request = "plain";
    std::string path = "/hello";
    int expected_status = 200;
    std::int64_t expected_body = -1;  ///< octets of every body; -1 accepts any Content-Length
    std::vector<int> watch;           ///< processes whose CPU time is taken over the window
};

/// The value, or one line that says what is wrong with the command line.
std::expected<Options, std::string> parse_options(int argc, char** argv);

/// The help text.
const char* usage() noexcept;

}  // namespace ce_load
