#include "compat/http_serve.h"

#include "codec/h1_lenient.h"
#include "codec/h1_writer.h"
#include "codec/url.h"
#include "compat/alloc.h"
#include "compat/http_deadlines.h"
#include "compat/http_threads.h"
#include "compat/log.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <utility>

namespace corevent::compat {
namespace {

/// Answers that the kernel has not taken are waited for from this size on, before more requests are
/// handled.
constexpr std::size_t output_max = 256 * 1024;

evhttp_cmd_type type_of(h1::Method method) noexcept {
    switch (method) {
        case h1::Method::get: return EVHTTP_REQ_GET;
        case h1::Method::head: return EVHTTP_REQ_HEAD;
        case h1::Method::post: return EVHTTP_REQ_POST;
        case h1::Method::put: return EVHTTP_REQ_PUT;
        case h1::Method::delete_: return EVHTTP_REQ_DELETE;
        case h1::Method::connect: return EVHTTP_REQ_CONNECT;
        case h1::Method::options: return EVHTTP_REQ_OPTIONS;
        case h1::Method::trace: return EVHTTP_REQ_TRACE;
        case h1::Method::patch: return EVHTTP_REQ_PATCH;
        case h1::Method::other: break;
    }
    return static_cast<evhttp_cmd_type>(0);
}

/// The digit behind "HTTP/1." as received.
char minor_version(const h1::RequestHead& head) noexcept {
    static constexpr std::size_t to_minor = 1 + 7;  // SP "HTTP/1."
    return static_cast<char>(head.base[head.target.offset + head.target.length + to_minor] - '0');
}

/// The header without its line ends, as limits count it.
std::size_t text_size(const h1::RequestHead& head) noexcept {
    return head.size - 2 * (head.fields.size() + 2);
}

}  // namespace

ServerConnection::ServerConnection(Shard& shard, evutil_socket_t fd) noexcept
    : shard_(&shard), fd_(fd) {
    const evhttp& http = shard.http;
    loop = &shard.loop;
    loop->add_reference();
    headers_max = http.headers_max;
    body_max = http.body_max;
    if (http.limits_on && body_max == SIZE_MAX) {
        body_max = default_limit(Limit::body_bytes);
    }
    read_timeout = http.read_timeout;
    write_timeout = http.write_timeout;
    if ((http.flags & EVHTTP_SERVER_LINGERING_CLOSE) != 0) {
        flags |= EVHTTP_CON_LINGERING_CLOSE;
    }
    shard.connections.push_back(*this);
    shard.count.fetch_add(1, std::memory_order_relaxed);
    shard.http.connection_count.fetch_add(1, std::memory_order_relaxed);
}

ServerConnection::~ServerConnection() = default;

void ServerConnection::note_peer(const sockaddr* peer, int peer_length) noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (peer != nullptr && peer->sa_family == AF_INET && peer_length >= int{sizeof(sockaddr_in)}) {
        std::memcpy(&peer_.v4, peer, sizeof peer_.v4);
        inet_ntop(AF_INET, &peer_.v4.sin_addr, text.data(), text.size());
        port = ntohs(peer_.v4.sin_port);
    } else if (peer != nullptr && peer->sa_family == AF_INET6 &&
               peer_length >= int{sizeof(sockaddr_in6)}) {
        std::memcpy(&peer_.v6, peer, sizeof peer_.v6);
        inet_ntop(AF_INET6, &peer_.v6.sin6_addr, text.data(), text.size());
        port = ntohs(peer_.v6.sin6_port);
    } else {
        peer_.any.sa_family = peer != nullptr ? peer->sa_family : AF_UNSPEC;
    }
    set_text(address, text.data());
}

const sockaddr* ServerConnection::peer_address() noexcept {
    return &peer_.any;
}

event_base* ServerConnection::base() noexcept {
    return shard_->handlers != nullptr ? shard_->handlers->base() : loop->base();
}

evhttp* ServerConnection::server() noexcept {
    return &shard_->http;
}

// ---- reading ---------------------------------------------------------------------------------

/// Looks at octets as far as requests want them, and keeps the rest. They are the beginning of the
/// bufferevent's input if `in_bev`, and leave it as they are used up.
void ServerConnection::process(const char* data, std::size_t size, bool in_bev) noexcept {
    const bool outer = std::exchange(processing_, true);
    const bool outer_in_bev = std::exchange(input_in_bev_, in_bev);
    const std::string_view before = std::exchange(input_, {data, size});
    while (!input_.empty() && (state_ == State::head || state_ == State::body)) {
        if (state_ == State::head) {
            take_head();
        } else {
            take_body();
        }
    }
    const std::string_view rest = std::exchange(input_, before);
    processing_ = outer;
    input_in_bev_ = outer_in_bev;
    if (state_ != State::closed && state_ != State::lingering && !in_bev) {
        keep(rest.data(), rest.size());
    }
}

void ServerConnection::use_up(std::size_t size) noexcept {
    input_.remove_prefix(size);
    if (input_in_bev_) {
        evbuffer_drain(bufferevent_get_input(bev_), size);
    }
}

/// Whether the limits of corevent are on and the program set none for headers.
bool ServerConnection::limits_apply() const noexcept {
    return shard_->http.limits_on && headers_max == SIZE_MAX;
}

h1::HeadLimits ServerConnection::head_limits() const noexcept {
    h1::HeadLimits limits;
    // Line ends do not count for the program's limit; what the parser lets through is measured then.
    limits.head_bytes = headers_max < UINT32_MAX / 4
                            ? static_cast<std::uint32_t>(headers_max * 2 + 64)
                            : UINT32_MAX;
    limits.line_bytes = limits.head_bytes;
    limits.fields = UINT32_MAX;
    if (limits_apply()) {
        limits.head_bytes = static_cast<std::uint32_t>(default_limit(Limit::head_bytes));
        limits.line_bytes = static_cast<std::uint32_t>(default_limit(Limit::line_bytes));
        limits.fields = static_cast<std::uint32_t>(default_limit(Limit::fields));
    }
    return limits;
}

void ServerConnection::take_head() noexcept {
    if (partial_) {
        partial_->bytes.append(input_);
        use_up(input_.size());
        take_partial_head();
        return;
    }
    loop->parser = h1::HeadParser(head_limits());
    const h1::ParseResult result = loop->parser.parse(input_.data(), input_.size(), loop->head);
    if (result.state == h1::ParseState::complete) {
        use_up(result.offset);
        begin_request(loop->head);
        return;
    }
    partial_ = std::make_unique<PartialHead>();
    begin_phase();
    partial_->bytes.append(input_);
    use_up(input_.size());
    partial_->parser = loop->parser;
    partial_->head.copy(loop->head, partial_->bytes.data());
    if (result.state == h1::ParseState::refused) {
        partial_->parser.reset();  // again, with the remedies
        take_partial_head();
    }
}

/// Goes on with the header in partial_, all of whose octets are there.
void ServerConnection::take_partial_head() noexcept {
    PartialHead& partial = *partial_;
    const h1::Leniency leniency{shard_->http.lenient, shard_->http.lenient};
    h1::ParseResult result;
    h1::Remedy remedy = h1::Remedy::done;
    while (remedy == h1::Remedy::done) {
        std::memset(partial.bytes.reserve(h1::padding), 0, h1::padding);
        result = partial.parser.parse(partial.bytes.data(), partial.bytes.size(), partial.head);
        remedy = h1::Remedy::none;
        if (result.state == h1::ParseState::refused) {
            remedy = h1::repair_request(partial.bytes, result, leniency);
            partial.parser.reset();
        }
    }
    const bool room = partial.bytes.size() < partial.parser.limits().head_bytes;
    if (result.state == h1::ParseState::incomplete || (remedy == h1::Remedy::wait && room)) {
        return;
    }
    const std::unique_ptr<PartialHead> done = std::move(partial_);
    if (result.state == h1::ParseState::refused) {
        refuse(shard_->http.limits_on ? h1::refusal_info(result.refusal).status : HTTP_BADREQUEST);
        return;
    }
    const std::string_view rest = done->bytes.view().substr(result.offset);
    more_behind_ = !rest.empty();
    begin_request(done->head);
    more_behind_ = false;
    if (state_ != State::closed && state_ != State::lingering) {
        process(rest.data(), rest.size(), false);
    }
}

/// A request object for what is arriving. False if the connection is lost.
bool ServerConnection::new_request() noexcept {
    request_ = take_request(*loop);
    if (request_ == nullptr) {
        warn("%s: out of memory", __func__);
        lose(EVREQ_HTTP_BUFFER_ERROR);
        return false;
    }
    Request& request = *request_;
    request.from_peer = true;
    request.kind = EVHTTP_REQUEST;
    request.flags = EVHTTP_REQ_OWN_CONNECTION;
    request.major = 1;
    request.minor = 1;
    request.conn = this;
    request.evcon = this;
    request.keeper = this;
    hold_connection(*this);
    request.remote_host = address;
    request.remote_port = port;
    return true;
}

void ServerConnection::begin_request(const h1::RequestHead& head) noexcept {
    state_ = State::body;
    if (!new_request()) {
        return;
    }
    Request& request = *request_;
    const auto& on_new = shard_->http.new_request;
    if (on_new.fn != nullptr && on_new.fn(&request, on_new.arg) < 0) {
        lose(EVREQ_HTTP_REQUEST_CANCEL);
        return;
    }
    if (text_size(head) > headers_max) {
        refuse(shard_->http.limits_on ? 431 : HTTP_BADREQUEST);
    } else if (!fill_request(head)) {
        refuse(HTTP_BADREQUEST);
    } else if (request.header_cb != nullptr && request.header_cb(&request, request.cb_arg) < 0) {
        lose(EVREQ_HTTP_REQUEST_CANCEL);
    } else if (head.expect_unknown && head.has_body()) {
        refuse(HTTP_EXPECTATIONFAILED);
    } else {
        begin_body(head);
    }
}

/// Copies what the program may look at. False if the target is no URI.
bool ServerConnection::fill_request(const h1::RequestHead& head) noexcept {
    Request& request = *request_;
    request.type = type_of(head.method_id);
    request.minor = minor_version(head);
    request.headers_size = text_size(head);
    request.connection_close = head.connection_close;
    request.connection_keep_alive = head.connection_keep_alive;
    if (!set_text(request.uri, head.view(head.target))) {
        return false;
    }
    request.target.flags = EVHTTP_URI_NONCONFORMANT;
    request.target.pending = request.uri;
    request.target.pending_authority = head.target_form == h1::TargetForm::authority;
    request.uri_elems = &request.target;
    // A path that begins with one slash is a URI whatever follows.
    if (head.target_form == h1::TargetForm::origin && request.uri[1] == '/' &&
        !uri::parse(request.uri, uri::Grammar::any_octet)) {
        return false;
    }
    for (const h1::Field& field : head.fields) {
        if (!append_header(request.input_list, head.name(field), head.value(field))) {
            return false;
        }
    }
    return true;
}

void ServerConnection::begin_body(const h1::RequestHead& head) noexcept {
    Request& request = *request_;
    request.chunked = head.chunked ? 1 : 0;
    request.ntoread = head.chunked ? -1 : static_cast<ev_int64_t>(head.content_length);
    too_long_ = head.content_length > body_max;
    if (too_long_ && (flags & EVHTTP_CON_LINGERING_CLOSE) == 0) {
        refuse(HTTP_ENTITYTOOLARGE);
        return;
    }
    decoder_ = h1::BodyDecoder::of(head);
    if (decoder_.done()) {
        dispatch();
        return;
    }
    begin_phase();
    if (head.expect_continue && input_.empty() && !more_behind_) {
        h1::append_continue(open_output());
        close_output();
        push_output();
    }
}

void ServerConnection::take_body() noexcept {
    const h1::BodyDecoder::Step step = decoder_.decode(input_);
    use_up(step.consumed);
    if (!step.data.empty() && !take_piece(step.data)) {
        return;
    }
    if (step.state == h1::BodyDecoder::State::refused) {
        refuse(HTTP_BADREQUEST);
    } else if (step.state == h1::BodyDecoder::State::done) {
        if (too_long_) {
            refuse(HTTP_ENTITYTOOLARGE);
        } else {
            dispatch();
        }
    }
}

/// A run of octets of the body. False if that was the end of the request.
bool ServerConnection::take_piece(std::string_view piece) noexcept {
    Request& request = *request_;
    request.body_size = static_cast<std::size_t>(decoder_.received());
    if (!decoder_.done() || request.chunked == 0) {
        request.ntoread = static_cast<ev_int64_t>(decoder_.remaining());
    }
    if (too_slow()) {
        refuse(408);
        return false;
    }
    if (decoder_.received() > body_max) {
        too_long_ = true;
        if ((flags & EVHTTP_CON_LINGERING_CLOSE) == 0) {
            refuse(HTTP_ENTITYTOOLARGE);
            return false;
        }
    }
    if (too_long_) {
        return true;
    }
    if (evbuffer_add(request.input_buffer, piece.data(), piece.size()) != 0) {
        lose(EVREQ_HTTP_BUFFER_ERROR);
        return false;
    }
    if (request.chunk_cb != nullptr) {
        request.chunk_cb(&request, request.cb_arg);
        if (state_ == State::closed) {
            return false;
        }
        evbuffer_drain(request.input_buffer, evbuffer_get_length(request.input_buffer));
    }
    return true;
}

// ---- handling --------------------------------------------------------------------------------

/// An answer of the library's own, behind which the connection ends.
void ServerConnection::refuse(int status) noexcept {
    linger_after_ = true;
    state_ = State::handling;
    if (request_ == nullptr && !new_request()) {
        return;
    }
    in_handler_ = true;
    write_error(*request_, status, nullptr);
    end_handling();
}

/// One connection too many.
void ServerConnection::turn_away() noexcept {
    const ConnectionHold hold(*this);
    loop->corked = this;
    refuse(HTTP_SERVUNAVAIL);
    uncork();
}

void ServerConnection::dispatch() noexcept {
    state_ = State::handling;
    request_->userdone = 1;
    set_directions(0);
    ++requests_complete_;
    if (shard_->handlers != nullptr) {
        send_to_handlers(*request_, *shard_->handlers);
        return;
    }
    const ConnectionHold hold(*this);
    in_handler_ = true;
    handle(*request_);
    end_handling();
}

void ServerConnection::handle(Request& request) noexcept {
    const ConnectionHold hold(*this);
    const auto add_one = [](std::atomic<std::uint32_t>& count) {  // only one thread writes
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    };
    add_one(requests_begun);
    handle_request(shard_->http, request);
    add_one(requests_handled);
}

void ServerConnection::end_handling() noexcept {
    in_handler_ = false;
    if (state_ == State::handling && request_ != nullptr && request_->answered) {
        finish_answer();
    }
}

/// An answer from elsewhere leaves as one from a handler does.
void ServerConnection::begin_answer() noexcept {
    in_handler_ = true;
    if (loop->corked == nullptr && bev_ == nullptr) {
        loop->corked = this;
    }
}

void ServerConnection::end_answer(bool close_after) noexcept {
    request_->answered = true;
    close_after_ = close_after;
    if (!in_handler_) {
        loop->add_chore(*this);  // the program may look at the request until it returns
    }
}

/// The answer is complete. Waits for its octets where somebody wants to know, or if they are many.
void ServerConnection::finish_answer() noexcept {
    const bool patient = loop->corked == this && !close_after_ && bev_ == nullptr &&
                         request_->on_complete_cb == nullptr && written_.fn == nullptr &&
                         loop->cork.size() < output_max && out_ == nullptr;
    if (!patient) {
        state_ = State::draining;
        if (!flush()) {
            return;
        }
        after_output();
        return;
    }
    complete_request();
}

/// The request is done with: on to the next, or to the end.
void ServerConnection::complete_request() noexcept {
    if (request_ == nullptr) {
        close();  // the answers before the end of the peer's octets are out
        return;
    }
    const ConnectionHold hold(*this);
    Request& request = *std::exchange(request_, nullptr);
    if (request.on_complete_cb != nullptr && request.at_home) {
        tell_complete(request, *shard_->handlers);
    } else {
        if (request.on_complete_cb != nullptr) {
            request.on_complete_cb(&request, request.on_complete_cb_arg);
        }
        settle_request(request);
    }
    if (state_ == State::closed) {
        return;
    }
    if (close_after_) {
        if (linger_after_) {
            linger();
        } else {
            close();
        }
    } else if (peer_ended_ && held_.empty()) {
        close();
    } else {
        state_ = State::head;
        go_on();
    }
}

void ServerConnection::go_on() noexcept {
    begin_phase();
    if (processing_) {
        // Whoever processes goes on. Over TLS the answer has left at once, and reading is still off.
        if (bev_ != nullptr) {
            bufferevent_enable(bev_, EV_READ);
        }
        return;
    }
    if (bev_ != nullptr) {
        set_directions(EV_READ);
        read_bufferevent();
    } else {
        receive();
    }
}

// ---- the end ---------------------------------------------------------------------------------

void ServerConnection::lose(evhttp_request_error error) noexcept {
    if (state_ == State::closed) {
        return;
    }
    const ConnectionHold hold(*this);
    detach_request(error);
    close();
}

/// The connection is lost; what becomes of the request depends on who has it.
void ServerConnection::detach_request(evhttp_request_error error) noexcept {
    if (request_ == nullptr) {
        return;
    }
    Request& request = *std::exchange(request_, nullptr);
    const bool with_program = state_ == State::handling && !request.answered;
    request.conn = nullptr;
    if (!with_program) {
        request.set_evcon(nullptr);
        if (request.error_cb != nullptr && !request.answered) {
            request.error_cb(error, request.cb_arg);
        }
        settle_request(request);
    } else if (request.at_home) {
        tell_gone(request, *shard_->handlers);
    } else {
        request.set_evcon(nullptr);
    }
}

/// On behalf of the program, which frees its request with the connection; or after lose().
void ServerConnection::close() noexcept {
    if (state_ == State::closed) {
        return;
    }
    const ConnectionHold hold(*this);
    state_ = State::closed;
    loop->cancel_chore(*this);
    close_transport();
    if (shard_->handlers != nullptr) {
        if (close_wanted.load(std::memory_order_relaxed)) {
            tell_closed_at_home(*this, *shard_->handlers);
        }
    } else {
        tell_closed(*this);
    }
    if (request_ != nullptr) {
        Request& request = *std::exchange(request_, nullptr);
        request.conn = nullptr;
        request.set_evcon(nullptr);
        settle_request(request);
    }
    shard_->connections.remove(*this);
    shard_->count.fetch_sub(1, std::memory_order_relaxed);
    shard_->http.connection_count.fetch_sub(1, std::memory_order_relaxed);
    drop_connection(*this);
}

/// A request that was on its way to its handler when the program gave the connection up, or with the handler, is not
/// given up with it: who has it finds its client gone, and answers.
void ServerConnection::close_as_of(std::uint32_t known) noexcept {
    if (requests_complete_ != known) {
        lose(EVREQ_HTTP_REQUEST_CANCEL);
    } else {
        close();
    }
}

void ServerConnection::give_up_bufferevent() noexcept {
    const ConnectionHold hold(*this);
    bufferevent_setcb(bev_, nullptr, nullptr, nullptr, nullptr);
    bev_ = nullptr;
    fd_ = -1;
    close_fn = nullptr;  // what it waits for has not happened
    close();
}

/// What the program does elsewhere with a request of its own is not touched.
void ServerConnection::hush() noexcept {
    close_wanted.store(false, std::memory_order_relaxed);
    written_ = {};
    end_held_ = false;  // in the child of a fork() the parent is still sending
    if (shard_->handlers == nullptr) {
        close_fn = nullptr;
    }
    if (request_ != nullptr && (state_ != State::handling || request_->answered)) {
        request_->error_cb = nullptr;
    }
}

void ServerConnection::forget(Request& request) noexcept {
    if (request_ != &request) {
        return;
    }
    request_ = nullptr;
    if (state_ != State::closed) {
        close();  // nobody will answer
    }
}

void ServerConnection::cancel(Request& request) noexcept {
    if (request_ == &request) {
        close();
    }
}

Shard::Shard(evhttp& server, HttpLoop& its_loop) noexcept : http(server), loop(its_loop) {
    loop.add_user(*this);
}

Shard::~Shard() {
    close_all();
    loop.remove_user(*this);
    close_all();  // connections that were on their way here
    loop.drop_reference();
}

void Shard::close_all() noexcept {
    while (ServerConnection* connection = connections.front()) {
        if (http.base_is_gone) {
            connection->hush();
        }
        connection->lose(EVREQ_HTTP_EOF);
    }
    while (evws_connection* session = sessions.front()) {
        if (http.base_is_gone) {
            session->on_close = nullptr;
        }
        session->end();
    }
}

/// Of the server's own base: what is left of the server is memory, for evhttp_free().
void Shard::base_freed() noexcept {
    leave_base(http);
    close_all();
}

}  // namespace corevent::compat
