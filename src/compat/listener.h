// What the library itself asks of an evconnlistener beyond <event2/listener.h>.
#pragma once

#include <event2/listener.h>
#include <event2/util.h>

namespace corevent::compat {

/// Frees `listener` and leaves its socket open. Returns the descriptor that evconnlistener_free()
/// would have closed, -1 if none.
evutil_socket_t release_listener(evconnlistener& listener) noexcept;

}  // namespace corevent::compat
