// Request: struct evhttp_request as programs see it, and behind it what the library needs. A request
// belongs to its connection; while a program is to answer it, its fields belong to the program's
// thread and the loop looks at nothing but `conn`. Its release is always the work of the loop that
// made it, unless that is gone.
#pragma once

#include "compat/http_headers.h"
#include "compat/http_loop.h"
#include "compat/http_uri.h"

#include <event2/buffer.h>
#include <event2/http_struct.h>

#include <cstdint>
#include <string_view>

struct evhttp_connection;

namespace corevent::compat {

/// What a request's own letter says.
enum class Errand : std::uint8_t {
    none,
    handle,    ///< to the thread of the handlers: the request is complete
    reply,     ///< to the loop: send response_code, response_code_line and output_buffer
    composed,  ///< to the loop: send `composed`, the whole answer
    error,     ///< to the loop: the same as an error page
    complete,  ///< to the thread of the handlers: the answer is written
};

struct Request final : evhttp_request {
    class OwnLetter final : public Letter {
    public:
        explicit OwnLetter(Request& request) noexcept : request_(request) {}
        void deliver(bool in_time) noexcept override;
        /// False if the letter is on its way: the program has answered already.
        bool take(Errand what) noexcept {
            Errand nothing = Errand::none;
            return errand_.compare_exchange_strong(nothing, what, std::memory_order_relaxed);
        }
        /// After take(), before it is posted.
        void say_instead(Errand what) noexcept { errand_.store(what, std::memory_order_relaxed); }

    private:
        std::atomic<Errand> errand_{Errand::none};
        Request& request_;
    };

    /// Takes over the buffers. Not for use if one is null.
    Request(evbuffer* input, evbuffer* output) noexcept;
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    bool owned() const noexcept { return (flags & EVHTTP_USER_OWNED) != 0; }
    void set_evcon(evhttp_connection* value) noexcept {
        __atomic_store_n(&evcon, value, __ATOMIC_RELAXED);
    }

    evkeyvalq input_list;
    evkeyvalq output_list;
    evhttp_uri target;  ///< taken apart when first asked for

    HttpLoop* loop = nullptr;             ///< counted; null for what was never made
    evhttp_connection* conn = nullptr;    ///< loop only: whose turn it is, null once that is lost
    evhttp_connection* keeper = nullptr;  ///< counted: keeps remote_host
    ListHook<Request> queue_hook;         ///< client: its place among what is to be sent
    Request* next_spare = nullptr;
    OwnLetter letter;
    bool started = false;   ///< the head of the answer is out
    bool answered = false;  ///< the end of the answer is out
    bool chunked_answer = false;
    bool bodiless_answer = false;
    bool closes_after = false;
    static constexpr std::size_t nowhere = SIZE_MAX;
    std::size_t type_at = nowhere;  ///< in `composed`: where the server's Content-Type belongs
    Bytes
        composed;  ///< an answer that another thread has put together; its memory is kept for the next
    bool given_up = false;   ///< client: the attempt to connect that it waited for has failed
    bool from_peer = false;  ///< received by a server
    bool at_home = false;    ///< was handed to a thread of handlers that is not the loop's
    /// That thread is being told that the connection is lost; to be released when it has heard.
    static constexpr std::uint8_t gone_travels = 1;
    static constexpr std::uint8_t release_due = 2;
    std::atomic<std::uint8_t> farewell{0};
    bool connection_close = false;       ///< the peer asked for it
    bool connection_keep_alive = false;  ///< the peer (1.0) asked for it
};

inline Request& request_of(evhttp_request* req) noexcept {
    return *static_cast<Request*>(req);
}

/// A request for a server on `loop`, from the loop's spares if there are some. Null when memory is
/// short. It holds a reference to the loop.
Request* take_request(HttpLoop& loop) noexcept;

/// Frees it now, owned or not; on its loop, or when that is gone.
void release_request(Request& request) noexcept;

/// What the loop does with a request that it is through with: frees it unless the program owns it.
void settle_request(Request& request) noexcept;

void free_spare_requests(HttpLoop& loop) noexcept;

/// Replaces a string field by a copy. False when memory is short.
bool set_text(char*& field, std::string_view text) noexcept;

}  // namespace corevent::compat
