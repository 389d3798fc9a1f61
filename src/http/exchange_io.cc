// The two directions of a handler's own pace: reading the request body and writing the answer in
// pieces. Both suspend on the same kind of awaiter; what wakes it is the port (more body, more
// room), the cancel scope or detach().
#include "codec/h1_writer.h"
#include "codec/status.h"
#include "http/exchange.h"
#include "http/field_rules.h"
#include "http/response_access.h"
#include "http/server_loop.h"

#include <algorithm>

namespace corevent::http {

/// A handler that waits inside read() or write(). Trivial but for its hook; lives in the
/// coroutine's frame.
class Exchange::Suspended : public CancelHook {
public:
    Suspended(Exchange& exchange, Suspended*& slot) noexcept : exchange_(exchange), slot_(slot) {}

    /// Unlinks and resumes. The last thing that touches this object.
    void wake() {
        CancelScope::unlink(*this);
        leave();
    }
    bool cancelled() const noexcept { return cancelled_; }

protected:
    ~Suspended() = default;

    /// False if the coroutine must go on at once, since it is cancelled already.
    template <class P>
    bool suspend(std::coroutine_handle<P> coroutine) {
        CE_ASSERT(slot_ == nullptr);  // one reader and one writer at a time
        CancelScope* scope = coroutine.promise().scope;
        if (scope == nullptr) {
            scope = &exchange_.scope();
        }
        if (scope->cancelled()) {
            cancelled_ = true;
            return false;
        }
        coroutine_ = coroutine;
        slot_ = this;
        scope->link(*this);
        return true;
    }

    Exchange& exchange_;

private:
    void on_cancel() noexcept override {
        cancelled_ = true;
        leave();
    }
    void leave() {
        ServerLoop& loop = exchange_.loop();
        slot_ = nullptr;
        loop.loop.set_activity(exchange_.match().route->activity.c_str());
        coroutine_.resume();  // this object and the exchange may be gone now
        loop.loop.check_stall();
    }

    Suspended*& slot_;
    std::coroutine_handle<> coroutine_;
    bool cancelled_ = false;
};

class Exchange::ReadAwaiter final : public Suspended {
public:
    explicit ReadAwaiter(Exchange& exchange) noexcept : Suspended(exchange, exchange.reader_) {}
    bool await_ready() const noexcept {
        const Exchange& x = exchange_;
        return !x.arrived_.empty() || x.body_ended_ || x.body_error_ || x.detached_;
    }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> coroutine) {
        if (!suspend(coroutine)) {
            return false;
        }
        exchange_.port_->on_body_wanted();
        return true;
    }
    void await_resume() const noexcept {}
};

class Exchange::RoomAwaiter final : public Suspended {
public:
    explicit RoomAwaiter(Exchange& exchange) noexcept
        : Suspended(exchange, exchange.writer_waiter_) {}
    bool await_ready() const noexcept { return exchange_.stream_failed_ || exchange_.detached_; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> coroutine) {
        return suspend(coroutine);
    }
    void await_resume() const noexcept {}
};

void Exchange::wake_reader() {
    if (Suspended* reader = reader_) {
        reader->wake();
    }
}

void Exchange::wake_writer() {
    if (Suspended* writer = writer_waiter_) {
        writer->wake();
    }
}

// --- the request body

Task<Result<std::string_view>> Exchange::read() {
    const auto cancelled_error = [] { return std::make_error_code(std::errc::operation_canceled); };
    lent_.clear();
    bool was_cancelled = false;
    {
        ReadAwaiter more(*this);
        co_await more;
        was_cancelled = more.cancelled();
    }
    if (was_cancelled) {
        co_return std::unexpected(cancelled_error());
    }
    if (!arrived_.empty()) {
        lent_.swap(arrived_);
        if (!detached_) {
            port_->on_body_taken();
        }
        co_return lent_.view();
    }
    if (body_ended_) {
        co_return std::string_view();
    }
    co_return std::unexpected(body_error_ ? body_error_ : cancelled_error());
}

Task<Result<std::string>> Exchange::read_all(std::size_t bytes_max) {
    if (bytes_max == 0) {
        bytes_max = loop_.config.limits[Limit::body_bytes];
    }
    if (!head_->chunked && head_->content_length > bytes_max) {
        co_return std::unexpected(make_error_code(Errc::limit_exceeded));
    }
    std::string all;
    for (;;) {
        const Result<std::string_view> piece = co_await read();
        if (!piece) {
            co_return std::unexpected(piece.error());
        }
        if (piece->empty()) {
            co_return all;
        }
        if (piece->size() > bytes_max - all.size()) {
            co_return std::unexpected(make_error_code(Errc::limit_exceeded));
        }
        all.append(*piece);
    }
}

// --- the answer in pieces

bool Exchange::set_status(int status) noexcept {
    if (head_sent_) {
        return false;
    }
    if (status < 200 || status > 999) {
        refused_status(status);
        status = 500;
    }
    stream_.status = status;
    return true;
}

bool Exchange::add_field(std::string_view name, std::string_view value) {
    if (head_sent_ || check_response_field(name, value) != FieldVerdict::good) {
        return false;
    }
    stream_.fields.append(name).append(": ").append(value).append("\r\n");
    return true;
}

void Exchange::set_length(std::uint64_t octets) noexcept {
    if (!head_sent_) {
        stream_.has_length = true;
        stream_.length = octets;
    }
}

bool Exchange::add_trailer_field(std::string_view name, std::string_view value) {
    if (check_response_field(name, value) != FieldVerdict::good || !h1::allowed_in_trailers(name)) {
        return false;
    }
    trailer_fields_.append(name).append(": ").append(value).append("\r\n");
    return true;
}

bool Exchange::send_stream_head() {
    if (detached_) {
        return false;
    }
    if (!head_sent_) {
        head_sent_ = true;
        port_->send_head(stream_);
    }
    return !stream_failed_ && !detached_;
}

Task<Result<void>> Exchange::write(std::string_view bytes) {
    const auto stopped = [] {
        return std::unexpected(std::make_error_code(std::errc::operation_canceled));
    };
    if (!send_stream_head()) {
        co_return stopped();
    }
    if (stream_.has_length && bytes.size() > stream_.length - stream_sent_) {
        stream_failed_ = true;
        port_->cut("the body is longer than the announced Content-Length");
        co_return std::unexpected(make_error_code(Errc::limit_exceeded));
    }
    stream_sent_ += bytes.size();
    if (head_->method_id == h1::Method::head || status_forbids_body(stream_.status)) {
        co_return Result<void>();
    }
    while (!bytes.empty()) {
        const std::size_t room = port_->room();
        if (room == 0) {
            bool was_cancelled = false;
            {
                RoomAwaiter more(*this);
                co_await more;
                was_cancelled = more.cancelled();
            }
            if (was_cancelled || stream_failed_ || detached_) {
                co_return stopped();
            }
            continue;
        }
        const std::string_view piece = bytes.substr(0, room);
        port_->send_body(piece);
        if (detached_ || stream_failed_) {
            co_return stopped();
        }
        bytes.remove_prefix(piece.size());
    }
    co_return Result<void>();
}

Result<void> Exchange::flush() {
    if (!send_stream_head()) {
        return std::unexpected(std::make_error_code(std::errc::operation_canceled));
    }
    port_->flush_output();
    if (detached_) {
        return std::unexpected(std::make_error_code(std::errc::operation_canceled));
    }
    return {};
}

Result<void> Exchange::inform(int status, std::string_view name, std::string_view value) {
    if (status < 102 || status > 199 || head_sent_) {
        return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    }
    if (check_response_field(name, value) != FieldVerdict::good) {
        return std::unexpected(make_error_code(Errc::malformed));
    }
    if (detached_) {
        return std::unexpected(std::make_error_code(std::errc::operation_canceled));
    }
    if (head_->version_minor >= 1) {
        std::string line(name);
        line.append(": ").append(value).append("\r\n");
        port_->inform(status, line);
    }
    return {};
}

}  // namespace corevent::http
