#include "codec/byte_ranges.h"

#include "codec/accept.h"
#include "codec/h1_chars.h"
#include "codec/h1_head.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace corevent {
namespace {

/// 1*DIGIT; what exceeds 64 bits is as good as the largest number.
std::optional<std::uint64_t> read_position(std::string_view text) noexcept {
    if (text.empty() || !h1::all_in_class(text, h1::class_digit)) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
            __builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value)) {
            return std::numeric_limits<std::uint64_t>::max();
        }
    }
    return value;
}

/// One range-spec against `size` > 0. Length 0 means: valid, but none of the content.
std::optional<ByteRange> read_spec(std::string_view spec, std::uint64_t size) noexcept {
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view first_text = spec.substr(0, dash);
    const std::string_view last_text = spec.substr(dash + 1);
    if (first_text.empty()) {
        const auto suffix = read_position(last_text);
        if (!suffix) {
            return std::nullopt;
        }
        const std::uint64_t length = std::min(*suffix, size);
        return ByteRange{size - length, length};
    }
    const auto first = read_position(first_text);
    const auto last = last_text.empty() ? std::optional(size - 1) : read_position(last_text);
    if (!first || !last || (!last_text.empty() && *last < *first)) {
        return std::nullopt;
    }
    if (*first >= size) {
        return ByteRange{};
    }
    return ByteRange{*first, std::min(*last, size - 1) - *first + 1};
}

constexpr std::uint64_t end_of(const ByteRange& range) noexcept {
    return range.first + range.length;  // at most the size of the content
}

/// Adds a range, joined with all that it overlaps or touches, at the place of the first of them.
void add_merged(std::vector<ByteRange>& ranges, ByteRange added) {
    const auto joins = [&](const ByteRange& r) {
        return r.first <= end_of(added) && added.first <= end_of(r);
    };
    auto place = std::ranges::find_if(ranges, joins);
    if (place == ranges.end()) {
        ranges.push_back(added);
        return;
    }
    // The set is disjoint and apart before, so one sweep finds all neighbours once the union is
    // known; the union of neighbours can only reach what one of them touched already, hence nothing
    // else.
    std::uint64_t first = added.first;
    std::uint64_t end = end_of(added);
    for (const ByteRange& range : ranges) {
        if (joins(range)) {
            first = std::min(first, range.first);
            end = std::max(end, end_of(range));
        }
    }
    *place = {first, end - first};
    ranges.erase(std::remove_if(std::next(place), ranges.end(), joins), ranges.end());
}

}  // namespace

RangeVerdict parse_ranges(std::string_view value, std::uint64_t size, std::size_t ranges_max,
                          std::vector<ByteRange>& ranges) {
    static constexpr std::string_view unit = "bytes=";
    ranges.clear();
    if (size == 0 || !h1::equal_names(value.substr(0, unit.size()), unit)) {
        return RangeVerdict::ignored;
    }
    ListReader specs(value.substr(unit.size()));
    std::size_t asked = 0;
    for (std::string_view spec; specs.next(spec);) {
        const auto range = read_spec(spec, size);
        if (!range || ++asked > ranges_max * 4) {
            ranges.clear();
            return RangeVerdict::ignored;
        }
        if (range->length != 0) {
            add_merged(ranges, *range);
        }
    }
    if (asked == 0 || ranges.size() > ranges_max) {
        ranges.clear();
        return RangeVerdict::ignored;
    }
    return ranges.empty() ? RangeVerdict::unsatisfiable : RangeVerdict::satisfiable;
}

}  // namespace corevent
