#include "http/access_line.h"

#include "codec/h1_writer.h"
#include "codec/url.h"
#include "http/size_text.h"

#include <string>

namespace corevent::http {
namespace {

constexpr std::string_view hex_lower = "0123456789abcdef";
constexpr std::string_view hex_upper = "0123456789ABCDEF";
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t ms_ns = 1'000'000;

void append_number(Bytes& out, std::uint64_t value) {
    char* const at = out.reserve(20);
    out.commit(static_cast<std::size_t>(h1::write_decimal(at, value) - at));
}

/// Three digits with leading zeros.
void append_three(Bytes& out, std::int64_t value) {
    out.push_back(static_cast<char>('0' + value / 100 % 10));
    out.push_back(static_cast<char>('0' + value / 10 % 10));
    out.push_back(static_cast<char>('0' + value % 10));
}

/// Everything but printable ASCII, and quote and backslash, as \xHH; nothing at all as "-".
void append_escaped(Bytes& out, std::string_view text) {
    if (text.empty()) out.push_back('-');
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet > 0x7e || c == '"' || c == '\\') {
            out.append("\\x");
            out.push_back(hex_upper[octet >> 4U]);
            out.push_back(hex_upper[octet & 15U]);
        } else {
            out.push_back(c);
        }
    }
}

void append_json_string(Bytes& out, std::string_view text) {
    const bool utf8 = url::valid_utf8(text);
    out.push_back('"');
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (octet < 0x20 || octet == 0x7f || (octet >= 0x80 && !utf8)) {
            out.append("\\u00");
            out.push_back(hex_lower[octet >> 4U]);
            out.push_back(hex_lower[octet & 15U]);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

void append_key(Bytes& out, std::string_view key) {
    out.append(",\"");
    out.append(key);
    out.append("\":");
}

void append_json_field(Bytes& out, std::string_view key, std::string_view value) {
    if (value.empty()) return;
    append_key(out, key);
    append_json_string(out, value);
}

void append_json_field(Bytes& out, std::string_view key, std::uint64_t value) {
    append_key(out, key);
    append_number(out, value);
}

std::string_view without_query(std::string_view target) noexcept {
    return target.substr(0, target.find('?'));
}

std::string host_of(const Address* peer) {
    if (peer == nullptr) return {};
    if (peer->is_unix()) return "unix:";
    return peer->host();
}

void append_duration(Bytes& out, std::chrono::nanoseconds duration) {
    const std::int64_t tenths = (duration.count() + 50'000) / 100'000;  // of a millisecond
    if (tenths < 100) {
        append_number(out, static_cast<std::uint64_t>(tenths / 10));
        out.push_back('.');
        append_number(out, static_cast<std::uint64_t>(tenths % 10));
        out.append(" ms");
    } else if (tenths < 99'995) {
        append_number(out, static_cast<std::uint64_t>((tenths + 5) / 10));
        out.append(" ms");
    } else {
        append_number(out, static_cast<std::uint64_t>((tenths + 500) / 1000 / 10));
        out.push_back('.');
        append_number(out, static_cast<std::uint64_t>((tenths + 500) / 1000 % 10));
        out.append(" s");
    }
}

std::string_view colour_of(unsigned status) noexcept {
    switch (status / 100) {
        case 2: return "\x1b[32m";   // green
        case 3: return "\x1b[36m";   // cyan
        case 4: return "\x1b[33m";   // yellow
        default: return "\x1b[31m";  // red
    }
}

}  // namespace

std::string_view AccessLine::stamp(std::int64_t unix_seconds, bool utc, const char* format) {
    if (unix_seconds != stamped_second_) {
        const auto when = static_cast<std::time_t>(unix_seconds);
        std::tm parts{};
        (utc ? ::gmtime_r(&when, &parts) : ::localtime_r(&when, &parts));
        stamp_size_ = std::strftime(stamp_.data(), stamp_.size(), format, &parts);
        stamped_second_ = unix_seconds;
    }
    return {stamp_.data(), stamp_size_};
}

void AccessLine::append(Bytes& out, const AccessRecord& record, std::int64_t unix_ns) {
    switch (format_) {
        case LogFormat::text: append_text(out, record, unix_ns); break;
        case LogFormat::json: append_json(out, record, unix_ns); break;
        case LogFormat::combined: append_combined(out, record, unix_ns); break;
    }
}

void AccessLine::append_text(Bytes& out, const AccessRecord& record, std::int64_t unix_ns) {
    out.append(stamp(unix_ns / second_ns, false, "%H:%M:%S"));
    out.push_back('.');
    append_three(out, unix_ns / ms_ns % 1000);
    out.push_back(' ');
    append_escaped(out, record.method);
    out.push_back(' ');
    append_escaped(out, without_query(record.target));
    out.push_back(' ');
    if (colour_) out.append(colour_of(record.status));
    if (record.status == 0) {
        out.push_back('-');
    } else {
        append_number(out, record.status);
    }
    if (colour_) out.append("\x1b[0m");
    out.push_back(' ');
    append_size(out, record.octets_out);
    out.push_back(' ');
    append_duration(out, record.duration);
    out.push_back(' ');
    append_escaped(out, host_of(record.peer));
    if (!record.limit.empty()) {
        out.push_back(' ');
        out.append(record.limit);
    }
    if (record.cut) out.append(" cut");
    out.push_back('\n');
}

void AccessLine::append_json(Bytes& out, const AccessRecord& record, std::int64_t unix_ns) {
    out.append("{\"ts\":\"");
    out.append(stamp(unix_ns / second_ns, true, "%Y-%m-%dT%H:%M:%S"));
    out.push_back('.');
    append_three(out, unix_ns / ms_ns % 1000);
    out.append("Z\",\"level\":\"info\",\"event\":\"request\"");
    append_json_field(out, "http.request.method", record.method);
    append_json_field(out, "url.path", without_query(record.target));
    if (record.status != 0) append_json_field(out, "http.response.status_code", record.status);
    append_json_field(out, "bytes_in", record.octets_in);
    append_json_field(out, "bytes_out", record.octets_out);
    append_key(out, "dur_ms");
    const std::int64_t micros = record.duration.count() / 1000;
    append_number(out, static_cast<std::uint64_t>(micros / 1000));
    out.push_back('.');
    append_three(out, micros % 1000);
    append_json_field(out, "client.address", host_of(record.peer));
    if (record.peer != nullptr && record.peer->port() != 0)
        append_json_field(out, "client.port", record.peer->port());
    append_json_field(out, "network.protocol.version", record.version_minor == 0 ? "1.0" : "1.1");
    append_json_field(out, "server.address", record.host);
    append_json_field(out, "user_agent.original", record.user_agent);
    if (record.request_id != 0) append_json_field(out, "request_id", record.request_id);
    append_json_field(out, "route", record.route);
    append_json_field(out, "limit", record.limit);
    if (record.cut) out.append(",\"cut\":true");
    out.append("}\n");
}

/// `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
void AccessLine::append_combined(Bytes& out, const AccessRecord& record, std::int64_t unix_ns) {
    append_escaped(out, host_of(record.peer));
    out.append(" - - [");
    out.append(stamp(unix_ns / second_ns, false, "%d/%b/%Y:%H:%M:%S %z"));
    out.append("] \"");
    if (record.method.empty()) {
        out.push_back('-');
    } else {
        append_escaped(out, record.method);
        out.push_back(' ');
        append_escaped(out, record.target);
        out.append(record.version_minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
    }
    out.append("\" ");
    append_number(out, record.status == 0
                           ? 499U
                           : record.status);  // 499: the client has gone, as nginx logs it
    out.push_back(' ');
    append_number(out, record.octets_out);
    out.append(" \"");
    append_escaped(out, record.referer);
    out.append("\" \"");
    append_escaped(out, record.user_agent);
    out.append("\"\n");
}

}  // namespace corevent::http
