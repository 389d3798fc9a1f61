#include "codec/byte_ranges.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace corevent {
namespace {

std::string ranges_text(std::string_view value, std::uint64_t size, std::size_t ranges_max = 16) {
    std::vector<ByteRange> ranges = {{7, 7}};
    switch (parse_ranges(value, size, ranges_max, ranges)) {
        case RangeVerdict::ignored: EXPECT_TRUE(ranges.empty()); return "ignored";
        case RangeVerdict::unsatisfiable: EXPECT_TRUE(ranges.empty()); return "unsatisfiable";
        case RangeVerdict::satisfiable: break;
    }
    std::string text;
    std::uint64_t total = 0;
    for (const ByteRange& range : ranges) {
        EXPECT_GE(range.length, 1);
        EXPECT_LE(range.first, size - range.length);
        total += range.length;
        text += (text.empty() ? "" : " ") + std::to_string(range.first) + "+" +
                std::to_string(range.length);
    }
    EXPECT_LE(total, size);
    EXPECT_LE(ranges.size(), ranges_max);
    return text;
}

TEST(ByteRanges, Single) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"bytes=0-0", "0+1"},
        {"bytes=0-499", "0+500"},
        {"bytes=500-999", "500+500"},
        {"bytes=500-", "500+500"},
        {"bytes=0-", "0+1000"},
        {"bytes=999-", "999+1"},
        {"bytes=-1", "999+1"},
        {"bytes=-500", "500+500"},
        {"bytes=-5000", "0+1000"},
        {"bytes=0-5000", "0+1000"},
        {"bytes=999-999", "999+1"},
        {"BYTES=0-1", "0+2"},
        {"bytes=0-18446744073709551615", "0+1000"},
        {"bytes=0-99999999999999999999999", "0+1000"},
        {"bytes=-99999999999999999999999", "0+1000"},
        {"bytes=000-009", "0+10"},
        {"bytes= 0-1 ,", "0+2"},
        {"bytes=1000-", "unsatisfiable"},
        {"bytes=1000-2000", "unsatisfiable"},
        {"bytes=-0", "unsatisfiable"},
        {"bytes=18446744073709551615-", "unsatisfiable"},
        {"bytes=99999999999999999999999-", "unsatisfiable"},
        {"bytes=18446744073709551615-18446744073709551615", "unsatisfiable"},
        {"", "ignored"},
        {"bytes", "ignored"},
        {"bytes=", "ignored"},
        {"bytes=,", "ignored"},
        {"bytes=-", "ignored"},
        {"bytes=a-b", "ignored"},
        {"bytes=1", "ignored"},
        {"bytes=5-4", "ignored"},
        {"bytes=+1-4", "ignored"},
        {"bytes=1--4", "ignored"},
        {"bytes=--4", "ignored"},
        {"bytes=1-4x", "ignored"},
        {"bytes=1 - 4", "ignored"},
        {"bytes=0x1-4", "ignored"},
        {"bytes =0-4", "ignored"},
        {"bytes:0-4", "ignored"},
        {"items=0-4", "ignored"},
        {"bytes=0-1;2-3", "ignored"},
        {"bytes=0-1,x", "ignored"},
        {"bytes=0-1,5-4", "ignored"},
    };
    for (const auto& [value, expected] : cases) {
        EXPECT_EQ(ranges_text(value, 1000), expected) << value;
    }
    EXPECT_EQ(ranges_text("bytes=0-", 0), "ignored");
    EXPECT_EQ(ranges_text("bytes=-1", 0), "ignored");
    const std::uint64_t huge = UINT64_MAX;
    EXPECT_EQ(ranges_text("bytes=0-", huge), "0+18446744073709551615");
    EXPECT_EQ(ranges_text("bytes=-18446744073709551615", huge), "0+18446744073709551615");
    EXPECT_EQ(ranges_text("bytes=18446744073709551614-", huge), "18446744073709551614+1");
}

TEST(ByteRanges, Several) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"bytes=0-1,4-5", "0+2 4+2"},
        {"bytes=4-5, 0-1", "4+2 0+2"},  // in the order asked
        {"bytes=0-1 , , 4-5", "0+2 4+2"},
        {"bytes=0-5,3-9", "0+10"},
        {"bytes=0-4,5-9", "0+10"},  // touching
        {"bytes=5-9,0-4", "0+10"},
        {"bytes=0-9,2-3", "0+10"},
        {"bytes=2-3,0-9", "0+10"},
        {"bytes=0-1,8-9,20-21,1-8", "0+10 20+2"},
        {"bytes=20-21,0-1,8-9,1-8", "20+2 0+10"},
        {"bytes=0-1,2000-3000", "0+2"},
        {"bytes=2000-,3000-", "unsatisfiable"},
        {"bytes=-1,0-0", "999+1 0+1"},
        {"bytes=-1000,0-0,5-6", "0+1000"},
        {"bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", "0+1000"},
    };
    for (const auto& [value, expected] : cases) {
        EXPECT_EQ(ranges_text(value, 1000), expected) << value;
    }
}

TEST(ByteRanges, NumberIsLimited) {
    const auto apart = [](int count) {
        std::string value = "bytes=0-0";
        for (int i = 1; i < count; ++i) {
            value += "," + std::to_string(i * 10) + "-" + std::to_string(i * 10);
        }
        return value;
    };
    EXPECT_NE(ranges_text(apart(16), 1000), "ignored");
    EXPECT_EQ(ranges_text(apart(17), 1000), "ignored");
    const auto overlapping = [](int count) {
        std::string value = "bytes=0-";
        for (int i = 1; i < count; ++i) {
            value += ",0-";
        }
        return value;
    };
    EXPECT_EQ(ranges_text(overlapping(64), 1000), "0+1000");
    EXPECT_EQ(ranges_text(overlapping(65), 1000), "ignored");
    EXPECT_EQ(ranges_text("bytes=0-0,2-2", 10, 1), "ignored");
    EXPECT_EQ(ranges_text("bytes=0-0", 10, 0), "ignored");
}

}  // namespace
}  // namespace corevent
