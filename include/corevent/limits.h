// Every limit of the library, once: the name, the default, the unit, the reason and what the peer is told. The parser,
// the server, `--limit NAME=VALUE`, `--help=all`, the log, the counters, the documentation and the tests read this
// table; nothing else defines a limit. A Limits value is plain data, copied into a server before it starts and
// read-only from then on; the table itself is constant.
#pragma once

#include <corevent/error.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace corevent {

/// Name of a limit; the index into Limits::values and into the per-loop counters of limits that fired.
enum class Limit : std::uint8_t {
    head_bytes,
    line_bytes,
    fields,
    body_bytes,
    head_deadline,
    body_idle,
    body_rate,
    write_stall,
    handler_time,
    keep_alive_idle,
    connection_requests,
    connection_age,
    connections,
    output_bytes,
    output_total,
    ranges,
    chunk_extension_bytes,
    pipeline_bytes,
    posted_work,
    offload_queue,
    access_log_ring,
    drain,
};
inline constexpr std::size_t limit_count = static_cast<std::size_t>(Limit::drain) + 1;

/// How a value is written by a person: octets (16KiB), a duration (10s, 250ms, 1h), a number, octets per second.
enum class LimitUnit : std::uint8_t { bytes, duration, count, bytes_per_second };

struct LimitInfo {
    Limit limit;
    std::string_view name;  ///< the one spelling used everywhere
    LimitUnit unit;
    std::uint64_t default_value;  ///< octets, milliseconds, count or octets/s; 0 means "none"
    bool zero_is_none;            ///< whether 0 switches the limit off (else 0 is refused)
    std::string_view answer;      ///< what the peer meets: "431", "408, close", ...
    std::string_view reason;      ///< one sentence: why the limit exists and why this default
};

CE_API std::span<const LimitInfo, limit_count> limit_table() noexcept;
CE_API const LimitInfo& limit_info(Limit limit) noexcept;

struct Limits {
    std::array<std::uint64_t, limit_count>
        values;  ///< in the unit of the table: octets, milliseconds, count, octets/s

    CE_API Limits() noexcept;  ///< the defaults
    std::uint64_t operator[](Limit limit) const noexcept {
        return values[static_cast<std::size_t>(limit)];
    }
    std::uint64_t& operator[](Limit limit) noexcept {
        return values[static_cast<std::size_t>(limit)];
    }

    /// Sets one limit from text such as "head_bytes=32KiB", "drain=5s", "connection_requests=none". An unknown name
    /// fails with the nearest one, a bad value with the grammar expected.
    CE_API Outcome<void> set(std::string_view name_equals_value);
};

/// "16 KiB", "10 s", "100", "none": how a value is shown to a person.
CE_API std::string limit_text(LimitUnit unit, std::uint64_t value);

}  // namespace corevent
