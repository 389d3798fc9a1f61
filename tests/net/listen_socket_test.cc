// Opening listening sockets: errors in words, unix socket files, inherited descriptors.
#include "net/listen_socket.h"
#include "net/socket_holder.h"

#include "net_server.h"
#include "support/process.h"

#include <corevent/log.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>

#include <fstream>

namespace corevent::test {
namespace {

std::string own_name() {
    return process_text(getpid());
}

Outcome<ListenSockets> open_at(const Address& address, const ListenerOptions& options = {}) {
    return open_listen_sockets(address, options, 2);
}

std::string message_at(const Address& address, const ListenerOptions& options = {}) {
    const auto sockets = open_at(address, options);
    return sockets ? "opened" : sockets.error().message;
}

// --- TCP

TEST(ListenSocket, ATakenPortNamesItsHolder) {
    for (const char* text : {"127.0.0.1:0", "[::1]:0", ":0"}) {
        const auto first = open_at(*Address::parse(text));
        if (!first && first.error().code == std::errc::address_not_available) continue;  // no IPv6
        ASSERT_TRUE(first) << first.error().message;
        const auto second = open_at(first->address);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, std::errc::address_in_use);
        const std::string& message = second.error().message;
        EXPECT_TRUE(message.starts_with("cannot listen on " + first->address.text() +
                                        ": in use by " + own_name() + "\ntry --port "))
            << message;
        EXPECT_NE(message.find("pid " + std::to_string(getpid())), std::string::npos) << message;
    }
}

TEST(ListenSocket, AWildcardInTheWayIsFound) {
    const auto first = open_at(*Address::parse(":0"));
    ASSERT_TRUE(first);
    const std::string message = message_at(Address::loopback(first->address.port()));
    EXPECT_NE(message.find("in use by " + own_name()), std::string::npos) << message;
}

TEST(ListenSocket, ReusePortDoesNotHideATakenPort) {
    const auto first = open_at(Address::loopback(0), {.reuse_port = true});
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->fds.size(), 2U);
    EXPECT_NE(message_at(first->address, {.reuse_port = true}).find("in use by"),
              std::string::npos);
    EXPECT_NE(message_at(first->address).find("in use by"), std::string::npos);
}

TEST(ListenSocket, TheSuggestedPortIsFree) {
    const auto first = open_at(Address::loopback(0));
    ASSERT_TRUE(first);
    const std::string message = message_at(first->address);
    const std::size_t at = message.find("--port ");
    ASSERT_NE(at, std::string::npos) << message;
    const auto port = static_cast<std::uint16_t>(std::stoul(message.substr(at + 7)));
    EXPECT_EQ(message_at(Address::loopback(port)), "opened");
}

TEST(ListenSocket, AnAddressOfAnotherMachine) {
    const std::string message = message_at(*Address::parse("192.0.2.1:0"));  // RFC 5737
    EXPECT_TRUE(message.starts_with(
        "cannot listen on 192.0.2.1:0: the address is not one of this machine's\nit has "))
        << message;
    EXPECT_NE(message.find("127.0.0.1"), std::string::npos) << message;
}

TEST(ListenSocket, APrivilegedPortNamesThreeRemedies) {
    const Failure failure = listen_failure(*Address::parse("0.0.0.0:80"), EACCES);
    EXPECT_EQ(failure.code, std::errc::permission_denied);
    EXPECT_TRUE(failure.message.starts_with(
        "cannot listen on 0.0.0.0:80: a port below 1024 needs CAP_NET_BIND_SERVICE\n"))
        << failure.message;
    for (const char* remedy :
         {"--port 8080", "sudo setcap cap_net_bind_service=+ep /", "ListenStream=80"}) {
        EXPECT_NE(failure.message.find(remedy), std::string::npos) << failure.message;
    }
}

TEST(ListenSocket, OtherErrorsAreSaidInWords) {
    EXPECT_NE(listen_failure(*Address::parse("[::1]:80"), EAFNOSUPPORT)
                  .message.find("does not speak IPv6"),
              std::string::npos);
    EXPECT_NE(listen_failure(Address::loopback(80), EMFILE).message.find("ulimit -n"),
              std::string::npos);
    EXPECT_NE(listen_failure(Address::loopback(80), ENOMEM).message.find("annot allocate memory"),
              std::string::npos);
}

TEST(ListenSocket, ChildrenInheritNoDelay) {
    const auto sockets = open_at(Address::loopback(0));
    ASSERT_TRUE(sockets);
    const RawSocket client(sockets->address);
    const Fd child(accept(sockets->fds.front().get(), nullptr, nullptr));
    int on = 0;
    socklen_t length = sizeof on;
    ASSERT_EQ(getsockopt(child.get(), 6, 1, &on, &length), 0);  // IPPROTO_TCP, TCP_NODELAY
    EXPECT_NE(on, 0);
}

TEST(ListenSocket, StoppedHandshakesLetTheQueuedThrough) {
    auto sockets = open_at(Address::loopback(0));
    ASSERT_TRUE(sockets);
    const int listener = sockets->fds.front().get();
    RawSocket before(sockets->address);
    ASSERT_TRUE(before.connected());
    stop_handshakes(listener);
    const Fd child(accept(listener, nullptr, nullptr));
    ASSERT_TRUE(child);
    EXPECT_EQ(send(child.get(), "x", 1, 0), 1);
    EXPECT_EQ(before.receive(), "x");
    const Fd late(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_storage storage{};
    const socklen_t length = sockets->address.to_sockaddr(&storage);
    EXPECT_NE(connect(late.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    EXPECT_EQ(errno, EINPROGRESS);  // on loopback a handshake is over when connect() returns
    EXPECT_LT(accept(listener, nullptr, nullptr), 0);
}

// --- unix sockets

class UnixSocket : public testing::Test {
protected:
    std::string path() const { return directory_.path() + "/s"; }
    Address address() const { return *Address::parse("unix:" + path()); }
    bool exists() const {
        struct stat status{};
        return lstat(path().c_str(), &status) == 0;
    }
    TemporaryDirectory directory_;
};

TEST_F(UnixSocket, TheFileGoesWithTheServer) {
    {
        auto sockets = open_at(address(), {.unix_mode = 0640});
        ASSERT_TRUE(sockets) << sockets.error().message;
        struct stat status{};
        ASSERT_EQ(lstat(path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0640U);
        EXPECT_TRUE(RawSocket(address()).connected());
    }
    EXPECT_FALSE(exists());
}

TEST_F(UnixSocket, AStaleFileIsReplaced) {
    {
        auto dead = open_at(address());
        ASSERT_TRUE(dead);
        ASSERT_EQ(rename(path().c_str(), (path() + "2").c_str()), 0);
    }
    ASSERT_EQ(rename((path() + "2").c_str(), path().c_str()), 0);
    ASSERT_TRUE(exists());
    auto sockets = open_at(address());
    ASSERT_TRUE(sockets) << sockets.error().message;
    EXPECT_TRUE(RawSocket(address()).connected());
}

TEST_F(UnixSocket, ALiveServerIsInUse) {
    auto sockets = open_at(address());
    ASSERT_TRUE(sockets);
    EXPECT_EQ(message_at(address()), "cannot listen on unix:" + path() + ": in use by " +
                                         own_name() + "\nstop it, or give another path");
    EXPECT_TRUE(RawSocket(address()).connected());
}

TEST_F(UnixSocket, AnOrdinaryFileIsLeftAlone) {
    std::ofstream(path()) << "precious";
    EXPECT_NE(message_at(address()).find("a file that is no socket is in the way"),
              std::string::npos);
    EXPECT_EQ(read_file(path()), "precious");
}

TEST_F(UnixSocket, AnothersFileIsNotRemoved) {
    auto first = open_at(address());
    ASSERT_TRUE(first);
    ASSERT_EQ(unlink(path().c_str()), 0);
    auto second = open_at(address());
    ASSERT_TRUE(second);
    first->file.remove();
    EXPECT_TRUE(exists());
}

TEST_F(UnixSocket, AMissingDirectoryIsNamed) {
    EXPECT_EQ(message_at(*Address::parse("unix:" + directory_.path() + "/no/s")),
              "cannot listen on unix:" + directory_.path() + "/no/s: the directory " +
                  directory_.path() + "/no does not exist");
}

TEST_F(UnixSocket, AbstractNamesHaveNoFile) {
    const Address name = *Address::parse("unix:@corevent-test-" + std::to_string(getpid()));
    auto sockets = open_at(name);
    ASSERT_TRUE(sockets) << sockets.error().message;
    EXPECT_TRUE(RawSocket(name).connected());
    EXPECT_NE(message_at(name).find("in use by " + own_name()), std::string::npos);
}

TEST_F(UnixSocket, ServesAndIsRemovedByClose) {
    EchoServer server(2, address());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(RawSocket(address()).ping());
    server.close();
    EXPECT_FALSE(exists());
}

// --- descriptors from elsewhere

TEST(Inherited, AListeningSocketIsAdopted) {
    auto sockets = open_at(Address::loopback(0));
    ASSERT_TRUE(sockets);
    const int flags = fcntl(sockets->fds.front().get(), F_GETFL);
    fcntl(sockets->fds.front().get(), F_SETFL, flags & ~O_NONBLOCK);
    const Address bound = sockets->address;
    EchoServer server(2, {}, {.inherited_descriptor = sockets->fds.front().release()});
    ASSERT_NE(server.listener, nullptr);
    EXPECT_EQ(server.address(), bound);
    EXPECT_TRUE(RawSocket(bound).ping());
    server.close();
}

TEST(Inherited, WhatDoesNotListenIsRefused) {
    const auto message = [](int fd) { return message_at({}, {.inherited_descriptor = fd}); };
    const Fd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Fd plain(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd datagram(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::string prefix = "cannot listen on descriptor ";
    EXPECT_EQ(message(file.get()), prefix + std::to_string(file.get()) + ": it is not a socket");
    EXPECT_EQ(message(plain.get()),
              prefix + std::to_string(plain.get()) + ": it is a socket that does not listen");
    EXPECT_EQ(message(datagram.get()),
              prefix + std::to_string(datagram.get()) + ": it is not a stream socket");
    EXPECT_EQ(message(1 << 20), prefix + std::to_string(1 << 20) + ": it is not open");
}

}  // namespace
}  // namespace corevent::test
