// The portable scanner: a table of classes for tokens and targets, eight bytes a step for values.
#include "codec/h1_chars.h"
#include "codec/h1_known.h"
#include "codec/h1_parser_impl.h"

#include <bit>
#include <cstring>

namespace corevent::h1 {
namespace {

CE_SCAN_INLINE const char* scan_class(const char* p, const char* end,
                                      std::uint8_t wanted) noexcept {
    while (p != end && (char_class[static_cast<unsigned char>(*p)] & wanted) != 0) {
        ++p;
    }
    return p;
}

CE_SCAN_INLINE const char* scan_token(const char* p, const char* end) noexcept {
    return scan_class(p, end, class_token);
}

CE_SCAN_INLINE const char* scan_host(const char* p, const char* end) noexcept {
    return scan_class(p, end, class_host);
}

CE_SCAN_INLINE const char* scan_target(const char* p, const char* end) noexcept {
    return scan_class(p, end, class_target);
}

CE_SCAN_INLINE const char* scan_value(const char* p, const char* end) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101ULL;
    constexpr std::uint64_t highs = 0x8080808080808080ULL;
    while (end - p >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, p, 8);
        const std::uint64_t del = word ^ 0x7F * ones;
        // Exact for "is there any": bytes below 0x20 (HTAB among them) and DEL.
        if ((((word - 0x20 * ones) & ~word) | ((del - ones) & ~del)) & highs) {
            break;
        }
        p += 8;
    }
    // At most seven bytes up to the one that was found, unless it is HTAB.
    return scan_class(p, end, class_value);
}

CE_SCAN_INLINE LineScan scan_line(const char* p, const char* end) noexcept {
    const char* const name_end = scan_token(p, end);
    return {name_end, scan_value(name_end, end)};
}

CE_SCAN_INLINE bool known_row_equal(const char* name, std::size_t length,
                                    const char* row) noexcept {
    return equals_known_padded(name, length, row);
}

}  // namespace
}  // namespace corevent::h1

#include "codec/h1_parser_core.inc"

namespace corevent::h1 {
const ParserVariant scalar_parser{parse_request, parse_response, parse_trailer_section};
}
