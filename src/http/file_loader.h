// FileLoader: from a name to what FileCache keeps: opens the file and its precompressed siblings beneath the root, reads
// the small ones, writes the fields that go with them. What an entry says of a file (tag, length, bytes) comes from one
// descriptor, so a file that is replaced meanwhile never gives a mixture. Constant after construction; any thread.
#pragma once

#include "http/file_cache.h"
#include "http/static_root.h"

#include <corevent/http/static_files.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace corevent::http {

enum class FileStatus : std::uint8_t {
    found,
    directory,  ///< there is one of that name
    missing,    ///< not there, or not for clients: a device, a link that leaves the root
    forbidden,  ///< the system denies reading it
    exhausted,  ///< no descriptor or no memory left
    failed,     ///< anything else
};

/// What was found: an entry of the cache, or one that belongs to this look-up.
struct FileLookup {
    FileStatus status = FileStatus::missing;
    std::error_code error;  ///< with exhausted and failed
    const FileEntry* entry = nullptr;
    std::unique_ptr<FileEntry> own;
};

class FileLoader {
public:
    /// `options` outlives the loader.
    FileLoader(StaticRoot root, const StaticFilesOptions& options) noexcept
        : root_(std::move(root)), options_(options) {}

    /// Loads the file `name` under the key `key`. If `known` is given and nothing has changed since, `known` is the
    /// answer, else a new entry is.
    FileLookup load(std::string_view key, const std::string& name, const FileEntry* known) const;
    /// Loads the first index file of a directory (`name` empty or with a slash at its end): `directory` if it has none.
    FileLookup load_index(const std::string& name, const FileEntry* known) const;

    /// A directory to be read.
    Result<FileDescriptor> open_directory(const std::string& name) const;
    /// A descriptor for fstat() alone (O_PATH).
    Result<FileDescriptor> look_at(const std::string& name) const;

    /// True if the descriptors of an entry still show what its fields say; a system call for each.
    static bool files_unchanged(const FileEntry& entry) noexcept;

    static FileStatus status_of(std::error_code error) noexcept;

private:
    struct Opened {
        Coding coding = Coding::identity;
        FileDescriptor descriptor;
        FileIdentity identity;
    };
    Result<std::vector<Opened>> open_variants(const std::string& name) const;
    Result<Opened> open_regular(const std::string& name) const;
    std::unique_ptr<FileEntry> build(std::string_view key, std::string_view name,
                                     std::vector<Opened>& files, bool& torn) const;
    FileVariant build_variant(const FileEntry& entry, Opened& file, bool negotiated,
                              bool& torn) const;

    StaticRoot root_;
    const StaticFilesOptions& options_;
};

}  // namespace corevent::http
