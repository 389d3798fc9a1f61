// The Range field (RFC 9110 14): which bytes of a content of known size are asked for. Values in, a
// small list out; any thread. Whether the range applies at all (method, If-Range) is decided by the
// caller before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace corevent {

struct ByteRange {
    std::uint64_t first = 0;
    std::uint64_t length = 0;  ///< at least 1
    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

enum class RangeVerdict : std::uint8_t {
    ignored,  ///< no byte range, malformed, or so fragmented that the whole content is the better
              ///< answer: send 200
    satisfiable,    ///< `ranges` holds at least one: send 206
    unsatisfiable,  ///< valid, but no byte of the content is asked for: send 416
};

/// Reads a Range value against a content of `size` bytes. `ranges` is overwritten: in the order
/// asked, those that overlap or touch merged into the earlier one, so that the sum of the lengths
/// never exceeds `size`. More than `ranges_max` ranges after merging, or more than 4 * ranges_max
/// before, is `ignored`: the client gets the whole content once.
RangeVerdict parse_ranges(std::string_view value, std::uint64_t size, std::size_t ranges_max,
                          std::vector<ByteRange>& ranges);

}  // namespace corevent
