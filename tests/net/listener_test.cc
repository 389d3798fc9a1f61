// Listener: accepting, hand-over, limits, closing. Opening and its errors: listen_socket_test.cc.
#include "net_server.h"

#include "loop/loop_core.h"

#include <algorithm>
#include <functional>
#include <mutex>

namespace corevent::test {
namespace {

TEST(Listener, ServesOnEveryBackend) {
    for (const Backend backend : {Backend::epoll, Backend::poll}) {
        EchoServer server(2, Address::loopback(0), {}, backend);
        for (int i = 0; i < 20; ++i) EXPECT_TRUE(RawSocket(server.address()).ping());
        EXPECT_EQ(server.listener->counters().accepted, 20U);
        EXPECT_EQ(server.served, 20);
    }
}

TEST(Listener, TellsThePeer) {
    LoopGroup group({.loops = 1});
    std::string peer;
    std::atomic<bool> told{false};
    auto listener = Listener::open(group, *Address::parse(":0"), {}, [&](Loop&, Stream& stream) {
        peer = stream.peer().text();
        stream.abort();
        told = true;
    });
    ASSERT_TRUE(listener) << listener.error().message;
    (*listener)->start();
    group.start();
    RawSocket client(Address::loopback((*listener)->address().port()));
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    getsockname(client.fd(), reinterpret_cast<sockaddr*>(&own), &length);
    ASSERT_TRUE(wait_until([&] { return told.load(); }));
    EXPECT_EQ(peer, Address::from_sockaddr(reinterpret_cast<sockaddr*>(&own), length).text());
    EXPECT_TRUE(wait_until([&] { return (*listener)->connections() == 0; }));
}

TEST(Listener, ServesBothFamiliesWithOneSocket) {
    EchoServer server(1, *Address::parse(":0"));
    EXPECT_TRUE(RawSocket(Address::loopback(server.address().port())).ping());
    if (server.address().family() == Address::Family::ipv6) {  // IPv6 may be off on this machine
        const auto v6 = Address::parse("[::1]:" + std::to_string(server.address().port()));
        EXPECT_TRUE(RawSocket(*v6).ping());
    }
}

// --- balance

TEST(Listener, BalancesConnectionsOverTheLoops) {
    constexpr unsigned loops = 8;
    constexpr std::size_t count = 64;
    EchoServer server(loops);
    std::vector<RawSocket> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(server.address());
        // A loop inside a callback is passed over, and on a slow machine that may be all but one.
        ASSERT_TRUE(wait_until([&] { return server.served == static_cast<int>(i + 1); }));
    }
    std::size_t most = 0;
    std::size_t sum = 0;
    for (unsigned i = 0; i < loops; ++i) {
        most = std::max(most, server.listener->connections_of(i));
        sum += server.listener->connections_of(i);
    }
    EXPECT_EQ(sum, count);
    EXPECT_LE(static_cast<double>(most), 1.15 * count / loops);
    EXPECT_GT(server.listener->counters().handed_over, 0U);
    for (RawSocket& client : clients) EXPECT_TRUE(client.ping());
}

TEST(Listener, PassesOverALoopThatIsHeld) {
    EchoServer server(4);
    std::atomic<bool> stop{false};
    std::thread blocker([&] {
        RawSocket client(server.address());
        while (!stop && client.send("B") && client.receive() == "B") {
        }
    });
    EXPECT_TRUE(wait_until([&] { return server.served == 1; }));
    constexpr int count = 300;
    int stuck = 0;
    for (int i = 0; i < count; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_TRUE(RawSocket(server.address()).ping());
        if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(90)) ++stuck;
    }
    stop = true;
    blocker.join();
    EXPECT_LE(stuck, count / 50);  // a loop that is never passed over holds a quarter of them
}

TEST(Listener, ReusePortGivesEachLoopItsSocket) {
    EchoServer server(3, Address::loopback(0), {.reuse_port = true});
    std::vector<RawSocket> clients;
    for (int i = 0; i < 60; ++i) clients.emplace_back(server.address());
    for (RawSocket& client : clients) EXPECT_TRUE(client.ping());
    EXPECT_EQ(server.listener->counters().handed_over, 0U);
    EXPECT_EQ(server.listener->connections(), 60U);
    EXPECT_LT(server.listener->connections_of(0), 60U);
}

// --- limits

TEST(Listener, PausesAtTheLimitOfConnections) {
    EchoServer server(2, Address::loopback(0), {.connections_max = 2});
    RawSocket first(server.address());
    RawSocket second(server.address());
    EXPECT_TRUE(first.ping());
    EXPECT_TRUE(second.ping());
    RawSocket third(server.address());
    EXPECT_TRUE(third.connected());  // the kernel's queue
    EXPECT_TRUE(third.send("ping"));
    EXPECT_TRUE(wait_until([&] { return server.listener->counters().pauses > 0; }));
    EXPECT_TRUE(first.ping());
    EXPECT_EQ(server.served, 2);
    EXPECT_EQ(server.listener->connections(), 2U);
    first.close();
    EXPECT_EQ(third.receive(), "ping");
    EXPECT_EQ(server.listener->connections(), 2U);
}

// --- closing

/// Clients that the kernel has let in while every loop is held are served, and none is reset.
void close_with_connections_queued(const Address& address, unsigned loops,
                                   const ListenerOptions& options = {}) {
    EchoServer server(loops, address, options);
    std::atomic<bool> release{false};
    std::atomic<unsigned> held{0};
    for (unsigned i = 0; i < loops; ++i) {
        EXPECT_TRUE(server.group[i].post([&] {
            ++held;
            EXPECT_TRUE(wait_until([&] { return release.load(); }));
        }));
    }
    ASSERT_TRUE(wait_until([&] { return held == loops; }));
    std::vector<RawSocket> clients;
    for (int i = 0; i < 50; ++i) {
        clients.emplace_back(server.address());
        ASSERT_TRUE(clients.back().connected());
        ASSERT_TRUE(clients.back().send("ping"));
    }
    std::atomic<int> done{0};
    server.listener->close([&] {
        EXPECT_EQ(Loop::current(), &server.group[0]);
        EXPECT_EQ(server.served, 50);
        ++done;
    });
    server.listener->close([&] { ++done; });
    release = true;
    for (RawSocket& client : clients) EXPECT_EQ(client.receive(), "ping");
    ASSERT_TRUE(wait_until([&] { return done == 2; }));
    const RawSocket late(server.address());
    EXPECT_FALSE(late.connected());
    server.listener->close([&] { ++done; });  // closed already
    EXPECT_TRUE(wait_until([&] { return done == 3; }));
}

TEST(Listener, ClosingLosesNoQueuedConnection) {
    close_with_connections_queued(Address::loopback(0), 1);
    close_with_connections_queued(Address::loopback(0), 4);
}

TEST(Listener, ClosingLosesNoQueuedConnectionOfReusePort) {
    close_with_connections_queued(Address::loopback(0), 3, {.reuse_port = true});
}

TEST(Listener, ClosingLosesNoQueuedConnectionOfAUnixSocket) {
    close_with_connections_queued(*Address::parse("unix:" + testing::TempDir() + "ce_close_" +
                                                  std::to_string(getpid())),
                                  2);
}

/// What a program floods a loop with holds up no connection and not the word that the listener is closed.
TEST(Listener, ServesAndClosesOnFullLoops) {
    LoopGroup group({.loops = 2, .posted_work_max = 1});
    const auto opened = Listener::open(group, Address::loopback(0), {},
                                       [](Loop& /*loop*/, Stream& stream) { new Echo(stream); });
    ASSERT_TRUE(opened);
    Listener& listener = **opened;
    std::atomic<bool> done{false};
    const std::function<void(Loop&)> occupy = [&](Loop& loop) {
        if (!done) {
            EXPECT_TRUE(loop.post([&] { occupy(loop); }));
        }
    };
    for (unsigned i = 0; i < 2; ++i) {
        EXPECT_TRUE(group[i].post([&, i] { occupy(group[i]); }));
    }
    listener.start();
    group.start();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(RawSocket(listener.address()).ping());
    EXPECT_FALSE(group[0].post([] {}));
    listener.close([&] { done = true; });
    EXPECT_TRUE(wait_until([&] { return done && listener.connections() == 0; }));
    group.stop();
}

TEST(Listener, ClosingUnderLoadResetsNobody) {
    for (int round = 0; round < 3; ++round) {
        EchoServer server(2);
        std::atomic<int> lost{0};
        std::atomic<int> answered{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (;;) {
                    RawSocket client(server.address());
                    if (!client.connected()) return;
                    client.ping() ? ++answered : ++lost;
                }
            });
        }
        EXPECT_TRUE(wait_until([&] { return answered > 50; }));
        server.close();
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(lost, 0);
    }
}

TEST(Listener, ConnectionsOutliveTheirListener) {
    EchoServer server(2);
    RawSocket client(server.address());
    const Address address = server.address();
    EXPECT_TRUE(client.ping());
    server.listener.reset();
    EXPECT_TRUE(wait_until([&] { return !RawSocket(address).connected(); }));
    EXPECT_TRUE(client.ping());
    client.close();
    EXPECT_TRUE(wait_until([&] {
        return LoopCore::of(server.group[0]).load() + LoopCore::of(server.group[1]).load() == 0;
    }));
}

TEST(Listener, MayGoBeforeItsGroupEverRuns) {
    LoopGroup group({.loops = 2});
    for (const bool started : {false, true}) {
        auto listener = Listener::open(group, Address::loopback(0), {}, [](Loop&, Stream&) {});
        ASSERT_TRUE(listener);
        if (started) (*listener)->start();
        RawSocket queued((*listener)->address());
        EXPECT_TRUE(queued.connected());
        listener->reset();
        EXPECT_NE(queued.receive(), "x");  // reset: nobody will ever serve it
    }
}

TEST(Listener, MayGoAfterItsGroupHasStopped) {
    LoopGroup group({.loops = 2});
    auto listener = Listener::open(group, Address::loopback(0), {}, [](Loop&, Stream&) {});
    ASSERT_TRUE(listener);
    (*listener)->start();
    group.start();
    group.stop();
}

TEST(Listener, AStoppedGroupLeavesItsConnectionsToTheLoops) {
    LoopGroup group({.loops = 2});
    std::atomic<int> served{0};
    std::vector<std::unique_ptr<Echo>> echoes;  // never told of an end
    std::mutex lock;
    auto listener = Listener::open(group, Address::loopback(0), {}, [&](Loop&, Stream& stream) {
        const std::lock_guard guard(lock);
        echoes.push_back(std::make_unique<Echo>(stream));
        ++served;
    });
    ASSERT_TRUE(listener);
    (*listener)->start();
    group.start();
    std::vector<RawSocket> clients;
    for (int i = 0; i < 10; ++i) clients.emplace_back((*listener)->address());
    EXPECT_TRUE(wait_until([&] { return served == 10; }));
    group.stop();
}

}  // namespace
}  // namespace corevent::test
