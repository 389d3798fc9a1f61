#include "reactor/token.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace corevent {
namespace {

TEST(TokenTable, OldTokensFindNothing) {
    int a = 0, b = 0;
    TokenTable<int> table;
    const PollToken first = table.add(a);
    EXPECT_NE(first, 0u);
    EXPECT_EQ(table.find(first), &a);
    EXPECT_EQ(table.find(0), nullptr);
    table.remove(first);
    EXPECT_EQ(table.find(first), nullptr);
    const PollToken second = table.add(b);
    EXPECT_NE(first, second);
    EXPECT_EQ(table.find(first), nullptr);
    EXPECT_EQ(table.find(second), &b);
}

TEST(TokenTable, SlotsAreReused) {
    std::vector<int> things(100);
    TokenTable<int> table;
    std::set<PollToken> all;
    std::uint32_t highest = 0;
    for (int round = 0; round < 50; ++round) {
        std::vector<PollToken> live;
        for (int& thing : things) {
            live.push_back(table.add(thing));
            EXPECT_TRUE(all.insert(live.back()).second) << "given twice";
            highest = std::max(highest, static_cast<std::uint32_t>(live.back()));
        }
        for (std::size_t i = 0; i < live.size(); ++i) {
            EXPECT_EQ(table.find(live[i]), &things[i]);
            table.remove(live[i]);
        }
    }
    EXPECT_LT(highest, 100u);
}

TEST(TokenTable, ACrowdThatHasGoneLeavesNoMemoryAndNoTokens) {
    std::vector<int> things(10'000);
    int first = 0;
    TokenTable<int> table;
    const PollToken stays = table.add(first);
    std::set<PollToken> all;
    for (int round = 0; round < 3; ++round) {
        std::vector<PollToken> live;
        for (int& thing : things) {
            live.push_back(table.add(thing));
            EXPECT_TRUE(all.insert(live.back()).second) << "given twice";
        }
        EXPECT_GE(table.capacity(), things.size());
        for (std::size_t i = 0; i < live.size();
             ++i) {  // front to back: the last one holds the end
            EXPECT_EQ(table.find(live[i]), &things[i]);
            table.remove(live[i]);
        }
        EXPECT_LE(table.capacity(), 1024U);
        for (const PollToken token : live) EXPECT_EQ(table.find(token), nullptr);
        EXPECT_EQ(table.find(stays), &first);
    }
}

TEST(TokenTable, OneThatStaysAtTheEndKeepsItsToken) {
    std::vector<int> things(5000);
    TokenTable<int> table;
    std::vector<PollToken> live;
    for (int& thing : things) live.push_back(table.add(thing));
    for (std::size_t i = 0; i + 1 < live.size(); ++i) table.remove(live[i]);
    EXPECT_EQ(table.find(live.back()), &things.back());
    EXPECT_EQ(table.add(things[0]) & UINT32_MAX, 0U) << "free slots are used from the front";
    table.remove(live.back());
    EXPECT_EQ(table.find(live.back()), nullptr);
}

}  // namespace
}  // namespace corevent
