#include "load/response.h"

#include <algorithm>
#include <charconv>

namespace ce_load {
namespace {

constexpr std::size_t head_bytes_max = 16 * 1024;
constexpr std::string_view head_end = "\r\n\r\n";

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
    return std::ranges::equal(a, lower, [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

bool matches_known(std::string_view data, const Expectation& known) {
    return !known.known_status.empty() && data.size() >= known.known_head_bytes &&
           data.starts_with(known.known_status) &&
           data.substr(known.known_length_at, known.known_length_line.size()) ==
               known.known_length_line &&
           data.substr(known.known_head_bytes - head_end.size(), head_end.size()) == head_end;
}

/// Finds Content-Length in a complete head and remembers where; false when there is none or two, or
/// it is no number.
bool find_length(std::string_view head, Expectation& known) {
    constexpr std::string_view name = "content-length:";
    bool found = false;
    std::size_t line = head.find("\r\n");
    while (line + head_end.size() < head.size()) {
        const std::size_t next = head.find("\r\n", line + 2);
        const std::string_view field = head.substr(line + 2, next - line - 2);
        if (field.size() > name.size() &&
            equals_ignoring_case(field.substr(0, name.size()), name)) {
            if (found) return false;
            std::string_view digits = field.substr(name.size());
            while (digits.starts_with(' ')) digits.remove_prefix(1);
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(),
                                                      known.known_body_bytes);
            if (error != std::errc{} || end != digits.data() + digits.size()) return false;
            known.known_length_at = line;
            known.known_length_line = head.substr(line, next + 2 - line);
            found = true;
        }
        line = next;
    }
    return found;
}

ResponseError learn_head(std::string_view head, Expectation& expected) {
    expected.known_status.clear();
    if (head.size() < 16 || !head.starts_with("HTTP/1.")) return ResponseError::malformed;
    int status = 0;
    std::from_chars(head.data() + 9, head.data() + 12, status);
    if (status != expected.status) return ResponseError::status;
    if (!find_length(head, expected)) return ResponseError::malformed;
    if (expected.body_bytes >= 0 &&
        expected.known_body_bytes != static_cast<std::uint64_t>(expected.body_bytes)) {
        return ResponseError::length;
    }
    expected.known_head_bytes = head.size();
    expected.known_status = head.substr(0, 12);
    return ResponseError::none;
}

}  // namespace

ResponseReader::Progress ResponseReader::feed(std::string_view data, Expectation& expected) {
    Progress progress;
    while (!data.empty()) {
        if (body_left_ > 0) {
            const auto taken =
                static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, data.size()));
            data.remove_prefix(taken);
            body_left_ -= taken;
            if (body_left_ == 0) ++progress.completed;
            continue;
        }
        std::size_t head_bytes = 0;
        if (head_.empty() && matches_known(data, expected)) {
            head_bytes = expected.known_head_bytes;
            data.remove_prefix(head_bytes);
        } else {
            const std::size_t before = head_.size();
            head_.append(data.substr(0, head_bytes_max));
            const std::size_t end = head_.find(head_end, before < 3 ? 0 : before - 3);
            if (end == std::string::npos) {
                if (head_.size() >= head_bytes_max) progress.error = ResponseError::malformed;
                return progress;
            }
            head_bytes = end + head_end.size();
            progress.error = learn_head(std::string_view(head_).substr(0, head_bytes), expected);
            if (progress.error != ResponseError::none) return progress;
            data.remove_prefix(head_bytes - before);
            head_.clear();
        }
        body_left_ = expected.known_body_bytes;
        if (body_left_ == 0) ++progress.completed;
    }
    return progress;
}

}  // namespace ce_load
