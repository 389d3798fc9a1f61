#include "codec/h1_lenient.h"

#include <string_view>

namespace corevent::h1 {
namespace {

constexpr bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}

/// Where white space before `at` begins.
std::size_t space_before(std::string_view text, std::size_t at) noexcept {
    while (at > 0 && is_space(text[at - 1])) {
        --at;
    }
    return at;
}

/// Where white space from `at` on ends.
std::size_t space_behind(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && is_space(text[at])) {
        ++at;
    }
    return at;
}

/// Joins all folded lines from the one at `fold` on, up to the end of the header or to a fold whose
/// end has not come.
Remedy unfold(Bytes& bytes, std::size_t fold) {
    const std::string_view text = bytes.view();
    if (fold < 2 || text.substr(0, fold - 2).find("\r\n") == std::string_view::npos) {
        return Remedy::none;  // nothing but the request line before it: there is no field to go on
    }
    Bytes out;
    std::size_t done = 0;
    for (std::size_t line = fold; line < text.size();) {
        if (is_space(text[line])) {
            const std::size_t behind = space_behind(text, line);
            if (behind == text.size()) {
                break;
            }
            const std::size_t value_end = space_before(text, line - 2);
            out.append(text.substr(done, value_end - done));
            out.append(" ");
            done = behind;
        }
        const std::size_t end = text.find("\r\n", line);
        if (end == std::string_view::npos || end == line) {
            break;
        }
        line = end + 2;
    }
    if (done == 0) {
        return Remedy::wait;
    }
    out.append(text.substr(done));
    bytes.swap(out);
    return Remedy::done;
}

/// Drops white space at `at`, if it stands between a whole version and the end of the line.
Remedy trim_request_line(Bytes& bytes, std::size_t at) {
    static constexpr std::size_t version_size = 8;  // "HTTP/1.1"
    const std::string_view text = bytes.view();
    if (at < version_size || at >= text.size() || !is_space(text[at]) ||
        text.substr(at - version_size, 7) != "HTTP/1." || text[at - 1] < '0' ||
        text[at - 1] > '9') {
        return Remedy::none;
    }
    const std::size_t behind = space_behind(text, at);
    if (behind == text.size()) {
        return Remedy::wait;
    }
    if (text[behind] != '\r' && text[behind] != '\n') {
        return Remedy::none;
    }
    Bytes out;
    out.append(text.substr(0, at));
    out.append(text.substr(behind));
    bytes.swap(out);
    return Remedy::done;
}

/// Puts a CR before each LF that has none, up to the end of the header.
Remedy complete_line_ends(Bytes& bytes) {
    const std::string_view text = bytes.view();
    Bytes out;
    std::size_t line = 0;
    for (;;) {
        const std::size_t lf = text.find('\n', line);
        if (lf == std::string_view::npos) {
            break;
        }
        const std::size_t end = lf > line && text[lf - 1] == '\r' ? lf - 1 : lf;
        out.append(text.substr(line, end - line));
        out.append("\r\n");
        const bool empty = end == line && line != 0;
        line = lf + 1;
        if (empty) {
            break;
        }
    }
    out.append(text.substr(line));
    bytes.swap(out);
    return Remedy::done;
}

Remedy add_host(Bytes& bytes, std::size_t empty_line) {
    Bytes out;
    out.append(bytes.view().substr(0, empty_line));
    out.append("Host:\r\n");
    out.append(bytes.view().substr(empty_line));
    bytes.swap(out);
    return Remedy::done;
}

}  // namespace

Remedy repair_request(Bytes& bytes, const ParseResult& refused, const Leniency& leniency) {
    switch (refused.refusal) {
        case Refusal::obs_fold: return unfold(bytes, refused.offset);
        case Refusal::bad_version: return trim_request_line(bytes, refused.offset);
        case Refusal::bare_lf: return leniency.bare_lf ? complete_line_ends(bytes) : Remedy::none;
        case Refusal::missing_host:
            return leniency.missing_host ? add_host(bytes, refused.offset) : Remedy::none;
        default: return Remedy::none;
    }
}

}  // namespace corevent::h1
