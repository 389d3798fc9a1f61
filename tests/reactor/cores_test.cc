#include "reactor/cores.h"

#include <sched.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace corevent {
namespace {

namespace fs = std::filesystem;

/// A tree of control files below a temporary folder.
class Cgroup : public testing::Test {
protected:
    Cgroup() {
        std::string name = (fs::temp_directory_path() / "corevent-cgroup-XXXXXX").string();
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        root_ = name;
    }
    ~Cgroup() override { fs::remove_all(root_); }

    void file(const std::string& path, const std::string& text) {
        const fs::path full = root_ + "/" + path;
        fs::create_directories(full.parent_path());
        std::ofstream(full) << text;
    }
    unsigned cores(const std::string& membership) { return cgroup_cores(membership, root_); }

    std::string root_;
};

TEST_F(Cgroup, NoFilesNoQuota) {
    EXPECT_EQ(cores(""), 0u);
    EXPECT_EQ(cores("0::/\n"), 0u);
    EXPECT_EQ(cores("0::/somewhere/deep\n"), 0u);
    EXPECT_EQ(cores("nonsense"), 0u);
    EXPECT_EQ(cores("1:cpu"), 0u);
    EXPECT_EQ(cores("\n\n::\n"), 0u);
}

TEST_F(Cgroup, Version2RoundsUpAndTakesTheSmallestOfTheAncestors) {
    file("cpu.max", "max 100000\n");
    file("a/cpu.max", "250000 100000\n");
    file("a/b/cpu.max", "800000 100000\n");
    file("a/b/half/cpu.max", "50000 100000\n");
    EXPECT_EQ(cores("0::/\n"), 0u);
    EXPECT_EQ(cores("0::/a\n"), 3u);
    EXPECT_EQ(cores("0::/a/b\n"), 3u);
    EXPECT_EQ(cores("0::/a/b/half\n"), 1u);
    EXPECT_EQ(cores("0::/a/b/missing/deeper\n"), 3u);
    file("cpu.max", "200000 100000\n");  // a container sees its own group as the root
    EXPECT_EQ(cores("0::/\n"), 2u);
    EXPECT_EQ(cores("0::/path/of/the/host\n"), 2u);
}

TEST_F(Cgroup, Version1) {
    file("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "150000\n");
    file("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
    file("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    file("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(cores("11:memory:/m\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/s\n"), 2u);
    EXPECT_EQ(cores("4:cpu,cpuacct:/\n"), 0u);
    EXPECT_EQ(cores("4:cpuset:/docker/x\n"), 0u);
    file("cpu/q/cpu.cfs_quota_us", "400000");
    file("cpu/q/cpu.cfs_period_us", "100000");
    EXPECT_EQ(cores("4:cpuacct,cpu:/q\n"), 4u);
}

TEST_F(Cgroup, OddFilesAreNoQuota) {
    for (const char* text :
         {"", "max", "100000", "0 100000", "100000 0", "-5 100000", "1e5 100000", "x y"}) {
        file("cpu.max", text);
        EXPECT_EQ(cores("0::/\n"), 0u) << text;
    }
}

TEST(Cores, AffinityCounts) {
    EXPECT_GE(affinity_cores(), 1u);
    EXPECT_GE(process_cores(), 1u);
    EXPECT_LE(process_cores(), affinity_cores());
    std::thread([] {  // the mask of one thread: that of the others stays
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
        ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
        EXPECT_EQ(affinity_cores(), 1u);
        EXPECT_EQ(process_cores(), 1u);
    })
        .join();
}

}  // namespace
}  // namespace corevent
