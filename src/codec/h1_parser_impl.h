// What the parts of the head parser share: the function table of a scanner variant, the phases, and
// the rules that do not depend on the scanner (h1_fields.cc). Internal to h1_parser*.cc; nothing
// else includes it.
//
// The phases, in the order a head passes through them:
//
//   request   start -> leading -> method -> target -> version -+
//   response  start -> status_line -> reason ------------------+-> field -> name -> space -> value
//   -+-> done trailers  start ------------------------------------------>+
//   ^------------------------------+
//
// `field` is the first byte of a line: CR LF there ends the head. A place whose next byte is the CR
// of a line end stays in its phase until the LF is there too.
#pragma once

#include "codec/h1_parser.h"

#include <cstddef>
#include <cstdint>

/// Scanner and parser become one function; the compiler's own estimate stops half way.
#define CE_SCAN_INLINE inline __attribute__((always_inline))

namespace corevent::h1 {

namespace phase {
inline constexpr std::uint8_t start = 0;
inline constexpr std::uint8_t leading = 1;
inline constexpr std::uint8_t method = 2;
inline constexpr std::uint8_t target = 3;
inline constexpr std::uint8_t version = 4;
inline constexpr std::uint8_t status_line = 5;
inline constexpr std::uint8_t reason = 6;
inline constexpr std::uint8_t field = 7;
inline constexpr std::uint8_t name = 8;
inline constexpr std::uint8_t space = 9;
inline constexpr std::uint8_t value = 10;
inline constexpr std::uint8_t done = 11;
}  // namespace phase

/// One call of the parser: what it may look at and where it notes its place.
struct Run {
    const HeadLimits& limits;
    HeadParser::Place& place;
    const char* begin;
    const char* end;  ///< of the bytes given, or of what head_bytes allows
};

/// Which fields mean something for the message, and what is done about them.
struct FieldRules {
    std::uint64_t watched;  ///< bit set over KnownField
    /// `host_end` is where the value leaves the characters of a plain host name; for Host only.
    Refusal (*note)(MessageHead& head, const Field& field, bool repeated, const char* host_end);
};

constexpr std::uint64_t field_bit(KnownField id) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(id);
}

/// Fields that must not come behind the content (RFC 9110 6.5.1): they would change framing,
/// routing, authentication, or the meaning of what was handled already.
inline constexpr std::uint64_t forbidden_trailer_fields =
    field_bit(KnownField::host) | field_bit(KnownField::connection) |
    field_bit(KnownField::content_length) | field_bit(KnownField::transfer_encoding) |
    field_bit(KnownField::expect) | field_bit(KnownField::upgrade) | field_bit(KnownField::te) |
    field_bit(KnownField::trailer) | field_bit(KnownField::range) |
    field_bit(KnownField::if_match) | field_bit(KnownField::if_none_match) |
    field_bit(KnownField::if_range) | field_bit(KnownField::if_modified_since) |
    field_bit(KnownField::if_unmodified_since) | field_bit(KnownField::content_type) |
    field_bit(KnownField::content_encoding) | field_bit(KnownField::content_range) |
    field_bit(KnownField::authorization) | field_bit(KnownField::cookie) |
    field_bit(KnownField::set_cookie) | field_bit(KnownField::location) |
    field_bit(KnownField::vary) | field_bit(KnownField::cache_control) |
    field_bit(KnownField::age) | field_bit(KnownField::date) | field_bit(KnownField::retry_after) |
    field_bit(KnownField::keep_alive) | field_bit(KnownField::proxy_connection) |
    field_bit(KnownField::proxy_authorization) | field_bit(KnownField::proxy_authenticate) |
    field_bit(KnownField::www_authenticate) | field_bit(KnownField::pragma) |
    field_bit(KnownField::max_forwards) | field_bit(KnownField::forwarded) |
    field_bit(KnownField::x_forwarded_for) | field_bit(KnownField::x_forwarded_proto) |
    field_bit(KnownField::x_forwarded_host) | field_bit(KnownField::http2_settings) |
    field_bit(KnownField::proxy);

struct ParserVariant {
    ParseResult (*request)(const Run& run, RequestHead& head);
    ParseResult (*response)(const Run& run, ResponseHead& head);
    ParseResult (*trailers)(const Run& run, MessageHead& head);
};

extern const ParserVariant scalar_parser;
#if defined(__x86_64__)
extern const ParserVariant sse42_parser;
extern const ParserVariant avx2_parser;
#endif

extern const FieldRules request_rules;
extern const FieldRules response_rules;
extern const FieldRules trailer_rules;

/// What a scanner finds in a line: the first byte that is no token character, and the first that no
/// value may hold. Either may lie behind the bytes given, whose end then comes before line_end + 2.
struct LineScan {
    const char* name_end;
    const char* line_end;
};

/// A point of the input with its context: `at` is the byte looked at, in the line that begins at
/// `line`.
struct Spot {
    const char* at;
    const char* line;
};

/// Out of bytes at `spot`: notes the place, or refuses when a limit is used up.
ParseResult stop_for_input(const Run& run, Spot spot, const char* mark, const char* name_end,
                           std::uint8_t in_phase) noexcept;
/// Refuses because of the byte at `offender`, seen when the scan stood at `spot`. A line limit
/// passed before wins.
ParseResult stop_refused(const Run& run, Spot spot, Refusal refusal, const char* offender) noexcept;
/// A line whose CR stands at `spot` is longer than line_bytes.
ParseResult stop_line_too_long(const Run& run, Spot spot) noexcept;

/// The bytes of "HTTP/d.d" CR LF at `at`, one by one. `incomplete` if they end too early; complete
/// sets the minor version.
struct VersionCheck {
    ParseState state;
    Refusal refusal;
    std::uint8_t minor;
    std::uint8_t bytes;  ///< how many were looked at without fault
};
VersionCheck check_version_line(const char* at, const char* end) noexcept;
/// The same for "HTTP/d.d SP ddd" before a reason phrase; `status` is set when complete.
VersionCheck check_status_line(const char* at, const char* end, std::uint16_t& status) noexcept;

/// Why a name ended at `at` with something else than a colon.
Refusal name_refusal(const char* line, const char* at) noexcept;
/// Why a value or phrase ended at `at` with something else than CR LF.
Refusal value_refusal(const char* at) noexcept;
/// Why the target that begins at `mark` ended at `at` with something else than a space.
Refusal target_refusal(const char* mark, const char* at) noexcept;

/// Target forms other than origin-form, once the request line is complete. Sets path and host.
Refusal note_target(RequestHead& head) noexcept;
/// Conclusions when all fields are known.
inline void conclude_message(MessageHead& head) noexcept {
    head.keep_alive =
        !head.connection_close && (head.version_minor != 0 || head.connection_keep_alive);
    head.has_upgrade =
        head.has(KnownField::upgrade) && head.connection_upgrade && head.version_minor != 0;
}

inline Refusal conclude_request(RequestHead& head) noexcept {
    if (head.chunked && head.has_content_length) {
        return Refusal::length_and_transfer_encoding;
    }
    if (head.version_minor != 0 && !head.has(KnownField::host)) {
        return Refusal::missing_host;
    }
    conclude_message(head);
    return Refusal::none;
}

inline Refusal conclude_response(ResponseHead& head) noexcept {
    if (head.chunked && head.has_content_length) {
        return Refusal::length_and_transfer_encoding;
    }
    conclude_message(head);
    return Refusal::none;
}

}  // namespace corevent::h1
