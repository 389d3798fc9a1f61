#include "codec/uri.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace corevent::uri {
namespace {

/// The parts in brackets, "-" for an absent one; "refused".
std::string show(std::string_view text, Grammar grammar = Grammar::rfc3986) {
    const auto parts = parse(text, grammar);
    if (!parts) {
        return "refused";
    }
    const auto part = [](std::string_view value) {
        return value.data() == nullptr ? std::string("-") : "[" + std::string(value) + "]";
    };
    return part(parts->scheme) + part(parts->userinfo) + part(parts->host) +
           (parts->port < 0 ? "-" : "[" + std::to_string(parts->port) + "]") + part(parts->path) +
           part(parts->query) + part(parts->fragment);
}

struct Case {
    std::string_view text;
    std::string_view parts;
};

TEST(Uri, Parts) {
    const Case cases[] = {
        {"", "----[]--"},
        {"/", "----[/]--"},
        {"//", "--[]-[]--"},
        {"///x", "--[]-[/x]--"},
        {"http://u:p@h:80/a/b?c=d#e", "[http][u:p][h][80][/a/b][c=d][e]"},
        {"http://h", "[http]-[h]-[]--"},
        {"http://h?", "[http]-[h]-[][]-"},
        {"http://h#", "[http]-[h]-[]-[]"},
        {"http://h:/x", "[http]-[h]-[/x]--"},
        {"http://[::1]:8/", "[http]-[[::1]][8][/]--"},
        {"http://[v1.a:b]/", "[http]-[[v1.a:b]]-[/]--"},
        {"mailto:a@b.c", "[mailto]---[a@b.c]--"},
        {"./a:b", "----[./a:b]--"},
        {"a/b:c", "----[a/b:c]--"},
        {"?q", "----[][q]-"},
        {"http://%41%20/", "[http]-[%41%20]-[/]--"},
        {"x+-.1:", "[x+-.1]---[]--"},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(show(each.text), each.parts) << each.text;
    }
}

TEST(Uri, WhatIsNone) {
    for (const std::string_view text :
         {"1a:b", ":x", "http://h:65536/", "http://h:99999999999999999999/", "http://h:8a/",
          "http://a@b@c/", "http://u v@h/", "http://[::1/", "http://[]/", "http://[1.2.3.4]/",
          "http://[v.a]/", "http://[vg.a]/", "http://h st/", "http://h/a b", "http://h/%4",
          "http://h/%zz", "http://h/\xc3\xa4", "http://h/?[", "http://h/#a#b"}) {
        EXPECT_EQ(show(text), "refused") << text;
    }
}

TEST(Uri, AnyOctet) {
    EXPECT_EQ(show("/\xc3\xa4 ?[\x01#]", Grammar::any_octet), "----[/\xc3\xa4 ][[\x01][]]");
    EXPECT_EQ(show("http://h st/", Grammar::any_octet), "refused");
    EXPECT_EQ(show("/a#b#c", Grammar::any_octet), "----[/a]-[b#c]");
}

TEST(Uri, SingleParts) {
    EXPECT_TRUE(valid_scheme("h+-.1"));
    EXPECT_FALSE(valid_scheme(""));
    EXPECT_FALSE(valid_scheme("1h"));
    EXPECT_TRUE(valid_host(""));
    EXPECT_TRUE(valid_host("[::ffff:1.2.3.4]"));
    EXPECT_FALSE(valid_host("a:b"));
    EXPECT_TRUE(valid_path("a//b"));
    EXPECT_FALSE(valid_path("a?b"));
    EXPECT_FALSE(valid_path("a?b", Grammar::any_octet));
    EXPECT_TRUE(valid_query("a?b/c"));
    EXPECT_FALSE(valid_query("a#b", Grammar::any_octet));
    EXPECT_TRUE(valid_fragment("a#b", Grammar::any_octet));
}

TEST(Uri, Escapes) {
    EXPECT_EQ(escaped_octet("%41x"), 0x41);
    EXPECT_EQ(escaped_octet("%fF"), 0xFF);
    EXPECT_EQ(escaped_octet("%00"), 0);
    EXPECT_EQ(escaped_octet("%4"), -1);
    EXPECT_EQ(escaped_octet("%4g"), -1);
    EXPECT_EQ(escaped_octet("41"), -1);
}

}  // namespace
}  // namespace corevent::uri
