// The octets of a ServerConnection: its socket, or the bufferevent that took its place.
#include "compat/alloc.h"
#include "compat/bufferevent.h"
#include "compat/http_serve.h"
#include "compat/http_threads.h"
#include "compat/log.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace corevent::compat {
namespace {

/// Octets behind a request that is being handled. More stay with the kernel, which slows the sender.
constexpr std::size_t held_max = 64 * 1024;
/// Readings in one callback, so that a fast sender leaves time for others.
constexpr int readings_max = 16;
/// What a connection that is closing reads and forgets at most.
constexpr std::size_t linger_bytes_max = 1024 * 1024;
constexpr int slices_max = 64;

bool broken(int error) noexcept {
    return error != EAGAIN && error != EWOULDBLOCK && error != EINTR;
}

/// One write of what is at the front of `buffer`. -1 with errno.
ev_ssize_t send_front(int fd, evbuffer* buffer) noexcept {
    std::array<evbuffer_iovec, slices_max> slices{};
    const int count = evbuffer_peek(buffer, -1, nullptr, slices.data(), slices_max);
    msghdr message{};
    message.msg_iov = slices.data();
    message.msg_iovlen = static_cast<std::size_t>(count < slices_max ? count : slices_max);
    const ev_ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent > 0) {
        evbuffer_drain(buffer, static_cast<std::size_t>(sent));
    }
    return sent;
}

bool edges_work(event_base* base) noexcept {
    constexpr int wanted = EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE;
    return (event_base_get_features(base) & wanted) == wanted;
}

}  // namespace

bool ServerConnection::open_socket() noexcept {
    event_assign(&io_, loop->base(), fd_, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                 on_io, this);
    if (event_add(&io_, nullptr) != 0) {
        return false;
    }
    watched_ = true;
    watch_time();
    return true;
}

void ServerConnection::unwatch() noexcept {
    if (std::exchange(watched_, false)) {
        event_del(&io_);
    }
}

/// Lets `bev` (null: a plain one) carry the octets from now on.
bool ServerConnection::open_bufferevent(bufferevent* bev) noexcept {
    bev_ = bev != nullptr ? bev : bufferevent_socket_new(loop->base(), -1, 0);
    if (bev_ == nullptr) {
        return false;
    }
    bufferevent_setcb(bev_, on_bev_read, on_bev_write, on_bev_event, this);
    bufferevent_setfd(bev_, fd_);
    timeouts_changed();
    set_directions(wants_input() ? EV_READ : 0);
    return true;
}

/// From the socket itself to a bufferevent, in whatever state.
bufferevent* ServerConnection::bufferevent_of() noexcept {
    if (!loop->on_thread() && shard_->handlers != nullptr) {
        bring_home(*this);
    }
    if (bev_ != nullptr || state_ == State::closed) {
        return bev_;
    }
    send_cork();
    unwatch();
    if (!open_bufferevent(nullptr)) {
        open_socket();
        return nullptr;
    }
    evbuffer* const output = bufferevent_get_output(bev_);
    if (out_ != nullptr) {
        evbuffer_add_buffer(output, out_);
        evbuffer_free(out_);
        out_ = nullptr;
    }
    evbuffer* const input = bufferevent_get_input(bev_);
    evbuffer_prepend(input, held_.data(), held_.size());
    held_.release();
    const std::string_view unseen = std::exchange(input_, {});
    evbuffer_prepend(input, unseen.data(), unseen.size());
    if (evbuffer_get_length(output) != 0) {
        bufferevent_enable(bev_, EV_WRITE);
    }
    return bev_;
}

void ServerConnection::leave_loop() noexcept {
    if (state_ == State::closed) {
        return;
    }
    loop->cancel_chore(*this);
    unwatch();
    stop_timer();
    shard_->connections.remove(*this);
    shard_->count.fetch_sub(1, std::memory_order_relaxed);
}

void ServerConnection::join_loop(Shard& home) noexcept {
    if (state_ == State::closed) {
        return;
    }
    home.loop.add_reference();
    loop->drop_reference();
    loop = &home.loop;
    shard_ = &home;
    home.connections.push_back(*this);
    home.count.fetch_add(1, std::memory_order_relaxed);
    if (request_ != nullptr) {
        home.loop.add_reference();
        request_->loop->drop_reference();
        request_->loop = &home.loop;
        request_->at_home = false;
    }
}

/// Of a bufferevent: reads while a request is wanted, writes while there is an answer.
void ServerConnection::set_directions(short wanted) noexcept {
    if (bev_ != nullptr) {
        const short unwanted = static_cast<short>((EV_READ | EV_WRITE) & ~wanted);
        bufferevent_disable(bev_, unwanted);
        bufferevent_enable(bev_, wanted);
    }
}

bool ServerConnection::wants_input() const noexcept {
    switch (state_) {
        case State::head:
        case State::body:
        case State::lingering: return !peer_ended_;
        case State::handling:
        case State::draining: return bev_ == nullptr && !peer_ended_ && held_.size() < held_max;
        case State::closed: break;
    }
    return false;
}

void ServerConnection::on_io(int /*fd*/, short what, void* arg) noexcept {
    auto& self = *static_cast<ServerConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    if ((what & EV_WRITE) != 0 && !self.writable_) {
        self.writable_ = true;
        if (!self.flush()) {
            return;
        }
        self.after_output();
    }
    if ((what & EV_CLOSED) != 0) {
        self.peer_ends_ = true;
    }
    if ((what & (EV_READ | EV_CLOSED)) != 0) {
        self.readable_ = true;
        self.receive();
    }
}

/// Reads and handles what is there. Answers leave together at the end.
void ServerConnection::receive() noexcept {
    if (processing_ || bev_ != nullptr) {
        return;
    }
    const ConnectionHold hold(*this);
    loop->corked = this;
    int readings = 0;
    if (!held_.empty() && state_ == State::head) {
        Bytes rest;
        rest.swap(held_);
        process(rest.data(), rest.size(), false);
    }
    while (bev_ == nullptr && readable_ && wants_input() && receive_once()) {
        if (++readings == readings_max) {
            event_active(&io_, EV_READ, 1);
            break;
        }
    }
    uncork();
}

/// Sends the answers of this callback together.
void ServerConnection::uncork() noexcept {
    if (loop->corked != this) {
        return;
    }
    const bool connected = flush();
    loop->cork.clear();
    loop->corked = nullptr;
    if (connected) {
        after_output();
    }
}

/// False when there is nothing more to read now.
bool ServerConnection::receive_once() noexcept {
    char* const buffer = loop->receive_buffer();
    const ev_ssize_t got = ::recv(fd_, buffer, HttpLoop::receive_bytes, 0);
    if (got <= 0) {
        if (got < 0 && errno == EINTR) {
            return true;
        }
        readable_ = false;
        if (got == 0) {
            peer_finished();
        } else if (broken(errno)) {
            lose(EVREQ_HTTP_BUFFER_ERROR);
        }
        return false;
    }
    const auto size = static_cast<std::size_t>(got);
    // An end that the kernel announced is behind these octets and makes no edge of its own.
    readable_ = size == HttpLoop::receive_bytes || peer_ends_;
    progress(true);
    if (state_ == State::lingering) {
        lingered_ += size;
        if (lingered_ > linger_bytes_max) {
            close();
        }
    } else if (state_ == State::handling || state_ == State::draining) {
        held_.append({buffer, size});
    } else {
        process(buffer, size, false);
    }
    return state_ != State::closed;
}

/// Octets that have to wait for the end of the current request.
void ServerConnection::keep(const char* data, std::size_t size) noexcept {
    if (size == 0) {
        return;
    }
    if (bev_ != nullptr) {
        evbuffer_prepend(bufferevent_get_input(bev_), data, size);
    } else {
        held_.append({data, size});
    }
}

void ServerConnection::peer_finished() noexcept {
    peer_ended_ = true;
    if (state_ == State::head && output_pending()) {
        state_ = State::draining;  // behind the last answer
        close_after_ = true;
        if (flush()) {
            after_output();
        }
        return;
    }
    switch (state_) {
        case State::head:
        case State::body: lose(EVREQ_HTTP_EOF); break;
        case State::lingering: close(); break;
        default: break;  // half-closed: the answer is still wanted
    }
}

// ---- output ----------------------------------------------------------------------------------

bool ServerConnection::output_pending() const noexcept {
    if (bev_ != nullptr) {
        return evbuffer_get_length(bufferevent_get_output(bev_)) != 0;
    }
    return (out_ != nullptr && evbuffer_get_length(out_) != 0) ||
           (loop->corked == this && !loop->cork.empty());
}

evbuffer* ServerConnection::out_buffer() noexcept {
    if (bev_ != nullptr) {
        return bufferevent_get_output(bev_);
    }
    if (out_ == nullptr) {
        out_ = evbuffer_new();
    }
    return out_;
}

/// Gives the kernel what it takes. False if the connection is lost and closed.
bool ServerConnection::flush() noexcept {
    if (bev_ != nullptr || state_ == State::closed) {
        return state_ != State::closed;
    }
    if (!send_cork()) {
        lose(EVREQ_HTTP_BUFFER_ERROR);
        return false;
    }
    return send_out();
}

/// Empties the cork into the socket, or behind what waits for it. False if the connection is lost.
bool ServerConnection::send_cork() noexcept {
    if (loop->corked != this || loop->cork.empty()) {
        return true;
    }
    Bytes& cork = loop->cork;
    std::size_t sent = 0;
    bool connected = true;
    if (writable_ && out_ == nullptr) {
        // An end that follows at once shares a segment with the last octets.
        end_held_ = close_after_ && state_ == State::draining && written_.fn == nullptr &&
                    (request_ == nullptr || request_->on_complete_cb == nullptr);
        const ev_ssize_t result =
            ::send(fd_, cork.data(), cork.size(), MSG_NOSIGNAL | (end_held_ ? MSG_MORE : 0));
        connected = result >= 0 || !broken(errno);
        sent = result > 0 ? static_cast<std::size_t>(result) : 0;
        writable_ = sent == cork.size();
    }
    if (sent < cork.size() && connected) {
        evbuffer* const out = out_buffer();
        if (out != nullptr) {
            evbuffer_add(out, cork.data() + sent, cork.size() - sent);
        }
        progress(false);
        watch_time();
    }
    cork.clear();
    return connected;
}

bool ServerConnection::send_out() noexcept {
    if (out_ == nullptr) {
        return true;
    }
    while (writable_ && evbuffer_get_length(out_) != 0) {
        const ev_ssize_t sent = send_front(fd_, out_);
        if (sent >= 0 || errno == EINTR) {
            progress(false);
        } else if (broken(errno)) {
            lose(EVREQ_HTTP_BUFFER_ERROR);
            return false;
        } else {
            writable_ = false;
        }
    }
    if (evbuffer_get_length(out_) == 0) {
        evbuffer_free(out_);
        out_ = nullptr;
    }
    return true;
}

/// What waits for the output to be with the kernel.
void ServerConnection::after_output() noexcept {
    if (output_pending() || state_ == State::closed) {
        return;
    }
    const ConnectionHold hold(*this);
    if (const auto written = std::exchange(written_, {}); written.fn != nullptr) {
        if (shard_->handlers != nullptr) {
            tell_written(*this, written, *shard_->handlers);
        } else {
            written.fn(this, written.arg);
        }
    }
    if (state_ == State::draining && !output_pending()) {
        complete_request();
    }
}

Bytes& ServerConnection::open_output() noexcept {
    if (loop->corked == this && bev_ == nullptr) {
        return loop->cork;
    }
    loop->side.clear();
    return loop->side;
}

void ServerConnection::close_output() noexcept {
    if (loop->corked == this && bev_ == nullptr) {
        return;
    }
    evbuffer* const out = out_buffer();
    if (out != nullptr && !loop->side.empty()) {
        evbuffer_add(out, loop->side.data(), loop->side.size());
    }
    loop->side.clear();
    if (bev_ != nullptr) {
        bufferevent_enable(bev_, EV_WRITE);
    }
}

void append_copied(Bytes& output, evbuffer* body) noexcept {
    const std::size_t size = evbuffer_get_length(body);
    const int taken = size != 0 ? evbuffer_remove(body, output.reserve(size), size) : 0;
    output.commit(taken > 0 ? static_cast<std::size_t>(taken) : 0);
}

void ServerConnection::append_body(Bytes& output, evbuffer* body) noexcept {
    const std::size_t size = evbuffer_get_length(body);
    if (size <= copied_body_max) {
        append_copied(output, body);
        return;
    }
    evbuffer* const out = out_buffer();
    if (out != nullptr) {
        evbuffer_add(out, output.data(), output.size());
        output.clear();
        evbuffer_add_buffer(out, body);
    }
}

void ServerConnection::notify_when_written(void (*fn)(evhttp_connection*, void*),
                                           void* arg) noexcept {
    written_ = {fn, arg};
}

void ServerConnection::push_output() noexcept {
    if (loop->corked != this && bev_ == nullptr) {
        loop->add_chore(*this);
    }
}

/// Output and ends of answers that came from outside of this connection's own callbacks.
void ServerConnection::run_chore() noexcept {
    const ConnectionHold hold(*this);
    if (state_ == State::closed || !flush()) {
        return;
    }
    if (state_ == State::handling && request_ != nullptr && request_->answered) {
        finish_answer();
    } else {
        after_output();
    }
}

// ---- the end ---------------------------------------------------------------------------------

/// The answer is out, but the peer may still be sending: closing now would reset the connection
/// before it has read the answer.
void ServerConnection::linger() noexcept {
    state_ = State::lingering;
    if (bev_ != nullptr || peer_ended_ || ::shutdown(fd_, SHUT_WR) != 0) {
        close();
        return;
    }
    held_.release();
    lingered_ = 0;
    begin_phase();
    if (timer_ == nullptr) {
        close();
        return;
    }
    receive();
}

void ServerConnection::close_transport() noexcept {
    if (loop->corked == this) {
        loop->cork.clear();
        loop->corked = nullptr;
    }
    stop_timer();
    if (bev_ != nullptr) {
        const bool closes = (bev_of(bev_).options & BEV_OPT_CLOSE_ON_FREE) != 0;
        bufferevent_setcb(bev_, nullptr, nullptr, nullptr, nullptr);
        bufferevent_disable(bev_, EV_READ | EV_WRITE);
        const evutil_socket_t fd = bufferevent_getfd(bev_);
        bufferevent_free(bev_);
        bev_ = nullptr;
        fd_ = closes ? -1 : fd;
    } else {
        unwatch();
    }
    if (fd_ >= 0) {
        if (end_held_) {
            ::shutdown(fd_, SHUT_WR);  // close() alone would drop it if the peer had sent more
        }
        evutil_closesocket(fd_);
        fd_ = -1;
    }
    if (out_ != nullptr) {
        evbuffer_free(out_);
        out_ = nullptr;
    }
    held_.release();
    partial_.reset();
}

// ---- bufferevents ----------------------------------------------------------------------------

void ServerConnection::on_bev_read(bufferevent* /*bev*/, void* arg) noexcept {
    auto& self = *static_cast<ServerConnection*>(arg);
    self.loop->enter();
    self.read_bufferevent();
}

void ServerConnection::read_bufferevent() noexcept {
    const ConnectionHold hold(*this);
    while (bev_ != nullptr && !processing_ && wants_input()) {
        char* const buffer = loop->receive_buffer();
        evbuffer* const input = bufferevent_get_input(bev_);
        const ev_ssize_t got = evbuffer_copyout(input, buffer, HttpLoop::receive_bytes);
        if (got <= 0) {
            break;
        }
        process(buffer, static_cast<std::size_t>(got), true);
    }
}

void ServerConnection::on_bev_write(bufferevent* /*bev*/, void* arg) noexcept {
    auto& self = *static_cast<ServerConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    self.after_output();
}

void ServerConnection::on_bev_event(bufferevent* /*bev*/, short what, void* arg) noexcept {
    auto& self = *static_cast<ServerConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        return;  // a handshake is complete
    }
    self.lose((what & BEV_EVENT_TIMEOUT) != 0 ? EVREQ_HTTP_TIMEOUT
              : (what & BEV_EVENT_EOF) != 0   ? EVREQ_HTTP_EOF
                                              : EVREQ_HTTP_BUFFER_ERROR);
}

// ---- the start -------------------------------------------------------------------------------

void ServerConnection::start(Shard& shard, evutil_socket_t fd, const sockaddr* peer,
                             int peer_length, const Callback<BevFn>& own_bev) noexcept {
    void* const memory = mm_malloc(sizeof(ServerConnection));
    if (memory == nullptr) {
        evutil_closesocket(fd);
        return;
    }
    auto& self = *new (memory) ServerConnection(shard, fd);
    self.note_peer(peer, peer_length);
    bufferevent* bev = nullptr;
    if (own_bev.fn != nullptr) {
        bev = own_bev.fn(shard.loop.base(), own_bev.arg);
    }
    if (bev == nullptr && shard.http.bev.fn != nullptr) {
        bev = shard.http.bev.fn(shard.loop.base(), shard.http.bev.arg);
    }
    const bool opened = bev == nullptr && edges_work(shard.loop.base())
                            ? self.open_socket()
                            : self.open_bufferevent(bev);
    if (!opened) {
        warn("%s: cannot serve a connection", __func__);
        self.close();
        return;
    }
    const int most = shard.http.connections_max;
    if (most > 0 && evhttp_get_connection_count(&shard.http) > most) {
        self.turn_away();
    }
}

}  // namespace corevent::compat
