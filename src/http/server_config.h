// ServerConfig: what all loops of a server read and nobody writes after start(): routes, limits in
// the units that the connections compute with, the prepared Server field. Constants of the HTTP
// floor that are no limits of the user stand here as well, with their reasons.
#pragma once

#include "codec/h1_body.h"
#include "http/access_log.h"
#include "http/router.h"

#include <corevent/http/server.h>
#include <corevent/limits.h>

#include <cstdint>
#include <memory>
#include <string>

namespace corevent::http {

/// Bodies up to this size are copied behind their head, so that all answers of a span leave in one
/// piece; larger ones are written from where they lie.
inline constexpr std::size_t copied_body_bytes = 16 * 1024;
/// Output of one span that is gathered before it is sent: beyond it nothing is won by gathering.
inline constexpr std::size_t cork_bytes = 64 * 1024;
/// What a streaming handler may write before everybody else has a turn, however fast its reader is.
inline constexpr std::size_t burst_bytes = 256 * 1024;
/// Body octets that are held for a handler that has not asked for them; beyond it the peer pauses.
inline constexpr std::size_t body_window_bytes = 64 * 1024;
/// What is left of a request body when its answer is out is read and dropped up to this size, so
/// that the connection can be used again; a larger rest ends it.
inline constexpr std::uint64_t discard_bytes = 256 * 1024;
/// After a last answer that came before the end of the request: how long and how much is still read
/// and dropped, so that the client reads the answer instead of a reset.
inline constexpr std::uint64_t linger_ms = 5000;
inline constexpr std::uint64_t linger_bytes = 64 * 1024 * 1024;
/// body_rate is an average; it counts once a body has been waited for this long.
inline constexpr std::uint64_t body_rate_grace_ms = 10'000;
/// When draining, a client without a request may be sending one at this moment: connections that
/// are idle, or new and silent, get this long before they are told to go.
inline constexpr std::uint64_t drain_idle_grace_ms = 250;
inline constexpr std::uint64_t drain_new_grace_ms = 1000;

struct ServerConfig {
    explicit ServerConfig(const ServerOptions& options)
        : limits(options.limits), body_rate_grace(body_rate_grace_ms) {
        head_limits.head_bytes = static_cast<std::uint32_t>(limits[Limit::head_bytes]);
        head_limits.line_bytes = static_cast<std::uint32_t>(limits[Limit::line_bytes]);
        head_limits.fields = static_cast<std::uint32_t>(limits[Limit::fields]);
        body_limits.chunk_extension_bytes = limits[Limit::chunk_extension_bytes];
        body_limits.trailers = head_limits;
    }

    const Limits limits;
    h1::HeadLimits head_limits;
    h1::BodyLimits body_limits;
    std::uint64_t body_rate_grace;         ///< milliseconds; tests shorten it
    std::uint64_t output_total_share = 0;  ///< of one loop; 0 = no budget
    std::string server_field;              ///< "Server: name" CRLF, or empty
    Router router;
    std::unique_ptr<AccessLog> access_log;  ///< null when off
};

}  // namespace corevent::http
