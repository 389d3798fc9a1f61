#include "codec/h1_writer.h"

#include "base/assert.h"
#include "codec/h1_chars.h"
#include "codec/h1_parser_impl.h"
#include "codec/http_date.h"
#include "codec/status.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace corevent::h1 {
namespace {

constexpr std::size_t decimal_max = 20;

/// A ready status line, padded so that it is copied as a whole whatever its length.
struct StatusLine {
    std::array<char, 63> text{};
    std::uint8_t length = 0;
};
static_assert(sizeof(StatusLine) == 64);

constexpr StatusLine make_status_line(int status, std::string_view phrase) {
    StatusLine line;
    std::size_t at = 0;
    const auto put = [&](std::string_view text) {
        for (const char c : text) {
            line.text[at++] = c;
        }
    };
    put("HTTP/1.1 ");
    for (const int weight : {100, 10, 1}) {
        line.text[at++] = static_cast<char>('0' + status / weight % 10);
    }
    put(" ");
    put(phrase);
    put("\r\n");
    line.length = static_cast<std::uint8_t>(at);
    return line;
}

constexpr std::array<StatusLine, status_phrases.size()> make_status_lines() {
    std::array<StatusLine, status_phrases.size()> lines{};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        lines[i] = make_status_line(status_phrases[i].status, status_phrases[i].phrase);
    }
    return lines;
}
alignas(64) constexpr auto status_lines = make_status_lines();

constexpr std::array<char, 200> make_digit_pairs() {
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < 100; ++i) {
        pairs[i * 2] = static_cast<char>('0' + i / 10);
        pairs[i * 2 + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
}
constexpr auto digit_pairs = make_digit_pairs();

constexpr std::size_t decimal_digits(std::uint64_t value) noexcept {
    std::size_t digits = 1;
    for (; value >= 10000; value /= 10000) {
        digits += 4;
    }
    return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

char* put(char* at, std::string_view text) noexcept {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

/// Copies a status line; needs sizeof(StatusLine) bytes of room.
char* put_status_line(char* at, int status) noexcept {
    const int index = status_index(status);
    if (index >= 0) [[likely]] {
        const StatusLine& line = status_lines[static_cast<std::size_t>(index)];
        std::memcpy(at, &line, sizeof line);
        return at + line.length;
    }
    const StatusLine line = status >= 100 && status <= 999
                                ? make_status_line(status, "")
                                : status_lines[static_cast<std::size_t>(status_index(500))];
    std::memcpy(at, &line, sizeof line);
    return at + line.length;
}

char* put_field(char* at, std::string_view name, std::string_view value) noexcept {
    at = put(at, name);
    at = put(at, ": ");
    at = put(at, value);
    return put(at, "\r\n");
}

/// False only if all eight bytes are printable ASCII: below 0x20 the subtraction sets bit 7, from
/// 0x7F on one of the two does. Carries between bytes only make it true too often.
constexpr bool maybe_unusual(std::uint64_t word) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101ULL;
    return (((word - 0x20 * ones) | (word + ones)) & 0x80 * ones) != 0;
}

/// Whole words first, the last one overlapping the one before it; byte by byte what is short or
/// holds anything unusual, such as HTAB or UTF-8.
bool no_controls(std::string_view text) noexcept {
    if (text.size() < 8) {
        return all_in_class(text, class_value);
    }
    const char* p = text.data();
    const char* const last = p + text.size() - 8;
    std::uint64_t word = 0;
    for (; p < last; p += 8) {
        std::memcpy(&word, p, 8);
        if (maybe_unusual(word)) {
            return all_in_class(text, class_value);
        }
    }
    std::memcpy(&word, last, 8);
    return !maybe_unusual(word) || all_in_class(text, class_value);
}

constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}

void append_text(Bytes& out, std::string_view text) {
    char* const at = out.reserve(text.size());
    std::memcpy(at, text.data(), text.size());
    out.commit(text.size());
}

}  // namespace

void append_status_line(Bytes& out, int status) {
    char* const at = out.reserve(sizeof(StatusLine));
    out.commit(static_cast<std::size_t>(put_status_line(at, status) - at));
}

bool valid_field_name(std::string_view name) noexcept {
    return !name.empty() && all_in_class(name, class_token);
}

bool valid_field_value(std::string_view value) noexcept {
    return value.empty() ||
           (no_controls(value) && !is_space(value.front()) && !is_space(value.back()));
}

bool append_field(Bytes& out, std::string_view name, std::string_view value) {
    if (!valid_field_name(name) || !valid_field_value(value)) {
        return false;
    }
    append_valid_field(out, name, value);
    return true;
}

void append_valid_field(Bytes& out, std::string_view name, std::string_view value) {
    CE_DCHECK(valid_field_name(name) && valid_field_value(value));
    char* const at = out.reserve(name.size() + value.size() + 4);
    out.commit(static_cast<std::size_t>(put_field(at, name, value) - at));
}

void append_content_length(Bytes& out, std::uint64_t length) {
    static constexpr std::string_view name = "Content-Length: ";
    char* const at = out.reserve(name.size() + decimal_max + 2);
    out.commit(static_cast<std::size_t>(put(write_decimal(put(at, name), length), "\r\n") - at));
}

void append_date(Bytes& out, const char* date) {
    append_valid_field(out, "Date", {date, http_date::length});
}

void append_chunked(Bytes& out) {
    append_text(out, "Transfer-Encoding: chunked\r\n");
}

void append_connection_close(Bytes& out) {
    append_text(out, "Connection: close\r\n");
}

void append_keep_alive(Bytes& out) {
    append_text(out, "Connection: keep-alive\r\n");
}

void end_head(Bytes& out) {
    append_text(out, "\r\n");
}

bool append_simple_head(Bytes& out, int status, const char* date, std::string_view content_type,
                        std::uint64_t content_length) {
    if (!valid_field_value(content_type)) {
        return false;
    }
    char* const begin = out.reserve(sizeof(StatusLine) + content_type.size() + 128);
    char* at = put_status_line(begin, status);
    at = put(at, "Date: ");
    at = put(at, {date, http_date::length});
    if (!content_type.empty()) {
        at = put(at, "\r\nContent-Type: ");
        at = put(at, content_type);
    }
    at = write_decimal(put(at, "\r\nContent-Length: "), content_length);
    at = put(at, "\r\n");
    out.commit(static_cast<std::size_t>(at - begin));
    return true;
}

void append_continue(Bytes& out) {
    append_text(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

bool append_request_line(Bytes& out, std::string_view method, std::string_view target) {
    static constexpr std::string_view version = " HTTP/1.1\r\n";
    if (!valid_field_name(method) || target.empty() || !all_in_class(target, class_target)) {
        return false;
    }
    char* const begin = out.reserve(method.size() + target.size() + version.size() + 1);
    char* at = put(begin, method);
    *at++ = ' ';
    at = put(at, target);
    at = put(at, version);
    out.commit(static_cast<std::size_t>(at - begin));
    return true;
}

void append_chunk_size(Bytes& out, std::uint64_t size) {
    CE_DCHECK(size > 0);
    static constexpr char digits[] = "0123456789abcdef";
    char* const at = out.reserve(chunk_overhead);
    const auto count = static_cast<std::size_t>(std::bit_width(size) + 3) / 4;
    for (std::size_t i = count; i-- > 0; size >>= 4) {
        at[i] = digits[size & 15];
    }
    put(at + count, "\r\n");
    out.commit(count + 2);
}

void append_chunk_end(Bytes& out) {
    append_text(out, "\r\n");
}

void append_last_chunk(Bytes& out) {
    append_text(out, "0\r\n\r\n");
}

void append_last_chunk_open(Bytes& out) {
    append_text(out, "0\r\n");
}

void append_chunk(Bytes& out, std::string_view data) {
    if (data.empty()) {
        return;
    }
    out.reserve(data.size() + chunk_overhead);
    append_chunk_size(out, data.size());
    out.append(data);
    append_chunk_end(out);
}

bool allowed_in_trailers(std::string_view name) noexcept {
    return (forbidden_trailer_fields >> static_cast<unsigned>(known_field(name)) & 1U) == 0;
}

char* write_decimal(char* at, std::uint64_t value) noexcept {
    char* const end = at + decimal_digits(value);
    char* p = end;
    for (; value >= 100; value /= 100) {
        p -= 2;
        std::memcpy(p, digit_pairs.data() + value % 100 * 2, 2);
    }
    if (value >= 10) {
        std::memcpy(p - 2, digit_pairs.data() + value * 2, 2);
    } else {
        p[-1] = static_cast<char>('0' + value);
    }
    return end;
}

}  // namespace corevent::h1
