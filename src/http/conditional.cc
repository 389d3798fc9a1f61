#include "http/conditional.h"

#include "codec/http_date.h"

#include <optional>
#include <string_view>

namespace corevent::http {
namespace {

using h1::KnownField;

/// The value of a field that may be given once; nothing if it is missing or given twice.
std::optional<std::string_view> only_value(const h1::MessageHead& head, KnownField id) noexcept {
    std::optional<std::string_view> value;
    if (!head.has(id)) return value;
    for (const h1::Field& field : head.fields) {
        if (field.id != id) continue;
        if (value) return std::nullopt;
        value = head.value(field);
    }
    return value;
}

std::optional<std::int64_t> only_date(const h1::MessageHead& head, KnownField id,
                                      std::int64_t now) noexcept {
    const auto value = only_value(head, id);
    return value ? http_date::parse(*value, now) : std::nullopt;
}

template <class Matches>
bool any_line(const h1::MessageHead& head, KnownField id, Matches matches) noexcept {
    for (const h1::Field& field : head.fields) {
        if (field.id == id && matches(head.value(field))) return true;
    }
    return false;
}

}  // namespace

Condition evaluate_preconditions(const h1::MessageHead& head, const Validators& current,
                                 std::int64_t now) noexcept {
    const auto match = [&](std::string_view value) {
        return if_match_matches(value, current.etag, true);
    };
    const auto none_match = [&](std::string_view value) {
        return if_none_match_matches(value, current.etag, true);
    };

    if (head.has(KnownField::if_match)) {
        if (!any_line(head, KnownField::if_match, match)) return Condition::failed;
    } else if (const auto date = only_date(head, KnownField::if_unmodified_since, now); date) {
        if (current.modified > *date) return Condition::failed;
    }
    if (head.has(KnownField::if_none_match)) {
        if (any_line(head, KnownField::if_none_match, none_match)) return Condition::not_modified;
    } else if (const auto date = only_date(head, KnownField::if_modified_since, now); date) {
        if (current.modified <= *date) return Condition::not_modified;
    }
    return Condition::proceed;
}

bool if_range_holds(const h1::MessageHead& head, const Validators& current,
                    std::int64_t now) noexcept {
    if (!head.has(KnownField::if_range)) return true;
    const auto value = only_value(head, KnownField::if_range);
    if (!value) return false;
    EntityTag tag;
    if (parse_entity_tag(*value, tag)) return strong_equal(tag, current.etag);
    const auto date = http_date::parse(*value, now);
    return date && *date == current.modified && current.modified < now;
}

}  // namespace corevent::http
