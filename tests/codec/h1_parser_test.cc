#include "codec/h1_parser.h"

#include "h1_cases.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace corevent::h1 {
namespace {

using namespace std::string_view_literals;
using test::expect_outcome;

struct Case {
    std::string_view bytes;
    std::string_view outcome;
};

constexpr Case accepted[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET / 1.1 | Host: a"},
    {"GET / HTTP/1.0\r\n\r\n"sv, "GET / 1.0 [close]"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"sv, "GET / 1.0 | Connection: keep-alive"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"sv,
     "GET / 1.0 [close] | Connection: keep-alive, close"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"sv,
     "GET / 1.1 [close] | Host: a | Connection: close"},
    {"GET / HTTP/1.1\r\nHost: a\r\nconnection: TE , Close\r\n\r\n"sv,
     "GET / 1.1 [close] | Host: a | connection: TE , Close"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n"sv,
     "GET / 1.1 [close] | Host: a | Connection: x | Connection: close"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: \"close\"\r\n\r\n"sv,
     "GET / 1.1 | Host: a | Connection: \"close\""},
    // one empty line before the request (RFC 9112 2.2)
    {"\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET /x 1.1 | Host: a"},
    // other minor versions are read as 1.1 (RFC 9110 2.5)
    {"GET / HTTP/1.9\r\nHost: a\r\n\r\n"sv, "GET / 1.1 | Host: a"},
    // methods
    {"M-SEARCH!#$%&'*+.^_`|~09 /x HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "M-SEARCH!#$%&'*+.^_`|~09 /x 1.1 | Host: a"},
    {"GOT /x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GOT /x 1.1 | Host: a"},
    {"get /x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "get /x 1.1 | Host: a"},
    {"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "DELETE /x 1.1 | Host: a"},
    // targets
    {"GET /a%20b?x=|{}\"<>\\^`[] HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET /a%20b?x=|{}\"<>\\^`[] 1.1 | Host: a"},
    {"GET //x HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET //x 1.1 | Host: a"},
    {"GET http://b.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET http://b.example:81/p?q 1.1 [absolute] host=b.example:81 path=/p?q | Host: a"},
    {"GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET HTTPS://b 1.1 [absolute] host=b path= | Host: a"},
    {"GET http://[::1]:80?q HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "GET http://[::1]:80?q 1.1 [absolute] host=[::1]:80 path=?q | Host: a"},
    {"CONNECT h.example:443 HTTP/1.1\r\nHost: h.example\r\n\r\n"sv,
     "CONNECT h.example:443 1.1 [authority] | Host: h.example"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"sv, "OPTIONS * 1.1 [asterisk] | Host: a"},
    // fields: white space, empty values, obs-text, HTAB, long names
    {"GET / HTTP/1.1\r\nHost:a\r\nX:\r\nY: \t \r\nZ:\t b \t c \t \r\n\r\n"sv,
     "GET / 1.1 | Host: a | X:  | Y:  | Z: b \t c"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: gr\xC3\xBC\xFF\x80\r\n\r\n"sv,
     "GET / 1.1 | Host: a | X: gr\xC3\xBC\xFF\x80"},
    {"GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: v\r\n\r\n"sv,
     "GET / 1.1 | Host: a | !#$%&'*+-.^_`|~09azAZ: v"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade-Insecure-Requests-And-More-Of-It: 1\r\n\r\n"sv,
     "GET / 1.1 | Host: a | Upgrade-Insecure-Requests-And-More-Of-It: 1"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Thirty-Two-Characters-In-Name: 1\r\n\r\n"sv,
     "GET / 1.1 | Host: a | X-Thirty-Two-Characters-In-Name: 1"},
    {"GET / HTTP/1.1\r\nhOsT: a\r\nACCEPT-encoding: gzip\r\nhost2: b\r\n\r\n"sv,
     "GET / 1.1 | hOsT: a | ACCEPT-encoding: gzip | host2: b"},
    // Host
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n"sv, "GET / 1.1 | Host: "},
    {"GET / HTTP/1.1\r\nHost: a.b-c_d~e:8080\r\n\r\n"sv, "GET / 1.1 | Host: a.b-c_d~e:8080"},
    {"GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n"sv, "GET / 1.1 | Host: a:65535"},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n"sv, "GET / 1.1 | Host: a:"},
    {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"sv, "GET / 1.1 | Host: [2001:db8::1]:443"},
    {"GET / HTTP/1.1\r\nHost: caf%C3%A9.example\r\n\r\n"sv, "GET / 1.1 | Host: caf%C3%A9.example"},
    // framing
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"sv,
     "POST / 1.1 [length=5] | Host: a | Content-Length: 5"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n"sv,
     "POST / 1.1 [length=18446744073709551615] | Host: a | Content-Length: "
     "18446744073709551615"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0007\r\n\r\n"sv,
     "POST / 1.1 [length=7] | Host: a | Content-Length: 0007"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"sv,
     "POST / 1.1 [chunked] | Host: a | Transfer-Encoding: Chunked"},
    // expectation, upgrade
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"sv,
     "PUT / 1.1 [continue] [length=1] | Host: a | Expect: 100-Continue | Content-Length: 1"},
    {"PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"sv,
     "PUT / 1.0 [close] | Expect: 100-continue"},
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"sv,
     "PUT / 1.1 [expect?] | Host: a | Expect: more"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"sv,
     "GET / 1.1 [upgrade] | Host: a | Upgrade: websocket | Connection: Upgrade"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"sv,
     "GET / 1.1 | Host: a | Upgrade: websocket"},
    {"GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: upgrade, keep-alive\r\n\r\n"sv,
     "GET / 1.0 | Upgrade: x | Connection: upgrade, keep-alive"},
};

constexpr Case refused[] = {
    // request line
    {"\0GET / HTTP/1.1\r\n"sv, "bad_method@0"},
    {" GET / HTTP/1.1\r\n"sv, "bad_method@0"},
    {"GE\tT / HTTP/1.1\r\n"sv, "bad_method@2"},
    {"GET\t/ HTTP/1.1\r\n"sv, "bad_method@3"},
    {"G(T / HTTP/1.1\r\n"sv, "bad_method@1"},
    {"G\x80T / HTTP/1.1\r\n"sv, "bad_method@1"},
    {"GET\r\n\r\n"sv, "bad_method@3"},
    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv, "bad_method@0"},  // a TLS ClientHello
    {"\nGET / HTTP/1.1\r\n"sv, "bare_lf@0"},
    {"\rGET / HTTP/1.1\r\n"sv, "bare_cr@1"},
    {"\r\n\r\nGET / HTTP/1.1\r\n"sv, "bad_method@2"},
    {"\r\n\nGET / HTTP/1.1\r\n"sv, "bare_lf@2"},
    {"GET  / HTTP/1.1\r\n"sv, "bad_target@4"},
    {"GET /a\0b HTTP/1.1\r\n"sv, "bad_target@6"},
    {"GET /a\tb HTTP/1.1\r\n"sv, "bad_target@6"},
    {"GET /a\x7F HTTP/1.1\r\n"sv, "bad_target@6"},
    {"GET /caf\xC3\xA9 HTTP/1.1\r\n"sv, "bad_target@8"},
    {"GET /a#b HTTP/1.1\r\n"sv, "fragment_in_target@6"},
    {"GET \r\n"sv, "bad_target@4"},
    {"GET /\r\n\r\n"sv, "missing_version@5"},
    {"GET /\n"sv, "bare_lf@5"},
    {"GET /  HTTP/1.1\r\n"sv, "bad_version@6"},
    {"GET /a b HTTP/1.1\r\n"sv, "bad_version@7"},
    {"GET / HTTP/1.1 \r\n"sv, "bad_version@14"},
    {"GET / HTTP/1.1\n"sv, "bare_lf@14"},
    {"GET / HTTP/1.1\rX"sv, "bare_cr@15"},
    {"GET / HTTP/1.1\r\r\n"sv, "bare_cr@15"},
    {"GET / HTTP/1.10\r\n"sv, "bad_version@14"},
    {"GET / HTTP/1\r\n"sv, "bad_version@12"},
    {"GET / HTTP/11\r\n"sv, "bad_version@12"},
    {"GET / HTTP/1.x\r\n"sv, "bad_version@13"},
    {"GET / HTTP/x.1\r\n"sv, "bad_version@11"},
    {"GET / http/1.1\r\n"sv, "bad_version@6"},
    {"GET / HTTPS/1.1\r\n"sv, "bad_version@10"},
    {"GET / HTTP/ 1.1\r\n"sv, "bad_version@11"},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n"sv, "unsupported_version@13"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, "unsupported_version@13"},
    {"GET / HTTP/0.9\r\n"sv, "unsupported_version@13"},
    // target forms
    {"GET x HTTP/1.1\r\n"sv, "bad_target_form@4"},
    {"GET ?x HTTP/1.1\r\n"sv, "bad_target_form@4"},
    {"GET * HTTP/1.1\r\n"sv, "bad_target_form@4"},
    {"OPTIONS ** HTTP/1.1\r\n"sv, "bad_target_form@8"},
    {"GET a.example:80 HTTP/1.1\r\n"sv, "bad_target_form@4"},
    {"GET ftp://a/ HTTP/1.1\r\n"sv, "bad_target_form@4"},
    {"GET http:/a HTTP/1.1\r\n"sv, "bad_target_form@4"},
    {"GET http:///a HTTP/1.1\r\n"sv, "bad_authority@4"},
    {"GET http://u:p@a/ HTTP/1.1\r\n"sv, "bad_authority@4"},
    {"GET http://a:b/ HTTP/1.1\r\n"sv, "bad_authority@4"},
    {"GET http://a:99999/ HTTP/1.1\r\n"sv, "bad_authority@4"},
    {"GET http://[::1/ HTTP/1.1\r\n"sv, "bad_authority@4"},
    {"CONNECT / HTTP/1.1\r\n"sv, "bad_authority@8"},
    {"CONNECT a.example HTTP/1.1\r\n"sv, "bad_authority@8"},
    {"CONNECT a.example: HTTP/1.1\r\n"sv, "bad_authority@8"},
    {"CONNECT :443 HTTP/1.1\r\n"sv, "bad_authority@8"},
    {"CONNECT http://a:1/ HTTP/1.1\r\n"sv, "bad_authority@8"},
    // line ends and control characters in fields
    {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"sv, "bare_lf@23"},
    {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"sv, "bare_cr@24"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n"sv, "bare_lf@25"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\rX"sv, "bare_cr@26"},
    {"GET / HTTP/1.1\r\nX: a\r\r\n\r\n"sv, "bare_cr@21"},
    {"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"sv, "bad_field_value@20"},
    {"GET / HTTP/1.1\r\nX: \x01\r\n\r\n"sv, "bad_field_value@19"},
    {"GET / HTTP/1.1\r\nX: a\x0B\r\n\r\n"sv, "bad_field_value@20"},
    {"GET / HTTP/1.1\r\nX: a\x1F\r\n\r\n"sv, "bad_field_value@20"},
    {"GET / HTTP/1.1\r\nX: a\x7F\r\n\r\n"sv, "bad_field_value@20"},
    {"GET / HTTP/1.1\r\nX: a long value that goes on behind one step of any scanner\x7F\r\n\r\n"sv,
     "bad_field_value@75"},
    {"GET / HTTP/1.1\r\nX: \xC3\xA9 text that is not ASCII and then a \x08 control\r\n\r\n"sv,
     "bad_field_value@56"},
    // names
    {"GET / HTTP/1.1\r\n: a\r\n\r\n"sv, "empty_field_name@16"},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n"sv, "space_before_colon@20"},
    {"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"sv, "space_before_colon@20"},
    {"GET / HTTP/1.1\r\nA b: a\r\n\r\n"sv, "space_before_colon@17"},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n"sv, "obs_fold@16"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n"sv, "obs_fold@25"},
    {"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"sv, "obs_fold@25"},
    {"GET / HTTP/1.1\r\nHost\r\n\r\n"sv, "missing_colon@20"},
    {"GET / HTTP/1.1\r\nHo\nst: a\r\n\r\n"sv, "bare_lf@18"},
    {"GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n"sv, "bad_field_name@18"},
    {"GET / HTTP/1.1\r\nHo(st: a\r\n\r\n"sv, "bad_field_name@18"},
    {"GET / HTTP/1.1\r\n\"Host\": a\r\n\r\n"sv, "bad_field_name@16"},
    {"GET / HTTP/1.1\r\nHo\xC3\xA9: a\r\n\r\n"sv, "bad_field_name@18"},
    {"GET / HTTP/1.1\r\nTransfer_Encoding;: a\r\n\r\n"sv, "bad_field_name@33"},
    // Host
    {"GET / HTTP/1.1\r\n\r\n"sv, "missing_host@16"},
    {"GET http://a/ HTTP/1.1\r\n\r\n"sv, "missing_host@24"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"sv, "repeated_host@25"},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"sv, "repeated_host@25"},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a:80:81\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"sv, "bad_host@16"},
    {"GET / HTTP/1.1\r\nHost: caf\xC3\xA9\r\n\r\n"sv, "bad_host@16"},
    // Content-Length
    {"POST / HTTP/1.1\r\nContent-Length: \r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 5.0\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"sv, "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"sv,
     "bad_content_length@17"},
    {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"sv,
     "repeated_content_length@36"},
    {"POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n"sv,
     "repeated_content_length@36"},
    // Transfer-Encoding
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"sv,
     "length_and_transfer_encoding@73"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
     "length_and_transfer_encoding@73"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"sv,
     "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
     "bad_transfer_encoding@45"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"sv,
     "bad_transfer_encoding@45"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: ,chunked\r\n\r\n"sv, "bad_transfer_encoding@17"},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: \x0B"
     "chunked\r\n\r\n"sv,
     "bad_field_value@36"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"sv, "transfer_encoding_in_1_0@17"},
};

constexpr Case incomplete[] = {
    {""sv, "incomplete"},
    {"\r"sv, "incomplete"},
    {"\r\n"sv, "incomplete"},
    {"GET"sv, "incomplete"},
    {"GET / HTTP/1.1\r"sv, "incomplete"},
    {"GET / HTTP/1.1\r\nHost: a\r\n"sv, "incomplete"},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r"sv, "incomplete"},
    {"GET / HTTP/1.1\r\nHost: a\r"sv, "incomplete"},
    {"GET / HTTP/1.1\r\nHost:"sv, "incomplete"},
    {"GET / HTTP/1.1\r\nHo"sv, "incomplete"},
};

TEST(H1Parser, AcceptsRequests) {
    for (const Case& c : accepted) {
        expect_outcome<RequestHead>(c.bytes,
                                    std::string(c.outcome) + " #" + std::to_string(c.bytes.size()));
    }
}

TEST(H1Parser, RefusesAtTheFirstOffendingByte) {
    for (const Case& c : refused) {
        expect_outcome<RequestHead>(c.bytes, c.outcome);
    }
}

TEST(H1Parser, WaitsForMore) {
    for (const Case& c : incomplete) {
        expect_outcome<RequestHead>(c.bytes, c.outcome);
    }
}

TEST(H1Parser, EveryOctetInEveryPlace) {
    static constexpr std::string_view tokens = "!#$%&'*+-.^_`|~";
    for (int octet = 0; octet < 256; ++octet) {
        const char c = static_cast<char>(octet);
        const bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        const bool token = alphanumeric || (c != 0 && tokens.find(c) != std::string_view::npos);
        const bool target = octet > 0x20 && octet < 0x7F && c != '#';
        const bool value = c == '\t' || (octet >= 0x20 && octet != 0x7F);
        for (const std::size_t before : {0UZ, 3UZ, 15UZ, 31UZ, 40UZ}) {
            const std::string text = std::string(before, 'm') + c + "m";
            const std::tuple<std::string, bool, std::string_view> cases[] = {
                {text + " / HTTP/1.0\r\n\r\n", token, "method"},
                {"GET /" + text + " HTTP/1.0\r\n\r\n", target, "target"},
                {"GET / HTTP/1.0\r\n" + text + ": v\r\n\r\n", token || (c == ':' && before > 0),
                 "name"},
                {"GET / HTTP/1.0\r\nX: a" + text + "\r\n\r\n", value, "value"},
            };
            for (const Simd simd : test::variants()) {
                for (const auto& [bytes, good, place] : cases) {
                    const std::string outcome = test::parse_whole<RequestHead>(bytes, {}, simd);
                    const bool accepted_now = outcome.find('@') == std::string::npos ||
                                              outcome.find('#') != std::string::npos;
                    ASSERT_EQ(accepted_now && outcome != "incomplete", good)
                        << place << " with octet " << octet << " behind " << before << ": "
                        << outcome;
                    ASSERT_EQ(test::parse_bytewise<RequestHead>(bytes, {}, simd), outcome);
                }
            }
        }
    }
}

}  // namespace
}  // namespace corevent::h1
