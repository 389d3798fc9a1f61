// Input: from the bytes of the stream to exchanges. Answers are in h1_answer.cc, time and flow in
// h1_flow.cc.
#include "http/h1_connection.h"

#include "codec/h1_writer.h"
#include "http/response_access.h"
#include "http/server_core.h"
#include "http/server_loop.h"

#include <cstring>
#include <optional>

namespace corevent::http {

H1Connection::H1Connection(ServerLoop& loop, Stream& stream) noexcept
    : stream_(&stream), loop_(loop), opened_ms_(loop.loop.now_ms()) {}

void H1Connection::start() {
    enter(Phase::fresh);
    update_deadline();
    stream_->start(*this);
}

void H1Connection::destroy_now() noexcept {
    loop_.destroy(*this);
}

// --- from the stream

void H1Connection::on_bytes(std::span<char> bytes) {
    loop_.counters.octets_in.add(bytes.size());
    begin_dispatch();
    std::string_view input(bytes.data(), bytes.size());
    if (intake_ == nullptr || intake_->held().empty()) [[likely]] {
        input.remove_prefix(consume(input));
    }
    if (!input.empty() && phase_ != Phase::gone) {
        hold(input);
    }
    settle();
}

void H1Connection::on_end() {
    peer_ended_ = true;
    begin_dispatch();
    settle();
}

void H1Connection::on_closed(std::error_code) {
    stream_ = nullptr;
    queued(0);
    loop_.loop.deadlines().cancel(*this);
    phase_ = Phase::gone;
    if (exchange_ != nullptr) {
        drop_exchange(std::make_error_code(std::errc::operation_canceled));
    }
    release_intake();
    loop_.forget(*this);
}

/// The peer finished sending and everything it sent has been looked at. True if that changed
/// something.
bool H1Connection::end_of_input() {
    switch (phase_) {
        case Phase::fresh:
        case Phase::idle:
        case Phase::discard: proceed(After::close); return true;
        case Phase::head: refuse(nullptr, 400, "the connection ended within the head"); return true;
        case Phase::collect:
            refuse(exchange_, 400, h1::refusal_info(h1::Refusal::truncated_body).reason);
            return true;
        case Phase::work:
            if (!exchange_->body_ended() && !exchange_->body_failed()) {
                exchange_->fail_body(make_error_code(Errc::end_of_stream));
                stop_awaiting_body();
                exchange_->wake_reader();
                return true;
            }
            return false;
        case Phase::linger: proceed(After::close); return true;
        case Phase::closing:
        case Phase::gone: break;
    }
    return false;
}

// --- held input

H1Intake& H1Connection::intake() {
    if (intake_ == nullptr) {
        intake_ = &loop_.acquire_intake();
    }
    return *intake_;
}

void H1Connection::release_intake() noexcept {
    if (intake_ != nullptr) {
        loop_.release_intake(*std::exchange(intake_, nullptr));
    }
}

void H1Connection::hold(std::string_view input) {
    H1Intake& in = intake();
    if (in.begin != 0) {
        const std::size_t left = in.held().size();
        if (left != 0) {
            std::memmove(in.bytes.data(), in.bytes.data() + in.begin, left);
        }
        in.bytes.truncate(left);
        in.begin = 0;
    }
    in.bytes.reserve(input.size() + h1::padding);
    in.bytes.append(input);
}

/// Goes on with what is held. True if something of it was used up.
bool H1Connection::consume_held() {
    if (intake_ == nullptr || intake_->held().empty()) {
        return false;
    }
    const std::size_t used = consume(intake_->held());
    if (intake_ == nullptr) {
        return used != 0;
    }
    intake_->begin += used;
    if (intake_->begin == intake_->bytes.size()) {
        intake_->bytes.clear();
        intake_->begin = 0;
    }
    return used != 0;
}

/// True if the phase can use input now; what it cannot use is held.
bool H1Connection::takes_input() const noexcept {
    switch (phase_) {
        case Phase::fresh:
        case Phase::idle:
        case Phase::head: return queued_ < loop_.config.limits[Limit::output_bytes];
        case Phase::work:
            return !exchange_->body_ended() && !exchange_->body_failed() &&
                   exchange_->body_buffered() < body_window_bytes;
        case Phase::collect:
        case Phase::discard:
        case Phase::linger:
        case Phase::closing: return true;
        case Phase::gone: break;
    }
    return false;
}

std::size_t H1Connection::consume(std::string_view input) {
    std::size_t used = 0;
    while (used < input.size() && takes_input()) {
        const std::string_view rest = input.substr(used);
        const std::size_t step = phase_ <= Phase::head ? take_head(rest) : take_body(rest);
        if (step == 0) {
            break;
        }
        used += step;
        if (exchange_ != nullptr && exchange_->done()) {
            more_input_ = used < input.size();
            finish_exchange();
        }
    }
    return used;
}

// --- heads

std::size_t H1Connection::take_head(std::string_view input) {
    const bool resumed = phase_ == Phase::head;
    h1::HeadParser& parser = resumed ? intake_->parser : loop_.parser;
    h1::RequestHead& head = resumed ? intake_->head : loop_.head;
    const h1::ParseResult result = parser.parse(input.data(), input.size(), head);
    if (result.state == h1::ParseState::complete) [[likely]] {
        parser.reset();
        return take_request(head, input);
    }
    if (result.state == h1::ParseState::incomplete) {
        if (!resumed) {
            intake().parser = parser;
            std::swap(intake_->head, head);
            parser.reset();
            enter(Phase::head);
        }
        return 0;
    }
    parser.reset();
    refuse_head(result);
    return input.size();
}

std::size_t H1Connection::take_request(const h1::RequestHead& head, std::string_view input) {
    ++requests_;
    loop_.counters.requests.add();
    continue_pending_ = head.expect_continue && head.has_body();
    Exchange& plain = loop_.plain;
    const Exchange::Opened opened = plain.open(head, *this);
    if (opened == Exchange::Opened::routed && plain.match().route != nullptr &&
        !head.expect_unknown) [[likely]] {
        return take_routed(head, input);
    }
    return answer_unrouted(head, input, opened);
}

/// The octets of a body with Content-Length that lies whole behind its head; nothing for other
/// bodies.
static std::optional<std::size_t> whole_body(const h1::RequestHead& head,
                                             std::string_view input) noexcept {
    if (head.chunked || head.content_length > input.size() - head.size) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(head.content_length);
}

std::size_t H1Connection::take_routed(const h1::RequestHead& head, std::string_view input) {
    Exchange& plain = loop_.plain;
    const Exchange::Shape shape = Exchange::shape_of(*plain.match().route);
    const bool buffered = shape == Exchange::Shape::plain || shape == Exchange::Shape::deferred;
    const std::uint64_t body_max = loop_.config.limits[Limit::body_bytes];
    if (buffered && !head.chunked && head.content_length > body_max) {
        refuse_body_size(plain, head.content_length);
        return input.size();
    }
    if (shape == Exchange::Shape::plain) {
        if (const auto body = whole_body(head, input)) [[likely]] {
            const std::size_t used = head.size + *body;
            more_input_ = used < input.size();
            continue_pending_ = false;
            Response response = plain.call_plain(input.substr(head.size, *body));
            answer(plain, response, plan(head, true));
            plain.close_plain();
            return used;
        }
    }
    const std::size_t used = head.size;
    if (buffered && head.has_body()) {
        begin_pooled(Phase::collect);
        return used;
    }
    begin_pooled(Phase::work);
    exchange_->start();
    return used;
}

void H1Connection::begin_pooled(Phase phase) {
    Exchange& exchange = loop_.acquire_exchange();
    exchange.adopt(loop_.plain, *this, loop_.server.keep());
    exchange_ = &exchange;
    if (exchange.head().has_body()) {
        exchange.body_expected();
        begin_decoding(exchange.head());
    }
    enter(phase);
    if (phase == Phase::collect) {
        start_awaiting_body();
    }
}

void H1Connection::begin_decoding(const h1::RequestHead& head) {
    H1Intake& in = intake();
    in.decoder = h1::BodyDecoder::of(head, loop_.config.body_limits);
    in.awaited_ms = 0;
    in.await_started = 0;
}

// --- bodies

/// Decodes as much of a body as the phase has room for; returns the octets used up.
std::size_t H1Connection::take_body(std::string_view input) {
    if (phase_ == Phase::closing) {
        return input.size();
    }
    if (phase_ == Phase::linger) {
        stream_octets_ += input.size();
        if (stream_octets_ > linger_bytes) {
            kill();
        }
        return input.size();
    }
    std::size_t used = 0;
    h1::BodyDecoder::Step step;
    bool arrived = false;
    while (used < input.size() && takes_input()) {
        step = intake_->decoder.decode(input.substr(used));
        used += step.consumed;
        arrived = arrived || !step.data.empty();
        if (!step.data.empty() && !take_piece(step.data)) {
            return input.size();
        }
        if (step.state != h1::BodyDecoder::State::more) {
            break;
        }
    }
    continue_pending_ = false;
    if (step.state == h1::BodyDecoder::State::refused) {
        refuse_body(step.refusal);
        return input.size();
    }
    if (step.state == h1::BodyDecoder::State::done) {
        body_complete();
    } else if (arrived) {
        if (body_awaited()) {
            start_awaiting_body();  // the wait begins anew
        }
        if (phase_ == Phase::work) {
            exchange_->wake_reader();
        }
    }
    return used;
}

/// False if that was too much: the exchange has been refused.
bool H1Connection::take_piece(std::string_view piece) {
    switch (phase_) {
        case Phase::collect:
            if (piece.size() >
                loop_.config.limits[Limit::body_bytes] - exchange_->body_buffered()) {
                refuse_body_size(*exchange_, exchange_->body_buffered() + piece.size());
                return false;
            }
            exchange_->append_body(piece);
            return true;
        case Phase::work: exchange_->append_body(piece); return true;
        default: break;
    }
    if (intake_->decoder.received() > discard_bytes) {
        proceed(After::linger);
        return false;
    }
    return true;
}

void H1Connection::body_complete() {
    stop_awaiting_body();
    if (phase_ == Phase::discard) {
        proceed(After::reuse);
        return;
    }
    if (const h1::MessageHead* trailers = intake_->decoder.trailers()) {
        for (const h1::Field& field : trailers->fields) {
            exchange_->add_trailer(trailers->name(field), trailers->value(field));
        }
    }
    exchange_->end_body();
    if (phase_ == Phase::collect) {
        exchange_->body_collected();
        enter(Phase::work);
        exchange_->start();
    } else {
        exchange_->wake_reader();
    }
}

// --- what the exchange asks for; answers are in h1_answer.cc

Address H1Connection::peer() const noexcept {
    return stream_->peer();
}

void H1Connection::note() noexcept {
    if (loop_.dispatched != this && exchange_ != nullptr) {
        exchange_->schedule();
    }
}

void H1Connection::on_exchange_done() noexcept {
    note();
}

void H1Connection::on_exchange_turn() {
    begin_dispatch();
    if (queued_ < loop_.config.limits[Limit::output_bytes]) {
        exchange_->wake_writer();
    }
    settle();
}

void H1Connection::on_body_wanted() {
    start_awaiting_body();
    note();
}

void H1Connection::on_body_taken() {
    note();
}

}  // namespace corevent::http
