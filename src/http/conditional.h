// Conditional requests (RFC 9110 13): whether a request is to be answered at all, with 304, with 412 or with a range.
// Stateless functions over a head and the validators of the selected representation; any thread. Time is an argument.
#pragma once

#include "codec/accept.h"
#include "codec/h1_head.h"

#include <cstdint>

namespace corevent::http {

struct Validators {
    EntityTag etag;
    std::int64_t modified = 0;  ///< Unix time of Last-Modified
};

enum class Condition : std::uint8_t {
    proceed,
    not_modified,  ///< 304
    failed,        ///< 412
};

constexpr std::uint64_t field_bit(h1::KnownField id) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(id);
}
/// MessageHead::known of a request that has none of these needs neither of the functions below.
inline constexpr std::uint64_t precondition_fields =
    field_bit(h1::KnownField::if_match) | field_bit(h1::KnownField::if_none_match) |
    field_bit(h1::KnownField::if_modified_since) | field_bit(h1::KnownField::if_unmodified_since);

/// Evaluates the preconditions of GET or HEAD on a representation that exists, in the order of RFC 9110 13.2.2. Dates
/// that are malformed or given twice are ignored; entity tags may come in several lines. `now` is Unix time.
Condition evaluate_preconditions(const h1::MessageHead& head, const Validators& current,
                                 std::int64_t now) noexcept;

/// Whether the Range of this GET counts: true without If-Range, or if it names the current representation (RFC 9110
/// 13.1.5): a strong tag, or exactly the date of the last modification if that second is over.
bool if_range_holds(const h1::MessageHead& head, const Validators& current,
                    std::int64_t now) noexcept;

}  // namespace corevent::http
