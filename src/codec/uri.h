// URIs and relative references in the generic syntax of RFC 3986 3 and 4, any scheme: split into
// their parts, and the grammar of each part. Stateless functions over views; results point into the
// input, nothing is copied or decoded. The targets of HTTP requests are the business of url.h,
// which is stricter and knows what HTTP makes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace corevent::uri {

/// How strict the grammar of paths, queries and fragments is.
enum class Grammar : std::uint8_t {
    rfc3986,
    any_octet,  ///< whatever does not begin the next part
};

/// A part that is absent has a null view; one that is there and empty has not.
struct Parts {
    std::string_view scheme;
    std::string_view userinfo;
    std::string_view host;  ///< an IP literal keeps its brackets
    int port = -1;          ///< -1: absent or empty
    std::string_view path;  ///< never null
    std::string_view query;
    std::string_view fragment;
};

/// Nothing if `text` is no URI reference (RFC 3986 4.1).
std::optional<Parts> parse(std::string_view text, Grammar grammar = Grammar::rfc3986) noexcept;

inline constexpr int port_max = 65535;

bool valid_scheme(std::string_view text) noexcept;
bool valid_userinfo(std::string_view text) noexcept;
/// A registered name, an IPv4 address or an IP literal in brackets.
bool valid_host(std::string_view text) noexcept;
bool valid_path(std::string_view text, Grammar grammar = Grammar::rfc3986) noexcept;
bool valid_query(std::string_view text, Grammar grammar = Grammar::rfc3986) noexcept;
bool valid_fragment(std::string_view text, Grammar grammar = Grammar::rfc3986) noexcept;

/// The octet that the escape at the beginning of `text` ("%XX") stands for, or -1.
constexpr int escaped_octet(std::string_view text) noexcept {
    const auto digit = [](char c) {
        const char letter = static_cast<char>(c | 0x20);
        return c >= '0' && c <= '9'             ? c - '0'
               : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                                                : -1;
    };
    if (text.size() < 3 || text[0] != '%') {
        return -1;
    }
    const int high = digit(text[1]);
    const int low = digit(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// ALPHA, DIGIT and "-._~": what stands for itself everywhere (RFC 3986 2.3).
constexpr bool unreserved(char c) noexcept {
    const char letter = static_cast<char>(c | 0x20);
    return (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

}  // namespace corevent::uri
