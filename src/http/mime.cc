#include "http/mime.h"

#include <algorithm>
#include <array>
#include <span>

namespace corevent::http {
namespace {

constexpr std::size_t extension_octets_max = 32;  // longer ones are no extension that a table knows

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view extension_of(std::string_view path) noexcept {
    path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0: no slash, nothing to remove
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return {};
    return path.substr(dot + 1);
}

}  // namespace

std::string_view mime_type(std::string_view path) noexcept {
    const std::string_view extension = extension_of(path);
    std::array<char, extension_octets_max> octets;
    if (extension.empty() || extension.size() > octets.size()) return mime_default;
    std::ranges::transform(extension, octets.begin(), lower);
    const std::string_view wanted(octets.data(), extension.size());

    const std::span table(mime_table, mime_table_size);
    const auto found = std::ranges::lower_bound(table, wanted, {}, &MimeEntry::extension);
    if (found == table.end() || found->extension != wanted) return mime_default;
    return found->type;
}

}  // namespace corevent::http
