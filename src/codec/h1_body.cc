#include "codec/h1_body.h"

#include "codec/h1_chars.h"

#include <algorithm>
#include <cstring>

namespace corevent::h1 {
namespace {

constexpr unsigned digits_max = 16;

/// 0-15, or 16 for what is no hex digit.
constexpr unsigned hex_digit(unsigned char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const unsigned char letter = c | 0x20U;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10U : 16U;
}

constexpr bool is_space(unsigned char c) noexcept {
    return c == ' ' || c == '\t';
}

}  // namespace

BodyDecoder BodyDecoder::with_length(std::uint64_t length) noexcept {
    BodyDecoder decoder;
    decoder.kind_ = length == 0 ? BodyKind::none : BodyKind::content_length;
    decoder.phase_ = length == 0 ? Phase::done : Phase::data;
    decoder.remaining_ = length;
    return decoder;
}

BodyDecoder BodyDecoder::chunked(const BodyLimits& limits) noexcept {
    BodyDecoder decoder;
    decoder.kind_ = BodyKind::chunked;
    decoder.phase_ = Phase::size_first;
    decoder.extensions_left_ = limits.chunk_extension_bytes;
    decoder.trailer_limits_ = limits.trailers;
    return decoder;
}

BodyDecoder BodyDecoder::until_close() noexcept {
    BodyDecoder decoder;
    decoder.kind_ = BodyKind::until_close;
    decoder.phase_ = Phase::data;
    decoder.remaining_ = UINT64_MAX;
    return decoder;
}

BodyDecoder BodyDecoder::of(const RequestHead& head, const BodyLimits& limits) noexcept {
    return head.chunked ? chunked(limits) : with_length(head.content_length);
}

BodyDecoder BodyDecoder::of(const ResponseHead& head, Method method,
                            const BodyLimits& limits) noexcept {
    switch (body_kind(head, method)) {
        case BodyKind::content_length: return with_length(head.content_length);
        case BodyKind::chunked: return chunked(limits);
        case BodyKind::until_close: return until_close();
        case BodyKind::none: break;
    }
    return none();
}

BodyDecoder::Step BodyDecoder::decode(std::string_view input) {
    std::size_t at = 0;
    while (at < input.size()) {
        switch (phase_) {
            case Phase::done: return {State::done, Refusal::none, at, {}};
            case Phase::failed: return refuse(refusal_, at);
            case Phase::data: return take_data(input, at);
            case Phase::trailers: return take_trailers(input, at);
            default: break;
        }
        const auto c = static_cast<unsigned char>(input[at]);
        if (phase_ == Phase::trailer_first && c != '\r') {
            phase_ = Phase::trailers;
            continue;
        }
        if (const Refusal refusal = frame_byte(c); refusal != Refusal::none) {
            return refuse(refusal, at);
        }
        ++at;
    }
    if (phase_ == Phase::failed) {
        return refuse(refusal_, at);
    }
    return {done() ? State::done : State::more, Refusal::none, at, {}};
}

BodyDecoder::Step BodyDecoder::finish() noexcept {
    if (kind_ == BodyKind::until_close && phase_ == Phase::data) {
        phase_ = Phase::done;
    }
    if (phase_ == Phase::done) {
        return {State::done, Refusal::none, 0, {}};
    }
    return refuse(phase_ == Phase::failed ? refusal_ : Refusal::truncated_body, 0);
}

const MessageHead* BodyDecoder::trailers() const noexcept {
    return done() && trailers_ ? &trailers_->head : nullptr;
}

BodyDecoder::Step BodyDecoder::refuse(Refusal refusal, std::size_t consumed) noexcept {
    phase_ = Phase::failed;
    refusal_ = refusal;
    return {State::refused, refusal, consumed, {}};
}

BodyDecoder::Step BodyDecoder::take_data(std::string_view input, std::size_t consumed) noexcept {
    const std::uint64_t taken = std::min<std::uint64_t>(remaining_, input.size() - consumed);
    const std::string_view data = input.substr(consumed, static_cast<std::size_t>(taken));
    received_ += taken;
    if (kind_ != BodyKind::until_close) {
        remaining_ -= taken;
        if (remaining_ == 0) {
            phase_ = kind_ == BodyKind::chunked ? Phase::data_cr : Phase::done;
        }
    }
    return {done() ? State::done : State::more, Refusal::none, consumed + data.size(), data};
}

BodyDecoder::Step BodyDecoder::take_trailers(std::string_view input, std::size_t consumed) {
    if (!trailers_) {
        trailers_ = std::make_unique<TrailerSection>(trailer_limits_);
    }
    TrailerSection& section = *trailers_;
    const std::size_t before = section.bytes.size();
    const std::size_t room = std::max<std::size_t>(section.parser.limits().head_bytes, 1) - before;
    section.bytes.append(input.substr(consumed, room));
    std::memset(section.bytes.reserve(padding), 0, padding);
    const ParseResult result =
        section.parser.parse_trailers(section.bytes.data(), section.bytes.size(), section.head);
    if (result.state == ParseState::incomplete) {
        return {State::more, Refusal::none, consumed + section.bytes.size() - before, {}};
    }
    // A refusal may point at a line that began in an earlier input.
    consumed += result.offset > before ? result.offset - before : 0;
    if (result.state == ParseState::refused) {
        return refuse(result.refusal, consumed);
    }
    section.bytes.truncate(result.offset);
    phase_ = Phase::done;
    return {State::done, Refusal::none, consumed, {}};
}

/// One byte of the framing around chunks.
Refusal BodyDecoder::frame_byte(unsigned char c) noexcept {
    switch (phase_) {
        case Phase::size_first:
        case Phase::size_digits: {
            const unsigned digit = hex_digit(c);
            if (digit < 16) {
                if (digits_ == digits_max) {
                    return Refusal::chunk_size_too_long;
                }
                ++digits_;
                remaining_ = remaining_ << 4 | digit;
                phase_ = Phase::size_digits;
                return Refusal::none;
            }
            if (phase_ == Phase::size_digits && (c == '\r' || c == ';' || is_space(c))) {
                phase_ = Phase::ext_space;
                return c == '\r' ? end_size_line() : extension_byte(c);
            }
            return c == '\n' ? Refusal::bare_lf : Refusal::bad_chunk_size;
        }
        case Phase::size_lf:
            if (c != '\n') {
                return Refusal::bare_cr;
            }
            phase_ = remaining_ == 0 ? Phase::trailer_first : Phase::data;
            return Refusal::none;
        case Phase::data_cr:
            phase_ = Phase::data_lf;
            return c == '\r' ? Refusal::none : Refusal::bad_chunk_end;
        case Phase::data_lf:
            digits_ = 0;
            phase_ = Phase::size_first;
            return c == '\n' ? Refusal::none : Refusal::bad_chunk_end;
        case Phase::trailer_first: phase_ = Phase::trailer_empty_lf; return Refusal::none;
        case Phase::trailer_empty_lf:
            phase_ = Phase::done;
            return c == '\n' ? Refusal::none : Refusal::bare_cr;
        default: return extension_byte(c);
    }
}

Refusal BodyDecoder::end_size_line() noexcept {
    phase_ = Phase::size_lf;
    return Refusal::none;
}

/// One byte of *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), RFC 9112 7.1.1, or
/// its final CR.
Refusal BodyDecoder::extension_byte(unsigned char c) noexcept {
    const bool token = in_class(static_cast<char>(c), class_token);
    const bool text = in_class(static_cast<char>(c), class_value);
    Phase next = Phase::failed;
    switch (phase_) {
        case Phase::ext_space:
            next = c == ';'      ? Phase::ext_name_first
                   : is_space(c) ? Phase::ext_space
                                 : Phase::failed;
            break;
        case Phase::ext_name_first:
            next = token ? Phase::ext_name : is_space(c) ? Phase::ext_name_first : Phase::failed;
            break;
        case Phase::ext_name:
        case Phase::ext_name_space:
            if (c == '\r' && phase_ == Phase::ext_name) {
                return end_size_line();
            }
            next = c == '='                             ? Phase::ext_value_first
                   : c == ';'                           ? Phase::ext_name_first
                   : is_space(c)                        ? Phase::ext_name_space
                   : token && phase_ == Phase::ext_name ? Phase::ext_name
                                                        : Phase::failed;
            break;
        case Phase::ext_value_first:
            next = c == '"'      ? Phase::ext_quoted
                   : token       ? Phase::ext_value
                   : is_space(c) ? Phase::ext_value_first
                                 : Phase::failed;
            break;
        case Phase::ext_value:
        case Phase::ext_quoted_end:
            if (c == '\r') {
                return end_size_line();
            }
            next = c == ';'                              ? Phase::ext_name_first
                   : is_space(c)                         ? Phase::ext_space
                   : token && phase_ == Phase::ext_value ? Phase::ext_value
                                                         : Phase::failed;
            break;
        case Phase::ext_quoted:
            next = c == '"'    ? Phase::ext_quoted_end
                   : c == '\\' ? Phase::ext_quoted_pair
                   : text      ? Phase::ext_quoted
                               : next;
            break;
        case Phase::ext_quoted_pair: next = text ? Phase::ext_quoted : Phase::failed; break;
        default: break;
    }
    if (next == Phase::failed) {
        return c == '\n' ? Refusal::bare_lf : Refusal::bad_chunk_extension;
    }
    if (extensions_left_ == 0) {
        return Refusal::chunk_extensions_too_long;
    }
    --extensions_left_;
    phase_ = next;
    return Refusal::none;
}

}  // namespace corevent::h1
