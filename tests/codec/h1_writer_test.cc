#include "codec/h1_writer.h"

#include "codec/h1_body.h"
#include "codec/http_date.h"
#include "codec/status.h"
#include "h1_cases.h"

#include <gtest/gtest.h>

#include <charconv>
#include <limits>
#include <string>
#include <string_view>

namespace corevent::h1 {
namespace {

using namespace std::string_view_literals;

constexpr const char* date = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST(H1Writer, StatusLines) {
    for (int status = 100; status <= 999; ++status) {
        Bytes out;
        append_status_line(out, status);
        EXPECT_EQ(out.view(), "HTTP/1.1 " + std::to_string(status) + " " +
                                  std::string(status_phrase(status)) + "\r\n");
    }
    for (const int status : {-1, 0, 99, 1000, std::numeric_limits<int>::max()}) {
        Bytes out;
        append_status_line(out, status);
        EXPECT_EQ(out.view(), "HTTP/1.1 500 Internal Server Error\r\n");
    }
    EXPECT_EQ(status_phrase(404), "Not Found");
    EXPECT_EQ(status_phrase(599), "");
    EXPECT_EQ(status_phrase(-1), "");
    EXPECT_TRUE(status_forbids_body(204) && status_forbids_body(304) && status_forbids_body(101));
    EXPECT_FALSE(status_forbids_body(200) || status_forbids_body(205));
}

TEST(H1Writer, Decimal) {
    std::vector<std::uint64_t> values = {0, std::numeric_limits<std::uint64_t>::max()};
    for (std::uint64_t power = 1; power < 10'000'000'000'000'000'000ULL; power *= 10) {
        values.insert(values.end(), {power - 1, power, power + 1, power * 7 / 3});
    }
    for (const std::uint64_t value : values) {
        char text[20];
        const char* const end = write_decimal(text, value);
        EXPECT_EQ(std::string_view(text, end), std::to_string(value));
    }
}

TEST(H1Writer, RefusesWhatWouldSplitAResponse) {
    const std::pair<std::string_view, std::string_view> bad[] = {
        {"X", "a\r\nSet-Cookie: b"sv},
        {"X", "a\nb"sv},
        {"X", "a\rb"sv},
        {"X", "a\0b"sv},
        {"X", "\x01"sv},
        {"X", "\x7F"sv},
        {"X", "abcdefgh\x1F"sv},
        {"X", " a"sv},
        {"X", "a "sv},
        {"X", "a\t"sv},
        {"", "a"sv},
        {"X ", "a"sv},
        {"X:", "a"sv},
        {"X\r\nY", "a"sv},
        {"X\0"sv, "a"sv},
        {"\xC3\xA9", "a"sv},
        {"X", "12345678\n"sv},
        {"X", "\n2345678"sv},
        {"X", "1234567890123456789012\r45678901234567890"sv},
    };
    for (const auto& [name, value] : bad) {
        Bytes out;
        out.append("before");
        EXPECT_FALSE(append_field(out, name, value)) << testing::PrintToString(std::string(value));
        EXPECT_EQ(out.view(), "before");
    }
    Bytes out;
    EXPECT_FALSE(append_simple_head(out, 200, date, "text/html\r\nX: 1", 0));
    EXPECT_TRUE(out.empty());
    for (const std::string_view value :
         {""sv, "a"sv, "a\tb c"sv, "gr\xC3\xBC\xFF"sv, "1234567\t9"sv, "12345678"sv}) {
        EXPECT_TRUE(append_field(out, "X-Ok", value));
    }
}

TEST(H1Writer, EveryOctetOfValues) {
    for (int octet = 0; octet < 256; ++octet) {
        const bool good = octet == '\t' || (octet >= 0x20 && octet != 0x7F);
        for (std::size_t length = 3; length < 30; ++length) {
            for (const std::size_t at : {1UZ, length / 2, length - 2}) {
                std::string value(length, 'v');
                value[at] = static_cast<char>(octet);
                EXPECT_EQ(valid_field_value(value), good)
                    << octet << " at " << at << " of " << length;
            }
        }
    }
}

TEST(H1Writer, RequestLines) {
    Bytes out;
    EXPECT_TRUE(append_request_line(out, "GET", "/a?b"));
    EXPECT_EQ(out.view(), "GET /a?b HTTP/1.1\r\n");
    for (const auto& [method, target] : {std::pair{"GET"sv, "/a b"sv},
                                         {"GET"sv, "/a\r\nX: 1"sv},
                                         {"GET"sv, ""sv},
                                         {"GET"sv, "/\xC3"sv},
                                         {"GET"sv, "/#f"sv},
                                         {"GE T"sv, "/"sv},
                                         {""sv, "/"sv}}) {
        EXPECT_FALSE(append_request_line(out, method, target));
    }
    EXPECT_EQ(out.view(), "GET /a?b HTTP/1.1\r\n");
}

ResponseHead parse_response(const test::Input& input) {
    HeadParser parser;
    ResponseHead head;
    EXPECT_EQ(parser.parse(input.data(), input.size(), head).state, ParseState::complete);
    return head;
}

TEST(H1Writer, WhatIsWrittenIsRead) {
    Bytes out;
    ASSERT_TRUE(append_simple_head(out, 200, date, "text/plain", 1234567));
    ASSERT_TRUE(append_field(out, "ETag", "\"a\""));
    append_connection_close(out);
    end_head(out);
    const test::Input input(out.view());
    EXPECT_EQ(
        test::describe(parse_response(input)),
        "1.1 200 'OK' [length=1234567] [close] | Date: Sun, 06 Nov 1994 08:49:37 GMT | "
        "Content-Type: text/plain | Content-Length: 1234567 | ETag: \"a\" | Connection: close");
    Bytes other;
    append_status_line(other, 299);
    append_date(other, date);
    append_chunked(other);
    append_keep_alive(other);
    end_head(other);
    const test::Input second(other.view());
    EXPECT_EQ(test::describe(parse_response(second)),
              "1.1 299 '' [chunked] | Date: Sun, 06 Nov 1994 08:49:37 GMT | "
              "Transfer-Encoding: chunked | Connection: keep-alive");
    Bytes plain;
    ASSERT_TRUE(append_simple_head(plain, 204, date, "", 0));
    append_content_length(plain, 0);
    EXPECT_EQ(plain.view(),
              "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
              "Content-Length: 0\r\nContent-Length: 0\r\n");
    Bytes hundred;
    append_continue(hundred);
    const test::Input third(hundred.view());
    EXPECT_EQ(test::describe(parse_response(third)), "1.1 100 'Continue'");
}

TEST(H1Writer, RequestsAreRead) {
    Bytes out;
    ASSERT_TRUE(append_request_line(out, "PUT", "/x"));
    ASSERT_TRUE(append_field(out, "Host", "h.example"));
    append_content_length(out, std::numeric_limits<std::uint64_t>::max());
    end_head(out);
    const test::Input input(out.view());
    HeadParser parser;
    RequestHead head;
    ASSERT_EQ(parser.parse(input.data(), input.size(), head).state, ParseState::complete);
    EXPECT_EQ(head.content_length, std::numeric_limits<std::uint64_t>::max());
}

TEST(H1Writer, ChunksAreRead) {
    Bytes out;
    std::string expected;
    for (const std::size_t size :
         {1UZ, 9UZ, 10UZ, 15UZ, 16UZ, 17UZ, 255UZ, 256UZ, 4095UZ, 4096UZ, 65536UZ}) {
        const std::string data(size, static_cast<char>('a' + size % 26));
        append_chunk(out, data);
        append_chunk(out, "");
        expected += data;
    }
    append_last_chunk_open(out);
    ASSERT_TRUE(append_field(out, "X-Sum", "1"));
    end_head(out);
    BodyDecoder decoder = BodyDecoder::chunked();
    std::string_view input = out.view();
    std::string data;
    while (!input.empty() && !decoder.done()) {
        const auto step = decoder.decode(input);
        ASSERT_NE(step.state, BodyDecoder::State::refused);
        data += step.data;
        input.remove_prefix(step.consumed);
    }
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(data, expected);
    ASSERT_NE(decoder.trailers(), nullptr);
    EXPECT_EQ(decoder.trailers()->fields.size(), 1);
    Bytes sizes;
    append_chunk_size(sizes, 1);
    append_chunk_size(sizes, 0x10);
    append_chunk_size(sizes, 0xABCDEF);
    append_chunk_size(sizes, std::numeric_limits<std::uint64_t>::max());
    append_chunk_end(sizes);
    append_last_chunk(sizes);
    EXPECT_EQ(sizes.view(), "1\r\n10\r\nabcdef\r\nffffffffffffffff\r\n\r\n0\r\n\r\n");
}

TEST(H1Writer, TrailerNames) {
    EXPECT_TRUE(allowed_in_trailers("X-Checksum"));
    EXPECT_TRUE(allowed_in_trailers("ETag"));
    EXPECT_FALSE(allowed_in_trailers("content-LENGTH"));
    EXPECT_FALSE(allowed_in_trailers("Set-Cookie"));
    EXPECT_FALSE(allowed_in_trailers("Transfer-Encoding"));
}

}  // namespace
}  // namespace corevent::h1
