// Answers of a server: their headers, their bodies, their pieces. Each call comes on the loop of the
// connection, or is carried there by a letter.
#include "codec/h1_writer.h"
#include "codec/http_date.h"
#include "codec/status.h"
#include "compat/alloc.h"
#include "compat/http_serve.h"
#include "compat/http_threads.h"
#include "compat/log.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

namespace corevent::compat {
namespace {

/// Where the phrase that programs know is not the one in the registry of today.
std::string_view former_phrase(int code) noexcept {
    switch (code) {
        case 408: return "Request Time-out";
        case 413: return "Request Entity Too Large";
        case 414: return "Request-URI Too Large";
        case 416: return "Requested range not satisfiable";
        case 504: return "Gateway Time-out";
        case 505: return "HTTP Version not supported";
        default: return {};
    }
}

std::string_view phrase_of(int code) noexcept {
    static constexpr std::array<std::string_view, 5> classes{
        "Informational", "Success", "Redirection", "Client Error", "Server Error"};
    for (const std::string_view phrase : {former_phrase(code), status_phrase(code)}) {
        if (!phrase.empty()) {
            return phrase;
        }
    }
    return code >= 100 && code < 600 ? classes[static_cast<std::size_t>(code / 100 - 1)]
                                     : "Unknown Status Class";
}

void note_status(Request& request, int code, const char* reason) noexcept {
    request.response_code = code;
    set_text(request.response_code_line, reason != nullptr ? reason : phrase_of(code));
}

/// 29 octets; right to the second.
const char* date_now() noexcept {
    struct Date {
        std::int64_t second = -1;
        std::array<char, http_date::length> text{};
    };
    [[gnu::tls_model("initial-exec")]] static constinit thread_local Date cached;
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != cached.second) {
        cached.second = now.tv_sec;
        http_date::format(cached.second, cached.text.data());
    }
    return cached.text.data();
}

/// Which fields the program has set itself.
struct OwnFields {
    bool date = false;
    bool length = false;
    bool type = false;
    bool coding = false;
    bool close = false;
};

void append_status(Bytes& out, const Request& request) noexcept {
    char* const at = out.reserve(32);
    char* to = at;
    const auto digit = [&](int value) { *to++ = static_cast<char>('0' + value); };
    std::memcpy(to, "HTTP/", 5);
    to += 5;
    digit(request.major);
    *to++ = '.';
    digit(request.minor);
    *to++ = ' ';
    to = h1::write_decimal(to, static_cast<std::uint64_t>(std::max(request.response_code, 0)));
    *to++ = ' ';
    out.commit(static_cast<std::size_t>(to - at));
    out.append(request.response_code_line != nullptr ? request.response_code_line : "");
    out.append("\r\n");
}

/// The program's fields in its order. What the client's wish to close replaces is left out.
OwnFields append_own_fields(Bytes& out, const Request& request) noexcept {
    OwnFields own;
    for (const evkeyval* pair = request.output_list.tqh_first; pair != nullptr;
         pair = pair->next.tqe_next) {
        const std::string_view value = pair->value;
        switch (h1::known_field(pair->key)) {
            case h1::KnownField::date: own.date = true; break;
            case h1::KnownField::content_length: own.length = true; break;
            case h1::KnownField::content_type: own.type = true; break;
            case h1::KnownField::transfer_encoding: own.coding = true; break;
            case h1::KnownField::connection:
                own.close = own.close || h1::equal_names(value, "close");
                if (request.connection_close) {
                    continue;
                }
                break;
            default: break;
        }
        h1::append_valid_field(out, pair->key, value);
    }
    return own;
}

bool needs_body(const Request& request) noexcept {
    return !status_forbids_body(request.response_code) && request.type != EVHTTP_REQ_HEAD &&
           request.type != EVHTTP_REQ_CONNECT;
}

/// Both sides have to say so.
bool proxy_stays(const Request& request) noexcept {
    const auto stays = [](const evkeyvalq& list) {
        const evkeyval* const pair = find_pair(list, "Proxy-Connection");
        return pair != nullptr && h1::equal_names(pair->value, "keep-alive");
    };
    return stays(request.input_list) && stays(request.output_list);
}

/// Whether the connection ends behind the answer, as far as the request decides.
bool request_closes(const Request& request) noexcept {
    if ((request.flags & EVHTTP_PROXY_REQUEST) != 0) {
        return !proxy_stays(request);
    }
    return request.connection_close || (request.minor == 0 && !request.connection_keep_alive);
}

/// What is known of the body when the header is written.
struct BodyPlan {
    bool chunked = false;
    bool counted = false;  ///< `length` octets follow
    std::size_t length = 0;
};

/// The server's Content-Type, for an answer that has none: its text, or where it is to be put by who knows it.
struct DefaultType {
    const char* text = nullptr;
    std::size_t* at = nullptr;

    void append(Bytes& out) const noexcept {
        if (at != nullptr) {
            *at = out.size();
        } else if (text != nullptr) {
            h1::append_valid_field(out, "Content-Type", text);
        }
    }
};

/// Writes the header. True if the connection ends behind the answer.
bool append_head(Bytes& out, const Request& request, const BodyPlan& plan,
                 DefaultType type) noexcept {
    append_status(out, request);
    const OwnFields own = append_own_fields(out, request);
    const bool body = needs_body(request);
    const bool since_1_1 = request.minor >= 1;
    const bool framed = !body || own.length || own.coding || plan.chunked || plan.counted;
    bool closes = own.close || request_closes(request) || (!since_1_1 && !framed);
    const bool stays_1_0 = !since_1_1 && request.connection_keep_alive && !closes;
    if (plan.chunked && !own.coding) {
        h1::append_chunked(out);
    }
    if (since_1_1 && !own.date) {
        h1::append_date(out, date_now());
    }
    if (stays_1_0) {
        h1::append_keep_alive(out);
    }
    if (body && plan.counted && !own.length && !own.coding && (since_1_1 || stays_1_0)) {
        h1::append_content_length(out, plan.length);
    }
    if (body && !own.type) {
        type.append(out);
    }
    if (request.connection_close && (request.flags & EVHTTP_PROXY_REQUEST) == 0) {
        h1::append_connection_close(out);
    }
    h1::end_head(out);
    return closes;
}

void drop_body(evbuffer* body) noexcept {
    if (body != nullptr) {
        evbuffer_drain(body, evbuffer_get_length(body));
    }
}

/// For an answer of which `body`, which may be null, is all. A body that must not be sent is dropped.
bool append_counted_head(Bytes& out, const Request& request, evbuffer* body,
                         DefaultType type) noexcept {
    if (!needs_body(request)) {
        drop_body(body);
    }
    BodyPlan plan;
    plan.counted = true;
    plan.length = body != nullptr ? evbuffer_get_length(body) : 0;
    return append_head(out, request, plan, type);
}

ServerConnection& connection_of(const Request& request) noexcept {
    return static_cast<ServerConnection&>(*request.conn);
}

void write_start(Request& request, int code, const char* reason) noexcept {
    ServerConnection& connection = connection_of(request);
    note_status(request, code, reason);
    BodyPlan plan;
    request.bodiless_answer = !needs_body(request);
    plan.chunked = request.minor >= 1 && !request.bodiless_answer &&
                   find_pair(request.output_list, "Content-Length") == nullptr;
    request.chunked_answer = plan.chunked;
    request.chunked = plan.chunked ? 1 : 0;
    request.started = true;
    Bytes& out = connection.open_output();
    request.closes_after = append_head(out, request, plan, {connection.shard().http.content_type});
    connection.close_output();
    connection.push_output();
}

void write_chunk(Request& request, evbuffer* body) noexcept {
    ServerConnection& connection = connection_of(request);
    const std::size_t size = body != nullptr ? evbuffer_get_length(body) : 0;
    if (size == 0 || request.bodiless_answer) {
        drop_body(body);
        return;
    }
    Bytes& out = connection.open_output();
    if (request.chunked_answer) {
        h1::append_chunk_size(out, size);
    }
    connection.append_body(out, body);
    if (request.chunked_answer) {
        h1::append_chunk_end(out);
    }
    connection.close_output();
    connection.push_output();
}

void write_end(Request& request) noexcept {
    ServerConnection& connection = connection_of(request);
    if (request.chunked_answer) {
        h1::append_last_chunk(connection.open_output());
        connection.close_output();
    }
    connection.end_answer(request.closes_after);
}

/// A call about an answer in pieces, from another thread.
class PieceLetter final : public Letter {
public:
    enum class Call : std::uint8_t { start, chunk, end };

    PieceLetter(Request& request, Call call) noexcept : request_(request), call_(call) {}
    ~PieceLetter() {
        if (body != nullptr) {
            evbuffer_free(body);
        }
        mm_free(reason);
    }

    void deliver(bool /*in_time*/) noexcept override {
        if (request_.conn == nullptr) {
            if (call_ == Call::end) {
                settle_request(request_);
            }
        } else if (!request_.answered) {
            act();
        }
        mm_delete(this);
    }

    int code = 0;
    char* reason = nullptr;
    evbuffer* body = nullptr;
    Callback<void (*)(evhttp_connection*, void*)> written;

private:
    void act() noexcept {
        switch (call_) {
            case Call::start: write_start(request_, code, reason); break;
            case Call::chunk:
                if (written.fn != nullptr) {
                    connection_of(request_).notify_when_written(written.fn, written.arg);
                }
                write_chunk(request_, body);
                connection_of(request_).push_output();
                break;
            case Call::end: write_end(request_); break;
        }
    }

    Request& request_;
    const Call call_;
};

/// A letter for a call from another thread; null when memory is short.
PieceLetter* letter_for(Request& request, PieceLetter::Call call) noexcept {
    PieceLetter* const letter = mm_new<PieceLetter>(request, call);
    if (letter == nullptr) {
        warn("http: out of memory");
    }
    return letter;
}

bool elsewhere(const Request& request) noexcept {
    return request.loop != nullptr && !request.loop->on_thread();
}

}  // namespace

void write_reply(Request& request, int code, const char* reason, evbuffer* body) noexcept {
    ServerConnection& connection = connection_of(request);
    note_status(request, code, reason);
    Bytes& out = connection.open_output();
    const bool closes =
        append_counted_head(out, request, body, {connection.shard().http.content_type});
    if (body != nullptr) {
        connection.append_body(out, body);
    }
    connection.close_output();
    connection.end_answer(closes);
}

namespace {

void write_composed(const Request& request, Bytes& out) noexcept {
    std::string_view rest = request.composed.view();
    if (request.type_at != Request::nowhere) {
        out.append(rest.substr(0, request.type_at));
        rest.remove_prefix(request.type_at);
        DefaultType{connection_of(request).shard().http.content_type}.append(out);
    }
    out.append(rest);
}

/// Puts a small answer together where it is given, so that what the program made for it is freed by the thread that
/// made it. False if it is not small.
bool compose_reply(Request& request, int code, const char* reason, evbuffer* body) noexcept {
    const std::size_t size = body != nullptr ? evbuffer_get_length(body) : 0;
    if (size > copied_body_max) {
        return false;
    }
    note_status(request, code, reason);
    Bytes& out = request.composed;
    out.clear();
    request.type_at = Request::nowhere;
    request.closes_after = append_counted_head(out, request, body, {nullptr, &request.type_at});
    if (body != nullptr) {
        append_copied(out, body);
    }
    if (!request.owned() && request.on_complete_cb == nullptr) {  // nobody will look
        evhttp_clear_headers(&request.output_list);
        mm_free(std::exchange(request.response_code_line, nullptr));
    }
    return true;
}

}  // namespace

void write_error(Request& request, int code, const char* reason) noexcept {
    const auto& page = connection_of(request).shard().http.error_page;
    if (request.minor == 0) {
        request.major = request.minor = 1;  // an end is announced in terms of 1.1
    }
    note_status(request, code, reason);
    evhttp_clear_headers(&request.output_list);
    append_header(request.output_list, "Content-Type", "text/html");
    append_header(request.output_list, "Connection", "close");
    evbuffer* const body = evbuffer_new();
    if (body != nullptr &&
        (page.fn == nullptr ||
         page.fn(&request, body, code, request.response_code_line, page.arg) < 0)) {
        drop_body(body);
        evbuffer_add_printf(body,
                            "<!DOCTYPE html>\n<html><head><title>%d %s</title></head>\n"
                            "<body><h1>%s</h1></body></html>\n",
                            code, request.response_code_line, request.response_code_line);
    }
    if (request.conn != nullptr) {  // the program's page may have closed it
        write_reply(request, code, reason, body);
    }
    if (body != nullptr) {
        evbuffer_free(body);
    }
}

void Request::OwnLetter::deliver(bool /*in_time*/) noexcept {
    const Errand what = errand_.exchange(Errand::none, std::memory_order_relaxed);
    Request& request = request_;
    if (what == Errand::handle) {
        handle_at_home(request);
    } else if (what == Errand::complete) {
        complete_at_home(request);
    } else if (request.conn == nullptr) {
        settle_request(request);
    } else if (what == Errand::reply) {
        char* const reason = std::exchange(request.response_code_line, nullptr);
        connection_of(request).answer_with([&] {
            write_reply(request, request.response_code, reason, request.output_buffer);
        });
        mm_free(reason);
    } else if (what == Errand::composed) {
        ServerConnection& connection = connection_of(request);
        connection.answer_with([&] {
            write_composed(request, connection.open_output());
            connection.close_output();
            connection.end_answer(request.closes_after);
        });
    } else if (what == Errand::error) {
        char* const reason = std::exchange(request.response_code_line, nullptr);
        connection_of(request).answer_with([&] {
            write_error(request, request.response_code, reason);
        });
        mm_free(reason);
    }
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

void evhttp_send_reply(evhttp_request* req, int code, const char* reason, evbuffer* databuf) {
    Request& request = request_of(req);
    if (elsewhere(request)) {
        if (!request.letter.take(Errand::reply)) {
            return;
        }
        if (compose_reply(request, code, reason, databuf)) {
            request.letter.say_instead(Errand::composed);
        } else {
            note_status(request, code, reason);
            evbuffer_add_buffer(request.output_buffer, databuf);
        }
        request.loop->post(request.letter);
    } else if (request.conn != nullptr && !request.answered) {
        write_reply(request, code, reason, databuf);
    } else if (request.conn == nullptr) {
        settle_request(request);
    }
}

void evhttp_send_error(evhttp_request* req, int error, const char* reason) {
    Request& request = request_of(req);
    if (elsewhere(request)) {
        if (!request.letter.take(Errand::error)) {
            return;
        }
        note_status(request, error, reason);
        request.loop->post(request.letter);
    } else if (request.conn != nullptr && !request.answered) {
        write_error(request, error, reason);
    } else if (request.conn == nullptr) {
        settle_request(request);
    }
}

void evhttp_send_reply_start(evhttp_request* req, int code, const char* reason) {
    Request& request = request_of(req);
    if (elsewhere(request)) {
        if (PieceLetter* const letter = letter_for(request, PieceLetter::Call::start)) {
            letter->code = code;
            if (reason != nullptr) {
                set_text(letter->reason, reason);
            }
            request.loop->post(*letter);
        }
    } else if (request.conn != nullptr && !request.answered) {
        write_start(request, code, reason);
    }
}

void evhttp_send_reply_chunk_with_cb(evhttp_request* req, evbuffer* databuf,
                                     void (*cb)(evhttp_connection*, void*), void* arg) {
    Request& request = request_of(req);
    if (elsewhere(request)) {
        if (PieceLetter* const letter = letter_for(request, PieceLetter::Call::chunk)) {
            letter->body = evbuffer_new();
            if (letter->body != nullptr && databuf != nullptr) {
                evbuffer_add_buffer(letter->body, databuf);
            }
            letter->written = {cb, arg};
            request.loop->post(*letter);
        }
    } else if (request.conn != nullptr && !request.answered) {
        if (cb != nullptr) {
            connection_of(request).notify_when_written(cb, arg);
        }
        write_chunk(request, databuf);
        connection_of(request).push_output();
    }
}

void evhttp_send_reply_chunk(evhttp_request* req, evbuffer* databuf) {
    evhttp_send_reply_chunk_with_cb(req, databuf, nullptr, nullptr);
}

void evhttp_send_reply_end(evhttp_request* req) {
    Request& request = request_of(req);
    if (elsewhere(request)) {
        if (PieceLetter* const letter = letter_for(request, PieceLetter::Call::end)) {
            request.loop->post(*letter);
        }
    } else if (request.conn != nullptr && !request.answered) {
        write_end(request);
    } else if (request.conn == nullptr) {
        settle_request(request);
    }
}

void evhttp_cancel_request(evhttp_request* req) {
    Request& request = request_of(req);
    if (elsewhere(request)) {
        post_cancel(request);
    } else if (request.conn != nullptr) {
        request.conn->cancel(request);
    } else {
        settle_request(request);
    }
}
}
