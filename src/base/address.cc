#include <corevent/address.h>

#include "base/assert.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

namespace corevent {
namespace {

constexpr std::string_view grammar =
    "write HOST:PORT, [IPV6]:PORT, :PORT (all interfaces), PORT (loopback), unix:/path or "
    "unix:@name";
constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path);

std::unexpected<Failure> refused(std::string_view text, std::string_view why) {
    std::string message = "address \"";
    message.append(text).append("\": ").append(why).append("\n").append(grammar);
    return std::unexpected(Failure{std::make_error_code(std::errc::invalid_argument),
                                   std::move(message)});
}

template <class Number>
std::optional<Number> read_number(std::string_view text) noexcept {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return number;
}

/// inet_pton wants a terminated string.
bool read_ip(int family, std::string_view text, void* out) noexcept {
    char terminated[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof terminated || text.find('\0') != text.npos) {
        return false;
    }
    *std::copy(text.begin(), text.end(), terminated) = '\0';
    return inet_pton(family, terminated, out) == 1;
}

Address ipv4(const in_addr& ip, std::uint16_t port) noexcept {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr = ip;
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Address ipv6(const in6_addr& ip, std::uint16_t port, std::uint32_t scope) noexcept {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = ip;
    address.sin6_scope_id = scope;
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Outcome<Address> parse_unix(std::string_view text, std::string_view path) {
    if (path.empty() || path == "@") {
        return refused(text, "the path is empty");
    }
    // A path is stored with its terminating NUL, an abstract name with a leading one instead of
    // '@'.
    if (path.size() + (path.front() == '@' ? 0 : 1) > path_bytes_max) {
        return refused(text, "a unix path has at most 107 octets");
    }
    if (path.find('\0') != path.npos) {
        return refused(text, "a unix path holds no NUL");
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    std::size_t length = offsetof(sockaddr_un, sun_path) + path.size();
    if (path.front() == '@') {
        address.sun_path[0] = '\0';
    } else {
        ++length;
    }
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&address),
                                  static_cast<unsigned>(length));
}

Outcome<Address> parse_ipv6(std::string_view text, std::string_view host, std::uint16_t port) {
    const std::size_t percent = host.find('%');
    std::uint32_t scope = 0;
    if (percent != host.npos) {
        const auto number = read_number<std::uint32_t>(host.substr(percent + 1));
        if (!number) {
            return refused(text,
                           "the zone behind % must be the number of an interface (see `ip link`)");
        }
        scope = *number;
    }
    in6_addr ip;
    if (!read_ip(AF_INET6, host.substr(0, percent), &ip)) {
        return refused(text, "the part in brackets is no IPv6 address");
    }
    return ipv6(ip, port, scope);
}

}  // namespace

Outcome<Address> Address::parse(std::string_view text) {
    if (text.starts_with("unix:")) {
        return parse_unix(text, text.substr(5));
    }
    const bool bracketed = text.starts_with('[');
    const std::size_t bracket = bracketed ? text.find(']') : 0;
    if (bracket == text.npos) {
        return refused(text, "the bracket is not closed");
    }
    const std::size_t colon = bracketed ? bracket + 1 : text.find(':');
    if (bracketed && (colon >= text.size() || text[colon] != ':')) {
        return refused(text, "the port is missing");
    }
    const bool only_port = colon == text.npos;
    const std::string_view host = only_port ? std::string_view() : text.substr(0, colon);
    const std::string_view port_text = only_port ? text : text.substr(colon + 1);
    if (!bracketed && port_text.find(':') != port_text.npos) {
        return refused(text, "an IPv6 address needs brackets");
    }
    const auto port = read_number<std::uint16_t>(port_text);
    if (!port) {
        return refused(text, only_port ? "the port is missing"
                                       : "the port must be a number from 0 to 65535");
    }
    if (only_port || host == "localhost") {
        return loopback(*port);
    }
    if (host.empty()) {
        return ipv6(in6addr_any, *port, 0);
    }
    if (bracketed) {
        return parse_ipv6(text, host.substr(1, host.size() - 2), *port);
    }
    in_addr ip;
    if (!read_ip(AF_INET, host, &ip)) {
        return refused(text, "the host is no IPv4 address (names are not resolved here)");
    }
    return ipv4(ip, *port);
}

Address Address::loopback(std::uint16_t port) noexcept {
    return ipv4(in_addr{htonl(INADDR_LOOPBACK)}, port);
}

Address Address::from_sockaddr(const sockaddr* address, unsigned length_bytes) noexcept {
    Address result;
    if (address == nullptr || length_bytes < sizeof address->sa_family) {
        return result;
    }
    if (address->sa_family == AF_INET && length_bytes >= sizeof(sockaddr_in)) {
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        result.family_ = Family::ipv4;
        result.port_ = ntohs(in.sin_port);
        result.length_ = sizeof in.sin_addr;
        std::memcpy(result.bytes_.data(), &in.sin_addr, sizeof in.sin_addr);
    } else if (address->sa_family == AF_INET6 && length_bytes >= sizeof(sockaddr_in6)) {
        sockaddr_in6 in;
        std::memcpy(&in, address, sizeof in);
        result.family_ = Family::ipv6;
        result.port_ = ntohs(in.sin6_port);
        result.scope_ = in.sin6_scope_id;
        result.length_ = sizeof in.sin6_addr;
        std::memcpy(result.bytes_.data(), &in.sin6_addr, sizeof in.sin6_addr);
    } else if (address->sa_family == AF_UNIX) {
        // Peers of unix sockets mostly have no name: length_ stays 0.
        result.family_ = Family::unix_path;
        const std::size_t offset = offsetof(sockaddr_un, sun_path);
        std::size_t length = std::min<std::size_t>(length_bytes, sizeof(sockaddr_un));
        length = length > offset ? length - offset : 0;
        const char* path = reinterpret_cast<const char*>(address) + offset;
        if (length != 0 && path[0] != '\0') {
            length = strnlen(path, length);
        }
        result.length_ = static_cast<std::uint8_t>(length);
        std::memcpy(result.bytes_.data(), path, length);
    }
    return result;
}

bool Address::is_loopback() const noexcept {
    switch (family_) {
        case Family::ipv4: return bytes_[0] == 127;
        case Family::ipv6: {
            in6_addr ip;
            std::memcpy(&ip, bytes_.data(), sizeof ip);
            return IN6_IS_ADDR_LOOPBACK(&ip) ||
                   (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
        }
        case Family::unix_path: return true;
        case Family::none: break;
    }
    return false;
}

Address Address::with_port(std::uint16_t port) const noexcept {
    Address copy = *this;
    if (family_ == Family::ipv4 || family_ == Family::ipv6) {
        copy.port_ = port;
    }
    return copy;
}

std::string Address::host() const {
    char text[INET6_ADDRSTRLEN];
    switch (family_) {
        case Family::ipv4: return inet_ntop(AF_INET, bytes_.data(), text, sizeof text);
        case Family::ipv6: {
            std::string host = inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
            return scope_ == 0 ? host : host + "%" + std::to_string(scope_);
        }
        case Family::unix_path: {
            std::string path(bytes_.data(), length_);
            if (!path.empty() && path.front() == '\0') {
                path.front() = '@';
            }
            return path;
        }
        case Family::none: break;
    }
    return {};
}

std::string Address::text() const {
    switch (family_) {
        case Family::ipv4: return host() + ":" + std::to_string(port_);
        case Family::ipv6: return "[" + host() + "]:" + std::to_string(port_);
        case Family::unix_path: return "unix:" + host();
        case Family::none: break;
    }
    return {};
}

unsigned Address::to_sockaddr(void* storage) const noexcept {
    switch (family_) {
        case Family::ipv4: {
            sockaddr_in in{};
            in.sin_family = AF_INET;
            in.sin_port = htons(port_);
            std::memcpy(&in.sin_addr, bytes_.data(), sizeof in.sin_addr);
            std::memcpy(storage, &in, sizeof in);
            return sizeof in;
        }
        case Family::ipv6: {
            sockaddr_in6 in{};
            in.sin6_family = AF_INET6;
            in.sin6_port = htons(port_);
            in.sin6_scope_id = scope_;
            std::memcpy(&in.sin6_addr, bytes_.data(), sizeof in.sin6_addr);
            std::memcpy(storage, &in, sizeof in);
            return sizeof in;
        }
        case Family::unix_path: {
            sockaddr_un un{};
            un.sun_family = AF_UNIX;
            std::memcpy(un.sun_path, bytes_.data(), length_);
            std::memcpy(storage, &un, sizeof un);
            const bool is_path = length_ != 0 && bytes_[0] != '\0';
            return static_cast<unsigned>(offsetof(sockaddr_un, sun_path)) + length_ +
                   (is_path ? 1 : 0);
        }
        case Family::none: break;
    }
    return 0;
}

}  // namespace corevent
