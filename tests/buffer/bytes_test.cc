#include "buffer/bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace corevent {
namespace {

TEST(Bytes, AppendsAndGrows) {
    Bytes bytes;
    std::string expected;
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(bytes.view(), "");
    bytes.append("");
    EXPECT_EQ(bytes.capacity(), 0);
    for (int i = 0; i < 2000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
        bytes.append(piece);
        bytes.push_back('|');
        expected += piece + "|";
    }
    EXPECT_EQ(bytes.view(), expected);
    EXPECT_EQ(bytes.size(), expected.size());
}

TEST(Bytes, ReserveAndCommit) {
    Bytes bytes;
    char* at = bytes.reserve(10);
    std::memcpy(at, "0123456789", 10);
    EXPECT_TRUE(bytes.empty());
    bytes.commit(4);
    EXPECT_EQ(bytes.view(), "0123");
    EXPECT_EQ(bytes.reserve(6), bytes.data() + 4);
    EXPECT_GE(bytes.capacity(), 10);
    std::memset(bytes.reserve(100000), 'x', 100000);
    bytes.commit(100000);
    EXPECT_EQ(bytes.size(), 100004);
    EXPECT_EQ(bytes.view().substr(0, 6), "0123xx");
}

TEST(Bytes, ClearKeepsMemoryReleaseGivesItBack) {
    Bytes bytes;
    bytes.append(std::string(1000, 'x'));
    const std::size_t capacity = bytes.capacity();
    const char* const data = bytes.data();
    bytes.clear();
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(bytes.capacity(), capacity);
    EXPECT_EQ(bytes.data(), data);
    bytes.append("abcdef");
    bytes.truncate(3);
    EXPECT_EQ(bytes.view(), "abc");
    bytes.release();
    EXPECT_EQ(bytes.capacity(), 0);
    bytes.append("again");
    EXPECT_EQ(bytes.view(), "again");
}

TEST(Bytes, AppendsAPartOfItself) {
    Bytes bytes;
    bytes.append("0123456789");
    while (bytes.size() + 5 <= bytes.capacity()) {
        bytes.append(bytes.view().substr(2, 5));  // fits
    }
    bytes.append(bytes.view());  // has to move
    const std::string half(bytes.view().substr(0, bytes.size() / 2));
    EXPECT_EQ(bytes.view(), half + half);
    EXPECT_EQ(half.substr(0, 15), "012345678923456");
}

TEST(Bytes, Moves) {
    Bytes a;
    a.append("text");
    const char* const data = a.data();
    Bytes b(std::move(a));
    EXPECT_EQ(b.data(), data);
    Bytes c;
    c.append("other");
    c = std::move(b);
    EXPECT_EQ(c.view(), "text");
    EXPECT_EQ(c.data(), data);
    c.swap(a);
    EXPECT_EQ(a.view(), "text");
    EXPECT_TRUE(c.empty());
}

TEST(BytesDeathTest, MoreThanMemoryHolds) {
    Bytes bytes;
    bytes.append("x");
    EXPECT_DEATH(bytes.reserve(SIZE_MAX / 2), "assertion failed");
}

}  // namespace
}  // namespace corevent
