// The resolver's parts as its own files see them: evdns_base, its name servers, its requests.
//
// Life. A request is waiting (for room among max-inflight or for a server), in flight (its query is
// with a server, its timer runs), or done (its result stands in it and its event is active: the loop
// calls the callback and frees it). Searching asks for one name after the other with one request.
//
//     resolve --> waiting <--> in flight --> done --> callback, freed
//                    \____________________/^          (cancel, shutdown, time-out, reply)
//
// Threads. The lock of the evdns_base covers everything here; callbacks of users run without it. What
// holds an event that could be running in the loop at this moment is freed by event_finalize, and each
// such object keeps a reference to its evdns_base, so that the lock outlives them.
#pragma once

#include "base/list.h"
#include "codec/dns.h"
#include "compat/lock.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::compat::evdns {

inline constexpr int answers_max = 32;                  ///< addresses given to a callback
inline constexpr std::size_t replies_max = 256;         ///< datagrams taken per turn and server
inline constexpr std::size_t receive_bytes_min = 1500;  ///< room for a datagram, EDNS or not
inline constexpr int reissues_max = 1;                  ///< other servers asked after a refusal
inline constexpr long probe_seconds_max = 3600;

/// Where to look for names; never changed once a request may know it.
struct SearchList {
    std::vector<std::string> domains;  ///< without leading dots
    int ndots = 1;
};

/// A line of the hosts file: one name of one address.
struct HostEntry {
    std::string name;
    sockaddr_storage address;
    ev_socklen_t length;
};

struct Options {
    timeval timeout{5, 0};
    timeval probe{10, 0};
    timeval skew{3, 0};
    int attempts = 3;
    int timeouts_max = 3;
    int inflight_max = 64;
    int receive_buffer = 0;
    int send_buffer = 0;
    int udp_bytes = static_cast<int>(dns::udp_bytes_max);
    bool random_case = true;
    sockaddr_storage bind_to{};
    ev_socklen_t bind_length = 0;
};

struct NameServer {
    evdns_base* base = nullptr;
    evutil_socket_t fd = -1;  ///< -1 once it was taken out: then it waits for its finalizers
    sockaddr_storage address{};
    ev_socklen_t length = 0;
    event readable{};
    event writable{};  ///< added while the socket takes nothing
    event probe_timer{};
    int finalizers = 3;  ///< events that have still to be finalized
    int timeouts = 0;    ///< in a row
    int probes = 0;      ///< since it went down
    bool down = false;
    evdns_request* probe = nullptr;
};

/// A query over TCP of one request; frees itself by event_finalize when dropped.
struct TcpQuery {
    evdns_base* base = nullptr;
    evdns_request* request = nullptr;  ///< null once dropped
    evutil_socket_t fd = -1;
    event io{};
    std::array<std::uint8_t, 2 + dns::udp_bytes_max> out{};
    std::size_t out_size = 0;
    std::size_t sent = 0;
    std::vector<std::uint8_t> in{};
};

/// What a callback gets.
struct Answer {
    int error = DNS_ERR_NONE;
    int count = 0;
    std::uint32_t ttl = 0;
    union {
        std::array<in_addr, answers_max> v4;
        std::array<in6_addr, answers_max> v6;
        std::array<char, dns::name_text_bytes_max + 1> name;
    } data;
    /// The canonical name behind a CNAME, or "".
    std::array<char, dns::name_text_bytes_max + 1> cname;

    void clear(int with_error) noexcept;
};

using NameText = std::array<char, dns::name_text_bytes_max + 2>;  ///< room for a dot at the end

}  // namespace corevent::compat::evdns

struct evdns_request {
    enum class State : std::uint8_t { waiting, in_flight, done };

    evdns_base* base = nullptr;
    corevent::ListHook<evdns_request> hook{};
    event timer{};
    event deliver{};
    State state = State::waiting;

    corevent::dns::Type type{};
    char kind = 0;  ///< DNS_IPv4_A and kin
    int flags = 0;
    corevent::compat::evdns::NameText typed{};  ///< what the user asked for
    corevent::compat::evdns::NameText name{};   ///< what is asked for now, in random case
    std::shared_ptr<const corevent::compat::evdns::SearchList> search;  ///< null: no searching
    std::size_t tried = 0;  ///< names of the search so far

    std::uint16_t id = 0;
    corevent::compat::evdns::NameServer* server = nullptr;
    corevent::compat::evdns::NameServer* probed = nullptr;  ///< set: a probe of that server
    corevent::compat::evdns::TcpQuery* tcp = nullptr;
    int sends = 0;
    int reissues = 0;
    bool unsent = false;  ///< the socket was blocked when it was to go

    corevent::compat::evdns::Answer answer{};
    evdns_callback_type callback = nullptr;
    void* arg = nullptr;
    /// Called instead of the callback, under the lock, when the base is freed silently.
    void (*discarded)(void* arg) = nullptr;
    /// Like `callback`, but for the resolver's own requests; gets the whole answer.
    void (*internal)(const corevent::compat::evdns::Answer&, void* arg) = nullptr;
};

struct evdns_base {
    using Requests = corevent::TailQueue<evdns_request, &evdns_request::hook>;
    static constexpr std::size_t buckets = 64;

    corevent::compat::Lock lock;
    event_base* events = nullptr;
    int references = 1;  ///< its user, each request, server and query over TCP
    bool freed = false;
    bool idle_disables = false;  ///< EVDNS_BASE_DISABLE_WHEN_INACTIVE

    Requests waiting;
    std::array<Requests, buckets> in_flight;  ///< by id
    int in_flight_count = 0;

    std::vector<corevent::compat::evdns::NameServer*> servers;
    std::size_t head = 0;  ///< the server that is next in turn
    int servers_up = 0;

    corevent::compat::evdns::Options options;
    std::shared_ptr<const corevent::compat::evdns::SearchList> search;
    std::vector<corevent::compat::evdns::HostEntry> hosts;
    std::vector<std::uint8_t> receive;  ///< where datagrams are read to
};

namespace corevent::compat::evdns {

/// Calls `function`; when memory is out, `otherwise` is what it gives. No exception leaves the library.
template <class Function, class Result>
Result guarded(Function&& function, Result otherwise) noexcept {
    try {
        return function();
    } catch (const std::bad_alloc&) {
        return otherwise;
    }
}

// evdns_base.cc
void add_reference(evdns_base& base) noexcept;
/// Drops one; the last one frees. Must be called without the lock.
void drop_reference(evdns_base& base) noexcept;
/// Sends what waits as long as there is room.
void pump(evdns_base& base) noexcept;

// evdns_servers.cc
/// 0; 1: no address of a server; 2: no socket; 3: there already; -1: out of memory.
int add_server(evdns_base& base, const sockaddr* address, ev_socklen_t length) noexcept;
void remove_server(NameServer& server) noexcept;
/// The next in turn that is up; with none up, the next in turn; null without servers.
NameServer* pick_server(evdns_base& base) noexcept;
/// `why` goes into the log. Down already: nothing happens.
void server_failed(NameServer& server, const char* why) noexcept;
void server_works(NameServer& server) noexcept;
void server_timed_out(NameServer& server) noexcept;
/// Adds or removes the servers' events as requests come and go.
void watch_servers(evdns_base& base) noexcept;
/// One query to `server`; false if its socket takes nothing: it will be sent when it does.
bool send_datagram(NameServer& server, std::span<const std::uint8_t> query) noexcept;

// evdns_request.cc
evdns_request* new_request(evdns_base& base, dns::Type type, char kind, std::string_view name,
                           int flags) noexcept;
/// Sends it, or lets it wait.
void submit(evdns_request& request) noexcept;
/// Sends the query of a request in flight and starts its timer.
void send_query(evdns_request& request) noexcept;
/// Sends what the blocked socket of `server` did not take.
void send_unsent(NameServer& server) noexcept;
void probe(NameServer& server) noexcept;
/// Ends it: the callback follows from the loop. The answer has been filled in.
void finish(evdns_request& request) noexcept;
void fail(evdns_request& request, int error, std::uint32_t ttl = 0) noexcept;
/// The same, unless there is another name to ask for.
void fail_or_search(evdns_request& request, int error) noexcept;
void drop_silently(evdns_request& request) noexcept;
void back_to_waiting(evdns_request& request) noexcept;
/// The time for the query is over, or its server could not answer: once more, or the end.
void try_again(evdns_request& request) noexcept;
/// After a refusal: whether another server is asked.
bool ask_another(evdns_request& request) noexcept;
/// The next name of the search; false if there is none.
bool search_next(evdns_request& request) noexcept;
evdns_request* find_in_flight(evdns_base& base, std::uint16_t id) noexcept;
/// Encodes the query; the octets of `out` used.
std::size_t write_query(const evdns_request& request, std::span<std::uint8_t> out) noexcept;

// evdns_reply.cc
/// Takes a message from `server` into account, whatever it is. `over_tcp` is the request whose
/// connection brought it, or null.
void take_reply(NameServer& server, std::span<const std::uint8_t> message,
                evdns_request* over_tcp) noexcept;

// evdns_tcp.cc
bool start_tcp(evdns_request& request) noexcept;
void drop_tcp(evdns_request& request) noexcept;

// evdns_hosts.cc
/// The next entry named `name` from `at` on; moves `at` behind it. Null: no more.
const HostEntry* find_host(const evdns_base& base, std::string_view name, std::size_t& at) noexcept;

// evdns_log.cc
enum class Severity : std::uint8_t { debug, message, warning };
[[gnu::format(printf, 2, 3)]] void log(Severity severity, const char* format, ...) noexcept;

}  // namespace corevent::compat::evdns
