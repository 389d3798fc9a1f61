// Addresses as text and their order, as <event2/util.h> has them. Any thread.
//
// IPv6 is libc's business. IPv4 is not: programs rely on leading zeros being decimal here, which
// inet_pton(3) refuses.
#include <event2/util.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace corevent::compat {
namespace {

constexpr std::size_t address_length_max = 127;  // of its text, an interface included

/// Text of bounded length that ends in NUL, cut out of a longer one.
struct Text {
    /// Empty when `view` is too long: no address is written in so many characters.
    explicit Text(std::string_view view) noexcept {
        if (view.size() < characters.size()) {
            view.copy(characters.data(), view.size());
        }
    }
    std::array<char, address_length_max + 1> characters{};
};

std::optional<in_addr> parse_v4(const char* text) noexcept {
    std::uint32_t address = 0;
    for (int part = 0; part < 4; ++part) {
        char* end = nullptr;
        const unsigned long value = std::strtoul(text, &end, 10);
        if (end == text || value > 255 || *end != (part < 3 ? '.' : '\0')) {
            return std::nullopt;
        }
        address = address << 8 | static_cast<std::uint32_t>(value);
        text = end + 1;
    }
    return in_addr{htonl(address)};
}

/// The last 32 bits may be written as an IPv4 address.
std::optional<in6_addr> parse_v6(const char* text) noexcept {
    Text rewritten{{}};
    const char* const colon = std::strrchr(text, ':');
    if (colon != nullptr && std::strchr(colon, '.') != nullptr) {
        const auto tail = parse_v4(colon + 1);
        const std::string_view head(text, static_cast<std::size_t>(colon + 1 - text));
        if (!tail || head.size() + 10 > rewritten.characters.size()) {
            return std::nullopt;
        }
        head.copy(rewritten.characters.data(), head.size());
        const std::uint32_t bits = ntohl(tail->s_addr);
        std::snprintf(rewritten.characters.data() + head.size(), 10, "%x:%x", bits >> 16,
                      bits & 0xffff);
        text = rewritten.characters.data();
    }
    in6_addr address;
    if (inet_pton(AF_INET6, text, &address) != 1) {
        return std::nullopt;
    }
    return address;
}

/// The index of an interface, by name or as a number.
std::optional<unsigned> parse_scope(const char* text) noexcept {
    if (const unsigned index = if_nametoindex(text); index != 0) {
        return index;
    }
    char* end = nullptr;
    const long index = std::strtol(text, &end, 10);
    return *end == '\0' ? std::optional(static_cast<unsigned>(index)) : std::nullopt;
}

/// A port of 1 to 65535; what follows the digits is not looked at.
std::optional<in_port_t> parse_port(const char* text) noexcept {
    const long port = std::strtol(text, nullptr, 10);
    if (port < 1 || port > 65535) {
        return std::nullopt;
    }
    return htons(static_cast<in_port_t>(port));
}

/// What parse_sockaddr_port found in its text; `port` is null without one.
struct Parts {
    std::string_view address;
    const char* port;
    bool v6;
};

std::optional<Parts> split(const char* text) noexcept {
    const std::string_view all(text);
    if (all.starts_with('[')) {
        const auto end = all.find(']');
        if (end == all.npos) {
            return std::nullopt;
        }
        const bool has_port = text[end + 1] == ':';
        return Parts{all.substr(1, end - 1), has_port ? text + end + 2 : nullptr, true};
    }
    const auto colon = all.find(':');
    if (colon == all.npos) {
        return Parts{all, nullptr, false};
    }
    if (all.find(':', colon + 1) != all.npos) {
        return Parts{all, nullptr, true};
    }
    return Parts{all.substr(0, colon), text + colon + 1, false};
}

template <class Address>
int store(const Address& address, sockaddr* out, int* outlen) noexcept {
    constexpr int size = sizeof address;
    if (*outlen < size) {
        return -1;
    }
    std::memcpy(out, &address, sizeof address);
    *outlen = size;
    return 0;
}

int order(auto a, auto b) noexcept {
    return (a > b) - (a < b);
}

int compare_v4(const sockaddr_in& a, const sockaddr_in& b, bool include_port) noexcept {
    const int by_address = order(a.sin_addr.s_addr, b.sin_addr.s_addr);
    return by_address != 0 || !include_port ? by_address : order(a.sin_port, b.sin_port);
}

int compare_v6(const sockaddr_in6& a, const sockaddr_in6& b, bool include_port) noexcept {
    const int by_address = std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr);
    return by_address != 0 || !include_port ? by_address : order(a.sin6_port, b.sin6_port);
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

const char* evutil_inet_ntop(int af, const void* src, char* dst, size_t len) {
    return inet_ntop(af, src, dst, static_cast<socklen_t>(len));
}

int evutil_inet_pton(int af, const char* src, void* dst) {
    const auto store_if = [dst](const auto& address) {
        if (address) {
            std::memcpy(dst, &*address, sizeof *address);
        }
        return address ? 1 : 0;
    };
    switch (af) {
        case AF_INET: return store_if(parse_v4(src));
        case AF_INET6: return store_if(parse_v6(src));
        default: return -1;
    }
}

int evutil_inet_pton_scope(int af, const char* src, void* dst, unsigned* indexp) {
    *indexp = 0;
    const char* const percent = std::strchr(src, '%');
    if (af != AF_INET6 || percent == nullptr) {
        return evutil_inet_pton(af, src, dst);
    }
    const auto scope = parse_scope(percent + 1);
    if (!scope) {
        return 0;
    }
    *indexp = *scope;
    const Text address(std::string_view(src, static_cast<std::size_t>(percent - src)));
    return evutil_inet_pton(AF_INET6, address.characters.data(), dst);
}

int evutil_parse_sockaddr_port(const char* str, struct sockaddr* out, int* outlen) {
    const auto parts = split(str);
    if (!parts) {
        return -1;
    }
    const auto port = parts->port != nullptr ? parse_port(parts->port) : in_port_t{0};
    if (!port) {
        return -1;
    }
    const Text text(parts->address);
    if (parts->v6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = *port;
        if (evutil_inet_pton_scope(AF_INET6, text.characters.data(), &address.sin6_addr,
                                   &address.sin6_scope_id) != 1) {
            return -1;
        }
        return store(address, out, outlen);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = *port;
    if (evutil_inet_pton(AF_INET, text.characters.data(), &address.sin_addr) != 1) {
        return -1;
    }
    return store(address, out, outlen);
}

int evutil_sockaddr_cmp(const struct sockaddr* sa1, const struct sockaddr* sa2, int include_port) {
    if (sa1->sa_family != sa2->sa_family) {
        return order(sa1->sa_family, sa2->sa_family);
    }
    switch (sa1->sa_family) {
        case AF_INET:
            return compare_v4(*reinterpret_cast<const sockaddr_in*>(sa1),
                              *reinterpret_cast<const sockaddr_in*>(sa2), include_port != 0);
        case AF_INET6:
            return compare_v6(*reinterpret_cast<const sockaddr_in6*>(sa1),
                              *reinterpret_cast<const sockaddr_in6*>(sa2), include_port != 0);
        default: return 1;
    }
}

}  // extern "C"
