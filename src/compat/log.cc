#include "compat/log.h"

#include <event2/event.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace corevent::compat {
namespace {

event_log_cb log_callback = nullptr;
event_fatal_cb fatal_callback = nullptr;
ev_uint32_t debug_mask = EVENT_DBG_NONE;

constexpr std::size_t message_bytes_max = 1024;

const char* name_of(int severity) noexcept {
    switch (severity) {
        case EVENT_LOG_DEBUG: return "debug";
        case EVENT_LOG_MSG: return "msg";
        case EVENT_LOG_WARN: return "warn";
        case EVENT_LOG_ERR: return "err";
        default: return "???";
    }
}

void write_message(int severity, const char* reason, const char* format, va_list args) noexcept {
    if (severity == EVENT_LOG_DEBUG && debug_mask == EVENT_DBG_NONE) return;
    char text[message_bytes_max] = "";
    if (format != nullptr) std::vsnprintf(text, sizeof text, format, args);
    if (reason != nullptr) {
        const std::size_t length = std::strlen(text);
        if (length + 3 < sizeof text) {
            std::snprintf(text + length, sizeof text - length, ": %s", reason);
        }
    }
    if (log_callback != nullptr) {
        log_callback(severity, text);
    } else {
        std::fprintf(stderr, "[%s] %s\n", name_of(severity), text);
    }
}

[[noreturn]] void end(int status) noexcept {
    if (fatal_callback != nullptr) {
        fatal_callback(status);
        std::exit(status);  // the callback was to end the program, and has not
    }
    if (status == abort_status) std::abort();
    std::exit(status);
}

}  // namespace

// The same text goes to both families: these, and the C functions below.
#define CE_WRITE(severity, reason)                     \
    va_list args;                                      \
    va_start(args, format);                            \
    write_message((severity), (reason), format, args); \
    va_end(args)

void msgx(const char* format, ...) noexcept {
    CE_WRITE(EVENT_LOG_MSG, nullptr);
}

void warnx(const char* format, ...) noexcept {
    CE_WRITE(EVENT_LOG_WARN, nullptr);
}

void warn(const char* format, ...) noexcept {
    const char* const reason = std::strerror(errno);
    CE_WRITE(EVENT_LOG_WARN, reason);
}

void errx(int status, const char* format, ...) noexcept {
    CE_WRITE(EVENT_LOG_ERR, nullptr);
    end(status);
}

void err(int status, const char* format, ...) noexcept {
    const char* const reason = std::strerror(errno);
    CE_WRITE(EVENT_LOG_ERR, reason);
    end(status);
}

void debugx(const char* format, ...) noexcept {
    CE_WRITE(EVENT_LOG_DEBUG, nullptr);
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

void event_set_log_callback(event_log_cb cb) {
    log_callback = cb;
}

void event_set_fatal_callback(event_fatal_cb cb) {
    fatal_callback = cb;
}

void event_enable_debug_logging(ev_uint32_t which) {
    debug_mask = which;
}

// In no header, yet called by programs.
EVENT2_EXPORT_SYMBOL void event_msgx(const char* format, ...);
EVENT2_EXPORT_SYMBOL void event_warnx(const char* format, ...);
EVENT2_EXPORT_SYMBOL void event_warn(const char* format, ...);
EVENT2_EXPORT_SYMBOL void event_sock_warn(evutil_socket_t, const char* format, ...);
EVENT2_EXPORT_SYMBOL void event_errx(int status, const char* format, ...);
EVENT2_EXPORT_SYMBOL void event_err(int status, const char* format, ...);
EVENT2_EXPORT_SYMBOL void event_sock_err(int status, evutil_socket_t, const char* format, ...);

void event_msgx(const char* format, ...) {
    CE_WRITE(EVENT_LOG_MSG, nullptr);
}

void event_warnx(const char* format, ...) {
    CE_WRITE(EVENT_LOG_WARN, nullptr);
}

void event_warn(const char* format, ...) {
    const char* const reason = std::strerror(errno);
    CE_WRITE(EVENT_LOG_WARN, reason);
}

void event_sock_warn(evutil_socket_t, const char* format, ...) {
    const char* const reason = std::strerror(errno);
    CE_WRITE(EVENT_LOG_WARN, reason);
}

void event_errx(int status, const char* format, ...) {
    CE_WRITE(EVENT_LOG_ERR, nullptr);
    end(status);
}

void event_err(int status, const char* format, ...) {
    const char* const reason = std::strerror(errno);
    CE_WRITE(EVENT_LOG_ERR, reason);
    end(status);
}

void event_sock_err(int status, evutil_socket_t, const char* format, ...) {
    const char* const reason = std::strerror(errno);
    CE_WRITE(EVENT_LOG_ERR, reason);
    end(status);
}

}  // extern "C"
