#include "reactor/fd.h"

#include <fcntl.h>

#include <gtest/gtest.h>

namespace corevent {
namespace {

bool open_number(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

int some_number() {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

TEST(Fd, ClosesWhatItOwnsOnce) {
    int number = -1;
    {
        Fd fd(some_number());
        number = fd.get();
        ASSERT_TRUE(fd);
        EXPECT_TRUE(open_number(number));
        Fd moved(std::move(fd));
        EXPECT_FALSE(fd);
        EXPECT_EQ(moved.get(), number);
        fd = std::move(moved);
        EXPECT_EQ(fd.get(), number);
    }
    EXPECT_FALSE(open_number(number));
}

TEST(Fd, ReleaseAndReset) {
    Fd fd(some_number());
    const int released = fd.release();
    EXPECT_FALSE(fd);
    EXPECT_TRUE(open_number(released));
    fd.reset(released);
    Fd other(some_number());
    const int replaced = fd.get();
    fd = std::move(other);
    EXPECT_FALSE(open_number(replaced));
    EXPECT_TRUE(fd);
    fd.reset();
    EXPECT_FALSE(fd);
}

}  // namespace
}  // namespace corevent
