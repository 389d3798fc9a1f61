#include "compat/http_client.h"

#include "compat/alloc.h"
#include "compat/base.h"
#include "compat/bufferevent.h"
#include "compat/log.h"

#include <event2/http_compat.h>
#include <event2/util.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <new>

namespace corevent::compat {
namespace {

constexpr timeval connect_timeout_default{45, 0};
constexpr timeval read_timeout_default{50, 0};
constexpr timeval write_timeout_default{50, 0};
constexpr long retry_seconds_max = 3600;

const timeval* or_default(const timeval& set, const timeval& standard) noexcept {
    return is_set(set) ? &set : &standard;
}

timeval doubled(timeval tv) noexcept {
    if (tv.tv_sec >= retry_seconds_max / 2) {
        return {retry_seconds_max, 0};
    }
    tv.tv_sec *= 2;
    tv.tv_usec *= 2;
    if (tv.tv_usec >= 1'000'000) {
        tv.tv_usec -= 1'000'000;
        ++tv.tv_sec;
    }
    return tv;
}

}  // namespace

ClientConnection* ClientConnection::make(event_base* base, evdns_base* dns, bufferevent* bev,
                                         const char* address, std::uint16_t port) noexcept {
    void* const memory = mm_malloc(sizeof(ClientConnection));
    if (memory == nullptr) {
        warn("%s: out of memory", __func__);
        return nullptr;
    }
    auto* const made = new (memory) ClientConnection();
    made->base_ = base;
    made->dns_ = dns;
    made->port = port;
    made->bev_ = bev != nullptr ? bev : bufferevent_socket_new(base, -1, 0);
    if (made->bev_ == nullptr || !set_text(made->address, address) ||
        (base != nullptr && !made->attach_loop())) {
        if (made->bev_ != nullptr && made->bev_ != bev) {
            bufferevent_free(made->bev_);
        }
        made->bev_ = nullptr;
        drop_connection(*made);
        return nullptr;
    }
    if (bufferevent_get_base(made->bev_) != base && base != nullptr) {
        bufferevent_base_set(base, made->bev_);
    }
    bufferevent_setcb(made->bev_, on_read, on_write, on_event, made);
    if (bev != nullptr && bufferevent_getfd(bev) >= 0) {
        made->state_ = State::idle;  // the program has connected it
    }
    return made;
}

ClientConnection::~ClientConnection() {
    if (loop != nullptr) {
        loop->remove_user(*this);
    }
}

bool ClientConnection::attach_loop() noexcept {
    loop = HttpLoop::of(base_);
    if (loop == nullptr) {
        return false;
    }
    loop->add_user(*this);
    return true;
}

void ClientConnection::set_base(event_base* base) noexcept {
    if (state_ != State::disconnected || base_ == base) {
        return;
    }
    if (loop != nullptr) {
        loop->remove_user(*this);
        loop->drop_reference();
        loop = nullptr;
    }
    base_ = base;
    bufferevent_base_set(base, bev_);
    attach_loop();
}

const sockaddr* ClientConnection::peer_address() noexcept {
    return peer_.ss_family != AF_UNSPEC ? reinterpret_cast<const sockaddr*>(&peer_) : nullptr;
}

// ---- the queue -------------------------------------------------------------------------------

int ClientConnection::submit(Request& request, evhttp_cmd_type type, const char* uri) noexcept {
    const ConnectionHold hold(*this);
    if (std::string_view(uri).find_first_of("\r\n") != std::string_view::npos ||
        !set_text(request.uri, uri)) {
        settle_request(request);
        return -1;
    }
    request.kind = EVHTTP_REQUEST;
    request.type = type;
    if (request.major == 0 && request.minor == 0) {
        request.major = request.minor = 1;
    }
    if (request.loop == nullptr && loop != nullptr) {
        loop->add_reference();
        request.loop = loop;
        loop->open_mailbox();  // so that any thread may cancel
    }
    if (set_text(request.remote_host, address)) {
        request.remote_port = port;
    }
    request.conn = this;
    request.set_evcon(this);
    queue_.push_back(request);
    if (tries_ > 0) {
        return 0;  // the retry to come takes it along
    }
    if (!connected()) {
        if (state_ == State::connecting || connect()) {
            return 0;
        }
        if (request.conn == this) {
            queue_.remove(request);
            settle_request(request);
        }
        return -1;
    }
    if (current() == &request) {
        dispatch();
    }
    return 0;
}

void ClientConnection::forget(Request& request) noexcept {
    const bool under_way = current() == &request && state_ > State::idle;
    queue_.remove(request);
    if (under_way && !closed_) {
        const ConnectionHold hold(*this);
        disconnect();
        next_request();
    }
}

void ClientConnection::cancel(Request& request) noexcept {
    const ConnectionHold hold(*this);
    if (current() == &request && state_ != State::disconnected) {
        fail(EVREQ_HTTP_REQUEST_CANCEL);
    } else {
        queue_.remove(request);
        settle_request(request);
    }
}

/// Takes `request` out of the queue with its answer, and goes on with the next before the callback,
/// which may free the connection.
void ClientConnection::finish(Request& request, bool keep) noexcept {
    queue_.remove(request);
    request.conn = nullptr;
    request.set_evcon(nullptr);
    state_ = State::idle;
    if (!keep) {
        disconnect();
    }
    next_request();
    if (request.cb != nullptr) {
        // The program may own the request there and free it at once.
        request.flags |= EVHTTP_REQ_DEFER_FREE;
        request.cb(&request, request.cb_arg);
        request.flags &= ~EVHTTP_REQ_DEFER_FREE;
        if ((request.flags & EVHTTP_REQ_NEEDS_FREE) != 0) {
            request.flags &= ~EVHTTP_USER_OWNED;
        }
    }
    settle_request(request);
    if (free_when_done_ && queue_.empty() && !closed_) {
        close();
    }
}

/// The current request has no answer.
void ClientConnection::fail(evhttp_request_error error) noexcept {
    Request* const request = current();
    if (request == nullptr) {
        disconnect();
        if (free_when_done_ && !closed_) {
            close();
        }
        return;
    }
    const auto callback = error != EVREQ_HTTP_REQUEST_CANCEL ? request->cb : nullptr;
    void* const arg = request->cb_arg;
    queue_.remove(*request);
    request->conn = nullptr;
    request->set_evcon(nullptr);
    disconnect();
    if (request->error_cb != nullptr) {
        request->flags |= EVHTTP_REQ_DEFER_FREE;
        request->error_cb(error, arg);
        request->flags &= ~EVHTTP_REQ_DEFER_FREE;
        if ((request->flags & EVHTTP_REQ_NEEDS_FREE) != 0) {
            request->flags &= ~EVHTTP_USER_OWNED;
        }
    }
    settle_request(*request);
    if (!closed_) {
        next_request();
    }
    if (callback != nullptr) {
        callback(nullptr, arg);
    }
    if (free_when_done_ && queue_.empty() && !closed_) {
        close();
    }
}

void ClientConnection::next_request() noexcept {
    if (closed_ || state_ == State::connecting || tries_ > 0) {
        return;
    }
    if (queue_.empty()) {
        if (connected()) {  // to notice when the peer closes
            bufferevent_enable(bev_, EV_READ);
            bufferevent_set_timeouts(bev_, nullptr, nullptr);
        }
    } else if (!connected()) {
        if (!connect()) {
            fail_all();
        }
    } else {
        dispatch();
    }
}

// ---- the connection --------------------------------------------------------------------------

void ClientConnection::set_timeouts(bool connecting) noexcept {
    if (connecting) {
        const timeval* const tv = or_default(connect_timeout, connect_timeout_default);
        bufferevent_set_timeouts(bev_, tv, tv);
    } else {
        bufferevent_set_timeouts(bev_, or_default(read_timeout, read_timeout_default),
                                 or_default(write_timeout, write_timeout_default));
    }
}

void ClientConnection::timeouts_changed() noexcept {
    if (state_ > State::idle) {
        set_timeouts(false);
    }
}

/// Gives the bufferevent a socket that is bound to the local address, if one was set.
bool ClientConnection::bind_local() noexcept {
    if (local_address.empty() && local_port == 0) {
        return true;
    }
    evutil_addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = EVUTIL_AI_PASSIVE;
    std::array<char, 8> service{};
    std::to_chars(service.data(), service.data() + service.size() - 1, local_port);
    evutil_addrinfo* found = nullptr;
    const char* const name = local_address.empty() ? nullptr : local_address.c_str();
    if (evutil_getaddrinfo(name, service.data(), &hints, &found) != 0 || found == nullptr) {
        warnx("http: cannot bind to %s", local_address.c_str());
        return false;
    }
    const evutil_socket_t fd =
        ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool bound = fd >= 0 && ::bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    evutil_freeaddrinfo(found);
    if (!bound) {
        warn("http: cannot bind to %s", local_address.c_str());
        if (fd >= 0) {
            evutil_closesocket(fd);
        }
        return false;
    }
    bufferevent_setfd(bev_, fd);
    return true;
}

/// Starts to connect. The outcome comes by on_event(), maybe before this returns.
bool ClientConnection::connect() noexcept {
    if (state_ == State::connecting) {
        return true;
    }
    disconnect();
    if (!bind_local()) {
        return false;
    }
    bufferevent_setcb(bev_, on_read, on_write, on_event, this);
    set_timeouts(true);
    bufferevent_enable(bev_, EV_WRITE);
    const bool again =
        (flags & EVHTTP_CON_REUSE_CONNECTED_ADDR) != 0 && peer_.ss_family != AF_UNSPEC;
    const int result = again
                           ? bufferevent_socket_connect(bev_, reinterpret_cast<sockaddr*>(&peer_),
                                                        int{sizeof peer_})
                           : bufferevent_socket_connect_hostname(bev_, dns_, family, address, port);
    if (result != 0) {
        warn("%s: connection to \"%s\" failed", __func__, address);
        fail_all();
        return true;
    }
    if (state_ == State::disconnected && !queue_.empty() && !closed_) {
        state_ = State::connecting;
    }
    return true;
}

void ClientConnection::on_connected() noexcept {
    state_ = State::idle;
    tries_ = 0;
    const evutil_socket_t fd = bufferevent_getfd(bev_);
    socklen_t length = sizeof peer_;
    if (fd >= 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer_), &length) != 0) {
            peer_.ss_family = AF_UNSPEC;
        }
    }
    set_timeouts(false);
    next_request();
}

/// Another try later, or the end for all that are waiting.
void ClientConnection::connect_failed() noexcept {
    if (retries_max >= 0 && tries_ >= retries_max) {
        disconnect();
        fail_all();
        return;
    }
    disconnect();
    next_retry_ = tries_ == 0 ? first_retry : doubled(next_retry_);
    ++tries_;
    if (retry_ == nullptr) {
        retry_ = event_new(base_, -1, 0, on_retry, this);
    }
    if (retry_ == nullptr || event_add(retry_, &next_retry_) != 0) {
        fail_all();
    }
}

void ClientConnection::on_retry(int /*fd*/, short /*what*/, void* arg) noexcept {
    auto& self = *static_cast<ClientConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    if (!self.connect()) {
        self.connect_failed();
    }
}

/// The host was not reached: the callbacks get their requests, with a status of 0. What they queue
/// anew is a new attempt.
void ClientConnection::fail_all() noexcept {
    tries_ = 0;
    disconnect();
    for (Request* request = queue_.front(); request != nullptr; request = queue_.next(*request)) {
        request->given_up = true;
    }
    while (Request* const request = queue_.front()) {
        if (!request->given_up) {
            break;
        }
        queue_.remove(*request);
        request->conn = nullptr;
        request->set_evcon(nullptr);
        if (request->cb != nullptr) {
            request->cb(request, request->cb_arg);
        }
        settle_request(*request);
    }
}

/// Closes the socket, tells so if it was connected, and forgets what was to be read or written.
void ClientConnection::disconnect() noexcept {
    const bool was_connected = connected();
    state_ = State::disconnected;
    head_bytes_.clear();
    parser_.reset();
    bufferevent_disable(bev_, EV_READ | EV_WRITE);
    const evutil_socket_t fd = bufferevent_getfd(bev_);
    if (was_connected && close_fn != nullptr) {
        close_fn(this, close_arg);
    }
    if (fd >= 0) {
        ::shutdown(fd, SHUT_WR);
        evutil_closesocket(fd);
        bufferevent_setfd(bev_, -1);
    }
    evbuffer* const output = bufferevent_get_output(bev_);
    evbuffer_unfreeze(output, 1);
    evbuffer_drain(output, evbuffer_get_length(output));
    evbuffer_freeze(output, 1);
    evbuffer* const input = bufferevent_get_input(bev_);
    evbuffer_drain(input, evbuffer_get_length(input));
}

void ClientConnection::close() noexcept {
    if (closed_) {
        return;
    }
    const ConnectionHold hold(*this);
    closed_ = true;
    disconnect();
    while (Request* const request = queue_.pop_front()) {
        request->set_evcon(nullptr);
        settle_request(*request);
    }
    if (retry_ != nullptr) {
        event_free(retry_);
        retry_ = nullptr;
    }
    bufferevent_setcb(bev_, nullptr, nullptr, nullptr, nullptr);
    bufferevent_free(bev_);
    bev_ = nullptr;
    drop_connection(*this);
}

// ---- bufferevent -----------------------------------------------------------------------------

void ClientConnection::on_read(bufferevent* /*bev*/, void* arg) noexcept {
    auto& self = *static_cast<ClientConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    self.read();
}

void ClientConnection::on_write(bufferevent* /*bev*/, void* arg) noexcept {
    auto& self = *static_cast<ClientConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    self.written();
}

void ClientConnection::on_event(bufferevent* /*bev*/, short what, void* arg) noexcept {
    auto& self = *static_cast<ClientConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        if (self.state_ == State::connecting || self.state_ == State::disconnected) {
            self.on_connected();
        }
        return;
    }
    if (self.state_ == State::connecting) {
        self.connect_failed();
        return;
    }
    const bool reading = (what & BEV_EVENT_READING) != 0;
    if ((what & BEV_EVENT_TIMEOUT) != 0) {
        self.fail(EVREQ_HTTP_TIMEOUT);
    } else if (self.state_ == State::idle) {
        self.disconnect();  // the peer does not keep it
        if (self.free_when_done_ && self.queue_.empty() && !self.closed_) {
            self.close();
        }
    } else if ((what & BEV_EVENT_WRITING) != 0 && self.state_ == State::writing &&
               (self.flags & EVHTTP_CON_READ_ON_WRITE_ERROR) != 0) {
        self.read_anyway_ = true;
        self.start_reading();
    } else if ((what & BEV_EVENT_EOF) != 0 && reading && self.state_ == State::body) {
        self.peer_finished();
    } else {
        self.fail((what & BEV_EVENT_EOF) != 0 || self.state_ == State::disconnected
                      ? EVREQ_HTTP_EOF
                      : EVREQ_HTTP_BUFFER_ERROR);
    }
}

}  // namespace corevent::compat

using namespace corevent::compat;

namespace {

ClientConnection& client(evhttp_connection* connection) noexcept {
    return static_cast<ClientConnection&>(*connection);
}

}  // namespace

extern "C" {

evhttp_connection* evhttp_connection_base_bufferevent_new(event_base* base, evdns_base* dnsbase,
                                                          bufferevent* bev, const char* address,
                                                          ev_uint16_t port) {
    return ClientConnection::make(base, dnsbase, bev, address, port);
}

evhttp_connection* evhttp_connection_base_new(event_base* base, evdns_base* dnsbase,
                                              const char* address, ev_uint16_t port) {
    return ClientConnection::make(base, dnsbase, nullptr, address, port);
}

evhttp_connection* evhttp_connection_new(const char* address, ev_uint16_t port) {
    return ClientConnection::make(current_base(), nullptr, nullptr, address, port);
}

void evhttp_connection_set_base(evhttp_connection* evcon, event_base* base) {
    client(evcon).set_base(base);
}

void evhttp_connection_free_on_completion(evhttp_connection* evcon) {
    client(evcon).free_on_completion();
}

void evhttp_connection_set_family(evhttp_connection* evcon, int family) {
    client(evcon).family = family;
}

void evhttp_connection_set_local_address(evhttp_connection* evcon, const char* address) {
    client(evcon).local_address = address != nullptr ? address : "";
}

void evhttp_connection_set_local_port(evhttp_connection* evcon, ev_uint16_t port) {
    client(evcon).local_port = port;
}

void evhttp_connection_set_initial_retry_tv(evhttp_connection* evcon, const timeval* tv) {
    client(evcon).first_retry = tv != nullptr ? *tv : timeval{2, 0};
}

void evhttp_connection_set_retries(evhttp_connection* evcon, int retry_max) {
    client(evcon).retries_max = retry_max;
}

int evhttp_make_request(evhttp_connection* evcon, evhttp_request* req, evhttp_cmd_type type,
                        const char* uri) {
    return client(evcon).submit(request_of(req), type, uri);
}
}
