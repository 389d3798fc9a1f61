// Classes of octets in HTTP/1 (RFC 9110 5.6.2, 5.5; RFC 9112 3), one table for parser, writer and
// body decoder. Constant data; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace corevent::h1 {

inline constexpr std::uint8_t class_token = 1;   ///< tchar
inline constexpr std::uint8_t class_target = 2;  ///< VCHAR but '#'
inline constexpr std::uint8_t class_value = 4;   ///< HTAB, SP, VCHAR, obs-text
inline constexpr std::uint8_t class_digit = 8;
inline constexpr std::uint8_t class_host = 16;  ///< unreserved, sub-delims: a reg-name without
                                                ///< escapes

constexpr std::array<std::uint8_t, 256> make_char_class() noexcept {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        const bool digit = c >= '0' && c <= '9';
        const bool alphanumeric = digit || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        const auto in = [&](std::string_view set) {
            return set.find(static_cast<char>(c)) != std::string_view::npos;
        };
        std::uint8_t classes = 0;
        if (alphanumeric || in("!#$%&'*+-.^_`|~")) {
            classes |= class_token;
        }
        if (c > 0x20 && c < 0x7F && c != '#') {
            classes |= class_target;
        }
        if (c == '\t' || (c >= 0x20 && c != 0x7F)) {
            classes |= class_value;
        }
        if (digit) {
            classes |= class_digit;
        }
        if (alphanumeric || in("-._~!$&'()*+,;=")) {
            classes |= class_host;
        }
        table[c] = classes;
    }
    return table;
}
inline constexpr std::array<std::uint8_t, 256> char_class = make_char_class();

constexpr bool in_class(char c, std::uint8_t wanted) noexcept {
    return (char_class[static_cast<unsigned char>(c)] & wanted) != 0;
}

constexpr bool all_in_class(std::string_view text, std::uint8_t wanted) noexcept {
    for (const char c : text) {
        if (!in_class(c, wanted)) {
            return false;
        }
    }
    return true;
}

}  // namespace corevent::h1
