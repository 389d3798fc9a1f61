#include "base/slab.h"

#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace corevent {
namespace {

TEST(Slab, BlocksAreAlignedAndApart) {
    Slab slab(40);
    std::vector<char*> blocks;
    for (int i = 0; i < 5000; ++i) {
        char* block = static_cast<char*>(slab.allocate());
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0u);
        std::memset(block, i & 0x7f, 40);
        blocks.push_back(block);
    }
    EXPECT_EQ(slab.blocks_in_use(), 5000u);
    for (int i = 0; i < 5000; ++i) {
        for (int j = 0; j < 40; ++j) {
            ASSERT_EQ(blocks[static_cast<std::size_t>(i)][j], i & 0x7f);
        }
        slab.release(blocks[static_cast<std::size_t>(i)]);
    }
    EXPECT_EQ(slab.blocks_in_use(), 0u);
}

TEST(Slab, MemoryGoesBackToTheKernel) {
    Slab slab(300);
    std::vector<void*> blocks;
    for (int i = 0; i < 10'000; ++i) {
        blocks.push_back(slab.allocate());
    }
    EXPECT_GE(slab.slabs_mapped(), 10'000 * 304 / Slab::slab_bytes);
    for (void* block : blocks) {
        slab.release(block);
    }
    EXPECT_EQ(slab.slabs_mapped(), 1u);  // one is kept
    slab.release(slab.allocate());
    EXPECT_EQ(slab.slabs_mapped(), 1u);
}

TEST(Slab, ReusesTheBlockFreedLast) {
    Slab slab(64);
    void* keep = slab.allocate();
    void* first = slab.allocate();
    slab.release(first);
    EXPECT_EQ(slab.allocate(), first);
    slab.release(first);
    slab.release(keep);
}

TEST(Slab, SurvivesRandomUse) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    Slab slab(512);
    std::vector<unsigned char*> live;
    for (int step = 0; step < 30'000; ++step) {
        const bool grow = (step / 3000) % 2 == 0;
        if (live.empty() || random() % 8 < (grow ? 5u : 3u)) {
            auto* block = static_cast<unsigned char*>(slab.allocate());
            std::memset(block,
                        static_cast<int>(reinterpret_cast<std::uintptr_t>(block) >> 9 & 0xff), 512);
            live.push_back(block);
        } else {
            const std::size_t at = random() % live.size();
            const auto mark =
                static_cast<unsigned char>(reinterpret_cast<std::uintptr_t>(live[at]) >> 9 & 0xff);
            ASSERT_EQ(live[at][0], mark);
            ASSERT_EQ(live[at][511], mark);
            slab.release(live[at]);
            live[at] = live.back();
            live.pop_back();
        }
        ASSERT_EQ(slab.blocks_in_use(), live.size());
    }
    for (unsigned char* block : live) {
        slab.release(block);
    }
}

TEST(SlabPool, ConstructsAndDestroys) {
    SlabPool<std::string> pool;
    std::string* text = pool.create(100u, 'x');
    EXPECT_EQ(*text, std::string(100, 'x'));
    EXPECT_EQ(pool.slab().blocks_in_use(), 1u);
    pool.destroy(text);
    EXPECT_EQ(pool.slab().blocks_in_use(), 0u);
}

#ifdef __SANITIZE_ADDRESS__
TEST(SlabDeathTest, AFreeBlockIsPoisoned) {
    EXPECT_DEATH(
        {
            Slab slab(64);
            volatile char* keep = static_cast<char*>(slab.allocate());
            volatile char* block = static_cast<char*>(slab.allocate());
            slab.release(const_cast<char*>(block));
            *keep = block[32];
        },
        "use-after-poison");
}
#endif

TEST(SlabDeathTest, ABlockThatIsNeverReleasedIsAnError) {
    EXPECT_DEATH(
        {
            Slab slab(64);
            static_cast<void>(slab.allocate());
        },
        "assertion failed: in_use_ == 0");
}

}  // namespace
}  // namespace corevent
