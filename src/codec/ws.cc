#include "codec/ws.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace corevent::ws {
namespace {

/// SHA-1 (FIPS 180-4) of a text of at most 119 octets: two blocks. The handshake uses it as a
/// checksum; nothing secret depends on it.
class Sha1 {
public:
    static std::array<unsigned char, 20> of(std::string_view text) noexcept {
        std::array<unsigned char, 128> blocks{};
        CE_ASSERT(text.size() < blocks.size() - 8);
        std::memcpy(blocks.data(), text.data(), text.size());
        blocks[text.size()] = 0x80;
        const std::size_t size = text.size() < 56 ? 64 : 128;
        const std::uint64_t bits = text.size() * 8;
        for (std::size_t i = 0; i < 8; ++i) {
            blocks[size - 1 - i] = static_cast<unsigned char>(bits >> (8 * i));
        }
        Sha1 sum;
        for (std::size_t at = 0; at < size; at += 64) {
            sum.add(blocks.data() + at);
        }
        std::array<unsigned char, 20> digest{};
        for (std::size_t i = 0; i < digest.size(); ++i) {
            digest[i] = static_cast<unsigned char>(sum.state_[i / 4] >> (24 - 8 * (i % 4)));
        }
        return digest;
    }

private:
    void add(const unsigned char* block) noexcept {
        std::array<std::uint32_t, 80> w{};
        for (std::size_t i = 0; i < 16; ++i) {
            for (std::size_t k = 0; k < 4; ++k) {
                w[i] = w[i] << 8 | block[i * 4 + k];
            }
        }
        for (std::size_t i = 16; i < 80; ++i) {
            w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        }
        auto [a, b, c, d, e] = state_;
        for (std::size_t i = 0; i < 80; ++i) {
            const std::uint32_t f = i < 20   ? (b & c) | (~b & d)
                                    : i < 40 ? b ^ c ^ d
                                    : i < 60 ? (b & c) | (b & d) | (c & d)
                                             : b ^ c ^ d;
            static constexpr std::array<std::uint32_t, 4> k{0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC,
                                                            0xCA62C1D6};
            const std::uint32_t next = std::rotl(a, 5) + f + e + k[i / 20] + w[i];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        const std::array<std::uint32_t, 5> more{a, b, c, d, e};
        for (std::size_t i = 0; i < more.size(); ++i) {
            state_[i] += more[i];
        }
    }

    std::array<std::uint32_t, 5> state_{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
};

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::size_t control_max = 125;

}  // namespace

bool valid_close_code(std::uint16_t code) noexcept {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

bool valid_key(std::string_view key) noexcept {
    return key.size() == 24 && key.ends_with("==") &&
           key.substr(0, 22).find_first_not_of(base64_digits) == std::string_view::npos;
}

std::array<char, 28> accept_for(std::string_view key) noexcept {
    static constexpr std::string_view suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<char, 64> text{};
    CE_ASSERT(key.size() + suffix.size() <= text.size());
    std::memcpy(text.data(), key.data(), key.size());
    std::memcpy(text.data() + key.size(), suffix.data(), suffix.size());
    const auto digest = Sha1::of({text.data(), key.size() + suffix.size()});
    std::array<char, 28> accept{};
    for (std::size_t i = 0; i < 7; ++i) {
        const auto octet = [&](std::size_t k) -> unsigned {
            return i * 3 + k < digest.size() ? digest[i * 3 + k] : 0U;
        };
        const unsigned group = octet(0) << 16 | octet(1) << 8 | octet(2);
        for (std::size_t k = 0; k < 4; ++k) {
            accept[i * 4 + k] = base64_digits[group >> (18 - 6 * k) & 63];
        }
    }
    accept[27] = '=';
    return accept;
}

bool Utf8Check::add(std::string_view piece) noexcept {
    for (const char c : piece) {
        const auto octet = static_cast<unsigned char>(c);
        if (missing_ != 0) {
            if (octet < low_ || octet > high_) {
                return false;
            }
            --missing_;
            low_ = 0x80;
            high_ = 0xBF;
        } else if (octet >= 0x80) {
            if (octet < 0xC2 || octet > 0xF4) {
                return false;
            }
            missing_ = octet < 0xE0 ? 1 : octet < 0xF0 ? 2 : 3;
            low_ = octet == 0xE0 ? 0xA0 : octet == 0xF0 ? 0x90 : 0x80;   // overlong below
            high_ = octet == 0xED ? 0x9F : octet == 0xF4 ? 0x8F : 0xBF;  // surrogates, the end
        }
    }
    return true;
}

Reader::What Reader::fail(std::uint16_t code) noexcept {
    code_ = code;
    payload_ = {};
    return What::failed;
}

Reader::What Reader::read(char* input, std::size_t size, std::size_t& used) {
    used = 0;
    if (delivered_) {
        message_.clear();
        delivered_ = false;
    }
    What what = What::more;
    while (what == What::more && used < size) {
        if (phase_ == Phase::data) {
            const auto count =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, size - used));
            for (std::size_t i = 0; i < count; ++i) {
                const auto mask = static_cast<char>(mask_[mask_at_++ % mask_.size()]);
                input[used + i] = static_cast<char>(input[used + i] ^ mask);
            }
            what = take_data({input + used, count});
            used += count;
        } else {
            header_[collected_++] = static_cast<unsigned char>(input[used++]);
            if (collected_ == wanted_) {
                collected_ = 0;
                what = take_header();
            }
        }
        if (what == What::more && phase_ == Phase::data && left_ == 0) {
            what = end_frame();
        }
    }
    return what;
}

/// A part of the header is complete.
Reader::What Reader::take_header() noexcept {
    switch (phase_) {
        case Phase::head: return begin_frame();
        case Phase::length:
            left_ = 0;
            for (std::size_t i = 0; i < wanted_; ++i) {
                left_ = left_ << 8 | header_[i];
            }
            return begin_payload();
        default:
            std::memcpy(mask_.data(), header_.data(), mask_.size());
            mask_at_ = 0;
            phase_ = Phase::data;
            return What::more;
    }
}

Reader::What Reader::begin_frame() noexcept {
    final_ = (header_[0] & 0x80) != 0;
    opcode_ = static_cast<Opcode>(header_[0] & 0x0F);
    const bool masked = (header_[1] & 0x80) != 0;
    const unsigned length = header_[1] & 0x7F;
    const bool data = opcode_ == Opcode::text || opcode_ == Opcode::binary;
    const bool known = data || opcode_ == Opcode::continuation ||
                       (opcode_ >= Opcode::close && opcode_ <= Opcode::pong);
    if ((header_[0] & 0x70) != 0 || !known || !masked ||
        (control() && (!final_ || length > control_max)) || (data && in_message_) ||
        (opcode_ == Opcode::continuation && !in_message_)) {
        return fail(close_code::protocol_error);
    }
    if (data) {
        type_ = opcode_;
        in_message_ = true;
        utf8_.reset();
    } else if (control()) {
        control_.clear();
    }
    if (length >= 126) {
        phase_ = Phase::length;
        wanted_ = length == 126 ? 2 : 8;
        return What::more;
    }
    left_ = length;
    return begin_payload();
}

Reader::What Reader::begin_payload() noexcept {
    if (!control() && left_ > message_max_ - message_.size()) {
        return fail(left_ >> 63 != 0 ? close_code::protocol_error : close_code::too_big);
    }
    phase_ = Phase::mask;
    wanted_ = 4;
    return What::more;
}

Reader::What Reader::take_data(std::string_view data) {
    left_ -= data.size();
    if (control()) {
        control_.append(data);
        return What::more;
    }
    if (type_ == Opcode::text && !utf8_.add(data)) {
        return fail(close_code::bad_text);
    }
    message_.append(data);
    return What::more;
}

Reader::What Reader::end_frame() {
    phase_ = Phase::head;
    wanted_ = 2;
    if (control()) {
        payload_ = control_.view();
        return opcode_ == Opcode::close  ? end_close()
               : opcode_ == Opcode::ping ? What::ping
                                         : What::pong;
    }
    if (!final_) {
        return What::more;
    }
    in_message_ = false;
    if (type_ == Opcode::text && !utf8_.complete()) {
        return fail(close_code::bad_text);
    }
    delivered_ = true;
    payload_ = message_.view();
    return What::message;
}

Reader::What Reader::end_close() noexcept {
    if (payload_.empty()) {
        code_ = close_code::none;
        return What::close;
    }
    Utf8Check reason;
    if (payload_.size() < 2) {
        return fail(close_code::protocol_error);
    }
    code_ = static_cast<std::uint16_t>(static_cast<unsigned char>(payload_[0]) << 8 |
                                       static_cast<unsigned char>(payload_[1]));
    payload_.remove_prefix(2);
    if (!valid_close_code(code_)) {
        return fail(close_code::protocol_error);
    }
    if (!reason.add(payload_) || !reason.complete()) {
        return fail(close_code::bad_text);
    }
    return What::close;
}

void append_frame(Bytes& out, Opcode opcode, std::string_view payload) {
    char* const head = out.reserve(payload.size() + 10);
    std::size_t size = 2;
    head[0] = static_cast<char>(0x80 | static_cast<unsigned>(opcode));
    if (payload.size() <= control_max) {
        head[1] = static_cast<char>(payload.size());
    } else {
        const std::size_t octets = payload.size() <= UINT16_MAX ? 2 : 8;
        head[1] = octets == 2 ? 126 : 127;
        for (std::size_t i = 0; i < octets; ++i) {
            head[size++] = static_cast<char>(payload.size() >> (8 * (octets - 1 - i)));
        }
    }
    out.commit(size);
    out.append(payload);
}

void append_close(Bytes& out, std::uint16_t code) {
    const char text[2] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    append_frame(out, Opcode::close,
                 {text, code == close_code::none ? std::size_t{0} : std::size_t{2}});
}

}  // namespace corevent::ws
