// The library's own messages (a loop that was held, accepting paused, a handler that threw): one
// line each, to stderr unless the program installs a sink. Any thread; a sink is called under no
// lock and must be thread-safe. Repeated messages are limited by their callers, never here. Access
// logs are another thing (http/server.h).
#pragma once

#include <corevent/export.h>

#include <cstdint>
#include <string_view>

namespace corevent {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

using LogSink = void (*)(LogLevel level, std::string_view line);

/// Replaces the sink; nullptr restores stderr. Call before threads start.
CE_API void set_log_sink(LogSink sink) noexcept;
/// Messages below `level` are dropped (default: info).
CE_API void set_log_level(LogLevel level) noexcept;
CE_API void log_line(LogLevel level, std::string_view line) noexcept;

}  // namespace corevent
