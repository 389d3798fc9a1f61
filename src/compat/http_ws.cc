#include "compat/http_ws.h"

#include "codec/accept.h"
#include "codec/h1_writer.h"
#include "compat/alloc.h"
#include "compat/bufferevent.h"
#include "compat/http_serve.h"
#include "compat/log.h"

#include <cstring>
#include <string_view>
#include <utility>

using namespace corevent;
using namespace corevent::compat;

namespace {

constexpr timeval close_patience{5, 0};

bool has_member(std::string_view list, std::string_view wanted) noexcept {
    ListReader members(list);
    for (std::string_view member; members.next(member);) {
        if (h1::equal_names(member, wanted)) {
            return true;
        }
    }
    return false;
}

std::string_view field(const Request& request, std::string_view name) noexcept {
    const evkeyval* const pair = find_pair(request.input_list, name);
    return pair != nullptr ? std::string_view(pair->value) : std::string_view();
}

/// 0 if `request` asks for a session as RFC 6455 4.2.1 wants it, else the status of the refusal.
int refusal_of(const Request& request) noexcept {
    const bool upgrade = request.type == EVHTTP_REQ_GET && request.minor >= 1 &&
                         has_member(field(request, "Upgrade"), "websocket") &&
                         has_member(field(request, "Connection"), "upgrade") &&
                         ws::valid_key(field(request, "Sec-WebSocket-Key"));
    return !upgrade ? 400 : field(request, "Sec-WebSocket-Version") != "13" ? 426 : 0;
}

void append_upgrade(Bytes& out, const Request& request) noexcept {
    const auto accept = ws::accept_for(field(request, "Sec-WebSocket-Key"));
    h1::append_status_line(out, 101);
    h1::append_valid_field(out, "Upgrade", "websocket");
    h1::append_valid_field(out, "Connection", "Upgrade");
    h1::append_valid_field(out, "Sec-WebSocket-Accept", {accept.data(), accept.size()});
    ListReader offered(field(request, "Sec-WebSocket-Protocol"));
    std::string_view protocol;
    if (find_pair(request.output_list, "Sec-WebSocket-Protocol") == nullptr &&
        offered.next(protocol) && h1::valid_field_name(protocol)) {
        h1::append_valid_field(out, "Sec-WebSocket-Protocol", protocol);
    }
    for (const evkeyval* pair = request.output_list.tqh_first; pair != nullptr;
         pair = pair->next.tqe_next) {
        h1::append_valid_field(out, pair->key, pair->value);
    }
    h1::end_head(out);
}

}  // namespace

evws_connection::evws_connection(Shard& of_shard, bufferevent* its_bev) noexcept
    : bev(its_bev), shard_(of_shard) {
    shard_.sessions.push_back(*this);
}

evws_connection::~evws_connection() {
    if (silence_ != nullptr) {
        event_free(silence_);
    }
}

void evws_connection::start() noexcept {
    bufferevent_setcb(bev, on_read, on_written, on_event, this);
    bufferevent_set_timeouts(bev, nullptr, nullptr);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (evbuffer_get_length(bufferevent_get_input(bev)) != 0) {
        bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);  // came with the request
    }
}

void evws_connection::send(ws::Opcode opcode, const char* data, std::size_t size) noexcept {
    if (closing_ || ended_) {
        return;
    }
    Bytes& out = shard_.loop.side;
    out.clear();
    ws::append_frame(out, opcode, {data, size});
    bufferevent_write(bev, out.data(), out.size());
    out.clear();
}

void evws_connection::close(std::uint16_t code, bool answered) noexcept {
    if (ended_) {
        return;
    }
    if (!std::exchange(closing_, true)) {
        Bytes& out = shard_.loop.side;
        out.clear();
        ws::append_close(out, code);
        bufferevent_write(bev, out.data(), out.size());
        out.clear();
    }
    if (answered) {
        finished_ = true;
        end_when_written();
        return;
    }
    if (silence_ == nullptr) {
        silence_ = event_new(bufferevent_get_base(bev), -1, 0, on_silence, this);
    }
    if (silence_ == nullptr || event_add(silence_, &close_patience) != 0) {
        end();
    }
}

void evws_connection::end_when_written() noexcept {
    if (finished_ && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
        end();
    }
}

void evws_connection::end() noexcept {
    if (std::exchange(ended_, true)) {
        return;
    }
    if (const auto fn = std::exchange(on_close, nullptr)) {
        fn(this, close_arg);
    }
    shard_.sessions.remove(*this);
    const bool closes = (bev_of(bev).options & BEV_OPT_CLOSE_ON_FREE) != 0;
    const evutil_socket_t fd = bufferevent_getfd(bev);
    bufferevent_setcb(bev, nullptr, nullptr, nullptr, nullptr);
    bufferevent_disable(bev, EV_READ | EV_WRITE);
    bufferevent_free(bev);
    if (!closes && fd >= 0) {
        evutil_closesocket(fd);
    }
    if (!reading_) {
        mm_delete(this);
    }
}

void evws_connection::on_read(bufferevent* /*bev*/, void* arg) noexcept {
    auto& self = *static_cast<evws_connection*>(arg);
    self.shard_.loop.enter();
    self.read();
}

/// Takes the frames that are there; the program may free the session from its callbacks.
void evws_connection::read() noexcept {
    reading_ = true;
    while (!ended_ && !finished_) {
        char* const buffer = shard_.loop.receive_buffer();
        const int got =
            evbuffer_remove(bufferevent_get_input(bev), buffer, HttpLoop::receive_bytes);
        const std::size_t size = got > 0 ? static_cast<std::size_t>(got) : 0;
        if (size == 0) {
            break;
        }
        for (std::size_t at = 0; at < size && !ended_ && !finished_;) {
            std::size_t used = 0;
            const ws::Reader::What what = reader_.read(buffer + at, size - at, used);
            at += used;
            take(what);
        }
    }
    reading_ = false;
    if (ended_) {
        mm_delete(this);
    } else {
        end_when_written();
    }
}

void evws_connection::take(ws::Reader::What what) noexcept {
    const std::string_view payload = reader_.payload();
    switch (what) {
        case ws::Reader::What::message:
            if (on_message != nullptr && !closing_) {
                on_message(this,
                           reader_.type() == ws::Opcode::text ? WS_TEXT_FRAME : WS_BINARY_FRAME,
                           reinterpret_cast<const unsigned char*>(payload.data()), payload.size(),
                           message_arg);
            }
            break;
        case ws::Reader::What::ping: send(ws::Opcode::pong, payload.data(), payload.size()); break;
        case ws::Reader::What::close:
        case ws::Reader::What::failed: close(reader_.code(), true); break;
        case ws::Reader::What::pong:
        case ws::Reader::What::more: break;
    }
}

void evws_connection::on_written(bufferevent* /*bev*/, void* arg) noexcept {
    auto& self = *static_cast<evws_connection*>(arg);
    self.shard_.loop.enter();
    self.end_when_written();
}

void evws_connection::on_event(bufferevent* /*bev*/, short what, void* arg) noexcept {
    auto& self = *static_cast<evws_connection*>(arg);
    self.shard_.loop.enter();
    if ((what & BEV_EVENT_CONNECTED) == 0) {
        self.end();
    }
}

void evws_connection::on_silence(int /*fd*/, short /*what*/, void* arg) noexcept {
    auto& self = *static_cast<evws_connection*>(arg);
    self.shard_.loop.enter();
    self.end();
}

extern "C" {

evws_connection* evws_new_session(evhttp_request* req, ws_on_msg_cb cb, void* arg,
                                  int /*options*/) {
    Request& request = request_of(req);
    const int refusal = refusal_of(request);
    if (refusal != 0) {
        if (refusal == 426) {
            evhttp_add_header(req->output_headers, "Sec-WebSocket-Version", "13");
            evhttp_add_header(req->output_headers, "Upgrade", "websocket");
            evhttp_add_header(req->output_headers, "Connection", "close");
            evhttp_send_reply(req, refusal, nullptr, nullptr);
        } else {
            evhttp_send_error(req, refusal, nullptr);
        }
        return nullptr;
    }
    auto* const connection = static_cast<ServerConnection*>(evhttp_request_get_connection(req));
    bufferevent* const bev = connection != nullptr ? connection->bufferevent_of() : nullptr;
    if (bev == nullptr) {
        evhttp_send_error(req, 400, nullptr);  // to nobody: gives the request back
        return nullptr;
    }
    Shard& shard = connection->shard();
    auto* const session = mm_new<evws_connection>(shard, bev);
    if (session == nullptr) {
        warn("%s: out of memory", __func__);
        evhttp_send_error(req, 500, nullptr);
        return nullptr;
    }
    session->on_message = cb;
    session->message_arg = arg;
    Bytes& out = shard.loop.side;
    out.clear();
    append_upgrade(out, request);
    evbuffer_add(bufferevent_get_output(bev), out.data(), out.size());
    out.clear();
    connection->give_up_bufferevent();
    session->start();
    return session;
}

void evws_send_text(evws_connection* evws, const char* packet_str) {
    evws->send(ws::Opcode::text, packet_str, std::strlen(packet_str));
}

void evws_send_binary(evws_connection* evws, const char* packet_data, size_t packet_len) {
    evws->send(ws::Opcode::binary, packet_data, packet_len);
}

void evws_close(evws_connection* evws, uint16_t reason) {
    evws->close(ws::valid_close_code(reason) ? reason : ws::close_code::none, false);
}

void evws_connection_set_closecb(evws_connection* evws, ws_on_close_cb cb, void* arg) {
    evws->on_close = cb;
    evws->close_arg = arg;
}

void evws_connection_free(evws_connection* evws) {
    evws->end();
}

bufferevent* evws_connection_get_bufferevent(evws_connection* evws) {
    return evws->bev;
}
}
