// Time and flow of an HTTP/1 connection: the frame of every dispatch (gather, flush, decide what is
// next), reading on and off, deadlines and what happens when one has passed.
#include "codec/h1_writer.h"
#include "http/h1_connection.h"
#include "http/server_core.h"
#include "http/server_loop.h"

#include <algorithm>

namespace corevent::http {

namespace {
constexpr std::uint64_t never = DeadlineQueue::never;

std::uint64_t later(std::uint64_t now, std::uint64_t limit_ms) noexcept {
    return limit_ms == 0 ? never : now + limit_ms;
}
}  // namespace

// --- dispatches

/// From here to settle() the loop's cork collects this connection's output.
void H1Connection::begin_dispatch() noexcept {
    CE_DCHECK(loop_.dispatched == nullptr && loop_.loop.cork().empty());
    loop_.dispatched = this;
    burst_ = 0;
    if (exchange_ != nullptr && !exchange_->output().empty()) {
        loop_.loop.cork().swap(exchange_->output());
    }
}

/// Ends a dispatch: concludes what has ended, goes on with held input, sends what was gathered, and
/// arranges for what the connection waits for now.
void H1Connection::settle() {
    for (;;) {
        if (exchange_ != nullptr && exchange_->done()) {
            more_input_ = intake_ != nullptr && !intake_->held().empty();
            finish_exchange();
        } else if (!consume_held() && !(peer_ended_ && end_of_input())) {
            break;
        }
    }
    if (continue_pending_ && body_awaited()) {
        h1::append_continue(output());
        continue_pending_ = false;
    }
    write_now();
    loop_.dispatched = nullptr;
    if (aborted_) {
        return;
    }
    if (fin_due_) {
        fin_due_ = false;
        phase_ == Phase::linger ? stream_->shutdown_write() : stream_->close();
    }
    if (intake_ != nullptr && phase_ <= Phase::idle && intake_->held().empty()) {
        release_intake();
    }
    update_reading();
    update_deadline();
}

void H1Connection::enter(Phase phase) noexcept {
    phase_ = phase;
    const Limits& limits = loop_.config.limits;
    const std::uint64_t now = loop_.loop.now_ms();
    switch (phase) {
        case Phase::idle:
            phase_due_ms_ =
                now + (loop_.draining ? drain_idle_grace_ms : limits[Limit::keep_alive_idle]);
            return;
        case Phase::fresh:
        case Phase::head: phase_due_ms_ = later(now, limits[Limit::head_deadline]); return;
        case Phase::linger:
            stream_octets_ = 0;
            phase_due_ms_ = now + linger_ms;
            return;
        case Phase::discard: start_awaiting_body(); return;
        case Phase::collect:
        case Phase::work:
        case Phase::closing:
        case Phase::gone:
            phase_due_ms_ = never;  // collect and work: see work_due()
            return;
    }
}

void H1Connection::begin_drain() {
    const std::uint64_t now = loop_.loop.now_ms();
    if (phase_ == Phase::fresh) {
        phase_due_ms_ = std::min(phase_due_ms_, now + drain_new_grace_ms);
    } else if (phase_ == Phase::idle) {
        phase_due_ms_ = std::min(phase_due_ms_, now + drain_idle_grace_ms);
    }
    update_deadline();
}

void H1Connection::kill() noexcept {
    phase_ = Phase::closing;
    fin_due_ = false;
    if (exchange_ != nullptr) {
        drop_exchange(std::make_error_code(std::errc::operation_canceled));
    }
    if (!aborted_) {
        aborted_ = true;
        stream_->abort();
    }
}

/// The exchange ends without us: it is told why and gives itself back.
void H1Connection::drop_exchange(std::error_code why) noexcept {
    if (Exchange* exchange = std::exchange(exchange_, nullptr)) {
        exchange->detach(why);
    }
}

// --- reading

void H1Connection::update_reading() noexcept {
    const Limits& limits = loop_.config.limits;
    bool wanted = true;
    if (phase_ <= Phase::head) {
        wanted = queued_ < limits[Limit::output_bytes];
    } else if (phase_ == Phase::work) {
        const std::size_t held = intake_ == nullptr ? 0 : intake_->held().size();
        wanted = held < limits[Limit::pipeline_bytes] &&
                 (exchange_->body_ended() || exchange_->body_buffered() < body_window_bytes);
    }
    if (wanted != reading_) {
        reading_ = wanted;
        wanted ? stream_->resume() : stream_->pause();
    }
}

bool H1Connection::body_awaited() const noexcept {
    return intake_ != nullptr && intake_->await_started != 0;
}

/// Somebody waits for the body from now on, or still waits after a piece of it has come.
void H1Connection::start_awaiting_body() noexcept {
    stop_awaiting_body();
    if (intake_ != nullptr) {
        intake_->await_started = loop_.loop.now_ms();
    }
}

void H1Connection::stop_awaiting_body() noexcept {
    if (body_awaited()) {
        intake_->awaited_ms += loop_.loop.now_ms() - intake_->await_started;
        intake_->await_started = 0;
    }
}

// --- deadlines

/// When the awaited body breaks a limit, and which one.
H1Connection::BodyDue H1Connection::body_due() const noexcept {
    const Limits& limits = loop_.config.limits;
    const H1Intake& in = *intake_;
    BodyDue due{later(in.await_started, limits[Limit::body_idle]), Limit::body_idle};
    if (const std::uint64_t rate = limits[Limit::body_rate]; rate != 0) {
        const std::uint64_t allowed =
            std::max(loop_.config.body_rate_grace, in.decoder.received() * 1000 / rate);
        const std::uint64_t left = allowed > in.awaited_ms ? allowed - in.awaited_ms : 0;
        if (in.await_started + left < due.at_ms) {
            due = {in.await_started + left, Limit::body_rate};
        }
    }
    return due;
}

std::uint64_t H1Connection::handler_due() const noexcept {
    if (phase_ != Phase::work || exchange_->streamed()) {
        return never;
    }
    return later(exchange_->started_ms(), loop_.config.limits[Limit::handler_time]);
}

void H1Connection::update_deadline() noexcept {
    std::uint64_t due = phase_due_ms_;
    if (phase_ == Phase::collect || phase_ == Phase::work || phase_ == Phase::discard) {
        due = handler_due();
        if (body_awaited()) {
            due = std::min(due, body_due().at_ms);
        }
        phase_due_ms_ = due;
    }
    if (queued_ != 0) {
        due = std::min(due, stall_due_ms_);
    }
    DeadlineQueue& deadlines = loop_.loop.deadlines();
    if (due == never) {
        deadlines.cancel(*this);
    } else {
        deadlines.set(*this, due);
    }
}

void H1Connection::on_deadline() {
    const std::uint64_t now = loop_.loop.now_ms();
    begin_dispatch();
    if (queued_ != 0 && now >= stall_due_ms_ && stalled()) {
        fired(Limit::write_stall, 0,
              "takes nothing of " + std::to_string(queued_) + " octets of output");
        kill();
    } else if (now >= phase_due_ms_) {
        expire_phase();
    }
    settle();
}

/// A reader may take a little without our queue moving, since the kernel asks for more in large steps: what the peer has
/// acknowledged decides. Half of the time passes before the first look, the other half before the second.
bool H1Connection::stalled() noexcept {
    const auto left =
        static_cast<std::uint32_t>(std::min<std::size_t>(stream_->unacknowledged_bytes(),
                                                         UINT32_MAX));
    const std::uint64_t limit = loop_.config.limits[Limit::write_stall];
    if (stall_unacknowledged_ != 0 && left >= stall_unacknowledged_) {
        return true;
    }
    stall_due_ms_ = loop_.loop.now_ms() + (stall_unacknowledged_ == 0 ? limit - limit / 2 : limit);
    stall_unacknowledged_ = std::max(left, 1U);
    return false;
}

void H1Connection::expire_phase() {
    switch (phase_) {
        case Phase::fresh:
            if (!loop_.draining) {
                fired(Limit::head_deadline, 0, "a new connection that sent nothing");
            }
            proceed(loop_.draining ? After::linger : After::close);
            break;
        case Phase::idle:
            if (!loop_.draining) {
                loop_.count(Limit::keep_alive_idle);
            }
            proceed(loop_.draining ? After::linger : After::close);
            break;
        case Phase::head:
            fired(Limit::head_deadline, 408, "the head is not complete");
            refuse(nullptr, 408, "the head of the request did not arrive in time");
            break;
        case Phase::collect:
        case Phase::work:
        case Phase::discard: expire_request(); break;
        case Phase::linger: kill(); break;
        case Phase::closing:
        case Phase::gone: break;
    }
}

void H1Connection::expire_request() {
    if (!body_awaited() && handler_due() == never) {
        return;
    }
    if (loop_.loop.now_ms() >= handler_due()) {
        fired(Limit::handler_time, 503, "the handler has not answered");
        Response response = Response::error(503, "the request took too long");
        answer(*exchange_, response, plan(exchange_->head(), exchange_->body_ended()));
        drop_exchange(std::make_error_code(std::errc::operation_canceled));
        return;
    }
    const BodyDue due = body_due();
    const bool idle = due.limit == Limit::body_idle;
    fired(due.limit, phase_ == Phase::discard ? 0 : 408,
          idle ? "the body does not go on" : "the body comes too slowly");
    if (phase_ == Phase::discard) {
        proceed(After::close);
    } else {
        refuse(exchange_, 408, idle ? "the body did not go on in time" : "the body came too slowly",
               std::make_error_code(std::errc::timed_out));
    }
}

// --- the way out

void H1Connection::on_drained() {
    queued(0);
    begin_dispatch();
    if (exchange_ != nullptr) {
        exchange_->wake_writer();
    }
    settle();
}

void H1Connection::on_progress(std::size_t queued_bytes) {
    queued(queued_bytes);
    if (exchange_ != nullptr && exchange_->writer_waits() &&
        queued_bytes <= loop_.config.limits[Limit::output_bytes] / 2) {
        begin_dispatch();
        exchange_->wake_writer();
        settle();
    } else {
        update_deadline();
    }
}

/// Keeps the books of what waits in the stream. Less of it, or the first of it, begins the
/// write_stall time anew.
void H1Connection::queued(std::uint64_t octets) noexcept {
    if (!queued_file_) {
        loop_.output_queued += octets - queued_;
    } else if (octets == 0) {
        queued_file_ = false;
    }
    const bool progress = octets < queued_ || queued_ == 0;
    queued_ = octets;
    if (octets == 0 && unsent_named_) {
        unsent_named_ = false;
        loop_.unsent.erase(this);
    }
    if (octets != 0 && progress) {
        stall_unacknowledged_ = 0;
        const std::uint64_t limit = loop_.config.limits[Limit::write_stall];
        stall_due_ms_ =
            limit == 0 ? never : loop_.loop.now_ms() + limit / 2;  // then stalled() looks closer
    }
}

}  // namespace corevent::http
