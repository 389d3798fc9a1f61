#include "http/listing.h"

#include "http/size_text.h"
#include "http/static_site.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace corevent::http {
namespace {

using test::Answer;
using test::Served;
using test::Site;

StaticFilesOptions listed(const Site& site) {
    StaticFilesOptions options;
    options.root = site.root();
    options.listing = true;
    return options;
}

TEST(Listing, NamesAreEscapedSortedAndReachable) {
    Site site;
    const std::vector<std::string> names = {
        "<script>alert(1)<", "a&b.txt", "it's \"quoted\".txt", "100%.txt", "a b.txt",
        "what?.txt",         "#1.txt",  "javascript:x",        "ü.txt",    "plain.txt"};
    for (const std::string& name : names) site.file(name, "12345");
    site.directory("zeta");
    site.directory("<b>");
    Served served(listed(site));
    const Answer page = served.get("/");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_NE(page.field("Content-Security-Policy"), "");
    EXPECT_EQ(page.body.find("<script"), std::string::npos);
    EXPECT_EQ(page.body.find("<b>"), std::string::npos);
    EXPECT_NE(page.body.find("&lt;script&gt;alert(1)&lt;</a>"), std::string::npos);
    EXPECT_NE(page.body.find(">a&amp;b.txt</a>"), std::string::npos);
    EXPECT_NE(page.body.find(">it&#39;s &quot;quoted&quot;.txt</a>"), std::string::npos);
    EXPECT_EQ(page.body.find("href=\"javascript:"), std::string::npos);
    EXPECT_NE(page.body.find("<td>5 B<td>1994-11-06 08:49"), std::string::npos);
    EXPECT_EQ(page.body.find("../"), std::string::npos) << "the root has no parent";

    // Every link leads where it says: what stands in href is followed as a browser does.
    std::vector<std::string> links;
    for (std::size_t at = page.body.find("href=\"./"); at != std::string::npos;
         at = page.body.find("href=\"./", at + 1)) {
        const std::size_t begin = at + 8;
        std::string link = page.body.substr(begin, page.body.find('"', begin) - begin);
        for (const auto& [escaped, plain] : {std::pair("&#39;", "'"), std::pair("&amp;", "&")}) {
            for (std::size_t hit; (hit = link.find(escaped)) != std::string::npos;) {
                link.replace(hit, std::strlen(escaped), plain);
            }
        }
        links.push_back(link);
        EXPECT_EQ(served.get("/" + link).status, 200) << link;
    }
    ASSERT_EQ(links.size(), names.size() + 2);
    EXPECT_EQ(links[0], "%3Cb%3E/");  // directories first
    EXPECT_EQ(links[1], "zeta/");
    const auto plain = [](std::string_view link) {
        Bytes out;
        return std::string(url::decode(link, out).value());
    };
    EXPECT_TRUE(std::is_sorted(links.begin() + 2, links.end(),
                               [&](const std::string& a, const std::string& b) {
                                   return plain(a) < plain(b);
                               }));
}

TEST(Listing, ShowsOnlyWhatCanBeAskedFor) {
    Site site;
    site.outside().file("secret.txt", "secret content");
    site.directory("sub");
    site.file("sub/seen.txt", std::string(1234, 'x'));
    site.file("sub/.hidden", "x");
    site.file("sub/back\\slash", "x");
    site.file("sub/line\nbreak", "x");
    site.file("sub/latin\xfc", "x");
    site.link("seen.txt", "sub/inside");
    site.link("../../secret.txt", "sub/outside");
    site.link("/etc", "sub/absolute");
    site.link("nowhere", "sub/broken");
    ASSERT_EQ(::mkfifo(site.in_root("sub/fifo").c_str(), 0644), 0);
    Served served(listed(site));
    const Answer page = served.get("/sub/");
    EXPECT_NE(page.body.find("<title>/sub/</title>"), std::string::npos);
    EXPECT_NE(page.body.find("href=\"../\""), std::string::npos);
    EXPECT_NE(page.body.find(">seen.txt</a><td>1.2 kB<td>"), std::string::npos);
    EXPECT_NE(page.body.find(">inside</a><td>1.2 kB<td>"), std::string::npos)
        << "a link shows what it leads to";
    for (const char* name :
         {"hidden", "slash", "break", "latin", "outside", "absolute", "broken", "fifo", "secret"}) {
        EXPECT_EQ(page.body.find(name), std::string::npos) << name;
    }
}

TEST(Listing, OnlyWhereItIsOn) {
    Site site;
    site.directory("sub");
    site.file("sub/a.txt", "a");
    StaticFilesOptions options;
    options.root = site.root();
    Served off(options);
    EXPECT_EQ(off.get("/sub/").status, 403);
    options.listing = true;
    options.listing_loopback_only = true;
    Served local(options);
    EXPECT_EQ(local.get("/sub/").status, 200);
    local.loopback = false;  // the page is in the cache now
    EXPECT_EQ(local.get("/sub/").status, 403);
    local.loopback = true;
    EXPECT_EQ(local.get("/sub/").status, 200);
}

TEST(Listing, ChangesAreSeenAfterStatCacheAndConditionsDoNotApply) {
    Site site;
    site.file("a.txt", "a");
    Served served(listed(site));
    EXPECT_NE(served.get("/").body.find("a.txt"), std::string::npos);
    EXPECT_EQ(served.get("/", {"If-None-Match: *"}).status, 200);
    EXPECT_EQ(served.get("/", {"Range: bytes=0-3"}).status, 200);
    site.file("b.txt", "b");
    served.now_ms += 1000;
    EXPECT_NE(served.get("/").body.find("b.txt"), std::string::npos);
    site.file("index.html", "index");
    served.now_ms += 1000;
    EXPECT_EQ(served.get("/").body, "index");
}

TEST(Listing, IsBounded) {
    Site site;
    site.directory("many");
    for (std::size_t i = 0; i < listing_entries_max + 10; ++i) {
        const int made = ::open(site.in_root("many/f" + std::to_string(i)).c_str(),
                                O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        ASSERT_GE(made, 0);
        ::close(made);
    }
    Served served(listed(site));
    const Answer page = served.get("/many/");
    std::size_t rows = 0;
    for (std::size_t at = 0; (at = page.body.find("<a href=\"./", at)) != std::string::npos; ++at)
        ++rows;
    EXPECT_EQ(rows, listing_entries_max);
    EXPECT_NE(page.body.find("Only the first 4096 names are shown"), std::string::npos);
}

TEST(Listing, Sizes) {
    struct Row {
        std::uint64_t octets;
        const char* text;
    };
    const Row rows[] = {{0, "0 B"},           {999, "999 B"},        {1000, "1.0 kB"},
                        {1234, "1.2 kB"},     {1250, "1.3 kB"},      {9949, "9.9 kB"},
                        {9950, "10 kB"},      {10'499, "10 kB"},     {999'499, "999 kB"},
                        {999'500, "1.0 MB"},  {10'485'760, "10 MB"}, {1'500'000'000, "1.5 GB"},
                        {UINT64_MAX, "18 EB"}};
    for (const Row& row : rows) {
        std::string text;
        append_size(text, row.octets);
        EXPECT_EQ(text, row.text) << row.octets;
    }
}

}  // namespace
}  // namespace corevent::http
