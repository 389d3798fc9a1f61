// ClientConnection: the requests of a program to one host, one after the other on a connection that
// is made when needed and kept. The transport is a bufferevent, the program's or a plain one.
//
//   idle <-> connecting -> writing -> (waiting for 100 ->) reading head -> reading body -> idle
//    ^           |                                                             |
//    +-- retry --+                                        closed by either -> idle, unconnected
//
// All of it runs on the thread of the base. Requests in the queue belong to the connection; one
// leaves the queue before its callback is called.
#pragma once

#include "base/list.h"
#include "codec/h1_body.h"
#include "codec/h1_parser.h"
#include "compat/http_connection.h"

#include <string>

namespace corevent::compat {

class ClientConnection final : public evhttp_connection, private LoopUser {
public:
    /// Takes over `bev` (null: a plain one) unless it fails.
    static ClientConnection* make(event_base* base, evdns_base* dns, bufferevent* bev,
                                  const char* address, std::uint16_t port) noexcept;

    int submit(Request& request, evhttp_cmd_type type, const char* uri) noexcept;
    void free_on_completion() noexcept { free_when_done_ = true; }
    void set_base(event_base* base) noexcept;

    void close() noexcept override;
    void forget(Request& request) noexcept override;
    void cancel(Request& request) noexcept override;
    bufferevent* bufferevent_of() noexcept override { return bev_; }
    const sockaddr* peer_address() noexcept override;
    event_base* base() noexcept override { return base_; }
    void timeouts_changed() noexcept override;

    int family = AF_UNSPEC;
    std::string local_address;
    std::uint16_t local_port = 0;
    timeval first_retry{2, 0};
    int retries_max = 0;  ///< less than 0: without end

private:
    enum class State : std::uint8_t {
        disconnected,
        connecting,
        idle,
        writing,
        waiting,  ///< for 100 Continue
        head,
        body,
    };

    ClientConnection() noexcept = default;
    ~ClientConnection() override;
    bool attach_loop() noexcept;
    void base_freed() noexcept override {}  // its bufferevent is as lost as that of any program

    // http_client.cc: the queue and the connection.
    bool connected() const noexcept { return state_ > State::connecting; }
    bool connect() noexcept;
    bool bind_local() noexcept;
    void connect_failed() noexcept;
    void on_connected() noexcept;
    void disconnect() noexcept;
    void next_request() noexcept;
    void finish(Request& request, bool keep) noexcept;
    void fail(evhttp_request_error error) noexcept;
    void fail_all() noexcept;
    void set_timeouts(bool connecting) noexcept;
    static void on_retry(int fd, short what, void* arg) noexcept;
    static void on_read(bufferevent* bev, void* arg) noexcept;
    static void on_write(bufferevent* bev, void* arg) noexcept;
    static void on_event(bufferevent* bev, short what, void* arg) noexcept;

    // http_client_io.cc: requests out, answers in.
    void dispatch() noexcept;
    void written() noexcept;
    void start_reading() noexcept;
    void read() noexcept;
    bool read_head() noexcept;
    bool begin_answer(const h1::ResponseHead& head) noexcept;
    bool read_body() noexcept;
    bool take_piece(Request& request, std::string_view piece) noexcept;
    void answer_complete() noexcept;
    void peer_finished() noexcept;
    Request* current() const noexcept { return queue_.front(); }

    event_base* base_ = nullptr;
    evdns_base* dns_ = nullptr;
    bufferevent* bev_ = nullptr;
    State state_ = State::disconnected;
    bool free_when_done_ = false;
    bool closed_ = false;      ///< freed by the program
    bool keep_alive_ = false;  ///< the answer being read allows another request
    bool too_long_ = false;
    bool read_anyway_ = false;  ///< writing failed; the answer may be there all the same
    int tries_ = 0;
    timeval next_retry_{};
    event* retry_ = nullptr;
    TailQueue<Request, &Request::queue_hook> queue_;
    h1::HeadParser parser_;
    h1::ResponseHead head_;
    Bytes head_bytes_;
    h1::BodyDecoder decoder_;
    sockaddr_storage peer_{};
};

}  // namespace corevent::compat
