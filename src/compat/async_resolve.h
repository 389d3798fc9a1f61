// Name resolution as connecting by name needs it: one entry that works with and without an
// evdns_base. Implemented by evdns_getaddrinfo.cc; bufferevent_socket_connect_hostname is its user.
// Any thread (locks of the evdns_base inside). It opens no sockets to what it finds and knows
// nothing of bufferevents.
#pragma once

#include <event2/util.h>

struct evdns_base;
struct evdns_getaddrinfo_request;

namespace corevent::compat {

/// Called exactly once per resolve_async: `error` is 0 or an EVUTIL_EAI_* code, `found` a list to be
/// released with evutil_freeaddrinfo (null on errors). Runs without any lock of the resolver held.
using ResolveFn = void (*)(int error, evutil_addrinfo* found, void* arg);

/// Resolves `node` and `service` under `hints` (each may be null, as in getaddrinfo). With a null
/// `dns_base` it blocks in evutil_getaddrinfo, calls `done` and returns null. Otherwise numeric
/// names and the hosts file are answered at once, that is: `done` may run before this returns, and
/// null is returned in that case. Else the returned request stays valid until `done` is called.
evdns_getaddrinfo_request* resolve_async(evdns_base* dns_base, const char* node,
                                         const char* service, const evutil_addrinfo* hints,
                                         ResolveFn done, void* arg) noexcept;

/// Asks `request` (null is harmless) to end: `done` follows from the loop with EVUTIL_EAI_CANCEL,
/// unless another result was on its way already. To be called before `done` ran only.
void resolve_cancel(evdns_getaddrinfo_request* request) noexcept;

}  // namespace corevent::compat
