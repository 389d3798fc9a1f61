#include "codec/ws.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace corevent::ws {
namespace {

using namespace std::string_view_literals;

/// A frame as a client sends it: `first` is the octet with FIN and opcode.
std::string frame(unsigned first, std::string_view payload) {
    static constexpr std::string_view mask = "\x12\x34\x56\x78";
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) {
        out += static_cast<char>(0x80 | payload.size());
    } else {
        out += static_cast<char>(0x80 | 126);
        out += static_cast<char>(payload.size() >> 8);
        out += static_cast<char>(payload.size());
    }
    out += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        out += static_cast<char>(payload[i] ^ mask[i % 4]);
    }
    return out;
}

/// What the reader says about `octets` that come in steps of `step`.
std::string show(std::string octets, std::size_t step, std::size_t message_bytes = 1000) {
    Reader reader(message_bytes);
    std::string said;
    for (std::size_t at = 0; at < octets.size();) {
        std::size_t used = 0;
        const std::size_t size = std::min(step, octets.size() - at);
        const Reader::What what = reader.read(octets.data() + at, size, used);
        at += used;
        const std::string payload(reader.payload());
        switch (what) {
            case Reader::What::more: break;
            case Reader::What::message:
                said += (reader.type() == Opcode::text ? "text:" : "binary:") + payload + ";";
                break;
            case Reader::What::ping: said += "ping:" + payload + ";"; break;
            case Reader::What::pong: said += "pong:" + payload + ";"; break;
            case Reader::What::close:
                return said + "close:" + std::to_string(reader.code()) + ":" + payload;
            case Reader::What::failed: return said + "failed:" + std::to_string(reader.code());
        }
    }
    return said;
}

void expect(const std::string& octets, std::string_view said, std::size_t message_bytes = 1000) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, octets.size()}) {
        EXPECT_EQ(show(octets, step, message_bytes), said) << "in steps of " << step;
    }
}

TEST(Ws, Handshake) {
    const auto accept = accept_for("dGhlIHNhbXBsZSBub25jZQ==");  // RFC 6455 1.3
    EXPECT_EQ(std::string_view(accept.data(), accept.size()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_TRUE(valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
    EXPECT_FALSE(valid_key("dGhlIHNhbXBsZSBub25jZQ="));
    EXPECT_FALSE(valid_key("dGhlIHNhbXBsZSBub25jZ!=="));
    EXPECT_FALSE(valid_key(""));
}

TEST(Ws, Messages) {
    expect(frame(0x81, "Hello"), "text:Hello;");
    expect(frame(0x82, "\0\1"sv), "binary:\0\1;"sv);
    expect(frame(0x81, "") + frame(0x81, "x"), "text:;text:x;");
    expect(frame(0x81, std::string(300, 'a')), "text:" + std::string(300, 'a') + ";");
    expect(frame(0x01, "Hel") + frame(0x00, "l") + frame(0x80, "o"), "text:Hello;");
    expect(frame(0x01, "Hel") + frame(0x89, "p") + frame(0x80, "lo") + frame(0x8A, ""),
           "ping:p;text:Hello;pong:;");
}

TEST(Ws, RulesOfFrames) {
    expect("\x81\x01x", "failed:1002");       // not masked
    expect(frame(0xC1, "x"), "failed:1002");  // RSV1
    expect(frame(0x83, "x"), "failed:1002");  // unknown opcode
    expect(frame(0x8B, "x"), "failed:1002");
    expect(frame(0x09, "x"), "failed:1002");                     // a ping in fragments
    expect(frame(0x89, std::string(126, 'x')), "failed:1002");   // a long ping
    expect(frame(0x80, "x"), "failed:1002");                     // nothing to go on with
    expect(frame(0x01, "x") + frame(0x81, "y"), "failed:1002");  // a message in another
    expect(frame(0x82, std::string(11, 'x')), "failed:1009", 10);
    expect(frame(0x02, std::string(6, 'x')) + frame(0x80, std::string(5, 'x')), "failed:1009", 10);
    expect("\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "failed:1002");
}

TEST(Ws, Text) {
    expect(frame(0x01, "\xC3") + frame(0x80, "\xA4"), "text:\xC3\xA4;");
    for (const std::string_view bad : {"\xC3"sv, "\xC0\xAF"sv, "\xED\xA0\x80"sv, "\xF5"sv, "\x80"sv,
                                       "\xE0\x9F\xBF"sv, "\xF4\x90\x80\x80"sv}) {
        expect(frame(0x81, bad), "failed:1007");
    }
    expect(frame(0x82, "\xC3"), "binary:\xC3;");
}

TEST(Ws, Closing) {
    expect(frame(0x88, ""), "close:1005:");
    expect(frame(0x88, "\x03\xE8"), "close:1000:");
    expect(frame(0x88, "\x0B\xB8why"), "close:3000:why");
    expect(frame(0x88, "x"), "failed:1002");
    expect(frame(0x88, "\x03\xED"), "failed:1002");  // 1005
    expect(frame(0x88, "\x03\xE7"), "failed:1002");  // 999
    expect(frame(0x88, "\x03\xE8\xFF"), "failed:1007");
}

TEST(Ws, Writing) {
    Bytes out;
    append_frame(out, Opcode::text, "abc");
    EXPECT_EQ(out.view(),
              "\x81\x03"
              "abc");
    out.clear();
    append_frame(out, Opcode::binary, std::string(200, 'x'));
    EXPECT_EQ(out.view().substr(0, 4), "\x82\x7E\x00\xC8"sv);
    out.clear();
    append_frame(out, Opcode::binary, std::string(70000, 'x'));
    EXPECT_EQ(out.view().substr(0, 10), "\x82\x7F\0\0\0\0\0\x01\x11\x70"sv);
    out.clear();
    append_close(out, close_code::normal);
    append_close(out, close_code::none);
    EXPECT_EQ(out.view(), "\x88\x02\x03\xE8\x88\x00"sv);
}

}  // namespace
}  // namespace corevent::ws
