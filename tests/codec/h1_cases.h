// What the tests of the head parser share: input in memory that ends exactly behind the padding, so
// that AddressSanitizer sees every byte too many; the three ways to feed it; and one line of text
// for what the parser makes of it. Test code only.
#pragma once

#include "codec/h1_parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::h1::test {

/// A copy of `text` in its own allocation of size + padding. The padding is filled with `fill`,
/// over and over: text that would change the result if it were looked at.
class Input {
public:
    explicit Input(std::string_view text, std::string_view fill = "\r\n\r\n:\n")
        : size_(text.size()), data_(std::make_unique_for_overwrite<char[]>(size_ + padding)) {
        std::memcpy(data_.get(), text.data(), size_);
        for (std::size_t i = 0; i < padding; ++i) {
            data_[size_ + i] = fill[i % fill.size()];
        }
    }
    char* data() { return data_.get(); }
    const char* data() const { return data_.get(); }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    std::unique_ptr<char[]> data_;
};

inline std::vector<Simd> variants() {
    std::vector<Simd> result;
    for (const Simd simd : {Simd::scalar, Simd::sse42, Simd::avx2}) {
        if (simd_available(simd)) {
            result.push_back(simd);
        }
    }
    return result;
}

inline void describe_message(const MessageHead& head, std::string& out) {
    const std::pair<bool, std::string> flags[] = {
        {head.has_content_length, "length=" + std::to_string(head.content_length)},
        {head.chunked, "chunked"},
        {!head.keep_alive, "close"},
        {head.has_upgrade, "upgrade"},
    };
    for (const auto& [set, text] : flags) {
        out += set ? " [" + text + "]" : "";
    }
    for (const Field& field : head.fields) {
        out += " | ";
        out += head.name(field);
        out += ": ";
        out += head.value(field);
        if (field.id != known_field(head.name(field))) {
            out += " (wrongly classified)";
        }
        if (!head.has(field.id)) {
            out += " (not in the set)";
        }
    }
}

inline std::string describe(const RequestHead& head) {
    static constexpr std::string_view forms[] = {"", " [absolute]", " [authority]", " [asterisk]"};
    std::string out(head.view(head.method));
    out += " ";
    out += head.view(head.target);
    out += head.version_minor == 0 ? " 1.0" : " 1.1";
    out += forms[static_cast<std::size_t>(head.target_form)];
    if (head.target_form == TargetForm::absolute) {
        out += " host=";
        out += head.view(head.host);
        out += " path=";
        out += head.view(head.path);
    }
    if (method_name(head.method_id) != head.view(head.method) && head.method_id != Method::other) {
        out += " (wrong method)";
    }
    out += head.expect_continue ? " [continue]" : "";
    out += head.expect_unknown ? " [expect?]" : "";
    describe_message(head, out);
    return out;
}

inline std::string describe(const ResponseHead& head) {
    std::string out = head.version_minor == 0 ? "1.0 " : "1.1 ";
    out += std::to_string(head.status) + " '";
    out += head.view(head.reason);
    out += "'";
    describe_message(head, out);
    return out;
}

/// "refusal@offset" or the description of the head with its size.
template <class Head>
std::string outcome(const ParseResult& result, const Head& head) {
    switch (result.state) {
        case ParseState::incomplete: return "incomplete";
        case ParseState::refused:
            return std::string(refusal_info(result.refusal).name) + "@" +
                   std::to_string(result.offset);
        case ParseState::complete: break;
    }
    return describe(head) + (head.size == result.offset ? "" : " (wrong size)") + " #" +
           std::to_string(result.offset);
}

template <class Head>
std::string parse_whole(std::string_view text, const HeadLimits& limits, Simd simd) {
    const Input input(text);
    HeadParser parser(limits, simd);
    Head head;
    const ParseResult result = parser.parse(input.data(), input.size(), head);
    return outcome(result, head);
}

/// One byte more each time, each time in another place.
template <class Head>
std::string parse_bytewise(std::string_view text, const HeadLimits& limits, Simd simd) {
    HeadParser parser(limits, simd);
    Head head;
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const Input input(text.substr(0, size), size % 2 == 0 ? "\r\n\r\n:\n" : "x");
        const ParseResult result = parser.parse(input.data(), input.size(), head);
        if (result.state != ParseState::incomplete) {
            return outcome(result, head);
        }
    }
    return "incomplete";
}

/// The first part, then all of it with `trailing` behind.
template <class Head>
std::string parse_split(std::string_view text, std::size_t at, std::string_view trailing,
                        const HeadLimits& limits, Simd simd) {
    HeadParser parser(limits, simd);
    Head head;
    const Input first(text.substr(0, at));
    ParseResult result = parser.parse(first.data(), first.size(), head);
    const Input all(std::string(text) + std::string(trailing));
    if (result.state == ParseState::incomplete) {
        result = parser.parse(all.data(), all.size(), head);
    } else {
        head.base = all.data();
    }
    return outcome(result, head);
}

/// All three ways in all variants; `expected` is the outcome of each.
template <class Head>
void expect_outcome(std::string_view text, std::string_view expected,
                    const HeadLimits& limits = {}) {
    SCOPED_TRACE(testing::PrintToString(std::string(text.substr(0, 200))));
    const std::string_view trailing = expected == "incomplete" ? "" : "GET /next HTTP/1.1\r\n\r\n";
    for (const Simd simd : variants()) {
        SCOPED_TRACE(simd_name(simd));
        EXPECT_EQ(parse_whole<Head>(text, limits, simd), expected);
        EXPECT_EQ(parse_bytewise<Head>(text, limits, simd), expected) << "byte by byte";
        for (std::size_t at = 0; at <= text.size(); ++at) {
            ASSERT_EQ(parse_split<Head>(text, at, trailing, limits, simd), expected)
                << "split at " << at;
        }
    }
}

}  // namespace corevent::h1::test
