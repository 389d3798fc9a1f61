// Messages of the libevent libraries: to the program's log callback, else to standard error. A
// fatal error calls the program's fatal callback and then ends the process. At most 1,023 octets a
// message. Any thread.
#pragma once

namespace corevent::compat {

[[gnu::format(printf, 1, 2)]] void msgx(const char* format, ...) noexcept;
[[gnu::format(printf, 1, 2)]] void warnx(const char* format, ...) noexcept;
/// With the text of errno behind it.
[[gnu::format(printf, 1, 2)]] void warn(const char* format, ...) noexcept;
/// Fatal: does not return.
[[noreturn, gnu::format(printf, 2, 3)]] void errx(int status, const char* format, ...) noexcept;
[[noreturn, gnu::format(printf, 2, 3)]] void err(int status, const char* format, ...) noexcept;
/// Only when debug messages are on (event_enable_debug_logging).
[[gnu::format(printf, 1, 2)]] void debugx(const char* format, ...) noexcept;

/// As `status` of errx(): the program is at fault, abort().
inline constexpr int abort_status = static_cast<int>(0xdeaddead);

}  // namespace corevent::compat
