#include "codec/h1_parser.h"

#include "base/assert.h"
#include "codec/h1_chars.h"
#include "codec/h1_parser_impl.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace corevent::h1 {
namespace {

constexpr std::uint32_t head_bytes_max = 1U << 30;

constexpr std::array<RefusalInfo, refusal_count> refusals{{
    {"none", 0, ""},
    {"bad_method", 400, "the method is not a token followed by one space"},
    {"bad_target", 400, "the request target is empty or holds a character that must be escaped"},
    {"bad_target_form", 400, "the form of the request target does not suit the method"},
    {"bad_authority", 400, "the authority of the request target is malformed"},
    {"fragment_in_target", 400, "the request target has a fragment"},
    {"missing_version", 400, "the request line has no HTTP version"},
    {"bad_version", 400, "the HTTP version is malformed"},
    {"unsupported_version", 505, "only HTTP/1.0 and HTTP/1.1 are spoken here"},
    {"request_line_too_long", 414, "the request line is too long"},
    {"bad_status_line", 400, "the status line is malformed"},
    {"bare_cr", 400, "a CR is not followed by LF"},
    {"bare_lf", 400, "a line ends in LF without CR"},
    {"empty_field_name", 400, "a field has no name"},
    {"bad_field_name", 400, "a field name holds a character that is not allowed"},
    {"space_before_colon", 400, "white space between a field name and its colon"},
    {"missing_colon", 400, "a field line has no colon"},
    {"obs_fold", 400, "a line begins with white space (obsolete line folding)"},
    {"bad_field_value", 400, "a field value holds a control character"},
    {"line_too_long", 431, "a field line is too long"},
    {"head_too_large", 431, "the head is too large"},
    {"too_many_fields", 431, "the head has too many fields"},
    {"missing_host", 400, "an HTTP/1.1 request needs a Host field"},
    {"repeated_host", 400, "more than one Host field"},
    {"bad_host", 400, "the Host field is malformed"},
    {"bad_content_length", 400, "Content-Length is not a decimal number below 2^64"},
    {"repeated_content_length", 400, "more than one Content-Length"},
    {"bad_transfer_encoding", 400, "Transfer-Encoding is not exactly one chunked"},
    {"transfer_encoding_in_1_0", 400, "HTTP/1.0 has no Transfer-Encoding"},
    {"length_and_transfer_encoding", 400, "Content-Length together with Transfer-Encoding"},
    {"bad_chunk_size", 400, "a chunk size is not a hexadecimal number"},
    {"chunk_size_too_long", 400, "a chunk size has more than 16 digits"},
    {"bad_chunk_extension", 400, "a chunk extension is malformed"},
    {"chunk_extensions_too_long", 400, "the chunk extensions of the body are too long"},
    {"bad_chunk_end", 400, "a chunk is not followed by CR LF"},
    {"forbidden_trailer", 400, "a field that must not be sent as a trailer"},
    {"truncated_body", 400, "the connection ended within the body"},
}};

constexpr bool refusals_are_complete() {
    return std::ranges::all_of(refusals,
                               [](const RefusalInfo& info) { return !info.name.empty(); });
}
static_assert(refusals_are_complete());

const ParserVariant& variant_of(Simd simd) noexcept {
    switch (simd) {
#if defined(__x86_64__)
        case Simd::avx2: return avx2_parser;
        case Simd::sse42: return sse42_parser;
#else
        case Simd::avx2:
        case Simd::sse42: break;
#endif
        case Simd::scalar: break;
    }
    return scalar_parser;
}

Simd find_best_simd() noexcept {
    if (simd_available(Simd::avx2)) {
        return Simd::avx2;
    }
    return simd_available(Simd::sse42) ? Simd::sse42 : Simd::scalar;
}

bool in_start_line(std::uint8_t in_phase) noexcept {
    return in_phase < phase::field;
}

ParseResult refused(const Run& run, Refusal refusal, const char* offender) noexcept {
    run.place.phase = phase::done;
    return {ParseState::refused, refusal, static_cast<std::uint32_t>(offender - run.begin)};
}

/// Shared by both start lines: `length` bytes of "HTTP/d.d" looked at from `at`.
VersionCheck check_version(const char* at, std::size_t length) noexcept {
    static constexpr std::string_view pattern = "HTTP/1.1";
    const std::size_t known = std::min(length, pattern.size());
    for (std::size_t i = 0; i < known; ++i) {
        const bool digit = i == 5 || i == 7;
        if (digit ? !in_class(at[i], class_digit) : at[i] != pattern[i]) {
            return {ParseState::refused, Refusal::bad_version, 1, static_cast<std::uint8_t>(i)};
        }
    }
    if (known < pattern.size()) {
        return {ParseState::incomplete, Refusal::none, 1, static_cast<std::uint8_t>(known)};
    }
    if (at[5] != '1') {
        return {ParseState::refused, Refusal::unsupported_version, 1, 7};
    }
    return {ParseState::complete, Refusal::none, static_cast<std::uint8_t>(at[7] == '0' ? 0 : 1),
            8};
}

}  // namespace

const RefusalInfo& refusal_info(Refusal refusal) noexcept {
    return refusals[static_cast<std::size_t>(refusal)];
}

bool simd_available(Simd simd) noexcept {
#if defined(__x86_64__)
    if (simd == Simd::avx2) {
        return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
               __builtin_cpu_supports("bmi2") != 0;
    }
    if (simd == Simd::sse42) {
        return __builtin_cpu_supports("sse4.2") != 0;
    }
#endif
    return simd == Simd::scalar;
}

Simd best_simd() noexcept {
    static const Simd best = find_best_simd();
    return best;
}

std::string_view simd_name(Simd simd) noexcept {
    return simd == Simd::avx2 ? "avx2" : simd == Simd::sse42 ? "sse4.2" : "scalar";
}

HeadParser::HeadParser(const HeadLimits& limits) noexcept : HeadParser(limits, best_simd()) {}

HeadParser::HeadParser(const HeadLimits& limits, Simd simd) noexcept
    : variant_(&variant_of(simd)), limits_(limits) {
    CE_DCHECK(simd_available(simd));
    limits_.head_bytes = std::min(limits_.head_bytes, head_bytes_max);
}

ParseResult HeadParser::parse(const char* begin, std::size_t size, RequestHead& head) {
    if (place_.phase == phase::start) {
        head.clear();
    }
    CE_DCHECK(place_.phase != phase::done);
    const Run run{limits_, place_, begin, begin + std::min<std::size_t>(size, limits_.head_bytes)};
    return variant_->request(run, head);
}

ParseResult HeadParser::parse(const char* begin, std::size_t size, ResponseHead& head) {
    if (place_.phase == phase::start) {
        head.clear();
    }
    CE_DCHECK(place_.phase != phase::done);
    const Run run{limits_, place_, begin, begin + std::min<std::size_t>(size, limits_.head_bytes)};
    return variant_->response(run, head);
}

ParseResult HeadParser::parse_trailers(const char* begin, std::size_t size, MessageHead& trailers) {
    CE_ASSERT(place_.phase != phase::done);
    if (place_.phase == phase::start) {
        trailers.clear_message();
        place_.phase = phase::field;
    }
    const Run run{limits_, place_, begin, begin + std::min<std::size_t>(size, limits_.head_bytes)};
    return variant_->trailers(run, trailers);
}

bool HeadParser::start_line_complete() const noexcept {
    return place_.phase >= phase::field && place_.phase != phase::done;
}

ParseResult stop_for_input(const Run& run, Spot spot, const char* mark, const char* name_end,
                           std::uint8_t in_phase) noexcept {
    const auto offset = [&](const char* p) { return static_cast<std::uint32_t>(p - run.begin); };
    const bool start_line = in_start_line(in_phase);
    if (spot.at - spot.line > static_cast<std::ptrdiff_t>(run.limits.line_bytes)) {
        return refused(run, start_line ? Refusal::request_line_too_long : Refusal::line_too_long,
                       spot.line + run.limits.line_bytes);
    }
    if (offset(run.end) >= run.limits.head_bytes) {
        return refused(run, start_line ? Refusal::request_line_too_long : Refusal::head_too_large,
                       run.end);
    }
    run.place = {offset(spot.at), offset(spot.line), offset(mark), offset(name_end), in_phase};
    return {ParseState::incomplete, Refusal::none, offset(run.end)};
}

ParseResult stop_refused(const Run& run, Spot spot, Refusal refusal,
                         const char* offender) noexcept {
    if (spot.at - spot.line > static_cast<std::ptrdiff_t>(run.limits.line_bytes)) {
        return stop_line_too_long(run, spot);
    }
    return refused(run, refusal, refusal == Refusal::bare_cr ? offender + 1 : offender);
}

ParseResult stop_line_too_long(const Run& run, Spot spot) noexcept {
    const bool start_line = in_start_line(run.place.phase);
    return refused(run, start_line ? Refusal::request_line_too_long : Refusal::line_too_long,
                   spot.line + run.limits.line_bytes);
}

VersionCheck check_version_line(const char* at, const char* end) noexcept {
    const auto length = static_cast<std::size_t>(end - at);
    VersionCheck check = check_version(at, length);
    if (check.state != ParseState::complete) {
        return check;
    }
    if (length > 8 && at[8] != '\r') {
        return {ParseState::refused, at[8] == '\n' ? Refusal::bare_lf : Refusal::bad_version, 1, 8};
    }
    if (length > 9 && at[9] != '\n') {
        return {ParseState::refused, Refusal::bare_cr, 1, 8};
    }
    if (length < 10) {
        return {ParseState::incomplete, Refusal::none, 1, 8};
    }
    return check;
}

VersionCheck check_status_line(const char* at, const char* end, std::uint16_t& status) noexcept {
    const auto length = static_cast<std::size_t>(end - at);
    const VersionCheck check = check_version(at, length);
    if (check.state != ParseState::complete) {
        return check;
    }
    for (std::size_t i = 8; i < std::min<std::size_t>(length, 13); ++i) {
        const char c = at[i];
        const bool fits = i == 8    ? c == ' '
                          : i == 12 ? c == ' ' || c == '\r'
                                    : in_class(c, class_digit) && (i != 9 || c != '0');
        if (!fits) {
            return {ParseState::refused, c == '\n' ? Refusal::bare_lf : Refusal::bad_status_line, 1,
                    static_cast<std::uint8_t>(i)};
        }
    }
    if (length < 13) {
        return {ParseState::incomplete, Refusal::none, 1, static_cast<std::uint8_t>(length)};
    }
    status = static_cast<std::uint16_t>((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
    return check;
}

Refusal name_refusal(const char* line, const char* at) noexcept {
    switch (*at) {
        case ' ':
        case '\t': return at == line ? Refusal::obs_fold : Refusal::space_before_colon;
        case ':': return Refusal::empty_field_name;
        case '\n': return Refusal::bare_lf;
        case '\r': return Refusal::missing_colon;
        default: return Refusal::bad_field_name;
    }
}

Refusal value_refusal(const char* at) noexcept {
    switch (*at) {
        case '\n': return Refusal::bare_lf;
        case '\r': return Refusal::bare_cr;
        default: return Refusal::bad_field_value;
    }
}

Refusal target_refusal(const char* mark, const char* at) noexcept {
    switch (*at) {
        case '#': return Refusal::fragment_in_target;
        case '\n': return Refusal::bare_lf;
        case '\r': return at == mark ? Refusal::bad_target : Refusal::missing_version;
        default: return Refusal::bad_target;
    }
}

}  // namespace corevent::h1
