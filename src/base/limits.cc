#include <corevent/limits.h>

#include "base/nearest.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace corevent {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t gib = 1024 * mib;
constexpr std::uint64_t second = 1000;
constexpr std::uint64_t minute = 60 * second;
constexpr std::uint64_t hour = 60 * minute;
constexpr std::uint64_t day = 24 * hour;

using enum LimitUnit;

constexpr std::array<LimitInfo, limit_count> table{{
    {Limit::head_bytes, "head_bytes", bytes, 16 * kib, false,
     "431 (414 in the request line), close",
     "a request head is held whole; browsers with many cookies stay below 16 KiB"},
    {Limit::line_bytes, "line_bytes", bytes, 8 * kib, false,
     "414 for the request line, 431 for a field; close",
     "one line, so that a single target or cookie cannot use up the head"},
    {Limit::fields, "fields", count, 100, false, "431, close",
     "each field costs a table entry and a look at it; browsers and proxies send fewer than 50"},
    {Limit::body_bytes, "body_bytes", bytes, 1 * mib, false, "413",
     "bodies that are buffered for a handler; streamed bodies are bounded by rate and idle time "
     "instead"},
    {Limit::head_deadline, "head_deadline", duration, 10 * second, true, "408, close",
     "absolute time for a whole head from its first byte, so that dripping header lines cannot "
     "hold a connection"},
    {Limit::body_idle, "body_idle", duration, 30 * second, true, "408, close",
     "time without a byte of a body that is awaited"},
    {Limit::body_rate, "body_rate", bytes_per_second, 1000, true, "408, close",
     "least average rate of a body after its first 10 s; the slowest mobile links do better"},
    {Limit::write_stall, "write_stall", duration, 30 * second, true, "close",
     "time in which a reader takes nothing of the output waiting for it"},
    {Limit::handler_time, "handler_time", duration, 0, true, "503",
     "time from a complete head to the start of the answer; only the program knows what its "
     "handlers need"},
    {Limit::keep_alive_idle, "keep_alive_idle", duration, 60 * second, false, "close",
     "time between requests; longer than the idle time of common balancers' pools"},
    {Limit::connection_requests, "connection_requests", count, 0, true, "Connection: close",
     "requests on one connection; a number only helps to spread clients anew"},
    {Limit::connection_age, "connection_age", duration, 1 * hour, true, "Connection: close",
     "age after which a connection is ended between requests, so that clients follow changes of "
     "addresses"},
    {Limit::connections, "connections", count, 0, true, "accepting pauses",
     "open connections; none means 80 % of RLIMIT_NOFILE, which leaves descriptors for files and "
     "upstreams"},
    {Limit::output_bytes, "output_bytes", bytes, 1 * mib, false, "the producer pauses",
     "output of one connection that its reader has not taken yet"},
    {Limit::output_total, "output_total", bytes, 256 * mib, true, "the producers pause",
     "output of all connections together that waits in memory"},
    {Limit::ranges, "ranges", count, 16, false, "200 with the whole file",
     "ranges in one request after merging; players and download managers ask for a few"},
    {Limit::chunk_extension_bytes, "chunk_extension_bytes", bytes, 16 * kib, false, "400, close",
     "octets of chunk extensions in one body; nobody uses them, attackers fill links with them"},
    {Limit::pipeline_bytes, "pipeline_bytes", bytes, 64 * kib, false, "reading pauses",
     "input held while a handler works on an earlier request of the connection"},
    {Limit::posted_work, "posted_work", count, 65536, false, "post() fails with queue_full",
     "closures that wait for one loop; more only hide that they are made faster than it runs them"},
    {Limit::offload_queue, "offload_queue", count, 1024, false, "503 with Retry-After",
     "jobs waiting for the offload threads; beyond it waiting only grows"},
    {Limit::access_log_ring, "access_log_ring", count, 4096, false, "lines are dropped and counted",
     "log lines of one loop waiting for the log thread; a slow disk never stops a loop"},
    {Limit::drain, "drain", duration, 30 * second, true, "connections still open are closed",
     "time for open requests to finish after a stop was asked for; as long as orchestrators wait "
     "by default"},
}};

constexpr bool table_is_in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].limit) != i || table[i].name.empty()) {
            return false;
        }
    }
    return true;
}
static_assert(table_is_in_order());

/// Beyond these a value is a typing error, and arithmetic on it could overflow.
constexpr std::uint64_t largest(const LimitInfo& info) noexcept {
    switch (info.limit) {
        case Limit::head_bytes:
        case Limit::line_bytes: return 64 * mib;
        case Limit::fields:
        case Limit::ranges: return 65535;
        default: break;
    }
    switch (info.unit) {
        case duration: return 365 * day;
        case bytes:
        case bytes_per_second: return 1024 * gib;
        case count: break;
    }
    return 1'000'000'000;
}

struct Suffix {
    std::string_view text;
    std::uint64_t factor;
};
constexpr Suffix byte_suffixes[] = {{"", 1},      {"B", 1},     {"K", kib},        {"KiB", kib},
                                    {"kB", 1000}, {"M", mib},   {"MiB", mib},      {"MB", 1000000},
                                    {"G", gib},   {"GiB", gib}, {"GB", 1000000000}};
constexpr Suffix rate_suffixes[] = {{"", 1},        {"B/s", 1},        {"kB/s", 1000},
                                    {"KiB/s", kib}, {"MB/s", 1000000}, {"MiB/s", mib}};
constexpr Suffix time_suffixes[] = {{"", second},    {"ms", 1},   {"s", second}, {"m", minute},
                                    {"min", minute}, {"h", hour}, {"d", day}};
constexpr Suffix count_suffixes[] = {{"", 1}};

constexpr std::span<const Suffix> suffixes(LimitUnit unit) noexcept {
    switch (unit) {
        case bytes: return byte_suffixes;
        case bytes_per_second: return rate_suffixes;
        case duration: return time_suffixes;
        case count: break;
    }
    return count_suffixes;
}

constexpr std::string_view grammar(LimitUnit unit) noexcept {
    switch (unit) {
        case bytes: return "a size such as 512, 16KiB or 1MiB";
        case bytes_per_second: return "octets per second such as 1000 or 4KiB/s";
        case duration: return "a time such as 250ms, 10s, 5m or 1h";
        case count: break;
    }
    return "a whole number";
}

std::optional<std::uint64_t> read_value(LimitUnit unit, std::string_view text) noexcept {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    if (rest.starts_with(' ')) {  // as limit_text writes it
        rest.remove_prefix(1);
    }
    for (const Suffix& suffix : suffixes(unit)) {
        std::uint64_t value = 0;
        if (rest == suffix.text && !__builtin_mul_overflow(number, suffix.factor, &value)) {
            return value;
        }
    }
    return std::nullopt;
}

Failure invalid(std::string message) {
    return {std::make_error_code(std::errc::invalid_argument), std::move(message)};
}

Failure unknown_limit(std::string_view name) {
    std::array<std::string_view, limit_count> names;
    std::string all;
    for (std::size_t i = 0; i < limit_count; ++i) {
        names[i] = table[i].name;
        all += i == 0 ? "limits are: " : ", ";
        all += names[i];
    }
    std::string message = "unknown limit \"" + std::string(name) + "\"";
    if (const std::string_view nearest = nearest_name(name, names); !nearest.empty()) {
        message += ": did you mean " + std::string(nearest) + "?";
    }
    return invalid(message + "\n" + all);
}

}  // namespace

std::span<const LimitInfo, limit_count> limit_table() noexcept {
    return table;
}

const LimitInfo& limit_info(Limit limit) noexcept {
    return table[static_cast<std::size_t>(limit)];
}

Limits::Limits() noexcept {
    for (std::size_t i = 0; i < limit_count; ++i) {
        values[i] = table[i].default_value;
    }
}

Outcome<void> Limits::set(std::string_view name_equals_value) {
    const std::size_t equals = name_equals_value.find('=');
    const std::string_view name = name_equals_value.substr(0, equals);
    if (equals == std::string_view::npos) {
        return std::unexpected(invalid("limit \"" + std::string(name) +
                                       "\" has no value: write NAME=VALUE"));
    }
    const std::string_view text = name_equals_value.substr(equals + 1);
    const auto found = std::ranges::find(table, name, &LimitInfo::name);
    if (found == table.end()) {
        return std::unexpected(unknown_limit(name));
    }
    const std::string what = "limit " + std::string(name) + ": ";
    const auto value =
        text == "none" ? std::optional<std::uint64_t>(0) : read_value(found->unit, text);
    if (!value) {
        return std::unexpected(invalid(what + "\"" + std::string(text) + "\" is not " +
                                       std::string(grammar(found->unit)) +
                                       (found->zero_is_none ? ", or none" : "")));
    }
    if (*value == 0 && !found->zero_is_none) {
        return std::unexpected(invalid(what + "cannot be switched off; give " +
                                       std::string(grammar(found->unit))));
    }
    if (*value > largest(*found)) {
        return std::unexpected(invalid(what + "\"" + std::string(text) + "\" is above " +
                                       limit_text(found->unit, largest(*found))));
    }
    (*this)[found->limit] = *value;
    return {};
}

std::string limit_text(LimitUnit unit, std::uint64_t value) {
    struct Step {
        std::uint64_t factor;
        std::string_view name;
    };
    static constexpr Step byte_steps[] = {{gib, " GiB"}, {mib, " MiB"}, {kib, " KiB"}, {1, " B"}};
    static constexpr Step rate_steps[] = {{mib, " MiB/s"}, {kib, " KiB/s"}, {1, " B/s"}};
    static constexpr Step time_steps[] = {{hour, " h"}, {second, " s"}, {1, " ms"}};
    static constexpr Step count_steps[] = {{1, ""}};
    if (value == 0) {
        return "none";
    }
    const std::span<const Step> steps = unit == bytes ? std::span<const Step>(byte_steps)
                                        : unit == bytes_per_second
                                            ? std::span<const Step>(rate_steps)
                                        : unit == duration ? std::span<const Step>(time_steps)
                                                           : std::span<const Step>(count_steps);
    const auto step =
        std::ranges::find_if(steps, [&](const Step& s) { return value % s.factor == 0; });
    return std::to_string(value / step->factor).append(step->name);
}

}  // namespace corevent
