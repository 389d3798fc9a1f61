#include "codec/uri.h"

#include "codec/h1_chars.h"
#include "codec/url.h"

#include <algorithm>

namespace corevent::uri {
namespace {

constexpr bool alpha(char c) noexcept {
    const char letter = static_cast<char>(c | 0x20);
    return letter >= 'a' && letter <= 'z';
}

/// Length of the prefix of `text` whose characters are unreserved, sub-delims, escapes, or in
/// `also`.
std::size_t span_of(std::string_view text, std::string_view also) noexcept {
    std::size_t at = 0;
    while (at < text.size()) {
        if (h1::in_class(text[at], h1::class_host) ||
            also.find(text[at]) != std::string_view::npos) {
            ++at;
        } else if (escaped_octet(text.substr(at)) >= 0) {
            at += 3;
        } else {
            break;
        }
    }
    return at;
}

bool only(std::string_view text, std::string_view also) noexcept {
    return span_of(text, also) == text.size();
}

constexpr std::string_view path_extra = ":@/";
constexpr std::string_view query_extra = ":@/?";

/// Length of a part that ends before one of `ends`.
std::size_t part_length(std::string_view text, std::string_view extra, std::string_view ends,
                        Grammar grammar) noexcept {
    return grammar == Grammar::any_octet ? std::min(text.find_first_of(ends), text.size())
                                         : span_of(text, extra);
}

/// "[" ( IPv6address / IPvFuture ) "]"
bool valid_literal(std::string_view text) noexcept {
    if (text.size() < 3 || text.front() != '[' || text.back() != ']') {
        return false;
    }
    std::string_view inside = text.substr(1, text.size() - 2);
    if ((inside[0] | 0x20) != 'v') {
        return url::valid_ipv6(inside);
    }
    inside.remove_prefix(1);
    const std::size_t dot = inside.find('.');
    if (dot == std::string_view::npos || dot == 0) {
        return false;
    }
    const auto hex = [](char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    };
    const std::string_view address = inside.substr(dot + 1);
    return std::ranges::all_of(inside.substr(0, dot), hex) &&
           std::ranges::all_of(address,
                               [](char c) { return c == ':' || h1::in_class(c, h1::class_host); });
}

bool parse_port(std::string_view digits, int& port) noexcept {
    int value = 0;
    for (const char c : digits) {
        value = value * 10 + (c - '0');
        if (value > port_max) {
            return false;
        }
    }
    port = digits.empty() ? -1 : value;
    return true;
}

/// [ userinfo "@" ] host [ ":" port ]
bool parse_authority(std::string_view text, Parts& parts) noexcept {
    if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
        parts.userinfo = text.substr(0, at);
        if (!valid_userinfo(parts.userinfo)) {
            return false;
        }
        text.remove_prefix(at + 1);
    }
    std::size_t digits = text.size();
    while (digits > 0 && text[digits - 1] >= '0' && text[digits - 1] <= '9') {
        --digits;
    }
    if (digits > 0 && text[digits - 1] == ':') {
        if (!parse_port(text.substr(digits), parts.port)) {
            return false;
        }
        text = text.substr(0, digits - 1);
    }
    parts.host = text;
    return valid_host(text);
}

/// A colon in the first segment would make it a scheme (RFC 3986 4.2).
bool path_without_scheme(std::string_view path) noexcept {
    return path.substr(0, std::min(path.find('/'), path.size())).find(':') ==
           std::string_view::npos;
}

}  // namespace

bool valid_scheme(std::string_view text) noexcept {
    return !text.empty() && alpha(text[0]) && std::ranges::all_of(text, [](char c) {
        return alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

bool valid_userinfo(std::string_view text) noexcept {
    return only(text, ":");
}

bool valid_host(std::string_view text) noexcept {
    return !text.empty() && text[0] == '[' ? valid_literal(text) : only(text, "");
}

bool valid_path(std::string_view text, Grammar grammar) noexcept {
    return part_length(text, path_extra, "?#", grammar) == text.size();
}

bool valid_query(std::string_view text, Grammar grammar) noexcept {
    return part_length(text, query_extra, "#", grammar) == text.size();
}

bool valid_fragment(std::string_view text, Grammar grammar) noexcept {
    return part_length(text, query_extra, "", grammar) == text.size();
}

std::optional<Parts> parse(std::string_view text, Grammar grammar) noexcept {
    Parts parts;
    if (const std::size_t colon = text.find(':');
        colon != std::string_view::npos && valid_scheme(text.substr(0, colon))) {
        parts.scheme = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    const bool has_authority = text.starts_with("//");
    if (has_authority) {
        text.remove_prefix(2);
        const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
        if (!parse_authority(text.substr(0, end), parts)) {
            return std::nullopt;
        }
        text.remove_prefix(end);
    }
    const std::size_t path_end = part_length(text, path_extra, "?#", grammar);
    parts.path = path_end == 0 ? std::string_view("") : text.substr(0, path_end);
    text.remove_prefix(path_end);
    if (text.starts_with('?')) {
        const std::size_t end = part_length(text.substr(1), query_extra, "#", grammar);
        parts.query = text.substr(1, end);
        text.remove_prefix(end + 1);
    }
    if (text.starts_with('#')) {
        const std::size_t end = part_length(text.substr(1), query_extra, "", grammar);
        parts.fragment = text.substr(1, end);
        text.remove_prefix(end + 1);
    }
    if (!text.empty() || (!has_authority && parts.path.starts_with("//")) ||
        (parts.scheme.data() == nullptr && !has_authority && !path_without_scheme(parts.path))) {
        return std::nullopt;
    }
    return parts;
}

}  // namespace corevent::uri
