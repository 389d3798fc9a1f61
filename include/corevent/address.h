// Address: where a socket listens or whom it talks to; an IPv4, IPv6 or unix-domain address as a
// value. No names are resolved here (see connect.h). Trivially copyable but for unix paths, which
// live inline as well; any thread.
#pragma once

#include <corevent/error.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr;

namespace corevent {

class CE_API Address {
public:
    enum class Family : std::uint8_t { none, ipv4, ipv6, unix_path };

    Address() noexcept = default;

    /// Parses "127.0.0.1:80", "[::1]:80", ":8080" (all interfaces, both families), "8080",
    /// "localhost:8080" (loopback, no resolver), "unix:/run/x.sock", "unix:@abstract". The failure
    /// names the grammar expected.
    static Outcome<Address> parse(std::string_view text);
    static Address loopback(std::uint16_t port) noexcept;  ///< 127.0.0.1
    static Address from_sockaddr(const sockaddr* address, unsigned length_bytes) noexcept;

    Family family() const noexcept { return family_; }
    bool is_unix() const noexcept { return family_ == Family::unix_path; }
    bool is_loopback() const noexcept;  ///< 127.0.0.0/8, ::1 or a unix path
    std::uint16_t port() const noexcept { return port_; }
    Address with_port(std::uint16_t port) const noexcept;

    /// Numeric host without port or brackets; the path of a unix address.
    std::string host() const;
    /// "127.0.0.1:80", "[::1]:80", "unix:/path".
    std::string text() const;

    /// Fills a sockaddr_storage-sized buffer and returns the length in octets.
    unsigned to_sockaddr(void* storage) const noexcept;

    friend bool operator==(const Address&, const Address&) noexcept = default;

private:
    Family family_ = Family::none;
    std::uint8_t length_ = 0;  ///< octets used in bytes_
    std::uint16_t port_ = 0;
    std::uint32_t scope_ = 0;  ///< IPv6 scope id
    std::array<char, 108> bytes_{};
};

}  // namespace corevent
