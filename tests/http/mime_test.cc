#include "http/mime.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>

namespace corevent::http {
namespace {

std::span<const MimeEntry> table() {
    return {mime_table, mime_table_size};
}

TEST(Mime, KnowsWhatTheWebIsMadeOf) {
    EXPECT_EQ(mime_type("index.html"), "text/html; charset=utf-8");
    EXPECT_EQ(mime_type("site.css"), "text/css; charset=utf-8");
    EXPECT_EQ(mime_type("app.js"), "text/javascript; charset=utf-8");
    EXPECT_EQ(mime_type("module.mjs"), "text/javascript; charset=utf-8");
    EXPECT_EQ(mime_type("notes.txt"), "text/plain; charset=utf-8");
    EXPECT_EQ(mime_type("data.json"), "application/json");
    EXPECT_EQ(mime_type("code.wasm"), "application/wasm");
    EXPECT_EQ(mime_type("logo.svg"), "image/svg+xml");
    EXPECT_EQ(mime_type("photo.jpg"), "image/jpeg");
    EXPECT_EQ(mime_type("photo.webp"), "image/webp");
    EXPECT_EQ(mime_type("font.woff2"), "font/woff2");
    EXPECT_EQ(mime_type("film.mp4"), "video/mp4");
}

TEST(Mime, DisregardsCase) {
    EXPECT_EQ(mime_type("INDEX.HTML"), "text/html; charset=utf-8");
    EXPECT_EQ(mime_type("Photo.JpG"), "image/jpeg");
}

TEST(Mime, LooksAtTheLastExtensionOfTheLastSegment) {
    EXPECT_EQ(mime_type("/a.html/b.css"), "text/css; charset=utf-8");
    EXPECT_EQ(mime_type("jquery.min.js"), "text/javascript; charset=utf-8");
    EXPECT_EQ(mime_type("a.html/b"), mime_default);
    EXPECT_EQ(mime_type("a.html/"), mime_default);
}

TEST(Mime, DefaultsForWhatNamesNoType) {
    for (const char* path : {"", "/", "README", "a.", ".html", "dir/.html", "x.no-such-type", "..",
                             "a.html ", "a.ht\xc3\x9fml"}) {
        EXPECT_EQ(mime_type(path), "application/octet-stream") << path;
    }
    EXPECT_EQ(mime_type("a." + std::string(32, 'x')), mime_default);
    EXPECT_EQ(mime_type("a." + std::string(4096, 'x')), mime_default);
    EXPECT_EQ(mime_type(std::string("a.html\0", 7)), mime_default);
}

TEST(Mime, EveryEntryOfTheTableIsFound) {
    ASSERT_GT(mime_table_size, 500U);
    for (const MimeEntry& entry : table()) {
        EXPECT_EQ(mime_type("file." + std::string(entry.extension)), entry.type) << entry.extension;
    }
}

TEST(Mime, TableIsSortedUniqueAndLowerCase) {
    EXPECT_EQ(std::ranges::adjacent_find(table(), std::ranges::greater_equal{},
                                         &MimeEntry::extension),
              table().end());
    for (const MimeEntry& entry : table()) {
        EXPECT_TRUE(std::ranges::none_of(entry.extension, [](char c) {
            return c >= 'A' && c <= 'Z';
        })) << entry.extension;
        EXPECT_EQ(std::ranges::count(entry.type, '/'), 1) << entry.extension;
    }
}

TEST(Mime, TextAndOnlyTextNamesItsCharset) {
    for (const MimeEntry& entry : table()) {
        EXPECT_EQ(entry.type.ends_with("; charset=utf-8"), entry.type.starts_with("text/"))
            << entry.extension;
    }
}

}  // namespace
}  // namespace corevent::http
