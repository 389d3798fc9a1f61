#include "codec/accept.h"

#include "codec/h1_chars.h"
#include "codec/h1_head.h"

#include <algorithm>
#include <optional>

namespace corevent {
namespace {

constexpr std::array<std::string_view, coding_count> codings{"identity", "gzip", "br", "zstd"};
constexpr Coding preference[] = {Coding::br, Coding::zstd, Coding::gzip, Coding::identity};

constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}

constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// qvalue of RFC 9110 12.4.2 in thousandths.
std::optional<std::int16_t> read_quality(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
        (text.size() > 1 && text[1] != '.')) {
        return std::nullopt;
    }
    int value = (text[0] - '0') * 1000;
    int weight = 100;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (!h1::in_class(c, h1::class_digit)) {
            return std::nullopt;
        }
        value += (c - '0') * weight;
        weight /= 10;
    }
    return value > 1000 ? std::nullopt : std::optional(static_cast<std::int16_t>(value));
}

/// Splits "coding;q=0.5".
std::optional<std::int16_t> split_quality(std::string_view member,
                                          std::string_view& coding) noexcept {
    const std::size_t semicolon = member.find(';');
    coding = trim(member.substr(0, semicolon));
    if (coding.empty() || !h1::all_in_class(coding, h1::class_token)) {
        return std::nullopt;
    }
    if (semicolon == std::string_view::npos) {
        return std::int16_t{1000};
    }
    const std::string_view parameter = trim(member.substr(semicolon + 1));
    if (parameter.size() < 2 || (parameter[0] | 0x20) != 'q' || parameter[1] != '=') {
        return std::nullopt;
    }
    return read_quality(parameter.substr(2));
}

/// Takes one entity tag off the front.
bool take_entity_tag(std::string_view& text, EntityTag& tag) noexcept {
    tag.weak = text.starts_with("W/");
    const std::string_view opaque = text.substr(tag.weak ? 2 : 0);
    if (!opaque.starts_with('"')) {
        return false;
    }
    std::size_t end = 1;
    while (end < opaque.size() && opaque[end] != '"') {
        const auto c = static_cast<unsigned char>(opaque[end]);
        if (c <= 0x20 || c == 0x7F) {
            return false;
        }
        ++end;
    }
    if (end == opaque.size()) {
        return false;
    }
    tag.opaque = opaque.substr(0, end + 1);
    text = opaque.substr(end + 1);
    return true;
}

bool tag_list_matches(std::string_view list, const EntityTag& current, bool exists,
                      bool strong) noexcept {
    list = trim(list);
    if (list == "*") {
        return exists;
    }
    while (!list.empty()) {
        if (list.front() == ',' || is_space(list.front())) {
            list.remove_prefix(1);
            continue;
        }
        EntityTag tag;
        if (!take_entity_tag(list, tag)) {
            return false;
        }
        list = trim(list);
        if (!list.empty() && list.front() != ',') {
            return false;
        }
        if (exists && (strong ? strong_equal(tag, current) : weak_equal(tag, current))) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string_view coding_name(Coding coding) noexcept {
    return codings[static_cast<std::size_t>(coding)];
}

void AcceptEncoding::add(std::string_view value) noexcept {
    ListReader members(value);
    for (std::string_view member; members.next(member);) {
        std::string_view coding;
        const auto quality = split_quality(member, coding);
        if (!quality) {
            continue;
        }
        if (coding == "*") {
            star_ = *quality;
        } else if (h1::equal_names(coding, "x-gzip")) {
            named_[static_cast<std::size_t>(Coding::gzip)] = *quality;
        } else {
            for (std::size_t i = 0; i < codings.size(); ++i) {
                if (h1::equal_names(coding, codings[i])) {
                    named_[i] = *quality;
                }
            }
        }
    }
}

int AcceptEncoding::quality(Coding coding) const noexcept {
    if (const std::int16_t named = named_[static_cast<std::size_t>(coding)]; named != unset) {
        return named;
    }
    if (star_ != unset) {
        return star_;
    }
    return coding == Coding::identity ? 1 : 0;  // acceptable, but whatever was asked for by name is
                                                // better
}

Coding AcceptEncoding::best(unsigned available) const noexcept {
    Coding best = Coding::identity;
    int best_quality = 0;
    for (const Coding coding : preference) {
        if ((available >> static_cast<unsigned>(coding) & 1U) != 0 &&
            quality(coding) > best_quality) {
            best = coding;
            best_quality = quality(coding);
        }
    }
    return best;
}

bool ListReader::next(std::string_view& member) noexcept {
    while (!rest_.empty()) {
        bool quoted = false;
        std::size_t end = 0;
        for (; end < rest_.size() && (quoted || rest_[end] != ','); ++end) {
            if (rest_[end] == '"') {
                quoted = !quoted;
            } else if (quoted && rest_[end] == '\\' && end + 1 < rest_.size()) {
                ++end;
            }
        }
        member = trim(rest_.substr(0, end));
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        if (!member.empty()) {
            return true;
        }
    }
    return false;
}

bool list_has_token(std::string_view value, std::string_view token) noexcept {
    ListReader members(value);
    for (std::string_view member; members.next(member);) {
        if (h1::equal_names(member, token)) {
            return true;
        }
    }
    return false;
}

bool parse_entity_tag(std::string_view text, EntityTag& tag) noexcept {
    return take_entity_tag(text, tag) && text.empty();
}

bool if_match_matches(std::string_view value, const EntityTag& current, bool exists) noexcept {
    return tag_list_matches(value, current, exists, true);
}

bool if_none_match_matches(std::string_view value, const EntityTag& current, bool exists) noexcept {
    return tag_list_matches(value, current, exists, false);
}

}  // namespace corevent
