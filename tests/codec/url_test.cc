#include "codec/url.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace corevent::url {
namespace {

using namespace std::string_view_literals;

TEST(Url, SplitTarget) {
    const std::tuple<std::string_view, std::string_view, std::string_view, bool> cases[] = {
        {"/", "/", "", false},         {"/a?b", "/a", "b", true}, {"/a?", "/a", "", true},
        {"/a?b?c", "/a", "b?c", true}, {"?x", "", "x", true},     {"", "", "", false},
    };
    for (const auto& [text, path, query, has_query] : cases) {
        const Target target = split_target(text);
        EXPECT_EQ(target.path, path);
        EXPECT_EQ(target.query, query);
        EXPECT_EQ(target.has_query, has_query);
    }
}

std::string resolve(std::string_view path) {
    Bytes out;
    const auto result = resolve_path(path, out);
    if (!result) {
        return "error: " + std::string(path_error_text(result.error()));
    }
    EXPECT_EQ(result->data(), out.data());
    EXPECT_EQ(result->size(), out.size());
    return std::string(*result);
}

TEST(Url, ResolvePath) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/a/", "/a/"},
        {"/a/b/c", "/a/b/c"},
        {"/a/./b", "/a/b"},
        {"/./a", "/a"},
        {"/.", "/"},
        {"/a/.", "/a/"},
        {"/./", "/"},
        {"/a/b/..", "/a/"},
        {"/a/b/../", "/a/"},
        {"/a/b/../c", "/a/c"},
        {"/a/b/../../c", "/c"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/%2e%2E/b", "/b"},
        {"/a/.%2e/b", "/b"},
        {"/a/%2E/b", "/a/b"},
        {"/...", "/..."},
        {"/..a/.b/c..", "/..a/.b/c.."},
        {"/a//b", "/a//b"},
        {"/a//../b", "/a/b"},
        {"//a", "//a"},
        {"/a%20b%25", "/a b%"},
        {"/%2525", "/%25"},  // decoded once
        {"/%252e%252e/x", "/%2e%2e/x"},
        {"/a+b", "/a+b"},
        {"/a%5Cb", "/a\\b"},
        {"/caf%C3%A9", "/caf\xC3\xA9"},
        {"/caf\xC3\xA9", "/caf\xC3\xA9"},
        {"/%F0%9F%98%80", "/\xF0\x9F\x98\x80"},
        {"/%f4%8f%bf%bf", "/\xF4\x8F\xBF\xBF"},
        {"", "error: the path does not begin with a slash"},
        {"a", "error: the path does not begin with a slash"},
        {"*", "error: the path does not begin with a slash"},
        {"/..", "error: the path leaves the root"},
        {"/../etc/passwd", "error: the path leaves the root"},
        {"/a/../..", "error: the path leaves the root"},
        {"/a/../../b", "error: the path leaves the root"},
        {"/%2e%2e/etc/passwd", "error: the path leaves the root"},
        {"/./../x", "error: the path leaves the root"},
        {"/icons/.%2e/%2e%2e/%2e%2e/etc/passwd", "error: the path leaves the root"},
        {"/a%2Fb", "error: the path holds an encoded slash"},
        {"/..%2f..%2fetc", "error: the path holds an encoded slash"},
        {"/a%00.html", "error: the path holds a NUL"},
        {"/a\0b"sv, "error: the path holds a NUL"},
        {"/a%0a", "error: the path holds a control character"},
        {"/a%7F", "error: the path holds a control character"},
        {"/a\x1F", "error: the path holds a control character"},
        {"/%", "error: a % is not followed by two hexadecimal digits"},
        {"/%2", "error: a % is not followed by two hexadecimal digits"},
        {"/%2/", "error: a % is not followed by two hexadecimal digits"},
        {"/%zz", "error: a % is not followed by two hexadecimal digits"},
        {"/%u002e", "error: a % is not followed by two hexadecimal digits"},
        {"/%c0%ae%c0%ae/x", "error: the path is not valid UTF-8"},  // overlong dots
        {"/%c0%af", "error: the path is not valid UTF-8"},          // overlong slash
        {"/%e0%80%ae", "error: the path is not valid UTF-8"},
        {"/%f0%80%80%ae", "error: the path is not valid UTF-8"},
        {"/%ed%a0%80", "error: the path is not valid UTF-8"},     // a surrogate
        {"/%f4%90%80%80", "error: the path is not valid UTF-8"},  // above U+10FFFF
        {"/%ff", "error: the path is not valid UTF-8"},
        {"/%c3", "error: the path is not valid UTF-8"},
        {"/%c3/%a9", "error: the path is not valid UTF-8"},  // not across segments
        {"/%80", "error: the path is not valid UTF-8"},
    };
    for (const auto& [path, expected] : cases) {
        EXPECT_EQ(resolve(path), expected) << path;
    }
}

TEST(Url, ResolveKeepsNoDotSegment) {
    // All paths of up to six pieces.
    const std::string_view pieces[] = {"/", "a", ".", "..", "%2e"};
    for (int code = 0; code < 5 * 5 * 5 * 5 * 5 * 5; ++code) {
        std::string path = "/";
        for (int rest = code, i = 0; i < 6; ++i, rest /= 5) {
            path += pieces[rest % 5];
        }
        const std::string resolved = resolve(path);
        if (resolved.starts_with("error")) {
            continue;
        }
        ASSERT_TRUE(resolved.starts_with('/')) << path;
        const std::string framed = resolved + "/";
        ASSERT_EQ(framed.find("/./"), std::string::npos) << path << " -> " << resolved;
        ASSERT_EQ(framed.find("/../"), std::string::npos) << path << " -> " << resolved;
    }
}

TEST(Url, Decode) {
    Bytes out;
    out.append("kept|");
    EXPECT_EQ(decode("a%2Fb+c", out).value(), "a/b+c");
    EXPECT_EQ(decode("a%2Fb+c%0D%0A", out, true).value(), "a/b c\r\n");
    EXPECT_EQ(out.view(), "kept|a/b+ca/b c\r\n");
    EXPECT_EQ(decode("%0A", out).error(), PathError::control);
    EXPECT_EQ(decode("%00", out, true).error(), PathError::nul);
    EXPECT_EQ(decode("%", out, true).error(), PathError::bad_escape);
    EXPECT_EQ(decode("%C0%80", out, true).error(), PathError::bad_utf8);
    EXPECT_EQ(out.view(), "kept|a/b+ca/b c\r\n");
    EXPECT_EQ(decode("", out).value(), "");
}

TEST(Url, EncodeIsDecodedBack) {
    std::string all;
    for (int c = 1; c < 0x80; ++c) {
        all += static_cast<char>(c);
    }
    all += "\xC3\xA9\xE2\x82\xAC";
    Bytes segment;
    encode_segment(all, segment);
    for (const char c : segment.view()) {
        EXPECT_TRUE(c > 0x20 && c < 0x7F && c != '/' && c != '?' && c != '#') << c;
    }
    Bytes decoded;
    EXPECT_EQ(decode(segment.view(), decoded, true).value(), [&] {
        std::string expected = all;  // '+' stays itself in a path and is a space in a form
        expected[expected.find('+')] = ' ';
        return expected;
    }());
    Bytes query;
    encode_query(all, query);
    Bytes again;
    EXPECT_EQ(decode(query.view(), again, true).value(), all);
    Bytes path;
    encode_path("/a b/c?d#e%/\xC3\xA9", path);
    EXPECT_EQ(path.view(), "/a%20b/c%3Fd%23e%25/%C3%A9");
    EXPECT_EQ(resolve(path.view()), "/a b/c?d#e%/\xC3\xA9");
}

TEST(Url, Query) {
    const std::pair<std::string_view, std::vector<std::string>> cases[] = {
        {"", {}},
        {"&&", {}},
        {"a", {"a"}},
        {"a=", {"a="}},
        {"=b", {"=b"}},
        {"a=1&b=2&a=3", {"a=1", "b=2", "a=3"}},
        {"&a=1&&b&", {"a=1", "b"}},
        {"a=b=c", {"a=b=c"}},
        {"a%26b=%3D", {"a%26b=%3D"}},
    };
    for (const auto& [text, expected] : cases) {
        std::vector<std::string> pieces;
        Query query(text);
        while (const auto pair = query.next()) {
            pieces.push_back(std::string(pair->name) + (pair->has_value ? "=" : "") +
                             std::string(pair->value));
        }
        EXPECT_EQ(pieces, expected) << text;
    }
}

std::string host_port(std::string_view text) {
    const auto parsed = parse_host_port(text);
    if (!parsed) {
        return "no";
    }
    return std::string(parsed->host) + (parsed->is_ipv6 ? " v6" : "") +
           (parsed->has_port ? " " + std::to_string(parsed->port) : "");
}

TEST(Url, HostPort) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"", ""},
        {"a", "a"},
        {"a:80", "a 80"},
        {"a:0", "a 0"},
        {"a:65535", "a 65535"},
        {"a:00080", "a 80"},
        {"a:", "a"},
        {":80", " 80"},
        {"a-b_c~d.e!$&'()*+,;=", "a-b_c~d.e!$&'()*+,;="},
        {"a%C3%A9", "a%C3%A9"},
        {"127.0.0.1:1", "127.0.0.1 1"},
        {"[::1]", "::1 v6"},
        {"[::1]:443", "::1 v6 443"},
        {"[v1.a:b]", "v1.a:b v6"},
        {"a:65536", "no"},
        {"a:99999", "no"},
        {"a:000080", "no"},
        {"a:+80", "no"},
        {"a: 80", "no"},
        {"a:80a", "no"},
        {"a:80:80", "no"},
        {"a b", "no"},
        {"a/b", "no"},
        {"u@a", "no"},
        {"a%4", "no"},
        {"a%zz", "no"},
        {"caf\xC3\xA9", "no"},
        {"[]", "no"},
        {"[", "no"},
        {"[::1", "no"},
        {"[::1]80", "no"},
        {"[::1]:x", "no"},
        {"[fe80::1%25eth0]", "no"},
        {"[v.a]", "no"},
        {"[v1.]", "no"},
        {"[vg.a]", "no"},
        {"::1", "no"},
    };
    for (const auto& [text, expected] : cases) {
        EXPECT_EQ(host_port(text), expected) << text;
    }
}

TEST(Url, Ipv6) {
    for (const std::string_view good :
         {"::", "::1", "1::", "1::8", "1:2:3:4:5:6:7:8", "2001:DB8::ff00:42:8329",
          "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4",
          "::ffff:255.255.255.255", "1::1.2.3.4", "abcd:ef01::"}) {
        EXPECT_TRUE(valid_ipv6(good)) << good;
    }
    for (const std::string_view bad : {"",
                                       ":",
                                       ":::",
                                       "1",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "1::2::3",
                                       "1:2:3:4:5:6:7:8::",
                                       "::1:2:3:4:5:6:7:8",
                                       "12345::",
                                       "g::",
                                       ":1:2:3:4:5:6:7:8",
                                       "1:2:3:4:5:6:7:",
                                       "1.2.3.4",
                                       "::1.2.3",
                                       "::1.2.3.4.5",
                                       "::256.1.1.1",
                                       "::01.2.3.4",
                                       "1:2:3:4:5:6:7:1.2.3.4",
                                       "::1.2.3.4:1",
                                       "1:::2",
                                       "::1 ",
                                       "::%1"}) {
        EXPECT_FALSE(valid_ipv6(bad)) << bad;
    }
}

TEST(Url, Utf8) {
    for (const std::string_view good :
         {""sv, "plain text, longer than a word"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv,
          "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv,
          "\xF4\x8F\xBF\xBF"sv,
          "12345678\xC3\xA9"
          "12345678"sv}) {
        EXPECT_TRUE(valid_utf8(good)) << testing::PrintToString(std::string(good));
    }
    for (const std::string_view bad :
         {"\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xC2"sv, "\xC2\x41"sv, "\xE0\x9F\xBF"sv,
          "\xED\xA0\x80"sv, "\xEF\xBF"sv, "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv,
          "\xF5\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv, "12345678\xC3"sv}) {
        EXPECT_FALSE(valid_utf8(bad)) << testing::PrintToString(std::string(bad));
    }
}

}  // namespace
}  // namespace corevent::url
