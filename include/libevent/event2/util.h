/* Small things that every program with sockets needs: integer types, sockets, addresses, looking
 * names up, locale-free strings, time, random octets.
 *
 * All of it may be called from any thread. Functions that return int return 0 when they did what
 * they were asked for and -1 otherwise, where nothing else is said. */
#ifndef EVENT2_UTIL_H_INCLUDED_
#define EVENT2_UTIL_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>

/* --- Integers. They are macros, as they always were: programs test for them with #ifdef. */
#define ev_uint64_t uint64_t
#define ev_int64_t int64_t
#define ev_uint32_t uint32_t
#define ev_int32_t int32_t
#define ev_uint16_t uint16_t
#define ev_int16_t int16_t
#define ev_uint8_t uint8_t
#define ev_int8_t int8_t
#define ev_uintptr_t uintptr_t
#define ev_intptr_t intptr_t
#define ev_ssize_t ssize_t
/* The offsets of the library, whatever off_t is in the program. */
#define ev_off_t ev_int64_t
#define ev_socklen_t socklen_t

#define EV_UINT64_MAX UINT64_MAX
#define EV_INT64_MAX INT64_MAX
#define EV_INT64_MIN INT64_MIN
#define EV_UINT32_MAX UINT32_MAX
#define EV_INT32_MAX INT32_MAX
#define EV_INT32_MIN INT32_MIN
#define EV_UINT16_MAX UINT16_MAX
#define EV_INT16_MAX INT16_MAX
#define EV_INT16_MIN INT16_MIN
#define EV_UINT8_MAX UINT8_MAX
#define EV_INT8_MAX INT8_MAX
#define EV_INT8_MIN INT8_MIN
#define EV_SIZE_MAX EV_UINT64_MAX
#define EV_SSIZE_MAX EV_INT64_MAX
#define EV_SSIZE_MIN ((-EV_SSIZE_MAX) - 1)

/* --- Sockets */

/* A socket, or whatever else the kernel can wait for. */
#define evutil_socket_t int
#define EVUTIL_INVALID_SOCKET -1

/* socketpair(2). */
EVENT2_EXPORT_SYMBOL
int evutil_socketpair(int d, int type, int protocol, evutil_socket_t sv[2]);

EVENT2_EXPORT_SYMBOL
int evutil_make_socket_nonblocking(evutil_socket_t sock);

/* The socket does not survive an exec. */
EVENT2_EXPORT_SYMBOL
int evutil_make_socket_closeonexec(evutil_socket_t sock);

/* Closes a socket; -1 and errno as close(2) says. */
EVENT2_EXPORT_SYMBOL
int evutil_closesocket(evutil_socket_t sock);
#define EVUTIL_CLOSESOCKET(s) evutil_closesocket(s)

/* Of a listening socket, before bind: its address may be bound again at once after it was closed
 * (SO_REUSEADDR). */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable(evutil_socket_t sock);

/* ... several sockets that all ask for this share the port (SO_REUSEPORT). */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock);

/* ... an IPv6 socket leaves IPv4 to others (IPV6_V6ONLY). */
EVENT2_EXPORT_SYMBOL
int evutil_make_listen_socket_ipv6only(evutil_socket_t sock);

/* ... a TCP connection is reported when its first octets are there (TCP_DEFER_ACCEPT). */
EVENT2_EXPORT_SYMBOL
int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock);

/* The error of the last call on a socket. */
#define EVUTIL_SOCKET_ERROR() (errno)
#define EVUTIL_SET_SOCKET_ERROR(errcode) \
    do {                                 \
        errno = (errcode);               \
    } while (0)
#define evutil_socket_geterror(sock) (errno)
#define evutil_socket_error_to_string(errcode) (strerror(errcode))

/* --- Addresses */

struct sockaddr;

/* inet_ntop(3): the text of an AF_INET or AF_INET6 address in `dst`, or NULL when `len` is short of
 * room. IPv4-mapped addresses end in dotted decimals. */
EVENT2_EXPORT_SYMBOL
const char* evutil_inet_ntop(int af, const void* src, char* dst, size_t len);

/* inet_pton(3): 1 when `src` was an address of that family, 0 when not, -1 for other families. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton(int af, const char* src, void* dst);

/* The same for an address that may end in "%INTERFACE" or "%NUMBER"; its index goes to `*indexp`,
 * 0 without one. */
EVENT2_EXPORT_SYMBOL
int evutil_inet_pton_scope(int af, const char* src, void* dst, unsigned* indexp);

/* Reads "1.2.3.4", "1.2.3.4:80", "::1", "[::1]" or "[::1]:80" into `out`; without a port it becomes
 * 0. `*outlen` says how much room there is and receives what was used. -1 when the text is no such
 * address or the room does not do. */
EVENT2_EXPORT_SYMBOL
int evutil_parse_sockaddr_port(const char* str, struct sockaddr* out, int* outlen);

/* Below, equal to or above 0 as `sa1` sorts before, with or after `sa2`: by family, address, and,
 * with `include_port`, port. Addresses that are neither IPv4 nor IPv6 are never equal. */
EVENT2_EXPORT_SYMBOL
int evutil_sockaddr_cmp(const struct sockaddr* sa1, const struct sockaddr* sa2, int include_port);

/* --- Looking names up */

/* In strict C89 <netdb.h> does not declare it. */
struct addrinfo;
#define evutil_addrinfo addrinfo
struct addrinfo; /* strict C compilers are not shown it by <netdb.h> */

/* What evutil_getaddrinfo returns: the system's codes, some of which the system's own header shows
 * to GNU programs alone. */
#ifdef EAI_ADDRFAMILY
#define EVUTIL_EAI_ADDRFAMILY EAI_ADDRFAMILY
#else
#define EVUTIL_EAI_ADDRFAMILY -9
#endif
#ifdef EAI_NODATA
#define EVUTIL_EAI_NODATA EAI_NODATA
#else
#define EVUTIL_EAI_NODATA -5
#endif
#ifdef EAI_AGAIN
#define EVUTIL_EAI_AGAIN EAI_AGAIN
#define EVUTIL_EAI_BADFLAGS EAI_BADFLAGS
#define EVUTIL_EAI_FAIL EAI_FAIL
#define EVUTIL_EAI_FAMILY EAI_FAMILY
#define EVUTIL_EAI_MEMORY EAI_MEMORY
#define EVUTIL_EAI_NONAME EAI_NONAME
#define EVUTIL_EAI_SERVICE EAI_SERVICE
#define EVUTIL_EAI_SOCKTYPE EAI_SOCKTYPE
#define EVUTIL_EAI_SYSTEM EAI_SYSTEM
#else
#define EVUTIL_EAI_AGAIN -3
#define EVUTIL_EAI_BADFLAGS -1
#define EVUTIL_EAI_FAIL -4
#define EVUTIL_EAI_FAMILY -6
#define EVUTIL_EAI_MEMORY -10
#define EVUTIL_EAI_NONAME -2
#define EVUTIL_EAI_SERVICE -8
#define EVUTIL_EAI_SOCKTYPE -7
#define EVUTIL_EAI_SYSTEM -11
#endif
/* An evdns_getaddrinfo was cancelled. */
#define EVUTIL_EAI_CANCEL -90001

/* Flags of the hints. */
#ifdef AI_PASSIVE
#define EVUTIL_AI_PASSIVE AI_PASSIVE
#define EVUTIL_AI_CANONNAME AI_CANONNAME
#define EVUTIL_AI_NUMERICHOST AI_NUMERICHOST
#define EVUTIL_AI_NUMERICSERV AI_NUMERICSERV
#define EVUTIL_AI_V4MAPPED AI_V4MAPPED
#define EVUTIL_AI_ALL AI_ALL
#define EVUTIL_AI_ADDRCONFIG AI_ADDRCONFIG
#else
#define EVUTIL_AI_PASSIVE 0x0001
#define EVUTIL_AI_CANONNAME 0x0002
#define EVUTIL_AI_NUMERICHOST 0x0004
#define EVUTIL_AI_NUMERICSERV 0x0400
#define EVUTIL_AI_V4MAPPED 0x0008
#define EVUTIL_AI_ALL 0x0010
#define EVUTIL_AI_ADDRCONFIG 0x0020
#endif

/* getaddrinfo(3), which blocks. 0 or one of EVUTIL_EAI_*; what it finds is given back with
 * evutil_freeaddrinfo. */
EVENT2_EXPORT_SYMBOL
int evutil_getaddrinfo(const char* nodename, const char* servname,
                       const struct evutil_addrinfo* hints_in, struct evutil_addrinfo** res);

/* For what evutil_getaddrinfo or evdns_getaddrinfo found. */
EVENT2_EXPORT_SYMBOL
void evutil_freeaddrinfo(struct evutil_addrinfo* ai);

/* A sentence for one of EVUTIL_EAI_*. */
EVENT2_EXPORT_SYMBOL
const char* evutil_gai_strerror(int err);

/* --- Strings, whatever the locale */

/* As strcasecmp and strncasecmp, folding A to Z alone. */
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strcasecmp(const char* str1, const char* str2);
EVENT2_EXPORT_SYMBOL
int evutil_ascii_strncasecmp(const char* str1, const char* str2, size_t n);

/* strtol(3) for 64 bits. */
EVENT2_EXPORT_SYMBOL
ev_int64_t evutil_strtoll(const char* s, char** endptr, int base);

/* snprintf(3) and vsnprintf(3) whose result always ends in NUL; 0 when there is no room even for
 * that. */
EVENT2_EXPORT_SYMBOL
int evutil_snprintf(char* buf, size_t buflen, const char* format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;
EVENT2_EXPORT_SYMBOL
int evutil_vsnprintf(char* buf, size_t buflen, const char* format, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 0)))
#endif
    ;

/* Writes a moment as HTTP does, "Sun, 06 Nov 1994 08:49:37 GMT"; `tm` is in UTC, NULL means now.
 * Returns the length that the whole text has, as snprintf does. */
EVENT2_EXPORT_SYMBOL
int evutil_date_rfc1123(char* date, const size_t datelen, const struct tm* tm);

/* --- Time */

#define evutil_gettimeofday(tv, tz) gettimeofday((tv), (tz))

#ifdef timeradd
#define evutil_timeradd(tvp, uvp, vvp) timeradd((tvp), (uvp), (vvp))
#define evutil_timersub(tvp, uvp, vvp) timersub((tvp), (uvp), (vvp))
#define evutil_timerclear(tvp) timerclear(tvp)
#define evutil_timerisset(tvp) timerisset(tvp)
#else
#define evutil_timeradd(tvp, uvp, vvp)                                       \
    do {                                                                     \
        (vvp)->tv_sec = (tvp)->tv_sec + (uvp)->tv_sec;                       \
        if (((vvp)->tv_usec = (tvp)->tv_usec + (uvp)->tv_usec) >= 1000000) { \
            (vvp)->tv_usec -= 1000000;                                       \
            (vvp)->tv_sec++;                                                 \
        }                                                                    \
    } while (0)
#define evutil_timersub(tvp, uvp, vvp)                                \
    do {                                                              \
        (vvp)->tv_sec = (tvp)->tv_sec - (uvp)->tv_sec;                \
        if (((vvp)->tv_usec = (tvp)->tv_usec - (uvp)->tv_usec) < 0) { \
            (vvp)->tv_usec += 1000000;                                \
            (vvp)->tv_sec--;                                          \
        }                                                             \
    } while (0)
#define evutil_timerclear(tvp) ((void)((tvp)->tv_sec = (tvp)->tv_usec = 0))
#define evutil_timerisset(tvp) ((tvp)->tv_sec || (tvp)->tv_usec)
#endif

/* Whether `tvp cmp uvp`; any of < <= == != >= >. */
#define evutil_timercmp(tvp, uvp, cmp)                                     \
    (((tvp)->tv_sec == (uvp)->tv_sec) ? ((tvp)->tv_usec cmp(uvp)->tv_usec) \
                                      : ((tvp)->tv_sec cmp(uvp)->tv_sec))

/* A clock that never goes back, whatever happens to the time of day. */
struct evutil_monotonic_timer;

#define EV_MONOT_PRECISE 1  /* to the nanosecond, where the kernel would round for speed */
#define EV_MONOT_FALLBACK 2 /* from the time of day, as where there is no such clock */

/* NULL when memory is short. */
EVENT2_EXPORT_SYMBOL
struct evutil_monotonic_timer* evutil_monotonic_timer_new(void);
EVENT2_EXPORT_SYMBOL
void evutil_monotonic_timer_free(struct evutil_monotonic_timer* timer);

/* Chooses the clock by EV_MONOT_*; to be called once, before the clock is read. */
EVENT2_EXPORT_SYMBOL
int evutil_configure_monotonic_time(struct evutil_monotonic_timer* timer, int flags);

/* The time since some moment of the past. */
EVENT2_EXPORT_SYMBOL
int evutil_gettime_monotonic(struct evutil_monotonic_timer* timer, struct timeval* tp);

/* --- Random octets, good enough for keys */

EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_get_bytes(void* buf, size_t n);

/* Makes sure that there are good random octets to be had; not needed. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_init(void);

/* Names a file to read seeds from in place of /dev/urandom: -1, as seeds come from the kernel and
 * no file is read. */
EVENT2_EXPORT_SYMBOL
int evutil_secure_rng_set_urandom_device_file(char* fname);

/* Adds seeds of the program's own; never needed, and without effect here. */
EVENT2_EXPORT_SYMBOL
void evutil_secure_rng_add_bytes(const char* dat, size_t datlen);

#ifdef offsetof
#define evutil_offsetof(type, field) offsetof(type, field)
#else
#define evutil_offsetof(type, field) ((off_t)(&((type*)0)->field))
#endif

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_UTIL_H_INCLUDED_ */
