#include "codec/h1_head.h"

#include "codec/h1_known.h"
#include "codec/status.h"

#include <algorithm>
#include <array>

namespace corevent::h1 {
namespace {

constexpr std::array<std::string_view, 10> methods{
    "", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

std::string_view method_name(Method method) noexcept {
    return methods[static_cast<std::size_t>(method)];
}

Method method_from(std::string_view name) noexcept {
    for (std::size_t i = 1; i < methods.size(); ++i) {
        if (methods[i] == name) {
            return static_cast<Method>(i);
        }
    }
    return Method::other;
}

std::string_view known_field_name(KnownField id) noexcept {
    return known_names[static_cast<std::size_t>(id)];
}

KnownField known_field(std::string_view name) noexcept {
    if (name.empty() || name.size() > known_name_max) {
        return KnownField::other;
    }
    const std::uint8_t id =
        known_table.slot[known_hash(name.size(), static_cast<unsigned char>(name.front()),
                                    static_cast<unsigned char>(name.back()))];
    return equal_names(name, known_names[id]) ? static_cast<KnownField>(id) : KnownField::other;
}

bool equal_names(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

void FieldList::grow(std::size_t wanted) {
    static_assert(std::is_trivially_copyable_v<Field>);
    const std::size_t capacity = std::max<std::size_t>({wanted, 16, std::size_t{capacity_} * 2});
    CE_ASSERT(capacity <= UINT32_MAX);
    auto* moved =
        static_cast<Field*>(std::realloc(static_cast<void*>(data_), capacity * sizeof(Field)));
    CE_ASSERT(moved != nullptr);
    data_ = moved;
    capacity_ = static_cast<std::uint32_t>(capacity);
}

void FieldList::assign(const FieldList& other) {
    if (&other == this) {
        return;
    }
    if (other.size_ > capacity_) {
        grow(other.size_);
    }
    if (other.size_ != 0) {
        std::memcpy(static_cast<void*>(data_), other.data_, other.size_ * sizeof(Field));
    }
    size_ = other.size_;
}

const Field* MessageHead::find(KnownField id) const noexcept {
    if (!has(id)) {
        return nullptr;
    }
    const Field* found = std::ranges::find(fields, id, &Field::id);
    return found == fields.end() ? nullptr : found;
}

const Field* MessageHead::find(std::string_view wanted) const noexcept {
    if (const KnownField id = known_field(wanted); id != KnownField::other) {
        return find(id);
    }
    const Field* found = std::ranges::find_if(fields, [&](const Field& field) {
        return field.name.length == wanted.size() && equal_names(name(field), wanted);
    });
    return found == fields.end() ? nullptr : found;
}

std::string_view MessageHead::value_of(KnownField id) const noexcept {
    const Field* field = find(id);
    return field == nullptr ? std::string_view() : value(*field);
}

BodyKind body_kind(const ResponseHead& head, Method method) noexcept {
    if (method == Method::head || status_forbids_body(head.status) ||
        (method == Method::connect && head.status >= 200 && head.status < 300)) {
        return BodyKind::none;
    }
    if (head.chunked) {
        return BodyKind::chunked;
    }
    if (head.has_content_length) {
        return head.content_length == 0 ? BodyKind::none : BodyKind::content_length;
    }
    return BodyKind::until_close;
}

}  // namespace corevent::h1
