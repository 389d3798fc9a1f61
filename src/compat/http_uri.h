// struct evhttp_uri: the parts of a URI as strings of the replaceable allocator. Owned by whoever
// made it (a request contains that of its target, which is taken apart when somebody asks); one
// thread at a time.
#pragma once

#include "codec/uri.h"

#include <event2/http.h>

#include <string_view>

struct evhttp_uri {
    unsigned flags = 0;
    char* scheme = nullptr;
    char* userinfo = nullptr;
    char* host = nullptr;
    int port = -1;
    char* path = nullptr;
    char* query = nullptr;
    char* fragment = nullptr;
    const char* pending = nullptr;   ///< a text to be taken apart first; not owned
    bool pending_authority = false;  ///< it is host:port alone
};

namespace corevent::compat {

/// A URI of ready parts; null when memory is short.
evhttp_uri* make_uri(const uri::Parts& parts, unsigned flags) noexcept;

/// Frees the parts; an empty URI again.
void clear_uri(evhttp_uri& uri) noexcept;

}  // namespace corevent::compat
