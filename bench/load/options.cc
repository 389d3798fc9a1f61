#include "load/options.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace ce_load {
namespace {

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

template <class T>
bool set_number(T& target, std::string_view text, T smallest, T largest) {
    const auto value = number<T>(text);
    if (!value || *value < smallest || *value > largest) return false;
    target = *value;
    return true;
}

bool set_mode(Mode& mode, std::string_view text) {
    if (text == "keep-alive")
        mode = Mode::keep_alive;
    else if (text == "close")
        mode = Mode::close;
    else if (text == "open-loop")
        mode = Mode::open_loop;
    else if (text == "idle")
        mode = Mode::idle;
    else
        return false;
    return true;
}

bool set_watch(std::vector<int>& watch, std::string_view text) {
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        int pid = 0;
        if (!set_number(pid, text.substr(0, comma), 1, 1 << 22)) return false;
        watch.push_back(pid);
        if (comma == std::string_view::npos) return true;
        text.remove_prefix(comma + 1);
    }
    return false;
}

bool set_option(Options& options, std::string_view name, std::string_view value) {
    if (name == "--mode") return set_mode(options.mode, value);
    if (name == "--port") return set_number<std::uint16_t>(options.port, value, 1, 65535);
    if (name == "--connections")
        return set_number<std::size_t>(options.connections, value, 1, 100'000);
    if (name == "--pipeline") return set_number<std::size_t>(options.pipeline, value, 1, 1024);
    if (name == "--sources") return set_number<std::size_t>(options.sources, value, 1, 250);
    if (name == "--seconds") return set_number(options.seconds, value, 0.01, 86'400.0);
    if (name == "--warmup") return set_number(options.warmup_seconds, value, 0.0, 3'600.0);
    if (name == "--requests") {
        return set_number<std::uint64_t>(options.requests, value, 1, 1'000'000'000'000);
    }
    if (name == "--rate") return set_number(options.rate, value, 0.1, 1'000'000.0);
    if (name == "--expect-status") return set_number(options.expected_status, value, 100, 599);
    if (name == "--expect-body") {
        return set_number<std::int64_t>(options.expected_body, value, 0, std::int64_t{1} << 40);
    }
    if (name == "--watch") return set_watch(options.watch, value);
    if (name == "--request")
        options.request = value;
    else if (name == "--path")
        options.path = value;
    else
        return false;
    return !value.empty();
}

std::optional<std::string> contradiction(const Options& options) {
    if (options.port == 0) return "--port is missing";
    if (options.pipeline > 1 && options.mode != Mode::keep_alive) {
        return "--pipeline needs --mode keep-alive";
    }
    if (options.requests > 0 && options.mode != Mode::keep_alive && options.mode != Mode::close) {
        return "--requests needs --mode keep-alive or close";
    }
    if (options.requests % options.pipeline != 0)
        return "--requests must be a multiple of --pipeline";
    return std::nullopt;
}

}  // namespace

std::expected<Options, std::string> parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        if (i + 1 == argc) return std::unexpected(name + " needs a value (ce_load --help)");
        if (!set_option(options, name, argv[i + 1])) {
            return std::unexpected("unknown option or bad value: " + name + " " + argv[i + 1] +
                                   " (ce_load --help)");
        }
    }
    if (auto problem = contradiction(options)) return std::unexpected(*problem);
    return options;
}

const char* usage() noexcept {
    return R"(ce_load --port N [options]: HTTP/1.1 load over loopback, one thread, one line of JSON

  --mode keep-alive|close|open-loop|idle   default keep-alive
  --connections N     concurrent connections (64)
  --pipeline N        requests sent in one batch (1)
  --request plain|tool|browser|FILE        45, 143 or 693 octets, or the octets of FILE
  --path PATH         target of the built-in requests (/hello)
  --seconds S         measuring window (1)
  --warmup S          before the window (0.3)
  --requests N        exactly N requests, no warm-up, instead of a window
  --rate N            open loop: new connections a second (1500)
  --sources N         client addresses 127.0.1.1 to 127.0.1.N to spread over
  --expect-status N   status that every answer must have (200)
  --expect-body N     octets that every body must have (any)
  --watch PID,...     take the CPU time of these processes over the window

Exit status 0: every answer was right; 3: some were not (see "errors"); 1: it could not run; 2: usage.
Mode idle prints a line with "event":"holding", and closes when a line arrives on standard input.
)";
}

}  // namespace ce_load
