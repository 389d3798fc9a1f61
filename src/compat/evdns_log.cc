#include "compat/evdns_base.h"
#include "compat/log.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>

namespace {

std::atomic<evdns_debug_log_fn_type> log_function{nullptr};

}  // namespace

namespace corevent::compat::evdns {

void log(Severity severity, const char* format, ...) noexcept {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (const auto function = log_function.load(std::memory_order_acquire)) {
        if (severity != Severity::debug) {
            function(severity == Severity::warning, text);
        }
        return;
    }
    switch (severity) {
        case Severity::debug: debugx("%s", text); break;
        case Severity::message: msgx("%s", text); break;
        case Severity::warning: warnx("%s", text); break;
    }
}

}  // namespace corevent::compat::evdns

extern "C" {

void evdns_set_log_fn(evdns_debug_log_fn_type fn) {
    log_function.store(fn, std::memory_order_release);
}

void evdns_set_transaction_id_fn(ev_uint16_t (*)(void)) {}

void evdns_set_random_bytes_fn(void (*)(char*, size_t)) {}

const char* evdns_err_to_string(int err) {
    switch (err) {
        case DNS_ERR_NONE: return "no error";
        case DNS_ERR_FORMAT: return "misformatted query";
        case DNS_ERR_SERVERFAILED: return "server failed";
        case DNS_ERR_NOTEXIST: return "name does not exist";
        case DNS_ERR_NOTIMPL: return "query not implemented";
        case DNS_ERR_REFUSED: return "refused";
        case DNS_ERR_TRUNCATED: return "reply truncated or ill-formed";
        case DNS_ERR_UNKNOWN: return "unknown";
        case DNS_ERR_TIMEOUT: return "request timed out";
        case DNS_ERR_SHUTDOWN: return "dns subsystem shut down";
        case DNS_ERR_CANCEL: return "dns request canceled";
        case DNS_ERR_NODATA: return "no records in the reply";
        default: return "[Unknown error code]";
    }
}

}  // extern "C"
