// Status codes and their phrases (RFC 9110 15 and the IANA registry). A constant table; any thread. Unknown codes have an
// empty phrase, which the grammar of RFC 9112 4 permits.
#pragma once

#include <string_view>

namespace corevent {

/// "Not Found" for 404; "" for a code that is not registered.
std::string_view status_phrase(int status) noexcept;

/// Answers that never carry a body whatever their fields say: 1xx, 204 and 304 (RFC 9112 6.3).
constexpr bool status_forbids_body(int status) noexcept {
    return (status >= 100 && status < 200) || status == 204 || status == 304;
}

}  // namespace corevent
