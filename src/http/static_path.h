// What a path below the prefix of a static route names, decided from the text alone. A pure function: it opens nothing and
// decodes nothing (the path has been decoded exactly once before). What it lets through holds no "." or ".." segment, no
// empty one, no hidden name, no NUL, and does not begin with a slash.
#pragma once

#include "buffer/bytes.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent::http {

enum class StaticPathKind : std::uint8_t {
    file,       ///< `name` may be a file (or a directory without its slash)
    directory,  ///< `name` is empty or ends with '/'
    refused,    ///< does not exist for clients
};

struct StaticPath {
    StaticPathKind kind = StaticPathKind::refused;
    std::string_view name;  ///< relative to the root
};

/// Longer names are refused: the kernel's limit, with room for an index file or a suffix.
inline constexpr std::size_t static_name_max = 3800;

/// Refused are: a segment that begins with a dot, but for ".well-known" as the first one; a backslash (a separator to
/// some clients); control characters and NUL; names longer than a file system allows. Empty segments are skipped; only
/// then is the name written to `scratch` (whose content is lost), else it is a view into `path`.
StaticPath map_static_path(std::string_view path, Bytes& scratch);

}  // namespace corevent::http
