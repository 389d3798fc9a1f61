// Answers of an HTTP/1 connection: composing heads and bodies, streamed answers, refusals, and the
// decision how an exchange ends: with its body consumed, or with the connection.
#include "codec/h1_writer.h"
#include "codec/status.h"
#include "http/field_rules.h"
#include "http/h1_connection.h"
#include "http/response_access.h"
#include "http/server_core.h"
#include "http/server_loop.h"

#include <corevent/log.h>

#include <algorithm>
#include <array>

namespace corevent::http {
namespace {

/// "12.3 MB", for people.
std::string size_text(std::uint64_t octets) {
    constexpr std::array<std::string_view, 5> units{" B", " kB", " MB", " GB", " TB"};
    std::size_t unit = 0;
    std::uint64_t tenths = octets * 10;
    while (tenths >= 10'000 && unit + 1 < units.size()) {
        tenths /= 1000;
        ++unit;
    }
    std::string text = std::to_string(tenths / 10);
    if (unit != 0) {
        text.append(".").append(std::to_string(tenths % 10));
    }
    return text.append(units[unit]);
}

std::optional<Limit> limit_of(h1::Refusal refusal) noexcept {
    switch (refusal) {
        case h1::Refusal::request_line_too_long:
        case h1::Refusal::line_too_long: return Limit::line_bytes;
        case h1::Refusal::head_too_large: return Limit::head_bytes;
        case h1::Refusal::too_many_fields: return Limit::fields;
        case h1::Refusal::chunk_extensions_too_long: return Limit::chunk_extension_bytes;
        default: return std::nullopt;
    }
}

}  // namespace

// --- output

/// Where output goes: the cork of the loop within our own dispatch, else the exchange's own buffer,
/// which the ready step takes into the cork.
Bytes& H1Connection::output() noexcept {
    return loop_.dispatched == this || exchange_ == nullptr ? loop_.loop.cork()
                                                            : exchange_->output();
}

/// Sends what was gathered and, behind it, `extra` and `tail`, in one call.
void H1Connection::write_now(std::string_view extra, std::string_view tail) {
    Bytes& out = output();
    if (aborted_ || (out.empty() && extra.empty())) {
        out.clear();
        return;
    }
    loop_.counters.octets_out.add(out.size() + extra.size() + tail.size());
    bool all = false;
    if (extra.empty()) [[likely]] {
        all = stream_->write(out.view());
    } else {
        const std::array<std::string_view, 3> slices{out.view(), extra, tail};
        all = stream_->write(slices);
    }
    out.clear();
    written(all);
}

void H1Connection::written(bool all) noexcept {
    if (!all || queued_ != 0) {
        queued(stream_->queued_bytes());
    }
}

// --- how an exchange ends

H1Connection::After H1Connection::plan(const h1::RequestHead& head, bool body_consumed) {
    bool keep = head.keep_alive && !(peer_ended_ && !more_input_);
    if (keep && loop_.draining && !more_input_) {
        keep = false;
    }
    const Limits& limits = loop_.config.limits;
    if (const std::uint64_t requests_max = limits[Limit::connection_requests];
        keep && requests_max != 0 && requests_ >= requests_max) {
        loop_.count(Limit::connection_requests);
        keep = false;
    }
    if (const std::uint64_t age_max = limits[Limit::connection_age];
        keep && age_max != 0 && loop_.loop.now_ms() - opened_ms_ >= age_max) {
        loop_.count(Limit::connection_age);
        keep = false;
    }
    if (!body_consumed) {
        // A client that waits for 100 (Continue) may or may not send its body now: no next request
        // can be found.
        const std::uint64_t left =
            head.chunked ? 0 : head.content_length - intake_->decoder.received();
        return keep && !continue_pending_ && left <= discard_bytes ? After::discard : After::linger;
    }
    if (keep) [[likely]] {
        return After::reuse;
    }
    // The client that asked for the close, or has closed its side, sends nothing that a reset could
    // punish.
    return (!head.keep_alive || peer_ended_) && !more_input_ ? After::close : After::linger;
}

void H1Connection::proceed(After after) {
    switch (after) {
        case After::reuse: enter(Phase::idle); break;
        case After::discard: enter(Phase::discard); break;
        case After::linger:
            enter(peer_ended_ ? Phase::closing : Phase::linger);
            end();
            break;
        case After::close:
            enter(Phase::closing);
            end();
            break;
    }
}

/// settle() sends the FIN, with what is still to be written.
void H1Connection::end() noexcept {
    fin_due_ = true;
    stream_->end_follows();
}

/// The handler of a pooled exchange has ended.
void H1Connection::finish_exchange() {
    Exchange& exchange = *exchange_;
    const bool consumed = exchange.body_ended();
    stop_awaiting_body();
    if (!exchange.streamed()) {
        answer(exchange, exchange.response(), plan(exchange.head(), consumed));
    } else {
        account(&exchange, exchange.stream_status(), stream_octets_);
        const After fitting = consumed            ? After::reuse
                              : continue_pending_ ? After::linger
                                                  : After::discard;
        proceed(streamed_after_ == After::reuse ? fitting : streamed_after_);
    }
    if (exchange_ != nullptr) {
        exchange_ = nullptr;
        exchange.recycle();
    }
}

// --- whole answers

void H1Connection::append_connection(Bytes& out, const h1::RequestHead& head, After after) const {
    if (after == After::linger || after == After::close) {
        h1::append_connection_close(out);
    } else if (head.version_minor == 0) {
        h1::append_keep_alive(out);
    }
}

void H1Connection::append_head(Bytes& out, const h1::RequestHead& head, Response& response,
                               After after) {
    const int status = response.status();
    const std::string_view type = ResponseAccess::static_type(response);
    if (status_forbids_body(status)) {
        h1::append_status_line(out, status);
        h1::append_date(out, loop_.date());
    } else if (!h1::append_simple_head(out, status, loop_.date(), type,
                                       ResponseAccess::length(response))) {
        // A content type that a program made up at run time and that is no field value.
        CE_ASSERT(h1::append_simple_head(out, 500, loop_.date(), {},
                                         ResponseAccess::length(response)));
    }
    out.append(loop_.config.server_field);
    out.append(ResponseAccess::fields(response));
    if (const auto& shared = ResponseAccess::shared(response)) {
        out.append(shared->fields);
    }
    append_connection(out, head, after);
    h1::end_head(out);
}

void H1Connection::answer(const Exchange& exchange, Response& response, After after) {
    if (ResponseAccess::invalid(response)) [[unlikely]] {
        response = Response::error(500);
    }
    const h1::RequestHead& head = exchange.head();
    const int status = response.status();
    Bytes& out = output();
    append_head(out, head, response, after);
    const bool bodyless = head.method_id == h1::Method::head || status_forbids_body(status);
    const std::uint64_t octets = bodyless ? 0 : ResponseAccess::length(response);
    account(&exchange, status, octets);
    proceed(after);
    if (octets == 0) {
        return;
    }
    const std::string_view body = response.body();
    const bool from_file = ResponseAccess::file(response) != nullptr;  // its fields may be shared
    if (!from_file && body.size() <= copied_body_bytes) [[likely]] {
        out.append(body);
        if (out.size() >= cork_bytes) {
            write_now();
        }
    } else if (!from_file && ResponseAccess::shared(response)) {
        write_now(body);
    } else {
        write_chain(response);
        if (queued_ != 0) {
            remember_unsent(head);
        }
    }
}

/// What describe() says of an answer whose exchange has ended before all of it has left.
void H1Connection::remember_unsent(const h1::RequestHead& head) {
    std::string line(Printable(head.view(head.method)).view());
    line.append(" ").append(Printable(head.view(head.target)).view());
    loop_.unsent[this] = std::move(line);
    unsent_named_ = true;
}

/// Large bodies go into the stream's queue as they are: files by range, strings by moving.
void H1Connection::write_chain(Response& response) {
    Bytes& out = output();
    Chain chain;
    chain.append_copy(out.view());
    out.clear();
    if (FileBody* file = ResponseAccess::file(response)) {
        for (FilePart& part : file->parts) {
            chain.append(std::move(part.prefix));
            chain.append_file(file->file, part.offset, part.length);
        }
        chain.append(std::move(file->suffix));
        if (!queued_file_) {
            loop_.output_queued -= queued_;  // files take no memory of the budget
            queued_file_ = true;
        }
    } else if (ResponseAccess::is_static(response)) {
        chain.append_static(response.body());
    } else {
        chain.append(std::move(ResponseAccess::owned_body(response)));
    }
    if (aborted_) {
        return;
    }
    loop_.counters.octets_out.add(chain.size());
    written(stream_->write(std::move(chain)));
    if (queued_ == 0) {
        queued_file_ = false;
    }
}

/// No handler: bad paths, unknown expectations, 404, 405, OPTIONS.
std::size_t H1Connection::answer_unrouted(const h1::RequestHead& head, std::string_view input,
                                          Exchange::Opened opened) {
    Exchange& plain = loop_.plain;
    if (opened == Exchange::Opened::bad_path) {
        refuse(&plain, 400, url::path_error_text(plain.path_error()));
        return input.size();
    }
    if (head.expect_unknown) {
        refuse(&plain, 417, "the only expectation that is known here is 100-continue");
        return input.size();
    }
    if (head.target_form == h1::TargetForm::authority) {
        refuse(&plain, 501, "this server opens no tunnels");
        return input.size();
    }
    Response response = plain.unrouted();
    if (plain.match().route != nullptr) {  // what otherwise() said
        return take_routed(head, input);
    }
    bool consumed = !head.has_body();
    std::size_t used = head.size;
    if (!consumed && !head.chunked && head.content_length <= input.size() - head.size) {
        used += static_cast<std::size_t>(head.content_length);
        consumed = true;
        continue_pending_ = false;
    } else if (!consumed) {
        begin_decoding(head);
    }
    more_input_ = used < input.size();
    answer(plain, response, plan(head, consumed));
    return used;
}

// --- streamed answers

void H1Connection::inform(int status, std::string_view fields) {
    Bytes& out = output();
    h1::append_status_line(out, status);
    out.append(fields);
    h1::end_head(out);
    continue_pending_ = false;
    note();
}

void H1Connection::send_head(const StreamHead& answer) {
    const h1::RequestHead& head = exchange_->head();
    Bytes& out = output();
    const bool bodyless = status_forbids_body(answer.status);
    chunked_ = !answer.has_length && !bodyless && head.version_minor >= 1;
    const bool until_close = !answer.has_length && !bodyless && head.version_minor == 0;
    streamed_after_ = continue_pending_ ? After::linger : plan(head, true);
    if (until_close && streamed_after_ == After::reuse) {
        streamed_after_ = After::linger;
    }
    stream_octets_ = 0;
    h1::append_status_line(out, answer.status);
    h1::append_date(out, loop_.date());
    out.append(loop_.config.server_field);
    out.append(answer.fields);
    if (chunked_) {
        h1::append_chunked(out);
    } else if (answer.has_length && !bodyless) {
        h1::append_content_length(out, answer.length);
    }
    append_connection(out, head, streamed_after_);
    h1::end_head(out);
    note();
}

std::size_t H1Connection::room() noexcept {
    if (burst_ >= burst_bytes) {
        exchange_->schedule();
        return 0;
    }
    const std::uint64_t output_max = loop_.config.limits[Limit::output_bytes];
    if (queued_ + output().size() >= output_max) {
        write_now();
        if (queued_ >= output_max) {
            loop_.count(Limit::output_bytes);
            return 0;
        }
    }
    if (queued_ != 0 && loop_.config.output_total_share != 0 &&
        loop_.output_queued > loop_.config.output_total_share) {
        loop_.count(Limit::output_total);
        return 0;
    }
    return std::min<std::size_t>(output_max - queued_, cork_bytes);
}

void H1Connection::send_body(std::string_view piece) {
    stream_octets_ += piece.size();
    burst_ += static_cast<std::uint32_t>(piece.size());
    Bytes& out = output();
    if (chunked_) {
        h1::append_chunk_size(out, piece.size());
    }
    if (piece.size() >= copied_body_bytes) {
        write_now(piece, chunked_ ? std::string_view("\r\n") : std::string_view());
    } else {
        out.append(piece);
        if (chunked_) {
            h1::append_chunk_end(out);
        }
        if (out.size() >= cork_bytes) {
            write_now();
        }
    }
    note();
}

void H1Connection::end_body(std::string_view trailer_fields) {
    if (!chunked_ || exchange_->head().method_id == h1::Method::head) {
        return;
    }
    Bytes& out = output();
    if (trailer_fields.empty()) {
        h1::append_last_chunk(out);
    } else {
        h1::append_last_chunk_open(out);
        out.append(trailer_fields);
        h1::end_head(out);
    }
}

void H1Connection::flush_output() {
    write_now();
    note();
}

/// The streamed answer cannot be completed. A body with framing is left incomplete, one that ends
/// with the connection is reset: either way the client does not take it for whole.
void H1Connection::cut(std::string_view why) {
    std::string line = "cut ";
    line.append(describe()).append(": ").append(why);
    loop_.refused(line);
    cut_ = true;
    account(exchange_, exchange_->stream_status(), stream_octets_);
    const bool framed = chunked_ || exchange_->stream_has_length();
    write_now();
    if (framed) {
        enter(Phase::closing);
        stream_->close();
    } else {
        kill();
    }
    if (exchange_ != nullptr) {
        drop_exchange(std::make_error_code(std::errc::operation_canceled));
    }
}

// --- refusals

/// A last answer from the server itself; the exchange, if there is one, ends without its handler.
void H1Connection::refuse(const Exchange* exchange, int status, std::string_view detail,
                          std::error_code why) {
    if (exchange_ != nullptr && exchange_->streamed()) {
        cut_ = true;
        account(exchange_, exchange_->stream_status(), stream_octets_);
        kill();
        return;
    }
    Response response = Response::error(status, detail);
    h1::RequestHead no_head;
    const h1::RequestHead& head = exchange != nullptr ? exchange->head() : no_head;
    Bytes& out = output();
    append_head(out, head, response, After::linger);
    const bool with_body = head.method_id != h1::Method::head;
    if (with_body) {
        out.append(response.body());
    }
    account(exchange, status, with_body ? response.body().size() : 0);
    stop_awaiting_body();
    continue_pending_ = false;
    proceed(After::linger);
    if (exchange_ != nullptr) {
        drop_exchange(why);
    }
}

void H1Connection::refuse_head(const h1::ParseResult& result) {
    const h1::RefusalInfo& info = h1::refusal_info(result.refusal);
    if (const auto limit = limit_of(result.refusal)) {
        fired(*limit, info.status, info.reason);
    } else {
        std::string line = std::to_string(info.status);
        line.append(" from ").append(stream_->peer().text()).append(": ").append(info.reason);
        loop_.refused(line);
    }
    refuse(nullptr, info.status, info.reason);
}

void H1Connection::refuse_body(h1::Refusal refusal) {
    const h1::RefusalInfo& info = h1::refusal_info(refusal);
    if (const auto limit = limit_of(refusal)) {
        fired(*limit, info.status, info.reason);
    } else {
        std::string line = std::to_string(info.status);
        line.append(" ").append(describe()).append(": ").append(info.reason);
        loop_.refused(line);
    }
    if (exchange_ == nullptr) {  // discarding: the answer is out
        proceed(After::linger);
    } else {
        refuse(exchange_, info.status, info.reason, make_error_code(Errc::malformed));
    }
}

void H1Connection::refuse_body_size(const Exchange& exchange, std::uint64_t octets) {
    const LimitInfo& info = limit_info(Limit::body_bytes);
    const std::string allowed = limit_text(info.unit, loop_.config.limits[Limit::body_bytes]);
    std::string line = "413 ";
    line.append(Printable(exchange.head().view(exchange.head().method)).view()).append(" ");
    line.append(Printable(exchange.head().view(exchange.head().target)).view()).append(": body ");
    line.append(size_text(octets)).append(exchange.head().chunked ? " or more" : "");
    line.append(" > body_bytes ").append(allowed);
    fired_limit_ = static_cast<std::uint8_t>(Limit::body_bytes);
    loop_.fired(Limit::body_bytes, line);
    refuse(&exchange, 413, "at most " + allowed + " are taken here");
}

// --- books

bool H1Connection::busy() const noexcept {
    return queued_ != 0 || (phase_ >= Phase::head && phase_ <= Phase::work);
}

std::string H1Connection::describe() const {
    std::string text;
    if (exchange_ != nullptr) {
        const h1::RequestHead& head = exchange_->head();
        text.append(Printable(head.view(head.method)).view()).append(" ");
        text.append(Printable(head.view(head.target)).view()).append(" ");
    } else if (phase_ == Phase::head) {
        text = "an incomplete head ";
    } else if (queued_ != 0) {
        text = unsent_named_ ? loop_.unsent.at(this) : std::string("an answer");
        text.append(", ").append(std::to_string(queued_)).append(" octets to go, ");
    }
    if (stream_ != nullptr) {
        text.append("from ").append(stream_->peer().text());
    }
    return text;
}

void H1Connection::fired(Limit limit, int status, std::string_view what) {
    const LimitInfo& info = limit_info(limit);
    std::string line = status == 0 ? std::string("closed") : std::to_string(status);
    line.append(" ").append(describe()).append(": ").append(what).append(" (");
    line.append(info.name)
        .append(" ")
        .append(limit_text(info.unit, loop_.config.limits[limit]))
        .append(")");
    fired_limit_ = static_cast<std::uint8_t>(limit);
    loop_.fired(limit, line);
}

/// Counts an answer and writes the access log. Once for each request.
void H1Connection::account(const Exchange* exchange, int status, std::uint64_t octets) {
    loop_.counters.responses[std::min<std::size_t>(static_cast<std::size_t>(status) / 100, 5)]
        .add();
    if (loop_.config.access_log == nullptr) [[likely]] {
        return;
    }
    log_access(exchange, status, octets);
}

void H1Connection::log_access(const Exchange* exchange, int status, std::uint64_t octets) {
    AccessRecord record;
    if (exchange != nullptr) {
        const h1::RequestHead& head = exchange->head();
        record.method = head.view(head.method);
        record.target = head.view(head.target);
        record.host = head.view(head.host);
        record.referer = head.value_of(h1::KnownField::referer);
        record.user_agent = head.value_of(h1::KnownField::user_agent);
        record.route = exchange->match().route == nullptr ? std::string_view()
                                                          : exchange->match().route->pattern;
        record.duration = exchange->age();
        record.octets_in = head.chunked ? exchange->body_octets() : head.content_length;
        record.request_id = exchange->id();
        record.version_minor = head.version_minor;
    }
    if (fired_limit_ != no_limit) {
        record.limit = limit_info(static_cast<Limit>(fired_limit_)).name;
        fired_limit_ = no_limit;
    }
    const Address from = stream_ == nullptr ? Address() : stream_->peer();
    record.peer = &from;
    record.octets_out = octets;
    record.status = static_cast<std::uint16_t>(status);
    record.cut = cut_;
    cut_ = false;
    loop_.config.access_log->add(loop_.index, record);
}

}  // namespace corevent::http
