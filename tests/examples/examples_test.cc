// Every example starts, does what its first line says when curl asks, and leaves with 0 on SIGTERM.

#include "support/process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

namespace corevent::test {
namespace {

/// An example on a free port.
class Example {
public:
    explicit Example(const std::string& name, std::vector<std::string> arguments = {})
        : process(start(name, arguments)) {
        process.wait_for_out("\n");
        const std::string line = process.out();
        constexpr std::string_view before = "listening on ";
        EXPECT_TRUE(line.starts_with(before)) << line << process.err();
        address = line.substr(0, line.find('\n')).substr(std::min(before.size(), line.size()));
    }

    std::string curl(const std::string& path, std::vector<std::string> arguments = {}) const {
        std::vector<std::string> command{"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        command.push_back("http://" + address + path);
        return run(std::move(command)).out;
    }

    int stop() {
        process.signal(SIGTERM);
        const Finished ended = process.finish();
        // A slow machine may hold a loop, and says so; nothing else is said but that the server stops. (A client that
        // has gone may still be counted.)
        std::istringstream lines(ended.err);
        for (std::string line; std::getline(lines, line);) {
            EXPECT_TRUE(line.find(" held ") != std::string::npos ||
                        line == "stopping: no connection is open" ||
                        line.starts_with("draining for "))
                << line;
        }
        return ended.code;
    }

    Process process;
    std::string address;

private:
    static Start start(const std::string& name, const std::vector<std::string>& arguments) {
        std::vector<std::string> command{std::string(CE_BIN_DIR) + "/" + name, "127.0.0.1:0"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return {.command = std::move(command)};
    }
};

const std::set<std::string> tested{
    "hello",        "json",           "streaming",         "coroutine",        "offload",
    "static_files", "per_core_state", "graceful_shutdown", "responder_thread", "timer_signal"};

TEST(Examples, AreAllTested) {
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(CE_SOURCE_DIR) + "/examples")) {
        const std::string name = entry.path().stem();
        if (entry.path().extension() == ".cc" && name != "conformance_server") {  // has suites of
                                                                                  // its own
            EXPECT_TRUE(tested.contains(name)) << name;
        }
    }
}

TEST(Examples, Hello) {
    Example example("hello");
    EXPECT_EQ(example.curl("/"), "Hello, World!\n");
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, HelloSaysWhyItCannotListen) {
    Example first("hello");
    const Finished second = run({std::string(CE_BIN_DIR) + "/hello", first.address});
    EXPECT_EQ(second.code, 1);
    EXPECT_TRUE(second.err.starts_with("cannot listen on " + first.address + ": in use by hello"))
        << second.err;
    EXPECT_EQ(first.stop(), 0);
}

TEST(Examples, Json) {
    Example example("json");
    EXPECT_EQ(example.curl("/users/7?name=Ada"), "{\"id\": \"7\", \"name\": \"Ada\"}\n");
    EXPECT_EQ(example.curl("/double", {"-d", "[1, 2]"}), "[[1, 2], [1, 2]]\n");
    EXPECT_EQ(example.curl("/users/7?name=%22", {"-o", "/dev/null", "-w", "%{http_code}"}), "400");
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, Streaming) {
    Example example("streaming");
    const std::string lines = example.curl("/lines/100000");
    EXPECT_TRUE(lines.starts_with("line 1\nline 2\n"));
    EXPECT_TRUE(lines.ends_with("line 99999\nline 100000\n"));
    const TemporaryDirectory directory;
    const std::string file = directory.file("body", std::string(10'000'000, 'x'));
    EXPECT_EQ(example.curl("/upload", {"-T", file}), "10000000 octets\n");
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, Coroutine) {
    Example example("coroutine");
    EXPECT_EQ(example.curl("/both"), "42\n");
    EXPECT_EQ(example.curl("/impatient", {"-o", "/dev/null", "-w", "%{http_code}"}), "504");
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, Offload) {
    Example example("offload");
    EXPECT_EQ(example.curl("/primes/100000"), "9592\n");
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, PerCoreState) {
    Example example("per_core_state");
    EXPECT_TRUE(example.curl("/x").starts_with("visit 1 of /x on loop "));
    // On one connection, so on one loop.
    const std::string three = example.curl("/y", {"http://" + example.address + "/y",
                                                  "http://" + example.address + "/y"});
    EXPECT_NE(three.find("visit 3 of /y on loop "), std::string::npos) << three;
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, GracefulShutdown) {
    Example example("graceful_shutdown");
    Process asking({.command = {"curl", "-q", "-sSv", "--noproxy", "*",
                                "http://" + example.address + "/slow"}});
    ASSERT_TRUE(asking.wait_for_err("> GET /slow"));
    // The request has left curl; another answer on a new connection shows that the loops have seen
    // what came before it.
    EXPECT_EQ(example.curl("/none", {"-o", "/dev/null", "-w", "%{http_code}"}), "404");
    EXPECT_EQ(example.stop(), 0);
    EXPECT_NE(example.process.out().find("draining\n"), std::string::npos);
    EXPECT_EQ(asking.finish().out, "finished\n");
}

TEST(Examples, ResponderThread) {
    Example example("responder_thread");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(example.curl("/"), "from another thread\n");
    }
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, StaticFiles) {
    const TemporaryDirectory directory;
    directory.file("a.txt", "alpha");
    Example example("static_files", {directory.path()});
    EXPECT_EQ(example.curl("/files/a.txt"), "alpha");
    EXPECT_NE(example.curl("/", {"-L"}).find("a.txt"), std::string::npos);
    EXPECT_EQ(example.stop(), 0);
}

TEST(Examples, TimerSignal) {
    Process example({.command = {std::string(CE_BIN_DIR) + "/timer_signal"}});
    EXPECT_TRUE(example.wait_for_out("tick 3\n"));
    example.signal(SIGTERM);
    const Finished ended = example.finish();
    EXPECT_EQ(ended.code, 0);
    EXPECT_NE(ended.out.find("stopped after "), std::string::npos) << ended.out;
}

}  // namespace
}  // namespace corevent::test
