// H1Connection: one HTTP/1 connection, between a stream and the exchanges that follow each other on
// it. It lends the stream's span to the parser, keeps what must wait, decides where each body ends,
// and sees that every phase ends in time. One loop; made by ServerLoop when a stream is accepted,
// buried when the stream has closed.
//
// One exchange at a time. Requests that the peer has sent ahead wait as bytes, so answers leave in
// order.
//
//   phase    waits for                       input is                      deadline             next
//   -------  ------------------------------  ----------------------------  -------------------  --------------------
//   fresh    the first byte of all           parsed                        head_deadline: gone  head, work, linger
//   idle     the first byte of a request     parsed                        keep_alive_idle      head, work, linger
//   head     the rest of a head              held, parsed                  head_deadline: 408   work, collect, linger
//   collect  the body of a plain handler     decoded, kept                 body_*: 408          work, linger
//   work     the handler                     decoded up to the window,     handler_time: 503,   idle, discard,
//                                            then held (pipeline_bytes)    body_*: 408          linger, closing
//   discard  the rest of an unread body      decoded, dropped              body_idle: closing   idle, linger
//   linger   the peer's end, our answer and  dropped, bounded              linger_ms: gone      closing
//            FIN being out
//   closing  the queue to drain              none                          -                    gone
//
// A plain handler whose body is there passes from idle to idle within one call. In every phase with
// output that the peer does not take, write_stall runs beside the phase's own deadline. An exchange
// ends in one of two ways: its body is consumed (idle, or discard first), or the connection ends
// (linger, closing); finish_exchange() is where that is decided.
#pragma once

#include "base/deadlines.h"
#include "base/list.h"
#include "codec/h1_body.h"
#include "codec/h1_parser.h"
#include "http/exchange.h"
#include "loop/loop_core.h"

#include <corevent/limits.h>
#include <corevent/stream.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace corevent::http {

class ServerLoop;

/// What a connection has only while input must wait: bytes, a half-read head, a body being decoded.
struct H1Intake {
    Bytes bytes;            ///< held input; a head in progress begins at `begin`
    std::size_t begin = 0;  ///< what lies before it is used up
    h1::HeadParser parser;
    h1::RequestHead head;
    h1::BodyDecoder decoder;
    std::uint64_t awaited_ms = 0;     ///< time that somebody waited for the body so far (body_rate)
    std::uint64_t await_started = 0;  ///< when the present wait began; 0: nobody waits

    std::string_view held() const noexcept { return bytes.view().substr(begin); }
};

class H1Connection final : public StreamClient,
                           private Deadline,
                           private Buried,
                           private ExchangePort {
public:
    H1Connection(ServerLoop& loop, Stream& stream) noexcept;

    void start();          ///< once; registers with the stream
    void begin_drain();    ///< an idle connection goes after a short grace, others with their next
                           ///< answer
    void kill() noexcept;  ///< now; what is queued is dropped
    bool busy() const noexcept;  ///< a request is under way: its head has begun, or its answer is
                                 ///< not out
    /// "GET /big from 127.0.0.1:5512", for the list of what a drain has cut; empty when nothing is
    /// going on.
    std::string describe() const;

private:
    friend class ServerLoop;
    static constexpr std::uint8_t no_limit = 0xFF;
    enum class Phase : std::uint8_t {
        fresh,
        idle,
        head,
        collect,
        work,
        discard,
        linger,
        closing,
        gone
    };
    /// What becomes of the connection after an answer.
    enum class After : std::uint8_t { reuse, discard, linger, close };

    // StreamClient
    void on_bytes(std::span<char> bytes) override;
    void on_end() override;
    void on_drained() override;
    void on_progress(std::size_t queued_bytes) override;
    void on_closed(std::error_code why) override;

    void on_deadline() override;
    void destroy_now() noexcept override;

    // ExchangePort
    void on_exchange_done() noexcept override;
    void on_exchange_turn() override;
    Address peer() const noexcept override;
    void on_body_wanted() override;
    void on_body_taken() override;
    void inform(int status, std::string_view fields) override;
    void send_head(const StreamHead& answer) override;
    std::size_t room() noexcept override;
    void send_body(std::string_view piece) override;
    void end_body(std::string_view trailer_fields) override;
    void flush_output() override;
    void cut(std::string_view why) override;

    // input (h1_connection.cc)
    std::size_t consume(std::string_view input);
    std::size_t take_head(std::string_view input);
    std::size_t take_request(const h1::RequestHead& head, std::string_view input);
    std::size_t take_routed(const h1::RequestHead& head, std::string_view input);
    std::size_t take_body(std::string_view input);
    bool take_piece(std::string_view piece);
    void body_complete();
    void begin_pooled(Phase phase);
    void begin_decoding(const h1::RequestHead& head);
    bool end_of_input();
    void hold(std::string_view input);
    bool consume_held();
    H1Intake& intake();
    void release_intake() noexcept;
    bool takes_input() const noexcept;
    void note() noexcept;

    // answers (h1_answer.cc)
    After plan(const h1::RequestHead& head, bool body_consumed);
    void proceed(After after);
    void end() noexcept;
    void finish_exchange();
    void answer(const Exchange& exchange, Response& response, After after);
    void append_head(Bytes& out, const h1::RequestHead& head, Response& response, After after);
    void append_connection(Bytes& out, const h1::RequestHead& head, After after) const;
    void write_chain(Response& response);
    void remember_unsent(const h1::RequestHead& head);
    std::size_t answer_unrouted(const h1::RequestHead& head, std::string_view input,
                                Exchange::Opened opened);
    void refuse(const Exchange* exchange, int status, std::string_view detail,
                std::error_code why = std::make_error_code(std::errc::operation_canceled));
    void refuse_head(const h1::ParseResult& result);
    void refuse_body(h1::Refusal refusal);
    void refuse_body_size(const Exchange& exchange, std::uint64_t octets);
    Bytes& output() noexcept;
    void write_now(std::string_view extra = {}, std::string_view tail = {});
    void written(bool all) noexcept;
    void fired(Limit limit, int status, std::string_view what);
    void account(const Exchange* exchange, int status, std::uint64_t octets);
    void log_access(const Exchange* exchange, int status, std::uint64_t octets);

    // time and flow (h1_flow.cc)
    struct BodyDue {
        std::uint64_t at_ms;
        Limit limit;
    };
    void begin_dispatch() noexcept;
    void settle();
    void enter(Phase phase) noexcept;
    void update_reading() noexcept;
    void update_deadline() noexcept;
    bool body_awaited() const noexcept;
    void start_awaiting_body() noexcept;
    void stop_awaiting_body() noexcept;
    BodyDue body_due() const noexcept;
    std::uint64_t handler_due() const noexcept;
    bool stalled() noexcept;
    void expire_phase();
    void expire_request();
    void drop_exchange(std::error_code why) noexcept;
    void queued(std::uint64_t octets) noexcept;

    Stream* stream_;  ///< null once closed
    ServerLoop& loop_;
    ListHook<H1Connection> hook_;
    Exchange* exchange_ = nullptr;  ///< pooled, from collect to the end of work
    H1Intake* intake_ = nullptr;    ///< null while there is nothing to keep
    std::uint64_t opened_ms_;
    std::uint64_t phase_due_ms_ = 0;   ///< DeadlineQueue::never: the phase has no limit of its own
    std::uint64_t stall_due_ms_ = 0;   ///< meaningful while queued_ != 0
    std::uint64_t queued_ = 0;         ///< octets that the stream has not got rid of
    std::uint64_t stream_octets_ = 0;  ///< body octets of the streamed answer; while lingering:
                                       ///< octets dropped
    std::uint32_t requests_ = 0;
    std::uint32_t stall_unacknowledged_ =
        0;                     ///< when half of the write_stall time had passed; 0: not yet
    std::uint32_t burst_ = 0;  ///< octets of a streamed answer since the last dispatch began
    Phase phase_ = Phase::fresh;
    After streamed_after_ = After::reuse;  ///< what the head of the streamed answer has promised
    std::uint8_t fired_limit_ = no_limit;  ///< for the access log: the limit that ended the request
    bool peer_ended_ : 1 = false;
    bool reading_ : 1 = true;
    bool more_input_ : 1 = false;        ///< input follows the request being answered
    bool continue_pending_ : 1 = false;  ///< the client waits for 100 (Continue)
    bool fin_due_ : 1 = false;           ///< shutdown_write() or close() once the output is written
    bool chunked_ : 1 = false;           ///< framing of the streamed answer
    bool queued_file_ : 1 = false;       ///< the queue holds a file, which takes no memory
    bool unsent_named_ : 1 = false;      ///< ServerLoop::unsent knows the request of what is queued
    bool aborted_ : 1 = false;           ///< nothing more is written
    bool cut_ : 1 = false;               ///< for the access log: the answer did not leave whole

public:
    using List = TailQueue<H1Connection, &H1Connection::hook_>;
};

}  // namespace corevent::http
