#include "codec/url.h"

#include "codec/h1_chars.h"

#include <algorithm>
#include <cstring>

namespace corevent::url {
namespace {

constexpr int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char letter = static_cast<char>(c | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

constexpr bool is_control(unsigned char c) noexcept {
    return c < 0x20 || c == 0x7F;
}

/// The octet that the escape at `text` ("%XX", maybe cut off) stands for, or -1.
constexpr int unescape(std::string_view text) noexcept {
    if (text.size() < 3) {
        return -1;
    }
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// Decodes `text` to `to`, which has room for all of it; returns the end.
std::expected<char*, PathError> decode_to(std::string_view text, char* to, bool form) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        int c = static_cast<unsigned char>(text[i]);
        if (c == '%') {
            c = unescape(text.substr(i));
            if (c < 0) {
                return std::unexpected(PathError::bad_escape);
            }
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (c == 0) {
            return std::unexpected(PathError::nul);
        }
        if (!form && is_control(static_cast<unsigned char>(c))) {
            return std::unexpected(PathError::control);
        }
        *to++ = static_cast<char>(c);
    }
    return to;
}

void encode(std::string_view text, std::string_view also_plain, Bytes& out) {
    static constexpr char digits[] = "0123456789ABCDEF";
    char* to = out.reserve(text.size() * 3);
    const char* const begin = to;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        const bool unreserved = (octet >= '0' && octet <= '9') ||
                                ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'z') || c == '-' ||
                                c == '.' || c == '_' || c == '~';
        if (unreserved || also_plain.find(c) != std::string_view::npos) {
            *to++ = c;
        } else {
            *to++ = '%';
            *to++ = digits[octet >> 4];
            *to++ = digits[octet & 15];
        }
    }
    out.commit(static_cast<std::size_t>(to - begin));
}

/// Length of the well-formed UTF-8 sequence that begins with a byte from 0x80 on, or 0 (RFC 3629
/// 4).
std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i])
                               : static_cast<unsigned char>(0);
    };
    const auto tail = [&](std::size_t i) { return at(i) >= 0x80 && at(i) <= 0xBF; };
    const unsigned char first = at(0);
    if (first >= 0xC2 && first <= 0xDF) {
        return tail(1) ? 2 : 0;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned char low = first == 0xE0 ? 0xA0 : 0x80;   // overlong below
        const unsigned char high = first == 0xED ? 0x9F : 0xBF;  // surrogates above
        return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned char low = first == 0xF0 ? 0x90 : 0x80;
        const unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
        return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

bool valid_ipv4(std::string_view text) noexcept {
    int octets = 0;
    for (;;) {
        const std::size_t dot = std::min(text.find('.'), text.size());
        const std::string_view part = text.substr(0, dot);
        if (part.empty() || part.size() > 3 || !h1::all_in_class(part, h1::class_digit) ||
            (part.size() > 1 && part[0] == '0')) {
            return false;
        }
        int value = 0;
        for (const char c : part) {
            value = value * 10 + (c - '0');
        }
        ++octets;
        if (value > 255 || octets > 4) {
            return false;
        }
        if (dot == text.size()) {
            return octets == 4;
        }
        text.remove_prefix(dot + 1);
    }
}

/// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool valid_ip_future(std::string_view text) noexcept {
    const std::size_t dot = text.find('.');
    if (text.empty() || (text[0] | 0x20) != 'v' || dot == std::string_view::npos || dot < 2 ||
        dot + 1 == text.size()) {
        return false;
    }
    return std::ranges::all_of(text.substr(1, dot - 1), [](char c) { return hex_value(c) >= 0; }) &&
           std::ranges::all_of(text.substr(dot + 1),
                               [](char c) { return c == ':' || h1::in_class(c, h1::class_host); });
}

bool valid_reg_name(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (unescape(text.substr(i)) < 0) {
                return false;
            }
            i += 2;
        } else if (!h1::in_class(text[i], h1::class_host)) {
            return false;
        }
    }
    return true;
}

}  // namespace

Target split_target(std::string_view target) noexcept {
    const std::size_t mark = target.find('?');
    if (mark == std::string_view::npos) {
        return {target, {}, false};
    }
    return {target.substr(0, mark), target.substr(mark + 1), true};
}

std::string_view path_error_text(PathError error) noexcept {
    switch (error) {
        case PathError::not_absolute: return "the path does not begin with a slash";
        case PathError::bad_escape: return "a % is not followed by two hexadecimal digits";
        case PathError::nul: return "the path holds a NUL";
        case PathError::control: return "the path holds a control character";
        case PathError::bad_utf8: return "the path is not valid UTF-8";
        case PathError::encoded_slash: return "the path holds an encoded slash";
        case PathError::escapes_root: return "the path leaves the root";
    }
    return "";
}

std::expected<std::string_view, PathError> resolve_path(std::string_view path, Bytes& out) {
    if (path.empty() || path[0] != '/') {
        return std::unexpected(PathError::not_absolute);
    }
    out.clear();
    char* const begin = out.reserve(path.size());
    char* to = begin;  // behind what stands; each turn adds a slash and a segment
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::size_t length = std::min(path.find('/'), path.size());
        const bool last = length == path.size();
        *to++ = '/';
        char* const segment = to;
        const auto end = decode_to(path.substr(0, length), to, false);
        if (!end) {
            return std::unexpected(end.error());
        }
        path.remove_prefix(length);
        to = *end;
        const std::string_view text(segment, static_cast<std::size_t>(to - segment));
        if (text.find('/') != std::string_view::npos) {
            return std::unexpected(PathError::encoded_slash);
        }
        if (!valid_utf8(text)) {
            return std::unexpected(PathError::bad_utf8);
        }
        if (text == ".") {
            to = segment - 1;
        } else if (text == "..") {
            to = segment - 1;
            if (to == begin) {
                return std::unexpected(PathError::escapes_root);
            }
            while (*--to != '/') {
            }
        } else {
            continue;
        }
        if (last) {
            ++to;  // what a dot segment at the end names is a directory: its slash stays
        }
    }
    const auto size = static_cast<std::size_t>(to - begin);
    out.commit(size);
    return std::string_view(begin, size);
}

std::expected<std::string_view, PathError> decode(std::string_view text, Bytes& out,
                                                  bool plus_is_space) {
    char* const begin = out.reserve(text.size());
    const auto end = decode_to(text, begin, plus_is_space);
    if (!end) {
        return std::unexpected(end.error());
    }
    const std::string_view decoded(begin, static_cast<std::size_t>(*end - begin));
    if (!valid_utf8(decoded)) {
        return std::unexpected(PathError::bad_utf8);
    }
    out.commit(decoded.size());
    return decoded;
}

void encode_segment(std::string_view segment, Bytes& out) {
    encode(segment, "!$&'()*+,;=:@", out);
}

void encode_path(std::string_view path, Bytes& out) {
    encode(path, "/!$&'()*+,;=:@", out);
}

void encode_query(std::string_view text, Bytes& out) {
    encode(text, "", out);
}

std::optional<Query::Pair> Query::next() noexcept {
    while (!rest_.empty()) {
        const std::size_t end = std::min(rest_.find('&'), rest_.size());
        const std::string_view piece = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        if (piece.empty()) {
            continue;
        }
        const std::size_t equals = piece.find('=');
        if (equals == std::string_view::npos) {
            return Pair{piece, {}, false};
        }
        return Pair{piece.substr(0, equals), piece.substr(equals + 1), true};
    }
    return std::nullopt;
}

std::optional<HostPort> parse_host_port(std::string_view text) noexcept {
    HostPort result;
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return std::nullopt;
        }
        result.host = text.substr(1, close - 1);
        result.is_ipv6 = true;
        rest = text.substr(close + 1);
        if (!valid_ipv6(result.host) && !valid_ip_future(result.host)) {
            return std::nullopt;
        }
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        result.host = text.substr(0, colon);
        rest = text.substr(colon);
        if (!valid_reg_name(result.host)) {
            return std::nullopt;
        }
    }
    if (rest.empty()) {
        return result;
    }
    const std::string_view digits = rest.substr(1);
    if (rest[0] != ':' || digits.size() > 5 || !h1::all_in_class(digits, h1::class_digit)) {
        return std::nullopt;
    }
    unsigned port = 0;
    for (const char c : digits) {
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    if (port > 65535) {
        return std::nullopt;
    }
    result.port = static_cast<std::uint16_t>(port);
    result.has_port = !digits.empty();
    return result;
}

bool valid_ipv6(std::string_view text) noexcept {
    int groups = 0;
    bool gap = text.starts_with("::");
    if (gap) {
        text.remove_prefix(2);
        if (text.empty()) {
            return true;
        }
    }
    for (;;) {
        const std::size_t end = std::min(text.find(':'), text.size());
        const std::string_view group = text.substr(0, end);
        if (end == text.size() && group.find('.') != std::string_view::npos) {
            groups += 2;
            return valid_ipv4(group) && (gap ? groups < 8 : groups == 8);
        }
        if (group.empty() || group.size() > 4 ||
            !std::ranges::all_of(group, [](char c) { return hex_value(c) >= 0; }) || ++groups > 8) {
            return false;
        }
        text.remove_prefix(end);
        if (text.starts_with("::")) {
            if (gap) {
                return false;
            }
            gap = true;
            text.remove_prefix(2);
            if (text.empty()) {
                return groups < 8;
            }
        } else if (text.empty()) {
            return gap ? groups < 8 : groups == 8;
        } else {
            text.remove_prefix(1);
        }
    }
}

bool valid_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        std::uint64_t word = 0;
        if (text.size() >= 8) {
            std::memcpy(&word, text.data(), 8);
            if ((word & 0x8080808080808080ULL) == 0) {
                text.remove_prefix(8);
                continue;
            }
        }
        if (static_cast<unsigned char>(text[0]) < 0x80) {
            text.remove_prefix(1);
            continue;
        }
        const std::size_t length = utf8_sequence(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace corevent::url
