// Time on a ServerConnection: the program's time-outs, which are about progress, and the limits of
// corevent where they are switched on, which are about phases. One timer per connection, made when
// something is to be watched; refreshing is one store, and the timer looks again when it fires.
#include "compat/http_deadlines.h"

#include "compat/http_serve.h"

#include <corevent/limits.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace corevent::compat {
namespace {

constexpr std::int64_t never = INT64_MAX;
/// How long a connection that is closing waits for the end of what its peer sends.
constexpr std::int64_t linger_ms = 2000;
/// The rate of a body is judged from then on.
constexpr std::int64_t rate_grace_ms = 10'000;

std::int64_t now_ms() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

std::int64_t to_ms(const timeval& tv) noexcept {
    return tv.tv_sec * std::int64_t{1000} + (tv.tv_usec + 999) / 1000;
}

timeval from_ms(std::int64_t ms) noexcept {
    timeval tv{};
    tv.tv_sec = ms / 1000;
    tv.tv_usec = ms % 1000 * 1000;
    return tv;
}

std::int64_t limit_ms(Limit limit) noexcept {
    return static_cast<std::int64_t>(limit_info(limit).default_value);
}

}  // namespace

std::size_t default_limit(Limit limit) noexcept {
    return static_cast<std::size_t>(limit_info(limit).default_value);
}

bool ServerConnection::timed() const noexcept {
    return is_set(read_timeout) || is_set(write_timeout) || shard_->http.limits_on ||
           state_ == State::lingering;
}

void ServerConnection::progress(bool reading) noexcept {
    if (timer_ != nullptr) {
        (reading ? read_progress_ms_ : write_progress_ms_) = now_ms();
    }
}

void ServerConnection::timeouts_changed() noexcept {
    if (bev_ != nullptr) {
        bufferevent_set_timeouts(bev_, is_set(read_timeout) ? &read_timeout : nullptr,
                                 is_set(write_timeout) ? &write_timeout : nullptr);
    }
    timer_due_ms_ = never;
    watch_time();
}

/// A phase begins: its deadlines count from now.
void ServerConnection::begin_phase() noexcept {
    if (timed()) {
        phase_began_ms_ = read_progress_ms_ = now_ms();
        watch_time();
    }
}

/// When something of the present phase is over, if nothing happens until then.
std::int64_t ServerConnection::due_ms() const noexcept {
    if (state_ == State::lingering) {
        return phase_began_ms_ + linger_ms;
    }
    std::int64_t due = never;
    const bool limits = shard_->http.limits_on;
    const bool own = bev_ == nullptr;  // a bufferevent has the program's time-outs itself
    if (state_ == State::head || state_ == State::body) {
        if (is_set(read_timeout)) {
            due = own ? read_progress_ms_ + to_ms(read_timeout) : never;
        } else if (limits && state_ == State::body) {
            due = read_progress_ms_ + limit_ms(Limit::body_idle);
        } else if (limits) {
            due = partial_ ? phase_began_ms_ + limit_ms(Limit::head_deadline)
                           : read_progress_ms_ + limit_ms(Limit::keep_alive_idle);
        }
    }
    if (output_pending()) {
        if (is_set(write_timeout)) {
            due = own ? std::min(due, write_progress_ms_ + to_ms(write_timeout)) : due;
        } else if (limits) {
            due = std::min(due, write_progress_ms_ + limit_ms(Limit::write_stall));
        }
    }
    return due;
}

/// Makes sure that the timer fires when the next deadline is there.
void ServerConnection::watch_time() noexcept {
    if (!timed() || state_ == State::closed) {
        return;
    }
    const std::int64_t now = now_ms();
    if (timer_ == nullptr) {
        timer_ = event_new(loop->base(), -1, 0, on_timer, this);
        read_progress_ms_ = write_progress_ms_ = phase_began_ms_ = now;
        timer_due_ms_ = never;
    }
    const std::int64_t due = due_ms();
    if (timer_ != nullptr && due < timer_due_ms_) {
        timer_due_ms_ = due;
        const timeval tv = from_ms(std::max<std::int64_t>(due - now, 1));
        event_add(timer_, &tv);
    }
}

void ServerConnection::stop_timer() noexcept {
    if (timer_ != nullptr) {
        event_free(std::exchange(timer_, nullptr));
    }
}

void ServerConnection::on_timer(int /*fd*/, short /*what*/, void* arg) noexcept {
    auto& self = *static_cast<ServerConnection*>(arg);
    const ConnectionHold hold(self);
    self.loop->enter();
    self.timer_due_ms_ = never;
    if (self.due_ms() > now_ms()) {
        self.watch_time();
    } else if (self.state_ == State::lingering) {
        self.close();
    } else {
        self.time_is_up();
    }
}

/// A client that is slow with a request hears so where the limits are on.
void ServerConnection::time_is_up() noexcept {
    const bool unfinished = partial_ != nullptr || state_ == State::body;
    if (!shard_->http.limits_on || is_set(read_timeout) || !unfinished || output_pending()) {
        lose(EVREQ_HTTP_TIMEOUT);
        return;
    }
    partial_.reset();
    refuse(408);
}

/// Whether a body comes so slowly that its connection is held for nothing.
bool ServerConnection::too_slow() const noexcept {
    if (!shard_->http.limits_on) {
        return false;
    }
    const std::int64_t elapsed = now_ms() - phase_began_ms_;
    return elapsed > rate_grace_ms &&
           decoder_.received() * 1000 <
               limit_info(Limit::body_rate).default_value * static_cast<std::uint64_t>(elapsed);
}

}  // namespace corevent::compat
