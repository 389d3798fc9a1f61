// Remedies for requests that the parser refuses although RFC 9112 lets a server understand them, for
// the libevent API, whose programs meet such clients. The parser stays strict: a remedy rewrites the
// header that was refused, and the parser looks at it again. Nothing that makes the length of a
// message doubtful has a remedy. Stateless.
#pragma once

#include "buffer/bytes.h"
#include "codec/h1_parser.h"

#include <cstdint>

namespace corevent::h1 {

struct Leniency {
    bool bare_lf = false;       ///< lines may end in LF alone (RFC 9112 2.2)
    bool missing_host = false;  ///< HTTP/1.1 without Host: served as one with an empty Host
};

enum class Remedy : std::uint8_t {
    none,  ///< it stays refused
    done,  ///< rewritten: to be parsed anew from its beginning
    wait,  ///< to be parsed anew from its beginning when more has come
};

/// `bytes` begins with a header, of which all that came so far is there, and which was refused with
/// `refused`. Always remedied: a folded line is joined with one space (RFC 9112 5.2), white space
/// behind the version of the request line is dropped (RFC 9112 3). What lies behind the end of the
/// header stays as it is. The outcome does not depend on how the octets arrive.
Remedy repair_request(Bytes& bytes, const ParseResult& refused, const Leniency& leniency = {});

}  // namespace corevent::h1
