// Dates of HTTP (RFC 9110 5.6.7): written in one form, read in all three. Pure arithmetic on
// seconds since 1970-01-01 UTC without leap seconds; no clock, no locale, no time zone. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace corevent::http_date {

/// "Sun, 06 Nov 1994 08:49:37 GMT"
inline constexpr std::size_t length = 29;

/// Writes `length` bytes at `out`, no NUL. Seconds outside the years 0000-9999 are written as the
/// nearest end.
void format(std::int64_t unix_seconds, char* out) noexcept;

/// Reads IMF-fixdate, the obsolete RFC 850 form and asctime. The day of the week must be a name,
/// and is not checked against the date; everything else must be a date that exists (a second of 60
/// reads as the next minute). A two-digit year more than 50 years after `now` is one of the century
/// before.
std::optional<std::int64_t> parse(std::string_view text, std::int64_t now) noexcept;

}  // namespace corevent::http_date
