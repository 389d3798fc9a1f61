#include "codec/h1_body.h"

#include "h1_cases.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace corevent::h1 {
namespace {

using namespace std::string_view_literals;
using State = BodyDecoder::State;

struct Feed {
    std::string data;
    std::string end;  // "done", "more" or a refusal
    std::size_t consumed = 0;
};

/// Gives the text in pieces of `step` (the first one of `first`) bytes, each in its own memory.
Feed feed(BodyDecoder& decoder, std::string_view text, std::size_t first, std::size_t step) {
    Feed result;
    std::size_t piece = first;
    while (!text.empty()) {
        const std::string input(text.substr(0, piece));
        const auto step_result = decoder.decode(input);
        result.data += step_result.data;
        result.consumed += step_result.consumed;
        if (step_result.state != State::more) {
            result.end =
                step_result.state == State::done ? "done" : refusal_info(step_result.refusal).name;
            return result;
        }
        EXPECT_GT(step_result.consumed, 0);
        text.remove_prefix(step_result.consumed);
        piece = step;
    }
    result.end = "more";
    return result;
}

struct Case {
    std::string_view bytes;
    std::string_view data;
    std::string_view end;
    std::size_t consumed;
};

constexpr Case chunked_cases[] = {
    {"0\r\n\r\nNEXT"sv, "", "done", 5},
    {"000\r\n\r\n"sv, "", "done", 7},
    {"5\r\nhello\r\n0\r\n\r\nGET /"sv, "hello", "done", 15},
    {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"sv, "01234567890123456789", "done", 35},
    {"0000000000000003\r\nabc\r\n0\r\n\r\n"sv, "abc", "done", 28},
    {"3\r\n\r\n\0\r\n0\r\n\r\n"sv, "\r\n\0"sv, "done", 13},
    {"1;a\r\nx\r\n0;b=c\r\n\r\n"sv, "x", "done", 17},
    {"1 ;\ta = \"q\\\"\t;\\\\\xC3\xA9\" ; b=1;c\r\nx\r\n0\r\n\r\n"sv, "x", "done", 37},
    {"1;a=\"\"\r\nx\r\n0\r\n\r\n"sv, "x", "done", 16},
    {"3\r\nab"sv, "ab", "more", 5},
    {"3\r\nabc"sv, "abc", "more", 6},
    {"3\r\nabc\r\n0\r\n"sv, "abc", "more", 11},
    {"3\r\nabc\r\n0\r\n\r"sv, "abc", "more", 12},
    {"0\r\nX: 1\r\nY: 2\r\n\r\nGET"sv, "", "done", 17},
    {"0\r\nX: 1\r\n"sv, "", "more", 9},
    // sizes
    {"\r\n0\r\n\r\n"sv, "", "bad_chunk_size", 0},
    {" 3\r\nabc\r\n"sv, "", "bad_chunk_size", 0},
    {"+3\r\nabc\r\n"sv, "", "bad_chunk_size", 0},
    {"-3\r\nabc\r\n"sv, "", "bad_chunk_size", 0},
    {"0x3\r\nabc\r\n"sv, "", "bad_chunk_size", 1},
    {"3g\r\nabc\r\n"sv, "", "bad_chunk_size", 1},
    {"g\r\n"sv, "", "bad_chunk_size", 0},
    {"\0\r\n"sv, "", "bad_chunk_size", 0},
    {"3\0\r\n"sv, "", "bad_chunk_size", 1},
    {";a\r\n"sv, "", "bad_chunk_size", 0},
    {"5 5\r\nhello\r\n"sv, "", "bad_chunk_extension", 2},
    {"3 \r\nabc\r\n"sv, "", "bad_chunk_extension", 2},
    {"00000000000000003\r\nabc\r\n"sv, "", "chunk_size_too_long", 16},
    {"FFFFFFFFFFFFFFFFF\r\n"sv, "", "chunk_size_too_long", 16},
    {"FFFFFFFFFFFFFFFF\r\nab"sv, "ab", "more", 20},
    // exact CRLF
    {"3\nabc\r\n"sv, "", "bare_lf", 1},
    {"3\rXabc\r\n"sv, "", "bare_cr", 2},
    {"3\r\r\nabc\r\n"sv, "", "bare_cr", 2},
    {"3\r\nabc\n0\r\n\r\n"sv, "abc", "bad_chunk_end", 6},
    {"3\r\nabcX\r\n"sv, "abc", "bad_chunk_end", 6},
    {"3\r\nabc0\r\n\r\n"sv, "abc", "bad_chunk_end", 6},
    {"3\r\nabc\rX"sv, "abc", "bad_chunk_end", 7},
    {"3\r\nabc\r\r\n"sv, "abc", "bad_chunk_end", 7},
    {"0\r\n\n"sv, "", "bare_lf", 3},
    {"0\r\n\rX"sv, "", "bare_cr", 4},
    {"0\n\n"sv, "", "bare_lf", 1},
    // extensions
    {"1;\r\nx"sv, "", "bad_chunk_extension", 2},
    {"1;a\nx"sv, "", "bare_lf", 3},
    {"1;a\0\r\n"sv, "", "bad_chunk_extension", 3},
    {"1;a=\r\n"sv, "", "bad_chunk_extension", 4},
    {"1;a=b\nGET"sv, "", "bare_lf", 5},
    {"1;a=b\rX"sv, "", "bare_cr", 6},
    {"1;a=b \r\n"sv, "", "bad_chunk_extension", 6},
    {"1;a \r\n"sv, "", "bad_chunk_extension", 4},
    {"1;a b\r\n"sv, "", "bad_chunk_extension", 4},
    {"1;=b\r\n"sv, "", "bad_chunk_extension", 2},
    {"1;a==b\r\n"sv, "", "bad_chunk_extension", 4},
    {"1;a=\"b\r\n"sv, "", "bad_chunk_extension", 6},
    {"1;a=\"b\n\"\r\n"sv, "", "bare_lf", 6},
    {"1;a=\"b\\\r\"\r\n"sv, "", "bad_chunk_extension", 7},
    {"1;a=\"b\"c\r\n"sv, "", "bad_chunk_extension", 7},
    {"1;\xC3\xA9\r\n"sv, "", "bad_chunk_extension", 2},
    // trailers
    {"0\r\nX : 1\r\n\r\n"sv, "", "space_before_colon", 4},
    {"0\r\n X: 1\r\n\r\n"sv, "", "obs_fold", 3},
    {"0\r\nX: 1\n\r\n"sv, "", "bare_lf", 7},
    {"0\r\nX: 1\rY: 2\r\n\r\n"sv, "", "bare_cr", 8},
    {"0\r\nX: \0\r\n\r\n"sv, "", "bad_field_value", 6},
};

TEST(H1Body, ChunkedWholeBytewiseAndSplit) {
    for (const Case& c : chunked_cases) {
        SCOPED_TRACE(testing::PrintToString(std::string(c.bytes)));
        for (std::size_t first = 1; first <= c.bytes.size(); ++first) {
            for (const std::size_t step : {std::size_t{1}, std::size_t{2}, c.bytes.size()}) {
                BodyDecoder decoder = BodyDecoder::chunked();
                const Feed result = feed(decoder, c.bytes, first, step);
                ASSERT_EQ(result.data, c.data) << first << "/" << step;
                ASSERT_EQ(result.end, c.end) << first << "/" << step;
                ASSERT_EQ(result.consumed, c.consumed) << first << "/" << step;
                ASSERT_EQ(decoder.received(), c.data.size());
                ASSERT_EQ(decoder.done(), c.end == "done");
            }
        }
    }
}

TEST(H1Body, SemanticRefusalsOfTrailers) {
    for (const std::string_view text :
         {"0\r\nContent-Length: 5\r\n\r\n"sv, "0\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
          "0\r\nHost: evil\r\n\r\n"sv}) {
        for (std::size_t step = 1; step <= text.size(); ++step) {
            BodyDecoder decoder = BodyDecoder::chunked();
            EXPECT_EQ(feed(decoder, text, step, step).end, "forbidden_trailer") << text;
            EXPECT_EQ(decoder.trailers(), nullptr);
            EXPECT_EQ(decoder.decode("more").state, State::refused);
            EXPECT_EQ(decoder.finish().refusal, Refusal::forbidden_trailer);
        }
    }
}

TEST(H1Body, TrailersStandApart) {
    const std::string_view text = "1\r\nx\r\n0\r\nX-Sum: 12\r\nETag: \"t\"\r\n\r\n";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        BodyDecoder decoder = BodyDecoder::chunked();
        EXPECT_EQ(feed(decoder, text, step, step).end, "done");
        BodyDecoder moved = std::move(decoder);
        ASSERT_NE(moved.trailers(), nullptr);
        EXPECT_EQ(moved.trailers()->fields.size(), 2);
        EXPECT_EQ(moved.trailers()->value_of(KnownField::etag), "\"t\"");
        EXPECT_EQ(moved.trailers()->value(*moved.trailers()->find("x-sum")), "12");
    }
    BodyDecoder plain = BodyDecoder::chunked();
    EXPECT_EQ(feed(plain, "0\r\n\r\n", 5, 5).end, "done");
    EXPECT_EQ(plain.trailers(), nullptr);
}

TEST(H1Body, ExtensionsAreCountedOverTheBody) {
    const BodyLimits limits{.chunk_extension_bytes = 10, .trailers = {}};
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"1;2345678901;\r\n", "chunk_extensions_too_long"},
        {"1;abcdefghi\r\nx\r\n0\r\n\r\n", "done"},
        {"1;abcdefghij\r\nx\r\n0\r\n\r\n", "chunk_extensions_too_long"},
        {"1;abcd\r\nx\r\n1;efgh\r\nx\r\n0\r\n\r\n", "done"},
        {"1;abcd\r\nx\r\n1;efgh\r\nx\r\n0;i\r\n\r\n", "chunk_extensions_too_long"},
    };
    for (const auto& [text, end] : cases) {
        for (std::size_t step = 1; step <= text.size(); ++step) {
            BodyDecoder decoder = BodyDecoder::chunked(limits);
            EXPECT_EQ(feed(decoder, text, step, step).end, end) << text;
        }
    }
    // White space counts, too.
    BodyDecoder spaces = BodyDecoder::chunked(limits);
    EXPECT_EQ(feed(spaces, "1" + std::string(11, ' ') + ";a\r\n", 1, 1).end,
              "chunk_extensions_too_long");
}

TEST(H1Body, TrailersAreLimitedAsHeads) {
    const BodyLimits limits{
        .chunk_extension_bytes = 0,
        .trailers = {.head_bytes = 40, .line_bytes = 20, .fields = 2},
    };
    const std::pair<std::string, std::string_view> cases[] = {
        {"0\r\na: 1\r\nb: 2\r\n\r\n", "done"},
        {"0\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", "too_many_fields"},
        {"0\r\na: " + std::string(30, 'x') + "\r\n\r\n", "line_too_long"},
        {"0\r\na: " + std::string(16, 'x') + "\r\nb: " + std::string(16, 'x') + "\r\n\r\n",
         "head_too_large"},
        {"0\r\na: " + std::string(100000, 'x'), "line_too_long"},
        {"0;a\r\n\r\n", "chunk_extensions_too_long"},
    };
    for (const auto& [text, end] : cases) {
        for (const std::size_t step : {1UZ, 7UZ, 40UZ, text.size()}) {
            BodyDecoder decoder = BodyDecoder::chunked(limits);
            EXPECT_EQ(feed(decoder, text, step, step).end, end) << text.substr(0, 80);
        }
    }
}

TEST(H1Body, ByLength) {
    const std::string_view text = "0123456789NEXT";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        BodyDecoder decoder = BodyDecoder::with_length(10);
        EXPECT_EQ(decoder.kind(), BodyKind::content_length);
        const Feed result = feed(decoder, text, step, step);
        EXPECT_EQ(result.data, "0123456789");
        EXPECT_EQ(result.end, "done");
        EXPECT_EQ(result.consumed, 10);
        EXPECT_EQ(decoder.remaining(), 0);
        EXPECT_EQ(decoder.decode("x").consumed, 0);
    }
    BodyDecoder cut = BodyDecoder::with_length(10);
    EXPECT_EQ(feed(cut, "012", 3, 3).end, "more");
    EXPECT_EQ(cut.remaining(), 7);
    EXPECT_EQ(cut.finish().refusal, Refusal::truncated_body);
    BodyDecoder empty = BodyDecoder::with_length(0);
    EXPECT_TRUE(empty.done());
    EXPECT_EQ(empty.finish().state, State::done);
    BodyDecoder huge = BodyDecoder::with_length(UINT64_MAX);
    EXPECT_EQ(feed(huge, "abc", 3, 3).end, "more");
    EXPECT_EQ(huge.remaining(), UINT64_MAX - 3);
}

TEST(H1Body, UntilClose) {
    BodyDecoder decoder = BodyDecoder::until_close();
    const Feed result = feed(decoder, "all of it", 4, 2);
    EXPECT_EQ(result.data, "all of it");
    EXPECT_EQ(result.end, "more");
    EXPECT_EQ(decoder.finish().state, State::done);
    EXPECT_TRUE(decoder.done());
    BodyDecoder chunks = BodyDecoder::chunked();
    EXPECT_EQ(feed(chunks, "3\r\nabc\r\n0\r\n", 5, 5).end, "more");
    EXPECT_EQ(chunks.finish().refusal, Refusal::truncated_body);
    EXPECT_EQ(chunks.decode("\r\n").state, State::refused);
}

TEST(H1Body, DataStaysInPlace) {
    const std::string_view text = "5\r\nhello\r\n0\r\n\r\n";
    BodyDecoder decoder = BodyDecoder::chunked();
    const auto step = decoder.decode(text);
    EXPECT_EQ(step.data.data(), text.data() + 3);
    EXPECT_EQ(step.data, "hello");
}

TEST(H1Body, ChosenByHead) {
    RequestHead request;
    EXPECT_TRUE(BodyDecoder::of(request).done());
    request.content_length = 4;
    request.has_content_length = true;
    EXPECT_EQ(BodyDecoder::of(request).remaining(), 4);
    request.clear();
    request.chunked = true;
    EXPECT_EQ(BodyDecoder::of(request).kind(), BodyKind::chunked);
    ResponseHead response;
    response.status = 200;
    EXPECT_EQ(BodyDecoder::of(response, Method::get).kind(), BodyKind::until_close);
    EXPECT_EQ(BodyDecoder::of(response, Method::head).kind(), BodyKind::none);
    response.chunked = true;
    EXPECT_EQ(BodyDecoder::of(response, Method::get).kind(), BodyKind::chunked);
}

}  // namespace
}  // namespace corevent::h1
