// Pipe: two streams joined within the process, for tests of whatever speaks over a stream, and for
// talking to oneself without a socket. It keeps the promises of a Stream as a socket does (bounded
// buffer between the ends, half close, reset, back pressure) and adds a script: short reads, short
// writes, late drains, an end or a reset at a given octet, a failure of the n-th operation. Both
// ends live on one loop and free themselves; the loop frees those that are left when it goes.
#pragma once

#include <corevent/address.h>
#include <corevent/stream.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace corevent {

/// Fails one operation of both ends together: each transfer, each reading, each FIN is one. Shared
/// by the test and the pipe; outlives the pipe. Repeating a scenario with fail_at = 1, 2, 3 ...
/// until `operations` stays below it has failed everything that can fail.
struct PipeFault {
    std::uint64_t fail_at = 0;  ///< 1 is the first operation; 0 fails none
    int error = 104;            ///< an errno (ECONNRESET): what the failing end is told
    std::uint64_t operations = 0;

    bool strikes() noexcept { return ++operations == fail_at; }
    bool struck() const noexcept { return fail_at != 0 && operations >= fail_at; }
};

/// How one end behaves.
struct PipeScript {
    static constexpr std::uint64_t never = UINT64_MAX;

    std::vector<std::size_t> read_sizes{};   ///< of successive spans, again and again; empty: all
    std::vector<std::size_t> write_sizes{};  ///< taken by successive attempts; empty: all there is
                                             ///< room for
    std::size_t capacity_bytes = 64 * 1024;  ///< sent by this end and not read by the other yet
    unsigned drain_delay_turns = 0;          ///< turns between room and the next attempt
    std::uint64_t end_at = never;    ///< this end's output is cut off after so many octets, with a
                                     ///< FIN
    std::uint64_t reset_at = never;  ///< the connection is reset when this end has sent so many
    Address peer = Address::loopback(1);  ///< what peer() of this end says
};

/// The two ends, not started. A write on one arrives at the other in a later turn.
std::pair<Stream*, Stream*> make_pipe(Loop& loop, PipeScript first = {}, PipeScript second = {},
                                      PipeFault* fault = nullptr);

}  // namespace corevent
