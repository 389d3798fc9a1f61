#include "compat/http_connection.h"

#include "compat/alloc.h"
#include "compat/http_serve.h"

#include <event2/corevent.h>

#include <cstring>
#include <utility>

using namespace corevent::compat;

evhttp_connection::~evhttp_connection() {
    mm_free(address);
    if (loop != nullptr) {
        loop->drop_reference();
    }
}

namespace corevent::compat {
namespace {

timeval seconds(int count) noexcept {
    timeval tv{};
    tv.tv_sec = count > 0 ? count : 0;
    return tv;
}

timeval copy_of(const timeval* tv) noexcept {
    return tv != nullptr ? *tv : timeval{};
}

/// A call for a connection from a thread that is not its own.
template <class Call>
class ConnectionLetter final : public Letter {
public:
    ConnectionLetter(evhttp_connection& connection, Call call) noexcept
        : connection_(connection), call_(call) {
        hold_connection(connection_);
    }
    void deliver(bool in_time) noexcept override {
        if (in_time) {
            call_(connection_);
        }
        drop_connection(connection_);
        mm_delete(this);
    }

private:
    evhttp_connection& connection_;
    const Call call_;
};

/// Whether the caller is on its loop. Client connections are used on one thread only.
bool is_here(evhttp_connection& connection) noexcept {
    return connection.server() == nullptr || connection.loop->on_thread();
}

/// How many requests of a server's connection the caller can know, on another thread than the connection's: in mode IO,
/// on the thread of the handlers, those it has been called with; else those whose handlers had the time to pass them on.
std::uint32_t requests_known(evhttp_connection& connection) noexcept {
    const evhttp& http = *connection.server();
    const bool handles = http.thread_mode == EVHTTP_THREADS_IO && http.home->loop.on_thread();
    const auto& count = handles ? connection.requests_begun : connection.requests_handled;
    return count.load(std::memory_order_relaxed);
}

/// Calls `call` with the connection, on its loop.
template <class Call>
void on_loop(evhttp_connection& connection, Call call) noexcept {
    if (is_here(connection)) {
        call(connection);
    } else if (auto* const letter = mm_new<ConnectionLetter<Call>>(connection, call)) {
        connection.loop->post(*letter);
    }
}

}  // namespace

void drop_connection(evhttp_connection& connection) noexcept {
    if (connection.references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        connection.~evhttp_connection();
        mm_free(&connection);
    }
}

void tell_closed(evhttp_connection& connection) noexcept {
    if (const auto fn = std::exchange(connection.close_fn, nullptr)) {
        fn(&connection, connection.close_arg);
    }
}

void forget_request(Request& request) noexcept {
    if (evhttp_connection* const connection = std::exchange(request.conn, nullptr)) {
        connection->forget(request);
    }
}

}  // namespace corevent::compat

extern "C" {

void evhttp_connection_free(evhttp_connection* evcon) {
    if (is_here(*evcon)) {
        evcon->close();
        return;
    }
    on_loop(*evcon, [known = requests_known(*evcon)](evhttp_connection& connection) {
        connection.close_as_of(known);
    });
}

int evhttp_connection_set_flags(evhttp_connection* evcon, int flags) {
    if ((flags & ~connection_flags) != 0) {
        return 1;
    }
    on_loop(*evcon, [=](evhttp_connection& connection) { connection.flags = flags; });
    return 0;
}

void evhttp_connection_set_max_headers_size(evhttp_connection* evcon, ev_ssize_t size) {
    on_loop(*evcon,
            [=](evhttp_connection& connection) { connection.headers_max = limit_from(size); });
}

void evhttp_connection_set_max_body_size(evhttp_connection* evcon, ev_ssize_t size) {
    on_loop(*evcon, [=](evhttp_connection& connection) { connection.body_max = limit_from(size); });
}

void evhttp_connection_set_timeout(evhttp_connection* evcon, int timeout_in_secs) {
    const timeval tv = seconds(timeout_in_secs);
    evhttp_connection_set_timeout_tv(evcon, &tv);
}

void evhttp_connection_set_timeout_tv(evhttp_connection* evcon, const timeval* tv) {
    on_loop(*evcon, [value = copy_of(tv)](evhttp_connection& connection) {
        connection.connect_timeout = connection.read_timeout = connection.write_timeout = value;
        connection.timeouts_changed();
    });
}

void evhttp_connection_set_connect_timeout_tv(evhttp_connection* evcon, const timeval* tv) {
    on_loop(*evcon, [value = copy_of(tv)](evhttp_connection& connection) {
        connection.connect_timeout = value;
        connection.timeouts_changed();
    });
}

void evhttp_connection_set_read_timeout_tv(evhttp_connection* evcon, const timeval* tv) {
    on_loop(*evcon, [value = copy_of(tv)](evhttp_connection& connection) {
        connection.read_timeout = value;
        connection.timeouts_changed();
    });
}

void evhttp_connection_set_write_timeout_tv(evhttp_connection* evcon, const timeval* tv) {
    on_loop(*evcon, [value = copy_of(tv)](evhttp_connection& connection) {
        connection.write_timeout = value;
        connection.timeouts_changed();
    });
}

void evhttp_connection_set_closecb(evhttp_connection* evcon, void (*cb)(evhttp_connection*, void*),
                                   void* cbarg) {
    evcon->close_fn = cb;
    evcon->close_arg = cbarg;
    evcon->close_wanted.store(cb != nullptr, std::memory_order_relaxed);
}

void evhttp_connection_get_peer(evhttp_connection* evcon, char** address, ev_uint16_t* port) {
    *address = evcon->address;
    *port = evcon->port;
}

const sockaddr* evhttp_connection_get_addr(evhttp_connection* evcon) {
    return evcon->peer_address();
}

bufferevent* evhttp_connection_get_bufferevent(evhttp_connection* evcon) {
    return evcon->bufferevent_of();
}

event_base* evhttp_connection_get_base(evhttp_connection* req) {
    return req->base();
}

evhttp* evhttp_connection_get_server(evhttp_connection* evcon) {
    return evcon->server();
}
}
