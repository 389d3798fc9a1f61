// Chunked bodies: whole and in pieces come to the same data and the same end; what the writer
// frames is decoded back; a body by length takes exactly its length.
#include "base/assert.h"
#include "codec/h1_body.h"
#include "codec/h1_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace corevent::h1 {
namespace {

struct Outcome {
    std::string data;
    std::string trailers;
    BodyDecoder::State state = BodyDecoder::State::more;
    Refusal refusal = Refusal::none;
    std::size_t consumed = 0;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(BodyDecoder decoder, std::string_view text, std::size_t step) {
    Outcome outcome;
    while (!text.empty()) {
        const std::size_t size = std::min(step, text.size());
        // An exact copy: a read behind the piece is seen.
        const auto piece = std::make_unique_for_overwrite<char[]>(size);
        std::copy_n(text.begin(), size, piece.get());
        const BodyDecoder::Step result = decoder.decode({piece.get(), size});
        CE_ASSERT(result.consumed <= size && result.data.size() <= result.consumed);
        outcome.data += result.data;
        outcome.consumed += result.consumed;
        text.remove_prefix(result.consumed);
        if (result.state != BodyDecoder::State::more) {
            outcome.state = result.state;
            outcome.refusal = result.refusal;
            break;
        }
        CE_ASSERT(result.consumed > 0);
    }
    CE_ASSERT(decoder.received() == outcome.data.size());
    CE_ASSERT(decoder.done() == (outcome.state == BodyDecoder::State::done));
    if (const MessageHead* trailers = decoder.trailers()) {
        for (const Field& field : trailers->fields) {
            outcome.trailers.append(trailers->name(field)).append(":");
            outcome.trailers.append(trailers->value(field)).append("\n");
            CE_ASSERT(allowed_in_trailers(trailers->name(field)));
        }
    }
    if (outcome.refusal == Refusal::forbidden_trailer ||
        outcome.refusal == Refusal::line_too_long) {
        outcome.consumed = 0;  // points at a line that may have been given earlier
    }
    return outcome;
}

void check_chunked(std::string_view text, const BodyLimits& limits) {
    const Outcome whole = decode(BodyDecoder::chunked(limits), text, text.size());
    for (const std::size_t step : {1UZ, 2UZ, 7UZ, 64UZ}) {
        CE_ASSERT(decode(BodyDecoder::chunked(limits), text, step) == whole);
    }
}

void check_framing(std::string_view text) {
    Bytes framed;
    for (std::size_t at = 0, size = 1; at < text.size(); at += size, size = size * 3 % 61 + 1) {
        append_chunk(framed, text.substr(at, size));
    }
    append_last_chunk(framed);
    framed.append("NEXT");
    const Outcome outcome = decode(BodyDecoder::chunked(), framed.view(), 1 + text.size() % 100);
    CE_ASSERT(outcome.state == BodyDecoder::State::done && outcome.data == text);
    CE_ASSERT(outcome.consumed == framed.size() - 4);
}

}  // namespace
}  // namespace corevent::h1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace corevent::h1;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_chunked(text, {});
    check_chunked(text, {.chunk_extension_bytes = 12,
                         .trailers = {.head_bytes = 48, .line_bytes = 20, .fields = 2}});
    check_framing(text);
    const Outcome by_length = decode(BodyDecoder::with_length(size / 2 + 1), text, 5);
    CE_ASSERT(by_length.data == text.substr(0, size / 2 + 1));
    return 0;
}
