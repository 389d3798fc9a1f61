// The server: struct evhttp with its sockets, its settings, and the tables of who handles what.
// Settings are made before connections come or on the thread of the base; the tables are read where
// handlers run. Connections and their reading and writing are in http_serve.h.
#pragma once

#include "base/list.h"
#include "codec/h1_parser.h"
#include "compat/http_loop.h"

#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>

#include <sys/time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace corevent::compat {

class WorkerGroup;
struct Request;

using RequestFn = void (*)(evhttp_request*, void*);
using BevFn = bufferevent* (*)(event_base*, void*);
using NewRequestFn = int (*)(evhttp_request*, void*);
using ErrorPageFn = int (*)(evhttp_request*, evbuffer*, int, const char*, void*);

template <class Fn>
struct Callback {
    Fn fn = nullptr;
    void* arg = nullptr;
};

struct Shard;

}  // namespace corevent::compat

/// A socket that the server listens on. Counted: threads look at its settings until they have closed
/// their part of it.
struct evhttp_bound_socket {
    std::atomic<int> references{1};
    corevent::ListHook<evhttp_bound_socket> hook;
    evhttp* http = nullptr;
    evconnlistener* listener = nullptr;  ///< null once the base is gone
    evutil_socket_t left_fd = -1;  ///< then: what it listened on, if the server is to close it
    event* resume = nullptr;       ///< ends the rest after a failure to accept
    bool warned = false;           ///< of such a failure
    corevent::compat::Callback<corevent::compat::BevFn> bev;
};

struct evhttp {
    explicit evhttp(event_base* of_base) noexcept;
    ~evhttp();
    evhttp(const evhttp&) = delete;
    evhttp& operator=(const evhttp&) = delete;

    event_base* base;  ///< null: the process's current one, once there are sockets
    std::unique_ptr<corevent::compat::Shard> home;  ///< its connections on the base
    corevent::TailQueue<evhttp_bound_socket, &evhttp_bound_socket::hook> sockets;
    std::unique_ptr<corevent::compat::WorkerGroup> workers;

    // Who handles what.
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };
    std::unordered_map<std::string, corevent::compat::Callback<corevent::compat::RequestFn>,
                       NameHash, std::equal_to<>>
        by_path;
    corevent::compat::Callback<corevent::compat::RequestFn> general;
    corevent::compat::Callback<corevent::compat::NewRequestFn> new_request;
    corevent::compat::Callback<corevent::compat::BevFn> bev;
    corevent::compat::Callback<corevent::compat::ErrorPageFn> error_page;
    struct VirtualHost {
        std::string pattern;
        evhttp* http;
    };
    std::vector<VirtualHost> virtual_hosts;
    std::vector<std::string> aliases;
    bool is_virtual = false;

    // Settings.
    unsigned allowed_methods =
        EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE;
    const char* content_type = "text/html; charset=ISO-8859-1";
    std::size_t headers_max = SIZE_MAX;
    std::size_t body_max = SIZE_MAX;
    int connections_max = 0;
    timeval read_timeout{};
    timeval write_timeout{};
    int flags = 0;
    bool limits_on = false;
    bool lenient = false;
    int threads = 0;  ///< asked for, and once they have started, there; 0: none
    int thread_mode = 0;
    bool environment_read = false;
    bool closing = false;       ///< in evhttp_free(), or without a base
    bool base_is_gone = false;  ///< it was freed before the server: no callback is called any more

    std::atomic<int> connection_count{0};
};

namespace corevent::compat {

/// Runs the handler for a complete request, or answers what has none. On the handlers' thread.
void handle_request(evhttp& http, Request& request) noexcept;

/// Stops what runs on the base, which is about to be freed. Sockets stay open, as libevent leaves
/// them; with the server itself they are for evhttp_free().
void leave_base(evhttp& http) noexcept;

/// Without threads of its own after all: its sockets accept on the base.
void serve_at_home(evhttp& http) noexcept;

void drop_socket(evhttp_bound_socket& socket) noexcept;

/// A reference to the settings of a socket.
class SocketHold {
public:
    explicit SocketHold(evhttp_bound_socket& socket) noexcept : socket_(socket) {
        socket.references.fetch_add(1, std::memory_order_relaxed);
    }
    ~SocketHold() { drop_socket(socket_); }
    SocketHold(const SocketHold&) = delete;
    SocketHold& operator=(const SocketHold&) = delete;

    evhttp_bound_socket& get() const noexcept { return socket_; }

private:
    evhttp_bound_socket& socket_;
};

/// Accepted by one of the server's listeners, on whatever loop that is. Takes over `fd`.
void serve_accepted(evhttp_bound_socket& socket, Shard& shard, evutil_socket_t fd,
                    const sockaddr* peer, int peer_length) noexcept;

}  // namespace corevent::compat
