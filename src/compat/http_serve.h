// ServerConnection: one accepted connection. Reads requests one after the other, hands each to its
// handler, sends the answers, in the order of the requests.
//
//   head -> body -> handling -> draining -+-> head           (keep-alive)
//     |      |                            +-> lingering -> closed
//     +------+---- refused ---------------^
//
// Its transport is the socket itself, registered once for edges in both directions: bytes are
// received into the loop's buffer and parsed there, answers to all requests of one reading leave in
// one send. A connection owns memory beyond itself only for what is incomplete. When a program asks
// for the bufferevent, or gave one, everything goes through that instead (http_transport.cc).
//
// All of it runs on the loop of its shard. Requests that are in a program's hands know their
// connection no more once it has gone.
#pragma once

#include "base/list.h"
#include "codec/h1_body.h"
#include "codec/h1_parser.h"
#include "compat/http_connection.h"
#include "compat/http_server.h"
#include "compat/http_ws.h"

#include <event2/event_struct.h>

#include <netinet/in.h>

#include <memory>

namespace corevent::compat {

class ServerConnection;

/// A header of which a part has come.
struct PartialHead {
    h1::HeadParser parser;
    h1::RequestHead head;
    Bytes bytes;
};

class ServerConnection final : public evhttp_connection, private Chore {
public:
    /// Takes over `fd`, also on failure.
    static void start(Shard& shard, evutil_socket_t fd, const sockaddr* peer, int peer_length,
                      const Callback<BevFn>& bev_of) noexcept;

    void close() noexcept override;
    void close_as_of(std::uint32_t known) noexcept override;
    /// Runs the handler, on the thread of the handlers. Keeps the connection's memory meanwhile.
    void handle(Request& request) noexcept;
    void forget(Request& request) noexcept override;
    void cancel(Request& request) noexcept override;
    bufferevent* bufferevent_of() noexcept override;
    const sockaddr* peer_address() noexcept override;
    event_base* base() noexcept override;
    evhttp* server() noexcept override;
    void timeouts_changed() noexcept override;

    /// Its bufferevent is somebody else's now: ends without closing it, and frees the request.
    void give_up_bufferevent() noexcept;
    /// The program hears no more of it; of a request that it is to answer only that this has no effect.
    void hush() noexcept;

    /// Leaves its loop for that of `home`, on which the caller runs; for bufferevents in mode IO.
    void leave_loop() noexcept;
    void join_loop(Shard& home) noexcept;

    // Answering (http_reply.cc). `request` is the current one.

    /// Where the next octets of the answer go; close_output() follows.
    Bytes& open_output() noexcept;
    void close_output() noexcept;
    /// Takes everything out of `body` and appends it to the answer, between the two.
    void append_body(Bytes& output, evbuffer* body) noexcept;
    /// Calls the function once what was appended so far is with the kernel.
    void notify_when_written(void (*fn)(evhttp_connection*, void*), void* arg) noexcept;
    /// The answer is complete. With `close_after` the connection ends behind it.
    void end_answer(bool close_after) noexcept;
    /// A piece of the answer is complete; it leaves soon.
    void push_output() noexcept;

    /// Runs `answer`, which answers the current request, and goes on behind it; for letters.
    template <class Answer>
    void answer_with(Answer answer) noexcept {
        const ConnectionHold hold(*this);
        begin_answer();
        answer();
        end_handling();
        uncork();
    }

    Shard& shard() noexcept { return *shard_; }

    ListHook<ServerConnection> link;  ///< in its shard

private:
    enum class State : std::uint8_t { head, body, handling, draining, lingering, closed };

    ServerConnection(Shard& shard, evutil_socket_t fd) noexcept;
    ~ServerConnection() override;
    friend struct Shard;

    // http_serve.cc: requests.
    void process(const char* data, std::size_t size, bool in_bev) noexcept;
    void use_up(std::size_t size) noexcept;
    bool limits_apply() const noexcept;
    h1::HeadLimits head_limits() const noexcept;
    void take_head() noexcept;
    void take_partial_head() noexcept;
    void take_body() noexcept;
    bool new_request() noexcept;
    void begin_request(const h1::RequestHead& head) noexcept;
    bool fill_request(const h1::RequestHead& head) noexcept;
    void begin_body(const h1::RequestHead& head) noexcept;
    bool take_piece(std::string_view piece) noexcept;
    void refuse(int status) noexcept;
    void turn_away() noexcept;
    void dispatch() noexcept;
    void begin_answer() noexcept;
    void end_handling() noexcept;
    void finish_answer() noexcept;
    void complete_request() noexcept;
    void go_on() noexcept;
    void lose(evhttp_request_error error) noexcept;
    void detach_request(evhttp_request_error error) noexcept;
    void note_peer(const sockaddr* peer, int peer_length) noexcept;

    // http_transport.cc: octets.
    bool open_socket() noexcept;
    void unwatch() noexcept;
    bool open_bufferevent(bufferevent* bev) noexcept;
    static void on_io(int fd, short what, void* arg) noexcept;
    static void on_bev_read(bufferevent* bev, void* arg) noexcept;
    static void on_bev_write(bufferevent* bev, void* arg) noexcept;
    static void on_bev_event(bufferevent* bev, short what, void* arg) noexcept;
    void receive() noexcept;
    bool receive_once() noexcept;
    void uncork() noexcept;
    void read_bufferevent() noexcept;
    void keep(const char* data, std::size_t size) noexcept;
    bool wants_input() const noexcept;
    void peer_finished() noexcept;
    bool flush() noexcept;
    bool send_cork() noexcept;
    bool send_out() noexcept;
    void after_output() noexcept;
    bool output_pending() const noexcept;
    evbuffer* out_buffer() noexcept;
    void set_directions(short wanted) noexcept;
    void linger() noexcept;
    void close_transport() noexcept;
    void run_chore() noexcept override;

    // http_deadlines.cc: time.
    bool timed() const noexcept;
    void progress(bool reading) noexcept;
    void begin_phase() noexcept;
    std::int64_t due_ms() const noexcept;
    void watch_time() noexcept;
    void stop_timer() noexcept;
    void time_is_up() noexcept;
    static void on_timer(int fd, short what, void* arg) noexcept;
    bool too_slow() const noexcept;

    Shard* shard_;
    Request* request_ = nullptr;
    evutil_socket_t fd_;
    State state_ = State::head;
    bool readable_ = false;
    bool writable_ = true;
    bool watched_ = false;     ///< io_ is added
    bool peer_ended_ = false;  ///< no more octets will come
    bool peer_ends_ = false;   ///< the kernel said that an end follows the octets
    bool in_handler_ = false;
    bool close_after_ = false;
    bool end_held_ = false;      ///< the kernel keeps the last octets until the FIN
    bool linger_after_ = false;  ///< the peer may still be sending
    bool processing_ = false;    ///< process() is on the stack
    bool input_in_bev_ = false;
    bool more_behind_ = false;  ///< octets behind the header came with it
    bool too_long_ = false;     ///< the body is read to its end only to be refused
    event io_{};
    bufferevent* bev_ = nullptr;  ///< once there is one, it owns the socket
    evbuffer* out_ = nullptr;     ///< what the kernel did not take
    std::unique_ptr<PartialHead> partial_;
    std::string_view input_;  ///< while processing_: what is still to be looked at
    Bytes held_;              ///< octets behind the current request
    h1::BodyDecoder decoder_;
    Callback<void (*)(evhttp_connection*, void*)> written_;
    std::size_t lingered_ = 0;
    std::uint32_t requests_complete_ = 0;  ///< those for which there is or will be a handler
    event* timer_ = nullptr;               ///< once there are timeouts
    std::int64_t timer_due_ms_ = 0;
    std::int64_t phase_began_ms_ = 0;
    std::int64_t read_progress_ms_ = 0;
    std::int64_t write_progress_ms_ = 0;
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } peer_{};
};

/// The connections of one server on one loop.
struct Shard final : LoopUser {
    Shard(evhttp& server, HttpLoop& its_loop) noexcept;  ///< takes over a reference to the loop
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    /// On the loop.
    void close_all() noexcept;
    void base_freed() noexcept override;

    evhttp& http;
    HttpLoop& loop;
    HttpLoop* handlers = nullptr;  ///< where handlers run; null: on `loop`
    TailQueue<ServerConnection, &ServerConnection::link> connections;
    TailQueue<evws_connection, &evws_connection::hook> sessions;
    std::atomic<int> count{0};
};

/// Bodies up to this size are copied behind their header, so that one write takes both.
inline constexpr std::size_t copied_body_max = 16 * 1024;
/// Takes everything out of `body`.
void append_copied(Bytes& output, evbuffer* body) noexcept;

/// Writes the answer to the connection of `request`, on its loop. `body` may be null and is emptied.
void write_reply(Request& request, int code, const char* reason, evbuffer* body) noexcept;
void write_error(Request& request, int code, const char* reason) noexcept;

}  // namespace corevent::compat
