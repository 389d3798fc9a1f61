// The small functions behind the program's words: JSON strings, numbers, addresses, nearest names.

#include "app/descriptors.h"
#include "app/json.h"
#include "app/messages.h"
#include "app/nearest.h"

#include <corevent/address.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace corevent::app {
namespace {

TEST(Utf8, IsToldFromOtherOctets) {
    for (const std::string good :
         {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(is_utf8(good)) << json_string(good);
        EXPECT_TRUE(is_utf8("x" + good + "y")) << json_string(good);
    }
    for (const std::string bad :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x80\x80", "\xe0\x9f\xbf",
          "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe"}) {
        EXPECT_FALSE(is_utf8(bad)) << json_string(bad);
        EXPECT_FALSE(is_utf8("x" + bad + "y")) << json_string(bad);
    }
}

TEST(Json, StringsAreEscaped) {
    EXPECT_EQ(json_string(""), "\"\"");
    EXPECT_EQ(json_string("a\"b\\c"), "\"a\\\"b\\\\c\"");
    EXPECT_EQ(json_string("\n\r\t\x01\x7f"), "\"\\n\\u000d\\u0009\\u0001\\u007f\"");
    EXPECT_EQ(json_string(std::string("\0", 1)), "\"\\u0000\"");
    EXPECT_EQ(json_string("\xc3\xa4"), "\"\xc3\xa4\"");
    EXPECT_EQ(json_string("\xff|\xc3"), "\"\xef\xbf\xbd|\xef\xbf\xbd\"");
}

TEST(Json, Base64) {
    const std::vector<std::pair<std::string, std::string>> cases{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"},
                                                                 {"\xff\xfe\xfd", "//79"}};
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(base64(bytes), text);
    }
}

TEST(Messages, NumbersAreGrouped) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(16000), "16,000");
    EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Messages, AddressesAreWrittenAsTheyAreReached) {
    const auto parsed = [](const char* text) { return Address::parse(text).value(); };
    using Lines = std::vector<std::string>;
    EXPECT_EQ(reachable_as({parsed("127.0.0.1:80"), parsed("[::1]:80")}),
              Lines{"http://localhost:80/"});
    EXPECT_EQ(reachable_as({parsed("[::1]:80"), parsed("127.0.0.1:80")}),
              Lines{"http://localhost:80/"});
    EXPECT_EQ(reachable_as({parsed("127.0.0.1:80"), parsed("[::1]:81")}),
              (Lines{"http://127.0.0.1:80/", "http://[::1]:81/"}));
    EXPECT_EQ(reachable_as({parsed("127.0.0.1:80")}), Lines{"http://127.0.0.1:80/"});
    EXPECT_EQ(reachable_as({parsed("unix:/run/x.sock")}), Lines{"unix:/run/x.sock"});
    EXPECT_EQ(reachable_as({parsed(":80")}),
              Lines{"http://localhost:80/ and every other address of this machine"});
}

TEST(Nearest, IsFoundWhenATypingErrorIsLikely) {
    const std::vector<std::string> names{"port", "threads", "access-log", "log-format"};
    EXPECT_EQ(nearest("prot", names), "port");
    EXPECT_EQ(nearest("thread", names), "threads");
    EXPECT_EQ(nearest("acces-log", names), "access-log");
    EXPECT_EQ(nearest("browser", names), "");
    EXPECT_EQ(nearest("", names), "");
    EXPECT_EQ(nearest(std::string(1000, 'p'), names), "");
    EXPECT_EQ(did_you_mean("prot", names, "--"), "; did you mean --port?");
    EXPECT_EQ(did_you_mean("zzz", names, "--"), "");
}

TEST(Descriptors, CarryFourFifthsOfThemAsConnections) {
    EXPECT_EQ((Descriptors{256, 256}).connections_max(), 204U);
    EXPECT_EQ((Descriptors{1024, 20000}).connections_max(), 16000U);
    EXPECT_EQ((Descriptors{1024, 20000}).text(), "descriptors raised 1024 -> 20000");
    EXPECT_EQ((Descriptors{20000, 20000}).text(), "20000 descriptors");
    EXPECT_EQ(descriptor_warning({1024, 20000}), "");
    EXPECT_NE(descriptor_warning({256, 256}).find("at most 204 connections"), std::string::npos);
    Limits limits;
    EXPECT_TRUE(settle_connections(limits, {1024, 20000}));
    EXPECT_EQ(limits[Limit::connections], 16000U);
    limits[Limit::connections] = 16001;
    const auto refused = settle_connections(limits, {1024, 20000});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ExitCode::failed);
    EXPECT_NE(refused.error().message.find("ulimit -n 20002"), std::string::npos)
        << refused.error().message;
}

}  // namespace
}  // namespace corevent::app
