// The scanner for processors with AVX2 and BMI (x86-64-v3): thirty-two bytes a step.
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
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#endif

namespace corevent::h1 {
namespace {

CE_SCAN_INLINE __m256i load(const char* p) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

CE_SCAN_INLINE const char* clamp(const char* p, const char* end) noexcept {
    return p < end ? p : end;
}

/// Classes as rows by low nibble: a byte is in the class if the bit of its high nibble is set in
/// the row of its low nibble. Bytes from 0x80 on are in none.
CE_SCAN_INLINE __m256i token_rows() noexcept {
    return _mm256_broadcastsi128_si256(
        _mm_setr_epi8(static_cast<char>(0xE8), static_cast<char>(0xFC), static_cast<char>(0xF8),
                      static_cast<char>(0xFC), static_cast<char>(0xFC), static_cast<char>(0xFC),
                      static_cast<char>(0xFC), static_cast<char>(0xFC), static_cast<char>(0xF8),
                      static_cast<char>(0xF8), static_cast<char>(0xF4), 0x54,
                      static_cast<char>(0xD0), 0x54, static_cast<char>(0xF4), 0x70));
}

CE_SCAN_INLINE __m256i host_rows() noexcept {
    return _mm256_broadcastsi128_si256(
        _mm_setr_epi8(static_cast<char>(0xA8), static_cast<char>(0xFC), static_cast<char>(0xF8),
                      static_cast<char>(0xF8), static_cast<char>(0xFC), static_cast<char>(0xF8),
                      static_cast<char>(0xFC), static_cast<char>(0xFC), static_cast<char>(0xFC),
                      static_cast<char>(0xFC), static_cast<char>(0xF4), 0x5C, 0x54, 0x5C,
                      static_cast<char>(0xD4), 0x70));
}

CE_SCAN_INLINE unsigned outside_class(__m256i v, __m256i rows) noexcept {
    const __m256i bits =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, static_cast<char>(0x80),
                                                  0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i row = _mm256_shuffle_epi8(rows, v);
    const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(v, 4),
                                                                   _mm256_set1_epi8(0x0F)));
    const __m256i outside = _mm256_cmpeq_epi8(_mm256_and_si256(row, bit), _mm256_setzero_si256());
    return static_cast<unsigned>(_mm256_movemask_epi8(outside));
}

CE_SCAN_INLINE const char* scan_class(const char* p, const char* end, __m256i rows) noexcept {
    for (;;) {
        const unsigned outside = outside_class(load(p), rows);
        if (outside != 0) {
            return clamp(p + std::countr_zero(outside), end);
        }
        p += 32;
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
        const __m256i v = load(p);
        // Signed: bytes from 0x80 on count as low and are outside, too.
        const __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), v);
        const __m256i other = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7F)),
                                              _mm256_cmpeq_epi8(v, _mm256_set1_epi8('#')));
        const unsigned outside =
            static_cast<unsigned>(_mm256_movemask_epi8(_mm256_or_si256(low, other)));
        if (outside != 0) {
            return clamp(p + std::countr_zero(outside), end);
        }
        p += 32;
        if (p >= end) {
            return end;
        }
    }
}

/// Everything but printable ASCII, at the price of two operations: 0x7F + 1 is negative, 0xFF + 1
/// is 0.
CE_SCAN_INLINE unsigned unusual(__m256i v) noexcept {
    return static_cast<unsigned>(_mm256_movemask_epi8(
        _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), _mm256_add_epi8(v, _mm256_set1_epi8(1)))));
}

CE_SCAN_INLINE unsigned not_value(__m256i v) noexcept {
    const __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1F)), v);
    const __m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7F));
    const __m256i tab = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t'));
    return static_cast<unsigned>(_mm256_movemask_epi8(_mm256_andnot_si256(tab,
                                                                          _mm256_or_si256(control,
                                                                                          del))));
}

CE_SCAN_INLINE const char* scan_value(const char* p, const char* end) noexcept {
    for (;;) {
        const __m256i v = load(p);
        if (const unsigned rare = unusual(v); rare != 0) {
            if (p[std::countr_zero(rare)] == '\r') [[likely]] {
                return clamp(p + std::countr_zero(rare), end);
            }
            if (const unsigned outside = not_value(v); outside != 0) {
                return clamp(p + std::countr_zero(outside), end);
            }
        }
        p += 32;
        if (p >= end) {
            return end;
        }
    }
}

CE_SCAN_INLINE LineScan scan_line(const char* p, const char* end) noexcept {
    const __m256i first = load(p);
    const char* const name_end = p + std::countr_zero(outside_class(first, token_rows()));
    const unsigned rare = unusual(first);
    if (rare != 0) {
        const char* const line_end = p + std::countr_zero(rare);
        return {name_end, *line_end == '\r' ? line_end : scan_value(line_end, end)};
    }
    return {name_end, scan_value(p + 32, end)};  // the padding covers a step behind a step
}

CE_SCAN_INLINE bool known_row_equal(const char* name, std::size_t length,
                                    const char* row) noexcept {
    static_assert(known_name_max <= 32);
    // Setting bit 5 is exact for tokens, see equals_known_padded().
    const __m256i lower = _mm256_or_si256(load(name), _mm256_set1_epi8(0x20));
    const __m256i same =
        _mm256_cmpeq_epi8(lower, _mm256_load_si256(reinterpret_cast<const __m256i*>(row)));
    return _bzhi_u32(~static_cast<unsigned>(_mm256_movemask_epi8(same)),
                     static_cast<unsigned>(length)) == 0;
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
const ParserVariant avx2_parser{parse_request, parse_response, parse_trailer_section};
}

#endif
