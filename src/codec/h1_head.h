// The head of an HTTP/1 message as the parser leaves it: places in the bytes that were received,
// and what the fields mean for the message itself (framing, connection, expectation). Nothing is
// copied and nothing decoded; a head that must outlive its buffer is moved by copying `size` bytes
// elsewhere and setting `base`. Plain data, one owner, one thread. Reusing one object for many
// heads allocates nothing once its field table has grown.
#pragma once

#include "base/assert.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace corevent::h1 {

/// A place in the bytes behind `base`.
struct Slice {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};

enum class Method : std::uint8_t {
    other,  ///< a valid token that is none of these; the spelling is in `method`
    get,
    head,
    post,
    put,
    delete_,
    connect,
    options,
    trace,
    patch,
};

/// The spelling of a method ("" for other). Methods are case-sensitive (RFC 9110 9.1).
std::string_view method_name(Method method) noexcept;
Method method_from(std::string_view name) noexcept;

/// The names that corevent itself looks at. The parser classifies each field once, so that later
/// look-ups compare one byte instead of names.
enum class KnownField : std::uint8_t {
    other,
    host,
    connection,
    content_length,
    transfer_encoding,
    expect,
    upgrade,
    te,
    trailer,
    date,
    range,
    if_match,
    if_none_match,
    if_modified_since,
    if_unmodified_since,
    if_range,
    accept,
    accept_encoding,
    accept_language,
    accept_ranges,
    content_type,
    content_encoding,
    content_range,
    content_language,
    authorization,
    cookie,
    set_cookie,
    user_agent,
    referer,
    origin,
    server,
    location,
    etag,
    last_modified,
    vary,
    cache_control,
    age,
    allow,
    keep_alive,
    proxy_connection,
    proxy_authorization,
    retry_after,
    forwarded,
    x_forwarded_for,
    x_forwarded_proto,
    x_forwarded_host,
    x_request_id,
    traceparent,
    tracestate,
    sec_websocket_key,
    sec_websocket_version,
    sec_websocket_protocol,
    sec_websocket_extensions,
    http2_settings,
    proxy,
    max_forwards,
    pragma,
    www_authenticate,
    proxy_authenticate,
};
inline constexpr std::size_t known_field_count =
    static_cast<std::size_t>(KnownField::proxy_authenticate) + 1;
static_assert(known_field_count <= 64, "MessageHead::known is one 64-bit set");

/// The lower-case spelling ("" for other).
std::string_view known_field_name(KnownField id) noexcept;
/// Classifies a name whatever its case.
KnownField known_field(std::string_view name) noexcept;

/// Compares names without regard to ASCII case.
bool equal_names(std::string_view a, std::string_view b) noexcept;

/// One field line: the name as received, the value without the white space around it.
struct Field {
    Slice name;
    Slice value;
    KnownField id = KnownField::other;
};

/// The table of fields of one head. It keeps its memory over clear(); the copy is explicit.
class FieldList {
public:
    FieldList() noexcept = default;
    FieldList(const FieldList&) = delete;
    FieldList& operator=(const FieldList&) = delete;
    FieldList(FieldList&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    FieldList& operator=(FieldList&& other) noexcept {
        FieldList taken(std::move(other));
        std::swap(data_, taken.data_);
        std::swap(size_, taken.size_);
        std::swap(capacity_, taken.capacity_);
        return *this;
    }
    ~FieldList() { std::free(data_); }

    const Field* begin() const noexcept { return data_; }
    const Field* end() const noexcept { return data_ + size_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const Field& operator[](std::size_t index) const noexcept { return data_[index]; }

    void clear() noexcept { size_ = 0; }
    void release() noexcept { *this = FieldList(); }
    void assign(const FieldList& other);

    /// A new entry at the end, to be filled by the caller.
    Field& add() {
        if (size_ == capacity_) [[unlikely]] {
            grow(size_ + 1);
        }
        return data_[size_++];
    }

private:
    void grow(std::size_t wanted);

    Field* data_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

/// What a head says about its message, apart from the fields themselves.
struct MessageFacts {
    std::uint64_t known = 0;  ///< bit set over KnownField: which names occur
    std::uint64_t content_length = 0;
    std::uint32_t size = 0;  ///< bytes of the head with its final empty line; 0 until complete
    std::uint8_t version_minor = 1;      ///< 0 or 1; later minors read as 1 (RFC 9110 2.5)
    bool has_content_length = false;     ///< exactly one valid Content-Length
    bool chunked = false;                ///< Transfer-Encoding: chunked and nothing else
    bool keep_alive = true;              ///< RFC 9112 9.3: version and Connection tokens
    bool connection_close = false;       ///< Connection has the token `close`
    bool connection_keep_alive = false;  ///< ... `keep-alive`
    bool connection_upgrade = false;     ///< ... `upgrade`
    bool has_upgrade = false;  ///< Upgrade present and named by Connection, HTTP/1.1 (RFC 9110 7.8)
};

/// What requests, responses and trailer sections have in common.
struct MessageHead : MessageFacts {
    const char* base = nullptr;  ///< the first byte of the head; every Slice counts from here
    FieldList fields;

    std::string_view view(Slice slice) const noexcept {
        return {base + slice.offset, slice.length};
    }
    std::string_view name(const Field& field) const noexcept { return view(field.name); }
    std::string_view value(const Field& field) const noexcept { return view(field.value); }

    bool has(KnownField id) const noexcept {
        return (known >> static_cast<unsigned>(id) & 1U) != 0;
    }
    /// The first field of that name, or null. Absent names cost one bit test.
    const Field* find(KnownField id) const noexcept;
    /// The first field of that name (any case), or null.
    const Field* find(std::string_view name) const noexcept;
    /// The value of the first field of that name; a view with null data when there is none.
    std::string_view value_of(KnownField id) const noexcept;

    void clear_message() noexcept {
        static_cast<MessageFacts&>(*this) = MessageFacts{};
        base = nullptr;
        fields.clear();
    }
    void copy_message(const MessageHead& other, const char* new_base) {
        static_cast<MessageFacts&>(*this) = other;
        base = new_base;
        fields.assign(other.fields);
    }
};

/// Forms of a request target (RFC 9112 3.2).
enum class TargetForm : std::uint8_t { origin, absolute, authority, asterisk };

struct RequestFacts {
    Slice method;
    Slice target;  ///< as received
    Slice path;    ///< path and query: of an absolute target what follows the authority (maybe "")
    Slice host;    ///< effective host[:port]: the target's authority if it has one, else Host
    Method method_id = Method::other;
    TargetForm target_form = TargetForm::origin;
    bool expect_continue = false;  ///< Expect: 100-continue in HTTP/1.1
    bool expect_unknown = false;   ///< another expectation: 417 is allowed (RFC 9110 10.1.1)
};

struct RequestHead : MessageHead, RequestFacts {
    /// True if a body follows: chunked, or a Content-Length above 0.
    bool has_body() const noexcept { return chunked || content_length != 0; }

    void clear() noexcept {
        clear_message();
        static_cast<RequestFacts&>(*this) = RequestFacts{};
    }
    /// Makes this a copy of `other` whose bytes (`other.size` of them) are now at `new_base`.
    void copy(const RequestHead& other, const char* new_base) {
        copy_message(other, new_base);
        static_cast<RequestFacts&>(*this) = other;
    }
};

struct ResponseHead : MessageHead {
    std::uint16_t status = 0;
    Slice reason;

    void clear() noexcept {
        clear_message();
        status = 0;
        reason = Slice{};
    }
    void copy(const ResponseHead& other, const char* new_base) {
        copy_message(other, new_base);
        status = other.status;
        reason = other.reason;
    }
};

/// How the end of a body is found.
enum class BodyKind : std::uint8_t { none, content_length, chunked, until_close };

inline BodyKind body_kind(const RequestHead& head) noexcept {
    return head.chunked               ? BodyKind::chunked
           : head.content_length != 0 ? BodyKind::content_length
                                      : BodyKind::none;
}
/// RFC 9112 6.3 for an answer to a request with `method`. A 2xx answer to CONNECT has none: a
/// tunnel follows.
BodyKind body_kind(const ResponseHead& head, Method method) noexcept;

}  // namespace corevent::h1
