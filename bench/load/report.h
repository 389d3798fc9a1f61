// What a run found, and its one line of JSON. Plain data filled by an engine; it measures nothing
// itself.
#pragma once

#include "load/cpu_watch.h"
#include "load/histogram.h"
#include "load/options.h"

#include <cstdint>

namespace ce_load {

struct Errors {
    std::uint64_t connect = 0;    ///< could not connect
    std::uint64_t status = 0;     ///< another status than expected
    std::uint64_t length = 0;     ///< a body of another length than expected
    std::uint64_t malformed = 0;  ///< no HTTP/1.x answer with a Content-Length, or one answer too
                                  ///< many
    std::uint64_t cut = 0;        ///< the connection ended within an answer
    std::uint64_t stalled = 0;    ///< no answer during the whole window

    std::uint64_t total() const noexcept {
        return connect + status + length + malformed + cut + stalled;
    }
};

struct Report {
    std::uint64_t requests = 0;    ///< answers that were right, within the window
    std::uint64_t bytes = 0;       ///< octets received within the window
    std::uint64_t reconnects = 0;  ///< connections that the server ended between two answers
    std::uint64_t window_ns = 0;
    std::uint64_t own_cpu_ns = 0;
    CpuTime servers;  ///< CPU time of the watched processes over the window
    Errors errors;
    Histogram latency;

    std::uint64_t delayed_over_10ms = 0;  ///< open loop: connections without a first octet for 10
                                          ///< ms
    std::uint64_t started_late = 0;  ///< open loop: connections that the generator started > 1 ms
                                     ///< late
};

/// Takes both ends of the measuring window.
class Window {
public:
    void begin(const Options& options, Report& report);
    void end(const Options& options, Report& report);
    std::uint64_t begun_ns() const noexcept { return begun_ns_; }

private:
    std::uint64_t begun_ns_ = 0;
    std::uint64_t own_cpu_ns_ = 0;
    CpuTime servers_;
};

void print_report(const Options& options, const Report& report);

}  // namespace ce_load
