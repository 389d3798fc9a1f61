#include "app/messages.h"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>

namespace corevent::app {
namespace {

std::string url_of(const Address& address) {
    if (address.is_unix()) {
        return address.text();
    }
    const std::string host = address.host();
    if (host == "::" || host == "0.0.0.0") {
        return fmt::format("http://localhost:{}/ and every other address of this machine",
                           address.port());
    }
    return fmt::format("http://{}/", address.text());
}

}  // namespace

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
        digits.insert(at - 3, ",");
    }
    return digits;
}

void say(std::string_view text) noexcept {
    std::string line(text);
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
        if (written <= 0) {
            return;  // nobody reads: a server does not end because of that
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

int end_with(const Stop& stop) noexcept {
    say(stop.message);
    return static_cast<int>(stop.code);
}

std::vector<std::string> reachable_as(const std::vector<Address>& addresses) {
    std::vector<std::string> lines;
    const auto is = [](const Address& a, std::string_view host, std::uint16_t port) {
        return !a.is_unix() && a.host() == host && a.port() == port;
    };
    const auto has = [&](std::string_view host, std::uint16_t port) {
        return std::ranges::any_of(addresses, [&](const Address& a) { return is(a, host, port); });
    };
    for (const Address& address : addresses) {
        const std::uint16_t port = address.port();
        const bool first = is(address, "127.0.0.1", port);
        const bool second = is(address, "::1", port);
        if (first && has("::1", port)) {
            lines.push_back(fmt::format("http://localhost:{}/", port));
        } else if (!(second && has("127.0.0.1", port))) {
            lines.push_back(url_of(address));
        }
    }
    return lines;
}

}  // namespace corevent::app
