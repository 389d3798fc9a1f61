#include "codec/dns.h"

#include "base/assert.h"

#include <algorithm>

namespace corevent::dns {
namespace {

constexpr std::size_t pointable_bytes = 0x4000;  // a pointer has 14 bits

/// Cuts the first label off `rest`; the dot behind it goes as well.
std::string_view take_label(std::string_view& rest) noexcept {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    return label;
}

std::string_view without_final_dot(std::string_view name) noexcept {
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    return name;
}

}  // namespace

bool valid_name(std::string_view name) noexcept {
    const std::string_view labels = without_final_dot(name);
    if (labels.size() > name_text_bytes_max || labels.ends_with('.')) {
        return false;
    }
    for (std::string_view rest = labels; !rest.empty();) {
        const std::size_t size = take_label(rest).size();
        if (size == 0 || size > label_bytes_max) {
            return false;
        }
    }
    return true;
}

Writer::Writer(std::span<std::uint8_t> out) noexcept : out_(out), size_(header_bytes) {
    CE_ASSERT(out.size() >= header_bytes);
    std::ranges::fill(out_.first(header_bytes), std::uint8_t{0});
}

void Writer::set_header(std::uint16_t id, std::uint16_t flags) noexcept {
    out_[0] = static_cast<std::uint8_t>(id >> 8);
    out_[1] = static_cast<std::uint8_t>(id);
    out_[2] = static_cast<std::uint8_t>(flags >> 8);
    out_[3] = static_cast<std::uint8_t>(flags);
}

bool Writer::undo(Mark mark) noexcept {
    size_ = mark.size;
    known_count_ = mark.known;
    return false;
}

bool Writer::put_bytes(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() > out_.size() - size_) {
        return false;
    }
    std::ranges::copy(bytes, out_.subspan(size_).begin());
    size_ += bytes.size();
    return true;
}

bool Writer::put_u16(std::uint32_t value) noexcept {
    const std::array bytes = {static_cast<std::uint8_t>(value >> 8),
                              static_cast<std::uint8_t>(value)};
    return put_bytes(bytes);
}

bool Writer::put_u32(std::uint32_t value) noexcept {
    return put_u16(value >> 16) && put_u16(value & 0xFFFF);
}

bool Writer::same_at(std::size_t at, std::string_view suffix) const noexcept {
    // Own octets: every pointer leads backwards to a name that was written whole.
    for (;;) {
        const std::size_t length = out_[at++];
        if (length > label_bytes_max) {
            at = (length & label_bytes_max) << 8 | out_[at];
            continue;
        }
        if (length == 0 || suffix.empty()) {
            return length == 0 && suffix.empty();
        }
        const std::string_view label = take_label(suffix);
        const auto octets = out_.subspan(at, length);
        if (!std::ranges::equal(label, octets, {},
                                [](char c) { return static_cast<unsigned char>(c); })) {
            return false;
        }
        at += length;
    }
}

std::optional<std::uint16_t> Writer::find(std::string_view suffix) const noexcept {
    for (const std::uint16_t at : std::span(known_).first(known_count_)) {
        if (same_at(at, suffix)) {
            return at;
        }
    }
    return std::nullopt;
}

bool Writer::put_name(std::string_view name) noexcept {
    if (!valid_name(name)) {
        return false;
    }
    const std::size_t whole =
        known_count_;  // suffixes of this name must not be found before it ends
    std::size_t added = 0;
    std::string_view rest = without_final_dot(name);
    while (!rest.empty()) {
        if (const auto at = find(rest)) {
            known_count_ = whole + added;
            return put_u16(pointable_bytes * 3 | *at);
        }
        if (size_ < pointable_bytes && whole + added < known_max) {
            known_[whole + added++] = static_cast<std::uint16_t>(size_);
        }
        const std::string_view label = take_label(rest);
        if (label.size() + 1 > out_.size() - size_) {
            return false;
        }
        out_[size_++] = static_cast<std::uint8_t>(label.size());
        std::ranges::copy(label, out_.subspan(size_).begin());
        size_ += label.size();
    }
    known_count_ = whole + added;
    const std::array root = {std::uint8_t{0}};
    return put_bytes(root);
}

/// Adds one to the 16-bit field at `field`.
void Writer::count(std::size_t field) noexcept {
    const unsigned now = (unsigned{out_[field]} << 8 | out_[field + 1]) + 1;
    out_[field] = static_cast<std::uint8_t>(now >> 8);
    out_[field + 1] = static_cast<std::uint8_t>(now);
}

bool Writer::question(std::string_view name, Type type, std::uint16_t dns_class) noexcept {
    const Mark before = mark();
    if (!put_name(name) || !put_u16(static_cast<std::uint16_t>(type)) || !put_u16(dns_class)) {
        return undo(before);
    }
    count(4);
    return true;
}

bool Writer::put_record_head(std::string_view name, Type type, std::uint16_t dns_class,
                             std::uint32_t ttl) noexcept {
    return put_name(name) && put_u16(static_cast<std::uint16_t>(type)) && put_u16(dns_class) &&
           put_u32(ttl) && put_u16(0);
}

/// Fills in how many octets came behind the length field at `length_at`, and counts the record.
bool Writer::close_record(Section section, std::size_t length_at) noexcept {
    const std::size_t length = size_ - length_at - 2;
    out_[length_at] = static_cast<std::uint8_t>(length >> 8);
    out_[length_at + 1] = static_cast<std::uint8_t>(length);
    count(6 + 2 * static_cast<std::size_t>(section));
    return true;
}

bool Writer::record(Section section, std::string_view name, Type type, std::uint16_t dns_class,
                    std::uint32_t ttl, std::span<const std::uint8_t> data) noexcept {
    const Mark before = mark();
    if (data.size() > UINT16_MAX || !put_record_head(name, type, dns_class, ttl)) {
        return undo(before);
    }
    const std::size_t length_at = size_ - 2;
    return put_bytes(data) ? close_record(section, length_at) : undo(before);
}

bool Writer::name_record(Section section, std::string_view name, Type type, std::uint16_t dns_class,
                         std::uint32_t ttl, std::string_view target) noexcept {
    const Mark before = mark();
    if (!put_record_head(name, type, dns_class, ttl)) {
        return undo(before);
    }
    const std::size_t length_at = size_ - 2;
    return put_name(target) ? close_record(section, length_at) : undo(before);
}

bool Writer::soa_record(Section section, std::string_view name, std::uint32_t ttl,
                        std::string_view primary, std::string_view mailbox,
                        const std::array<std::uint32_t, 5>& numbers) noexcept {
    const Mark before = mark();
    if (!put_record_head(name, Type::soa, class_inet, ttl)) {
        return undo(before);
    }
    const std::size_t length_at = size_ - 2;
    if (!put_name(primary) || !put_name(mailbox)) {
        return undo(before);
    }
    for (const std::uint32_t number : numbers) {
        if (!put_u32(number)) {
            return undo(before);
        }
    }
    return close_record(section, length_at);
}

bool Writer::opt(std::uint16_t udp_bytes) noexcept {
    return record(Section::additional, "", Type::opt, udp_bytes, 0, {});
}

std::string_view arpa_name(std::span<const std::uint8_t> address, ArpaText& text) noexcept {
    CE_ASSERT(address.size() == 4 || address.size() == 16);
    static constexpr char hex[] = "0123456789abcdef";
    char* to = text.data();
    const bool is_v4 = address.size() == 4;
    for (std::size_t i = address.size(); i-- > 0;) {
        const unsigned octet = address[i];
        if (is_v4) {
            if (octet >= 100) *to++ = static_cast<char>('0' + octet / 100);
            if (octet >= 10) *to++ = static_cast<char>('0' + octet / 10 % 10);
            *to++ = static_cast<char>('0' + octet % 10);
        } else {
            *to++ = hex[octet & 15];
            *to++ = '.';
            *to++ = hex[octet >> 4];
        }
        *to++ = '.';
    }
    const std::string_view zone = is_v4 ? "in-addr.arpa" : "ip6.arpa";
    to = std::ranges::copy(zone, to).out;
    *to = '\0';
    return {text.data(), static_cast<std::size_t>(to - text.data())};
}

}  // namespace corevent::dns
