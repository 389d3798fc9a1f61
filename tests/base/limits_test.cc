#include <corevent/error.h>
#include <corevent/limits.h>

#include "base/nearest.h"

#include <gtest/gtest.h>

#include <set>

namespace corevent {
namespace {

TEST(Limits, TableNamesEveryLimitOnceInOrder) {
    std::set<std::string_view> names;
    std::size_t index = 0;
    for (const LimitInfo& info : limit_table()) {
        EXPECT_EQ(static_cast<std::size_t>(info.limit), index++);
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        EXPECT_FALSE(info.answer.empty()) << info.name;
        EXPECT_FALSE(info.reason.empty()) << info.name;
        EXPECT_TRUE(info.zero_is_none || info.default_value > 0) << info.name;
        EXPECT_EQ(&limit_info(info.limit), &info);
    }
    EXPECT_EQ(index, limit_count);
}

TEST(Limits, DefaultsAreTheDocumentedOnes) {
    const Limits limits;
    const std::pair<Limit, std::string_view> expected[] = {{Limit::head_bytes, "16 KiB"},
                                                           {Limit::line_bytes, "8 KiB"},
                                                           {Limit::fields, "100"},
                                                           {Limit::body_bytes, "1 MiB"},
                                                           {Limit::head_deadline, "10 s"},
                                                           {Limit::body_idle, "30 s"},
                                                           {Limit::body_rate, "1000 B/s"},
                                                           {Limit::write_stall, "30 s"},
                                                           {Limit::handler_time, "none"},
                                                           {Limit::keep_alive_idle, "60 s"},
                                                           {Limit::connection_requests, "none"},
                                                           {Limit::connection_age, "1 h"},
                                                           {Limit::connections, "none"},
                                                           {Limit::output_bytes, "1 MiB"},
                                                           {Limit::output_total, "256 MiB"},
                                                           {Limit::ranges, "16"},
                                                           {Limit::chunk_extension_bytes, "16 KiB"},
                                                           {Limit::pipeline_bytes, "64 KiB"},
                                                           {Limit::posted_work, "65536"},
                                                           {Limit::offload_queue, "1024"},
                                                           {Limit::access_log_ring, "4096"},
                                                           {Limit::drain, "30 s"}};
    ASSERT_EQ(std::size(expected), limit_count);
    for (const auto& [limit, text] : expected) {
        EXPECT_EQ(limit_text(limit_info(limit).unit, limits[limit]), text)
            << limit_info(limit).name;
    }
}

TEST(Limits, SetReadsEveryUnit) {
    const std::tuple<std::string_view, Limit, std::uint64_t> cases[] = {
        {"head_bytes=32KiB", Limit::head_bytes, 32 * 1024},
        {"head_bytes=32K", Limit::head_bytes, 32 * 1024},
        {"head_bytes=4096", Limit::head_bytes, 4096},
        {"body_bytes=2MB", Limit::body_bytes, 2'000'000},
        {"body_bytes=8 MiB", Limit::body_bytes, 8 * 1024 * 1024},
        {"output_total=1G", Limit::output_total, 1ULL << 30},
        {"drain=5s", Limit::drain, 5000},
        {"drain=5", Limit::drain, 5000},
        {"drain=250ms", Limit::drain, 250},
        {"connection_age=2h", Limit::connection_age, 7'200'000},
        {"connection_age=3m", Limit::connection_age, 180'000},
        {"connection_requests=none", Limit::connection_requests, 0},
        {"connection_requests=1000", Limit::connection_requests, 1000},
        {"body_rate=4KiB/s", Limit::body_rate, 4096},
        {"body_rate=0", Limit::body_rate, 0},
        {"fields=65535", Limit::fields, 65535},
    };
    for (const auto& [text, limit, value] : cases) {
        Limits limits;
        const auto outcome = limits.set(text);
        EXPECT_TRUE(outcome.has_value())
            << text << ": " << (outcome ? "" : outcome.error().message);
        EXPECT_EQ(limits[limit], value) << text;
    }
}

TEST(Limits, SetRefusesWithTheGrammar) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"head_bytes", "limit \"head_bytes\" has no value: write NAME=VALUE"},
        {"head_bytes=", "limit head_bytes: \"\" is not a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=-1", "limit head_bytes: \"-1\" is not a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=+1", "limit head_bytes: \"+1\" is not a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=16kb", "limit head_bytes: \"16kb\" is not a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=1 KiB x",
         "limit head_bytes: \"1 KiB x\" is not a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=0",
         "limit head_bytes: cannot be switched off; give a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=none",
         "limit head_bytes: cannot be switched off; give a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=65MiB", "limit head_bytes: \"65MiB\" is above 64 MiB"},
        {"head_bytes=99999999999999999999",
         "limit head_bytes: \"99999999999999999999\" is not a size such as 512, 16KiB or 1MiB"},
        {"head_bytes=18446744073709551615G",
         "limit head_bytes: \"18446744073709551615G\" is not a size such as 512, 16KiB or 1MiB"},
        {"drain=1y", "limit drain: \"1y\" is not a time such as 250ms, 10s, 5m or 1h, or none"},
        {"drain=366d", "limit drain: \"366d\" is above 8760 h"},
        {"fields=1k", "limit fields: \"1k\" is not a whole number"},
    };
    for (const auto& [text, message] : cases) {
        Limits limits;
        const auto outcome = limits.set(text);
        ASSERT_FALSE(outcome.has_value()) << text;
        EXPECT_EQ(outcome.error().message, message);
        EXPECT_EQ(outcome.error().code, std::errc::invalid_argument);
        EXPECT_EQ(limits.values, Limits().values) << text;
    }
}

TEST(Limits, UnknownNameIsAnsweredWithTheNearest) {
    Limits limits;
    const auto typo = limits.set("head-byte=1");
    ASSERT_FALSE(typo.has_value());
    EXPECT_TRUE(typo.error().message.starts_with(
        "unknown limit \"head-byte\": did you mean head_bytes?\nlimits are: head_bytes, "));
    const auto far = limits.set("qqqqqq=1");
    ASSERT_FALSE(far.has_value());
    EXPECT_TRUE(far.error().message.starts_with("unknown limit \"qqqqqq\"\n"));
}

TEST(Limits, TextReadsBack) {
    for (const LimitInfo& info : limit_table()) {
        for (const std::uint64_t value :
             {std::uint64_t{1}, std::uint64_t{999}, std::uint64_t{1024}, std::uint64_t{65535}}) {
            Limits limits;
            const auto outcome =
                limits.set(std::string(info.name) + "=" + limit_text(info.unit, value));
            EXPECT_TRUE(outcome.has_value()) << info.name << " " << value;
            EXPECT_EQ(limits[info.limit], value) << info.name;
        }
    }
}

TEST(Nearest, EditDistance) {
    static_assert(edit_distance("", "") == 0);
    static_assert(edit_distance("abc", "") == 3);
    static_assert(edit_distance("kitten", "sitting") == 3);
    static_assert(edit_distance("upsteam", "upstream") == 1);
    static_assert(edit_distance("tow", "two") == 1);
    static_assert(edit_distance("keep-alive", "keep_alive") == 0);
    const std::string_view names[] = {"--port", "--listen", "--root"};
    EXPECT_EQ(nearest_name("--prot", names), "--port");
    EXPECT_EQ(nearest_name("--lisen", names), "--listen");
    EXPECT_EQ(nearest_name("--zzzzzz", names), "");
    EXPECT_EQ(nearest_name(std::string(65, 'x'), names), "");
}

TEST(Error, CategoryAndConditions) {
    const std::error_code code = Errc::queue_full;
    EXPECT_STREQ(code.category().name(), "corevent");
    EXPECT_EQ(code.message(), "a bounded queue is full");
    EXPECT_NE(code, std::make_error_code(std::errc::operation_canceled));
    for (int value = 1; value <= static_cast<int>(Errc::loop_stopped); ++value) {
        EXPECT_FALSE(error_category().message(value).starts_with("unknown")) << value;
    }
    EXPECT_EQ(error_category().message(99), "unknown corevent error 99");
}

}  // namespace
}  // namespace corevent
