// Writes HTTP/1 heads and chunk framing to the end of a Bytes. Stateless functions; the caller owns
// the buffer and the order: start line, fields, end_head(), body. Time is an argument: a ready
// 29-byte date. Nothing here formats with printf or allocates apart from the buffer's growth. What
// comes from users is validated: CR, LF, NUL, other control characters and bad names are refused
// and leave the buffer as it was, so a response cannot be split.
#pragma once

#include "buffer/bytes.h"
#include "codec/h1_head.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent::h1 {

/// "HTTP/1.1 200 OK" CRLF; any status from 100 to 999 (the phrase is empty where none is
/// registered). Other numbers are a mistake of the program that answers, and written as 500.
void append_status_line(Bytes& out, int status);

/// True if `name` is a token (RFC 9110 5.6.2).
bool valid_field_name(std::string_view name) noexcept;
/// True if `value` holds no control character but HTAB and has no white space at its ends.
bool valid_field_value(std::string_view value) noexcept;

/// "Name: value" CRLF, or false with `out` untouched.
[[nodiscard]] bool append_field(Bytes& out, std::string_view name, std::string_view value);
/// The same for names and values that the caller has validated before or that are constants of the
/// program.
void append_valid_field(Bytes& out, std::string_view name, std::string_view value);

void append_content_length(Bytes& out, std::uint64_t length);
/// "Date: ..." from the 29 bytes of http_date::format.
void append_date(Bytes& out, const char* date);
void append_chunked(Bytes& out);  ///< "Transfer-Encoding: chunked"
void append_connection_close(Bytes& out);
void append_keep_alive(Bytes& out);  ///< "Connection: keep-alive", for HTTP/1.0 clients that asked
void end_head(Bytes& out);

/// The common case in one step: status line, Date, Content-Type (left out when empty),
/// Content-Length. The head stays open for more fields. False with `out` untouched if the content
/// type is no valid value.
[[nodiscard]] bool append_simple_head(Bytes& out, int status, const char* date,
                                      std::string_view content_type, std::uint64_t content_length);

/// "HTTP/1.1 100 Continue" with its empty line.
void append_continue(Bytes& out);

/// "METHOD target HTTP/1.1" CRLF, or false with `out` untouched if the method is no token or the
/// target holds white space, control characters, '#' or bytes above 0x7E.
[[nodiscard]] bool append_request_line(Bytes& out, std::string_view method,
                                       std::string_view target);

/// Chunk framing (RFC 9112 7.1): the size line of a chunk of `size` > 0 bytes; what ends it; the
/// last chunk with an empty trailer section; or the last chunk open for trailer fields, which
/// append_field() adds and end_head() ends.
void append_chunk_size(Bytes& out, std::uint64_t size);
void append_chunk_end(Bytes& out);
void append_last_chunk(Bytes& out);
void append_last_chunk_open(Bytes& out);
/// A whole chunk; an empty one is skipped, since it would end the body.
void append_chunk(Bytes& out, std::string_view data);
/// The longest size line with both CRLF: room to reserve around a chunk written in place.
inline constexpr std::size_t chunk_overhead = 16 + 2 + 2;

/// True if a field of this name may be sent in a trailer section (RFC 9110 6.5.1).
bool allowed_in_trailers(std::string_view name) noexcept;

/// Decimal digits of `value` at `at` (20 bytes of room); returns the end.
char* write_decimal(char* at, std::uint64_t value) noexcept;

}  // namespace corevent::h1
