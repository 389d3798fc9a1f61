#include "http/field_rules.h"

#include "codec/h1_writer.h"
#include "http/log_limit.h"

#include <corevent/log.h>

#include <algorithm>
#include <string>

namespace corevent::http {
namespace {

bool written_by_the_server(std::string_view name) noexcept {
    using enum h1::KnownField;
    switch (h1::known_field(name)) {
        case content_length:
        case transfer_encoding:
        case connection:
        case date:
        case keep_alive:
        case upgrade: return true;
        default: return false;
    }
}

void log_limited(LogLimit& limit, std::string_view what, std::string_view subject,
                 std::string_view why) noexcept {
    std::uint64_t suppressed = 0;
    if (!limit.allow(suppressed)) {
        return;
    }
    const Printable shown(subject);
    std::string line(what);
    line.append(" \"").append(shown.view()).append("\" ").append(why);
    if (suppressed != 0) {
        line.append(" (and ").append(std::to_string(suppressed)).append(" more)");
    }
    log_line(LogLevel::warning, line);
}

}  // namespace

FieldVerdict check_response_field(std::string_view name, std::string_view value) noexcept {
    static LogLimit invalid_limit;
    static LogLimit ignored_limit;
    if (!h1::valid_field_name(name)) {
        log_limited(invalid_limit, "answered 500: response field", name, "has no valid name");
        return FieldVerdict::invalid;
    }
    if (!h1::valid_field_value(value)) {
        log_limited(invalid_limit, "answered 500: response field", name,
                    "has a value with control characters or white space at its ends");
        return FieldVerdict::invalid;
    }
    if (written_by_the_server(name)) {
        log_limited(ignored_limit, "response field", name, "ignored: the server writes it itself");
        return FieldVerdict::ignored;
    }
    return FieldVerdict::good;
}

void refused_status(int status) noexcept {
    static LogLimit limit;
    log_limited(limit, "answered 500: response status", std::to_string(status),
                "is not a final status (200 to 999)");
}

Printable::Printable(std::string_view text, std::size_t size_max) noexcept {
    constexpr char hex[] = "0123456789abcdef";
    const std::string_view cut = text.substr(0, std::min<std::size_t>(size_max, 500));
    for (const char c : cut) {
        const auto u = static_cast<unsigned char>(c);
        if (size_ + 8 > sizeof(buffer_)) {
            break;
        }
        if (u < 0x20 || u == 0x7F || u == '"' || u == '\\') {
            buffer_[size_++] = '\\';
            buffer_[size_++] = 'x';
            buffer_[size_++] = hex[u >> 4];
            buffer_[size_++] = hex[u & 15];
        } else {
            buffer_[size_++] = c;
        }
    }
    if (cut.size() < text.size()) {
        buffer_[size_++] = '.';
        buffer_[size_++] = '.';
        buffer_[size_++] = '.';
    }
}

}  // namespace corevent::http
