// FileCache: what one loop remembers of the files it has served: small ones with their bytes and finished fields, large
// ones as an open descriptor. A hit allocates nothing. Bounded by octets and by descriptors; the least recently used goes
// first, and a descriptor that nobody asked for during a minute is closed at the next request, so that a deleted file gives
// its space back. An entry is trusted until `fresh_until_ms`; renewing it is the caller's work (file_loader.h). One thread.
#pragma once

#include "base/list.h"
#include "codec/accept.h"
#include "http/file_body.h"

#include <sys/stat.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace corevent::http {

/// Tells one state of one file from all others, as far as the file system does.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    static FileIdentity of(const struct stat& status) noexcept;
    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// One form of a file: itself or a precompressed sibling.
struct FileVariant {
    Coding coding = Coding::identity;
    FileIdentity identity;
    std::string etag;  ///< with its quotes
    std::shared_ptr<const SharedBody>
        body;  ///< fields of a 200, Content-Type first; bytes unless `file`
    std::shared_ptr<const SharedBody> not_modified;  ///< fields of a 304
    FileRef file;                                    ///< of a file too large for memory
};

struct FileEntry {
    std::string key;                    ///< path relative to the root
    std::vector<FileVariant> variants;  ///< the file itself first; for a listing the page
    unsigned codings = 0;               ///< bit set of the variants: 1 << Coding
    std::int64_t modified = 0;          ///< Unix time of Last-Modified
    std::string_view content_type;      ///< constant memory
    bool listing = false;  ///< a page made from a directory: neither conditions nor ranges
    bool settled = false;  ///< no write can have escaped its identity: equal identity, equal bytes

    // kept by the cache
    std::uint64_t fresh_until_ms = 0;
    std::uint64_t used_ms = 0;
    std::size_t cost_bytes = 0;
    unsigned descriptors = 0;
    ListHook<FileEntry> hook;

    const FileVariant* variant(Coding coding) const noexcept;
};

class FileCache {
public:
    /// A descriptor unused for so long is closed.
    static constexpr std::uint64_t descriptor_idle_ms = 60'000;

    FileCache(std::size_t bytes_max, unsigned descriptors_max);

    /// The entry of `key`, marked as used now, or null. Valid until the next insert, erase or find.
    FileEntry* find(std::string_view key, std::uint64_t now_ms) noexcept;
    /// Takes the place of an entry with the same key, and takes `entry` over. One that could never fit stays with the
    /// caller.
    void insert(std::unique_ptr<FileEntry>& entry, std::uint64_t now_ms);
    void erase(FileEntry& entry) noexcept;
    /// Forgets every entry with a descriptor (those that answers are using close later); false if there was none.
    bool drop_descriptors() noexcept;

    std::size_t bytes() const noexcept { return bytes_; }
    unsigned descriptors() const noexcept { return descriptors_; }
    std::size_t size() const noexcept { return entries_.size(); }

private:
    using Queue = TailQueue<FileEntry, &FileEntry::hook>;
    /// Names come from peers: the order of the buckets must not be known to them.
    struct Hash {
        std::array<std::uint64_t, 2> secret;
        std::size_t operator()(std::string_view key) const noexcept;
    };

    Queue& queue_of(const FileEntry& entry) noexcept {
        return entry.descriptors != 0 ? with_files_ : in_memory_;
    }
    void make_room(const FileEntry& newest) noexcept;
    static Hash seeded_hash() noexcept;

    std::size_t bytes_max_;
    unsigned descriptors_max_;
    std::size_t bytes_ = 0;
    unsigned descriptors_ = 0;
    Queue in_memory_;   ///< least recently used first
    Queue with_files_;  ///< the same, for entries that hold descriptors
    std::unordered_map<std::string_view, std::unique_ptr<FileEntry>, Hash> entries_;
};

}  // namespace corevent::http
