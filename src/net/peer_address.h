// PeerAddress: whom a socket talks to, in 24 octets beside the 116 of an Address. A value; any
// thread.
#pragma once

#include <corevent/address.h>

#include <array>
#include <cstdint>

namespace corevent {

class PeerAddress {
public:
    /// An IPv4 peer of a socket for both families is an IPv4 address. Unix peers are nameless: what
    /// is kept is the family. A null address or an unknown family gives none.
    static PeerAddress from(const sockaddr* address) noexcept;
    Address address() const noexcept;

private:
    std::array<unsigned char, 16> bytes_{};
    std::uint32_t scope_ = 0;  ///< IPv6 scope id
    std::uint16_t port_ = 0;   ///< network order
    std::uint16_t family_ = 0;
};
static_assert(sizeof(PeerAddress) == 24);

}  // namespace corevent
