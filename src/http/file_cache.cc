#include "http/file_cache.h"

#include <sys/random.h>
#include <cstring>
#include <ctime>
#include <utility>

namespace corevent::http {
namespace {

constexpr std::size_t entry_overhead_bytes =
    768;  // the entry, its strings' blocks, its place in the table

std::int64_t nanoseconds(const timespec& t) noexcept {
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::size_t cost_of(const FileEntry& entry) noexcept {
    std::size_t sum = entry_overhead_bytes + entry.key.capacity();
    for (const FileVariant& variant : entry.variants) {
        sum += sizeof variant + variant.body->fields.capacity() + variant.body->bytes.capacity();
        if (variant.not_modified) sum += variant.not_modified->fields.capacity();
    }
    return sum;
}

}  // namespace

FileIdentity FileIdentity::of(const struct stat& status) noexcept {
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

const FileVariant* FileEntry::variant(Coding coding) const noexcept {
    for (const FileVariant& one : variants) {
        if (one.coding == coding) return &one;
    }
    return nullptr;
}

FileCache::FileCache(std::size_t bytes_max, unsigned descriptors_max)
    : bytes_max_(bytes_max), descriptors_max_(descriptors_max), entries_(0, seeded_hash()) {}

FileCache::Hash FileCache::seeded_hash() noexcept {
    Hash hash{};
    if (::getrandom(hash.secret.data(), sizeof hash.secret, GRND_NONBLOCK) !=
        static_cast<ssize_t>(sizeof hash.secret)) {
        hash.secret[0] = reinterpret_cast<std::uintptr_t>(
            &hash);  // before the kernel's pool is ready: an address
        hash.secret[1] = static_cast<std::uint64_t>(::clock());
    }
    hash.secret[0] |= 1;
    return hash;
}

std::size_t FileCache::Hash::operator()(std::string_view key) const noexcept {
    std::uint64_t state = secret[0] ^ key.size();
    while (key.size() > 8) {
        std::uint64_t word;
        std::memcpy(&word, key.data(), sizeof word);
        state = fold(state ^ word, secret[1] | 1U);
        key.remove_prefix(8);
    }
    std::uint64_t last = 0;
    std::memcpy(&last, key.data(), key.size());
    return fold(state ^ last, secret[0]);
}

FileEntry* FileCache::find(std::string_view key, std::uint64_t now_ms) noexcept {
    while (!with_files_.empty() && with_files_.front()->used_ms + descriptor_idle_ms < now_ms) {
        erase(*with_files_.front());
    }
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    FileEntry& entry = *found->second;
    entry.used_ms = now_ms;
    if (entry.hook.tqe_next != nullptr) {  // not the most recent one already
        Queue& queue = queue_of(entry);
        queue.remove(entry);
        queue.push_back(entry);
    }
    return &entry;
}

void FileCache::insert(std::unique_ptr<FileEntry>& entry, std::uint64_t now_ms) {
    if (const auto old = entries_.find(entry->key); old != entries_.end()) erase(*old->second);
    entry->cost_bytes = cost_of(*entry);
    entry->descriptors = 0;
    for (const FileVariant& variant : entry->variants) entry->descriptors += variant.file ? 1U : 0U;
    if (entry->cost_bytes > bytes_max_ || entry->descriptors > descriptors_max_) return;
    FileEntry& added = *entry;
    added.used_ms = now_ms;
    entries_.emplace(added.key, std::move(entry));
    queue_of(added).push_back(added);
    bytes_ += added.cost_bytes;
    descriptors_ += added.descriptors;
    make_room(added);
}

/// Evicts until the budgets hold. `newest` fits by itself, so there is always another victim.
void FileCache::make_room(const FileEntry& newest) noexcept {
    while (descriptors_ > descriptors_max_) erase(*with_files_.front());
    while (bytes_ > bytes_max_) {
        FileEntry* const memory = in_memory_.front();
        FileEntry* const file = with_files_.front();
        const bool take_file =
            memory == nullptr || memory == &newest ||
            (file != nullptr && file != &newest && file->used_ms < memory->used_ms);
        erase(take_file ? *file : *memory);
    }
}

void FileCache::erase(FileEntry& entry) noexcept {
    queue_of(entry).remove(entry);
    bytes_ -= entry.cost_bytes;
    descriptors_ -= entry.descriptors;
    const auto found = entries_.find(entry.key);
    entries_.erase(found);
}

bool FileCache::drop_descriptors() noexcept {
    if (with_files_.empty()) return false;
    while (!with_files_.empty()) erase(*with_files_.front());
    return true;
}

}  // namespace corevent::http
