#include "http/static_path.h"

namespace corevent::http {
namespace {

constexpr std::size_t segment_max = 255;  // NAME_MAX of every file system in use
constexpr std::string_view well_known = ".well-known";

constexpr bool allowed(char c) noexcept {
    const auto octet = static_cast<unsigned char>(c);
    return octet >= 0x20 && octet != 0x7f && c != '\\';
}

bool segment_ok(std::string_view segment, bool first) noexcept {
    if (segment.size() > segment_max) return false;
    if (segment.front() == '.' && !(first && segment == well_known)) return false;
    for (const char c : segment) {
        if (!allowed(c)) return false;
    }
    return true;
}

/// The same path without empty segments.
std::string_view collapse(std::string_view path, Bytes& out) {
    out.clear();
    bool after_slash = true;
    for (const char c : path) {
        if (c == '/' && after_slash) continue;
        after_slash = c == '/';
        out.push_back(c);
    }
    return out.view();
}

}  // namespace

StaticPath map_static_path(std::string_view path, Bytes& scratch) {
    if (path.starts_with('/')) path.remove_prefix(1);
    if (path.starts_with('/') || path.find("//") != std::string_view::npos)
        path = collapse(path, scratch);
    if (path.size() > static_name_max) return {};
    std::size_t at = 0;
    while (at < path.size()) {
        const std::size_t slash = path.find('/', at);
        const std::size_t end = slash == std::string_view::npos ? path.size() : slash;
        if (!segment_ok(path.substr(at, end - at), at == 0)) return {};
        if (slash == std::string_view::npos) return {StaticPathKind::file, path};
        at = end + 1;
    }
    return {StaticPathKind::directory, path};
}

}  // namespace corevent::http
