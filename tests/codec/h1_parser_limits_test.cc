// Limits, resuming and reuse of the head parser; responses and trailer sections.
#include "codec/h1_parser.h"

#include "h1_cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace corevent::h1 {
namespace {

using namespace std::string_view_literals;
using test::expect_outcome;

struct Case {
    std::string_view bytes;
    std::string_view outcome;
};

std::string with_size(const Case& c) {
    return std::string(c.outcome) + " #" + std::to_string(c.bytes.size());
}

TEST(H1Limits, LineBytes) {
    const HeadLimits limits{.line_bytes = 20};
    // 20 bytes without CRLF fit, 21 do not, wherever they end; what is wrong behind them is not
    // seen.
    expect_outcome<RequestHead>("GET /678901 HTTP/1.0\r\n\r\n", "GET /678901 1.0 [close] #24",
                                limits);
    expect_outcome<RequestHead>("GET /6789012 HTTP/1.0\r\n\r\n", "request_line_too_long@20",
                                limits);
    expect_outcome<RequestHead>("GET /67890123456789012345678901234567890#",
                                "request_line_too_long@20", limits);
    expect_outcome<RequestHead>("METHODMETHODMETHODMETHOD", "request_line_too_long@20", limits);
    expect_outcome<RequestHead>(
        "GET / HTTP/1.0\r\nX: 45678901234567890\r\nYY: 5678901234567890\r\n\r\n",
        "GET / 1.0 [close] | X: 45678901234567890 | YY: 5678901234567890 #62", limits);
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX: 456789012345678901\r\n\r\n",
                                "line_too_long@36", limits);
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX: 456789012345678901234567890\x01",
                                "line_too_long@36", limits);
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX:                                    v\r\n\r\n",
                                "line_too_long@36", limits);
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX123456789012345678901234567890",
                                "line_too_long@36", limits);
    // The byte at the limit itself may be the bad one.
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX: 45678901234567890\x01", "bad_field_value@36",
                                limits);
    EXPECT_EQ(refusal_info(Refusal::request_line_too_long).status, 414);
    EXPECT_EQ(refusal_info(Refusal::line_too_long).status, 431);
}

TEST(H1Limits, HeadBytes) {
    const std::string_view head = "GET / HTTP/1.0\r\nX: 1\r\nY: 2\r\n\r\n";
    ASSERT_EQ(head.size(), 30);
    expect_outcome<RequestHead>(head, "GET / 1.0 [close] | X: 1 | Y: 2 #30", {.head_bytes = 30});
    for (std::uint32_t bytes = 17; bytes < 30; ++bytes) {
        expect_outcome<RequestHead>(head, "head_too_large@" + std::to_string(bytes),
                                    {.head_bytes = bytes});
    }
    for (std::uint32_t bytes = 0; bytes < 16; ++bytes) {
        expect_outcome<RequestHead>(head, "request_line_too_long@" + std::to_string(bytes),
                                    {.head_bytes = bytes});
    }
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX: \x01", "bad_field_value@19",
                                {.head_bytes = 20});
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\nX: \x01", "head_too_large@19",
                                {.head_bytes = 19});
    EXPECT_EQ(refusal_info(Refusal::head_too_large).status, 431);
}

TEST(H1Limits, Fields) {
    std::string text = "GET / HTTP/1.0\r\n";
    std::string description = "GET / 1.0 [close]";
    for (int i = 0; i < 5; ++i) {
        text += "a: 1\r\n";
        description += " | a: 1";
    }
    expect_outcome<RequestHead>(text + "\r\n", description + " #48", {.fields = 5});
    expect_outcome<RequestHead>(text + "\r\n", "too_many_fields@40", {.fields = 4});
    expect_outcome<RequestHead>(text + "\x01", "too_many_fields@46", {.fields = 5});
    expect_outcome<RequestHead>("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 [close] #18", {.fields = 0});
    EXPECT_EQ(refusal_info(Refusal::too_many_fields).status, 431);
}

TEST(H1Limits, ManyFieldsAreKept) {
    std::string text = "GET / HTTP/1.0\r\n";
    for (int i = 0; i < 1000; ++i) {
        text += "name-" + std::to_string(i) + ": value " + std::to_string(i) + "\r\n";
    }
    text += "\r\n";
    for (const Simd simd : test::variants()) {
        const test::Input input(text);
        HeadParser parser({.head_bytes = 64 * 1024, .fields = 1000}, simd);
        RequestHead head;
        ASSERT_EQ(parser.parse(input.data(), input.size(), head).state, ParseState::complete);
        ASSERT_EQ(head.fields.size(), 1000);
        for (std::size_t i = 0; i < 1000; ++i) {
            ASSERT_EQ(head.name(head.fields[i]), "name-" + std::to_string(i));
            ASSERT_EQ(head.value(head.fields[i]), "value " + std::to_string(i));
        }
    }
}

// What has been scanned is overwritten with NUL, which would be refused if it were looked at again.
TEST(H1Resume, NeverLooksBack) {
    std::string text = "GET / HTTP/1.0\r\n";
    const std::size_t first_line = text.size();
    for (int i = 0; i < 20; ++i) {
        text += "x-name-that-is-longer-than-a-step-of-the-scanner: value " +
                std::string(static_cast<std::size_t>(i * 7), 'v') + " end\r\n";
    }
    text += "\r\n";
    for (const Simd simd : test::variants()) {
        test::Input input(text);
        HeadParser parser({}, simd);
        RequestHead head;
        std::size_t size = 1;
        ParseResult result;
        for (; (result = parser.parse(input.data(), size, head)).state == ParseState::incomplete;
             ++size) {
            // The last byte stays: a CR waits for its LF.
            for (std::size_t i = first_line; i + 1 < size; ++i) {
                input.data()[i] = '\0';
            }
        }
        ASSERT_EQ(result.state, ParseState::complete)
            << refusal_info(result.refusal).name << " at " << result.offset;
        EXPECT_EQ(size, text.size());
        EXPECT_EQ(head.fields.size(), 20);
        for (const Field& field : head.fields) {
            EXPECT_EQ(field.name.length, 48);
            EXPECT_EQ(text.substr(field.name.offset, 6), "x-name");
        }
    }
}

TEST(H1Resume, StateIsVisible) {
    const test::Input input("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    HeadParser parser;
    RequestHead head;
    EXPECT_TRUE(parser.idle());
    (void)parser.parse(input.data(), 0, head);
    EXPECT_TRUE(parser.idle());
    (void)parser.parse(input.data(), 15, head);
    EXPECT_FALSE(parser.idle());
    EXPECT_FALSE(parser.start_line_complete());
    (void)parser.parse(input.data(), 16, head);
    EXPECT_TRUE(parser.start_line_complete());
    EXPECT_EQ(parser.parse(input.data(), input.size(), head).state, ParseState::complete);
    parser.reset();
    EXPECT_TRUE(parser.idle());
}

TEST(H1Resume, OneHeadForManyMessages) {
    HeadParser parser;
    RequestHead head;
    const test::Input first(
        "POST http://x/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
        "Connection: close, upgrade\r\nUpgrade: u\r\n\r\n");
    ASSERT_EQ(parser.parse(first.data(), first.size(), head).state, ParseState::complete);
    EXPECT_TRUE(head.has_upgrade && head.expect_continue && head.has_content_length);
    parser.reset();
    const test::Input second("GET / HTTP/1.0\r\n\r\n");
    ASSERT_EQ(parser.parse(second.data(), second.size(), head).state, ParseState::complete);
    EXPECT_EQ(test::describe(head), "GET / 1.0 [close]");
    EXPECT_EQ(head.host.length, 0);
    EXPECT_EQ(head.known, 0);
}

TEST(H1Head, CopyToOtherMemory) {
    RequestHead copy;
    {
        const std::string text = "GET /p HTTP/1.1\r\nHost: a\r\nCookie: c\r\n\r\n";
        const test::Input input(text);
        HeadParser parser;
        RequestHead head;
        ASSERT_EQ(parser.parse(input.data(), input.size(), head).state, ParseState::complete);
        char* memory = new char[head.size];
        std::memcpy(memory, head.base, head.size);
        copy.copy(head, memory);
    }
    EXPECT_EQ(test::describe(copy), "GET /p 1.1 | Host: a | Cookie: c");
    EXPECT_EQ(copy.view(copy.host), "a");
    EXPECT_EQ(copy.value_of(KnownField::cookie), "c");
    EXPECT_EQ(copy.value_of(KnownField::range).data(), nullptr);
    EXPECT_EQ(copy.find("cOOkie"), copy.find(KnownField::cookie));
    EXPECT_EQ(copy.find("x-other"), nullptr);
    EXPECT_EQ(body_kind(copy), BodyKind::none);
    delete[] copy.base;
}

TEST(H1Head, EveryKnownNameIsFoundInAnyCase) {
    std::set<std::string_view> seen;
    for (std::size_t i = 1; i < known_field_count; ++i) {
        const auto id = static_cast<KnownField>(i);
        std::string name(known_field_name(id));
        ASSERT_TRUE(seen.insert(known_field_name(id)).second);
        EXPECT_EQ(known_field(name), id) << name;
        std::ranges::transform(name, name.begin(),
                               [](char c) { return static_cast<char>(std::toupper(c)); });
        EXPECT_EQ(known_field(name), id) << name;
        EXPECT_EQ(known_field(name + "x"), KnownField::other);
        EXPECT_EQ(known_field(name.substr(1)), KnownField::other);
        // Names that differ in bit 5 of one character only.
        if (id != KnownField::host && id != KnownField::transfer_encoding) {
            const std::string text =
                "GET / HTTP/1.1\r\nHost: a\r\nX" + name.substr(1) + ": 1\r\n\r\n";
            for (const Simd simd : test::variants()) {
                EXPECT_EQ(test::parse_whole<RequestHead>(text, {}, simd).find("wrongly"),
                          std::string::npos);
            }
        }
    }
    EXPECT_EQ(known_field(""), KnownField::other);
    EXPECT_EQ(known_field("x-unknown"), KnownField::other);
    for (int i = 1; i <= static_cast<int>(Method::patch); ++i) {
        EXPECT_EQ(method_from(method_name(static_cast<Method>(i))), static_cast<Method>(i));
    }
}

TEST(H1Head, EveryRefusalHasANameAStatusAndAReason) {
    std::set<std::string_view> names;
    for (std::size_t i = 1; i < refusal_count; ++i) {
        const RefusalInfo& info = refusal_info(static_cast<Refusal>(i));
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        EXPECT_TRUE(info.status == 400 || info.status == 414 || info.status == 431 ||
                    info.status == 505);
        EXPECT_FALSE(info.reason.empty()) << info.name;
        EXPECT_EQ(info.reason.find('\n'), std::string_view::npos);
    }
    EXPECT_EQ(refusal_info(Refusal::unsupported_version).name, "unsupported_version");
    EXPECT_EQ(refusal_info(Refusal::unsupported_version).status, 505);
    EXPECT_EQ(refusal_info(Refusal::truncated_body).name, "truncated_body");
}

constexpr Case responses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"sv,
     "1.1 200 'OK' [length=5] | Content-Length: 5"},
    {"HTTP/1.0 404 Not Found\r\n\r\n"sv, "1.0 404 'Not Found' [close]"},
    {"HTTP/1.1 200 \r\n\r\n"sv, "1.1 200 ''"},
    {"HTTP/1.1 200\r\n\r\n"sv, "1.1 200 ''"},
    {"HTTP/1.1 999 \xC3\xA9\t~\r\nConnection: close\r\n\r\n"sv,
     "1.1 999 '\xC3\xA9\t~' [close] | Connection: close"},
    {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"sv,
     "1.1 101 'Switching' [upgrade] | Upgrade: x | Connection: upgrade"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
     "1.1 200 'OK' [chunked] | Transfer-Encoding: chunked"},
};

constexpr Case bad_responses[] = {
    {"\r\nHTTP/1.1 200 OK\r\n"sv, "bad_version@0"},
    {"HTTP/1.1  200 OK\r\n"sv, "bad_status_line@9"},
    {"HTTP/1.1\t200 OK\r\n"sv, "bad_status_line@8"},
    {"HTTP/1.1 20 OK\r\n"sv, "bad_status_line@11"},
    {"HTTP/1.1 2000 OK\r\n"sv, "bad_status_line@12"},
    {"HTTP/1.1 099 OK\r\n"sv, "bad_status_line@9"},
    {"HTTP/1.1 -20 OK\r\n"sv, "bad_status_line@9"},
    {"HTTP/2.0 200 OK\r\n"sv, "unsupported_version@7"},
    {"ICY 200 OK\r\n"sv, "bad_version@0"},
    {"HTTP/1.1 200\n"sv, "bare_lf@12"},
    {"HTTP/1.1 200\rX"sv, "bare_cr@13"},
    {"HTTP/1.1 200 OK\n"sv, "bare_lf@15"},
    {"HTTP/1.1 200 OK\rX"sv, "bare_cr@16"},
    {"HTTP/1.1 200 O\0K\r\n"sv, "bad_field_value@14"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"sv,
     "repeated_content_length@36"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
     "length_and_transfer_encoding@64"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n"sv, "obs_fold@23"},
};

TEST(H1Response, AcceptsAndRefuses) {
    for (const Case& c : responses) {
        expect_outcome<ResponseHead>(c.bytes, with_size(c));
    }
    for (const Case& c : bad_responses) {
        expect_outcome<ResponseHead>(c.bytes, c.outcome);
    }
    expect_outcome<ResponseHead>("HTTP/1.1 200 OKOK\r\n\r\n", "1.1 200 'OKOK' #21",
                                 {.line_bytes = 17});
    expect_outcome<ResponseHead>("HTTP/1.1 200 OKOKO\r\n\r\n", "request_line_too_long@17",
                                 {.line_bytes = 17});
}

TEST(H1Response, BodyKind) {
    const std::tuple<std::string_view, Method, BodyKind> cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::get, BodyKind::content_length},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::get, BodyKind::none},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::head, BodyKind::none},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::connect, BodyKind::none},
        {"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n", Method::connect, BodyKind::content_length},
        {"HTTP/1.1 304 NM\r\nContent-Length: 5\r\n\r\n", Method::get, BodyKind::none},
        {"HTTP/1.1 204 NC\r\nTransfer-Encoding: chunked\r\n\r\n", Method::get, BodyKind::none},
        {"HTTP/1.1 100 C\r\n\r\n", Method::get, BodyKind::none},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::get, BodyKind::chunked},
        {"HTTP/1.1 200 OK\r\n\r\n", Method::get, BodyKind::until_close},
    };
    for (const auto& [text, method, kind] : cases) {
        const test::Input input(text);
        HeadParser parser;
        ResponseHead head;
        ASSERT_EQ(parser.parse(input.data(), input.size(), head).state, ParseState::complete);
        EXPECT_EQ(body_kind(head, method), kind) << text;
    }
}

std::string parse_trailers(std::string_view text, std::size_t step, Simd simd) {
    HeadParser parser({.fields = 3}, simd);
    MessageHead head;
    for (std::size_t size = std::min(step, text.size());;
         size = std::min(size + step, text.size())) {
        const test::Input input(text.substr(0, size));
        const ParseResult result = parser.parse_trailers(input.data(), size, head);
        if (result.state == ParseState::complete) {
            std::string out;
            test::describe_message(head, out);
            return out + " #" + std::to_string(result.offset);
        }
        if (result.state == ParseState::refused) {
            return std::string(refusal_info(result.refusal).name) + "@" +
                   std::to_string(result.offset);
        }
        if (size == text.size()) {
            return "incomplete";
        }
    }
}

TEST(H1Trailers, SameRulesAndForbiddenNames) {
    std::vector<std::pair<std::string, std::string>> cases = {
        {"\r\n", " #2"},
        {"X: 1\r\nETag: \"a\"\r\n\r\nGET", " | X: 1 | ETag: \"a\" #19"},
        {"X: 1\r\n", "incomplete"},
        {"X : 1\r\n\r\n", "space_before_colon@1"},
        {"X: 1\n\r\n", "bare_lf@4"},
        {" X: 1\r\n", "obs_fold@0"},
        {"a: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n", "too_many_fields@18"},
    };
    for (const std::string_view name : {"Host",
                                        "content-length",
                                        "TRANSFER-ENCODING",
                                        "Trailer",
                                        "Authorization",
                                        "Set-Cookie",
                                        "Cookie",
                                        "Content-Type",
                                        "Content-Encoding",
                                        "Content-Range",
                                        "Cache-Control",
                                        "Expect",
                                        "Connection",
                                        "TE",
                                        "If-Match",
                                        "Range",
                                        "Max-Forwards",
                                        "Pragma",
                                        "WWW-Authenticate",
                                        "Proxy-Authenticate",
                                        "X-Forwarded-For",
                                        "Forwarded",
                                        "Upgrade",
                                        "Keep-Alive",
                                        "Proxy-Connection"}) {
        cases.emplace_back("X: 1\r\n" + std::string(name) + ": 1\r\n\r\n", "forbidden_trailer@6");
    }
    for (const Simd simd : test::variants()) {
        for (const auto& [text, expected] : cases) {
            for (std::size_t step = 1; step <= text.size(); ++step) {
                EXPECT_EQ(parse_trailers(text, step, simd), expected)
                    << text << " in steps of " << step;
            }
        }
    }
}

TEST(H1Simd, NamesAndChoice) {
    EXPECT_TRUE(simd_available(Simd::scalar));
    EXPECT_TRUE(simd_available(best_simd()));
    EXPECT_EQ(simd_name(Simd::scalar), "scalar");
    EXPECT_EQ(simd_name(Simd::sse42), "sse4.2");
    EXPECT_EQ(simd_name(Simd::avx2), "avx2");
}

}  // namespace
}  // namespace corevent::h1
