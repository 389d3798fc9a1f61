#include "net/acceptor.h"

#include "base/assert.h"
#include "loop/posted_callback.h"

#include <corevent/log.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace corevent {
namespace {

constexpr std::uint64_t look_again_ns = 100 * ns_per_ms;
constexpr std::uint64_t log_pause_ms = 60'000;
/// More than any backlog: only a socket that others keep feeding can have more.
constexpr unsigned drained_max = 65536;

/// Errors of the connection that was to be accepted, not of accepting (accept(2)).
bool concerns_peer(int error) noexcept {
    switch (error) {
        case EAGAIN:
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case EPERM:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH: return true;
        default: return false;
    }
}

std::string reason(int error) {
    if (error == EMFILE) {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        return "all " + std::to_string(limit.rlim_cur) +
               " descriptors are in use (raise ulimit -n)";
    }
    return std::strerror(error);
}

}  // namespace

// --- Door

Door::Door(ListenerState& state, Loop& loop, int fd) : state_(state), loop_(loop), fd_(fd) {}

void Door::open() {
    if (phase_ != Phase::closed) return;
    if (auto watched = core().watch(*this, fd_, Interest::listener); !watched) {
        log_line(LogLevel::error,
                 "cannot accept on " + state_.address().text() + ": " + watched.error().message());
        core().start_timer(*this, core().now_ns() + look_again_ns);
        return;
    }
    phase_ = Phase::watching;
}

void Door::shut() noexcept {
    if (phase_ == Phase::watching) {
        // The socket stays open for the other loops, so that this one's poller has to be told.
        static_cast<void>(core().set_interest(*this, fd_, Interest::none));
    }
    if (phase_ != Phase::shut) {
        core().unwatch(*this, fd_);
        core().stop_timer(*this);
    }
    phase_ = Phase::shut;
}

void Door::on_ready(Readiness) {
    if (phase_ != Phase::watching) return;
    if (!state_.take_place()) {
        pause(std::to_string(state_.connections_max_) +
              " connections are open (limit connections)");
        return;
    }
    if (const int error = accept_one(); error != 0) {
        state_.leave_place();
        if (!concerns_peer(error)) pause(reason(error));
    }
}

/// Accepts a connection for which there is a place and gives it to a loop. Returns 0 or an errno.
int Door::accept_one() {
    sockaddr_storage peer;
    peer.ss_family = AF_UNSPEC;
    socklen_t length = sizeof peer;
    const int fd =
        accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return errno;
    state_.accepted_.fetch_add(1, std::memory_order_relaxed);
    state_.deliver(*this, fd, peer);
    return 0;
}

void Door::drain() {
    for (unsigned i = 0; i < drained_max; ++i) {
        // Places are not asked for: turning away who has been let in would be a reset.
        state_.connections_.fetch_add(1, std::memory_order_relaxed);
        const int error = accept_one();
        if (error == 0) continue;
        state_.leave_place();
        if (error == EAGAIN) return;
        if (!concerns_peer(error)) {
            log_line(LogLevel::warning,
                     "connections on " + state_.address().text() + " are lost: " + reason(error));
            return;
        }
    }
}

void Door::pause(std::string_view why) noexcept {
    if (!core().set_interest(*this, fd_, Interest::none)) return;
    phase_ = Phase::paused;
    core().start_timer(*this, core().now_ns() + look_again_ns);
    state_.pauses_.fetch_add(1, std::memory_order_relaxed);
    state_.log_pause(why);
}

void Door::resume() noexcept {
    if (core().set_interest(*this, fd_, Interest::listener)) {
        phase_ = Phase::watching;
        core().stop_timer(*this);
    } else {
        core().start_timer(*this, core().now_ns() + look_again_ns);
    }
}

void Door::on_timer() {
    if (phase_ == Phase::closed) {
        open();
    } else if (phase_ == Phase::paused) {
        resume();
    }
}

void Door::expect() noexcept {
    connections_.fetch_add(1, std::memory_order_relaxed);
    core().add_load(1);
}

void Door::give_up() noexcept {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    core().add_load(-1);
    state_.leave_place();
}

void Door::admit(int fd, const sockaddr* peer) {
    if (pool_ == nullptr) pool_ = &SocketPool::of(loop_);
    SocketStream& stream = pool_->adopt_accepted(fd, peer, *this);
    if (held_++ == 0) keep_alive_ = state_.shared_from_this();
    state_.on_accept_(loop_, stream);
}

void Door::on_stream_gone() noexcept {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    state_.leave_place();
    if (phase_ == Phase::paused) resume();
    if (--held_ == 0) {
        const auto last = std::exchange(keep_alive_, nullptr);  // its end may be the end of *this
    }
}

// --- work for other loops

class ListenerState::Command final : public PostItem {
public:
    enum class What : std::uint8_t { open, shut };
    Command(std::shared_ptr<ListenerState> state, Door& door, What what) noexcept
        : state_(std::move(state)), door_(door), what_(what) {}

private:
    void run() override {
        if (what_ == What::open) {
            door_.open();
        } else {
            state_->shut_door(door_);
        }
        delete this;
    }
    void discard() noexcept override {
        door_.shut();
        delete this;
    }

    const std::shared_ptr<ListenerState> state_;
    Door& door_;
    const What what_;
};

class ListenerState::Handover final : public PostItem {
public:
    Handover(std::shared_ptr<ListenerState> state, Door& to, int fd,
             const sockaddr_storage& peer) noexcept
        : state_(std::move(state)), to_(to), fd_(fd), peer_(peer) {}

private:
    void run() override {
        to_.admit(fd_, reinterpret_cast<const sockaddr*>(&peer_));
        state_->work_done();
        delete this;
    }
    void discard() noexcept override {
        ::close(fd_);
        to_.give_up();
        delete this;
    }

    const std::shared_ptr<ListenerState> state_;
    Door& to_;
    const int fd_;
    const sockaddr_storage peer_;
};

// --- ListenerState

ListenerState::ListenerState(LoopGroup& group, ListenSockets sockets,
                             const ListenerOptions& options, Listener::AcceptFunction on_accept)
    : group_(group),
      sockets_(std::move(sockets)),
      connections_max_(options.connections_max),
      shared_socket_(sockets_.fds.size() == 1),
      on_accept_(std::move(on_accept)),
      doors_left_(group.size()) {
    for (unsigned i = 0; i < group.size(); ++i) {
        doors_.push_back(std::make_unique<Door>(*this, group[i],
                                                sockets_.fds[shared_socket_ ? 0 : i].get()));
    }
}

void ListenerState::start() {
    for (const auto& door : doors_) {
        door->core().post(*new Command(shared_from_this(), *door, Command::What::open));
    }
}

void ListenerState::close(Callback done) {
    {
        const std::lock_guard lock(closing_lock_);
        if (closed_) {
            if (done) tell(std::move(done));
            return;
        }
        if (done) on_closed_.push_back(std::move(done));
    }
    if (closing_.exchange(true)) return;
    sockets_.file.remove();
    for (const Fd& fd : sockets_.fds) {
        if (!sockets_.inherited) stop_handshakes(fd.get());
    }
    for (const auto& door : doors_) {
        door->core().post(*new Command(shared_from_this(), *door, Command::What::shut));
    }
}

void ListenerState::abandon() noexcept {
    for (const auto& door : doors_) door->shut();
    sockets_.file.remove();
    sockets_.fds.clear();
}

void ListenerState::shut_door(Door& door) {
    door.shut();
    if (!shared_socket_) door.drain();
    if (doors_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (shared_socket_) door.drain();
    sockets_.fds.clear();
    work_done();
}

void ListenerState::work_done() {
    if (work_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    std::vector<Callback> done;
    {
        const std::lock_guard lock(closing_lock_);
        closed_ = true;
        done.swap(on_closed_);
    }
    for (Callback& callback : done) tell(std::move(callback));
}

void ListenerState::deliver(Door& from, int fd, const sockaddr_storage& peer) {
    Door& to = shared_socket_ ? least_loaded(from) : from;
    to.expect();
    if (&to == &from) {
        to.admit(fd, reinterpret_cast<const sockaddr*>(&peer));
        return;
    }
    handed_over_.fetch_add(1, std::memory_order_relaxed);
    work_left_.fetch_add(1, std::memory_order_relaxed);
    to.core().post(*new Handover(shared_from_this(), to, fd, peer));
}

/// The loop with the fewest connections of those that wait for events; a loop inside a callback may
/// be there for long.
Door& ListenerState::least_loaded(Door& own) noexcept {
    Door* best = &own;
    std::uint32_t least = own.core().load();
    const std::size_t count = doors_.size();
    const std::size_t start = own.core().index();
    for (std::size_t i = 1; i < count; ++i) {
        Door& door = *doors_[(start + i) % count];
        const std::uint32_t load = door.core().load();
        if (load < least && !door.core().inside_callback()) {
            best = &door;
            least = load;
        }
    }
    return *best;
}

bool ListenerState::take_place() noexcept {
    const std::size_t before = connections_.fetch_add(1, std::memory_order_relaxed);
    if (connections_max_ == 0 || before < connections_max_) return true;
    leave_place();
    return false;
}

void ListenerState::tell(Callback done) {
    group_[0].core().post(*new PostedCallback(std::move(done)));
}

void ListenerState::log_pause(std::string_view why) noexcept {
    const std::uint64_t now = monotonic_ns() / ns_per_ms;
    std::uint64_t next = next_log_ms_.load(std::memory_order_relaxed);
    if (now < next || !next_log_ms_.compare_exchange_strong(next, now + log_pause_ms,
                                                            std::memory_order_relaxed)) {
        return;
    }
    log_line(LogLevel::warning, "accepting on " + sockets_.address.text() +
                                    " pauses until a connection ends: " + std::string(why));
}

Listener::Counters ListenerState::counters() const noexcept {
    return {accepted_.load(std::memory_order_relaxed), handed_over_.load(std::memory_order_relaxed),
            pauses_.load(std::memory_order_relaxed)};
}

}  // namespace corevent
