// A WebSocket session: what becomes of a server's connection after the upgrade. It owns the
// bufferevent, and belongs to the server's share of its loop, which closes it at the latest. Frames
// are the business of codec/ws.h; here are the handshakes at both ends and the program's callbacks.
// On the thread of the loop.
#pragma once

#include "base/list.h"
#include "codec/ws.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/ws.h>

#include <cstddef>

struct evws_connection;

namespace corevent::compat {

struct Shard;

/// The largest message that is read, as in libevent 2.2 for one frame.
inline constexpr std::size_t ws_message_max = 10 * 1024 * 1024;

}  // namespace corevent::compat

struct evws_connection {
    evws_connection(corevent::compat::Shard& of_shard, bufferevent* its_bev) noexcept;
    ~evws_connection();
    evws_connection(const evws_connection&) = delete;
    evws_connection& operator=(const evws_connection&) = delete;

    void start() noexcept;
    void send(corevent::ws::Opcode opcode, const char* data, std::size_t size) noexcept;
    /// Begins the closing handshake; `answered` if the peer has closed already.
    void close(std::uint16_t code, bool answered) noexcept;
    /// The end: callback, socket, memory.
    void end() noexcept;

    corevent::ListHook<evws_connection> hook;
    ws_on_msg_cb on_message = nullptr;
    void* message_arg = nullptr;
    ws_on_close_cb on_close = nullptr;
    void* close_arg = nullptr;
    bufferevent* bev;

private:
    static void on_read(bufferevent* bev, void* arg) noexcept;
    static void on_written(bufferevent* bev, void* arg) noexcept;
    static void on_event(bufferevent* bev, short what, void* arg) noexcept;
    static void on_silence(int fd, short what, void* arg) noexcept;
    void read() noexcept;
    void take(corevent::ws::Reader::What what) noexcept;
    void end_when_written() noexcept;

    corevent::compat::Shard& shard_;
    corevent::ws::Reader reader_{corevent::compat::ws_message_max};
    event* silence_ = nullptr;  ///< the peer does not answer a close
    bool closing_ = false;      ///< our close is out
    bool finished_ = false;     ///< both are; the rest of the output is awaited
    bool reading_ = false;      ///< read() is on the stack
    bool ended_ = false;
};
