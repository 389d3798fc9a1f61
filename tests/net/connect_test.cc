// Connecting: success, failure, deadline, cancelling, several addresses; as callback and coroutine.
#include <corevent/connect.h>
#include <corevent/task_scope.h>

#include "net/happy_order.h"

#include "net_server.h"
#include "stream_pair.h"
#include "support/process.h"

#include <fcntl.h>

#include <algorithm>

namespace corevent::test {
namespace {

using namespace std::chrono_literals;

Address at(const char* text) {
    return *Address::parse(text);
}

/// A port on which nobody listens, and nobody else will: it is bound.
class DeadPort {
public:
    DeadPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage storage{};
        socklen_t length = Address::loopback(0).to_sockaddr(&storage);
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&storage), length), 0);
        getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
        address = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
    }
    ~DeadPort() { ::close(fd_); }
    Address address;

private:
    int fd_;
};

/// A listener whose queue is full: the kernel answers no further handshake. accept_one() makes room.
class FullListener {
public:
    explicit FullListener(const Address& wanted = Address::loopback(0))
        : fd_(socket(wanted.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage storage{};
        socklen_t length = wanted.to_sockaddr(&storage);
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&storage), length), 0);
        EXPECT_EQ(listen(fd_, 0), 0);
        length = sizeof storage;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
        address = Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
        filler_ = std::make_unique<RawSocket>(address);
        EXPECT_TRUE(filler_->connected());
    }
    ~FullListener() { ::close(fd_); }
    void accept_one() { ::close(accept(fd_, nullptr, nullptr)); }
    Address address;

private:
    int fd_;
    std::unique_ptr<RawSocket> filler_;
};

/// What a connector said.
struct Outcomes {
    int calls = 0;
    std::error_code error;
    Recorder client;

    Connector::Done done() {
        return [this](Result<NewStream> result) {
            ++calls;
            if (result) {
                client.stream = &result->start(client);
            } else {
                error = result.error();
            }
        };
    }
};

class ConnectTest : public testing::Test {
protected:
    template <class Done>
    bool until(Done done) {
        return turn_until(loop_, done);
    }
    void TearDown() override {
        if (out_.client.stream != nullptr) out_.client.stream->abort();
        turn_until_idle(loop_);
        EXPECT_EQ(SocketPool::of(loop_).streams(), 0U);
        EXPECT_EQ(LoopCore::of(loop_).load(), 0U);
    }

    EchoServer server_{1};  // goes last, when its clients have hung up
    Loop loop_;
    Outcomes out_;
};

TEST_F(ConnectTest, TalksToAServer) {
    const Connector connector(loop_, server_.address(), {}, out_.done());
    EXPECT_EQ(out_.calls, 0);
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    ASSERT_NE(out_.client.stream, nullptr) << out_.error.message();
    EXPECT_EQ(out_.client.stream->peer(), server_.address());
    out_.client.stream->write("hello");
    EXPECT_TRUE(until([&] { return out_.client.received == "hello"; }));
    out_.client.stream->close();
    EXPECT_TRUE(until([&] { return out_.client.closes == 1; }));
    EXPECT_EQ(out_.calls, 1);
}

TEST_F(ConnectTest, AClosedPortIsRefused) {
    const DeadPort dead;
    const Connector connector(loop_, dead.address, {}, out_.done());
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_EQ(out_.error, std::errc::connection_refused);
}

TEST_F(ConnectTest, NoAddressFails) {
    const Connector connector(loop_, std::span<const Address>(), {}, out_.done());
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_EQ(out_.error, std::errc::destination_address_required);
}

TEST_F(ConnectTest, TheDeadlineEndsAnAttemptThatHangs) {
    const FullListener full;
    const Connector connector(loop_, full.address, {.deadline = 50ms}, out_.done());
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_EQ(out_.error, std::errc::timed_out);
}

TEST_F(ConnectTest, CancellingIsTold) {
    const FullListener full;
    Connector connector(loop_, full.address, {}, out_.done());
    turn_until_idle(loop_);
    EXPECT_EQ(out_.calls, 0);
    connector.cancel();
    EXPECT_EQ(out_.calls, 0);
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_EQ(out_.error, std::errc::operation_canceled);
    connector.cancel();
    turn_until_idle(loop_);
    EXPECT_EQ(out_.calls, 1);
}

TEST_F(ConnectTest, DroppingSaysNothing) {
    const FullListener full;
    {
        const Connector never_begun(loop_, server_.address(), {}, out_.done());
        Connector hanging(loop_, full.address, {}, out_.done());
        turn_until_idle(loop_);
    }
    out_.calls = 0;
    if (out_.client.stream != nullptr) out_.client.stream->abort();
    turn_until_idle(loop_);
    EXPECT_EQ(out_.calls, 0);
}

TEST_F(ConnectTest, DroppingInItsOwnCallback) {
    std::optional<Connector> connector;
    bool told = false;
    connector.emplace(loop_, server_.address(), ConnectOptions{}, [&](Result<NewStream> result) {
        EXPECT_TRUE(result);
        connector.reset();
        told = true;  // the stream is not started: it goes with the result
    });
    EXPECT_TRUE(until([&] { return told; }));
    turn_until_idle(loop_);
}

// --- several addresses

TEST(HappyOrder, AlternatesAndBeginsWithIpv6) {
    const Address list[] = {at("1.1.1.1:1"), at("1.1.1.2:1"), at("1.1.1.3:1"),
                            at("[::1]:1"),   at("unix:/x"),   at("[::2]:1")};
    std::string text;
    for (const Address& address : happy_order(list)) text += address.text() + " ";
    EXPECT_EQ(text, "[::1]:1 1.1.1.1:1 [::2]:1 1.1.1.2:1 1.1.1.3:1 unix:/x ");
}

TEST_F(ConnectTest, AFailedAddressIsFollowedAtOnce) {
    const DeadPort dead;
    const Address list[] = {dead.address, server_.address()};
    // With this stagger the deadline would end it, did the second one wait for its turn.
    const Connector connector(loop_, list, {.deadline = 10s, .stagger = 1h}, out_.done());
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    ASSERT_NE(out_.client.stream, nullptr) << out_.error.message();
    EXPECT_EQ(out_.client.stream->peer(), server_.address());
}

TEST_F(ConnectTest, ASilentAddressIsJoinedByTheNext) {
    const FullListener silent;
    const Address list[] = {silent.address, server_.address()};
    const auto begin = std::chrono::steady_clock::now();
    const Connector connector(loop_, list, {.deadline = 20s, .stagger = 50ms}, out_.done());
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 45ms);
    ASSERT_NE(out_.client.stream, nullptr) << out_.error.message();
    EXPECT_EQ(out_.client.stream->peer(), server_.address());
}

TEST_F(ConnectTest, AllFailedTellsTheLast) {
    const DeadPort dead;
    const Address list[] = {dead.address, at("unix:/nonexistent/socket")};
    const Connector connector(loop_, list, {}, out_.done());
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_EQ(out_.error, std::errc::no_such_file_or_directory);
}

TEST_F(ConnectTest, AFullUnixServerIsAskedAgain) {
    const TemporaryDirectory directory;
    FullListener full(at(("unix:" + directory.path() + "/s").c_str()));
    const Connector connector(loop_, full.address, {.deadline = 20s}, out_.done());
    turn_until_idle(loop_);
    EXPECT_EQ(out_.calls, 0);
    full.accept_one();
    ASSERT_TRUE(until([&] { return out_.calls == 1; }));
    EXPECT_NE(out_.client.stream, nullptr) << out_.error.message();
}

TEST(LocalAddresses, KnowLocalhostAndNumbers) {
    const auto texts = [](std::string_view text) {
        std::string all;
        const auto found = local_addresses(text);
        if (!found) return found.error().message.substr(0, found.error().message.find('\n'));
        for (const Address& address : *found) all += address.text() + " ";
        return all;
    };
    EXPECT_EQ(texts("localhost:80"), "[::1]:80 127.0.0.1:80 ");
    EXPECT_EQ(texts("LocalHost.:80"), "[::1]:80 127.0.0.1:80 ");
    EXPECT_EQ(texts("api.localhost:80"), "[::1]:80 127.0.0.1:80 ");
    EXPECT_EQ(texts("10.0.0.1:80"), "10.0.0.1:80 ");
    EXPECT_EQ(texts("[::1]:80"), "[::1]:80 ");
    EXPECT_EQ(texts("unix:/run/x"), "unix:/run/x ");
    EXPECT_NE(texts("notlocalhost:80").find("names are not resolved"), std::string::npos);
    EXPECT_NE(texts("localhost:99999").find("the port must be"), std::string::npos);
}

// --- as a coroutine

Task<> connect_once(Loop& loop, Address address, ConnectOptions options, Outcomes& out) {
    out.done()(co_await connect(loop, address, options));
}

TEST_F(ConnectTest, AwaitsAStream) {
    TaskScope tasks;
    EXPECT_TRUE(loop_.post([&] { tasks.spawn(connect_once(loop_, server_.address(), {}, out_)); }));
    ASSERT_TRUE(until([&] { return out_.calls == 1 && tasks.size() == 0; }));
    ASSERT_NE(out_.client.stream, nullptr);
    out_.client.stream->write("hello");
    EXPECT_TRUE(until([&] { return out_.client.received == "hello"; }));
}

TEST_F(ConnectTest, AwaitsAnError) {
    const DeadPort dead;
    TaskScope tasks;
    EXPECT_TRUE(loop_.post([&] { tasks.spawn(connect_once(loop_, dead.address, {}, out_)); }));
    ASSERT_TRUE(until([&] { return out_.calls == 1 && tasks.size() == 0; }));
    EXPECT_EQ(out_.error, std::errc::connection_refused);
}

TEST_F(ConnectTest, ACancelledTaskLeaves) {
    const FullListener full;
    TaskScope tasks;
    EXPECT_TRUE(loop_.post([&] { tasks.spawn(connect_once(loop_, full.address, {}, out_)); }));
    ASSERT_TRUE(until([&] { return tasks.size() == 1; }));
    turn_until_idle(loop_);
    tasks.cancel();
    EXPECT_EQ(out_.calls, 1);
    EXPECT_EQ(out_.error, std::errc::operation_canceled);
    EXPECT_EQ(tasks.size(), 0U);
    EXPECT_TRUE(loop_.post([&] {
        tasks.spawn(connect_once(loop_, full.address, {}, out_));
    }));  // cancelled before it begins
    ASSERT_TRUE(until([&] { return out_.calls == 2; }));
    EXPECT_EQ(out_.error, std::errc::operation_canceled);
}

}  // namespace
}  // namespace corevent::test
