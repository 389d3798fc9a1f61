// Media types of files by their extension. The table is generated at build time from the table of
// the system (Debian's media-types) and constant; any thread. Looks at names only, never at the
// contents of a file, and knows nothing of Content-Encoding: who serves x.html.gz as the encoded
// form of x.html asks for x.html.
#pragma once

#include <cstddef>
#include <string_view>

namespace corevent::http {

struct MimeEntry {
    std::string_view extension;  ///< lower case, without the dot
    std::string_view type;       ///< text types with "; charset=utf-8"
};

extern const MimeEntry mime_table[];  ///< sorted by extension (octet order), each extension once
extern const std::size_t mime_table_size;

inline constexpr std::string_view mime_default = "application/octet-stream";

/// The Content-Type for a file name or path: what follows the last dot of the last segment decides,
/// without regard to case. mime_default when the table does not know it, and for names without an
/// extension or of dot files (".profile"). The view is constant memory.
std::string_view mime_type(std::string_view path) noexcept;

}  // namespace corevent::http
