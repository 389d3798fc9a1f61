// getaddrinfo through the resolver: what is numeric or in the hosts file at once; else A and AAAA side
// by side. The first of them to come starts a timer: the second may take that much longer
// (getaddrinfo-allow-skew). IPv4 addresses stand before IPv6 ones.
#include "compat/alloc.h"
#include "compat/async_resolve.h"
#include "compat/evdns_base.h"
#include "compat/evutil.h"

#include <event2/dns_compat.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace corevent::compat::evdns {
namespace {

/// One of the two look-ups.
struct Half {
    evdns_getaddrinfo_request* owner = nullptr;
    evdns_request* request = nullptr;  ///< null once it has answered
    evutil_addrinfo* found = nullptr;
};

}  // namespace
}  // namespace corevent::compat::evdns

struct evdns_getaddrinfo_request {
    evdns_base* base = nullptr;
    evutil_addrinfo hints{};
    in_port_t port = 0;  ///< network order
    evdns_getaddrinfo_cb callback = nullptr;
    void* arg = nullptr;
    corevent::compat::evdns::Half v4{};
    corevent::compat::evdns::Half v6{};
    event skew{};
    int error = 0;  ///< of the latest look-up that failed
    char* canonical = nullptr;
    bool cancelled = false;
    bool told = false;     ///< the callback was called, or must not be
    bool deleted = false;  ///< waits for its finalizer
};

namespace corevent::compat::evdns {
namespace {

using Request = evdns_getaddrinfo_request;

/// Appends `tail` to `list`.
void append(evutil_addrinfo*& list, evutil_addrinfo* tail) noexcept {
    evutil_addrinfo** end = &list;
    while (*end != nullptr) {
        end = &(*end)->ai_next;
    }
    *end = tail;
}

/// One node in the form that evutil_freeaddrinfo knows as ours; null if memory is out.
evutil_addrinfo* new_node(const sockaddr* address, ev_socklen_t length, int socktype,
                          int protocol) noexcept {
    auto* const node =
        static_cast<evutil_addrinfo*>(mm_calloc(1, sizeof(evutil_addrinfo) + length));
    if (node != nullptr) {
        node->ai_flags = addrinfo_of_libevent;
        node->ai_family = address->sa_family;
        node->ai_socktype = socktype;
        node->ai_protocol = protocol;
        node->ai_addrlen = length;
        node->ai_addr = reinterpret_cast<sockaddr*>(node + 1);
        std::memcpy(node->ai_addr, address, length);
    }
    return node;
}

/// The nodes for one address: one, or with hints that leave it open one for TCP and one for UDP.
/// False if memory is out.
bool add_address(evutil_addrinfo*& list, const sockaddr* address, ev_socklen_t length,
                 const evutil_addrinfo& hints) noexcept {
    const bool both = hints.ai_socktype == 0 && hints.ai_protocol == 0;
    if (!both) {
        evutil_addrinfo* const node =
            new_node(address, length, hints.ai_socktype, hints.ai_protocol);
        append(list, node);
        return node != nullptr;
    }
    evutil_addrinfo* const tcp = new_node(address, length, SOCK_STREAM, IPPROTO_TCP);
    evutil_addrinfo* const udp = new_node(address, length, SOCK_DGRAM, IPPROTO_UDP);
    append(list, tcp);
    append(list, udp);
    return tcp != nullptr && udp != nullptr;
}

bool add_v4(evutil_addrinfo*& list, const in_addr& address, in_port_t port,
            const evutil_addrinfo& hints) noexcept {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    v4.sin_addr = address;
    return add_address(list, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4), hints);
}

bool add_v6(evutil_addrinfo*& list, const in6_addr& address, in_port_t port,
            const evutil_addrinfo& hints, std::uint32_t scope = 0) noexcept {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = port;
    v6.sin6_addr = address;
    v6.sin6_scope_id = scope;
    return add_address(list, reinterpret_cast<const sockaddr*>(&v6), sizeof(v6), hints);
}

bool wants(const evutil_addrinfo& hints, int family) noexcept {
    return hints.ai_family == AF_UNSPEC || hints.ai_family == family;
}

/// Fills in what the hints imply of each other.
void complete(evutil_addrinfo& hints) noexcept {
    if (hints.ai_socktype == 0 && hints.ai_protocol != 0) {
        hints.ai_socktype = hints.ai_protocol == IPPROTO_UDP    ? SOCK_DGRAM
                            : hints.ai_protocol == IPPROTO_TCP  ? SOCK_STREAM
                            : hints.ai_protocol == IPPROTO_SCTP ? SOCK_STREAM
                                                                : 0;
    } else if (hints.ai_protocol == 0) {
        hints.ai_protocol = hints.ai_socktype == SOCK_STREAM  ? IPPROTO_TCP
                            : hints.ai_socktype == SOCK_DGRAM ? IPPROTO_UDP
                                                              : 0;
    }
}

/// Not loopback, not of one link or one site.
bool reaches_far(const ifaddrs& entry) noexcept {
    if (entry.ifa_addr == nullptr || (entry.ifa_flags & IFF_UP) == 0 ||
        (entry.ifa_flags & IFF_LOOPBACK) != 0) {
        return false;
    }
    if (entry.ifa_addr->sa_family == AF_INET6) {
        const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr;
        const bool unique_local = (v6.s6_addr[0] & 0xFE) == 0xFC;
        return !unique_local && !IN6_IS_ADDR_LINKLOCAL(&v6) && !IN6_IS_ADDR_SITELOCAL(&v6);
    }
    return entry.ifa_addr->sa_family == AF_INET;
}

/// The one family that this host has addresses of, AF_UNSPEC if it has both or none. Looked up once.
int configured_family() noexcept {
    static std::atomic<int> known{-1};
    int family = known.load(std::memory_order_relaxed);
    if (family >= 0) {
        return family;
    }
    bool v4 = false;
    bool v6 = false;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) == 0) {
        for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
            if (reaches_far(*entry)) {
                (entry->ifa_addr->sa_family == AF_INET ? v4 : v6) = true;
            }
        }
        freeifaddrs(list);
    }
    family = v4 == v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6;
    known.store(family, std::memory_order_relaxed);
    return family;
}

/// AI_ADDRCONFIG: no addresses that nothing here can reach.
void heed_configured_families(evutil_addrinfo& hints) noexcept {
    if ((hints.ai_flags & EVUTIL_AI_ADDRCONFIG) != 0 && hints.ai_family == AF_UNSPEC) {
        hints.ai_family = configured_family();
    }
}

/// The port of a service, in network order; false if there is none of that name.
bool find_port(const char* service, const evutil_addrinfo& hints, in_port_t& port) noexcept {
    port = 0;
    if (service == nullptr) {
        return true;
    }
    char* end = nullptr;
    const long number = std::strtol(service, &end, 10);
    if (*service != '\0' && *end == '\0' && number >= 0 && number <= 65535) {
        port = htons(static_cast<std::uint16_t>(number));
        return true;
    }
    if ((hints.ai_flags & EVUTIL_AI_NUMERICSERV) != 0) {
        return false;
    }
    const char* const protocol = hints.ai_protocol == IPPROTO_UDP   ? "udp"
                                 : hints.ai_protocol == IPPROTO_TCP ? "tcp"
                                                                    : nullptr;
    servent entry{};
    servent* found = nullptr;
    char buffer[2048];
    if (getservbyname_r(service, protocol, &entry, buffer, sizeof(buffer), &found) != 0 ||
        found == nullptr) {
        return false;
    }
    port = static_cast<in_port_t>(found->s_port);
    return true;
}

/// No name: any address for servers, this host for clients.
bool add_nameless(evutil_addrinfo*& list, in_port_t port, const evutil_addrinfo& hints) noexcept {
    const bool passive = (hints.ai_flags & EVUTIL_AI_PASSIVE) != 0;
    const in_addr v4 = {htonl(passive ? INADDR_ANY : INADDR_LOOPBACK)};
    return (!wants(hints, AF_INET) || add_v4(list, v4, port, hints)) &&
           (!wants(hints, AF_INET6) ||
            add_v6(list, passive ? in6addr_any : in6addr_loopback, port, hints));
}

/// What can be said without the resolver.
struct AtOnce {
    bool known = false;
    int error = 0;
    evutil_addrinfo* list = nullptr;
};

AtOnce said(bool has_memory, evutil_addrinfo* list) noexcept {
    if (has_memory) {
        return {true, 0, list};
    }
    if (list != nullptr) {
        evutil_freeaddrinfo(list);
    }
    return {true, EVUTIL_EAI_MEMORY, nullptr};
}

AtOnce look_at(const char* node, const char* service, evutil_addrinfo& hints,
               in_port_t& port) noexcept {
    if (node == nullptr && service == nullptr) {
        return {true, EVUTIL_EAI_NONAME, nullptr};
    }
    if (hints.ai_family != AF_UNSPEC && hints.ai_family != AF_INET && hints.ai_family != AF_INET6) {
        return {true, EVUTIL_EAI_FAMILY, nullptr};
    }
    complete(hints);
    if (!find_port(service, hints, port)) {
        return {true, EVUTIL_EAI_NONAME, nullptr};
    }
    evutil_addrinfo* list = nullptr;
    if (node == nullptr) {
        heed_configured_families(hints);
        const bool has_memory = add_nameless(list, port, hints);
        return said(has_memory, list);
    }
    in_addr v4{};
    in6_addr v6{};
    unsigned scope = 0;
    if (wants(hints, AF_INET6) && evutil_inet_pton_scope(AF_INET6, node, &v6, &scope) == 1) {
        const bool has_memory = add_v6(list, v6, port, hints, scope);
        return said(has_memory, list);
    }
    if (wants(hints, AF_INET) && evutil_inet_pton(AF_INET, node, &v4) == 1) {
        const bool has_memory = add_v4(list, v4, port, hints);
        return said(has_memory, list);
    }
    if ((hints.ai_flags & EVUTIL_AI_NUMERICHOST) != 0) {
        return {true, EVUTIL_EAI_NONAME, nullptr};
    }
    return {};
}

/// The addresses of the hosts file. A name that is there, but not with the family wanted, is left to
/// the resolver.
AtOnce look_into_hosts(const evdns_base& base, const char* node, in_port_t port,
                       const evutil_addrinfo& hints) noexcept {
    evutil_addrinfo* list = nullptr;
    bool has_memory = true;
    std::size_t at = 0;
    while (const HostEntry* const entry = find_host(base, node, at)) {
        if (entry->address.ss_family == AF_INET && wants(hints, AF_INET)) {
            const auto& v4 = reinterpret_cast<const sockaddr_in&>(entry->address);
            has_memory = has_memory && add_v4(list, v4.sin_addr, port, hints);
        } else if (entry->address.ss_family == AF_INET6 && wants(hints, AF_INET6)) {
            const auto& v6 = reinterpret_cast<const sockaddr_in6&>(entry->address);
            has_memory = has_memory && add_v6(list, v6.sin6_addr, port, hints, v6.sin6_scope_id);
        }
    }
    return list == nullptr && has_memory ? AtOnce{} : said(has_memory, list);
}

int gai_error(int dns_error) noexcept {
    switch (dns_error) {
        case DNS_ERR_NONE: return 0;
        case DNS_ERR_NOTEXIST: return EVUTIL_EAI_NONAME;
        case DNS_ERR_CANCEL: return EVUTIL_EAI_CANCEL;
        default: return EVUTIL_EAI_FAIL;
    }
}

void release(Request* request) noexcept {
    evdns_base& base = *request->base;
    for (evutil_addrinfo* const list : {request->v4.found, request->v6.found}) {
        if (list != nullptr) {
            evutil_freeaddrinfo(list);
        }
    }
    mm_free(request->canonical);
    mm_delete(request);
    drop_reference(base);
}

void on_finalized(event*, void* arg) noexcept {
    release(static_cast<Request*>(arg));
}

/// Frees the request if both look-ups have ended and the callback has had its turn. Under the lock.
void delete_if_over(Request& request) noexcept {
    if (request.told && request.v4.request == nullptr && request.v6.request == nullptr &&
        !request.deleted) {
        request.deleted = true;
        event_finalize(0, &request.skew, on_finalized);
    }
}

/// The result as it stands: addresses of either family, or the error. Under the lock; the callback is
/// to be called without.
int take_result(Request& request, evutil_addrinfo*& list) noexcept {
    request.told = true;
    event_del_noblock(&request.skew);
    list = nullptr;
    if (request.cancelled) {
        return EVUTIL_EAI_CANCEL;
    }
    list = std::exchange(request.v4.found, nullptr);
    append(list, std::exchange(request.v6.found, nullptr));
    if (list == nullptr) {
        return request.error;
    }
    list->ai_canonname = std::exchange(request.canonical, nullptr);
    return 0;
}

/// Tells the result, in the loop.
void tell(Request& request) noexcept {
    evutil_addrinfo* list = nullptr;
    int error = 0;
    {
        const LockGuard guard(request.base->lock);
        if (request.told) {
            return;
        }
        error = take_result(request, list);
    }
    request.callback(error, list, request.arg);
    const LockGuard guard(request.base->lock);
    delete_if_over(request);
}

void on_skew(evutil_socket_t, short, void* arg) noexcept {
    Request& request = *static_cast<Request*>(arg);
    {
        const LockGuard guard(request.base->lock);
        if (request.told || request.deleted) {
            return;
        }
        for (const Half* const half : {&request.v4, &request.v6}) {
            if (half->request != nullptr) {
                evdns_cancel_request(request.base, half->request);
            }
        }
    }
    tell(request);
}

/// Keeps what one look-up has found; an EAI code, 0 for success.
int keep(Half& half, const Answer& answer) noexcept {
    Request& request = *half.owner;
    bool has_memory = true;
    for (int i = 0; i < answer.count && has_memory && answer.error == DNS_ERR_NONE; ++i) {
        const auto at = static_cast<std::size_t>(i);
        has_memory = &half == &request.v4
                         ? add_v4(half.found, answer.data.v4[at], request.port, request.hints)
                         : add_v6(half.found, answer.data.v6[at], request.port, request.hints);
    }
    if (answer.error == DNS_ERR_NONE && answer.cname[0] != '\0' && request.canonical == nullptr &&
        (request.hints.ai_flags & EVUTIL_AI_CANONNAME) != 0) {
        request.canonical = mm_strdup(answer.cname.data());
        has_memory = has_memory && request.canonical != nullptr;
    }
    return has_memory ? gai_error(answer.error) : EVUTIL_EAI_MEMORY;
}

/// A look-up has ended.
void on_answer(const Answer& answer, void* arg) noexcept {
    Half& half = *static_cast<Half*>(arg);
    Request& request = *half.owner;
    const Half& other = &half == &request.v4 ? request.v6 : request.v4;
    {
        const LockGuard guard(request.base->lock);
        half.request = nullptr;
        if (request.told) {
            delete_if_over(request);
            return;
        }
        if (const int error = keep(half, answer); error != 0) {
            request.error = error;
        }
        if (other.request != nullptr) {
            if (!request.cancelled) {
                event_add(&request.skew, &request.base->options.skew);
            }
            return;
        }
    }
    tell(request);
}

/// The resolver is freed silently. Under its lock.
void on_discard(void* arg) noexcept {
    Half& half = *static_cast<Half*>(arg);
    half.request = nullptr;
    half.owner->told = true;
    delete_if_over(*half.owner);
}

void ask(Half& half, dns::Type type, char kind, const char* node) noexcept {
    half.request = new_request(*half.owner->base, type, kind, node, 0);
    if (half.request != nullptr) {
        half.request->internal = on_answer;
        half.request->discarded = on_discard;
        half.request->arg = &half;
        submit(*half.request);
    }
}

/// Starts the look-ups; null if neither can be made.
Request* start(evdns_base& base, const char* node, const evutil_addrinfo& hints, in_port_t port,
               evdns_getaddrinfo_cb callback, void* arg) noexcept {
    Request* const request = mm_new<Request>();
    if (request == nullptr) {
        return nullptr;
    }
    request->base = &base;
    request->hints = hints;
    request->port = port;
    request->callback = callback;
    request->arg = arg;
    request->v4.owner = request->v6.owner = request;
    event_assign(&request->skew, base.events, -1, 0, on_skew, request);
    add_reference(base);
    if (wants(hints, AF_INET)) {
        ask(request->v4, dns::Type::a, DNS_IPv4_A, node);
    }
    if (wants(hints, AF_INET6)) {
        ask(request->v6, dns::Type::aaaa, DNS_IPv6_AAAA, node);
    }
    if (request->v4.request == nullptr && request->v6.request == nullptr) {
        request->told = true;
        delete_if_over(*request);
        return nullptr;
    }
    return request;
}

}  // namespace
}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;

extern "C" {

evdns_getaddrinfo_request* evdns_getaddrinfo(evdns_base* dns_base, const char* nodename,
                                             const char* servname, const evutil_addrinfo* hints_in,
                                             evdns_getaddrinfo_cb cb, void* arg) {
    evdns_base* const base = dns_base != nullptr ? dns_base : evdns_get_global_base();
    if (base == nullptr) {
        log(Severity::warning, "evdns_getaddrinfo: there is no resolver to ask");
        cb(EVUTIL_EAI_FAIL, nullptr, arg);
        return nullptr;
    }
    evutil_addrinfo hints{};
    if (hints_in != nullptr) {
        hints.ai_family = hints_in->ai_family;
        hints.ai_socktype = hints_in->ai_socktype;
        hints.ai_protocol = hints_in->ai_protocol;
        hints.ai_flags = hints_in->ai_flags;
    }
    in_port_t port = 0;
    AtOnce answer = look_at(nodename, servname, hints, port);
    if (!answer.known) {
        heed_configured_families(hints);
        const LockGuard guard(base->lock);
        answer = look_into_hosts(*base, nodename, port, hints);
        if (!answer.known) {
            if (Request* const request = start(*base, nodename, hints, port, cb, arg)) {
                return request;
            }
            answer = {true, EVUTIL_EAI_FAIL, nullptr};
        }
    }
    cb(answer.error, answer.list, arg);
    return nullptr;
}

void evdns_getaddrinfo_cancel(evdns_getaddrinfo_request* req) {
    const LockGuard guard(req->base->lock);
    if (req->told || req->cancelled) {
        return;
    }
    req->cancelled = true;
    event_del_noblock(&req->skew);
    for (const Half* const half : {&req->v4, &req->v6}) {
        if (half->request != nullptr) {
            evdns_cancel_request(req->base, half->request);
        }
    }
}

}  // extern "C"

namespace corevent::compat {

evdns_getaddrinfo_request* resolve_async(evdns_base* dns_base, const char* node,
                                         const char* service, const evutil_addrinfo* hints,
                                         ResolveFn done, void* arg) noexcept {
    if (dns_base != nullptr) {
        return evdns_getaddrinfo(dns_base, node, service, hints, done, arg);
    }
    evutil_addrinfo* found = nullptr;
    const int error = evutil_getaddrinfo(node, service, hints, &found);
    done(error, found, arg);
    return nullptr;
}

void resolve_cancel(evdns_getaddrinfo_request* request) noexcept {
    if (request != nullptr) {
        evdns_getaddrinfo_cancel(request);
    }
}

}  // namespace corevent::compat
