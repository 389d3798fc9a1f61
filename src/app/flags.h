// Flags: the command line and the environment of one command, read against one table. A row of the
// table makes the flag
// (`--log-format`), its variable (COREVENT_LOG_FORMAT), its line in --help and the names that a
// typing error is compared with, so none of them can exist without the others. What a value means
// is decided in options.cc. Start-up only.
#pragma once

#include "app/exit_code.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::app {

struct Flag {
    std::string name{};      ///< without dashes: "log-format"
    char letter = 0;         ///< 'p' for -p; 0 = none
    std::string value{};     ///< how the value is called in --help; empty = a switch
    std::string bare{};      ///< what the flag means without a value (switches: "on"); then a value
                             ///< needs '='
    std::string variable{};  ///< its variable, when that is not made from the name
    std::string opposite{};  ///< a second name that means "off": "no-browse"
    bool repeatable = false;  ///< several values count; in the variable they are separated by
                              ///< spaces
    std::string group{};      ///< heading in --help; empty = only in --help=all
    std::string help{};
};

struct Command {
    std::string name;         ///< "serve"
    std::string usage;        ///< "[PORT] [DIR]"
    std::string summary;      ///< one sentence
    std::string positionals;  ///< what they are, for --help; empty = none are taken
    std::vector<Flag> flags;
    std::string notes;  ///< end of --help
    bool runs_program =
        false;  ///< what follows "--", or the first word that is no flag, belongs to
                ///< another program, its flags too
};

/// One value as it was given, and where, so that a message can name the place.
struct Setting {
    std::string flag;
    std::string text;
    std::string source;  ///< "--port", "COREVENT_PORT"; empty = an argument without a flag
    bool from_environment = false;
};

class Settings {
public:
    std::vector<Setting> all;  ///< the environment first, then the command line, each in order
    std::vector<std::string> positionals;
    std::optional<std::string> help;  ///< --help: "" or "all"

    /// The value that counts: the last one on the command line, else that of the environment.
    const Setting* find(std::string_view flag) const noexcept;
    /// Every value of a repeatable flag: those of the command line, or, when there are none, of the
    /// environment.
    std::vector<Setting> list(std::string_view flag) const;
};

/// `arguments` without the names of program and command; `environment` is environ.
OrStop<Settings> read_flags(const Command& command, std::span<char* const> arguments,
                            char* const* environment);

std::string help_text(const Command& command, bool all);
std::string variable_name(const Flag& flag);  ///< "COREVENT_LOG_FORMAT"

/// A setting that cannot be used: exit code 2 on the command line, 78 in the environment.
std::unexpected<Stop> refuse(const Setting& setting, std::string_view expected);

}  // namespace corevent::app
