// What the cache of a loop keeps and for how long: changed, replaced, truncated and deleted files, budgets.
#include "http/file_cache.h"
#include "http/static_site.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace corevent::http {
namespace {

using test::Answer;
using test::long_ago;
using test::Served;
using test::Site;

StaticFilesOptions at(const Site& site, std::size_t cached_file_bytes = 64 * 1024) {
    StaticFilesOptions options;
    options.root = site.root();
    options.cached_file_bytes = cached_file_bytes;
    return options;
}

/// From memory and from a descriptor.
class StaticCache : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StaticCache, AReplacedFileIsSeenAfterStatCache) {
    Site site;
    site.file("a.txt", "old");
    Served served(at(site, GetParam()));
    const Answer first = served.get("/a.txt");
    EXPECT_EQ(first.body, "old");
    site.file("b.txt", "newer", long_ago + 1);
    std::filesystem::rename(site.in_root("b.txt"), site.in_root("a.txt"));
    served.now_ms += 999;
    const Answer between = served.get("/a.txt");
    if (GetParam() != 0) {
        EXPECT_EQ(between.body, "old");
        EXPECT_EQ(between.field("ETag"), first.field("ETag"));
    }
    served.now_ms += 1;
    const Answer second = served.get("/a.txt");
    EXPECT_EQ(second.body, "newer");
    EXPECT_EQ(second.length, 5U);
    EXPECT_NE(second.field("ETag"), first.field("ETag"));
    EXPECT_EQ(second.field("Last-Modified"), "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST_P(StaticCache, ADeletedFileIsGoneAfterStatCache) {
    Site site;
    site.file("a.txt", "old");
    Served served(at(site, GetParam()));
    EXPECT_EQ(served.get("/a.txt").status, 200);
    site.remove("a.txt");
    served.now_ms += 1000;
    EXPECT_EQ(served.get("/a.txt").status, 404);
    site.file("a.txt", "again");
    EXPECT_EQ(served.get("/a.txt").body, "again");  // what is missing is not remembered
}

TEST_P(StaticCache, AWriteThatTheClockOfTheFileSystemDoesNotShow) {
    // The same size, the same time: only a look into the file tells. Written within the time in which that can happen.
    Site site;
    site.file("a.txt", "one", std::time(nullptr));
    Served served(at(site, GetParam()));
    EXPECT_EQ(served.get("/a.txt").body, "one");
    site.file("a.txt", "two", std::time(nullptr));
    served.now_ms += 1000;
    EXPECT_EQ(served.get("/a.txt").body, "two");
}

TEST_P(StaticCache, SiblingsThatComeAndGo) {
    Site site;
    site.file("a.txt", "plain");
    Served served(at(site, GetParam()));
    const std::vector<std::string> gzip{"Accept-Encoding: gzip"};
    EXPECT_EQ(served.get("/a.txt", gzip).body, "plain");
    site.file("a.txt.gz", "packed");
    served.now_ms += 1000;
    EXPECT_EQ(served.get("/a.txt", gzip).body, "packed");
    site.remove("a.txt.gz");
    served.now_ms += 1000;
    const Answer answer = served.get("/a.txt", gzip);
    EXPECT_EQ(answer.body, "plain");
    EXPECT_EQ(answer.field("Vary"), "");
}

TEST_P(StaticCache, WithoutACacheEachAnswerIsFresh) {
    Site site;
    auto options = at(site, GetParam());
    options.stat_cache = std::chrono::milliseconds(0);
    Served served(options);
    site.file("a.txt", "one");
    EXPECT_EQ(served.get("/a.txt").body, "one");
    site.file("a.txt", "two!");
    EXPECT_EQ(served.get("/a.txt").body, "two!");
    site.remove("a.txt");
    EXPECT_EQ(served.get("/a.txt").status, 404);
}

INSTANTIATE_TEST_SUITE_P(MemoryAndDescriptor, StaticCache,
                         ::testing::Values(std::size_t{64 * 1024}, std::size_t{0}));

TEST(StaticCache, AFileRewrittenInPlaceNeverHasTheOldTag) {
    Site site;
    site.file("big.bin", "0123456789");
    Served served(at(site, 0));
    const Answer first = served.get("/big.bin");
    site.file("big.bin", "abc", long_ago + 5);
    const Answer second =
        served.get("/big.bin");  // within stat_cache: the descriptor itself is asked
    EXPECT_EQ(second.body, "abc");
    EXPECT_EQ(second.length, 3U);
    EXPECT_NE(second.field("ETag"), first.field("ETag"));
}

TEST(StaticCache, LargeFilesKeepADescriptorSmallOnesDoNot) {
    Site site;
    site.file("small.txt", std::string(1000, 's'));
    site.file("large.txt", std::string(1001, 'l'));
    Served served(at(site, 1000));
    const auto descriptors = [] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            count += entry.exists() || true;
        return count;
    };
    const std::size_t before = descriptors();
    EXPECT_FALSE(served.get("/small.txt").from_file);
    EXPECT_EQ(descriptors(), before);
    EXPECT_TRUE(served.get("/large.txt").from_file);
    EXPECT_EQ(descriptors(), before + 1);
    EXPECT_TRUE(served.get("/large.txt").from_file);
    EXPECT_EQ(descriptors(), before + 1);
    // Nobody asked for a minute: closed with the next request, whatever it is for.
    served.now_ms += FileCache::descriptor_idle_ms + 1;
    EXPECT_EQ(served.get("/small.txt").status, 200);
    EXPECT_EQ(descriptors(), before);
}

std::unique_ptr<FileEntry> entry(const std::string& key, std::size_t bytes, int descriptor = -1) {
    auto made = std::make_unique<FileEntry>();
    made->key = key;
    FileVariant& variant = made->variants.emplace_back();
    auto body = std::make_shared<SharedBody>();
    body->bytes.assign(bytes, 'x');
    variant.body = std::move(body);
    if (descriptor >= 0) variant.file = SharedFile::adopt(descriptor);
    return made;
}

void add(FileCache& cache, std::unique_ptr<FileEntry> made, std::uint64_t now_ms) {
    cache.insert(made, now_ms);
    ASSERT_EQ(made, nullptr);
}

TEST(FileCache, TheLeastRecentlyUsedGoesFirst) {
    FileCache cache(20'000, 4);
    add(cache, entry("a", 5000), 1);
    add(cache, entry("b", 5000), 2);
    EXPECT_NE(cache.find("a", 3), nullptr);
    add(cache, entry("c", 5000), 4);
    add(cache, entry("d", 5000), 5);  // no room for four with what an entry costs
    EXPECT_EQ(cache.find("b", 6), nullptr);
    for (const char* key : {"a", "c", "d"}) EXPECT_NE(cache.find(key, 6), nullptr) << key;
    EXPECT_LE(cache.bytes(), 20'000U);

    auto huge = entry("huge", 30'000);
    cache.insert(huge, 7);
    EXPECT_NE(huge, nullptr) << "what can never fit stays with the caller";
    EXPECT_EQ(cache.size(), 3U);
}

TEST(FileCache, ReplacingAnEntryCountsOnce) {
    FileCache cache(20'000, 4);
    add(cache, entry("a", 5000), 1);
    const std::size_t once = cache.bytes();
    add(cache, entry("a", 5000), 1);
    EXPECT_EQ(cache.bytes(), once);
    EXPECT_EQ(cache.size(), 1U);
    cache.erase(*cache.find("a", 2));
    EXPECT_EQ(cache.bytes(), 0U);
}

TEST(FileCache, DescriptorsAreBoundedToo) {
    FileCache cache(1'000'000, 2);
    const auto open_null = [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); };
    add(cache, entry("small", 10), 1);
    add(cache, entry("a", 0, open_null()), 1);
    add(cache, entry("b", 0, open_null()), 1);
    add(cache, entry("c", 0, open_null()), 1);
    EXPECT_EQ(cache.descriptors(), 2U);
    EXPECT_EQ(cache.find("a", 2), nullptr);
    EXPECT_NE(cache.find("b", 2), nullptr);
    EXPECT_NE(cache.find("c", 2), nullptr);
    EXPECT_NE(cache.find("small", 2), nullptr);
    EXPECT_TRUE(cache.drop_descriptors());
    EXPECT_FALSE(cache.drop_descriptors());
    EXPECT_EQ(cache.descriptors(), 0U);
    EXPECT_EQ(cache.size(), 1U);
}

TEST(FileCache, TheNewestSurvivesWhateverElseGoes) {
    FileCache cache(20'000, 4);
    add(cache, entry("file", 5000, ::open("/dev/null", O_RDONLY | O_CLOEXEC)), 1);
    add(cache, entry("new", 18'000), 1);  // the same millisecond
    EXPECT_NE(cache.find("new", 1), nullptr);
    EXPECT_EQ(cache.find("file", 1), nullptr);
    add(cache, entry("file", 18'000, ::open("/dev/null", O_RDONLY | O_CLOEXEC)), 1);
    EXPECT_NE(cache.find("file", 1), nullptr);
    EXPECT_EQ(cache.find("new", 1), nullptr);
}

}  // namespace
}  // namespace corevent::http
