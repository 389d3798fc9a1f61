#include "app/listen.h"

#include <corevent/listener.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <charconv>
#include <cstdlib>
#include <string>

namespace corevent::app {
namespace {

constexpr std::uint16_t default_port = 8080;
constexpr int first_inherited = 3;  // as sd_listen_fds(3) has it

ListenerOptions listener_options(const ServerOptions& options) {
    ListenerOptions listener;
    listener.reuse_port = options.reuse_port;
    return listener;
}

bool missing_family(const std::error_code& code) {
    return code == std::errc::address_not_available ||
           code == std::errc::address_family_not_supported;
}

/// 127.0.0.1 and ::1. A machine without one of the two families serves the other.
OrStop<void> listen_on_loopback(http::Server& server, const ServerOptions& options) {
    std::uint16_t port = options.port.value_or(default_port);
    const bool any_port = port == 0;
    const auto first = server.listen(fmt::format("127.0.0.1:{}", port), listener_options(options));
    if (!first && !missing_family(first.error().code)) {
        return cannot_start(first.error());
    }
    if (first) {
        port = server.addresses().back().port();
    }
    const auto second = server.listen(fmt::format("[::1]:{}", port), listener_options(options));
    const bool optional =
        first && (any_port || missing_family(second ? std::error_code{} : second.error().code));
    if (!second && !optional) {
        return cannot_start(second.error());
    }
    return {};
}

OrStop<unsigned> number_in_variable(const char* name) {
    const char* const text = std::getenv(name);
    const std::string_view value = text != nullptr ? text : "";
    unsigned number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size()) {
        return stop(ExitCode::failed,
                    fmt::format("--listen systemd: {} is {}\nstart from a .socket unit, or: "
                                "systemd-socket-activate -l 8080 "
                                "corevent serve -l systemd",
                                name, value.empty() ? "not set" : fmt::format("\"{}\"", value)));
    }
    return number;
}

/// The sockets that the service manager opened for this very process.
OrStop<void> listen_on_inherited(http::Server& server, const ServerOptions& options) {
    const auto owner = number_in_variable("LISTEN_PID");
    const auto count = number_in_variable("LISTEN_FDS");
    for (const auto* number : {&owner, &count}) {
        if (!*number) {
            return std::unexpected(number->error());
        }
    }
    if (*owner != static_cast<unsigned>(getpid())) {
        return stop(
            ExitCode::failed,
            fmt::format(
                "--listen systemd: the sockets belong to process {} (LISTEN_PID), this is {}",
                *owner, getpid()));
    }
    if (*count == 0) {
        return stop(ExitCode::failed, "--listen systemd: LISTEN_FDS is 0, no socket was passed");
    }
    for (unsigned i = 0; i < *count; ++i) {
        const int descriptor = first_inherited + static_cast<int>(i);
        sockaddr_storage storage{};
        socklen_t length = sizeof storage;
        if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
            return stop(ExitCode::failed,
                        fmt::format("--listen systemd: descriptor {} is no socket", descriptor));
        }
        ListenerOptions listener = listener_options(options);
        listener.inherited_descriptor = descriptor;
        const Address address =
            Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
        if (auto done = server.listen(address.text(), listener); !done) {
            return cannot_start(std::move(done.error()));
        }
    }
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
        unsetenv(name);  // they are for this process, not for children
    }
    return {};
}

/// "unix:/run/x.sock,mode=660": takes the mode off the address.
OrStop<unsigned> take_mode(const Setting& setting, std::string& address) {
    constexpr std::string_view key = ",mode=";
    const std::size_t at = address.find(key);
    if (at == std::string::npos) {
        return 0U;
    }
    const std::string digits = address.substr(at + key.size());
    unsigned mode = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
    if (!address.starts_with("unix:") || error != std::errc{} ||
        end != digits.data() + digits.size() || mode == 0 || mode > 0777) {
        return refuse(setting, "an address: mode=NNN is octal, such as 660, and for unix sockets");
    }
    address.resize(at);
    return mode;
}

OrStop<void> listen_on(http::Server& server, const ServerOptions& options, const Setting& setting) {
    std::string address = setting.text;
    const auto mode = take_mode(setting, address);
    if (!mode) {
        return std::unexpected(mode.error());
    }
    if (const auto parsed = Address::parse(address); !parsed) {
        const ExitCode code = setting.from_environment ? ExitCode::configuration : ExitCode::usage;
        return stop(code, setting.source + ": " + parsed.error().message);
    }
    ListenerOptions listener = listener_options(options);
    listener.unix_mode = *mode;
    if (auto done = server.listen(address, listener); !done) {
        return cannot_start(std::move(done.error()));
    }
    return {};
}

}  // namespace

OrStop<void> open_listeners(http::Server& server, const ServerOptions& options) {
    if (options.listen.empty()) {
        return listen_on_loopback(server, options);
    }
    for (const Setting& setting : options.listen) {
        auto done = setting.text == "systemd" ? listen_on_inherited(server, options)
                                              : listen_on(server, options, setting);
        if (!done) {
            return done;
        }
    }
    return {};
}

}  // namespace corevent::app
