// Name servers: their sockets, whose turn it is, which are down, and how these are probed.
#include "compat/alloc.h"
#include "compat/evdns_base.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace corevent::compat::evdns {
namespace {

bool is_loopback(const sockaddr* address) noexcept {
    if (address->sa_family == AF_INET) {
        const auto* const v4 = reinterpret_cast<const sockaddr_in*>(address);
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(address);
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

const sockaddr* as_sockaddr(const sockaddr_storage& address) noexcept {
    return reinterpret_cast<const sockaddr*>(&address);
}

void print_address(const NameServer& server, char* text, std::size_t size) noexcept {
    char host[INET6_ADDRSTRLEN] = "?";
    if (server.address.ss_family == AF_INET) {
        const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&server.address);
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        std::snprintf(text, size, "%s:%d", host, ntohs(v4->sin_port));
    } else {
        const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&server.address);
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        std::snprintf(text, size, "[%s]:%d", host, ntohs(v6->sin6_port));
    }
}

using AddressText = std::array<char, INET6_ADDRSTRLEN + 10>;

/// Reads what has come, a bounded number of datagrams.
void on_readable(evutil_socket_t, short, void* arg) noexcept {
    NameServer& server = *static_cast<NameServer*>(arg);
    evdns_base& base = *server.base;
    const LockGuard guard(base.lock);
    for (std::size_t i = 0; i < replies_max && server.fd >= 0; ++i) {
        sockaddr_storage from{};
        socklen_t length = sizeof(from);
        const ssize_t size = recvfrom(server.fd, base.receive.data(), base.receive.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &length);
        if (size < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                server_failed(server, std::strerror(errno));
            }
            return;
        }
        if (evutil_sockaddr_cmp(as_sockaddr(from), as_sockaddr(server.address), 1) != 0) {
            log(Severity::debug, "a datagram for the resolver came from somebody else");
            continue;
        }
        take_reply(server, std::span(base.receive).first(static_cast<std::size_t>(size)), nullptr);
    }
}

void on_writable(evutil_socket_t, short, void* arg) noexcept {
    NameServer& server = *static_cast<NameServer*>(arg);
    const LockGuard guard(server.base->lock);
    if (server.fd >= 0) {
        send_unsent(server);
    }
}

void on_probe_due(evutil_socket_t, short, void* arg) noexcept {
    NameServer& server = *static_cast<NameServer*>(arg);
    const LockGuard guard(server.base->lock);
    if (server.fd >= 0 && server.down && server.probe == nullptr) {
        probe(server);
    }
}

void on_finalized(event*, void* arg) noexcept {
    NameServer* const server = static_cast<NameServer*>(arg);
    evdns_base& base = *server->base;
    bool last = false;
    {
        const LockGuard guard(base.lock);
        last = --server->finalizers == 0;
    }
    if (last) {
        mm_delete(server);
        drop_reference(base);
    }
}

/// A bound, non-blocking UDP socket for asking `address`, or -1.
evutil_socket_t open_socket(const Options& options, const sockaddr* address) noexcept {
    const int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (options.bind_length != 0 && !is_loopback(address) &&
        bind(fd, as_sockaddr(options.bind_to), options.bind_length) < 0) {
        log(Severity::warning, "could not bind a socket of the resolver to its outgoing address");
        close(fd);
        return -1;
    }
    const auto set_size = [fd](int name, int octets) {
        return octets == 0 || setsockopt(fd, SOL_SOCKET, name, &octets, sizeof(octets)) == 0;
    };
    if (!set_size(SO_RCVBUF, options.receive_buffer) || !set_size(SO_SNDBUF, options.send_buffer)) {
        log(Severity::warning, "could not set the buffer sizes of a socket of the resolver");
        close(fd);
        return -1;
    }
    return fd;
}

/// Starts the timer of the next probe, each time three times as long. A resolver that must not keep
/// the loop running does so only while it has requests.
void await_probe(NameServer& server) noexcept {
    if (server.base->idle_disables && server.base->in_flight_count == 0) {
        return;
    }
    timeval wait = server.base->options.probe;
    for (int i = 1; i < server.probes && wait.tv_sec < probe_seconds_max; ++i) {
        const long micros = wait.tv_usec * 3;
        wait.tv_sec = wait.tv_sec * 3 + micros / 1'000'000;
        wait.tv_usec = micros % 1'000'000;
    }
    if (wait.tv_sec >= probe_seconds_max) {
        wait = {probe_seconds_max, 0};
    }
    event_add(&server.probe_timer, &wait);
}

void schedule_probe(NameServer& server) noexcept {
    ++server.probes;
    await_probe(server);
}

/// A probe of `server` has ended.
void probe_ended(const Answer& answer, void* arg) noexcept {
    NameServer& server = *static_cast<NameServer*>(arg);
    const LockGuard guard(server.base->lock);
    server.probe = nullptr;
    if (server.fd < 0) {
        return;
    }
    if (answer.error == DNS_ERR_NONE || answer.error == DNS_ERR_NOTEXIST) {
        server_works(server);
    } else if (server.down && answer.error != DNS_ERR_CANCEL) {
        schedule_probe(server);
    }
}

}  // namespace

int add_server(evdns_base& base, const sockaddr* address, ev_socklen_t length) noexcept {
    const bool is_v4 = address->sa_family == AF_INET && length >= sizeof(sockaddr_in);
    const bool is_v6 = address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6);
    if ((!is_v4 && !is_v6) || length > sizeof(sockaddr_storage)) {
        log(Severity::warning, "a name server's address is neither IPv4 nor IPv6");
        return 1;
    }
    for (const NameServer* const known : base.servers) {
        if (evutil_sockaddr_cmp(address, as_sockaddr(known->address), 1) == 0) {
            log(Severity::debug, "this name server is known already");
            return 3;
        }
    }
    const bool has_room =
        guarded([&] { return base.servers.reserve(base.servers.size() + 1), true; }, false);
    NameServer* const server = has_room ? mm_new<NameServer>() : nullptr;
    if (server == nullptr) {
        return -1;
    }
    server->base = &base;
    server->fd = open_socket(base.options, address);
    if (server->fd < 0) {
        mm_delete(server);
        return 2;
    }
    std::memcpy(&server->address, address, length);
    server->length = length;
    event_assign(&server->readable, base.events, server->fd, EV_READ | EV_PERSIST, on_readable,
                 server);
    event_assign(&server->writable, base.events, server->fd, EV_WRITE, on_writable, server);
    event_assign(&server->probe_timer, base.events, -1, 0, on_probe_due, server);
    if ((!base.idle_disables || base.in_flight_count > 0) &&
        event_add(&server->readable, nullptr) != 0) {
        close(server->fd);
        mm_delete(server);
        return -1;
    }
    add_reference(base);
    // Behind the one whose turn it is.
    const std::size_t place = base.servers.empty() ? 0 : base.head + 1;
    base.servers.insert(base.servers.begin() + static_cast<std::ptrdiff_t>(place), server);
    ++base.servers_up;
    return 0;
}

void remove_server(NameServer& server) noexcept {
    if (server.probe != nullptr) {
        // If its result is on its way, it comes before the finalizers: active events keep their order.
        drop_silently(*server.probe);
        server.probe = nullptr;
    }
    event_del_noblock(&server.readable);
    event_del_noblock(&server.writable);
    evutil_closesocket(server.fd);
    server.fd = -1;
    event_finalize(0, &server.readable, on_finalized);
    event_finalize(0, &server.writable, on_finalized);
    event_finalize(0, &server.probe_timer, on_finalized);
}

NameServer* pick_server(evdns_base& base) noexcept {
    const std::size_t count = base.servers.size();
    if (count == 0) {
        return nullptr;
    }
    if (base.servers_up == 0) {
        base.head = (base.head + 1) % count;
        return base.servers[base.head];
    }
    while (base.servers[base.head]->down) {
        base.head = (base.head + 1) % count;
    }
    NameServer* const picked = base.servers[base.head];
    base.head = (base.head + 1) % count;
    return picked;
}

void server_failed(NameServer& server, const char* why) noexcept {
    if (server.down) {
        return;
    }
    AddressText text;
    print_address(server, text.data(), text.size());
    log(Severity::message, "Nameserver %s has failed: %s", text.data(), why);
    server.down = true;
    server.timeouts = 0;
    server.probes = 0;
    if (--server.base->servers_up == 0) {
        log(Severity::message, "All nameservers have failed");
    }
    schedule_probe(server);
}

void server_works(NameServer& server) noexcept {
    server.timeouts = 0;
    if (!server.down) {
        return;
    }
    AddressText text;
    print_address(server, text.data(), text.size());
    log(Severity::message, "Nameserver %s is back up", text.data());
    event_del_noblock(&server.probe_timer);
    if (server.probe != nullptr) {
        fail(*server.probe, DNS_ERR_CANCEL);
    }
    server.down = false;
    server.probes = 0;
    ++server.base->servers_up;
}

void server_timed_out(NameServer& server) noexcept {
    if (++server.timeouts > server.base->options.timeouts_max) {
        server_failed(server, "request timed out.");
    }
}

void probe(NameServer& server) noexcept {
    evdns_request* const request =
        new_request(*server.base, dns::Type::a, DNS_IPv4_A, "google.com", DNS_QUERY_NO_SEARCH);
    if (request == nullptr) {
        schedule_probe(server);
        return;
    }
    request->internal = probe_ended;
    request->arg = &server;
    request->probed = &server;
    server.probe = request;
    submit(*request);
}

void watch_servers(evdns_base& base) noexcept {
    if (!base.idle_disables) {
        return;
    }
    for (NameServer* const server : base.servers) {
        if (base.in_flight_count == 0) {
            event_del_noblock(&server->readable);
            event_del_noblock(&server->probe_timer);
            continue;
        }
        if (event_pending(&server->readable, EV_READ, nullptr) == 0) {
            event_add(&server->readable, nullptr);
        }
        if (server->down && server->probe == nullptr &&
            event_pending(&server->probe_timer, EV_TIMEOUT, nullptr) == 0) {
            await_probe(*server);
        }
    }
}

bool send_datagram(NameServer& server, std::span<const std::uint8_t> query) noexcept {
    const ssize_t sent = sendto(server.fd, query.data(), query.size(), MSG_NOSIGNAL,
                                as_sockaddr(server.address), server.length);
    if (sent >= 0) {
        return true;
    }
    if (errno == EAGAIN || errno == EINTR) {
        event_add(&server.writable, nullptr);
        return false;
    }
    server_failed(server, std::strerror(errno));
    return true;  // its timer will try another
}

}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;

extern "C" {

int evdns_base_nameserver_add(evdns_base* base, unsigned long int address) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(53);
    v4.sin_addr.s_addr = static_cast<in_addr_t>(address);
    const LockGuard guard(base->lock);
    return add_server(*base, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
}

int evdns_base_nameserver_ip_add(evdns_base* base, const char* ip_as_string) {
    sockaddr_storage address{};
    int length = sizeof(address);
    if (evutil_parse_sockaddr_port(ip_as_string, reinterpret_cast<sockaddr*>(&address), &length) !=
        0) {
        log(Severity::warning, "Unable to parse nameserver address %s", ip_as_string);
        return 4;
    }
    in_port_t& port = address.ss_family == AF_INET
                          ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                          : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port;
    if (port == 0) {
        port = htons(53);
    }
    const LockGuard guard(base->lock);
    return add_server(*base, as_sockaddr(address), static_cast<ev_socklen_t>(length));
}

int evdns_base_nameserver_sockaddr_add(evdns_base* base, const sockaddr* sa, ev_socklen_t len,
                                       unsigned) {
    const LockGuard guard(base->lock);
    return add_server(*base, sa, len);
}

int evdns_base_count_nameservers(evdns_base* base) {
    const LockGuard guard(base->lock);
    return static_cast<int>(base->servers.size());
}

int evdns_base_get_nameserver_addr(evdns_base* base, int idx, sockaddr* sa, ev_socklen_t len) {
    const LockGuard guard(base->lock);
    const std::size_t count = base->servers.size();
    const std::size_t index = static_cast<std::size_t>(std::max(idx, 0));
    if (index >= count) {
        return -1;
    }
    const NameServer& server = *base->servers[(base->head + index) % count];
    if (server.length <= len) {
        std::memcpy(sa, &server.address, server.length);
    }
    return static_cast<int>(server.length);
}

}  // extern "C"
