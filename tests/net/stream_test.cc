// The suite that every kind of stream passes.
#include "stream_pair.h"

namespace corevent::test {
namespace {

class StreamSuite : public testing::TestWithParam<Kind> {
protected:
    StreamSuite() : loop_({.backend = backend_of(GetParam())}) {}

    void connect(int buffer_bytes = 0) {
        const auto [a, b] = make_pair_of_streams(loop_, GetParam(), buffer_bytes);
        a_.attach(*a);
        b_.attach(*b);
    }
    template <class Done>
    bool until(Done done) {
        return turn_until(loop_, done);
    }
    void close_both() {
        for (Recorder* r : {&a_, &b_}) {
            if (r->stream != nullptr) r->quietly([](Stream& s) { s.abort(); });
        }
        EXPECT_TRUE(until([&] { return a_.closes == 1 && b_.closes == 1; }));
    }

    Loop loop_;
    Recorder a_, b_;
};

TEST_P(StreamSuite, EchoesAndCloses) {
    connect();
    b_.bytes_hook = [&](std::span<char> bytes) {
        b_.stream->write(std::string_view(bytes.data(), bytes.size()));
    };
    b_.end_hook = [&] { b_.stream->close(); };
    EXPECT_TRUE(a_.quietly([](Stream& s) { return s.write("hello"); }));
    EXPECT_TRUE(until([&] { return a_.received == "hello"; }));
    a_.quietly([](Stream& s) { s.shutdown_write(); });
    EXPECT_TRUE(until([&] { return a_.ends == 1 && b_.closes == 1; }));
    EXPECT_FALSE(b_.why);
    a_.quietly([](Stream& s) { s.close(); });
    EXPECT_EQ(a_.closes, 0);
    EXPECT_TRUE(until([&] { return a_.closes == 1; }));
    EXPECT_FALSE(a_.why);
    EXPECT_EQ(a_.drains + b_.drains, 0);
}

INSTANTIATE_TEST_SUITE_P(All, StreamSuite,
                         testing::Values(Kind::tcp_epoll, Kind::tcp_poll, Kind::unix_epoll),
                         [](const auto& of) { return kind_name(of.param); });

}  // namespace
}  // namespace corevent::test
