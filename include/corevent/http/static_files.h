// Static files: a directory served with validators, ranges, precompressed siblings, index files and listings. The
// directory is opened once; every file is opened beneath it (openat2 RESOLVE_BENEATH), so neither ".." nor a symbolic link
// leaves it. Only regular files are read, opened non-blocking.
#pragma once

#include <corevent/export.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace corevent::http {

struct StaticFilesOptions {
    std::string root{};                            ///< directory
    std::vector<std::string> index{"index.html"};  ///< tried in this order for a directory
    bool listing = false;                          ///< directory listings where no index file is
    bool listing_loopback_only = false;            ///< listings only to loopback clients
    std::string single_page{};  ///< file answered for paths that do not exist (a web app)
    bool precompressed = true;  ///< .br, .zst, .gz siblings by q-value, with Vary
    std::chrono::milliseconds stat_cache{
        1000};  ///< how long an answer from the cache may be old; 0 = no cache
    std::size_t cached_file_bytes = 16 * 1024;   ///< files up to this size are answered from memory
    std::size_t cache_bytes = 16 * 1024 * 1024;  ///< per loop, files and their heads together
    std::string cache_control{};                 ///< value of Cache-Control; empty = not sent
};

}  // namespace corevent::http
