#include "net/listen_socket.h"
#include "net/socket_holder.h"

#include <ifaddrs.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

namespace corevent {
namespace {

struct Words {
    std::string why;
    std::string remedy;
};

bool can_bind(const Address& address) noexcept {
    sockaddr_storage storage{};
    const socklen_t length = address.to_sockaddr(&storage);
    const Fd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

/// A port near the taken one that is free, or 0.
unsigned free_port_near(const Address& address) noexcept {
    constexpr unsigned tries = 20;
    const unsigned last = std::min(address.port() + tries, 65535U);
    for (unsigned port = address.port() + 1U; port <= last; ++port) {
        if (can_bind(address.with_port(static_cast<std::uint16_t>(port)))) return port;
    }
    return 0;
}

Words in_use(const Address& address) {
    struct stat status{};
    const std::string path = address.is_unix() ? address.host() : std::string();
    if (!path.starts_with('@') && lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
        return {"a file that is no socket is in the way", "remove it, or give another path"};
    }
    const std::string holder = holder_of(address);
    Words words{"in use by " + (holder.empty() ? std::string("another process") : holder), ""};
    if (address.is_unix()) {
        words.remedy = "stop it, or give another path";
    } else if (const unsigned port = free_port_near(address); port != 0) {
        words.remedy = "try --port " + std::to_string(port);
    }
    return words;
}

std::string own_program() {
    std::array<char, 4096> path;
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : "PROGRAM";
}

std::string parent_directory(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Words not_permitted(const Address& address) {
    if (address.is_unix()) {
        return {"no permission to make a file in " + parent_directory(address.host()),
                "give a path of your own"};
    }
    if (address.port() < 1024) {
        const std::string port = std::to_string(address.port());
        return {"a port below 1024 needs CAP_NET_BIND_SERVICE",
                "try --port " + std::to_string(8000 + address.port() % 1000) +
                    ", or: sudo setcap cap_net_bind_service=+ep " + own_program() +
                    ", or a systemd .socket unit with ListenStream=" + port +
                    " and --listen systemd"};
    }
    return {std::strerror(EACCES), "a security policy of this machine forbids the port"};
}

/// "127.0.0.1, 10.0.0.5, ::1"
std::string own_addresses() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return {};
    const std::unique_ptr<ifaddrs, decltype([](ifaddrs* l) { freeifaddrs(l); })> owner(list);
    std::string text;
    for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr) continue;
        const int family = each->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        const unsigned length = family == AF_INET ? 16 : 28;
        text += (text.empty() ? "" : ", ") + Address::from_sockaddr(each->ifa_addr, length).host();
    }
    return text;
}

Words words_for(const Address& address, int error) {
    switch (error) {
        case EADDRINUSE: return in_use(address);
        case EACCES:
        case EPERM: return not_permitted(address);
        case EADDRNOTAVAIL: {
            const std::string own = own_addresses();
            return {"the address is not one of this machine's", own.empty() ? "" : "it has " + own};
        }
        case EAFNOSUPPORT:
            return {
                "this machine does not speak " +
                    std::string(address.family() == Address::Family::ipv6 ? "IPv6"
                                                                          : "this kind of address"),
                "give an IPv4 address such as 127.0.0.1:" + std::to_string(address.port())};
        case ENOENT:
        case ENOTDIR:
            if (address.is_unix())
                return {"the directory " + parent_directory(address.host()) + " does not exist",
                        ""};
            break;
        case EMFILE:
        case ENFILE:
            return {"too many open files",
                    "raise the limit: ulimit -n, LimitNOFILE= in a systemd unit"};
        default: break;
    }
    return {std::strerror(error), ""};
}

}  // namespace

Failure listen_failure(const Address& address, int error) {
    const Words words = words_for(address, error);
    std::string message = "cannot listen on " + address.text() + ": " + words.why;
    if (!words.remedy.empty()) message += "\n" + words.remedy;
    return {std::error_code(error, std::system_category()), std::move(message)};
}

}  // namespace corevent
