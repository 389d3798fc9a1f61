// Options: what the flags of `serve` and `echo` mean, as checked values. The tables of flags and
// the functions that read them stand side by side in options.cc. Start-up only.
#pragma once

#include "app/flags.h"

#include <corevent/http/server.h>
#include <corevent/limits.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace corevent::app {

enum class AccessLog : std::uint8_t { terminal, off, standard_output, file };

/// What every command that serves takes.
struct ServerOptions {
    std::vector<Setting> listen;        ///< empty: both loopback addresses
    std::optional<std::uint16_t> port;  ///< of the loopback addresses; none with `listen`
    bool reuse_port = false;
    unsigned threads = 0;  ///< 0 = a loop per usable core
    Backend backend = Backend::automatic;
    Limits limits;
    std::chrono::milliseconds lame_duck{0};
    AccessLog access_log = AccessLog::terminal;
    std::string access_log_file;
    http::LogFormat log_format = http::LogFormat::text;
    bool quiet = false;
    bool verbose = false;
};

enum class Browse : std::uint8_t { loopback, on, off };

struct ServeOptions {
    ServerOptions server;
    std::string root = ".";
    Browse browse = Browse::loopback;
    std::vector<std::string> index;  ///< empty: the library's default
    std::string single_page;         ///< empty: off
};

struct EchoOptions {
    ServerOptions server;
    bool json = false;
};

struct ExecOptions {
    std::vector<std::string> command;                            ///< the program and its arguments
    std::vector<std::pair<std::string, std::string>> variables;  ///< what the libraries read
};

const Command& serve_command();
const Command& echo_command();
const Command& exec_command();
const Command& version_command();

OrStop<ServeOptions> serve_options(const Settings& settings);
OrStop<EchoOptions> echo_options(const Settings& settings);
OrStop<ExecOptions> exec_options(const Settings& settings);

/// One line for each COREVENT_... variable that no command knows (a typing error in a unit file is
/// else never seen).
std::vector<std::string> unknown_variables(char* const* environment);

/// The table of limits for --help=all: name, default, what the peer is told, reason.
std::vector<Flag> limit_flags();

}  // namespace corevent::app
