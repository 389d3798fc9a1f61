// Percent-encoding, HTML escaping and queries (event2/http.h). The strings they return belong to the
// caller; nothing here keeps state.
#include "codec/uri.h"
#include "compat/alloc.h"
#include "compat/http_headers.h"

#include <event2/http.h>

#include <cstring>
#include <string_view>

namespace corevent::compat {
namespace {

enum class Plus : std::uint8_t { keep, space, space_in_query };

/// Decodes to `to`, which has room for all of it; returns the end. What is no escape stays.
char* decode(std::string_view text, Plus plus, char* to) noexcept {
    bool plus_is_space = plus == Plus::space;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '?' && plus == Plus::space_in_query) {
            plus_is_space = true;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            if (const int octet = uri::escaped_octet(text.substr(i)); octet >= 0) {
                c = static_cast<char>(octet);
                i += 2;
            }
        }
        *to++ = c;
    }
    return to;
}

char* decoded_copy(std::string_view text, Plus plus, std::size_t* size) noexcept {
    auto* const copy = static_cast<char*>(mm_malloc(text.size() + 1));
    if (copy == nullptr) {
        return nullptr;
    }
    char* const end = decode(text, plus, copy);
    *end = '\0';
    if (size != nullptr) {
        *size = static_cast<std::size_t>(end - copy);
    }
    return copy;
}

std::string_view html_entity(char c) noexcept {
    switch (c) {
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\'': return "&#039;";
        case '&': return "&amp;";
        default: return {};
    }
}

bool add_query_pair(std::string_view piece, evkeyvalq& list) noexcept {
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        return false;
    }
    char* const value = decoded_copy(piece.substr(equals + 1), Plus::space, nullptr);
    const bool added =
        value != nullptr && append_header(list, piece.substr(0, equals), std::string_view(value));
    mm_free(value);
    return added;
}

int parse_query(std::string_view query, evkeyvalq& list) noexcept {
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        if (!add_query_pair(query.substr(0, end), list)) {
            evhttp_clear_headers(&list);
            return -1;
        }
        if (end == std::string_view::npos) {
            break;
        }
        query.remove_prefix(end + 1);
    }
    return 0;
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent;
using namespace corevent::compat;

extern "C" {

char* evhttp_uriencode(const char* str, ev_ssize_t size, int space_to_plus) {
    static constexpr char digits[] = "0123456789ABCDEF";
    const std::string_view text(str, size >= 0 ? static_cast<std::size_t>(size) : std::strlen(str));
    if (text.size() > (SIZE_MAX - 1) / 3) {
        return nullptr;
    }
    auto* const copy = static_cast<char*>(mm_malloc(text.size() * 3 + 1));
    if (copy == nullptr) {
        return nullptr;
    }
    char* to = copy;
    for (const char c : text) {
        if (uri::unreserved(c)) {
            *to++ = c;
        } else if (c == ' ' && space_to_plus != 0) {
            *to++ = '+';
        } else {
            *to++ = '%';
            *to++ = digits[static_cast<unsigned char>(c) >> 4];
            *to++ = digits[static_cast<unsigned char>(c) & 15];
        }
    }
    *to = '\0';
    return copy;
}

char* evhttp_encode_uri(const char* str) {
    return evhttp_uriencode(str, -1, 0);
}

char* evhttp_uridecode(const char* uri, int decode_plus, std::size_t* size_out) {
    return decoded_copy(uri, decode_plus != 0 ? Plus::space : Plus::keep, size_out);
}

char* evhttp_decode_uri(const char* uri) {
    return decoded_copy(uri, Plus::space_in_query, nullptr);
}

char* evhttp_htmlescape(const char* html) {
    if (html == nullptr) {
        return nullptr;
    }
    const std::string_view text(html);
    std::size_t size = 1;
    for (const char c : text) {
        const std::size_t entity = html_entity(c).size();
        size += entity != 0 ? entity : 1;
    }
    auto* const copy = static_cast<char*>(mm_malloc(size));
    if (copy == nullptr) {
        return nullptr;
    }
    char* to = copy;
    for (const char c : text) {
        if (const std::string_view entity = html_entity(c); !entity.empty()) {
            std::memcpy(to, entity.data(), entity.size());
            to += entity.size();
        } else {
            *to++ = c;
        }
    }
    *to = '\0';
    return copy;
}

int evhttp_parse_query_str(const char* uri, evkeyvalq* headers) {
    init_headers(*headers);
    return uri != nullptr ? parse_query(uri, *headers) : 0;
}

int evhttp_parse_query(const char* uri, evkeyvalq* headers) {
    init_headers(*headers);
    const auto parts = uri::parse(uri);
    if (!parts) {
        return -1;
    }
    return parse_query(parts->query, *headers);
}
}
