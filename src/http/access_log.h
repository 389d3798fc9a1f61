// AccessLog: one line for each request, without a loop ever waiting for the descriptor. Each loop has a ring of records
// that only it fills; one thread empties the rings, formats and writes in batches. A full ring, or a descriptor that
// takes nothing, costs lines, which are counted, never time. The server owns it; the loops must have stopped adding
// before it is destroyed. It opens and rotates no files: the descriptor is the caller's and stays open.
//
//   writer thread:  awake --- rings empty ---> napping --- 10 ms, nothing came ---> sleeping
//                     ^                          |  half a ring filled, or 10 ms        | first line
//                     +--------------------------+-------------------------------------+
//
// A loop makes a system call only for the first line after a quiet time and when a ring is half full during a nap.
#pragma once

#include <corevent/address.h>
#include <corevent/http/server.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace corevent::http {

/// What the server knows of a request when its answer has left or was cut. The views need to live for the call only.
struct AccessRecord {
    std::string_view method;      ///< as received; empty when the request line was not understood
    std::string_view target;      ///< as received, with its query
    std::string_view route;       ///< pattern of the route; empty if none
    std::string_view host;        ///< effective host, as received
    std::string_view referer;     ///< needed by `combined` only
    std::string_view user_agent;  ///< needed by `combined` and `json` only
    std::string_view limit;       ///< name of the limit that fired; empty if none
    const Address* peer = nullptr;
    std::chrono::nanoseconds duration{};  ///< head complete to last octet given to the kernel
    std::uint64_t octets_in = 0;          ///< of the request's body
    std::uint64_t octets_out = 0;         ///< of the answer's body
    std::uint64_t request_id = 0;
    std::uint16_t status = 0;  ///< 0: no answer was begun
    std::uint8_t version_minor = 1;
    bool cut = false;  ///< the answer did not leave whole
};

class AccessLog {
public:
    /// `descriptor` stays the caller's. `ring_lines` (Limit::access_log_ring) bounds the lines that wait for each loop;
    /// their octets are bounded by 256 a line, and at least 64 KiB.
    AccessLog(unsigned loops, int descriptor, LogFormat format, std::size_t ring_lines);
    /// Writes what waits, for at most one second if the descriptor is slow; what is left then counts as dropped.
    ~AccessLog();
    AccessLog(const AccessLog&) = delete;
    AccessLog& operator=(const AccessLog&) = delete;

    LogFormat format() const noexcept { return format_; }

    /// The loop with that index. Copies what the format needs; drops and counts when the ring is full.
    void add(unsigned loop_index, const AccessRecord& record) noexcept;

    std::uint64_t dropped() const noexcept;  // any thread

private:
    struct State;
    LogFormat format_;
    std::unique_ptr<State> state_;
};

}  // namespace corevent::http
