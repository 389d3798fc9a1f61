#include <corevent/connect.h>

#include "base/assert.h"
#include "net/happy_order.h"
#include "net/socket_stream.h"
#include "reactor/fd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace corevent {
namespace {

/// A unix server whose queue is full cannot be waited for: it is asked again.
constexpr std::uint64_t unix_retry_ns = 10 * ns_per_ms;

std::uint64_t to_ns(Clock::duration duration) noexcept {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    return ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
}

std::error_code system_error(int error) noexcept {
    return {error, std::system_category()};
}

}  // namespace

class Connector::Core final : private ReadyItem, private Buried {
public:
    Core(Loop& loop, std::span<const Address> addresses, ConnectOptions options, Done done)
        : core_(LoopCore::of(loop)),
          addresses_(happy_order(addresses)),
          stagger_ns_(to_ns(options.stagger)),
          done_(std::move(done)),
          next_timer_(*this, &Core::next_attempt),
          deadline_(*this, &Core::expire) {
        core_.start_timer(deadline_, core_.fresh_now_ns() + to_ns(options.deadline));
        core_.make_ready(*this);
    }

    void cancel() noexcept {
        cancelled_ = true;
        core_.make_ready(*this);
    }
    /// The handle has gone.
    void drop() noexcept {
        end();
        done_ = nullptr;
        core_.bury(*this);
    }

private:
    class Attempt final : public IoWatch {
    public:
        Attempt(Core& owner, const Address& to, Fd socket) noexcept
            : owner_(owner), address(to), fd(std::move(socket)) {}
        void on_ready(Readiness) override { owner_.attempt_ready(*this); }

    private:
        Core& owner_;

    public:
        const Address& address;
        Fd fd;
    };
    class Clockwork final : public TimerNode {
    public:
        Clockwork(Core& owner, void (Core::*expired)()) noexcept
            : owner_(owner), expired_(expired) {}

    private:
        void on_timer() override { (owner_.*expired_)(); }
        Core& owner_;
        void (Core::* const expired_)();
    };

    ~Core() = default;
    void destroy_now() noexcept override { delete this; }
    void on_turn() override {
        if (cancelled_) {
            complete(std::unexpected(std::make_error_code(std::errc::operation_canceled)));
        } else if (addresses_.empty()) {
            complete(std::unexpected(system_error(EDESTADDRREQ)));
        } else {
            next_attempt();
        }
    }
    void expire() { complete(std::unexpected(std::make_error_code(std::errc::timed_out))); }

    void next_attempt();
    int begin(const Address& address);
    void attempt_ready(Attempt& attempt);
    void attempt_failed(int error);
    void win(Attempt& attempt);
    void end() noexcept;
    void complete(Result<NewStream> result);

    LoopCore& core_;
    const std::vector<Address> addresses_;
    const std::uint64_t stagger_ns_;
    Done done_;
    Clockwork next_timer_;
    Clockwork deadline_;
    std::size_t next_ = 0;     ///< the address to try next
    std::size_t running_ = 0;  ///< attempts that have not failed
    std::vector<std::unique_ptr<Attempt>> attempts_;
    int last_error_ = 0;
    bool cancelled_ = false;
    bool ended_ = false;
};

/// Starts with the next address, and with those behind it for as long as they fail at once.
void Connector::Core::next_attempt() {
    while (next_ < addresses_.size()) {
        const Address& address = addresses_[next_++];
        ++running_;
        const int error = begin(address);
        if (ended_) return;
        if (error == 0) break;
        --running_;
        if (error == EAGAIN && address.is_unix()) {
            --next_;
            core_.start_timer(next_timer_, core_.now_ns() + unix_retry_ns);
            return;
        }
        last_error_ = error;
    }
    if (running_ == 0) {
        complete(std::unexpected(system_error(last_error_)));
    } else if (next_ < addresses_.size()) {
        core_.start_timer(next_timer_, core_.now_ns() + stagger_ns_);
    }
}

/// Begins to connect; 0, or the errno of what failed at once.
int Connector::Core::begin(const Address& address) {
    sockaddr_storage storage{};
    const socklen_t length = address.to_sockaddr(&storage);
    const int family = storage.ss_family;
    Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    if (family != AF_UNIX) {
        const int on = 1;
        setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length);
    if (result != 0 && errno != EINPROGRESS && errno != EINTR) return errno;
    auto& attempt =
        *attempts_.emplace_back(std::make_unique<Attempt>(*this, address, std::move(fd)));
    if (result == 0) {
        win(attempt);
        return 0;
    }
    const auto watched = core_.watch(attempt, attempt.fd.get(), Interest::out);
    if (!watched) {
        attempt.fd.reset();
        return watched.error().value();
    }
    return 0;
}

void Connector::Core::attempt_ready(Attempt& attempt) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error == 0) {
        win(attempt);
        return;
    }
    core_.unwatch(attempt, attempt.fd.get());
    attempt.fd.reset();
    --running_;
    attempt_failed(error);
}

void Connector::Core::attempt_failed(int error) {
    last_error_ = error;
    core_.stop_timer(next_timer_);
    next_attempt();  // at once, RFC 8305 5
}

void Connector::Core::win(Attempt& attempt) {
    if (attempt.watched()) {
        // The descriptor stays: the poller has to forget it before the stream registers it anew.
        static_cast<void>(core_.set_interest(attempt, attempt.fd.get(), Interest::none));
        core_.unwatch(attempt, attempt.fd.get());
    }
    sockaddr_storage peer{};
    attempt.address.to_sockaddr(&peer);
    SocketPool& pool = core_.local<SocketPool>();
    core_.add_load(1);
    const auto stream =
        pool.adopt(attempt.fd.release(), reinterpret_cast<const sockaddr*>(&peer), pool.nobody());
    if (!stream) {
        core_.add_load(-1);
        complete(std::unexpected(stream.error()));
        return;
    }
    complete(NewStream(**stream));
}

/// Closes every attempt; nothing is told any more.
void Connector::Core::end() noexcept {
    ended_ = true;
    core_.cancel_ready(*this);
    core_.stop_timer(next_timer_);
    core_.stop_timer(deadline_);
    for (const auto& attempt : attempts_) {
        core_.unwatch(*attempt, attempt->fd.get());
        attempt->fd.reset();
    }
}

void Connector::Core::complete(Result<NewStream> result) {
    end();
    Done done = std::move(done_);
    if (done) done(std::move(result));  // may drop the handle, and with it *this at the turn's end
}

Connector::Connector(Loop& loop, std::span<const Address> addresses, ConnectOptions options,
                     Done done)
    : core_(new Core(loop, addresses, options, std::move(done))) {}

Connector::~Connector() {
    if (core_ != nullptr) core_->drop();
}

void Connector::cancel() noexcept {
    core_->cancel();
}

// --- the coroutine's form

bool ConnectAwaiter::suspend(std::coroutine_handle<> waiter, CancelScope* scope) {
    waiter_ = waiter;
    if (scope != nullptr) {
        if (scope->cancelled()) {
            result_ = std::unexpected(std::make_error_code(std::errc::operation_canceled));
            return false;
        }
        scope->link(*this);
    }
    connector_.emplace(loop_, addresses_, options_, [this](Result<NewStream> result) {
        CancelScope::unlink(*this);
        result_ = std::move(result);
        waiter_.resume();
    });
    return true;
}

void ConnectAwaiter::on_cancel() noexcept {
    connector_.reset();
    result_ = std::unexpected(std::make_error_code(std::errc::operation_canceled));
    waiter_.resume();
}

}  // namespace corevent
