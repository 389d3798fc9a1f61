#include "app/flags.h"

#include "app/nearest.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>

namespace corevent::app {
namespace {

constexpr std::string_view variable_prefix = "COREVENT_";

/// "-p,--port", "--head-bytes,--head_bytes", "--browse{on},--no-browse{off}": the notation of
/// CLI11.
std::string declaration(const Flag& flag) {
    const bool bare = !flag.bare.empty();
    const auto named = [&](std::string name) { return bare ? name + "{" + flag.bare + "}" : name; };
    std::string text =
        flag.letter != 0 ? named(std::string("-") + flag.letter) + "," : std::string();
    text += named("--" + flag.name);
    std::string underscored = flag.name;
    std::ranges::replace(underscored, '-', '_');
    if (flag.group.empty() && underscored != flag.name) {  // limits: their own spelling as well
        text += "," + named("--" + underscored);
    }
    if (!flag.opposite.empty()) {
        text += ",--" + flag.opposite + "{off}";
    }
    return text;
}

std::vector<std::string> flag_names(const Command& command) {
    std::vector<std::string> names{"help"};
    for (const Flag& flag : command.flags) {
        names.push_back(flag.name);
        if (!flag.opposite.empty()) {
            names.push_back(flag.opposite);
        }
    }
    return names;
}

std::unexpected<Stop> usage_error(const Command& command, const std::string& what) {
    return stop(ExitCode::usage,
                fmt::format("{}\ncorevent {} --help lists what there is", what, command.name));
}

std::unexpected<Stop> unknown_flag(const Command& command, const std::string& argument) {
    const std::string name = argument.substr(0, argument.find('='));
    std::string bare = name;
    bare.erase(0, bare.find_first_not_of('-'));
    std::ranges::replace(bare, '_', '-');
    return usage_error(command, fmt::format("unknown flag {}{}", name,
                                            did_you_mean(bare, flag_names(command), "--")));
}

/// What the command line says, in CLI11's terms.
struct Line {
    CLI::App parser;
    std::vector<std::pair<const Flag*, CLI::Option*>> options;
    std::vector<std::string> positionals;
    std::vector<std::string> help;

    explicit Line(const Command& command) {
        parser.set_help_flag();
        parser.allow_extras();
        parser.add_flag("-h{short},--help{short}", help)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        parser.add_option("arguments", positionals);
        for (const Flag& flag : command.flags) {
            const CLI::callback_t keep = [](const CLI::results_t&) { return true; };
            CLI::Option* const option = flag.bare.empty()
                                            ? parser.add_option(declaration(flag), keep)
                                            : parser.add_flag(declaration(flag));
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
            if (flag.bare.empty()) {
                option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(false);
            }
            options.emplace_back(&flag, option);
        }
    }
};

/// How many words stand before "--" or the first word that is neither a flag nor its value.
std::size_t own_words(const Command& command, std::span<char* const> arguments) {
    const auto takes_next = [&](std::string_view word) {
        return std::ranges::any_of(command.flags, [&](const Flag& flag) {
            return flag.bare.empty() &&
                   (word == "--" + flag.name ||
                    (flag.letter != 0 && word == std::string("-") + flag.letter));
        });
    };
    std::size_t at = 0;
    while (at < arguments.size()) {
        const std::string_view word = arguments[at];
        if (word == "--" || !word.starts_with('-')) {
            return at;
        }
        at += takes_next(word) ? 2 : 1;
    }
    return arguments.size();
}

/// Each value is moved out of the options in the order of the table; the order within one flag is
/// kept.
void take_settings(const Line& line, std::vector<Setting>& into) {
    for (const auto& [flag, option] : line.options) {
        for (const std::string& text : option->results()) {
            into.push_back({flag->name, text, "--" + flag->name, false});
        }
    }
}

void read_environment(const Command& command, char* const* environment,
                      std::vector<Setting>& into) {
    for (char* const* entry = environment; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const auto flag = std::ranges::find_if(command.flags, [&](const Flag& f) {
            return variable_name(f) == name;
        });
        if (equals == std::string_view::npos || flag == command.flags.end()) {
            continue;
        }
        const std::string value(text.substr(equals + 1));
        if (!flag->repeatable) {
            into.push_back({flag->name, value, std::string(name), true});
            continue;
        }
        std::istringstream words(value);
        for (std::string word; words >> word;) {
            into.push_back({flag->name, word, std::string(name), true});
        }
    }
}

std::string flag_column(const Flag& flag) {
    std::string text = flag.letter != 0 ? fmt::format("  -{}, --{}", flag.letter, flag.name)
                                        : "      --" + flag.name;
    if (!flag.value.empty()) {
        text += flag.bare.empty() ? " " + flag.value : "[=" + flag.value + "]";
    }
    if (!flag.opposite.empty()) {
        text += ", --" + flag.opposite;
    }
    return text;
}

/// Words of `text` in lines of at most 100 columns that begin at `indent`, the first one after
/// `lead`.
std::string wrapped(std::string lead, const std::string& text, std::size_t indent) {
    constexpr std::size_t columns = 100;
    std::string out;
    if (lead.size() + 2 > indent) {
        out = std::exchange(lead, std::string()) + "\n";
    }
    std::string line = lead + std::string(indent - lead.size(), ' ');
    bool empty = true;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (!empty && line.size() + 1 + word.size() > columns) {
            out += line + "\n";
            line.assign(indent, ' ');
            empty = true;
        }
        line += empty ? word : " " + word;
        empty = false;
    }
    return out + line + "\n";
}

}  // namespace

const Setting* Settings::find(std::string_view flag) const noexcept {
    const auto last =
        std::find_if(all.rbegin(), all.rend(), [&](const Setting& s) { return s.flag == flag; });
    return last == all.rend() ? nullptr : &*last;
}

std::vector<Setting> Settings::list(std::string_view flag) const {
    std::vector<Setting> found;
    std::ranges::copy_if(all, std::back_inserter(found),
                         [&](const Setting& s) { return s.flag == flag; });
    if (std::ranges::any_of(found, [](const Setting& s) { return !s.from_environment; })) {
        std::erase_if(found, [](const Setting& s) { return s.from_environment; });
    }
    return found;
}

OrStop<Settings> read_flags(const Command& command, std::span<char* const> arguments,
                            char* const* environment) {
    Line line(command);
    const std::size_t own = command.runs_program ? own_words(command, arguments) : arguments.size();
    const auto flags = arguments.first(own);
    std::vector<std::string> reversed(flags.rbegin(), flags.rend());  // as CLI11 wants them
    try {
        line.parser.parse(std::move(reversed));
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string text = error.what();
        return usage_error(command, text.substr(0, text.find(':')) + " needs a value");
    } catch (const CLI::ParseError& error) {
        return usage_error(command, error.what());
    }
    for (const std::string& extra : line.parser.remaining()) {
        if (extra != "--") {
            return unknown_flag(command, extra);
        }
    }
    Settings settings;
    if (!line.help.empty()) {
        if (line.help.back() != "short" && line.help.back() != "all") {
            return usage_error(command, fmt::format("--help takes nothing or =all, not \"{}\"",
                                                    line.help.back()));
        }
        settings.help = line.help.back();
    }
    if (command.positionals.empty() && !line.positionals.empty()) {
        return usage_error(command, fmt::format("corevent {} takes no argument \"{}\"",
                                                command.name, line.positionals.front()));
    }
    read_environment(command, environment, settings.all);
    take_settings(line, settings.all);
    settings.positionals = std::move(line.positionals);
    const auto rest = arguments.subspan(own);
    const bool dashes = !rest.empty() && std::string_view(rest.front()) == "--";
    settings.positionals.insert(settings.positionals.end(), rest.begin() + dashes, rest.end());
    return settings;
}

std::string help_text(const Command& command, bool all) {
    constexpr std::size_t indent = 28;
    std::string text =
        fmt::format("corevent {} {}\n{}\n", command.name, command.usage, command.summary);
    if (!command.positionals.empty()) {
        text += "\n" + wrapped("", command.positionals, 2);
    }
    std::string group;
    for (const Flag& flag : command.flags) {
        if (flag.group.empty() && !all) {
            continue;
        }
        const std::string heading = flag.group.empty() ? "Limits" : flag.group;
        if (heading != group) {
            text += fmt::format("\n{}:\n", heading);
            group = heading;
        }
        text += wrapped(flag_column(flag), flag.help, indent);
    }
    text += "\nHelp:\n" + wrapped("  -h, --help", "this text", indent);
    if (std::ranges::any_of(command.flags, [](const Flag& f) { return f.group.empty(); })) {
        text += wrapped("      --help=all",
                        "with every limit: default, reason and what the peer is told", indent);
    }
    return text + "\n" + command.notes;
}

std::string variable_name(const Flag& flag) {
    if (!flag.variable.empty()) {
        return flag.variable;
    }
    std::string name(variable_prefix);
    for (const char c : flag.name) {
        name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

std::unexpected<Stop> refuse(const Setting& setting, std::string_view expected) {
    const ExitCode code = setting.from_environment ? ExitCode::configuration : ExitCode::usage;
    const std::string place = setting.source.empty() ? std::string() : setting.source + ": ";
    return stop(code, fmt::format("{}\"{}\" is not {}", place, setting.text, expected));
}

}  // namespace corevent::app
