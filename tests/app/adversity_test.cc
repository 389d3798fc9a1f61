// Clients that a server on the internet meets: more of them than descriptors, and those that are
// slow in each phase. Each is cut by a limit of its own, which is named in the log; nothing spins,
// and afterwards everything is as before.

#include "program.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace corevent::test {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock;

constexpr std::string_view request = "GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n";

std::size_t open_descriptors(pid_t pid) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
        ++count;
    }
    return count;
}

/// Part of one core that a process uses over a window of `length`.
double load_of(pid_t pid, milliseconds length) {
    const auto began = Time::now();
    const milliseconds before = cpu_time(pid);
    std::this_thread::sleep_for(length);  // the window itself
    const auto window = std::chrono::duration_cast<milliseconds>(Time::now() - began);
    return static_cast<double>((cpu_time(pid) - before).count()) /
           static_cast<double>(window.count());
}

/// A crowd of connections, each with one request sent.
class Crowd {
public:
    Crowd(std::uint16_t port, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            clients_.push_back(std::make_unique<Client>(port));
            failed_ += clients_.back()->connected() && clients_.back()->send(request) ? 0 : 1;
        }
    }
    std::size_t failed() const { return failed_; }

    /// Waits until at least `count` clients have something to read, or nothing more comes; returns
    /// how many have.
    std::size_t wait_for_answers(std::size_t count) {
        const auto end = Time::now() + deadline;
        std::size_t answered = 0;
        while (answered < count && Time::now() < end) {
            std::vector<pollfd> waiting;
            for (const auto& client : clients_) {
                waiting.push_back({client->descriptor(), POLLIN, 0});
            }
            poll(waiting.data(), waiting.size(), 0);
            answered = static_cast<std::size_t>(std::ranges::count_if(waiting, [](const pollfd& p) {
                return p.revents != 0;
            }));
            if (answered < count) {
                std::erase_if(waiting, [](const pollfd& p) { return p.revents != 0; });
                poll(waiting.data(), waiting.size(), 1000);
            }
        }
        return answered;
    }

private:
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t failed_ = 0;
};

class Crowded : public testing::Test {
protected:
    Crowded() {
        directory.file("a.txt", "0123456789");
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        enough = limit.rlim_max >= crowd + 200;
    }

    /// The crowd has gone: everyone is answered again, and no descriptor has stayed.
    void expect_recovery(Running& server, std::size_t descriptors) {
        for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(curl({server.url("/a.txt")}).out, "0123456789");
        }
        const auto end = Time::now() + deadline;
        while (open_descriptors(server.process.pid()) > descriptors && Time::now() < end) {
            EXPECT_EQ(status_of(server.url("/a.txt")), "200");
        }
        EXPECT_LE(open_descriptors(server.process.pid()), descriptors);
        EXPECT_EQ(server.stop(), 0);
    }

    static constexpr std::size_t crowd = 2000;
    static constexpr std::ptrdiff_t log_lines_max = 20;
    bool enough = false;
    TemporaryDirectory directory;
};

TEST_F(Crowded, TwoThousandClientsOn256Descriptors) {
    if (!enough) {
        GTEST_SKIP() << "this test itself needs " << crowd + 200 << " descriptors";
    }
    Start start = corevent_start({"serve", directory.path(), "-p", "0", "-t", "2"});
    start.descriptors = 256;
    Running server(start);
    EXPECT_EQ(status_of(server.url("/a.txt")), "200");
    const std::size_t descriptors = open_descriptors(server.process.pid());
    {
        Crowd clients(server.port, crowd);
        EXPECT_EQ(clients.failed(), 0U);
        const std::size_t answered = clients.wait_for_answers(204);
        EXPECT_EQ(answered, 204U);  // 80 % of 256, and the others wait in the kernel
        EXPECT_LT(load_of(server.process.pid(), milliseconds(2000)), 0.1);
    }
    const std::string log = server.process.err();
    EXPECT_LE(std::ranges::count(log, '\n'), log_lines_max) << log;
    EXPECT_NE(log.find("connections"), std::string::npos) << log;
    expect_recovery(server, descriptors);
}

TEST_F(Crowded, DescriptorsRunOutBelowTheLimitOfConnections) {
    if (!enough) {
        GTEST_SKIP() << "this test itself needs " << crowd + 200 << " descriptors";
    }
    Running server({"serve", directory.path(), "-p", "0", "-t", "2"});
    EXPECT_EQ(status_of(server.url("/a.txt")), "200");
    const pid_t pid = server.process.pid();
    const std::size_t descriptors = open_descriptors(pid);
    const rlimit few{128, 128};  // behind the server's back: accept4 fails with EMFILE
    ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &few, nullptr), 0);
    {
        Crowd clients(server.port, crowd);
        EXPECT_GT(clients.wait_for_answers(50), 0U);
        EXPECT_LT(load_of(pid, milliseconds(2000)), 0.1);
    }
    EXPECT_LE(std::ranges::count(server.process.err(), '\n'), log_lines_max)
        << server.process.err();
    expect_recovery(server, descriptors);
}

/// The conformance server with one short limit.
class Slow : public testing::Test {
protected:
    static Start server(const std::string& limit) {
        return {.command = {program("conformance_server"), "--threads", "1", "--limit", limit}};
    }

    static void expect_named(Running& server, const std::string& limit) {
        EXPECT_TRUE(server.process.wait_for_err(limit)) << server.process.err();
        EXPECT_EQ(curl({server.url("/hello")}).out, "Hello, World!");
        EXPECT_EQ(server.stop(), 0);
    }
};

TEST_F(Slow, HeadIsCutByHeadDeadline) {
    Running server(Slow::server("head_deadline=300ms"));
    Client client(server.port);
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow:");
    EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 408 "));
    expect_named(server, "head_deadline");
}

TEST_F(Slow, DrippingHeadIsCutByHeadDeadline) {
    Running server(Slow::server("head_deadline=1s"));
    Client client(server.port);
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n");
    const auto end = Time::now() + deadline;
    pollfd answer{client.descriptor(), POLLIN, 0};
    while (poll(&answer, 1, 50) == 0 && Time::now() < end) {  // a field every 50 ms, for ever
        client.send("X: y\r\n");
    }
    EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 408 "));
    expect_named(server, "head_deadline");
}

TEST_F(Slow, BodyIsCutByBodyIdle) {
    for (const std::string path : {"/echo", "/upload"}) {
        Running server(Slow::server("body_idle=300ms"));
        Client client(server.port);
        client.send("POST " + path +
                    " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123456789");
        EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 4")) << path;
        expect_named(server, "body_idle");
    }
}

TEST_F(Slow, DrippingBodyIsCutByBodyRate) {
    Running server(Slow::server("body_rate=10kB/s"));
    Client client(server.port);
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    const auto end = Time::now() + deadline;
    pollfd answer{client.descriptor(), POLLIN, 0};
    while (poll(&answer, 1, 100) == 0 && Time::now() < end) {  // ten octets a second, for ever
        client.send("x");
    }
    EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 4"));
    expect_named(server, "body_rate");
}

TEST_F(Slow, ReaderIsCutByWriteStall) {
    Running server(Slow::server("write_stall=500ms"));
    Client client(server.port, 4096);
    client.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(server.process.wait_for_err("write_stall")) << server.process.err();
    EXPECT_LT(client.receive_all().size(), 10485760U);
    expect_named(server, "write_stall");
}

TEST_F(Slow, ReaderOfAFileIsCutByWriteStall) {
    const TemporaryDirectory directory;
    directory.file("large", std::string(24 * 1024 * 1024, 'x'));
    Running server({"serve", directory.path(), "-p", "0", "--write-stall", "500ms"});
    Client client(server.port, 4096);
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(server.process.wait_for_err("write_stall")) << server.process.err();
    EXPECT_LT(client.receive_all().size(), 24U * 1024 * 1024);
    EXPECT_EQ(server.stop(), 0);
}

TEST_F(Slow, SilentClientIsCut) {
    Start start = Slow::server("head_deadline=300ms");
    start.command.insert(start.command.end(), {"--limit", "keep_alive_idle=300ms"});
    Running server(start);
    Client silent(server.port);
    EXPECT_TRUE(silent.ended());
    Client idle(server.port);
    idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(idle.receive_until("World!").ends_with("Hello, World!"));
    EXPECT_TRUE(idle.ended());
    EXPECT_EQ(server.stop(), 0);
}

TEST(Stops, LoseNoRequestUnderLoad) {
    const Finished rounds = run({std::string(CE_SOURCE_DIR) + "/tests/soak/stops", "--rounds", "3",
                                 "--programs", CE_BIN_DIR});
    EXPECT_EQ(rounds.code, 0) << rounds.out << rounds.err;
}

}  // namespace
}  // namespace corevent::test
