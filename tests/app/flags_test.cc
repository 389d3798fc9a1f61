// The command line and the environment of `corevent`, through the program: messages, exit codes,
// precedence.

#include "program.h"

#include <corevent/limits.h>

#include <algorithm>

namespace corevent::test {
namespace {

struct Mistake {
    std::vector<std::string> arguments;
    std::string message;
};

class UsageErrors : public testing::TestWithParam<Mistake> {};

TEST_P(UsageErrors, AreNamedAndExitWith2) {
    const Finished ended = corevent_run(GetParam().arguments);
    EXPECT_EQ(ended.code, 2);
    EXPECT_NE(ended.err.find(GetParam().message), std::string::npos) << ended.err;
    EXPECT_EQ(ended.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Table, UsageErrors,
    testing::Values(
        Mistake{{}, "corevent COMMAND"},
        Mistake{{"sevre"}, "unknown command \"sevre\"; did you mean serve?"},
        Mistake{{"zzzzzz"}, "unknown command \"zzzzzz\"\n"},
        Mistake{{"serve", "--thread", "4"}, "unknown flag --thread; did you mean --threads?"},
        Mistake{{"serve", "--no-browze"}, "unknown flag --no-browze; did you mean --no-browse?"},
        Mistake{{"serve", "--head-byte=1"}, "unknown flag --head-byte; did you mean --head-bytes?"},
        Mistake{{"serve", "--tls", "a,b"}, "unknown flag --tls"},
        Mistake{{"serve", "-x"}, "unknown flag -x\n"},
        Mistake{{"serve", "--port"}, "--port needs a value"},
        Mistake{{"serve", "--port", "abc"}, "--port: \"abc\" is not a port"},
        Mistake{{"serve", "--port", "65536"}, "--port: \"65536\" is not a port"},
        Mistake{{"serve", "99999"}, "\"99999\" is not a port"},
        Mistake{{"serve", "-p", "1", "2"}, "--port \"1\" and \"2\" both give the port"},
        Mistake{{"serve", "a", "b"}, "\"a\" and \"b\" both give the directory"},
        Mistake{{"serve", "-r", "a", "b"}, "--root \"a\" and \"b\" both give the directory"},
        Mistake{{"serve", "-p", "1", "-l", ":2"}, "--port and --listen exclude each other"},
        Mistake{{"serve", "-l", "nonsense:x"}, "--listen: "},
        Mistake{{"serve", "-l", "unix:/tmp/s,mode=888"}, "mode=NNN is octal"},
        Mistake{{"serve", "-l", ":80,mode=600"}, "for unix sockets"},
        Mistake{{"serve", "-t", "0"}, "--threads: \"0\" is not a number of loops"},
        Mistake{{"serve", "--backend", "epol"}, "did you mean epoll?"},
        Mistake{{"serve", "--backend", "io_uring"}, "is not one of auto, epoll, poll"},
        Mistake{{"serve", "--log-format", "jsn"}, "did you mean json?"},
        Mistake{{"serve", "--lame-duck", "5q"}, "--lame-duck: \"5q\" is not a time"},
        Mistake{{"serve", "--limit", "head_byte=1"}, "did you mean head_bytes?"},
        Mistake{{"serve", "--limit", "drain"}, "write NAME=VALUE"},
        Mistake{{"serve", "--head-bytes", "5x"}, "\"5x\" is not a size"},
        Mistake{{"serve", "--browse=maybe"}, "--browse: \"maybe\" is not on or off"},
        Mistake{{"serve", "--index", "a/b"}, "--index: \"a/b\" is not a file name"},
        Mistake{{"serve", "-q", "-v"}, "--quiet and --verbose exclude each other"},
        Mistake{{"serve", "--help=most"}, "--help takes nothing or =all"},
        Mistake{{"echo", "dir"}, "corevent echo takes no argument \"dir\""},
        Mistake{{"echo", "--browse"}, "unknown flag --browse"},
        Mistake{{"exec"}, "no program to run"},
        Mistake{{"exec", "-t", "2", "--"}, "no program to run"},
        Mistake{{"exec", "--mod", "all", "env"}, "unknown flag --mod; did you mean --mode?"},
        Mistake{{"exec", "-t", "none", "env"}, "--threads: \"none\" is not a number of loops"},
        Mistake{{"exec", "-t", "2", "--mode", "al", "env"}, "--mode: \"al\" is not one of io, all"},
        Mistake{{"exec", "--mode", "all", "env"}, "--mode means something with --threads"},
        Mistake{{"exec", "--threads"}, "--threads needs a value"},
        Mistake{{"version", "-z"}, "unknown flag -z"}));

struct Variable {
    std::string name;
    std::string value;
    std::string message;
};

class VariableErrors : public testing::TestWithParam<Variable> {};

TEST_P(VariableErrors, NameTheVariableAndExitWith78) {
    Start start = corevent_start({"serve"});
    start.environment.emplace_back(GetParam().name, GetParam().value);
    const Finished ended = run(start);
    EXPECT_EQ(ended.code, 78);
    EXPECT_NE(ended.err.find(GetParam().message), std::string::npos) << ended.err;
}

INSTANTIATE_TEST_SUITE_P(
    Table, VariableErrors,
    testing::Values(Variable{"COREVENT_PORT", "x", "COREVENT_PORT: \"x\" is not a port"},
                    Variable{"COREVENT_HEAD_BYTES", "x", "COREVENT_HEAD_BYTES: limit head_bytes"},
                    Variable{"COREVENT_LIMIT", "drain=1s hed_bytes=1", "did you mean head_bytes?"},
                    Variable{"COREVENT_LISTEN", "what?", "COREVENT_LISTEN: "},
                    Variable{"COREVENT_QUIET", "2", "COREVENT_QUIET: \"2\" is not on or off"}));

TEST(Help, PrintsEveryCommandAndExitsWith0) {
    const Finished ended = corevent_run({"--help"});
    EXPECT_EQ(ended.code, 0);
    for (const char* command : {"serve", "echo", "exec", "version"}) {
        EXPECT_NE(ended.out.find(command), std::string::npos);
        const Finished help = corevent_run({command, "--help"});
        EXPECT_EQ(help.code, 0);
        EXPECT_TRUE(help.out.starts_with(std::string("corevent ") + command)) << help.out;
        EXPECT_EQ(help.out.find("proxy"), std::string::npos);
    }
}

TEST(Help, AllPrintsTheTableOfLimits) {
    const std::string brief = corevent_run({"serve", "--help"}).out;
    const std::string all = corevent_run({"serve", "--help=all"}).out;
    const auto words = [](std::string text) {  // the lines are wrapped
        std::string joined;
        for (const char c : text) {
            const char space = c == '\n' ? ' ' : c;
            if (space != ' ' || !joined.ends_with(' ')) {
                joined += space;
            }
        }
        return joined;
    };
    for (const LimitInfo& info : limit_table()) {
        std::string flag = "--" + std::string(info.name);
        std::ranges::replace(flag, '_', '-');
        std::string value = limit_text(info.unit, info.default_value);
        std::erase(value, ' ');
        const std::string row = flag + " " + value + " " + std::string(info.reason) + " (" +
                                std::string(info.answer) + ")";
        EXPECT_NE(words(all).find(row), std::string::npos) << row;
        if (info.limit != Limit::drain) {  // an example in the short text
            EXPECT_EQ(brief.find(flag + " "), std::string::npos) << flag;
        }
    }
}

TEST(Environment, GivesWhatTheCommandLineDoesNot) {
    const TemporaryDirectory site;
    site.file("a.txt", "alpha");
    Start start = corevent_start({"serve"});
    start.environment = {
        {"COREVENT_ROOT", site.path()}, {"COREVENT_PORT", "0"}, {"COREVENT_THREADS", "1"}};
    Running server(start);
    EXPECT_EQ(curl({server.url("/a.txt")}).out, "alpha");
    EXPECT_NE(server.process.err().find("  1 loop (epoll)"), std::string::npos)
        << server.process.err();
    EXPECT_EQ(server.stop(), 0);
}

TEST(Environment, YieldsToTheCommandLine) {
    const TemporaryDirectory site;
    Start start = corevent_start({"serve", site.path(), "-p", "0", "--threads", "2", "--head-bytes",
                                  "20KiB", "-v"});
    start.environment = {{"COREVENT_LISTEN", "192.0.2.1:1"},
                         {"COREVENT_THREADS", "1"},
                         {"COREVENT_LIMIT", "head_bytes=5KiB drain=7s"}};
    Running server(start);
    const std::string lines = server.process.err();
    EXPECT_NE(lines.find("  2 loops (epoll)"), std::string::npos) << lines;
    EXPECT_NE(lines.find(" head_bytes=20 KiB"), std::string::npos) << lines;
    EXPECT_NE(lines.find("Ctrl-C drains for 7 s"), std::string::npos) << lines;
    EXPECT_EQ(server.stop(), 0);
}

TEST(Environment, UnknownVariablesAreNamed) {
    Start start = corevent_start({"version"});
    start.environment.emplace_back("COREVENT_PROT", "80");
    const Finished ended = run(start);
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.err, "unknown variable COREVENT_PROT; did you mean COREVENT_PORT?\n");
}

TEST(Version, IsOneLineAndMoreWhenAsked) {
    const std::string line = "corevent " CE_VERSION "\n";
    EXPECT_EQ(corevent_run({"version"}).out, line);
    EXPECT_EQ(corevent_run({"--version"}).out, line);
    const Finished details = corevent_run({"version", "-v"});
    EXPECT_EQ(details.code, 0);
    EXPECT_TRUE(details.out.starts_with(line));
    for (const char* word : {"compiler", "fmt", "CLI11", "kernel", "openat2"}) {
        EXPECT_NE(details.out.find(word), std::string::npos) << details.out;
    }
}

}  // namespace
}  // namespace corevent::test
