/* DNS without blocking: a stub resolver (evdns_base), getaddrinfo on top of it, and the wire side of
 * a small DNS server.
 *
 * Every function may be called from any thread once locking is on. A resolver belongs to one
 * event_base; its callbacks run in that base's loop, one per request, never from inside the call
 * that made the request (evdns_getaddrinfo tells where it differs). */
#ifndef CE_LIBEVENT_EVENT2_DNS_H
#define CE_LIBEVENT_EVENT2_DNS_H

#include <event2/util.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evdns_base;
struct evdns_request;
struct evdns_getaddrinfo_request;
struct evdns_server_port;
struct evdns_server_request;
struct evdns_server_question;
struct in_addr;
struct in6_addr;
struct sockaddr;

/* Results. Up to 5 they are the RCODEs of RFC 1035 4.1.1, the others are local. */
#define DNS_ERR_NONE 0
#define DNS_ERR_FORMAT 1       /* the server did not understand the query */
#define DNS_ERR_SERVERFAILED 2 /* the server could not answer */
#define DNS_ERR_NOTEXIST 3     /* there is no such name */
#define DNS_ERR_NOTIMPL 4      /* the server does not do this kind of query */
#define DNS_ERR_REFUSED 5      /* the server does not want to answer us */
#define DNS_ERR_TRUNCATED 65   /* the reply was cut and could not be had whole */
#define DNS_ERR_UNKNOWN 66     /* any other RCODE, or a reply that makes no sense */
#define DNS_ERR_TIMEOUT 67     /* no server answered in time */
#define DNS_ERR_SHUTDOWN 68    /* the resolver was freed, with fail_requests set */
#define DNS_ERR_CANCEL 69      /* evdns_cancel_request() */
#define DNS_ERR_NODATA 70      /* the name exists, but has no record of this type */

/* What the addresses given to a callback are. */
#define DNS_IPv4_A 1    /* count times 4 octets in network order */
#define DNS_PTR 2       /* count pointers to names; count is at most 1 */
#define DNS_IPv6_AAAA 3 /* count times 16 octets */

/* Flags of the resolve functions. */
#define DNS_QUERY_NO_SEARCH 1 /* the name as it is: no search domain is tried */
#define DNS_NO_SEARCH DNS_QUERY_NO_SEARCH
#define DNS_QUERY_USEVC 2 /* ask over TCP from the beginning */
#define DNS_QUERY_IGNTC 4 /* no second try over TCP when a reply was cut: DNS_ERR_TRUNCATED */

/* Parts of resolv.conf that evdns_base_resolv_conf_parse() heeds. */
#define DNS_OPTION_SEARCH 1      /* "domain", "search", and the option ndots */
#define DNS_OPTION_NAMESERVERS 2 /* "nameserver"; with none of them, 127.0.0.1 */
#define DNS_OPTION_MISC 4        /* "options" */
#define DNS_OPTION_HOSTSFILE 8   /* /etc/hosts is loaded as well */
#define DNS_OPTIONS_ALL \
    (DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC | DNS_OPTION_HOSTSFILE)
#define DNS_OPTION_NAMESERVERS_NO_DEFAULT 16 /* without "nameserver" lines there is no server */

/* Flags of evdns_base_new(). */
#define EVDNS_BASE_INITIALIZE_NAMESERVERS 1       /* read /etc/resolv.conf */
#define EVDNS_BASE_DISABLE_WHEN_INACTIVE 0x8000   /* idle, it does not keep the loop running */
#define EVDNS_BASE_NAMESERVERS_NO_DEFAULT 0x10000 /* DNS_OPTION_NAMESERVERS_NO_DEFAULT */

/* The end of a request. `addresses` holds `count` items as `type` says and lives until the callback
 * returns; `ttl` is the smallest of the records' in seconds. On errors type, count and ttl are 0,
 * but for the TTL of negative answers. */
typedef void (*evdns_callback_type)(int result, char type, int count, int ttl, void* addresses,
                                    void* arg);

/* -- the resolver ------------------------------------------------------------------------------- */

/* NULL on failure; with EVDNS_BASE_INITIALIZE_NAMESERVERS also when no name server was found. */
EVENT2_EXPORT_SYMBOL
struct evdns_base* evdns_base_new(struct event_base* event_base, int initialize_nameservers);
/* Requests that are under way end with DNS_ERR_SHUTDOWN, or silently if fail_requests is 0. Results
 * that are on their way to the loop already are still told. */
EVENT2_EXPORT_SYMBOL
void evdns_base_free(struct evdns_base* base, int fail_requests);

/* A fixed text in English. */
EVENT2_EXPORT_SYMBOL
const char* evdns_err_to_string(int err);

/* Name servers. An IPv4 address in network order; or text: "1.2.3.4", "1.2.3.4:53", "2001:db8::1",
 * "[2001:db8::1]:53"; or a sockaddr (flags: 0). The port is 53 unless given. 0, or not 0 on errors
 * (3: there already, 4: not an address). */
EVENT2_EXPORT_SYMBOL
int evdns_base_nameserver_add(struct evdns_base* base, unsigned long int address);
EVENT2_EXPORT_SYMBOL
int evdns_base_nameserver_ip_add(struct evdns_base* base, const char* ip_as_string);
EVENT2_EXPORT_SYMBOL
int evdns_base_nameserver_sockaddr_add(struct evdns_base* base, const struct sockaddr* sa,
                                       ev_socklen_t len, unsigned flags);
EVENT2_EXPORT_SYMBOL
int evdns_base_count_nameservers(struct evdns_base* base);
/* Octets written to `sa`; -1 without such a server; more than `len` if that was too little. */
EVENT2_EXPORT_SYMBOL
int evdns_base_get_nameserver_addr(struct evdns_base* base, int idx, struct sockaddr* sa,
                                   ev_socklen_t len);

/* Forgets all name servers; requests wait until evdns_base_resume(), which sends them anew. */
EVENT2_EXPORT_SYMBOL
int evdns_base_clear_nameservers_and_suspend(struct evdns_base* base);
EVENT2_EXPORT_SYMBOL
int evdns_base_resume(struct evdns_base* base);

/* Sets one option from text; the name may end in ':' (then what follows the colon is ignored).
 *
 *   ndots:                  a name with so many dots is tried before the search domains (1)
 *   timeout:                seconds until a query is sent again, decimal (5)
 *   attempts:               how often a query is sent (3)
 *   max-timeouts:           time-outs in a row after which a server counts as down (3)
 *   max-inflight:           queries on the way at once, others wait (64)
 *   randomize-case:         0x20: letters of random case, checked in the reply (1)
 *   bind-to:                local address for queries
 *   initial-probe-timeout:  seconds until a server that is down is asked again (10)
 *   getaddrinfo-allow-skew: seconds that the second of A and AAAA may take longer (3)
 *   so-rcvbuf:, so-sndbuf:  socket buffers in octets
 *   edns-udp-size:          octets of a UDP reply, announced in an OPT record if above 512 (512)
 *
 * 0, or -1 if the value is none; unknown names are ignored. */
EVENT2_EXPORT_SYMBOL
int evdns_base_set_option(struct evdns_base* base, const char* option, const char* val);

/* Reads a file in the format of resolv.conf(5), `flags` of DNS_OPTION_*. 0; 1: cannot be opened;
 * 2: cannot be examined; 3: too large; 4: out of memory; 5: short read; 6: names no server. */
EVENT2_EXPORT_SYMBOL
int evdns_base_resolv_conf_parse(struct evdns_base* base, int flags, const char* const filename);

/* Adds the names of a file in the format of hosts(5) to those known, for evdns_getaddrinfo() only.
 * NULL: localhost alone. 0, or -1. */
EVENT2_EXPORT_SYMBOL
int evdns_base_load_hosts(struct evdns_base* base, const char* hosts_fname);
EVENT2_EXPORT_SYMBOL
void evdns_base_clear_host_addresses(struct evdns_base* base);

/* Search domains. The one added last is tried first; those of a file in the order of the file. */
EVENT2_EXPORT_SYMBOL
void evdns_base_search_clear(struct evdns_base* base);
EVENT2_EXPORT_SYMBOL
void evdns_base_search_add(struct evdns_base* base, const char* domain);
EVENT2_EXPORT_SYMBOL
void evdns_base_search_ndots_set(struct evdns_base* base, const int ndots);

/* -- requests ----------------------------------------------------------------------------------- */

/* `flags` are DNS_QUERY_*. NULL if the name cannot be asked for; then no callback follows. The
 * request may be cancelled until its callback has been called. */
EVENT2_EXPORT_SYMBOL
struct evdns_request* evdns_base_resolve_ipv4(struct evdns_base* base, const char* name, int flags,
                                              evdns_callback_type callback, void* ptr);
EVENT2_EXPORT_SYMBOL
struct evdns_request* evdns_base_resolve_ipv6(struct evdns_base* base, const char* name, int flags,
                                              evdns_callback_type callback, void* ptr);
EVENT2_EXPORT_SYMBOL
struct evdns_request* evdns_base_resolve_reverse(struct evdns_base* base, const struct in_addr* in,
                                                 int flags, evdns_callback_type callback,
                                                 void* ptr);
EVENT2_EXPORT_SYMBOL
struct evdns_request* evdns_base_resolve_reverse_ipv6(struct evdns_base* base,
                                                      const struct in6_addr* in, int flags,
                                                      evdns_callback_type callback, void* ptr);
/* The callback follows from the loop with DNS_ERR_CANCEL. `base` may be NULL. */
EVENT2_EXPORT_SYMBOL
void evdns_cancel_request(struct evdns_base* base, struct evdns_request* req);

/* `result` is 0 or EVUTIL_EAI_*; `res` is the callee's, for evutil_freeaddrinfo(). */
typedef void (*evdns_getaddrinfo_cb)(int result, struct evutil_addrinfo* res, void* arg);

/* getaddrinfo(3) through the resolver: A and AAAA at once as the hints want, numeric names and the
 * hosts file without asking anybody. What needs no server is answered from inside this call; NULL is
 * returned then. `dns_base` NULL: the global one. */
EVENT2_EXPORT_SYMBOL
struct evdns_getaddrinfo_request* evdns_getaddrinfo(struct evdns_base* dns_base,
                                                    const char* nodename, const char* servname,
                                                    const struct evutil_addrinfo* hints_in,
                                                    evdns_getaddrinfo_cb cb, void* arg);
/* The callback follows with EVUTIL_EAI_CANCEL. Not to be called once the callback ran. */
EVENT2_EXPORT_SYMBOL
void evdns_getaddrinfo_cancel(struct evdns_getaddrinfo_request* req);

/* -- messages of the resolver ------------------------------------------------------------------- */

typedef void (*evdns_debug_log_fn_type)(int is_warning, const char* msg);
/* For the whole process. NULL: they go where the library's other messages go. */
EVENT2_EXPORT_SYMBOL
void evdns_set_log_fn(evdns_debug_log_fn_type fn);
/* Without effect, both: ids come from the library's secure generator. */
EVENT2_EXPORT_SYMBOL
void evdns_set_transaction_id_fn(ev_uint16_t (*fn)(void));
EVENT2_EXPORT_SYMBOL
void evdns_set_random_bytes_fn(void (*fn)(char*, size_t));

/* -- the server --------------------------------------------------------------------------------- */

/* A question has arrived. Answer now or later, from any thread: any number of ..._add_..._reply and
 * then respond, or drop; both free the request. */
typedef void (*evdns_request_callback_fn_type)(struct evdns_server_request*, void*);

/* Sections of a reply. */
#define EVDNS_ANSWER_SECTION 0
#define EVDNS_AUTHORITY_SECTION 1
#define EVDNS_ADDITIONAL_SECTION 2

/* Types and classes (RFC 1035 3.2, RFC 3596). */
#define EVDNS_TYPE_A 1
#define EVDNS_TYPE_NS 2
#define EVDNS_TYPE_CNAME 5
#define EVDNS_TYPE_SOA 6
#define EVDNS_TYPE_PTR 12
#define EVDNS_TYPE_MX 15
#define EVDNS_TYPE_TXT 16
#define EVDNS_TYPE_AAAA 28
#define EVDNS_QTYPE_AXFR 252
#define EVDNS_QTYPE_ALL 255
#define EVDNS_CLASS_INET 1

/* Header flags of a reply. */
#define EVDNS_FLAGS_AA 0x400
#define EVDNS_FLAGS_RD 0x080

/* Reads questions from a bound, non-blocking UDP socket, which is the port's from now on. `flags`
 * is 0. NULL on errors. */
EVENT2_EXPORT_SYMBOL
struct evdns_server_port* evdns_add_server_port_with_base(struct event_base* base,
                                                          evutil_socket_t socket, int flags,
                                                          evdns_request_callback_fn_type callback,
                                                          void* user_data);
/* Requests that were handed out can still be answered; the last one closes the socket. */
EVENT2_EXPORT_SYMBOL
void evdns_close_server_port(struct evdns_server_port* port);

EVENT2_EXPORT_SYMBOL
void evdns_server_request_set_flags(struct evdns_server_request* req, int flags);
/* Adds a record: `datalen` octets at `data`, or with `is_name` the name `data` points at. 0; -1 if
 * the section is none, memory is out, or the reply is on its way. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_reply(struct evdns_server_request* req, int section, const char* name,
                                   int type, int dns_class, int ttl, int datalen, int is_name,
                                   const char* data);
/* `n` addresses of 4, or 16, octets each. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_a_reply(struct evdns_server_request* req, const char* name, int n,
                                     const void* addrs, int ttl);
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_aaaa_reply(struct evdns_server_request* req, const char* name, int n,
                                        const void* addrs, int ttl);
/* Either `in` or `inaddr_name` ("4.3.2.1.in-addr.arpa") says whose name `hostname` is. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_ptr_reply(struct evdns_server_request* req, struct in_addr* in,
                                       const char* inaddr_name, const char* hostname, int ttl);
EVENT2_EXPORT_SYMBOL
int evdns_server_request_add_cname_reply(struct evdns_server_request* req, const char* name,
                                         const char* cname, int ttl);

/* Sends the reply with `err` as RCODE. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_respond(struct evdns_server_request* req, int err);
EVENT2_EXPORT_SYMBOL
int evdns_server_request_drop(struct evdns_server_request* req);
/* Octets written to `sa`, or -1 if `addr_len` is too little. */
EVENT2_EXPORT_SYMBOL
int evdns_server_request_get_requesting_addr(struct evdns_server_request* req, struct sockaddr* sa,
                                             int addr_len);

#ifdef __cplusplus
}
#endif

#endif
