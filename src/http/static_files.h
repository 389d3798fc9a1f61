// StaticFiles: answers GET and HEAD from a directory. It decides what a path may name (static_path.h), opens it beneath
// the root (static_root.h), keeps what was found for a while (file_cache.h: one cache for each loop, so nothing is
// locked), weighs the request's conditions and ranges (conditional.h) and builds the Response; sending is the connection's
// work. Shared by all loops and constant after open(); serve() runs on a loop of the group given to open(). A file that is
// not in the page cache is read from the disk on the loop.
//
// What clients see, where HTTP leaves a choice:
//   - ETag is strong: size and modification time in nanoseconds. Two writes within one tick of the file system's clock
//     that leave the same size are not told apart. A precompressed sibling has a tag of its own.
//   - A precompressed sibling counts if it is a regular file beneath the root and not older than the original by more than
//     two seconds (copying a tree may swap them by that much): a forgotten rebuild costs octets, never old content.
//   - Links are followed beneath the root; absolute ones and those that leave it do not exist for clients (404). So do
//     names that begin with a dot (but /.well-known), names with a backslash, devices, sockets and FIFOs. What may not be
//     read, and a directory without index file and listing, is 403. Empty segments ("//") are skipped.
//   - A directory without its final slash is redirected (301) to the path with it, the query kept.
//   - Ranges are for GET alone (RFC 9110 14.2); HEAD answers as if none was asked for.
#pragma once

#include "codec/h1_head.h"
#include "http/file_cache.h"
#include "http/file_loader.h"
#include "http/log_limit.h"
#include "http/static_path.h"

#include <corevent/error.h>
#include <corevent/http/request.h>
#include <corevent/http/response.h>
#include <corevent/http/static_files.h>
#include <corevent/limits.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace corevent {
class LoopGroup;
}

namespace corevent::http {

/// What an answer depends on, apart from the path below the prefix.
struct StaticRequest {
    const h1::MessageHead& head;
    bool is_head = false;        ///< HEAD instead of GET
    bool loopback = false;       ///< the client is on this machine
    std::string_view full_path;  ///< decoded, with the prefix; for redirects
    std::string_view query;      ///< raw
    std::uint64_t now_ms = 0;    ///< monotonic
    std::size_t ranges_cut = 0;  ///< set when Limit::ranges fired: how many were asked for
};

class StaticFiles {
public:
    /// Opens the directory and checks the options. The failure is a sentence with the path and what to do.
    static Outcome<std::shared_ptr<StaticFiles>> open(StaticFilesOptions options,
                                                      const Limits& limits, LoopGroup& loops);
    ~StaticFiles();
    StaticFiles(const StaticFiles&) = delete;
    StaticFiles& operator=(const StaticFiles&) = delete;

    /// `path`: what follows the prefix, decoded, with or without a leading slash. On the loop of the request.
    Response serve(Request& request, std::string_view path);

    /// The same without a server around it, for the loop with that index.
    Response answer(unsigned loop_index, StaticRequest& request, std::string_view path);

    static Outcome<std::shared_ptr<StaticFiles>> open(StaticFilesOptions options,
                                                      const Limits& limits, unsigned loops);

private:
    StaticFiles(StaticFilesOptions options, StaticRoot root, std::size_t ranges_max,
                unsigned loops);

    Response answer_found(const FileEntry& entry, StaticRequest& request) const;
    Response answer_ranges(const FileEntry& entry, const FileVariant& variant,
                           StaticRequest& request) const;
    Response answer_missing(FileCache& cache, StaticRequest& request);
    Response answer_directory(FileCache& cache, StaticRequest& request, const StaticPath& where);
    bool listing_allowed(const StaticRequest& request) const noexcept;
    FileLookup look_up(FileCache& cache, std::string_view name, std::uint64_t now_ms);
    void remember(FileCache& cache, FileLookup& found, std::uint64_t now_ms) const;
    void log_failure(std::string_view name, std::error_code error);

    const StaticFilesOptions options_;
    const std::size_t ranges_max_;
    FileLoader loader_;
    std::vector<std::unique_ptr<FileCache>> caches_;  ///< by loop
    LogLimit log_limit_;
};

}  // namespace corevent::http
