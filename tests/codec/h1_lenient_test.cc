#include "codec/h1_lenient.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

namespace corevent::h1 {
namespace {

/// Parses `text` in steps of `step` bytes, with remedies; gives what it was rewritten to, with the
/// size of the header, or the name of the refusal.
std::string parse(std::string_view text, std::size_t step, const Leniency& leniency = {}) {
    Bytes bytes;
    HeadParser parser;
    RequestHead head;
    for (std::size_t at = 0; at < text.size(); at += step) {
        bytes.append(text.substr(at, step));
        ParseResult result;
        Remedy remedy = Remedy::done;
        while (remedy == Remedy::done) {
            std::memset(bytes.reserve(padding), 0, padding);
            result = parser.parse(bytes.data(), bytes.size(), head);
            remedy = Remedy::none;
            if (result.state == ParseState::refused) {
                remedy = repair_request(bytes, result, leniency);
                parser.reset();
            }
        }
        if (result.state == ParseState::refused && remedy == Remedy::none) {
            return std::string(refusal_info(result.refusal).name);
        }
        if (result.state == ParseState::complete) {
            bytes.append(text.substr(std::min(text.size(), at + step)));
            return std::string(bytes.view()) + "|" + std::to_string(result.offset);
        }
    }
    return "incomplete";
}

struct Case {
    std::string_view text;
    std::string_view expected;
};

void check(const Case& wanted, const Leniency& leniency = {}) {
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, wanted.text.size()}) {
        EXPECT_EQ(parse(wanted.text, step, leniency), wanted.expected)
            << wanted.text << " in steps of " << step;
    }
}

TEST(H1Lenient, FoldedLinesAreJoined) {
    check({"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nA: b c\r\n\r\n|35"});
    check({"GET / HTTP/1.1\r\nHost: x\r\nA: b \t\r\n \t c\r\n\td\r\nE: f\r\n g\r\n\r\n body\r\n x",
           "GET / HTTP/1.1\r\nHost: x\r\nA: b c d\r\nE: f g\r\n\r\n body\r\n x|45"});
    check({"GET / HTTP/1.1\r\nHost: x\r\nA:\r\n b\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n|33"});
    check({"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n \r\nC: d\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nA: b \r\nC: d\r\n\r\n|40"});
}

TEST(H1Lenient, AFoldNeedsAField) {
    check({"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "obs_fold"});
}

TEST(H1Lenient, AFoldedLengthIsRefused) {
    check({"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n 2\r\n\r\n", "bad_content_length"});
    check({"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n x\r\n\r\n",
           "bad_transfer_encoding"});
}

TEST(H1Lenient, SpaceBehindTheVersion) {
    check({"GET / HTTP/1.1 \t \r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n|27"});
    check({"GET / HTTP/1.1 x\r\nHost: x\r\n\r\n", "bad_version"});
    check({"GET / HTTP/1. 1\r\nHost: x\r\n\r\n", "bad_version"});
}

TEST(H1Lenient, LineEndsAndHostOnlyWhenAsked) {
    const Leniency both{true, true};
    check({"GET / HTTP/1.1\nHost: x\n\nrest\n", "bare_lf"});
    check({"GET / HTTP/1.1\r\n\r\n", "missing_host"});
    check({"GET / HTTP/1.1\nHost: x\r\nA: b\n\nrest\n",
           "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\nrest\n|33"},
          both);
    check({"GET / HTTP/1.1\r\nA: b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\nHost:\r\n\r\n|31"}, both);
    check({"GET / HTTP/1.1\n\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n|25"}, both);
    check({"GET / HTTP/1.1\r\nHost: x\r\nA\n: b\r\n\r\n", "missing_colon"}, both);
}

}  // namespace
}  // namespace corevent::h1
