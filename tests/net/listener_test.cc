// Listener: accepting, hand-over, closing, errors in words.
#include "net/socket_stream.h"

#include <corevent/listener.h>

#include <gtest/gtest.h>

#include "support/process.h"

namespace corevent::test {
namespace {

/// Echoes and ends when the peer does. Frees itself.
class Echo final : public StreamClient {
public:
    explicit Echo(Stream& stream) : stream_(stream) { stream.start(*this); }
    void on_bytes(std::span<char> bytes) override {
        stream_.write(std::string_view(bytes.data(), bytes.size()));
    }
    void on_end() override { stream_.close(); }
    void on_drained() override {}
    void on_closed(std::error_code) override { delete this; }

private:
    Stream& stream_;
};

TEST(Listener, EchoesOverAGroup) {
    LoopGroup group({.loops = 2});
    auto listener = Listener::open(group, Address::loopback(0), {}, [](Loop& loop, Stream& stream) {
        EXPECT_EQ(&loop, &stream.loop());
        EXPECT_TRUE(loop.is_current());
        EXPECT_EQ(stream.peer().host(), "127.0.0.1");
        new Echo(stream);
    });
    ASSERT_TRUE(listener) << listener.error().message;
    (*listener)->start();
    group.start();
    for (int i = 0; i < 20; ++i) {
        Client client((*listener)->address().port());
        ASSERT_TRUE(client.send("ping"));
        EXPECT_EQ(client.receive(), "ping");
    }
    EXPECT_EQ((*listener)->counters().accepted, 20U);
    group.stop();
}

}  // namespace
}  // namespace corevent::test
