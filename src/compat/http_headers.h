// Header lists: struct evkeyvalq in the layout of TAILQ, so that programs can walk them. Pairs and
// strings come from the replaceable allocator. A list belongs to its request or to the program; one
// thread at a time. Nothing here knows what a field means.
#pragma once

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <string_view>

namespace corevent::compat {

inline void init_headers(evkeyvalq& list) noexcept {
    list.tqh_first = nullptr;
    list.tqh_last = &list.tqh_first;
}

/// Adds copies at the end without looking at what is in them. False when memory is short.
bool append_header(evkeyvalq& list, std::string_view key, std::string_view value) noexcept;

/// The first pair of that name (any case), or null.
evkeyval* find_pair(const evkeyvalq& list, std::string_view key) noexcept;

/// Unlinks and frees one pair of the list.
void remove_pair(evkeyvalq& list, evkeyval& pair) noexcept;

}  // namespace corevent::compat
