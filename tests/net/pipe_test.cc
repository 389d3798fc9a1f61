// The pipe's script, and every failure of a conversation over it.
#include "net/pipe.h"

#include "stream_pair.h"

#include <vector>

namespace corevent::test {
namespace {

class PipeTest : public testing::Test {
protected:
    void connect(PipeScript first, PipeScript second = {}, PipeFault* fault = nullptr) {
        const auto [a, b] = make_pipe(loop_, std::move(first), std::move(second), fault);
        a_.attach(*a);
        b_.attach(*b);
    }
    void TearDown() override {
        for (Recorder* r : {&a_, &b_}) {
            if (r->stream != nullptr) r->stream->abort();
        }
        EXPECT_TRUE(turn_until(loop_, [&] { return a_.closes == 1 && b_.closes == 1; }));
        turn_until_idle(loop_);
        EXPECT_EQ(LoopCore::of(loop_).load(), 0U);
    }

    Loop loop_;
    Recorder a_, b_;
};

TEST_F(PipeTest, ReadsHaveTheSizesOfTheScript) {
    connect({}, {.read_sizes = {1, 2, 3}});
    std::vector<std::size_t> sizes;
    b_.bytes_hook = [&](std::span<char> bytes) { sizes.push_back(bytes.size()); };
    EXPECT_TRUE(a_.stream->write("abcdefghij"));
    turn_until_idle(loop_);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2, 3, 1, 2, 1}));
    EXPECT_EQ(b_.received, "abcdefghij");
}

TEST_F(PipeTest, WritesTakeTheSizesOfTheScript) {
    connect({.write_sizes = {4, 1}});
    EXPECT_FALSE(a_.stream->write("abcdefghij"));
    EXPECT_EQ(a_.stream->queued_bytes(), 6U);
    turn_until_idle(loop_);
    EXPECT_EQ(b_.received, "abcdefghij");
    EXPECT_EQ(a_.progresses, 2);  // 5, 1 and nothing left
    EXPECT_EQ(a_.drains, 1);
}

TEST_F(PipeTest, DrainsComeAsLateAsTheScriptSays) {
    connect({.capacity_bytes = 4, .drain_delay_turns = 5});
    EXPECT_FALSE(a_.stream->write("abcdefgh"));
    int turns = 0;
    while (a_.drains == 0 && turns < 100) {
        loop_.run_once(std::chrono::milliseconds(0));
        ++turns;
    }
    EXPECT_GE(turns, 6);
    EXPECT_LT(turns, 15);
    turn_until_idle(loop_);
    EXPECT_EQ(b_.received, "abcdefgh");
}

TEST_F(PipeTest, AnOutputIsCutOffAtAnOctet) {
    connect({.end_at = 5});
    EXPECT_TRUE(a_.stream->write("abcdefghij"));
    EXPECT_TRUE(a_.stream->write("more"));
    EXPECT_TRUE(turn_until(loop_, [&] { return b_.ends == 1; }));
    EXPECT_EQ(b_.received, "abcde");
    EXPECT_EQ(a_.closes, 0);
    EXPECT_TRUE(b_.stream->write("answer"));
    turn_until_idle(loop_);
    EXPECT_EQ(a_.received, "answer");
}

TEST_F(PipeTest, AConnectionIsResetAtAnOctet) {
    connect({.reset_at = 5});
    EXPECT_FALSE(a_.stream->write("abcdefghij"));
    EXPECT_TRUE(turn_until(loop_, [&] { return a_.closes == 1 && b_.closes == 1; }));
    EXPECT_EQ(b_.received, "abcde");
    EXPECT_EQ(a_.why, std::errc::connection_reset);
    EXPECT_EQ(b_.why, std::errc::connection_reset);
}

TEST_F(PipeTest, TellsThePeerOfTheScript) {
    connect({.peer = *Address::parse("203.0.113.9:1234")});
    EXPECT_EQ(a_.stream->peer().text(), "203.0.113.9:1234");
    EXPECT_EQ(b_.stream->peer(), Address::loopback(1));
}

/// Question, echo in pieces, half closes, close: with the n-th operation failing. Whatever n is, both ends are told of one
/// end, and what arrived is the beginning of what was sent.
bool converse(std::uint64_t n) {
    Loop loop;
    Recorder client, server;
    PipeFault fault{.fail_at = n};
    const PipeScript script{.read_sizes = {3, 50}, .write_sizes = {7, 0, 40}, .capacity_bytes = 64};
    const auto [a, b] = make_pipe(loop, script, script, &fault);
    client.attach(*a);
    server.attach(*b);
    server.bytes_hook = [&](std::span<char> bytes) {
        if (!server.stream->write(std::string_view(bytes.data(), bytes.size())))
            server.stream->pause();
    };
    server.drained_hook = [&] { server.stream->resume(); };
    server.end_hook = [&] { server.stream->close(); };
    client.end_hook = [&] { client.stream->close(); };
    const std::string question(200, 'q');
    client.stream->write(question);
    client.stream->shutdown_write();
    EXPECT_TRUE(turn_until(loop, [&] { return client.closes == 1 && server.closes == 1; })) << n;
    EXPECT_TRUE(question.starts_with(server.received)) << n;
    EXPECT_TRUE(question.starts_with(client.received)) << n;
    if (fault.struck()) {
        EXPECT_TRUE(client.why || server.why) << n;
    } else {
        EXPECT_FALSE(client.why || server.why) << n;
        EXPECT_EQ(client.received, question);
    }
    return fault.struck();
}

TEST(PipeFault, EveryOperationOfAConversationMayFail) {
    std::uint64_t n = 1;
    while (converse(n)) ++n;
    EXPECT_GT(n, 20U);
}

}  // namespace
}  // namespace corevent::test
