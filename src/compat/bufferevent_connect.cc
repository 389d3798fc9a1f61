// bufferevent_socket_connect and _connect_hostname: everything up to the moment in which the write
// event of the socket takes over and reports how connecting ended.
#include "compat/async_resolve.h"
#include "compat/bufferevent.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace corevent::compat {
namespace {

constexpr int port_max = 65535;

/// The lock is held. Returns what bufferevent_socket_connect returns.
int connect_socket(Bev& bev, const sockaddr* addr, socklen_t size) noexcept {
    evutil_socket_t fd = bufferevent_getfd(&bev);
    const bool own = fd < 0;
    if (own) {
        if (addr == nullptr) {
            return -1;
        }
        fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            return -1;
        }
    }
    int error = EINPROGRESS;
    if (addr != nullptr) {
        error = ::connect(fd, addr, size) == 0 ? 0 : errno;
    }
    const bool going_on = error == EINPROGRESS || error == EINTR;
    if (!going_on && error != 0 && error != ECONNREFUSED) {
        if (own) {
            evutil_closesocket(fd);
            errno = error;
        }
        return -1;
    }
    bufferevent_setfd(&bev, fd);
    if (error == ECONNREFUSED) {
        errno = error;
        run_event_callback(bev, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
        disable(bev, EV_READ | EV_WRITE);
        return 0;
    }
    bev.connecting = true;
    if (going_on) {
        return add_event(bev.ev_write, bev.timeout_write) ? 0 : -1;
    }
    trigger(bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
    return 0;
}

/// The name is resolved, or will not be. The reference taken by connect_hostname ends here.
void on_resolved(int error, evutil_addrinfo* found, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    lock(bev);
    bev.look_up_request = nullptr;
    unsuspend(bev, Direction::write, look_up);
    unsuspend(bev, Direction::read, look_up);
    if (error != 0 && error != EVUTIL_EAI_CANCEL) {
        bev.dns_error = error;
        run_event_callback(bev, BEV_EVENT_ERROR, 0);
    } else if (error == 0 &&
               connect_socket(bev, found->ai_addr, static_cast<socklen_t>(found->ai_addrlen)) < 0) {
        run_event_callback(bev, BEV_EVENT_ERROR, 0);
    }
    if (found != nullptr) {
        evutil_freeaddrinfo(found);
    }
    release_and_unlock(bev);
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

int bufferevent_socket_connect(bufferevent* bufev, const sockaddr* addr, int socklen) {
    Bev& bev = bev_of(bufev);
    const BevHold hold(bev);
    return connect_socket(bev, addr, static_cast<socklen_t>(socklen));
}

int bufferevent_socket_connect_hostname(bufferevent* bufev, evdns_base* evdns_base, int family,
                                        const char* hostname, int port) {
    if (family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) {
        return -1;
    }
    if (port < 1 || port > port_max) {
        return -1;
    }
    char service[16];
    std::snprintf(service, sizeof service, "%d", port);
    evutil_addrinfo hints{};
    hints.ai_family = family;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_socktype = SOCK_STREAM;

    Bev& bev = bev_of(bufev);
    const BevHold hold(bev);
    bev.dns_error = 0;
    suspend(bev, Direction::write, look_up);
    suspend(bev, Direction::read, look_up);
    ++bev.references;
    bev.look_up_request = resolve_async(evdns_base, hostname, service, &hints, on_resolved, &bev);
    return 0;
}

int bufferevent_socket_get_dns_error(bufferevent* bev) {
    const BevLock guard(bev_of(bev));
    return bev_of(bev).dns_error;
}

}  // extern "C"
