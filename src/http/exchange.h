// Exchange: one request and its answer, between a connection (of whatever HTTP version) and a
// handler. It holds the request head and what the handler sees of it, the part of the body that has
// arrived and not been read, the answer while it is made, and the scope that asks the handler to
// end. One loop; only a Responder's ticket is touched from outside (responder_ticket.h).
//
// Two kinds, one class. Each loop has one *plain* exchange for handlers that finish before they
// return: it looks at the head in the connection's input and owns nothing. All others come from the
// loop's pool and own a copy of the head, so that no view of a handler dangles when the input
// buffer is given back.
//
// Life of a pooled exchange: adopt() -> [body collected, for plain and deferred handlers] ->
// start() -> the handler runs at its own pace -> done() -> the connection sends the answer and
// gives the exchange back. If the client goes first, the connection detaches it: it is asked to end
// (cancel scope), its writes fail, its answer goes nowhere, and it gives itself back when the
// handler has ended. The port is called only while attached.
#pragma once

#include "buffer/bytes.h"
#include "codec/h1_head.h"
#include "codec/url.h"
#include "http/router.h"
#include "loop/loop_core.h"

#include <corevent/http/handler.h>
#include <corevent/task.h>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace corevent::http {

class ServerCore;
class ServerLoop;

/// Head of an answer that is sent in pieces.
struct StreamHead {
    int status = 200;
    bool has_length = false;
    std::uint64_t length = 0;
    std::string fields;  ///< valid "Name: value" CRLF lines
};

/// What an exchange asks of whatever carries it.
class ExchangePort {
public:
    /// The handler has ended (exchange.done()). May be called at any depth: the port only takes
    /// note.
    virtual void on_exchange_done() noexcept = 0;
    /// The exchange was scheduled: output is flushed, what has ended is concluded.
    virtual void on_exchange_turn() = 0;

    virtual Address peer() const noexcept = 0;

    virtual void on_body_wanted() = 0;  ///< the handler waits for more of the body
    virtual void on_body_taken() = 0;   ///< the buffered part was taken: there is room again

    // The streamed answer. Any of these may find that the connection has gone, and detach the
    // exchange.
    virtual void inform(int status, std::string_view fields) = 0;
    virtual void send_head(const StreamHead& head) = 0;
    virtual std::size_t room() noexcept = 0;  ///< octets that may be sent now; 0: wait for
                                              ///< wake_writer()
    virtual void send_body(std::string_view piece) = 0;
    virtual void end_body(std::string_view trailer_fields) = 0;
    virtual void flush_output() = 0;
    virtual void cut(std::string_view why) = 0;  ///< the answer cannot be completed: end so that
                                                 ///< the client notices

protected:
    ~ExchangePort() = default;
};

class Exchange final : public ReadyItem {
public:
    explicit Exchange(ServerLoop& loop) noexcept;
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // --- the plain exchange
    enum class Opened : std::uint8_t { routed, bad_path };
    /// Looks at `head` (borrowed), resolves path and route. With `routed`, match() says what to do.
    Opened open(const h1::RequestHead& head, ExchangePort& port);
    /// What to answer when no handler was found: 404, 405, OPTIONS. With an otherwise() handler:
    /// sets match().route instead.
    Response unrouted();
    url::PathError path_error() const noexcept { return path_error_; }
    Response call_plain(std::string_view body);  ///< runs match().route's plain handler; exceptions
                                                 ///< become 500
    void close_plain() noexcept;  ///< after the answer: what handlers asked for is dropped

    // --- a pooled exchange
    /// Takes over what `plain` has found out and copies the head.
    void adopt(Exchange& plain, ExchangePort& port, std::shared_ptr<ServerCore> keep);
    void start();  ///< runs the handler; may be done() on return
    bool done() const noexcept { return done_; }
    bool streamed() const noexcept { return head_sent_; }
    int stream_status() const noexcept { return stream_.status; }
    bool stream_has_length() const noexcept { return stream_.has_length; }
    Response& response() noexcept { return response_; }
    Bytes& output() noexcept { return output_; }
    void schedule() noexcept;  ///< on_exchange_turn() in the next ready step
    /// The client is gone or does not wait any longer: the port is not called again, the handler is
    /// asked to end and the exchange gives itself back once it has. `why` is what the handler
    /// reads.
    void detach(std::error_code why) noexcept;
    void cancel() noexcept;   ///< asks the handler to end; the answer is still sent
    void recycle() noexcept;  ///< done and answered: back to the pool

    // --- the body, filled by the port
    void body_expected() noexcept { body_ended_ = false; }
    void append_body(std::string_view piece) {
        arrived_.append(piece);
        body_octets_ += piece.size();
    }
    void end_body() noexcept { body_ended_ = true; }
    void fail_body(std::error_code why) noexcept { body_error_ = why; }
    bool body_ended() const noexcept { return body_ended_; }
    bool body_failed() const noexcept { return static_cast<bool>(body_error_); }
    std::uint64_t body_octets() const noexcept { return body_octets_; }
    std::size_t body_buffered() const noexcept { return arrived_.size(); }
    void add_trailer(std::string_view name, std::string_view value) {
        trailers_.emplace_back(name, value);
    }
    void body_collected() noexcept { body_ = arrived_.view(); }  ///< all of it, for Request::body()
    bool reader_waits() const noexcept { return reader_ != nullptr; }
    bool writer_waits() const noexcept { return writer_waiter_ != nullptr; }
    void wake_reader();  ///< after any of the above
    void wake_writer();  ///< room() again

    // --- what handlers and connections see
    const h1::RequestHead& head() const noexcept { return *head_; }
    RouteMatch& match() noexcept { return match_; }
    const RouteMatch& match() const noexcept { return match_; }
    std::string_view path() const noexcept { return path_; }
    std::string_view query() const noexcept { return query_; }
    std::string_view body() const noexcept { return body_; }
    std::uint64_t id() const noexcept { return id_; }
    Address peer() const noexcept { return pooled() ? own_peer_ : port_->peer(); }
    std::uint64_t started_ms() const noexcept { return started_ms_; }
    std::chrono::nanoseconds age() const noexcept;  ///< since the head was complete; 0 without an
                                                    ///< access log
    ServerLoop& loop() const noexcept { return loop_; }
    Request& request() noexcept { return request_; }
    CancelScope& scope();
    bool cancelled() const noexcept { return detached_ || (scope_ && scope_->cancelled()); }
    bool draining() const noexcept;
    const std::vector<std::pair<std::string, std::string>>& trailers() const noexcept {
        return trailers_;
    }

    enum class Shape : std::uint8_t { plain, async, streaming, deferred };
    static Shape shape_of(const Route& route) noexcept;

    // --- for Request, ResponseWriter and the ticket
    class Suspended;
    class ReadAwaiter;
    class RoomAwaiter;
    Task<Result<std::string_view>> read();
    Task<Result<std::string>> read_all(std::size_t bytes_max);
    Task<Result<void>> write(std::string_view bytes);
    Result<void> flush();
    Result<void> inform(int status, std::string_view name, std::string_view value);
    bool set_status(int status) noexcept;
    bool add_field(std::string_view name, std::string_view value);
    void set_length(std::uint64_t octets) noexcept;
    bool add_trailer_field(std::string_view name, std::string_view value);
    bool head_sent() const noexcept { return head_sent_; }
    void answer_deferred(Response response);  ///< the ticket has come home

    void log_exception(const char* what) noexcept;

private:
    void on_turn() override;
    Opened resolve_path(std::string_view raw);
    template <class T>
    void launch(Task<T> task);
    template <class T>
    static void on_task_done(void* self, std::coroutine_handle<> coroutine);
    void finish_stream();
    void finish() noexcept;
    void fail(const char* what) noexcept;
    bool send_stream_head();
    bool pooled() const noexcept { return head_ == &own_head_; }
    void reset() noexcept;

    ServerLoop& loop_;
    ExchangePort* port_ = nullptr;
    const h1::RequestHead* head_ = nullptr;
    std::string_view path_;
    std::string_view query_;
    std::string_view body_;
    std::uint64_t id_ = 0;
    std::uint64_t opened_ns_ = 0;  ///< for the access log
    url::PathError path_error_{};
    RouteMatch match_;
    Bytes path_bytes_;  ///< the decoded path, when it differs from the one received
    Request request_;
    std::optional<CancelScope> scope_;

    // pooled exchanges only
    bool done_ = false;
    bool handler_called_ = false;  ///< before that nobody but the connection can end it
    bool starting_ = false;
    bool detached_ = false;
    bool head_sent_ = false;
    bool stream_failed_ = false;
    bool body_ended_ = true;
    h1::RequestHead own_head_;
    Bytes head_bytes_;
    Address own_peer_;
    std::uint64_t started_ms_ = 0;
    std::uint64_t body_octets_ = 0;
    std::shared_ptr<ServerCore> keep_;  ///< handlers and limits outlive the handler that runs
    Bytes output_;                      ///< what waits for the ready step
    Bytes arrived_;                     ///< body that nobody has read yet
    Bytes lent_;                        ///< body that the last read() has shown
    std::error_code body_error_;
    std::vector<std::pair<std::string, std::string>> trailers_;
    std::shared_ptr<Responder::Ticket> ticket_;
    Suspended* reader_ = nullptr;
    Suspended* writer_waiter_ = nullptr;
    Response response_;
    ResponseWriter writer_;
    StreamHead stream_;
    std::uint64_t stream_sent_ = 0;
    std::string trailer_fields_;
};

}  // namespace corevent::http
