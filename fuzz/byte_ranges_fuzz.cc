// Ranges: whatever is asked, the answer lies within the content, never twice; for small contents it
// covers the bytes that a simple reading of the field asks for. The first byte chooses the size.
#include "base/assert.h"
#include "codec/accept.h"
#include "codec/byte_ranges.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace corevent {
namespace {

constexpr std::array<std::uint64_t, 8> sizes{0,
                                             1,
                                             10,
                                             1000,
                                             std::uint64_t{1} << 32,
                                             std::numeric_limits<std::uint64_t>::max() - 1,
                                             std::numeric_limits<std::uint64_t>::max(),
                                             100};

long double number(std::string_view digits) {
    long double value = 0;
    for (const char c : digits) {
        value = value * 10 + (c - '0');
    }
    return value;
}

/// The bytes asked for, marked one by one; the field is known to be well-formed.
std::vector<bool> asked_bytes(std::string_view value, std::size_t size) {
    std::vector<bool> asked(size);
    ListReader specs(value.substr(6));
    for (std::string_view spec; specs.next(spec);) {
        const std::size_t dash = spec.find('-');
        const std::string_view first = spec.substr(0, dash);
        const std::string_view last = spec.substr(dash + 1);
        for (std::size_t i = 0; i < size; ++i) {
            const auto at = static_cast<long double>(i);
            const auto end = static_cast<long double>(size);
            const bool in = first.empty()
                                ? at >= end - number(last)
                                : at >= number(first) && (last.empty() || at <= number(last));
            asked[i] = asked[i] || in;
        }
    }
    return asked;
}

void check(std::string_view value, std::uint64_t size, std::size_t ranges_max) {
    std::vector<ByteRange> ranges;
    const RangeVerdict verdict = parse_ranges(value, size, ranges_max, ranges);
    CE_ASSERT((verdict == RangeVerdict::satisfiable) == !ranges.empty());
    CE_ASSERT(ranges.size() <= ranges_max);
    std::uint64_t total = 0;
    for (const ByteRange& range : ranges) {
        CE_ASSERT(range.length >= 1 && range.length <= size && range.first <= size - range.length);
        CE_ASSERT(range.length <= size - total);
        total += range.length;
    }
    if (verdict == RangeVerdict::ignored || size > 1000) {
        return;
    }
    std::vector<bool> answered(static_cast<std::size_t>(size));
    for (const ByteRange& range : ranges) {
        for (std::uint64_t i = range.first; i < range.first + range.length; ++i) {
            CE_ASSERT(!answered[i]);
            answered[i] = true;
        }
    }
    CE_ASSERT(answered == asked_bytes(value, static_cast<std::size_t>(size)));
}

}  // namespace
}  // namespace corevent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 2000) {
        return 0;
    }
    const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::uint64_t content = corevent::sizes[data[0] % corevent::sizes.size()];
    corevent::check(value, content, 16);
    corevent::check(value, content, 2);
    return 0;
}
