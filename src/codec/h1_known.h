// The table behind KnownField: a perfect hash over length, first and last letter, proven free of
// collisions at compile time, and the lower-case names padded to 32 bytes so that a name is
// compared in whole words. Constant data for the head parser and h1_head.cc; it does not check that
// names are tokens.
#pragma once

#include "codec/h1_head.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace corevent::h1 {

/// In the order of KnownField; "" stands for other.
inline constexpr std::array<std::string_view, known_field_count> known_names{
    "",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "date",
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "content-type",
    "content-encoding",
    "content-range",
    "content-language",
    "authorization",
    "cookie",
    "set-cookie",
    "user-agent",
    "referer",
    "origin",
    "server",
    "location",
    "etag",
    "last-modified",
    "vary",
    "cache-control",
    "age",
    "allow",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "retry-after",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-request-id",
    "traceparent",
    "tracestate",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "http2-settings",
    "proxy",
    "max-forwards",
    "pragma",
    "www-authenticate",
    "proxy-authenticate",
};

inline constexpr std::size_t known_name_max = 24;  ///< the longest of them

/// `first` and `last` in either case.
constexpr std::uint8_t known_hash(std::size_t length, unsigned char first,
                                  unsigned char last) noexcept {
    return static_cast<std::uint8_t>(length + (first | 0x20U) * 16 + (last | 0x20U) * 9);
}

struct KnownTable {
    std::array<std::uint8_t, 256> slot{};  ///< hash -> KnownField, 0 for none
    std::array<std::uint8_t, known_field_count> length{};
    alignas(32) std::array<std::array<char, 32>, known_field_count> name{};
    bool collision_free = true;
};

constexpr KnownTable make_known_table() noexcept {
    KnownTable table;
    for (std::size_t id = 1; id < known_field_count; ++id) {
        const std::string_view text = known_names[id];
        const std::uint8_t hash = known_hash(text.size(), static_cast<unsigned char>(text.front()),
                                             static_cast<unsigned char>(text.back()));
        table.collision_free =
            table.collision_free && table.slot[hash] == 0 && text.size() <= known_name_max;
        table.slot[hash] = static_cast<std::uint8_t>(id);
        table.length[id] = static_cast<std::uint8_t>(text.size());
        for (std::size_t i = 0; i < text.size(); ++i) {
            table.name[id][i] = text[i];
        }
    }
    return table;
}
inline constexpr KnownTable known_table = make_known_table();
static_assert(known_table.collision_free);

/// Compares `length` bytes at `name`, a token, with a padded lower-case name. Reads whole words: 7
/// bytes behind the name must be readable. Setting bit 5 is exact here: it joins no other token
/// characters to letters, digits or '-'.
inline bool equals_known_padded(const char* name, std::size_t length, const char* row) noexcept {
    constexpr std::uint64_t lower = 0x2020202020202020ULL;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    for (; length > 8; length -= 8, name += 8, row += 8) {
        std::memcpy(&a, name, 8);
        std::memcpy(&b, row, 8);
        if ((a | lower) != b) {
            return false;
        }
    }
    std::memcpy(&a, name, 8);
    std::memcpy(&b, row, 8);
    const unsigned unused = static_cast<unsigned>(8 - length) * 8;
    if constexpr (std::endian::native == std::endian::little) {
        return ((a | lower) ^ b) << unused == 0;
    } else {
        return ((a | lower) ^ b) >> unused == 0;
    }
}

}  // namespace corevent::h1
