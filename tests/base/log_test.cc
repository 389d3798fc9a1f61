#include <corevent/log.h>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace corevent {
namespace {

std::vector<std::pair<LogLevel, std::string>>& lines() {
    static std::vector<std::pair<LogLevel, std::string>> all;
    return all;
}

class Log : public testing::Test {
protected:
    void TearDown() override {
        set_log_sink(nullptr);
        set_log_level(LogLevel::info);
        lines().clear();
    }
};

TEST_F(Log, TheSinkGetsLinesFromTheLevelOn) {
    set_log_sink([](LogLevel level, std::string_view line) { lines().emplace_back(level, line); });
    log_line(LogLevel::debug, "hidden");
    log_line(LogLevel::info, "shown");
    set_log_level(LogLevel::error);
    log_line(LogLevel::warning, "hidden too");
    log_line(LogLevel::error, "shown too");
    const std::vector<std::pair<LogLevel, std::string>> expected{{LogLevel::info, "shown"},
                                                                 {LogLevel::error, "shown too"}};
    EXPECT_EQ(lines(), expected);
}

TEST_F(Log, WithoutASinkALineGoesToStderr) {
    testing::internal::CaptureStderr();
    log_line(LogLevel::warning, "a line");
    log_line(LogLevel::debug, "hidden");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "a line\n");
}

}  // namespace
}  // namespace corevent
