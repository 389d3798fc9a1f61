#include <corevent/log.h>

#include <atomic>
#include <cstdio>
#include <string>

namespace corevent {
namespace {

void write_to_stderr(LogLevel, std::string_view line) {
    // One fwrite to the unbuffered stream is one write(2), so that lines of several threads do not
    // mix.
    std::string text;
    text.reserve(line.size() + 1);
    text.append(line).push_back('\n');
    std::fwrite(text.data(), 1, text.size(), stderr);
}

std::atomic<LogSink> current_sink{write_to_stderr};
std::atomic<LogLevel> lowest_level{LogLevel::info};

}  // namespace

void set_log_sink(LogSink sink) noexcept {
    current_sink.store(sink != nullptr ? sink : write_to_stderr, std::memory_order_release);
}

void set_log_level(LogLevel level) noexcept {
    lowest_level.store(level, std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view line) noexcept {
    if (level >= lowest_level.load(std::memory_order_relaxed)) {
        current_sink.load(std::memory_order_acquire)(level, line);
    }
}

}  // namespace corevent
