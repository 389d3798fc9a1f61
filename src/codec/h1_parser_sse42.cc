// The scanner for processors with SSE4.2 (x86-64-v2): sixteen bytes a step.
#if defined(__x86_64__)

#include "codec/h1_chars.h"
#include "codec/h1_known.h"
#include "codec/h1_parser_impl.h"

#include <immintrin.h>
#include <bit>
#include <cstring>

// Everything between here and the pop is compiled for the wider instruction set and has internal
// linkage; all headers come before, so that no inline function of theirs can leak those
// instructions into the rest of the program.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse4.2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("sse4.2")
#endif

namespace corevent::h1 {
namespace {

CE_SCAN_INLINE __m128i load(const char* p) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

CE_SCAN_INLINE const char* clamp(const char* p, const char* end) noexcept {
    return p < end ? p : end;
}

/// Classes as rows by low nibble: a byte is in the class if the bit of its high nibble is set in
/// the row of its low nibble. Bytes from 0x80 on are in none.
CE_SCAN_INLINE __m128i token_rows() noexcept {
    return _mm_setr_epi8(static_cast<char>(0xE8), static_cast<char>(0xFC), static_cast<char>(0xF8),
                         static_cast<char>(0xFC), static_cast<char>(0xFC), static_cast<char>(0xFC),
                         static_cast<char>(0xFC), static_cast<char>(0xFC), static_cast<char>(0xF8),
                         static_cast<char>(0xF8), static_cast<char>(0xF4), 0x54,
                         static_cast<char>(0xD0), 0x54, static_cast<char>(0xF4), 0x70);
}

CE_SCAN_INLINE __m128i host_rows() noexcept {
    return _mm_setr_epi8(static_cast<char>(0xA8), static_cast<char>(0xFC), static_cast<char>(0xF8),
                         static_cast<char>(0xF8), static_cast<char>(0xFC), static_cast<char>(0xF8),
                         static_cast<char>(0xFC), static_cast<char>(0xFC), static_cast<char>(0xFC),
                         static_cast<char>(0xFC), static_cast<char>(0xF4), 0x5C, 0x54, 0x5C,
                         static_cast<char>(0xD4), 0x70);
}

CE_SCAN_INLINE unsigned outside_class(__m128i v, __m128i rows) noexcept {
    const __m128i bits =
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, static_cast<char>(0x80), 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i row = _mm_shuffle_epi8(rows, v);
    const __m128i bit =
        _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0F)));
    const __m128i outside = _mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128());
    return static_cast<unsigned>(_mm_movemask_epi8(outside));
}

CE_SCAN_INLINE const char* scan_class(const char* p, const char* end, __m128i rows) noexcept {
    for (;;) {
        const unsigned outside = outside_class(load(p), rows);
        if (outside != 0) {
            return clamp(p + std::countr_zero(outside), end);
        }
        p += 16;
        if (p >= end) {
            return end;
        }
    }
}

CE_SCAN_INLINE const char* scan_token(const char* p, const char* end) noexcept {
    return scan_class(p, end, token_rows());
}

CE_SCAN_INLINE const char* scan_host(const char* p, const char* end) noexcept {
    return scan_class(p, end, host_rows());
}

CE_SCAN_INLINE const char* scan_target(const char* p, const char* end) noexcept {
    for (;;) {
        const __m128i v = load(p);
        // Signed: bytes from 0x80 on count as low and are outside, too.
        const __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x21));
        const __m128i other = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)),
                                           _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
        const unsigned outside = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, other)));
        if (outside != 0) {
            return clamp(p + std::countr_zero(outside), end);
        }
        p += 16;
        if (p >= end) {
            return end;
        }
    }
}

/// Everything but printable ASCII, at the price of two operations: 0x7F + 1 is negative, 0xFF + 1
/// is 0.
CE_SCAN_INLINE unsigned unusual(__m128i v) noexcept {
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(1)),
                                                                  _mm_set1_epi8(0x21))));
}

CE_SCAN_INLINE unsigned not_value(__m128i v) noexcept {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
    const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F));
    const __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(tab,
                                                                    _mm_or_si128(control, del))));
}

CE_SCAN_INLINE const char* scan_value(const char* p, const char* end) noexcept {
    for (;;) {
        const __m128i v = load(p);
        if (const unsigned rare = unusual(v); rare != 0) {
            if (p[std::countr_zero(rare)] == '\r') [[likely]] {
                return clamp(p + std::countr_zero(rare), end);
            }
            if (const unsigned outside = not_value(v); outside != 0) {
                return clamp(p + std::countr_zero(outside), end);
            }
        }
        p += 16;
        if (p >= end) {
            return end;
        }
    }
}

CE_SCAN_INLINE LineScan scan_line(const char* p, const char* end) noexcept {
    const __m128i first = load(p);
    const __m128i second = load(p + 16);
    const char* const name_end = p + std::countr_zero(outside_class(first, token_rows()) |
                                                      outside_class(second, token_rows()) << 16);
    const unsigned rare = unusual(first) | unusual(second) << 16;
    if (rare != 0) {
        const char* const line_end = p + std::countr_zero(rare);
        return {name_end, *line_end == '\r' ? line_end : scan_value(line_end, end)};
    }
    return {name_end, scan_value(p + 32, end)};  // the padding covers a step behind a step
}

CE_SCAN_INLINE bool known_row_equal(const char* name, std::size_t length,
                                    const char* row) noexcept {
    return equals_known_padded(name, length, row);
}

}  // namespace
}  // namespace corevent::h1

#include "codec/h1_parser_core.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace corevent::h1 {
const ParserVariant sse42_parser{parse_request, parse_response, parse_trailer_section};
}

#endif
