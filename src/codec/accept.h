// Choices that a client leaves to the server: codings by quality (RFC 9110 12.5.3) and entity tags
// (RFC 9110 8.8.3, 13.1). Stateless functions over field values; any thread. A field sent in
// several lines is fed line by line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent {

enum class Coding : std::uint8_t { identity, gzip, br, zstd };
inline constexpr std::size_t coding_count = 4;
/// "gzip", ... as in Content-Encoding.
std::string_view coding_name(Coding coding) noexcept;

/// What Accept-Encoding allows, as qualities from 0 to 1000. Without the field everything is as
/// good as everything else, and servers send identity; here absent means: identity only.
class AcceptEncoding {
public:
    AcceptEncoding() noexcept = default;

    /// Takes one field line into account. Malformed members are skipped, the others count;
    /// `gzip;q=0` forbids gzip, and
    /// `*` speaks for what is not named. x-gzip is gzip.
    void add(std::string_view value) noexcept;

    /// 0 is "not acceptable".
    int quality(Coding coding) const noexcept;
    bool accepts(Coding coding) const noexcept { return quality(coding) > 0; }

    /// The best of `available` (a bit set: 1 << Coding): the highest quality, among equals the
    /// first of br, zstd, gzip, identity. identity is the answer when nothing else is acceptable,
    /// even if it is forbidden (RFC 9110 12.5.3 lets a server send it).
    Coding best(unsigned available) const noexcept;

private:
    static constexpr std::int16_t unset = -1;
    std::array<std::int16_t, coding_count> named_{unset, unset, unset, unset};
    std::int16_t star_ = unset;
};

/// Tokens of a comma-separated list, without the white space around them; empty members are
/// skipped. Quoted strings protect commas.
class ListReader {
public:
    explicit ListReader(std::string_view value) noexcept : rest_(value) {}
    /// False at the end.
    bool next(std::string_view& member) noexcept;

private:
    std::string_view rest_;
};

/// True if the list has this token, without regard to case.
bool list_has_token(std::string_view value, std::string_view token) noexcept;

struct EntityTag {
    std::string_view opaque;  ///< with its quotes
    bool weak = false;
};

/// One entity tag (`"x"` or `W/"x"`) and nothing else; false if malformed.
bool parse_entity_tag(std::string_view text, EntityTag& tag) noexcept;

/// Whether the value of If-Match (strong comparison) or If-None-Match (weak comparison) matches the
/// current tag. "*" matches if the resource `exists`. A malformed list matches nothing behind the
/// point where it breaks.
bool if_match_matches(std::string_view value, const EntityTag& current, bool exists) noexcept;
bool if_none_match_matches(std::string_view value, const EntityTag& current, bool exists) noexcept;

/// RFC 9110 8.8.3.2.
constexpr bool strong_equal(const EntityTag& a, const EntityTag& b) noexcept {
    return !a.weak && !b.weak && a.opaque == b.opaque;
}
constexpr bool weak_equal(const EntityTag& a, const EntityTag& b) noexcept {
    return a.opaque == b.opaque;
}

}  // namespace corevent
