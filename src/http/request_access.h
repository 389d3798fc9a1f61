// RequestAccess: what the server's own handlers see of a Request beyond its public face: its exchange, and through it the
// classified head. Stateless; whoever holds the Request may use it.
#pragma once

#include <corevent/http/request.h>

namespace corevent::http {

struct RequestAccess {
    static Exchange& exchange(const Request& request) noexcept { return request.exchange_; }
};

}  // namespace corevent::http
