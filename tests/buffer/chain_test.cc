#include "buffer/chain.h"

#include "support/random_seed.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

namespace corevent {
namespace {

/// A "file" whose octet at N is 'a' + N % 26; counts its living instances.
class FakeFile final : public FileHolder {
public:
    static FileRef make(int fd, int& alive) { return FileRef::adopt(new FakeFile(fd, alive)); }

private:
    FakeFile(int fd, int& alive) : FileHolder(fd), alive_(alive) { ++alive_; }
    ~FakeFile() override { --alive_; }
    int& alive_;
};

std::string file_text(std::uint64_t offset, std::uint64_t length) {
    std::string text;
    for (std::uint64_t i = 0; i < length; ++i) {
        text.push_back(static_cast<char>('a' + (offset + i) % 26));
    }
    return text;
}

/// Reads the whole chain the way a stream sends it, at most `step` octets at a time.
std::string drain(Chain& chain, std::size_t step = SIZE_MAX) {
    std::string text;
    while (!chain.empty()) {
        const std::size_t before = chain.size();
        std::size_t taken = 0;
        if (chain.front_is_file()) {
            const Chain::FileRange range = chain.front_file();
            taken = std::min<std::size_t>(range.length, step);
            text += file_text(range.offset, taken);
        } else {
            std::array<iovec, Chain::slices_max> slices;
            const std::size_t count = chain.prefix(slices);
            EXPECT_GT(count, 0u);
            for (std::size_t i = 0; i < count && taken < step; ++i) {
                EXPECT_GT(slices[i].iov_len, 0u);
                const std::size_t part = std::min(slices[i].iov_len, step - taken);
                text.append(static_cast<const char*>(slices[i].iov_base), part);
                taken += part;
            }
        }
        chain.consume(taken);
        EXPECT_EQ(chain.size(), before - taken);
    }
    return text;
}

TEST(Chain, EmptyIsOnePointer) {
    Chain chain;
    EXPECT_TRUE(chain.empty());
    EXPECT_EQ(chain.size(), 0u);
    EXPECT_FALSE(chain.front_is_file());
    std::array<iovec, 2> slices;
    EXPECT_EQ(chain.prefix(slices), 0u);
    chain.append_copy("");
    chain.append(std::string());
    chain.append(Bytes());
    chain.append_static("");
    chain.append(SharedBytes::take(""));
    chain.append(Chain());
    int alive = 0;
    chain.append_file(FakeFile::make(3, alive), 10, 0);
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(chain.empty());
    chain.consume(0);
    chain.clear();
}

TEST(Chain, KeepsOrderOverAllKindsOfSegments) {
    int alive = 0;
    const SharedBytesRef shared = SharedBytes::take("<shared>");
    Bytes bytes;
    bytes.append(std::string(300, 'B'));
    Chain chain;
    chain.append_copy("copy ");
    chain.append(std::string(300, 'S'));
    chain.append(std::move(bytes));
    chain.append_static(" static ");
    chain.append(shared);
    chain.append(shared, 1, 6);
    chain.append_file(FakeFile::make(5, alive), 2, 3);
    chain.append_copy(" end");
    EXPECT_EQ(alive, 1);
    EXPECT_TRUE(shared->is_shared());
    const std::string expected = "copy " + std::string(300, 'S') + std::string(300, 'B') +
                                 " static <shared>shared" + "cde" + " end";
    EXPECT_EQ(chain.size(), expected.size());
    EXPECT_EQ(drain(chain), expected);
    EXPECT_EQ(alive, 0);
    EXPECT_FALSE(shared->is_shared());
}

TEST(Chain, SmallCopiesShareASegment) {
    Chain chain;
    for (int i = 0; i < 100; ++i) {
        chain.append_copy("12345\r\n");
    }
    std::array<iovec, Chain::slices_max> slices;
    EXPECT_EQ(chain.prefix(slices), 1u);
    chain.consume(3);
    chain.append_copy("!");
    EXPECT_EQ(chain.prefix(slices), 1u);
    EXPECT_EQ(drain(chain).substr(695), "\r\n!");
}

TEST(Chain, TakenStringsAreNotCopied) {
    std::string text(5000, 'x');
    const char* address = text.data();
    Chain chain;
    chain.append(std::move(text));
    std::array<iovec, 1> slices;
    ASSERT_EQ(chain.prefix(slices), 1u);
    EXPECT_EQ(slices[0].iov_base, address);
}

TEST(Chain, APrefixStopsAtAFileAndAtItsRoom) {
    int alive = 0;
    Chain chain;
    for (int i = 0; i < 20; ++i) {
        chain.append_static("s");
    }
    chain.append_file(FakeFile::make(7, alive), 100, 50);
    chain.append_static("t");
    std::array<iovec, Chain::slices_max> slices;
    EXPECT_EQ(chain.prefix(slices), 16u);
    chain.consume(16);
    EXPECT_EQ(chain.prefix(slices), 4u);
    chain.consume(4);
    ASSERT_TRUE(chain.front_is_file());
    EXPECT_EQ(chain.prefix(slices), 0u);
    chain.consume(20);
    EXPECT_EQ(chain.front_file().fd, 7);
    EXPECT_EQ(chain.front_file().offset, 120u);
    EXPECT_EQ(chain.front_file().length, 30u);
    chain.clear();
    EXPECT_EQ(alive, 0);
}

TEST(Chain, MovingAndAppendingChains) {
    Chain one;
    one.append_copy("one ");
    Chain two;
    two.append_copy("two ");
    two.append_static("three");
    one.append(std::move(two));
    EXPECT_TRUE(two.empty());
    Chain moved(std::move(one));
    EXPECT_TRUE(one.empty());
    Chain target;
    target.append_copy("dropped");
    target = std::move(moved);
    target.append_copy("!");  // behind a segment of another chain
    EXPECT_EQ(drain(target), "one two three!");
}

TEST(Chain, AgreesWithAStringUnderRandomUse) {
    const std::uint64_t seed = test::random_seed();
    SCOPED_TRACE(test::seed_text(seed));
    std::mt19937_64 random(seed);
    static const std::string constant = file_text(0, 4000);
    const SharedBytesRef shared = SharedBytes::take(file_text(7, 3000));
    int alive = 0;
    Chain chain;
    std::string model;
    std::uint64_t mark = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::size_t length = random() % (random() % 8 == 0 ? 3000 : 40);
        const std::size_t offset = random() % 1000;
        const std::string fresh = file_text(mark++, length);
        switch (random() % 8) {
            case 0:
                chain.append(std::string(fresh));
                model += fresh;
                break;
            case 1: {
                Bytes bytes;
                bytes.append(fresh);
                chain.append(std::move(bytes));
                model += fresh;
                break;
            }
            case 2:
                chain.append_static(std::string_view(constant).substr(offset, length));
                model += constant.substr(offset, length);
                break;
            case 3: {
                const std::size_t most = std::min<std::size_t>(length, 3000 - offset);
                chain.append(shared, offset, most);
                model += file_text(7 + offset, most);
                break;
            }
            case 4:
                chain.append_file(FakeFile::make(3, alive), offset, length);
                model += file_text(offset, length);
                break;
            case 5: {
                Chain other;
                other.append_copy(fresh);
                other.append_static("-");
                chain.append(std::move(other));
                model += fresh + "-";
                break;
            }
            default:
                chain.append_copy(fresh);
                model += fresh;
                break;
        }
        ASSERT_EQ(chain.size(), model.size());
        if (random() % 4 == 0) {
            const std::size_t gone = random() % (model.size() + 1);
            chain.consume(gone);
            model.erase(0, gone);
        }
        if (random() % 64 == 0) {
            ASSERT_EQ(drain(chain, 1 + random() % 500), model);
            model.clear();
            ASSERT_EQ(alive, 0);
        }
    }
}

TEST(ChainDeathTest, ConsumingMoreThanThereIsIsAnError) {
    Chain chain;
    chain.append_copy("abc");
    EXPECT_DEATH(chain.consume(4), "assertion failed");
}

}  // namespace
}  // namespace corevent
