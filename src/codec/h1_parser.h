// The HTTP/1 head parser: requests, responses and trailer sections (RFC 9112 2-6). It owns nothing
// but its place: bytes stay where they are, results are places in them (h1_head.h). One parser per
// message in progress; one thread. It does not decode bodies (h1_body.h), nor targets (url.h), and
// knows no connection.
//
// Resuming: the buffer begins at the head's first byte, may grow and may move between calls. The
// parser goes on at the line and column where it stopped, so the cost is linear however the bytes
// arrive, and a refusal names the same byte whatever the split. The `head` must be the same object
// until the head is complete or refused.
//
// Padding: h1::padding bytes behind begin + size must be readable. Their content is arbitrary and
// never changes a result.
//
// Strictness: everything ambiguous is refused, see Refusal. Accepted where RFC 9112 lets a server
// choose: one empty line (CRLF) before a request line (2.2), HTAB as optional white space, minor
// versions above 1 (read as 1), an empty Host.
#pragma once

#include "codec/h1_head.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent::h1 {

/// Readable bytes needed behind the end of what is parsed.
inline constexpr std::size_t padding = 64;

struct HeadLimits {
    std::uint32_t head_bytes = 16 * 1024;  ///< the whole head with its final empty line; at most 1
                                           ///< GiB
    std::uint32_t line_bytes = 8 * 1024;   ///< one line without its CRLF
    std::uint32_t fields = 100;
};

/// Why a head, a trailer section or a chunked body is refused.
enum class Refusal : std::uint8_t {
    none,
    // request line
    bad_method,
    bad_target,
    bad_target_form,
    bad_authority,
    fragment_in_target,
    missing_version,
    bad_version,
    unsupported_version,
    request_line_too_long,
    // status line
    bad_status_line,
    // lines
    bare_cr,
    bare_lf,
    // fields
    empty_field_name,
    bad_field_name,
    space_before_colon,
    missing_colon,
    obs_fold,
    bad_field_value,
    line_too_long,
    head_too_large,
    too_many_fields,
    // meaning
    missing_host,
    repeated_host,
    bad_host,
    bad_content_length,
    repeated_content_length,
    bad_transfer_encoding,
    transfer_encoding_in_1_0,
    length_and_transfer_encoding,
    // chunked bodies
    bad_chunk_size,
    chunk_size_too_long,
    bad_chunk_extension,
    chunk_extensions_too_long,
    bad_chunk_end,
    forbidden_trailer,
    truncated_body,
};
inline constexpr std::size_t refusal_count = static_cast<std::size_t>(Refusal::truncated_body) + 1;

struct RefusalInfo {
    std::string_view name;    ///< "bare_lf": for counters and logs
    std::uint16_t status;     ///< 400, 414, 431 or 505 (0 for none)
    std::string_view reason;  ///< one line for a person
};
const RefusalInfo& refusal_info(Refusal refusal) noexcept;

enum class ParseState : std::uint8_t { incomplete, complete, refused };

struct ParseResult {
    ParseState state = ParseState::incomplete;
    Refusal refusal = Refusal::none;
    /// complete: the size of the head. refused: the offset of the first byte that cannot be
    /// (bare_cr: the one that should be LF), or of the line whose meaning is refused. incomplete:
    /// how far the parser has looked.
    std::uint32_t offset = 0;
};

/// Variants of the scanner. The best one that the processor has is chosen once; tests reach all of
/// them.
enum class Simd : std::uint8_t { scalar, sse42, avx2 };
Simd best_simd() noexcept;
bool simd_available(Simd simd) noexcept;
std::string_view simd_name(Simd simd) noexcept;

struct ParserVariant;  // the function table of one scanner variant

class HeadParser {
public:
    explicit HeadParser(const HeadLimits& limits = {}) noexcept;
    HeadParser(const HeadLimits& limits, Simd simd) noexcept;  ///< `simd` must be available

    /// Parses as far as the bytes go. After `complete` or `refused` the parser must be reset()
    /// before its next use.
    ParseResult parse(const char* begin, std::size_t size, RequestHead& head);
    ParseResult parse(const char* begin, std::size_t size, ResponseHead& head);
    /// A trailer section (RFC 9112 7.1.2): field lines up to an empty line. Names that would change
    /// framing, routing or the meaning of the content are refused (RFC 9110 6.5.1).
    ParseResult parse_trailers(const char* begin, std::size_t size, MessageHead& trailers);

    /// Ready for the next head; the limits stay.
    void reset() noexcept { place_ = Place{}; }
    /// True before the first byte of a head has been looked at.
    bool idle() const noexcept { return place_.phase == 0; }
    /// True once a whole request or status line has been seen.
    bool start_line_complete() const noexcept;

    const HeadLimits& limits() const noexcept { return limits_; }

    /// Where the parser stopped. Public for the scanner variants only.
    struct Place {
        std::uint32_t position = 0;  ///< next byte to look at
        std::uint32_t line = 0;      ///< first byte of the current line
        std::uint32_t mark = 0;      ///< first byte of the current element
        std::uint32_t name_end = 0;  ///< field lines: the colon
        std::uint8_t phase = 0;
    };

private:
    const ParserVariant* variant_;
    HeadLimits limits_;
    Place place_;
};

}  // namespace corevent::h1
