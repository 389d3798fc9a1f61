// The global resolver of <event2/dns_compat.h>. Not for programs with threads, by its contract; the
// pointer is atomic all the same.
#include "compat/evdns_base.h"

#include <event2/dns_compat.h>

#include <atomic>

namespace {

std::atomic<evdns_base*> global_base{nullptr};

/// Made when there is none yet; null if that fails.
evdns_base* global_on_demand() noexcept {
    evdns_base* base = global_base.load(std::memory_order_acquire);
    if (base == nullptr) {
        base = evdns_base_new(nullptr, 0);
        global_base.store(base, std::memory_order_release);
    }
    return base;
}

}  // namespace

extern "C" {

evdns_base* evdns_get_global_base(void) {
    return global_base.load(std::memory_order_acquire);
}

int evdns_init(void) {
    evdns_base* const base = evdns_base_new(nullptr, EVDNS_BASE_INITIALIZE_NAMESERVERS);
    if (base == nullptr) {
        return -1;
    }
    global_base.store(base, std::memory_order_release);
    return 0;
}

void evdns_shutdown(int fail_requests) {
    if (evdns_base* const base = global_base.exchange(nullptr, std::memory_order_acq_rel)) {
        evdns_base_free(base, fail_requests);
    }
}

int evdns_nameserver_add(unsigned long int address) {
    evdns_base* const base = global_on_demand();
    return base == nullptr ? -1 : evdns_base_nameserver_add(base, address);
}

int evdns_nameserver_ip_add(const char* ip_as_string) {
    evdns_base* const base = global_on_demand();
    return base == nullptr ? -1 : evdns_base_nameserver_ip_add(base, ip_as_string);
}

int evdns_count_nameservers(void) {
    evdns_base* const base = evdns_get_global_base();
    return base == nullptr ? 0 : evdns_base_count_nameservers(base);
}

int evdns_clear_nameservers_and_suspend(void) {
    evdns_base* const base = evdns_get_global_base();
    return base == nullptr ? -1 : evdns_base_clear_nameservers_and_suspend(base);
}

int evdns_resume(void) {
    evdns_base* const base = evdns_get_global_base();
    return base == nullptr ? -1 : evdns_base_resume(base);
}

int evdns_resolve_ipv4(const char* name, int flags, evdns_callback_type callback, void* ptr) {
    evdns_base* const base = evdns_get_global_base();
    return base != nullptr && evdns_base_resolve_ipv4(base, name, flags, callback, ptr) != nullptr
               ? 0
               : -1;
}

int evdns_resolve_ipv6(const char* name, int flags, evdns_callback_type callback, void* ptr) {
    evdns_base* const base = evdns_get_global_base();
    return base != nullptr && evdns_base_resolve_ipv6(base, name, flags, callback, ptr) != nullptr
               ? 0
               : -1;
}

int evdns_resolve_reverse(const in_addr* in, int flags, evdns_callback_type callback, void* ptr) {
    evdns_base* const base = evdns_get_global_base();
    return base != nullptr && evdns_base_resolve_reverse(base, in, flags, callback, ptr) != nullptr
               ? 0
               : -1;
}

int evdns_resolve_reverse_ipv6(const in6_addr* in, int flags, evdns_callback_type callback,
                               void* ptr) {
    evdns_base* const base = evdns_get_global_base();
    return base != nullptr &&
                   evdns_base_resolve_reverse_ipv6(base, in, flags, callback, ptr) != nullptr
               ? 0
               : -1;
}

int evdns_set_option(const char* option, const char* val, int) {
    evdns_base* const base = global_on_demand();
    return base == nullptr ? -1 : evdns_base_set_option(base, option, val);
}

int evdns_resolv_conf_parse(int flags, const char* const filename) {
    evdns_base* const base = global_on_demand();
    return base == nullptr ? -1 : evdns_base_resolv_conf_parse(base, flags, filename);
}

void evdns_search_clear(void) {
    if (evdns_base* const base = evdns_get_global_base()) {
        evdns_base_search_clear(base);
    }
}

void evdns_search_add(const char* domain) {
    if (evdns_base* const base = global_on_demand()) {
        evdns_base_search_add(base, domain);
    }
}

void evdns_search_ndots_set(const int ndots) {
    if (evdns_base* const base = global_on_demand()) {
        evdns_base_search_ndots_set(base, ndots);
    }
}

evdns_server_port* evdns_add_server_port(evutil_socket_t socket, int flags,
                                         evdns_request_callback_fn_type callback, void* user_data) {
    return evdns_add_server_port_with_base(nullptr, socket, flags, callback, user_data);
}

}  // extern "C"
