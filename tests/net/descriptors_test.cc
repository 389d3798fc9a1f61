// A server that runs out of descriptors: calm, few words, and everybody is served in the end.
#include "net_server.h"
#include "support/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fcntl.h>

#include <algorithm>

namespace corevent::test {
namespace {

struct Pipe {
    Pipe() { EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0); }
    ~Pipe() {
        for (const int fd : fds) ::close(fd);
    }
    int fds[2] = {-1, -1};
};

/// An echo server in a process of its own with 64 descriptors.
class SmallServer {
public:
    explicit SmallServer(Backend backend) {
        pid_ = fork();
        if (pid_ == 0) serve(backend);
        EXPECT_EQ(read(port_.fds[0], &port, sizeof port), static_cast<ssize_t>(sizeof port));
        fcntl(messages_.fds[0], F_SETFL, O_NONBLOCK);
    }
    ~SmallServer() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }
    const std::string& messages() {
        char buffer[4096];
        for (ssize_t got = 0; (got = read(messages_.fds[0], buffer, sizeof buffer)) > 0;) {
            text_.append(buffer, static_cast<std::size_t>(got));
        }
        return text_;
    }

    std::uint16_t port = 0;

private:
    [[noreturn]] void serve(Backend backend) {
        dup2(messages_.fds[1], STDERR_FILENO);
        const rlimit few{64, 64};
        setrlimit(RLIMIT_NOFILE, &few);
        EchoServer server(2, Address::loopback(0), {}, backend);
        const std::uint16_t chosen = server.address().port();
        if (write(port_.fds[1], &chosen, sizeof chosen) != sizeof chosen) _exit(1);
        for (;;) pause();
    }

    pid_t pid_ = -1;
    Pipe port_;
    Pipe messages_;
    std::string text_;
};

/// How many of `clients` have an answer waiting.
std::size_t answered(const std::vector<RawSocket>& clients) {
    std::vector<pollfd> polls;
    for (const RawSocket& client : clients) polls.push_back({client.fd(), POLLIN, 0});
    poll(polls.data(), polls.size(), 0);
    return static_cast<std::size_t>(std::ranges::count_if(polls, [](const pollfd& p) {
        return p.revents != 0;
    }));
}

class Descriptors : public testing::TestWithParam<Backend> {};

TEST_P(Descriptors, ExhaustionIsCalmAndPasses) {
    SmallServer server(GetParam());
    constexpr std::size_t count = 200;
    std::vector<RawSocket> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(Address::loopback(server.port));
        ASSERT_TRUE(clients.back().connected()) << i << server.messages();
        ASSERT_TRUE(clients.back().send("ping")) << i << server.messages();
    }
    ASSERT_TRUE(wait_until([&] { return server.messages().find("pauses") != std::string::npos; }));
    EXPECT_NE(server.messages().find("all 64 descriptors are in use (raise ulimit -n)"),
              std::string::npos)
        << server.messages();
    // While nothing can be accepted: how much it works, over a second.
    const auto before = cpu_time(server.pid());
    std::this_thread::sleep_for(std::chrono::seconds(1));
    EXPECT_LT((cpu_time(server.pid()) - before).count(), 100);
    const std::size_t served = answered(clients);
    EXPECT_GT(served, 20U);
    EXPECT_LT(served, 64U);

    std::size_t done = 0;
    EXPECT_TRUE(wait_until([&] {
        std::erase_if(clients, [&](RawSocket& client) {
            pollfd waiting{client.fd(), POLLIN, 0};
            if (poll(&waiting, 1, 0) != 1) return false;
            EXPECT_EQ(client.receive(), "ping");
            ++done;
            return true;
        });
        return done == count;
    }));
    EXPECT_TRUE(RawSocket(Address::loopback(server.port)).ping());
    EXPECT_LE(std::ranges::count(server.messages(), '\n'), 1) << server.messages();
}

INSTANTIATE_TEST_SUITE_P(All, Descriptors, testing::Values(Backend::epoll, Backend::poll),
                         [](const auto& of) { return std::string(backend_name(of.param)); });

}  // namespace
}  // namespace corevent::test
