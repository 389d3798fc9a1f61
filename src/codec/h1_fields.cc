// What single fields mean for a message: framing, host, connection, expectation (RFC 9112 3.2, 6,
// 9; RFC 9110 7.2, 8.6, 10.1.1). The scanner variants call this for the few fields that the rules
// name.
#include "codec/accept.h"
#include "codec/h1_chars.h"
#include "codec/h1_parser_impl.h"
#include "codec/url.h"

#include <algorithm>
#include <string_view>

namespace corevent::h1 {
namespace {

Refusal note_content_length(MessageHead& head, std::string_view value, bool repeated) noexcept {
    if (repeated) {
        return Refusal::repeated_content_length;
    }
    if (value.empty()) {
        return Refusal::bad_content_length;
    }
    std::uint64_t length = 0;
    for (const char c : value) {
        if (!in_class(c, class_digit) ||
            __builtin_mul_overflow(length, std::uint64_t{10}, &length) ||
            __builtin_add_overflow(length, static_cast<std::uint64_t>(c - '0'), &length)) {
            return Refusal::bad_content_length;
        }
    }
    head.content_length = length;
    head.has_content_length = true;
    return Refusal::none;
}

Refusal note_transfer_encoding(MessageHead& head, std::string_view value, bool repeated) noexcept {
    if (head.version_minor == 0) {
        return Refusal::transfer_encoding_in_1_0;
    }
    if (repeated || !equal_names(value, "chunked")) {
        return Refusal::bad_transfer_encoding;
    }
    head.chunked = true;
    return Refusal::none;
}

void note_connection(MessageHead& head, std::string_view value) noexcept {
    ListReader members(value);
    for (std::string_view member; members.next(member);) {
        if (equal_names(member, "keep-alive")) {
            head.connection_keep_alive = true;
        } else if (equal_names(member, "close")) {
            head.connection_close = true;
        } else if (equal_names(member, "upgrade")) {
            head.connection_upgrade = true;
        }
    }
}

/// The usual single token at the price of a comparison, everything else as a list.
void note_connection_value(MessageHead& head, std::string_view value) noexcept {
    if (value == "keep-alive") {
        head.connection_keep_alive = true;
    } else if (value == "close") {
        head.connection_close = true;
    } else {
        note_connection(head, value);
    }
}

/// host[:port]. Names, dotted numbers and their ports here; escapes and IP literals through the
/// url codec. `p` is the first byte that no plain name holds.
bool valid_host(std::string_view value, const char* p) noexcept {
    const char* const end = value.data() + value.size();
    if (p == end) {
        return true;
    }
    if (*p == ':' && end - p <= 5) {  // four digits are below 65536
        return all_in_class({p + 1, end}, class_digit);
    }
    return url::parse_host_port(value).has_value();
}

Refusal note_request_field(MessageHead& message, const Field& field, bool repeated,
                           const char* host_end) {
    auto& head = static_cast<RequestHead&>(message);
    const std::string_view value = head.value(field);
    switch (field.id) {
        case KnownField::host:
            if (repeated) {
                return Refusal::repeated_host;
            }
            if (!valid_host(value, host_end)) {
                return Refusal::bad_host;
            }
            if (head.target_form == TargetForm::origin ||
                head.target_form == TargetForm::asterisk) {
                head.host = field.value;
            }
            return Refusal::none;
        case KnownField::connection: note_connection_value(head, value); return Refusal::none;
        case KnownField::content_length: return note_content_length(head, value, repeated);
        case KnownField::transfer_encoding: return note_transfer_encoding(head, value, repeated);
        case KnownField::expect:
            if (head.version_minor != 0) {
                (equal_names(value, "100-continue") ? head.expect_continue : head.expect_unknown) =
                    true;
            }
            return Refusal::none;
        default: return Refusal::none;
    }
}

Refusal note_response_field(MessageHead& head, const Field& field, bool repeated,
                            const char* /*host_end*/) {
    switch (field.id) {
        case KnownField::connection:
            note_connection_value(head, head.value(field));
            return Refusal::none;
        case KnownField::content_length:
            return note_content_length(head, head.value(field), repeated);
        case KnownField::transfer_encoding:
            return note_transfer_encoding(head, head.value(field), repeated);
        default: return Refusal::none;
    }
}

Refusal refuse_trailer(MessageHead& /*head*/, const Field& /*field*/, bool /*repeated*/,
                       const char* /*host_end*/) {
    return Refusal::forbidden_trailer;
}

/// Splits "http://authority/path?query"; the scheme in any case.
Refusal note_absolute_target(RequestHead& head) noexcept {
    const std::string_view target = head.view(head.target);
    std::size_t scheme = 0;
    for (const std::string_view prefix :
         {std::string_view("http://"), std::string_view("https://")}) {
        if (equal_names(target.substr(0, prefix.size()), prefix)) {
            scheme = prefix.size();
        }
    }
    if (scheme == 0) {
        return Refusal::bad_target_form;
    }
    const std::size_t end = std::min(target.find_first_of("/?", scheme), target.size());
    const std::string_view authority = target.substr(scheme, end - scheme);
    const auto parsed = url::parse_host_port(authority);
    if (!parsed || parsed->host.empty()) {
        return Refusal::bad_authority;
    }
    const auto at = [&](std::size_t offset) {
        return head.target.offset + static_cast<std::uint32_t>(offset);
    };
    head.target_form = TargetForm::absolute;
    head.host = {at(scheme), static_cast<std::uint32_t>(authority.size())};
    head.path = {at(end), static_cast<std::uint32_t>(target.size() - end)};
    return Refusal::none;
}

}  // namespace

const FieldRules request_rules{field_bit(KnownField::host) | field_bit(KnownField::connection) |
                                   field_bit(KnownField::content_length) |
                                   field_bit(KnownField::transfer_encoding) |
                                   field_bit(KnownField::expect),
                               note_request_field};

const FieldRules response_rules{field_bit(KnownField::connection) |
                                    field_bit(KnownField::content_length) |
                                    field_bit(KnownField::transfer_encoding),
                                note_response_field};

const FieldRules trailer_rules{forbidden_trailer_fields, refuse_trailer};

Refusal note_target(RequestHead& head) noexcept {
    const std::string_view target = head.view(head.target);
    if (head.method_id == Method::connect) {
        const auto parsed = url::parse_host_port(target);
        if (!parsed || parsed->host.empty() || !parsed->has_port) {
            return Refusal::bad_authority;
        }
        head.target_form = TargetForm::authority;
        head.host = head.target;
        return Refusal::none;
    }
    if (target == "*") {
        head.target_form = TargetForm::asterisk;
        return head.method_id == Method::options ? Refusal::none : Refusal::bad_target_form;
    }
    return note_absolute_target(head);
}

}  // namespace corevent::h1
