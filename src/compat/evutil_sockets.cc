// Sockets of <event2/util.h>: one call of the kernel each. Any thread.
#include "compat/log.h"

#include <event2/util.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace corevent::compat {
namespace {

/// Adds `flag` to the flags that `get` reads and `set` writes; touches nothing when it is there.
int add_flag(evutil_socket_t sock, int get, int set, int flag) noexcept {
    const int flags = fcntl(sock, get);
    if (flags < 0) {
        warn("the flags of descriptor %d cannot be read", sock);
        return -1;
    }
    if ((flags & flag) == 0 && fcntl(sock, set, flags | flag) < 0) {
        warn("the flags of descriptor %d cannot be changed", sock);
        return -1;
    }
    return 0;
}

int switch_on(evutil_socket_t sock, int level, int option) noexcept {
    const int one = 1;
    return setsockopt(sock, level, option, &one, sizeof one);
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

int evutil_socketpair(int d, int type, int protocol, evutil_socket_t sv[2]) {
    return socketpair(d, type, protocol, sv);
}

int evutil_make_socket_nonblocking(evutil_socket_t sock) {
    return add_flag(sock, F_GETFL, F_SETFL, O_NONBLOCK);
}

int evutil_make_socket_closeonexec(evutil_socket_t sock) {
    return add_flag(sock, F_GETFD, F_SETFD, FD_CLOEXEC);
}

int evutil_closesocket(evutil_socket_t sock) {
    return close(sock);
}

int evutil_make_listen_socket_reuseable(evutil_socket_t sock) {
    return switch_on(sock, SOL_SOCKET, SO_REUSEADDR);
}

int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock) {
    return switch_on(sock, SOL_SOCKET, SO_REUSEPORT);
}

int evutil_make_listen_socket_ipv6only(evutil_socket_t sock) {
    return switch_on(sock, IPPROTO_IPV6, IPV6_V6ONLY);
}

int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock) {
    return switch_on(sock, IPPROTO_TCP, TCP_DEFER_ACCEPT);  // seconds
}

}  // extern "C"
