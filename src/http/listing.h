// The page that stands for a directory without an index file: names, sizes and dates, directories first, each name in
// octet order. Names are escaped for HTML and for links; hidden names, names that no request can ask for, and links that
// leave the root are left out, and so is everything that is neither file nor directory. The page is self-contained and
// runs no script. Reads the directory on the calling thread; stateless.
#pragma once

#include <corevent/error.h>

#include "http/static_root.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace corevent::http {

/// More entries are not shown (the page says so): looking at 4,096 files costs a loop some 5 ms.
inline constexpr std::size_t listing_entries_max = 4096;

/// Opens (O_PATH) what the link `name` in this directory leads to, if that is beneath the root.
using FollowLink = std::function<Result<FileDescriptor>(const std::string& name)>;

/// `directory` is open for reading. `shown_path` is the decoded path, ending with a slash; `has_parent` adds a link to the
/// directory above.
Result<std::string> make_listing(FileDescriptor directory, std::string_view shown_path,
                                 bool has_parent, const FollowLink& follow);

}  // namespace corevent::http
