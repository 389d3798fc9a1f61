#include "codec/dns.h"

#include <algorithm>

namespace corevent::dns {
namespace {

constexpr unsigned pointer_bits = 0xC0;  // both top bits of a length octet: a pointer follows
constexpr std::size_t question_tail_bytes = 4;
constexpr std::size_t record_tail_bytes = 10;

}  // namespace

void Name::clear() noexcept {
    text_[0] = '\0';
    size_ = 0;
    ambiguous_ = false;
}

bool Name::append(std::span<const std::uint8_t> label) noexcept {
    const std::size_t dot = size_ == 0 ? 0 : 1;
    if (label.size() + dot > name_text_bytes_max - size_) {
        return false;
    }
    std::size_t at = size_;
    if (dot != 0) {
        text_[at++] = '.';
    }
    for (const std::uint8_t octet : label) {
        ambiguous_ |= octet == 0 || octet == '.';
        text_[at++] = static_cast<char>(octet);
    }
    text_[at] = '\0';
    size_ = static_cast<std::uint8_t>(at);
    return true;
}

std::uint16_t Reader::u16(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(message_[at] << 8 | message_[at + 1]);
}

std::uint32_t Reader::u32(std::size_t at) const noexcept {
    return std::uint32_t{u16(at)} << 16 | u16(at + 2);
}

bool Reader::read(Header& header) noexcept {
    if (message_.size() < header_bytes) {
        return false;
    }
    header.id = u16(0);
    header.flags = u16(2);
    header.questions = u16(4);
    for (std::size_t i = 0; i < header.records.size(); ++i) {
        header.records[i] = u16(6 + 2 * i);
    }
    at_ = header_bytes;
    return true;
}

std::optional<std::size_t> Reader::read_name(std::size_t at, Name& name) const noexcept {
    name.clear();
    std::optional<std::size_t> behind;  // set by the first pointer
    // Every pointer must lead to before the piece that holds it, so that there is an end to them.
    std::size_t piece = at;
    for (;;) {
        if (at >= message_.size()) {
            return std::nullopt;
        }
        const unsigned length = message_[at++];
        if (length == 0) {
            return behind.value_or(at);
        }
        if ((length & pointer_bits) == pointer_bits) {
            if (at >= message_.size()) {
                return std::nullopt;
            }
            const std::size_t target = (length & ~pointer_bits) << 8 | message_[at++];
            if (target >= piece) {
                return std::nullopt;
            }
            behind = behind.value_or(at);
            piece = at = target;
            continue;
        }
        if (length > label_bytes_max || length > message_.size() - at ||
            !name.append(message_.subspan(at, length))) {
            return std::nullopt;
        }
        at += length;
    }
}

bool Reader::read(Question& question) noexcept {
    const auto tail = read_name(at_, question.name);
    if (!tail || message_.size() - *tail < question_tail_bytes) {
        return false;
    }
    question.type = Type{u16(*tail)};
    question.dns_class = u16(*tail + 2);
    at_ = *tail + question_tail_bytes;
    return true;
}

bool Reader::read(Record& record) noexcept {
    const auto tail = read_name(at_, record.name);
    if (!tail || message_.size() - *tail < record_tail_bytes) {
        return false;
    }
    record.type = Type{u16(*tail)};
    record.dns_class = u16(*tail + 2);
    record.ttl = u32(*tail + 4);
    if (record.ttl > INT32_MAX && record.type != Type::opt) {
        record.ttl = 0;
    }
    const std::size_t length = u16(*tail + 8);
    record.data_at = *tail + record_tail_bytes;
    if (length > message_.size() - record.data_at) {
        return false;
    }
    record.data = message_.subspan(record.data_at, length);
    at_ = record.data_at + length;
    return true;
}

bool Reader::name_in(const Record& record, std::size_t skip, Name& name) const noexcept {
    if (skip >= record.data.size()) {
        return false;
    }
    const auto behind = read_name(record.data_at + skip, name);
    return behind && *behind <= record.data_at + record.data.size();
}

bool Reader::soa_in(const Record& record, Soa& soa) const noexcept {
    constexpr std::size_t numbers_bytes = 20;
    const std::size_t end = record.data_at + record.data.size();
    const auto mailbox_at = read_name(record.data_at, soa.primary);
    if (!mailbox_at || *mailbox_at >= end) {
        return false;
    }
    const auto numbers_at = read_name(*mailbox_at, soa.mailbox);
    if (!numbers_at || *numbers_at > end || end - *numbers_at != numbers_bytes) {
        return false;
    }
    soa.serial = u32(*numbers_at);
    soa.refresh = u32(*numbers_at + 4);
    soa.retry = u32(*numbers_at + 8);
    soa.expire = u32(*numbers_at + 12);
    soa.minimum = u32(*numbers_at + 16);
    return true;
}

bool equal_names(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace corevent::dns
