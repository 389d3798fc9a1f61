// Decoder of HTTP/1 bodies (RFC 9112 6-7): by length, chunked, or until the connection ends. It
// copies nothing: each call looks at the bytes given, says how many it used, and shows the body
// bytes among them in place. Its only memory is the trailer section, allocated when a message has
// one. One per message, one thread; it knows no connection and no clock.
//
// It enforces framing: exact CRLF, at most 16 hex digits, extensions that follow the grammar and
// are counted over the whole body. How large a body may be is for the caller, who sees received()
// grow.
#pragma once

#include "buffer/bytes.h"
#include "codec/h1_parser.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace corevent::h1 {

struct BodyLimits {
    std::uint64_t chunk_extension_bytes = 16 * 1024;  ///< octets of chunk extensions in one body
    HeadLimits trailers = {};
};

class BodyDecoder {
public:
    enum class State : std::uint8_t {
        more,  ///< call again: with what is left of the input, or with new input if all was
               ///< consumed
        done,  ///< the body (and its trailer section) is complete; the rest of the input belongs to
               ///< the next message
        refused,  ///< malformed; the connection cannot go on
    };
    struct Step {
        State state = State::more;
        Refusal refusal = Refusal::none;
        std::size_t consumed = 0;  ///< bytes of the input that are used up; when refused, those
                                   ///< before the bad one
        std::string_view data;  ///< body bytes, within the consumed part of the input; may be empty
    };

    /// An empty body, already done.
    BodyDecoder() noexcept = default;

    static BodyDecoder none() noexcept { return {}; }
    static BodyDecoder with_length(std::uint64_t length) noexcept;
    static BodyDecoder chunked(const BodyLimits& limits = {}) noexcept;
    static BodyDecoder until_close() noexcept;
    static BodyDecoder of(const RequestHead& head, const BodyLimits& limits = {}) noexcept;
    static BodyDecoder of(const ResponseHead& head, Method method,
                          const BodyLimits& limits = {}) noexcept;

    /// Decodes up to and including the next run of body bytes. Typical use:
    ///     while (!input.empty() && !body.done()) { step = body.decode(input); use(step.data);
    ///         input.remove_prefix(step.consumed); if (step.state == refused) ... }
    /// A call with input either consumes at least one byte, or is done, or refuses.
    Step decode(std::string_view input);

    /// The peer has closed its side: `done` for until_close and complete bodies, else refused
    /// (truncated_body).
    Step finish() noexcept;

    bool done() const noexcept { return phase_ == Phase::done; }
    BodyKind kind() const noexcept { return kind_; }
    /// Body bytes shown so far.
    std::uint64_t received() const noexcept { return received_; }
    /// By length: what is missing. Chunked: what is missing of the current chunk.
    std::uint64_t remaining() const noexcept { return remaining_; }

    /// The trailer section, once done; null if there was none. Its bytes belong to the decoder.
    const MessageHead* trailers() const noexcept;

private:
    enum class Phase : std::uint8_t {
        done,
        failed,
        data,
        size_first,
        size_digits,
        ext_space,
        ext_name_first,
        ext_name,
        ext_name_space,
        ext_value_first,
        ext_value,
        ext_quoted,
        ext_quoted_pair,
        ext_quoted_end,
        size_lf,
        data_cr,
        data_lf,
        trailer_first,
        trailer_empty_lf,
        trailers,
    };
    struct TrailerSection {
        Bytes bytes;
        HeadParser parser;
        MessageHead head;
        explicit TrailerSection(const HeadLimits& limits) noexcept : parser(limits) {}
    };

    Step take_data(std::string_view input, std::size_t consumed) noexcept;
    Step take_trailers(std::string_view input, std::size_t consumed);
    Step refuse(Refusal refusal, std::size_t consumed) noexcept;
    Refusal frame_byte(unsigned char c) noexcept;
    Refusal extension_byte(unsigned char c) noexcept;
    Refusal end_size_line() noexcept;

    std::uint64_t remaining_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t extensions_left_ = 0;
    HeadLimits trailer_limits_;
    BodyKind kind_ = BodyKind::none;
    Phase phase_ = Phase::done;
    Refusal refusal_ = Refusal::none;
    std::uint8_t digits_ = 0;
    std::unique_ptr<TrailerSection> trailers_;
};

}  // namespace corevent::h1
