#include "app/options.h"

#include "app/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace corevent::app {
namespace {

std::vector<Flag> server_flags() {
    return {
        {.name = "port",
         .letter = 'p',
         .value = "N",
         .group = "Where",
         .help = "port on both loopback addresses, 127.0.0.1 and ::1 (8080); 0 takes a free one "
                 "and prints it"},
        {.name = "listen",
         .letter = 'l',
         .value = "ADDR",
         .repeatable = true,
         .group = "Where",
         .help = "instead: :8080 (every interface), 192.0.2.1:80, [::1]:80, unix:/run/x.sock, "
                 "unix:/run/x.sock,mode=660, or systemd (the sockets of LISTEN_FDS); may be given "
                 "several times"},
        {.name = "reuse-port",
         .bare = "on",
         .group = "Where",
         .help = "a socket for each loop with SO_REUSEPORT, instead of one that all loops share"},
        {.name = "threads",
         .letter = 't',
         .value = "N",
         .group = "How",
         .help = "loops, each on a thread of its own; auto: one for each usable core (auto)"},
        {.name = "backend",
         .value = "NAME",
         .group = "How",
         .help = "epoll, poll or auto (auto: epoll)"},
        {.name = "lame-duck",
         .value = "TIME",
         .group = "How",
         .help = "after a stop was asked for, go on accepting for this long, so that balancers see "
                 "it first (0s)"},
        {.name = "limit",
         .value = "NAME=VALUE",
         .repeatable = true,
         .group = "How",
         .help = "one of the limits of --help=all, such as head_bytes=32KiB or drain=5s; each "
                 "limit is also a flag of its own, such as --drain 5s"},
        {.name = "access-log",
         .value = "FILE",
         .group = "Log",
         .help = "a line for each request: FILE (appended), - (standard output) or off; without it "
                 "to standard output when that is a terminal"},
        {.name = "log-format",
         .value = "NAME",
         .group = "Log",
         .help = "text, json or combined (text)"},
        {.name = "quiet",
         .letter = 'q',
         .bare = "on",
         .group = "Log",
         .help = "no start-up lines, no access log on the terminal; warnings and errors only"},
        {.name = "verbose",
         .letter = 'v',
         .bare = "on",
         .group = "Log",
         .help = "debugging messages and the limits in force"},
    };
}

std::vector<Flag> joined(std::vector<Flag> first, std::vector<Flag> then) {
    for (Flag& flag : then) {
        first.push_back(std::move(flag));
    }
    return first;
}

constexpr std::string_view common_notes =
    "Each flag is also a variable: --access-log is COREVENT_ACCESS_LOG, a switch is on or off, "
    "several values are\n"
    "separated by spaces. A flag wins over its variable.\n"
    "SIGTERM and Ctrl-C stop accepting, finish what runs and exit; a second one stops at once.\n"
    "Exit codes: 0 clean stop, 1 could not start, 2 usage, 3 the drain deadline cut something, 78 "
    "an unusable variable.\n";

// --- values

OrStop<std::uint16_t> port_of(const Setting& setting) {
    std::uint16_t port = 0;
    const char* const end = setting.text.data() + setting.text.size();
    const auto [rest, error] = std::from_chars(setting.text.data(), end, port);
    if (error != std::errc{} || rest != end) {
        return refuse(setting, "a port: a number from 0 to 65535");
    }
    return port;
}

OrStop<unsigned> threads_of(const Setting& setting) {
    constexpr unsigned threads_max = 1024;
    if (setting.text == "auto") {
        return 0U;
    }
    unsigned threads = 0;
    const char* const end = setting.text.data() + setting.text.size();
    const auto [rest, error] = std::from_chars(setting.text.data(), end, threads);
    if (error != std::errc{} || rest != end || threads == 0 || threads > threads_max) {
        return refuse(setting, fmt::format("a number of loops from 1 to {}, or auto", threads_max));
    }
    return threads;
}

OrStop<bool> switch_of(const Setting& setting) {
    for (const std::string_view on : {"on", "1", "true", "yes"}) {
        if (setting.text == on) {
            return true;
        }
    }
    for (const std::string_view off : {"off", "0", "false", "no"}) {
        if (setting.text == off) {
            return false;
        }
    }
    return refuse(setting, "on or off");
}

template <class T>
using Names = std::span<const std::pair<std::string_view, T>>;

template <class T>
OrStop<T> one_of(const Setting& setting, Names<T> names) {
    std::string all;
    std::vector<std::string> candidates;
    for (const auto& [name, value] : names) {
        if (setting.text == name) {
            return value;
        }
        all += fmt::format("{}{}", all.empty() ? "" : ", ", name);
        candidates.emplace_back(name);
    }
    return refuse(setting, "one of " + all + did_you_mean(setting.text, candidates));
}

constexpr std::array<std::pair<std::string_view, Backend>, 3> backends{
    {{"auto", Backend::automatic}, {"epoll", Backend::epoll}, {"poll", Backend::poll}}};
enum class ThreadMode : std::uint8_t { io, all };
constexpr std::array<std::pair<std::string_view, ThreadMode>, 2> thread_modes{
    {{"io", ThreadMode::io}, {"all", ThreadMode::all}}};
constexpr std::array<std::pair<std::string_view, http::LogFormat>, 3> log_formats{
    {{"text", http::LogFormat::text},
     {"json", http::LogFormat::json},
     {"combined", http::LogFormat::combined}}};

OrStop<std::chrono::milliseconds> time_of(const Setting& setting) {
    Limits reader;  // the grammar of times is that of the limits
    if (!reader.set("drain=" + setting.text)) {
        return refuse(setting, "a time such as 250ms, 10s, 5m or 1h");
    }
    return std::chrono::milliseconds(reader[Limit::drain]);
}

std::string dashed(std::string_view name) {
    std::string text(name);
    std::ranges::replace(text, '_', '-');
    return text;
}

/// --limit NAME=VALUE and --NAME VALUE; what stands on the command line wins over the environment.
OrStop<Limits> limits_of(const Settings& settings) {
    Limits limits;
    const auto set = [&](const Setting& setting, const std::string& assignment) -> OrStop<void> {
        if (auto done = limits.set(assignment); !done) {
            const ExitCode code =
                setting.from_environment ? ExitCode::configuration : ExitCode::usage;
            return stop(code, setting.source + ": " + done.error().message);
        }
        return {};
    };
    for (const bool environment : {true, false}) {
        for (const Setting& setting : settings.all) {
            if (setting.from_environment != environment) {
                continue;
            }
            const auto info = std::ranges::find_if(limit_table(), [&](const LimitInfo& l) {
                return dashed(l.name) == setting.flag;
            });
            OrStop<void> done;
            if (info != limit_table().end()) {
                done = set(setting, std::string(info->name) + "=" + setting.text);
            } else if (setting.flag == "limit") {
                done = set(setting, setting.text);
            }
            if (!done) {
                return std::unexpected(done.error());
            }
        }
    }
    return limits;
}

/// Stores the value of a flag, when it was given.
template <class T, class Read>
OrStop<void> read(const Settings& settings, std::string_view flag, T& into, Read value_of) {
    const Setting* const setting = settings.find(flag);
    if (setting == nullptr) {
        return {};
    }
    auto value = value_of(*setting);
    if (!value) {
        return std::unexpected(std::move(value.error()));
    }
    into = std::move(*value);
    return {};
}

/// --port and --listen exclude each other; across command line and environment the command line
/// wins.
OrStop<void> read_addresses(const Settings& settings, ServerOptions& options) {
    options.listen = settings.list("listen");
    const Setting* const port = settings.find("port");
    if (port == nullptr) {
        return {};
    }
    if (!options.listen.empty()) {
        const bool listen_from_environment = options.listen.front().from_environment;
        if (listen_from_environment == port->from_environment) {
            const ExitCode code =
                port->from_environment ? ExitCode::configuration : ExitCode::usage;
            return stop(code,
                        fmt::format("{} and {} exclude each other: write the port into the address",
                                    port->source, options.listen.front().source));
        }
        if (port->from_environment) {
            return {};
        }
        options.listen.clear();
    }
    return read(settings, "port", options.port, port_of);
}

OrStop<void> read_log(const Settings& settings, ServerOptions& options) {
    if (const Setting* const log = settings.find("access-log"); log != nullptr) {
        if (log->text.empty()) {
            return refuse(*log, "a file, - or off");
        }
        options.access_log = log->text == "off" ? AccessLog::off
                             : log->text == "-" ? AccessLog::standard_output
                                                : AccessLog::file;
        options.access_log_file = log->text;
    }
    return read(settings, "log-format", options.log_format,
                [](const Setting& s) { return one_of<http::LogFormat>(s, log_formats); });
}

OrStop<ServerOptions> server_options(const Settings& settings) {
    ServerOptions options;
    auto limits = limits_of(settings);
    if (!limits) {
        return std::unexpected(limits.error());
    }
    options.limits = *limits;
    for (const auto& done : {
             read_addresses(settings, options),
             read_log(settings, options),
             read(settings, "threads", options.threads, threads_of),
             read(settings, "backend", options.backend,
                  [](const Setting& s) { return one_of<Backend>(s, backends); }),
             read(settings, "lame-duck", options.lame_duck, time_of),
             read(settings, "reuse-port", options.reuse_port, switch_of),
             read(settings, "quiet", options.quiet, switch_of),
             read(settings, "verbose", options.verbose, switch_of),
         }) {
        if (!done) {
            return std::unexpected(done.error());
        }
    }
    if (options.quiet && options.verbose) {
        return stop(ExitCode::usage, "--quiet and --verbose exclude each other");
    }
    return options;
}

/// `corevent serve 9000 site`: a number is the port, the rest the directory. Turned into settings,
/// so that a second value for the same thing is seen.
OrStop<Settings> with_positionals(Settings settings) {
    const auto add = [&](std::string_view flag, const std::string& text) -> OrStop<void> {
        const Setting* const given = settings.find(flag);
        if (given != nullptr && !given->from_environment) {
            return stop(ExitCode::usage,
                        fmt::format("{}\"{}\" and \"{}\" both give the {}",
                                    given->source.empty() ? "" : given->source + " ", given->text,
                                    text, flag == "port" ? "port" : "directory"));
        }
        settings.all.push_back({std::string(flag), text, {}, false});
        return {};
    };
    for (const std::string& text : settings.positionals) {
        const bool number =
            !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
        if (auto done = add(number ? "port" : "root", text); !done) {
            return std::unexpected(done.error());
        }
    }
    return settings;
}

}  // namespace

std::vector<Flag> limit_flags() {
    std::vector<Flag> flags;
    for (const LimitInfo& info : limit_table()) {
        std::string value = limit_text(info.unit, info.default_value);
        std::erase(value, ' ');
        flags.push_back({.name = dashed(info.name),
                         .value = std::move(value),
                         .help = fmt::format("{} ({})", info.reason, info.answer)});
    }
    return flags;
}

const Command& serve_command() {
    static const Command command{
        "serve",
        "[PORT] [DIR]",
        "Serves the files of a directory, with a loop on every core.",
        "DIR is the current directory when it is not given. A bare number is the port; write "
        "./9000 for a directory of "
        "that name.",
        joined(joined({{.name = "root",
                        .letter = 'r',
                        .value = "DIR",
                        .group = "What",
                        .help = "another way to give the directory"},
                       {.name = "browse",
                        .bare = "on",
                        .opposite = "no-browse",
                        .group = "What",
                        .help = "list directories that have no index file for everyone, or for "
                                "nobody (without either: for clients on this machine)"},
                       {.name = "index",
                        .value = "NAME",
                        .repeatable = true,
                        .group = "What",
                        .help = "file answered for a directory; may be given several times, the "
                                "first that exists counts (index.html)"},
                       {.name = "spa",
                        .value = "FILE",
                        .bare = "index.html",
                        .opposite = "no-spa",
                        .group = "What",
                        .help = "answer this file of the root for every path that does not exist, "
                                "as a single-page application wants it (index.html)"}},
                      server_flags()),
               limit_flags()),
        std::string(common_notes)};
    return command;
}

const Command& echo_command() {
    static const Command command{
        "echo",
        "",
        "Answers every request with the request itself: as text, or as JSON to `Accept: "
        "application/json`.",
        "",
        joined(joined({{.name = "json", .bare = "on", .group = "What", .help = "JSON to everyone"}},
                      server_flags()),
               limit_flags()),
        std::string(common_notes)};
    return command;
}

const Command& exec_command() {
    static const Command command{
        "exec",
        "[FLAGS] [--] PROGRAM [ARGUMENTS]",
        "Runs a program that was built for libevent 2.1, with corevent in libevent's place.",
        "PROGRAM is looked up in PATH. Whatever follows it is its own.",
        {{.name = "threads",
          .letter = 't',
          .value = "N",
          .variable = "COREVENT_HTTP_THREADS",
          .group = "Its HTTP servers (evhttp)",
          .help = "network work on N threads; auto: one for each usable core (without it: on the "
                  "thread that dispatches the base, as libevent does)"},
         {.name = "mode",
          .value = "NAME",
          .variable = "COREVENT_HTTP_MODE",
          .group = "Its HTTP servers (evhttp)",
          .help = "with --threads, where handlers run: io, on the thread that dispatches the base; "
                  "all, on those N threads, which the program has to be written for (io)"},
         {.name = "limits",
          .bare = "on",
          .variable = "COREVENT_HTTP_LIMITS",
          .group = "Its HTTP servers (evhttp)",
          .help = "limits on sizes and times where the program sets none"},
         {.name = "lenient",
          .bare = "on",
          .variable = "COREVENT_HTTP_LENIENT",
          .group = "Its HTTP servers (evhttp)",
          .help = "accept lines that end in LF alone, and HTTP/1.1 requests without Host"}},
        "Each flag is also a variable: COREVENT_HTTP_THREADS, COREVENT_HTTP_MODE, "
        "COREVENT_HTTP_LIMITS,\n"
        "COREVENT_HTTP_LENIENT. A flag wins over its variable.\n"
        "Exit codes: those of PROGRAM; 1 without the libraries, 2 usage, 78 an unusable variable,\n"
        "126 PROGRAM does not start, 127 it is not there.\n",
        true};
    return command;
}

const Command& version_command() {
    static const Command command{
        "version",
        "",
        "Prints the version.",
        "",
        {{.name = "verbose",
          .letter = 'v',
          .bare = "on",
          .group = "What",
          .help = "with build, compiler, libraries and the features of this kernel that are used"}},
        ""};
    return command;
}

OrStop<ServeOptions> serve_options(const Settings& given) {
    const auto settings = with_positionals(given);
    if (!settings) {
        return std::unexpected(settings.error());
    }
    ServeOptions options;
    auto server = server_options(*settings);
    if (!server) {
        return std::unexpected(server.error());
    }
    options.server = std::move(*server);
    const auto text_of = [](const Setting& s) -> OrStop<std::string> {
        return s.text.empty() ? OrStop<std::string>(refuse(s, "a directory")) : s.text;
    };
    const auto browse_of = [](const Setting& s) -> OrStop<Browse> {
        const auto on = switch_of(s);
        return on ? OrStop<Browse>(*on ? Browse::on : Browse::off) : std::unexpected(on.error());
    };
    const auto file_of = [](const Setting& s) -> OrStop<std::string> {
        return s.text == "off"  ? std::string()
               : s.text == "on" ? std::string("index.html")
                                : s.text;
    };
    for (const auto& done : {read(*settings, "root", options.root, text_of),
                             read(*settings, "browse", options.browse, browse_of),
                             read(*settings, "spa", options.single_page, file_of)}) {
        if (!done) {
            return std::unexpected(done.error());
        }
    }
    for (const Setting& name : settings->list("index")) {
        if (name.text.empty() || name.text.find('/') != std::string::npos) {
            return refuse(name, "a file name without a slash");
        }
        options.index.push_back(name.text);
    }
    return options;
}

OrStop<EchoOptions> echo_options(const Settings& settings) {
    EchoOptions options;
    auto server = server_options(settings);
    if (!server) {
        return std::unexpected(server.error());
    }
    options.server = std::move(*server);
    if (auto done = read(settings, "json", options.json, switch_of); !done) {
        return std::unexpected(done.error());
    }
    return options;
}

OrStop<ExecOptions> exec_options(const Settings& settings) {
    if (settings.positionals.empty()) {
        return stop(ExitCode::usage,
                    "no program to run: corevent exec [-t N] -- PROGRAM ARGUMENTS");
    }
    unsigned threads = 0;
    ThreadMode mode{};
    bool on = false;
    for (const auto& done :
         {read(settings, "threads", threads, threads_of),
          read(settings, "mode", mode,
               [](const Setting& s) { return one_of<ThreadMode>(s, thread_modes); }),
          read(settings, "limits", on, switch_of), read(settings, "lenient", on, switch_of)}) {
        if (!done) {
            return std::unexpected(done.error());
        }
    }
    if (const Setting* const given = settings.find("mode");
        given != nullptr && !given->from_environment && settings.find("threads") == nullptr) {
        return stop(ExitCode::usage, "--mode means something with --threads: -t auto, or a number");
    }
    ExecOptions options{.command = settings.positionals, .variables = {}};
    for (const Flag& flag : exec_command().flags) {
        if (const Setting* const setting = settings.find(flag.name); setting != nullptr) {
            const bool is_switch = !flag.bare.empty();
            options.variables.emplace_back(variable_name(flag),
                                           is_switch ? (*switch_of(*setting) ? "on" : "off")
                                                     : setting->text);
        }
    }
    return options;
}

std::vector<std::string> unknown_variables(char* const* environment) {
    constexpr std::string_view prefix = "COREVENT_";
    std::vector<std::string> known;
    for (const Command* command :
         {&serve_command(), &echo_command(), &exec_command(), &version_command()}) {
        for (const Flag& flag : command->flags) {
            known.push_back(variable_name(flag).substr(prefix.size()));
        }
    }
    std::vector<std::string> lines;
    for (char* const* entry = environment; *entry != nullptr; ++entry) {
        std::string_view name = *entry;
        name = name.substr(0, name.find('='));
        if (!name.starts_with(prefix)) {
            continue;
        }
        const std::string_view rest = name.substr(prefix.size());
        if (std::ranges::find(known, rest) == known.end()) {
            lines.push_back(fmt::format("unknown variable {}{}", name,
                                        did_you_mean(rest, known, prefix)));
        }
    }
    return lines;
}

}  // namespace corevent::app
