// The octets of a ClientConnection: requests out, answers in.
#include "codec/h1_writer.h"
#include "compat/http_client.h"
#include "compat/log.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace corevent::compat {
namespace {

std::string_view method_text(evhttp_cmd_type type) noexcept {
    switch (type) {
        case EVHTTP_REQ_GET: return "GET";
        case EVHTTP_REQ_POST: return "POST";
        case EVHTTP_REQ_HEAD: return "HEAD";
        case EVHTTP_REQ_PUT: return "PUT";
        case EVHTTP_REQ_DELETE: return "DELETE";
        case EVHTTP_REQ_OPTIONS: return "OPTIONS";
        case EVHTTP_REQ_TRACE: return "TRACE";
        case EVHTTP_REQ_CONNECT: return "CONNECT";
        case EVHTTP_REQ_PATCH: return "PATCH";
    }
    return "UNKNOWN";
}

h1::Method method_of(evhttp_cmd_type type) noexcept {
    return h1::method_from(method_text(type));
}

bool asks_to_close(const evkeyvalq& headers) noexcept {
    const evkeyval* const pair = find_pair(headers, "Connection");
    return pair != nullptr && h1::equal_names(pair->value, "close");
}

bool expects_continue(const Request& request) noexcept {
    const evkeyval* const pair = find_pair(request.output_list, "Expect");
    return pair != nullptr && h1::equal_names(pair->value, "100-continue");
}

/// A body needs a length, and a method that usually has one says so even when it is empty.
void add_length(Request& request) noexcept {
    const std::size_t size = evbuffer_get_length(request.output_buffer);
    const bool usual = request.type == EVHTTP_REQ_POST || request.type == EVHTTP_REQ_PUT;
    if ((size != 0 || usual) && find_pair(request.output_list, "Content-Length") == nullptr &&
        find_pair(request.output_list, "Transfer-Encoding") == nullptr) {
        std::array<char, 20> digits{};
        const char* const end = h1::write_decimal(digits.data(), size);
        append_header(request.output_list, "Content-Length",
                      {digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
}

void append_request(Bytes& out, const Request& request) noexcept {
    out.append(method_text(request.type));
    out.append(" ");
    out.append(request.uri);
    out.append(" HTTP/");
    out.push_back(static_cast<char>('0' + request.major));
    out.push_back('.');
    out.push_back(static_cast<char>('0' + request.minor));
    out.append("\r\n");
    for (const evkeyval* pair = request.output_list.tqh_first; pair != nullptr;
         pair = pair->next.tqe_next) {
        h1::append_valid_field(out, pair->key, pair->value);
    }
    h1::end_head(out);
}

/// Octets of an answer that are looked at in one go.
constexpr std::size_t piece_max = HttpLoop::receive_bytes;

}  // namespace

/// Writes the first request of the queue.
void ClientConnection::dispatch() noexcept {
    Request& request = *current();
    state_ = State::writing;
    read_anyway_ = false;
    too_long_ = false;
    request.kind = EVHTTP_REQUEST;
    set_timeouts(false);
    bufferevent_disable(bev_, EV_READ);
    add_length(request);
    Bytes& out = loop->side;
    out.clear();
    append_request(out, request);
    evbuffer* const output = bufferevent_get_output(bev_);
    evbuffer_add(output, out.data(), out.size());
    out.clear();
    if (!expects_continue(request)) {
        evbuffer_add_buffer(output, request.output_buffer);
    }
    bufferevent_enable(bev_, EV_WRITE);
}

/// Everything that was to be written is with the kernel.
void ClientConnection::written() noexcept {
    if (state_ == State::writing && evbuffer_get_length(bufferevent_get_output(bev_)) == 0) {
        start_reading();
    }
}

void ClientConnection::start_reading() noexcept {
    Request& request = *current();
    request.kind = EVHTTP_RESPONSE;
    state_ = State::head;
    head_bytes_.clear();
    const std::uint32_t most = headers_max < UINT32_MAX / 4
                                   ? static_cast<std::uint32_t>(headers_max * 2 + 64)
                                   : UINT32_MAX;
    parser_ = h1::HeadParser({.head_bytes = most, .line_bytes = most, .fields = UINT32_MAX});
    bufferevent_enable(bev_, EV_READ);
    read();
}

void ClientConnection::read() noexcept {
    bool more = true;
    while (more && !closed_) {
        switch (state_) {
            case State::head: more = read_head(); break;
            case State::body: more = read_body(); break;
            case State::idle:  // nobody asked for this
                if (evbuffer_get_length(bufferevent_get_input(bev_)) != 0) {
                    disconnect();
                    if (free_when_done_ && queue_.empty()) {
                        close();
                    }
                }
                return;
            default: return;
        }
    }
}

/// False when more has to come, or nothing more will.
bool ClientConnection::read_head() noexcept {
    evbuffer* const input = bufferevent_get_input(bev_);
    const std::size_t size = std::min(evbuffer_get_length(input), piece_max);
    if (size == 0) {
        return false;
    }
    evbuffer_remove(input, head_bytes_.reserve(size), size);
    head_bytes_.commit(size);
    std::memset(head_bytes_.reserve(h1::padding), 0, h1::padding);
    const h1::ParseResult result = parser_.parse(head_bytes_.data(), head_bytes_.size(), head_);
    if (result.state == h1::ParseState::incomplete) {
        return true;
    }
    if (result.state == h1::ParseState::refused ||
        head_.size - 2 * (head_.fields.size() + 2) > headers_max) {
        fail(EVREQ_HTTP_INVALID_HEADER);
        return false;
    }
    const std::string_view rest = head_bytes_.view().substr(result.offset);
    evbuffer_prepend(input, rest.data(), rest.size());
    parser_.reset();
    const bool go_on = begin_answer(head_);
    head_bytes_.clear();
    return go_on;
}

bool ClientConnection::begin_answer(const h1::ResponseHead& head) noexcept {
    Request& request = *current();
    if (head.status == 100 && expects_continue(request) &&
        evbuffer_get_length(request.output_buffer) != 0) {
        state_ = State::writing;
        bufferevent_disable(bev_, EV_READ);
        evbuffer_add_buffer(bufferevent_get_output(bev_), request.output_buffer);
        return false;
    }
    if (head.status >= 100 && head.status < 200 && head.status != 101) {
        return true;  // the answer proper follows
    }
    request.response_code = head.status;
    set_text(request.response_code_line, head.view(head.reason));
    request.major = 1;
    request.minor = static_cast<char>(head.version_minor);
    request.headers_size = head.size - 2 * (head.fields.size() + 2);
    for (const h1::Field& field : head.fields) {
        append_header(request.input_list, head.name(field), head.value(field));
    }
    keep_alive_ = head.keep_alive && !asks_to_close(request.output_list);
    decoder_ = h1::BodyDecoder::of(head, method_of(request.type));
    if (decoder_.kind() == h1::BodyKind::until_close) {
        keep_alive_ = false;
    }
    request.chunked = head.chunked ? 1 : 0;
    request.ntoread = head.has_content_length ? static_cast<ev_int64_t>(head.content_length) : -1;
    if (request.header_cb != nullptr) {
        request.flags |= EVHTTP_REQ_DEFER_FREE;
        const int wish = request.header_cb(&request, request.cb_arg);
        request.flags &= ~EVHTTP_REQ_DEFER_FREE;
        if (closed_ || current() != &request) {
            return false;
        }
        if (wish < 0) {
            fail(EVREQ_HTTP_EOF);
            return false;
        }
    }
    if (decoder_.done()) {
        answer_complete();
        return false;
    }
    if (head.has_content_length && head.content_length > body_max) {
        too_long_ = true;
        if ((flags & EVHTTP_CON_LINGERING_CLOSE) == 0) {
            fail(EVREQ_HTTP_DATA_TOO_LONG);
            return false;
        }
    }
    state_ = State::body;
    return true;
}

bool ClientConnection::read_body() noexcept {
    evbuffer* const input = bufferevent_get_input(bev_);
    const std::size_t size = std::min(evbuffer_get_length(input), piece_max);
    if (size == 0) {
        return false;
    }
    char* const buffer = loop->receive_buffer();
    evbuffer_remove(input, buffer, size);
    std::string_view rest(buffer, size);
    Request& request = *current();
    while (!rest.empty()) {
        const h1::BodyDecoder::Step step = decoder_.decode(rest);
        rest.remove_prefix(step.consumed);
        if (!step.data.empty() && !take_piece(request, step.data)) {
            return false;
        }
        if (step.state == h1::BodyDecoder::State::refused) {
            fail(EVREQ_HTTP_DATA_TOO_LONG);  // as for every body that is not what it should be
            return false;
        }
        if (step.state == h1::BodyDecoder::State::done) {
            evbuffer_prepend(input, rest.data(), rest.size());
            answer_complete();
            return false;
        }
    }
    return true;
}

/// A run of octets of the body. False if that was the end of the request.
bool ClientConnection::take_piece(Request& request, std::string_view piece) noexcept {
    request.body_size = static_cast<std::size_t>(decoder_.received());
    request.ntoread = decoder_.kind() == h1::BodyKind::until_close
                          ? -1
                          : static_cast<ev_int64_t>(decoder_.remaining());
    if (decoder_.received() > body_max) {
        too_long_ = true;
        if ((flags & EVHTTP_CON_LINGERING_CLOSE) == 0) {
            fail(EVREQ_HTTP_DATA_TOO_LONG);
            return false;
        }
    }
    if (too_long_) {
        return true;
    }
    if (evbuffer_add(request.input_buffer, piece.data(), piece.size()) != 0) {
        fail(EVREQ_HTTP_BUFFER_ERROR);
        return false;
    }
    const bool whole_chunk = request.chunked == 0 || decoder_.remaining() == 0;
    if (request.chunk_cb != nullptr && whole_chunk) {
        request.flags |= EVHTTP_REQ_DEFER_FREE;
        request.chunk_cb(&request, request.cb_arg);
        request.flags &= ~EVHTTP_REQ_DEFER_FREE;
        if (closed_ || current() != &request) {
            return false;
        }
        evbuffer_drain(request.input_buffer, evbuffer_get_length(request.input_buffer));
        if ((request.flags & EVHTTP_REQ_NEEDS_FREE) != 0) {
            evhttp_request_free(&request);
            return false;
        }
    }
    return true;
}

void ClientConnection::answer_complete() noexcept {
    if (too_long_) {
        fail(EVREQ_HTTP_DATA_TOO_LONG);
        return;
    }
    finish(*current(), keep_alive_ && !read_anyway_);
}

/// The peer has closed behind a part of the body, or behind all of it.
void ClientConnection::peer_finished() noexcept {
    if (decoder_.finish().state == h1::BodyDecoder::State::done) {
        keep_alive_ = false;
        answer_complete();
    } else {
        fail(EVREQ_HTTP_EOF);
    }
}

}  // namespace corevent::compat
