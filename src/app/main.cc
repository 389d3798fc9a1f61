// The program `corevent`: picks the sub-command, reads its flags, prints why it ended.

#include "app/commands.h"
#include "app/messages.h"
#include "app/nearest.h"
#include "app/options.h"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <span>

namespace corevent::app {
namespace {

struct Entry {
    const Command& command;
    OrStop<int> (*run)(const Settings& settings);
};

std::array<Entry, 4> commands() {
    return {{{serve_command(), run_serve},
             {echo_command(), run_echo},
             {exec_command(), run_exec},
             {version_command(), run_version}}};
}

std::string overview() {
    std::string text = "corevent COMMAND [ARGUMENTS]\n\n";
    for (const Entry& entry : commands()) {
        const Command& c = entry.command;
        text += fmt::format("  {:<9}{}\n", c.name, c.summary);
    }
    return text +
           "\ncorevent COMMAND --help says more. `corevent serve` serves this directory on "
           "http://localhost:8080/.\n";
}

OrStop<int> print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return static_cast<int>(ExitCode::clean);
}

OrStop<int> run(std::span<char* const> arguments) {
    if (arguments.size() < 2) {
        return stop(ExitCode::usage, overview());
    }
    const std::string_view name = arguments[1];
    if (name == "--help" || name == "-h" || name == "help") {
        return print(overview());
    }
    const auto entries = commands();
    const std::string_view wanted = name == "--version" ? "version" : name;
    const auto entry =
        std::ranges::find_if(entries, [&](const Entry& e) { return e.command.name == wanted; });
    if (entry == entries.end()) {
        std::vector<std::string> names;
        std::ranges::transform(entries, std::back_inserter(names),
                               [](const Entry& e) { return e.command.name; });
        return stop(ExitCode::usage,
                    fmt::format("unknown command \"{}\"{}\ncorevent --help lists what there is",
                                name, did_you_mean(name, names)));
    }
    const auto settings = read_flags(entry->command, arguments.subspan(2), environ);
    if (!settings) {
        return std::unexpected(settings.error());
    }
    if (settings->help) {
        return print(help_text(entry->command, *settings->help == "all"));
    }
    for (const std::string& line : unknown_variables(environ)) {
        say(line);
    }
    return entry->run(*settings);
}

}  // namespace
}  // namespace corevent::app

int main(int argc, char** argv) {
    using namespace corevent::app;
    try {
        const auto result = run(std::span(argv, static_cast<std::size_t>(argc)));
        return result ? *result : end_with(result.error());
    } catch (const std::exception& error) {
        return end_with({ExitCode::failed, std::string("corevent ends: ") + error.what()});
    }
}
