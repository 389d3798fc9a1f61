/* The resolver of programs that know one event_base only: each function is its namesake of
 * <event2/dns.h> on one global evdns_base. Configuring creates that on demand, on the base of
 * event_init(). Not for programs with threads. */
#ifndef CE_LIBEVENT_EVENT2_DNS_COMPAT_H
#define CE_LIBEVENT_EVENT2_DNS_COMPAT_H

#include <event2/dns.h>
#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Creates the global resolver and reads resolv.conf; 0 or -1. */
EVENT2_EXPORT_SYMBOL
int evdns_init(void);
EVENT2_EXPORT_SYMBOL
void evdns_shutdown(int fail_requests);
EVENT2_EXPORT_SYMBOL
struct evdns_base* evdns_get_global_base(void);

EVENT2_EXPORT_SYMBOL
int evdns_nameserver_add(unsigned long int address);
EVENT2_EXPORT_SYMBOL
int evdns_nameserver_ip_add(const char* ip_as_string);
EVENT2_EXPORT_SYMBOL
int evdns_count_nameservers(void);
EVENT2_EXPORT_SYMBOL
int evdns_clear_nameservers_and_suspend(void);
EVENT2_EXPORT_SYMBOL
int evdns_resume(void);

/* 0, or -1 if the request could not be made. */
EVENT2_EXPORT_SYMBOL
int evdns_resolve_ipv4(const char* name, int flags, evdns_callback_type callback, void* ptr);
EVENT2_EXPORT_SYMBOL
int evdns_resolve_ipv6(const char* name, int flags, evdns_callback_type callback, void* ptr);
EVENT2_EXPORT_SYMBOL
int evdns_resolve_reverse(const struct in_addr* in, int flags, evdns_callback_type callback,
                          void* ptr);
EVENT2_EXPORT_SYMBOL
int evdns_resolve_reverse_ipv6(const struct in6_addr* in, int flags, evdns_callback_type callback,
                               void* ptr);

/* `flags` are ignored. */
EVENT2_EXPORT_SYMBOL
int evdns_set_option(const char* option, const char* val, int flags);
EVENT2_EXPORT_SYMBOL
int evdns_resolv_conf_parse(int flags, const char* const filename);
EVENT2_EXPORT_SYMBOL
void evdns_search_clear(void);
EVENT2_EXPORT_SYMBOL
void evdns_search_add(const char* domain);
EVENT2_EXPORT_SYMBOL
void evdns_search_ndots_set(const int ndots);

/* evdns_add_server_port_with_base() on the base of event_init(). */
EVENT2_EXPORT_SYMBOL
struct evdns_server_port* evdns_add_server_port(evutil_socket_t socket, int flags,
                                                evdns_request_callback_fn_type callback,
                                                void* user_data);

#ifdef __cplusplus
}
#endif

#endif
