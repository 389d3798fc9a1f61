// WebSocket framing for servers (RFC 6455): the key of the handshake, frames in, frames out. The
// reader unmasks, puts fragments together, checks text for UTF-8 as it comes, and enforces the rules
// of control frames; it shows whole messages only. No extensions. It knows no connection and no
// clock; one reader per connection, one thread.
#pragma once

#include "buffer/bytes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent::ws {

enum class Opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t none = 1005;  ///< never on the wire
inline constexpr std::uint16_t bad_text = 1007;
inline constexpr std::uint16_t too_big = 1009;
}  // namespace close_code

/// Whether a peer may send this code (RFC 6455 7.4).
bool valid_close_code(std::uint16_t code) noexcept;

/// Sec-WebSocket-Key: base64 of 16 octets.
bool valid_key(std::string_view key) noexcept;
/// Sec-WebSocket-Accept for it (RFC 6455 4.2.2).
std::array<char, 28> accept_for(std::string_view key) noexcept;

/// Checks UTF-8 (RFC 3629) that comes in pieces.
class Utf8Check {
public:
    /// False from the first octet on that cannot be.
    bool add(std::string_view piece) noexcept;
    /// At the end of a character.
    bool complete() const noexcept { return missing_ == 0; }
    void reset() noexcept { *this = Utf8Check(); }

private:
    std::uint8_t missing_ = 0;  ///< octets of the character that has begun
    std::uint8_t low_ = 0x80;   ///< what the next of them may be
    std::uint8_t high_ = 0xBF;
};

class Reader {
public:
    enum class What : std::uint8_t {
        more,     ///< all of the input is used up
        message,  ///< payload() is one of type()
        ping,     ///< payload() goes into the pong
        pong,
        close,   ///< code() and payload(), its reason, are the peer's
        failed,  ///< code() says why; the connection is to be closed with it
    };
    explicit Reader(std::size_t message_bytes) noexcept : message_max_(message_bytes) {}

    /// Goes on with `input`, which it unmasks in place, up to the next event; `used` gets what it
    /// has used up. After `close` and `failed` it must not be called again.
    What read(char* input, std::size_t size, std::size_t& used);

    Opcode type() const noexcept { return type_; }
    std::uint16_t code() const noexcept { return code_; }
    /// Valid until the next read().
    std::string_view payload() const noexcept { return payload_; }

private:
    enum class Phase : std::uint8_t { head, length, mask, data };

    What fail(std::uint16_t code) noexcept;
    What take_header() noexcept;
    What begin_frame() noexcept;
    What begin_payload() noexcept;
    What take_data(std::string_view data);
    What end_frame();
    What end_close() noexcept;
    bool control() const noexcept { return opcode_ >= Opcode::close; }

    std::size_t message_max_;
    Phase phase_ = Phase::head;
    std::array<unsigned char, 8> header_{};  ///< the part of the header that is being collected
    std::uint8_t collected_ = 0;
    std::uint8_t wanted_ = 2;
    bool final_ = false;
    bool in_message_ = false;  ///< fragments have come
    bool delivered_ = false;   ///< the message was shown and is to be forgotten
    Opcode opcode_ = Opcode::continuation;
    Opcode type_ = Opcode::text;
    std::uint64_t left_ = 0;
    std::array<unsigned char, 4> mask_{};
    std::size_t mask_at_ = 0;
    Utf8Check utf8_;
    Bytes message_;
    Bytes control_;
    std::string_view payload_;
    std::uint16_t code_ = close_code::none;
};

/// A whole unmasked frame.
void append_frame(Bytes& out, Opcode opcode, std::string_view payload);
/// A close frame; without payload for close_code::none.
void append_close(Bytes& out, std::uint16_t code);

}  // namespace corevent::ws
