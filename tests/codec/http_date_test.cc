#include "codec/http_date.h"

#include <gtest/gtest.h>

#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace corevent::http_date {
namespace {

constexpr std::int64_t now = 1'700'000'000;  // in 2023

std::string formatted(std::int64_t seconds) {
    std::string text(length, '?');
    format(seconds, text.data());
    return text;
}

TEST(HttpDate, FormatsWhatTheSystemFormats) {
    for (std::int64_t seconds = -2'208'988'800; seconds < 7'258'118'400; seconds += 86399 * 7) {
        const std::time_t time = seconds;
        std::tm civil{};
        ASSERT_NE(gmtime_r(&time, &civil), nullptr);
        char expected[64];
        std::strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &civil);
        ASSERT_EQ(formatted(seconds), expected);
        ASSERT_EQ(parse(expected, now), seconds);
    }
    EXPECT_EQ(formatted(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(formatted(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(formatted(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
    EXPECT_EQ(formatted(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(formatted(std::numeric_limits<std::int64_t>::max()), "Fri, 31 Dec 9999 23:59:59 GMT");
    EXPECT_EQ(formatted(std::numeric_limits<std::int64_t>::min()), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(HttpDate, ParsesThreeForms) {
    const std::pair<std::string_view, std::int64_t> cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 16 08:49:37 1994", 784975777},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},  // the wrong weekday does not matter
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},  // a leap second
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    };
    for (const auto& [text, expected] : cases) {
        EXPECT_EQ(parse(text, now), expected) << text;
    }
}

TEST(HttpDate, TwoDigitYears) {
    // 2023: 73 is 2073, 74 is more than 50 years ahead and becomes 1974.
    EXPECT_EQ(formatted(parse("Sunday, 06-Nov-73 08:49:37 GMT", now).value()).substr(12, 4),
              "2073");
    EXPECT_EQ(formatted(parse("Sunday, 06-Nov-74 08:49:37 GMT", now).value()).substr(12, 4),
              "1974");
    EXPECT_EQ(formatted(parse("Sunday, 06-Nov-00 08:49:37 GMT", now).value()).substr(12, 4),
              "2000");
    EXPECT_EQ(formatted(parse("Sunday, 06-Nov-94 08:49:37 GMT", 0).value()).substr(12, 4), "1994");
    EXPECT_EQ(formatted(parse("Sunday, 06-Nov-10 08:49:37 GMT", 784111777).value()).substr(12, 4),
              "1910");
    for (const std::int64_t odd :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        EXPECT_TRUE(parse("Sunday, 06-Nov-10 08:49:37 GMT", odd).has_value());
    }
    // 29 February exists in 2000 (1900 was no leap year).
    EXPECT_TRUE(parse("Tuesday, 29-Feb-00 00:00:00 GMT", now).has_value());
}

TEST(HttpDate, Refuses) {
    for (const std::string_view text : {"",
                                        "x",
                                        "Sun",
                                        "Sun,",
                                        "Sun, ",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        " Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 nov 1994 08:49:37 GMT",
                                        "sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 94 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 31 Nov 1994 08:49:37 GMT",
                                        "Sun, 32 Dec 1994 08:49:37 GMT",
                                        "Sun, 29 Feb 1999 08:49:37 GMT",
                                        "Sun, 29 Feb 1900 08:49:37 GMT",
                                        "Sun, 30 Feb 2000 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 24:00:00 GMT",
                                        "Sun, 06 Nov 1994 08:60:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:61 GMT",
                                        "Sun, 06 Nov 1994 8:49:37 GMT",
                                        "Sun, 06 Nov 1994 08.49.37 GMT",
                                        "Sun, +6 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov -994 08:49:37 GMT",
                                        "Sunday, 06-Nov-1994 08:49:37 GMT",
                                        "Sunday, 06 Nov 94 08:49:37 GMT",
                                        "Sunday 06-Nov-94 08:49:37 GMT",
                                        "Sundax, 06-Nov-94 08:49:37 GMT",
                                        "Sun, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov 6 08:49:37 1994",
                                        "Sun Nov  6 08:49:37 94",
                                        "Sun Nov  6 08:49:37 1994 GMT",
                                        "Sun Nov   08:49:37 1994",
                                        "0",
                                        "-1",
                                        "Thu, 01 Jan 1970 00:00:00 +0000"}) {
        EXPECT_EQ(parse(text, now), std::nullopt) << text;
    }
    const std::string_view whole = "Sunday, 06-Nov-94 08:49:37 GMT";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(parse(whole.substr(0, size), now), std::nullopt) << size;
    }
}

}  // namespace
}  // namespace corevent::http_date
