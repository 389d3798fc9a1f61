// Request targets, paths, queries and authorities (RFC 3986, RFC 9110 4.2). Stateless functions
// over views; results point into the input or into a buffer of the caller. Everything is decoded at
// most once. It resolves no names, opens no files and knows no schemes but http and https.
#pragma once

#include "buffer/bytes.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace corevent::url {

struct Target {
    std::string_view path;   ///< before the first '?', still encoded
    std::string_view query;  ///< behind it, still encoded, without the '?'
    bool has_query = false;
};
Target split_target(std::string_view target) noexcept;

enum class PathError : std::uint8_t {
    not_absolute,   ///< does not begin with '/'
    bad_escape,     ///< '%' without two hex digits
    nul,            ///< %00
    control,        ///< a control character, plain or escaped
    bad_utf8,       ///< not well-formed UTF-8: overlong, surrogate, truncated, above U+10FFFF
    encoded_slash,  ///< %2F: it would move the borders of segments
    escapes_root,   ///< ".." above the root
};
std::string_view path_error_text(PathError error) noexcept;

/// The path of a resource: split at '/', each segment decoded once, "." and ".." removed (RFC
/// 3986 5.2.4) whether they came encoded or not. The result is a view into `out`, whose former
/// content is lost; it begins with '/', keeps a trailing slash and empty segments ("//" stays), and
/// holds no "." or ".." segment. ".." above the root is an error and never silently cut.
std::expected<std::string_view, PathError> resolve_path(std::string_view path, Bytes& out);

/// Percent-decodes a part of a target once and appends it. Fails as resolve_path does, but lets %2F
/// through. With `plus_is_space` (form data: names and values of a query) '+' is a space and
/// control characters other than NUL are allowed, since texts have line ends. Appends nothing on
/// failure; the view lies in `out` and dangles when that grows.
std::expected<std::string_view, PathError> decode(std::string_view text, Bytes& out,
                                                  bool plus_is_space = false);

/// Appends `segment` so that it stands for itself as one path segment: all but unreserved
/// characters, sub-delims, ':' and '@' is escaped. "." and ".." cannot be escaped by any encoding;
/// the caller must not build links from them.
void encode_segment(std::string_view segment, Bytes& out);
/// The same for a path: '/' stays.
void encode_path(std::string_view path, Bytes& out);
/// Appends `text` as a key or value of a query (space becomes %20).
void encode_query(std::string_view text, Bytes& out);

/// Iterates over a query: "a=1&b&c=%20". Empty pieces are skipped. Names and values stay encoded;
/// decode() them with plus_is_space where they are wanted.
class Query {
public:
    struct Pair {
        std::string_view name;
        std::string_view value;
        bool has_value = false;
    };
    explicit Query(std::string_view query) noexcept : rest_(query) {}
    std::optional<Pair> next() noexcept;

private:
    std::string_view rest_;
};

struct HostPort {
    std::string_view host;  ///< without brackets
    std::uint16_t port = 0;
    bool has_port = false;
    bool is_ipv6 = false;  ///< was an IP literal in brackets (RFC 3986 3.2.2, also IPvFuture)
};
/// host[:port] as in Host and authority-form: reg-name, IPv4 or [IPv6]; a port of 1*5DIGIT up to
/// 65535, or an empty one (RFC 3986 3.2.3). No user information. An empty host is let through; the
/// caller decides.
std::optional<HostPort> parse_host_port(std::string_view text) noexcept;

/// True if `text` is an IPv6 address in the grammar of RFC 3986 3.2.2.
bool valid_ipv6(std::string_view text) noexcept;
/// True if `text` is well-formed UTF-8 (RFC 3629).
bool valid_utf8(std::string_view text) noexcept;

}  // namespace corevent::url
