#include "http/exchange.h"

#include "codec/status.h"
#include "codec/url.h"
#include "http/field_rules.h"
#include "http/log_limit.h"
#include "http/responder_ticket.h"
#include "http/response_access.h"
#include "http/server_loop.h"

#include <corevent/log.h>

#include <exception>

namespace corevent::http {
namespace {

Method method_of(h1::Method id) noexcept {
    static_assert(static_cast<int>(h1::Method::get) == static_cast<int>(Method::get) + 1 &&
                  static_cast<int>(h1::Method::patch) == static_cast<int>(Method::patch) + 1);
    return id == h1::Method::other ? Method::other : static_cast<Method>(static_cast<int>(id) - 1);
}

/// True if the path is what it decodes to: no escape, no segment that begins with a dot. Such
/// segments may be harmless
/// (".well-known"); they take the long way as well.
bool is_plain_path(std::string_view path) noexcept {
    char before = 0;
    for (const char c : path) {
        if (c == '%' || (c == '.' && before == '/')) {
            return false;
        }
        before = c;
    }
    return true;
}

std::string_view moved(std::string_view view, const char* from, const char* to) noexcept {
    return {to + (view.data() - from), view.size()};
}

}  // namespace

Exchange::Exchange(ServerLoop& loop) noexcept : loop_(loop), request_(*this), writer_(*this) {}
Exchange::~Exchange() = default;

// --- opening

Exchange::Opened Exchange::open(const h1::RequestHead& head, ExchangePort& port) {
    head_ = &head;
    port_ = &port;
    id_ = loop_.next_id();
    if (loop_.config.access_log != nullptr) [[unlikely]] {
        opened_ns_ = monotonic_ns();
    }
    body_ = {};
    match_.kind = RouteMatch::Kind::no_path;
    match_.route = nullptr;
    match_.values_count = 0;
    const std::string_view target = head.view(head.path);
    if (head.target_form == h1::TargetForm::asterisk ||
        head.target_form == h1::TargetForm::authority) {
        path_ = head.view(head.target);
        query_ = {};
        return Opened::routed;
    }
    const std::size_t mark = target.find('?');
    std::string_view raw = target.substr(0, mark);
    query_ = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    if (raw.empty()) {
        raw = "/";  // an absolute target without a path (RFC 9112 3.2.1)
    }
    if (is_plain_path(raw)) [[likely]] {
        path_ = raw;
    } else if (resolve_path(raw) == Opened::bad_path) {
        return Opened::bad_path;
    }
    loop_.config.router.find(method_of(head.method_id), head.view(head.method), path_, match_);
    return Opened::routed;
}

Exchange::Opened Exchange::resolve_path(std::string_view raw) {
    const auto resolved = url::resolve_path(raw, path_bytes_);
    if (!resolved) {
        path_ = raw;
        path_error_ = resolved.error();
        return Opened::bad_path;
    }
    path_ = *resolved;
    return Opened::routed;
}

Response Exchange::unrouted() {
    const Router& router = loop_.config.router;
    const bool whole_server = head_->target_form == h1::TargetForm::asterisk;
    if (!whole_server && match_.kind == RouteMatch::Kind::no_path) {
        match_.route = router.otherwise();
        return Response::error(404);
    }
    const bool options = whole_server || match_.kind == RouteMatch::Kind::options;
    Response response = options ? Response(204) : Response::error(405);
    ResponseAccess::add_valid_field(response, "Allow",
                                    whole_server ? router.allow_anywhere() : router.allow(path_));
    return response;
}

std::chrono::nanoseconds Exchange::age() const noexcept {
    return std::chrono::nanoseconds(opened_ns_ == 0 ? 0 : monotonic_ns() - opened_ns_);
}

Exchange::Shape Exchange::shape_of(const Route& route) noexcept {
    return static_cast<Shape>(route.handler.shape_.index());
}

Response Exchange::call_plain(std::string_view body) {
    body_ = body;
    loop_.loop.set_activity(match_.route->activity.c_str());
    try {
        Response response = std::get<Handler::Plain>(match_.route->handler.shape_)(request_);
        loop_.loop.check_stall();
        return response;
    } catch (const std::exception& e) {
        log_exception(e.what());
    } catch (...) {
        log_exception("an exception that is no std::exception");
    }
    loop_.loop.check_stall();
    return Response::error(500);
}

void Exchange::close_plain() noexcept {
    if (scope_) [[unlikely]] {
        scope_->cancel();
        scope_.reset();
    }
}

void Exchange::log_exception(const char* what) noexcept {
    loop_.counters.exceptions.add();
    static LogLimit limit;
    std::uint64_t suppressed = 0;
    if (!limit.allow(suppressed)) {
        return;
    }
    std::string line = head_sent_ ? "cut " : "500 ";
    line.append(match_.route != nullptr ? match_.route->activity : "")
        .append(": request ")
        .append(std::to_string(id_));
    line.append(": the handler threw: ").append(Printable(what).view());
    if (suppressed != 0) {
        line.append(" (and ").append(std::to_string(suppressed)).append(" more)");
    }
    log_line(LogLevel::error, line);
}

CancelScope& Exchange::scope() {
    if (!scope_) {
        scope_.emplace();
    }
    return *scope_;
}

bool Exchange::draining() const noexcept {
    return loop_.draining;
}

// --- pooled exchanges

void Exchange::adopt(Exchange& plain, ExchangePort& port, std::shared_ptr<ServerCore> keep) {
    port_ = &port;
    keep_ = std::move(keep);
    const h1::RequestHead& head = *plain.head_;
    head_bytes_.append({head.base, head.size});
    own_head_.copy(head, head_bytes_.data());
    head_ = &own_head_;
    own_peer_ = port.peer();
    id_ = plain.id_;
    opened_ns_ = plain.opened_ns_;
    started_ms_ = loop_.loop.now_ms();
    match_ = plain.match_;
    const char* path_from = head.base;
    const char* path_to = head_bytes_.data();
    if (plain.path_.data() == plain.path_bytes_.data()) {
        path_from = plain.path_bytes_.data();
        path_bytes_.append(plain.path_);
        path_to = path_bytes_.data();
    } else if (plain.path_.data() < head.base || plain.path_.data() >= head.base + head.size) {
        path_to = path_from;  // the constant "/"
    }
    path_ = moved(plain.path_, path_from, path_to);
    for (std::uint32_t i = 0; i < match_.values_count; ++i) {
        match_.values[i] = moved(match_.values[i], path_from, path_to);
    }
    query_ = plain.query_.empty() ? std::string_view()
                                  : moved(plain.query_, head.base, head_bytes_.data());
    scope_.emplace();
}

void Exchange::start() {
    handler_called_ = true;
    starting_ = true;
    const Handler& handler = match_.route->handler;
    loop_.loop.set_activity(match_.route->activity.c_str());
    try {
        switch (shape_of(*match_.route)) {
            case Shape::plain:
                response_ = std::get<Handler::Plain>(handler.shape_)(request_);
                done_ = true;
                break;
            case Shape::async: launch(std::get<Handler::Async>(handler.shape_)(request_)); break;
            case Shape::streaming:
                launch(std::get<Handler::Streaming>(handler.shape_)(request_, writer_));
                break;
            case Shape::deferred:
                // Should the handler throw, its Responder has been destroyed or is in other hands:
                // it answers.
                ticket_ = std::make_shared<Responder::Ticket>(loop_.gate, *this);
                std::get<Handler::Deferred>(handler.shape_)(request_, Responder(ticket_));
                break;
        }
    } catch (const std::exception& e) {
        fail(e.what());
    } catch (...) {
        fail("an exception that is no std::exception");
    }
    loop_.loop.check_stall();
    starting_ = false;
    if (done_ && detached_) {
        recycle();
    }
}

void Exchange::fail(const char* what) noexcept {
    log_exception(what);
    if (ticket_ == nullptr) {
        response_ = Response::error(500);
        done_ = true;
    }
}

template <class T>
void Exchange::launch(Task<T> task) {
    auto coroutine = task.release();
    auto& promise = coroutine.promise();
    promise.scope = &*scope_;
    promise.owner = this;
    promise.on_done = &Exchange::on_task_done<T>;
    coroutine.resume();
}

template <class T>
void Exchange::on_task_done(void* self, std::coroutine_handle<> coroutine) {
    auto& exchange = *static_cast<Exchange*>(self);
    const auto typed = Task<T>::Handle::from_address(coroutine.address());
    const char* what = nullptr;
    std::string text;
    try {
        if constexpr (std::is_void_v<T>) {
            typed.promise().take();
        } else {
            exchange.response_ = typed.promise().take();
        }
    } catch (const std::exception& e) {
        text = e.what();
        what = text.c_str();
    } catch (...) {
        what = "an exception that is no std::exception";
    }
    typed.destroy();
    if (what != nullptr && !exchange.detached_) {
        exchange.log_exception(what);
        exchange.response_ = Response::error(500);
        if (exchange.head_sent_) {
            exchange.port_->cut("the handler threw");
        }
    } else if (std::is_void_v<T> && what == nullptr && !exchange.detached_) {
        exchange.finish_stream();
    }
    exchange.finish();
}

/// A streaming handler has returned.
void Exchange::finish_stream() {
    if (!head_sent_) {  // nothing was written: an answer without a body
        response_ = Response(stream_.status);
        if (!stream_.fields.empty()) {
            ResponseAccess::add_valid_lines(response_, stream_.fields);
        }
        return;
    }
    if (stream_failed_) {
        return;
    }
    const bool bodyless =
        head_->method_id == h1::Method::head || status_forbids_body(stream_.status);
    if (stream_.has_length && stream_sent_ != stream_.length && !bodyless) {
        port_->cut("the body is shorter than the announced Content-Length");
        return;
    }
    port_->end_body(trailer_fields_);
}

void Exchange::answer_deferred(Response response) {
    ticket_.reset();
    response_ = std::move(response);
    finish();
}

void Exchange::finish() noexcept {
    done_ = true;
    if (starting_) {
        return;
    }
    if (detached_) {
        recycle();
    } else {
        port_->on_exchange_done();
    }
}

void Exchange::schedule() noexcept {
    loop_.loop.make_ready(*this);
}

void Exchange::on_turn() {
    if (!detached_) {
        port_->on_exchange_turn();
    }
}

void Exchange::cancel() noexcept {
    if (scope_) {
        scope_->cancel();
    }
}

void Exchange::detach(std::error_code why) noexcept {
    CE_DCHECK(!detached_);
    if ((done_ || !handler_called_) && !starting_) {
        port_ = nullptr;
        detached_ = true;
        recycle();
        return;
    }
    // Whatever ends inside cancel() must not give this exchange back under our feet.
    const bool was_starting = std::exchange(starting_, true);
    detached_ = true;
    port_ = nullptr;
    stream_failed_ = true;
    if (!body_ended_) {
        body_error_ = why;
    }
    if (ticket_ != nullptr) {
        ticket_->abandoned.store(true, std::memory_order_release);
    }
    if (why != std::errc::operation_canceled) {
        wake_reader();
    }
    cancel();
    starting_ = was_starting;
    if (done_ && !starting_) {
        recycle();
    }
}

void Exchange::recycle() noexcept {
    loop_.loop.cancel_ready(*this);
    const std::shared_ptr<ServerCore> keep = std::move(keep_);  // the loop's part lives in the
                                                                // server
    reset();
    loop_.recycle_exchange(*this);
}

void Exchange::reset() noexcept {
    CE_DCHECK(reader_ == nullptr && writer_waiter_ == nullptr);
    port_ = nullptr;
    scope_.reset();
    done_ = handler_called_ = starting_ = detached_ = false;
    head_sent_ = stream_failed_ = false;
    body_ended_ = true;
    body_error_ = {};
    body_ = path_ = query_ = {};
    head_ = nullptr;
    own_head_.clear();
    for (Bytes* bytes : {&path_bytes_, &head_bytes_, &output_, &arrived_, &lent_}) {
        bytes->capacity() > 4096 ? bytes->release() : bytes->clear();
    }
    trailers_.clear();
    ticket_.reset();
    response_ = Response();
    stream_ = StreamHead();
    stream_sent_ = 0;
    body_octets_ = 0;
    trailer_fields_.clear();
}

}  // namespace corevent::http
