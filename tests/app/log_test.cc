// The access log of `corevent serve`: each format is read back by something that knows the format.

#include "program.h"

#include <algorithm>
#include <regex>
#include <sstream>

namespace corevent::test {
namespace {

class Logged : public testing::Test {
protected:
    Logged() { directory.file("a.txt", "0123456789"); }

    /// Three requests logged to a file in this format; its lines.
    std::vector<std::string> lines(const std::string& format) {
        Running server({"serve", directory.path(), "-p", "0", "--access-log", log(), "--log-format",
                        format});
        EXPECT_EQ(status_of(server.url("/a.txt"), {"-A", "agent \"x\"", "-e", "http://from/"}),
                  "200");
        EXPECT_EQ(status_of(server.url("/none?key=1")), "404");
        EXPECT_EQ(status_of(server.url("/a.txt"), {"-I"}), "200");
        EXPECT_EQ(server.stop(), 0);
        std::vector<std::string> result;
        std::istringstream text(read_file(log()));
        for (std::string line; std::getline(text, line);) {
            result.push_back(line);
        }
        return result;
    }

    std::string log() const { return directory.path() + "/access.log"; }

    TemporaryDirectory directory;
};

TEST_F(Logged, AsTextForPeople) {
    const auto lines = this->lines("text");
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_NE(lines[0].find("GET /a.txt 200"), std::string::npos) << lines[0];
    EXPECT_NE(lines[1].find("404"), std::string::npos) << lines[1];
    EXPECT_NE(lines[2].find("HEAD /a.txt 200"), std::string::npos) << lines[2];
    EXPECT_NE(lines[0].find("127.0.0.1"), std::string::npos) << lines[0];
}

TEST_F(Logged, AsJson) {
    const auto lines = this->lines("json");
    ASSERT_EQ(lines.size(), 3U);
    const Finished parsed =
        run({"python3", "-c",
             "import json,sys\n"
             "for line in open(sys.argv[1]):\n"
             "    r = json.loads(line)\n"
             "    print(r['http.request.method'], r['url.path'], r['http.response.status_code'])\n",
             log()});
    EXPECT_EQ(parsed.code, 0) << parsed.err << lines[0];
    EXPECT_EQ(parsed.out, "GET /a.txt 200\nGET /none 404\nHEAD /a.txt 200\n");
}

TEST_F(Logged, AsCombined) {
    const auto lines = this->lines("combined");
    ASSERT_EQ(lines.size(), 3U);
    const std::regex combined(
        R"re((\S+) - - \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")re");
    std::vector<std::smatch> found(3);
    for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(std::regex_match(lines[i], found[i], combined)) << lines[i];
    }
    EXPECT_EQ(found[0][1], "127.0.0.1");
    EXPECT_EQ(found[0][3], "GET /a.txt HTTP/1.1");
    EXPECT_EQ(found[0][4], "200");
    EXPECT_EQ(found[0][5], "10");
    EXPECT_EQ(found[0][6], "http://from/");
    EXPECT_NE(found[0][7].str().find("agent "), std::string::npos);
    EXPECT_EQ(found[1][4], "404");
    EXPECT_EQ(found[2][3], "HEAD /a.txt HTTP/1.1");
}

TEST_F(Logged, ToStandardOutput) {
    Running server({"serve", directory.path(), "-p", "0", "--access-log", "-"});
    EXPECT_EQ(status_of(server.url("/a.txt")), "200");
    EXPECT_TRUE(server.process.wait_for_out("GET /a.txt 200")) << server.process.out();
}

TEST_F(Logged, NotWithoutATerminalOrWhenOff) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"--access-log", "off"}}) {
        std::vector<std::string> all{"serve", directory.path(), "-p", "0"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        Running server(all);
        EXPECT_EQ(status_of(server.url("/a.txt")), "200");
        server.process.signal(SIGTERM);
        EXPECT_EQ(server.process.finish().out, "");
    }
}

TEST_F(Logged, AppendsAndEscapes) {
    directory.file("access.log", "before\n");
    Running server({"serve", directory.path(), "-p", "0", "--access-log", log(), "--log-format",
                    "combined"});
    Client client(server.port);
    client.send(
        "GET /a%0ab HTTP/1.1\r\nHost: x\r\nUser-Agent: a\x80\"b\\\r\nConnection: close\r\n\r\n");
    client.receive_all();
    EXPECT_EQ(server.stop(), 0);
    const std::string text = read_file(log());
    EXPECT_TRUE(text.starts_with("before\n"));
    EXPECT_EQ(std::ranges::count(text, '\n'), 2);
    EXPECT_EQ(text.find('\x80'), std::string::npos) << text;
}

TEST_F(Logged, OnATerminal) {
    if (run({"script", "--version"}).code != 0) {
        GTEST_SKIP() << "needs script of util-linux";
    }
    // `script` gives the program a terminal and copies what it shows.
    Process terminal({.command = {"script", "-qefc",
                                  program("corevent") + " serve " + directory.path() + " -p 0",
                                  "/dev/null"}});
    ASSERT_TRUE(terminal.wait_for_out("Ctrl-C drains"));
    const std::uint16_t port = std::max(port_after(terminal.out(), "http://localhost:"),
                                        port_after(terminal.out(), "http://127.0.0.1:"));
    EXPECT_EQ(status_of("http://127.0.0.1:" + std::to_string(port) + "/a.txt"), "200");
    EXPECT_TRUE(terminal.wait_for_out("GET /a.txt \x1b[32m200\x1b[0m")) << terminal.out();
    terminal.signal(SIGTERM);
    terminal.finish();
}

}  // namespace
}  // namespace corevent::test
