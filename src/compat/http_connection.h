// What server and client connections share: peer, settings, callbacks, and their life. A connection
// lives on one loop, is closed once, and its memory goes with the last reference: the loop's own and
// those of requests that a program has in its hands, maybe on another thread.
#pragma once

#include "compat/http_loop.h"
#include "compat/http_request.h"

#include <event2/bufferevent.h>
#include <event2/http.h>

#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

struct evhttp_connection {
    evhttp_connection(const evhttp_connection&) = delete;
    evhttp_connection& operator=(const evhttp_connection&) = delete;

    using CloseFn = void (*)(evhttp_connection*, void*);

    /// Closes it, and ends its requests without their callbacks; the memory stays as long as there
    /// are references. On the loop.
    virtual void close() noexcept = 0;
    /// The same for a program on another thread, which knew of its first `known` requests.
    virtual void close_as_of(std::uint32_t /*known*/) noexcept { close(); }
    /// The program has freed a request that is this connection's; on the loop.
    virtual void forget(corevent::compat::Request& request) noexcept = 0;
    virtual void cancel(corevent::compat::Request& request) noexcept = 0;
    virtual bufferevent* bufferevent_of() noexcept = 0;
    virtual const sockaddr* peer_address() noexcept = 0;
    virtual event_base* base() noexcept = 0;
    virtual evhttp* server() noexcept { return nullptr; }
    /// Settings have changed that the transport knows.
    virtual void timeouts_changed() noexcept = 0;

    std::atomic<std::uint32_t> references{1};
    corevent::compat::HttpLoop* loop = nullptr;  ///< counted; null for a client without a base
    char* address = nullptr;
    std::uint16_t port = 0;
    int flags = 0;
    std::size_t headers_max = SIZE_MAX;
    std::size_t body_max = SIZE_MAX;
    timeval connect_timeout{};  ///< zero: the default (client), none (server)
    timeval read_timeout{};
    timeval write_timeout{};
    CloseFn close_fn = nullptr;
    void* close_arg = nullptr;
    std::atomic<bool> close_wanted{false};  ///< there is a close_fn; any thread
    /// Of its requests those whose handlers have begun, and those whose handlers have returned. Written by the thread
    /// of the handlers.
    std::atomic<std::uint32_t> requests_begun{0};
    std::atomic<std::uint32_t> requests_handled{0};

    virtual ~evhttp_connection();

protected:
    evhttp_connection() noexcept = default;
};

namespace corevent::compat {

inline constexpr int connection_flags =
    EVHTTP_CON_REUSE_CONNECTED_ADDR | EVHTTP_CON_READ_ON_WRITE_ERROR | EVHTTP_CON_LINGERING_CLOSE;

inline void hold_connection(evhttp_connection& connection) noexcept {
    connection.references.fetch_add(1, std::memory_order_relaxed);
}
/// Any thread.
void drop_connection(evhttp_connection& connection) noexcept;

/// Calls the close callback, once.
void tell_closed(evhttp_connection& connection) noexcept;

/// Takes a request that is being freed away from its connection. On the loop.
void forget_request(Request& request) noexcept;

inline bool is_set(const timeval& tv) noexcept {
    return tv.tv_sec != 0 || tv.tv_usec != 0;
}

constexpr std::size_t limit_from(ev_ssize_t limit) noexcept {
    return limit < 0 ? SIZE_MAX : static_cast<std::size_t>(limit);
}

/// A reference for the length of a scope.
class ConnectionHold {
public:
    explicit ConnectionHold(evhttp_connection& connection) noexcept : connection_(connection) {
        hold_connection(connection_);
    }
    ~ConnectionHold() { drop_connection(connection_); }
    ConnectionHold(const ConnectionHold&) = delete;
    ConnectionHold& operator=(const ConnectionHold&) = delete;

private:
    evhttp_connection& connection_;
};

}  // namespace corevent::compat
