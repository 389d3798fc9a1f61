#include "compat/http_uri.h"

#include "compat/alloc.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

namespace corevent::compat {
namespace {

uri::Grammar grammar_of(unsigned flags) noexcept {
    return (flags & EVHTTP_URI_NONCONFORMANT) != 0 ? uri::Grammar::any_octet
                                                   : uri::Grammar::rfc3986;
}

/// Replaces `part` by a copy; absent for a null view. False when memory is short.
bool store(char*& part, std::string_view text) noexcept {
    char* copy = nullptr;
    if (text.data() != nullptr) {
        copy = static_cast<char*>(mm_malloc(text.size() + 1));
        if (copy == nullptr) {
            return false;
        }
        std::memcpy(copy, text.data(), text.size());
        copy[text.size()] = '\0';
    }
    mm_free(part);
    part = copy;
    return true;
}

std::string_view view(const char* text) noexcept {
    return text != nullptr ? std::string_view(text) : std::string_view();
}

/// Sets a part that was found valid.
int set(char*& part, const char* text, bool valid) noexcept {
    return (text == nullptr || valid) && store(part, view(text)) ? 0 : -1;
}

/// Collects pieces in a buffer of the caller's and notices when it is full.
class Joiner {
public:
    Joiner(char* buffer, std::size_t limit) noexcept : buffer_(buffer), left_(limit) {}
    void add(std::string_view text) noexcept {
        if (text.empty()) {
            return;
        }
        if (text.size() >= left_) {  // room for the NUL
            left_ = 0;
            return;
        }
        std::memcpy(buffer_, text.data(), text.size());
        buffer_ += text.size();
        left_ -= text.size();
    }
    bool finish() noexcept {
        if (left_ == 0) {
            return false;
        }
        *buffer_ = '\0';
        return true;
    }

private:
    char* buffer_;
    std::size_t left_;
};

bool store_parts(evhttp_uri& uri, const uri::Parts& parts) noexcept {
    uri.port = parts.port;
    return store(uri.scheme, parts.scheme) && store(uri.userinfo, parts.userinfo) &&
           store(uri.host, parts.host) && store(uri.path, parts.path) &&
           store(uri.query, parts.query) && store(uri.fragment, parts.fragment);
}

/// The parts of the text that is pending, if any. That it is a URI was found out when it was set.
void take_apart(evhttp_uri& uri) noexcept {
    const char* const text = std::exchange(uri.pending, nullptr);
    if (text == nullptr) {
        return;
    }
    if (uri.pending_authority) {
        const std::string authority = std::string("//") + text;
        if (const auto parts = uri::parse(authority, grammar_of(uri.flags))) {
            store_parts(uri, *parts);
        }
    } else if (const auto parts = uri::parse(text, grammar_of(uri.flags))) {
        store_parts(uri, *parts);
    }
}

/// The getters promise not to change what the caller sees.
const evhttp_uri& whole(const evhttp_uri* uri) noexcept {
    if (uri->pending != nullptr) {
        take_apart(*const_cast<evhttp_uri*>(uri));
    }
    return *uri;
}

}  // namespace

evhttp_uri* make_uri(const uri::Parts& parts, unsigned flags) noexcept {
    evhttp_uri* const made = evhttp_uri_new();
    if (made == nullptr) {
        return nullptr;
    }
    made->flags = flags;
    if (!store_parts(*made, parts)) {
        evhttp_uri_free(made);
        return nullptr;
    }
    return made;
}

void clear_uri(evhttp_uri& uri) noexcept {
    if (uri.pending == nullptr) {
        for (char* part : {uri.scheme, uri.userinfo, uri.host, uri.path, uri.query, uri.fragment}) {
            mm_free(part);
        }
    }
    uri = evhttp_uri{};
}

}  // namespace corevent::compat

using namespace corevent;
using namespace corevent::compat;

extern "C" {

evhttp_uri* evhttp_uri_new(void) {
    auto* const made = static_cast<evhttp_uri*>(mm_malloc(sizeof(evhttp_uri)));
    if (made != nullptr) {
        *made = evhttp_uri{};
    }
    return made;
}

void evhttp_uri_free(evhttp_uri* uri) {
    clear_uri(*uri);
    mm_free(uri);
}

void evhttp_uri_set_flags(evhttp_uri* uri, unsigned flags) {
    uri->flags = flags;
}

const char* evhttp_uri_get_scheme(const evhttp_uri* uri) {
    return whole(uri).scheme;
}
const char* evhttp_uri_get_userinfo(const evhttp_uri* uri) {
    return whole(uri).userinfo;
}
const char* evhttp_uri_get_host(const evhttp_uri* uri) {
    return whole(uri).host;
}
int evhttp_uri_get_port(const evhttp_uri* uri) {
    return whole(uri).port;
}
const char* evhttp_uri_get_path(const evhttp_uri* uri) {
    return whole(uri).path;
}
const char* evhttp_uri_get_query(const evhttp_uri* uri) {
    return whole(uri).query;
}
const char* evhttp_uri_get_fragment(const evhttp_uri* uri) {
    return whole(uri).fragment;
}

int evhttp_uri_set_scheme(evhttp_uri* uri, const char* scheme) {
    return set(uri->scheme, scheme, uri::valid_scheme(view(scheme)));
}
int evhttp_uri_set_userinfo(evhttp_uri* uri, const char* userinfo) {
    return set(uri->userinfo, userinfo, uri::valid_userinfo(view(userinfo)));
}
int evhttp_uri_set_host(evhttp_uri* uri, const char* host) {
    return set(uri->host, host, uri::valid_host(view(host)));
}
int evhttp_uri_set_port(evhttp_uri* uri, int port) {
    if (port < -1) {
        return -1;
    }
    uri->port = port;
    return 0;
}
int evhttp_uri_set_path(evhttp_uri* uri, const char* path) {
    return set(uri->path, path, uri::valid_path(view(path), grammar_of(uri->flags)));
}
int evhttp_uri_set_query(evhttp_uri* uri, const char* query) {
    return set(uri->query, query, uri::valid_query(view(query), grammar_of(uri->flags)));
}
int evhttp_uri_set_fragment(evhttp_uri* uri, const char* fragment) {
    return set(uri->fragment, fragment,
               uri::valid_fragment(view(fragment), grammar_of(uri->flags)));
}

evhttp_uri* evhttp_uri_parse_with_flags(const char* source_uri, unsigned flags) {
    const auto parts = uri::parse(source_uri, grammar_of(flags));
    return parts ? make_uri(*parts, flags) : nullptr;
}

evhttp_uri* evhttp_uri_parse(const char* source_uri) {
    return evhttp_uri_parse_with_flags(source_uri, 0);
}

char* evhttp_uri_join(evhttp_uri* uri, char* buf, std::size_t limit) {
    const std::string_view path = view(whole(uri).path);
    if (uri->host != nullptr && !path.empty() && path[0] != '/') {
        return nullptr;  // it would run into the host
    }
    Joiner out(buf, limit);
    if (uri->scheme != nullptr) {
        out.add(uri->scheme);
        out.add(":");
    }
    if (uri->host != nullptr) {
        out.add("//");
        if (uri->userinfo != nullptr) {
            out.add(uri->userinfo);
            out.add("@");
        }
        out.add(uri->host);
        if (uri->port >= 0) {
            std::array<char, 12> digits{};
            const auto end =
                std::to_chars(digits.data(), digits.data() + digits.size(), uri->port).ptr;
            out.add(":");
            out.add({digits.data(), static_cast<std::size_t>(end - digits.data())});
        }
    }
    out.add(path);
    if (uri->query != nullptr) {
        out.add("?");
        out.add(uri->query);
    }
    if (uri->fragment != nullptr) {
        out.add("#");
        out.add(uri->fragment);
    }
    return out.finish() ? buf : nullptr;
}
}
