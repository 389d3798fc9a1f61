#include "codec/accept.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace corevent {
namespace {

constexpr unsigned everything = 0xF;
constexpr unsigned gzip_or_plain =
    1U << static_cast<unsigned>(Coding::gzip) | 1U << static_cast<unsigned>(Coding::identity);

std::string_view best(std::string_view value, unsigned available) {
    AcceptEncoding accept;
    accept.add(value);
    return coding_name(accept.best(available));
}

TEST(AcceptEncoding, Best) {
    const std::tuple<std::string_view, unsigned, std::string_view> cases[] = {
        {"gzip, deflate, br, zstd", everything, "br"},
        {"gzip, deflate, br, zstd", gzip_or_plain, "gzip"},
        {"gzip", everything, "gzip"},
        {"GZIP", everything, "gzip"},
        {"x-gzip", everything, "gzip"},
        {"zstd;q=1.0, br;q=0.9", everything, "zstd"},
        {"br;q=0.1, gzip;q=0.2", everything, "gzip"},
        {"gzip;q=0", everything, "identity"},
        {"gzip;q=0.000", gzip_or_plain, "identity"},
        {"gzip;q=0, *", gzip_or_plain, "identity"},
        {"gzip;q=0, *;q=1", everything, "br"},
        {"*", everything, "br"},
        {"*;q=0", everything, "identity"},
        {"*;q=0, gzip", everything, "gzip"},
        {"identity", everything, "identity"},
        {"identity;q=0.5, gzip;q=0.4", everything, "identity"},
        {"identity;q=0, gzip;q=0.1", everything, "gzip"},
        {"identity;q=0", everything, "identity"},
        {"gzip;q=0.001", everything, "gzip"},
        {"", everything, "identity"},
        {"deflate", everything, "identity"},
        {"gzip ; Q=0.5 , br ;q=0.4", everything, "gzip"},
        {" ,, gzip,", everything, "gzip"},
        // malformed members do not count
        {"gzip;q=2", everything, "identity"},
        {"gzip;q=1.001", everything, "identity"},
        {"gzip;q=-1", everything, "identity"},
        {"gzip;q=", everything, "identity"},
        {"gzip;q=0.1234", everything, "identity"},
        {"gzip;q=0,5", everything, "identity"},
        {"gzip;q=a", everything, "identity"},
        {"gzip;q", everything, "identity"},
        {"gzip;level=9", everything, "identity"},
        {"gz ip, br", everything, "br"},
    };
    for (const auto& [value, available, expected] : cases) {
        EXPECT_EQ(best(value, available), expected) << value;
    }
}

TEST(AcceptEncoding, QualitiesAndSeveralLines) {
    AcceptEncoding accept;
    EXPECT_TRUE(accept.accepts(Coding::identity));
    EXPECT_FALSE(accept.accepts(Coding::gzip));
    EXPECT_EQ(accept.best(everything), Coding::identity);
    accept.add("gzip;q=0.5");
    accept.add("br;q=0.25, *;q=0");
    EXPECT_EQ(accept.quality(Coding::gzip), 500);
    EXPECT_EQ(accept.quality(Coding::br), 250);
    EXPECT_EQ(accept.quality(Coding::zstd), 0);
    EXPECT_EQ(accept.quality(Coding::identity), 0);
    EXPECT_EQ(accept.best(everything), Coding::gzip);
    EXPECT_EQ(accept.best(1U << static_cast<unsigned>(Coding::zstd)), Coding::identity);
}

TEST(Lists, Members) {
    const std::pair<std::string_view, std::vector<std::string>> cases[] = {
        {"", {}},
        {" , ,", {}},
        {"a", {"a"}},
        {"a,b , c", {"a", "b", "c"}},
        {"\ta\t,\"b,c\",d", {"a", "\"b,c\"", "d"}},
        {"\"a\\\",b\",c", {"\"a\\\",b\"", "c"}},
        {"\"open,a", {"\"open,a"}},
        {"\"end\\", {"\"end\\"}},
    };
    for (const auto& [value, expected] : cases) {
        std::vector<std::string> members;
        ListReader reader(value);
        for (std::string_view member; reader.next(member);) {
            members.emplace_back(member);
        }
        EXPECT_EQ(members, expected) << value;
    }
    EXPECT_TRUE(list_has_token("TE, Close", "close"));
    EXPECT_FALSE(list_has_token("closed, enclose", "close"));
}

TEST(EntityTags, Parse) {
    EntityTag tag;
    EXPECT_TRUE(parse_entity_tag("\"a\"", tag) && tag.opaque == "\"a\"" && !tag.weak);
    EXPECT_TRUE(parse_entity_tag("W/\"\"", tag) && tag.opaque == "\"\"" && tag.weak);
    EXPECT_TRUE(parse_entity_tag("\"\xC3\xA9!,\\\"", tag));
    for (const std::string_view bad :
         {"", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/a", "W\"a\"", "\"a\"b", "\"a b\"", " \"a\"",
          "\"a\" ", "\"\x01\"", "\"\x7F\"", "*"}) {
        EXPECT_FALSE(parse_entity_tag(bad, tag)) << bad;
    }
}

TEST(EntityTags, Lists) {
    const EntityTag strong{"\"a\"", false};
    const EntityTag weak{"\"a\"", true};
    // value, matches strong by If-Match, strong by If-None-Match, weak by If-Match, weak by
    // If-None-Match
    const std::tuple<std::string_view, bool, bool, bool, bool> cases[] = {
        {"\"a\"", true, true, false, true},
        {"W/\"a\"", false, true, false, true},
        {"\"b\", \"a\"", true, true, false, true},
        {"\"b\",W/\"a\" , \"c\"", false, true, false, true},
        {" , \"a\" ,", true, true, false, true},
        {"*", true, true, true, true},
        {" * ", true, true, true, true},
        {"\"A\"", false, false, false, false},
        {"\"b\"", false, false, false, false},
        {"", false, false, false, false},
        {"a", false, false, false, false},
        {"b, \"a\"", false, false, false, false},
        {"\"b\" \"a\"", false, false, false, false},
        {"\"x, \"a\"", false, false, false, false},
        {"*, \"a\"", false, false, false, false},
        {"\"a,b\", \"a\"", true, true, false, true},
    };
    for (const auto& [value, s_match, s_none, w_match, w_none] : cases) {
        EXPECT_EQ(if_match_matches(value, strong, true), s_match) << value;
        EXPECT_EQ(if_none_match_matches(value, strong, true), s_none) << value;
        EXPECT_EQ(if_match_matches(value, weak, true), w_match) << value;
        EXPECT_EQ(if_none_match_matches(value, weak, true), w_none) << value;
        EXPECT_FALSE(if_match_matches(value, strong, false)) << value;
        EXPECT_FALSE(if_none_match_matches(value, strong, false)) << value;
    }
}

}  // namespace
}  // namespace corevent
