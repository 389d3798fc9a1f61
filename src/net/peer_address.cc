#include "net/peer_address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace corevent {

PeerAddress PeerAddress::from(const sockaddr* address) noexcept {
    PeerAddress peer;
    if (address == nullptr) return peer;
    peer.family_ = address->sa_family;
    if (address->sa_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, address, sizeof v4);
        std::memcpy(peer.bytes_.data(), &v4.sin_addr, sizeof v4.sin_addr);
        peer.port_ = v4.sin_port;
    } else if (address->sa_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, address, sizeof v6);
        peer.port_ = v6.sin6_port;
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            peer.family_ = AF_INET;
            std::memcpy(peer.bytes_.data(), &v6.sin6_addr.s6_addr[12], sizeof(in_addr));
            return peer;
        }
        std::memcpy(peer.bytes_.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
        peer.scope_ = v6.sin6_scope_id;
    }
    return peer;
}

Address PeerAddress::address() const noexcept {
    if (family_ == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = port_;
        std::memcpy(&v4.sin_addr, bytes_.data(), sizeof v4.sin_addr);
        return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
    }
    if (family_ == AF_INET6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = port_;
        v6.sin6_scope_id = scope_;
        std::memcpy(&v6.sin6_addr, bytes_.data(), sizeof v6.sin6_addr);
        return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    }
    if (family_ == AF_UNIX) {
        sockaddr_un nameless{};
        nameless.sun_family = AF_UNIX;
        return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&nameless),
                                      sizeof(sa_family_t));
    }
    return {};
}

}  // namespace corevent
