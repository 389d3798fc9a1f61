// What the fuzz targets of the head parser share: one input parsed whole, byte by byte and split,
// by every scanner variant, must come to the same result, told as one line of text.
#pragma once

#include "base/assert.h"
#include "codec/h1_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace corevent::h1::fuzz {

/// A copy that ends exactly behind the padding, which holds bytes that would matter as content.
class Input {
public:
    Input(std::string_view text, unsigned char fill)
        : data_(std::make_unique_for_overwrite<char[]>(text.size() + padding)), size_(text.size()) {
        static constexpr std::string_view fills = "\r\n: aH/\0\x7F\xFF";
        std::copy(text.begin(), text.end(), data_.get());
        for (std::size_t i = 0; i < padding; ++i) {
            data_[size_ + i] = fills[(fill + i) % fills.size()];
        }
    }
    const char* data() const { return data_.get(); }
    std::size_t size() const { return size_; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_;
};

inline std::uint32_t hash(std::string_view text) {
    std::uint32_t value = 2166136261U;
    for (const char c : text) {
        value = (value ^ static_cast<unsigned char>(c)) * 16777619U;
    }
    return value;
}

inline void check_slice(const MessageHead& head, Slice slice) {
    CE_ASSERT(std::uint64_t{slice.offset} + slice.length <= head.size);
}

inline std::string describe_message(const MessageHead& head) {
    std::string text = std::to_string(head.version_minor);
    for (const bool flag :
         {head.has_content_length, head.chunked, head.keep_alive, head.has_upgrade}) {
        text += flag ? '1' : '0';
    }
    text += std::to_string(head.content_length) + "/" + std::to_string(head.known);
    CE_ASSERT(!(head.chunked && head.has_content_length));
    for (const Field& field : head.fields) {
        check_slice(head, field.name);
        check_slice(head, field.value);
        CE_ASSERT(field.name.length > 0);
        CE_ASSERT(known_field(head.name(field)) == field.id);
        for (const char c : head.value(field)) {
            CE_ASSERT(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F));
        }
        text.append("|").append(head.name(field)).append(":").append(head.value(field));
    }
    return text;
}

/// `Head` needs an overload describe(const Head&).
template <class Head>
std::string outcome(const ParseResult& result, const Head& head, const HeadLimits& limits) {
    if (result.state == ParseState::complete) {
        CE_ASSERT(head.size == result.offset && head.size <= limits.head_bytes);
        CE_ASSERT(head.fields.size() <= limits.fields);
        return describe(head) + "#" + std::to_string(result.offset);
    }
    if (result.state == ParseState::refused) {
        return std::string(refusal_info(result.refusal).name) + "@" + std::to_string(result.offset);
    }
    return "incomplete";
}

template <class Head>
std::string parse(std::string_view text, std::size_t first, std::size_t step,
                  const HeadLimits& limits, Simd simd) {
    HeadParser parser(limits, simd);
    Head head;
    for (std::size_t size = std::min(first, text.size());;
         size = std::min(size + step, text.size())) {
        const Input input(text.substr(0, size), static_cast<unsigned char>(size));
        const ParseResult result = parser.parse(input.data(), size, head);
        if (result.state != ParseState::incomplete || size == text.size()) {
            return outcome(result, head, limits);
        }
    }
}

/// All ways and variants; returns the common outcome.
template <class Head>
std::string check(std::string_view text, const HeadLimits& limits) {
    const std::string expected = parse<Head>(text, text.size(), 1, limits, Simd::scalar);
    const std::size_t split = text.empty() ? 0 : hash(text) % text.size();
    for (const Simd simd : {Simd::scalar, Simd::sse42, Simd::avx2}) {
        if (!simd_available(simd)) {
            continue;
        }
        CE_ASSERT(parse<Head>(text, text.size(), 1, limits, simd) == expected);
        CE_ASSERT(parse<Head>(text, split, text.size() + 1, limits, simd) == expected);
        CE_ASSERT(parse<Head>(text, split, 1 + split % 37, limits, simd) == expected);
        if (text.size() <= 400) {
            CE_ASSERT(parse<Head>(text, 0, 1, limits, simd) == expected);
        }
    }
    return expected;
}

}  // namespace corevent::h1::fuzz
