#include "http/static_files.h"

#include "http/static_site.h"

#include <gtest/gtest.h>

namespace corevent::http {
namespace {

using test::Answer;
using test::long_ago;
using test::Served;
using test::Site;

constexpr const char* long_ago_date = "Sun, 06 Nov 1994 08:49:37 GMT";

StaticFilesOptions at(const Site& site) {
    StaticFilesOptions options;
    options.root = site.root();
    return options;
}

TEST(StaticFiles, AnswersWithValidatorsTypeAndLength) {
    Site site;
    site.file("a.css", "body{}");
    Served served(at(site));
    for (int round = 0; round < 2; ++round) {  // from the disk, then from the cache
        const Answer answer = served.get("/a.css");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "body{}");
        EXPECT_EQ(answer.length, 6U);
        EXPECT_EQ(answer.field("Content-Type"), "text/css; charset=utf-8");
        EXPECT_EQ(answer.field("Last-Modified"), long_ago_date);
        EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
        EXPECT_EQ(answer.field("ETag"), "\"6-ae1b981bc490a00\"");
        EXPECT_EQ(answer.field("Vary"), "");
        EXPECT_EQ(answer.field("Cache-Control"), "");
        EXPECT_EQ(answer.field("Content-Encoding"), "");
    }
    EXPECT_EQ(served.get("/b.css").status, 404);
    EXPECT_EQ(served.get("/a.css/").status, 404);
    EXPECT_EQ(served.get("/a.css/b").status, 404);
}

TEST(StaticFiles, EmptyFile) {
    Site site;
    site.file("empty.txt", "");
    Served served(at(site));
    EXPECT_EQ(served.get("/empty.txt").status, 200);
    EXPECT_EQ(served.get("/empty.txt").length, 0U);
    EXPECT_EQ(served.get("/empty.txt", {"Range: bytes=0-0"}).status, 200);
}

TEST(StaticFiles, CacheControlIsSentWithEveryFormOfTheFile) {
    Site site;
    site.file("a.txt", "abc");
    auto options = at(site);
    options.cache_control = "max-age=60";
    Served served(options);
    EXPECT_EQ(served.get("/a.txt").field("Cache-Control"), "max-age=60");
    EXPECT_EQ(served.get("/a.txt", {"Range: bytes=1-"}).field("Cache-Control"), "max-age=60");
    EXPECT_EQ(served.get("/a.txt", {"If-None-Match: *"}).field("Cache-Control"), "max-age=60");
}

struct ConditionCase {
    const char* what;
    std::vector<std::string> fields;
    int get;
    int head;
};

TEST(StaticFiles, Conditions) {
    Site site;
    site.file("a.txt", "0123456789");
    Served served(at(site));
    const std::string tag = served.get("/a.txt").field("ETag");
    const std::string date = long_ago_date;
    const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const std::string after = "Sun, 06 Nov 1994 08:49:38 GMT";
    const std::vector<ConditionCase> cases = {
        {"none match", {"If-None-Match: " + tag}, 304, 304},
        {"none match, weak comparison", {"If-None-Match: W/" + tag}, 304, 304},
        {"none match, in a list", {"If-None-Match: \"x\", " + tag + ", \"y\""}, 304, 304},
        {"none match, in the second line",
         {"If-None-Match: \"x\"", "If-None-Match: " + tag},
         304,
         304},
        {"none match, star", {"If-None-Match: *"}, 304, 304},
        {"none match, another", {"If-None-Match: \"x\""}, 200, 200},
        {"none match, without quotes",
         {"If-None-Match: " + tag.substr(1, tag.size() - 2)},
         200,
         200},
        {"none match beats the date",
         {"If-None-Match: \"x\"", "If-Modified-Since: " + after},
         200,
         200},
        {"modified since, same", {"If-Modified-Since: " + date}, 304, 304},
        {"modified since, later", {"If-Modified-Since: " + after}, 304, 304},
        {"modified since, earlier", {"If-Modified-Since: " + before}, 200, 200},
        {"modified since, RFC 850",
         {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"},
         304,
         304},
        {"modified since, asctime", {"If-Modified-Since: Sun Nov  6 08:49:37 1994"}, 304, 304},
        {"modified since, no date", {"If-Modified-Since: yesterday"}, 200, 200},
        {"modified since, twice",
         {"If-Modified-Since: " + date, "If-Modified-Since: " + date},
         200,
         200},
        {"match", {"If-Match: " + tag}, 200, 200},
        {"match, star", {"If-Match: *"}, 200, 200},
        {"match, strong comparison", {"If-Match: W/" + tag}, 412, 412},
        {"match, another", {"If-Match: \"x\""}, 412, 412},
        {"match, second line", {"If-Match: \"x\"", "If-Match: " + tag}, 200, 200},
        {"match beats the date", {"If-Match: " + tag, "If-Unmodified-Since: " + before}, 200, 200},
        {"unmodified since, same", {"If-Unmodified-Since: " + date}, 200, 200},
        {"unmodified since, earlier", {"If-Unmodified-Since: " + before}, 412, 412},
        {"unmodified since, no date", {"If-Unmodified-Since: x"}, 200, 200},
        {"match first, then none match", {"If-Match: " + tag, "If-None-Match: " + tag}, 304, 304},
        {"a failed match comes first", {"If-Match: \"x\"", "If-None-Match: " + tag}, 412, 412},
        {"unmodified first, then modified",
         {"If-Unmodified-Since: " + date, "If-Modified-Since: " + date},
         304,
         304},
        {"conditions before ranges", {"If-None-Match: " + tag, "Range: bytes=0-1"}, 304, 304},
        {"conditions before ranges, failed", {"If-Match: \"x\"", "Range: bytes=0-1"}, 412, 412},
        {"range behind a condition that holds", {"If-Match: " + tag, "Range: bytes=0-1"}, 206, 200},
        {"if-range, tag", {"If-Range: " + tag, "Range: bytes=0-1"}, 206, 200},
        {"if-range, weak tag", {"If-Range: W/" + tag, "Range: bytes=0-1"}, 200, 200},
        {"if-range, another tag", {"If-Range: \"x\"", "Range: bytes=0-1"}, 200, 200},
        {"if-range, date", {"If-Range: " + date, "Range: bytes=0-1"}, 206, 200},
        {"if-range, later date", {"If-Range: " + after, "Range: bytes=0-1"}, 200, 200},
        {"if-range, nonsense", {"If-Range: x", "Range: bytes=0-1"}, 200, 200},
        {"if-range, twice", {"If-Range: " + tag, "If-Range: " + tag, "Range: bytes=0-1"}, 200, 200},
        {"if-range without range", {"If-Range: \"x\""}, 200, 200},
    };
    for (const ConditionCase& c : cases) {
        EXPECT_EQ(served.get("/a.txt", c.fields).status, c.get) << c.what;
        EXPECT_EQ(served.head("/a.txt", c.fields).status, c.head) << c.what << ", HEAD";
    }
    const Answer not_modified = served.get("/a.txt", {"If-None-Match: *"});
    EXPECT_EQ(not_modified.field("ETag"), tag);
    EXPECT_EQ(not_modified.field("Content-Type"), "");
    EXPECT_EQ(not_modified.body, "");
}

TEST(StaticFiles, AFileOfThisVerySecondHasNoStrongDate) {
    Site site;
    site.file("a.txt", "0123456789", std::time(nullptr) + 3600);
    Served served(at(site));
    const std::string date = served.get("/a.txt").field("Last-Modified");
    EXPECT_EQ(served.get("/a.txt", {"If-Modified-Since: " + date}).status, 304);
    site.file("b.txt", "0123456789", std::time(nullptr) + 3600);
    // The date in the future is shown as the time of the answer.
    EXPECT_LE(served.get("/b.txt").field("Last-Modified").size(), 29U);
}

struct RangeCase {
    const char* range;
    int status;
    const char* body;  ///< of 200 and 206 with one part
    const char* content_range;
};

/// The same cases from memory and from a descriptor.
class StaticRanges : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StaticRanges, Single) {
    Site site;
    site.file("a.txt", "0123456789");
    auto options = at(site);
    options.cached_file_bytes = GetParam();
    Served served(options);
    const RangeCase cases[] = {
        {"bytes=0-0", 206, "0", "bytes 0-0/10"},
        {"bytes=2-4", 206, "234", "bytes 2-4/10"},
        {"bytes=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=0-", 206, "0123456789", "bytes 0-9/10"},
        {"bytes=8-100", 206, "89", "bytes 8-9/10"},
        {"bytes=-3", 206, "789", "bytes 7-9/10"},
        {"bytes=-100", 206, "0123456789", "bytes 0-9/10"},
        {"BYTES=1-1", 206, "1", "bytes 1-1/10"},
        {"bytes=0-1,2-3", 206, "0123", "bytes 0-3/10"},        // touching ranges are one
        {"bytes=5-9,0-6", 206, "0123456789", "bytes 0-9/10"},  // overlapping ones too
        {"bytes=0-1,50-60", 206, "01", "bytes 0-1/10"},        // what is not there is left out
        {"bytes=0-18446744073709551615", 206, "0123456789", "bytes 0-9/10"},
        {"bytes=9-99999999999999999999999999", 206, "9", "bytes 9-9/10"},
        {"bytes=10-", 416, nullptr, "bytes */10"},
        {"bytes=99999999999999999999999999-", 416, nullptr, "bytes */10"},
        {"bytes=18446744073709551615-18446744073709551615", 416, nullptr, "bytes */10"},
        {"bytes=-0", 416, nullptr, "bytes */10"},
        {"bytes=4-2", 200, "0123456789", ""},
        {"bytes=", 200, "0123456789", ""},
        {"bytes=-", 200, "0123456789", ""},
        {"bytes=a-b", 200, "0123456789", ""},
        {"bytes=1 - 2", 200, "0123456789", ""},
        {"bytes=--1", 200, "0123456789", ""},
        {"bytes=+1-2", 200, "0123456789", ""},
        {"lines=0-1", 200, "0123456789", ""},
        {"0-1", 200, "0123456789", ""},
    };
    for (const RangeCase& c : cases) {
        const Answer answer = served.get("/a.txt", {std::string("Range: ") + c.range});
        EXPECT_EQ(answer.status, c.status) << c.range;
        EXPECT_EQ(answer.field("Content-Range"), c.content_range) << c.range;
        if (c.body != nullptr) {
            EXPECT_EQ(answer.body, c.body) << c.range;
            EXPECT_EQ(answer.length, answer.body.size()) << c.range;
            EXPECT_EQ(answer.field("Content-Type"), "text/plain; charset=utf-8") << c.range;
            EXPECT_NE(answer.field("ETag"), "") << c.range;
        }
        const Answer head = served.head("/a.txt", {std::string("Range: ") + c.range});
        EXPECT_EQ(head.status, 200) << c.range;
        EXPECT_EQ(head.length, 10U) << c.range;
    }
    EXPECT_EQ(served.get("/a.txt", {"Range: bytes=0-0", "Range: bytes=1-1"}).status, 200);
}

TEST_P(StaticRanges, Several) {
    Site site;
    site.file("a.txt", "0123456789");
    auto options = at(site);
    options.cached_file_bytes = GetParam();
    Served served(options);
    const Answer answer = served.get("/a.txt", {"Range: bytes=0-1, 4-5, -2"});
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.field("Content-Range"), "");
    const std::string type = answer.field("Content-Type");
    const std::string expected = "multipart/byteranges; boundary=";
    ASSERT_EQ(type.substr(0, expected.size()), expected);
    const std::string boundary = type.substr(expected.size());
    const auto part = [&](const char* range, const char* bytes) {
        return "--" + boundary +
               "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes " + range +
               "/10\r\n\r\n" + bytes + "\r\n";
    };
    EXPECT_EQ(answer.body, part("0-1", "01") + part("4-5", "45") + part("8-9", "89") + "--" +
                               boundary + "--\r\n");
    EXPECT_EQ(answer.length, answer.body.size());
    EXPECT_NE(answer.field("ETag"), "");
    EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
    const Answer again = served.get("/a.txt", {"Range: bytes=0-1, 4-5, -2"});
    EXPECT_NE(again.field("Content-Type"), type) << "the delimiter can be guessed";
}

TEST_P(StaticRanges, NeverMoreThanTheFile) {
    Site site;
    const std::string content(100'000, 'x');
    site.file("big.bin", content);
    auto options = at(site);
    options.cached_file_bytes = GetParam();
    Limits limits;
    Served served(options, limits);
    const std::size_t ranges_max = limits[Limit::ranges];

    std::string overlapping = "Range: bytes=0-";
    for (int i = 0; i < 1000; ++i) overlapping += "," + std::to_string(i) + "-";
    Answer answer = served.get("/big.bin", {overlapping});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.length, content.size());
    EXPECT_EQ(served.ranges_cut, 1001U);

    std::string apart = "Range: bytes=0-0";
    for (std::size_t i = 1; i < ranges_max; ++i)
        apart += "," + std::to_string(i * 10) + "-" + std::to_string(i * 10);
    answer = served.get("/big.bin", {apart});
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(served.ranges_cut, 0U);
    answer = served.get("/big.bin", {apart + ",95-95"});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.length, content.size());
    EXPECT_EQ(served.ranges_cut, ranges_max + 1);

    answer = served.get("/big.bin", {"Range: bytes=0-99999,0-99999,0-99999,5-,-50000"});
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.length, content.size());
}

INSTANTIATE_TEST_SUITE_P(MemoryAndDescriptor, StaticRanges,
                         ::testing::Values(std::size_t{64 * 1024}, std::size_t{0}));

TEST(StaticFiles, PrecompressedSiblings) {
    Site site;
    site.file("a.css", "plain");
    site.file("a.css.gz", "gzipped");
    site.file("a.css.br", "brotli");
    site.file("a.css.zst", "zstandard");
    site.file("lone.txt", "lone");
    site.file("old.js", "new content", long_ago + 10);
    site.file("old.js.gz", "old content", long_ago + 7);
    site.file("swap.js", "original", long_ago + 1);
    site.file("swap.js.gz", "sibling", long_ago);
    site.file("dir.js", "original");
    site.directory("dir.js.gz");
    Served served(at(site));
    struct Row {
        const char* path;
        const char* accept;
        const char* body;
        const char* coding;
    };
    const Row rows[] = {
        {"/a.css", nullptr, "plain", ""},
        {"/a.css", "gzip", "gzipped", "gzip"},
        {"/a.css", "x-gzip", "gzipped", "gzip"},
        {"/a.css", "br", "brotli", "br"},
        {"/a.css", "zstd", "zstandard", "zstd"},
        {"/a.css", "gzip, deflate, br, zstd", "brotli", "br"},
        {"/a.css", "gzip;q=1.0, br;q=0.5", "gzipped", "gzip"},
        {"/a.css", "gzip;q=0", "plain", ""},
        {"/a.css", "gzip;q=0, br;q=0, *;q=0.1", "zstandard", "zstd"},
        {"/a.css", "*", "brotli", "br"},
        {"/a.css", "deflate", "plain", ""},
        {"/a.css", "", "plain", ""},
        {"/a.css", "identity;q=0, compress", "plain", ""},
        {"/lone.txt", "gzip, br", "lone", ""},
        {"/old.js", "gzip", "new content", ""},
        {"/swap.js", "gzip", "sibling", "gzip"},
        {"/dir.js", "gzip", "original", ""},
    };
    for (const Row& row : rows) {
        std::vector<std::string> fields;
        if (row.accept != nullptr) fields.push_back(std::string("Accept-Encoding: ") + row.accept);
        const Answer answer = served.get(row.path, fields);
        const std::string what =
            std::string(row.path) + " " + (row.accept == nullptr ? "-" : row.accept);
        EXPECT_EQ(answer.status, 200) << what;
        EXPECT_EQ(answer.body, row.body) << what;
        EXPECT_EQ(answer.field("Content-Encoding"), row.coding) << what;
    }
    const Answer plain = served.get("/a.css");
    const Answer gzip = served.get("/a.css", {"Accept-Encoding: gzip"});
    EXPECT_EQ(plain.field("Vary"), "Accept-Encoding");
    EXPECT_EQ(gzip.field("Vary"), "Accept-Encoding");
    EXPECT_EQ(gzip.field("Content-Type"), "text/css; charset=utf-8");
    EXPECT_NE(gzip.field("ETag"), plain.field("ETag"));
    EXPECT_NE(gzip.field("ETag").find("-gz\""), std::string::npos);
    EXPECT_EQ(served.get("/lone.txt").field("Vary"), "");

    // Each form has its own validator, and ranges are of the form that is sent.
    EXPECT_EQ(served
                  .get("/a.css", {"Accept-Encoding: gzip", "If-None-Match: " + gzip.field("ETag")})
                  .status,
              304);
    EXPECT_EQ(served.get("/a.css", {"If-None-Match: " + gzip.field("ETag")}).status, 200);
    const Answer part = served.get("/a.css", {"Accept-Encoding: gzip", "Range: bytes=0-3"});
    EXPECT_EQ(part.body, "gzip");
    EXPECT_EQ(part.field("Content-Range"), "bytes 0-3/7");
    EXPECT_EQ(part.field("Content-Encoding"), "gzip");
    // A sibling asked for by its own name is a file like any other.
    EXPECT_EQ(served.get("/a.css.gz").field("Content-Encoding"), "");

    auto options = at(site);
    options.precompressed = false;
    Served without(options);
    EXPECT_EQ(without.get("/a.css", {"Accept-Encoding: gzip"}).body, "plain");
    EXPECT_EQ(without.get("/a.css").field("Vary"), "");
}

TEST(StaticFiles, IndexFilesAndRedirects) {
    Site site;
    site.directory("docs");
    site.file("docs/index.htm", "second");
    site.directory("empty");
    site.directory("strange name?");
    site.directory("evil.example");
    site.directory("odd/index.html");
    site.file("index.html", "home");
    auto options = at(site);
    options.index = {"index.html", "index.htm"};
    Served served(options);
    EXPECT_EQ(served.get("/").body, "home");
    EXPECT_EQ(served.get("/").field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(served.get("/docs/").body, "second");
    site.file("docs/index.html", "first");
    served.now_ms += 1000;
    EXPECT_EQ(served.get("/docs/").body, "first");

    const Answer redirect = served.get("/docs?a=1&b=%20");
    EXPECT_EQ(redirect.status, 301);
    EXPECT_EQ(redirect.field("Location"), "/docs/?a=1&b=%20");
    EXPECT_EQ(served.get("/docs").field("Location"), "/docs/");
    EXPECT_EQ(served.get("/strange%20name%3F").field("Location"), "/strange%20name%3F/");
    EXPECT_EQ(served.get("//evil.example").field("Location"), "/evil.example/");
    EXPECT_EQ(served.get("///evil.example").field("Location"), "/evil.example/");

    EXPECT_EQ(served.get("/empty/").status, 403);
    EXPECT_EQ(served.get("/odd/").status, 403);  // its index.html is a directory
    EXPECT_EQ(served.get("/none/").status, 404);
}

TEST(StaticFiles, SinglePage) {
    Site site;
    site.file("app.html", "app");
    site.file("a.js", "code");
    site.directory("images");
    auto options = at(site);
    options.single_page = "app.html";
    Served served(options);
    EXPECT_EQ(served.get("/users/17").body, "app");
    EXPECT_EQ(served.get("/users/17").status, 200);
    EXPECT_EQ(served.get("/").body, "app");
    EXPECT_EQ(served.get("/images/").body, "app");
    EXPECT_EQ(served.get("/a.js").body, "code");
    EXPECT_EQ(served.get("/.env").status, 404);
    const std::string tag = served.get("/x").field("ETag");
    EXPECT_EQ(served.get("/y", {"If-None-Match: " + tag}).status, 304);
}

TEST(StaticFiles, OptionsAreChecked) {
    Site site;
    site.file("f", "x");
    const auto message = [](StaticFilesOptions options) {
        const auto opened = StaticFiles::open(std::move(options), Limits(), 1U);
        return opened ? std::string() : opened.error().message;
    };
    auto options = at(site);
    EXPECT_EQ(message(options), "");
    options.root += "/none";
    EXPECT_NE(message(options).find("cannot serve " + options.root + ": No such file or directory"),
              std::string::npos);
    options.root = site.in_root("f");
    EXPECT_NE(message(options).find("Not a directory"), std::string::npos);
    for (const char* index : {"", "a/b", "/a", ".hidden", "..", "a\nb"}) {
        options = at(site);
        options.index = {index};
        EXPECT_NE(message(options).find("index file"), std::string::npos) << index;
    }
    options = at(site);
    options.single_page = "none.html";
    EXPECT_NE(message(options).find("none.html is not a file"), std::string::npos);
    options.single_page = "../secret";
    EXPECT_NE(message(options).find("single page"), std::string::npos);
    options = at(site);
    options.cache_control = "a\r\nSet-Cookie: b";
    EXPECT_NE(message(options).find("Cache-Control"), std::string::npos);
    options = at(site);
    options.stat_cache = std::chrono::milliseconds(-1);
    EXPECT_NE(message(options).find("stat_cache"), std::string::npos);
}

}  // namespace
}  // namespace corevent::http
