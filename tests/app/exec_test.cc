// `corevent exec`, as far as the program that it becomes can tell: its words, its environment, its
// exit code. That libevent then comes from the folder named there is shown in tests/compat and
// tools/check_install.

#include "program.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <filesystem>

namespace corevent::test {
namespace {

const std::string libraries =
    std::filesystem::path(std::string(CE_BIN_DIR) + "/../lib/corevent").lexically_normal().string();

/// `corevent exec` with these words and a search path of the caller's.
Start exec_start(std::vector<std::string> arguments, const std::string& search_path = {}) {
    arguments.insert(arguments.begin(), "exec");
    Start start = corevent_start(std::move(arguments));
    start.environment.emplace_back("LD_LIBRARY_PATH", search_path);
    return start;
}

/// What `env` prints for a variable, "-" when it has none.
std::string variable(const Finished& ended, const std::string& name) {
    const std::string text = "\n" + ended.out;
    const std::size_t at = text.find("\n" + name + "=");
    if (at == std::string::npos) {
        return "-";
    }
    const std::size_t start = at + name.size() + 2;
    return text.substr(start, text.find('\n', start) - start);
}

TEST(Exec, PutsTheLibrariesFirst) {
    const Finished alone = run(exec_start({"--", "env"}));
    EXPECT_EQ(alone.code, 0) << alone.err;
    EXPECT_EQ(alone.err, "");
    EXPECT_EQ(variable(alone, "LD_LIBRARY_PATH"), libraries);
    for (const char* name : {"THREADS", "MODE", "LIMITS", "LENIENT"}) {
        EXPECT_EQ(variable(alone, std::string("COREVENT_HTTP_") + name), "-");
    }
    const Finished more = run(exec_start({"env"}, "/elsewhere:/more"));
    EXPECT_EQ(variable(more, "LD_LIBRARY_PATH"), libraries + ":/elsewhere:/more");
}

TEST(Exec, FindsThemThroughALinkAndFromAnyFolder) {
    const TemporaryDirectory folder;
    const std::string link = folder.path() + "/another_name";
    ASSERT_EQ(symlink(program("corevent").c_str(), link.c_str()), 0);
    Start start = exec_start({"env"});
    start.command.front() = "./another_name";
    start.directory = folder.path();
    EXPECT_EQ(variable(run(start), "LD_LIBRARY_PATH"), libraries);
}

TEST(Exec, FlagsBecomeVariables) {
    const Finished given =
        run(exec_start({"-t", "auto", "--mode=all", "--limits", "--lenient=no", "--", "env"}));
    EXPECT_EQ(given.code, 0) << given.err;
    EXPECT_EQ(variable(given, "COREVENT_HTTP_THREADS"), "auto");
    EXPECT_EQ(variable(given, "COREVENT_HTTP_MODE"), "all");
    EXPECT_EQ(variable(given, "COREVENT_HTTP_LIMITS"), "on");
    EXPECT_EQ(variable(given, "COREVENT_HTTP_LENIENT"), "off");
    Start start = exec_start({"--threads", "3", "env"});
    start.environment.emplace_back("COREVENT_HTTP_THREADS", "7");
    start.environment.emplace_back("COREVENT_HTTP_MODE", "io");
    const Finished mixed = run(start);
    EXPECT_EQ(variable(mixed, "COREVENT_HTTP_THREADS"), "3");
    EXPECT_EQ(variable(mixed, "COREVENT_HTTP_MODE"), "io");
}

TEST(Exec, LeavesTheProgramItsFlags) {
    const Finished ended =
        run(exec_start({"-t2", "printf", "[%s]", "-t", "--mode", "--", "--help"}));
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, "[-t][--mode][--][--help]");
    const Finished dashes = run(exec_start({"--", "printf", "[%s]", "--"}));
    EXPECT_EQ(dashes.out, "[--]");
}

TEST(Exec, EndsAsTheProgramEnds) {
    EXPECT_EQ(run(exec_start({"sh", "-c", "exit 41"})).code, 41);
    EXPECT_EQ(run(exec_start({"sh", "-c", "kill -TERM $$"})).code, 128 + SIGTERM);
}

TEST(Exec, SaysWhyAProgramDoesNotStart) {
    const TemporaryDirectory folder;
    const std::string text = folder.file("text", "no program\n");
    const Finished missing = run(exec_start({"no-such-program-here"}));
    EXPECT_EQ(missing.code, 127);
    EXPECT_EQ(missing.err, "cannot run no-such-program-here: not found in PATH\n");
    const Finished nowhere = run(exec_start({folder.path() + "/none"}));
    EXPECT_EQ(nowhere.code, 127);
    EXPECT_EQ(nowhere.err, "cannot run " + folder.path() + "/none: no such file\n");
    const Finished denied = run(exec_start({text}));
    EXPECT_EQ(denied.code, 126);
    EXPECT_EQ(denied.err, "cannot run " + text + ": it is not executable\n");
}

TEST(Exec, SaysWhereItLookedForTheLibraries) {
    const TemporaryDirectory folder;
    std::filesystem::create_directory(folder.path() + "/bin");
    const std::string copy = folder.path() + "/bin/corevent";
    std::filesystem::copy_file(program("corevent"), copy);
    Start start = exec_start({"env"});
    start.command.front() = copy;
    const Finished ended = run(start);
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("libcorevent_event.so.0 is not in " + folder.path() + "/lib/corevent"),
              std::string::npos)
        << ended.err;
}

}  // namespace
}  // namespace corevent::test
