#include "http/file_loader.h"

#include "codec/http_date.h"
#include "http/mime.h"

#include <fcntl.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

namespace corevent::http {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
/// A sibling may be this much older than its file and still be its compressed form.
constexpr std::int64_t sibling_slack_ns = 2 * second_ns;
/// The coarsest clock of a file system in use: a state older than this has no unseen successor.
constexpr std::int64_t settle_ns = 2 * second_ns;
/// A file that changes while it is read is read again; one that never stops changing is sent as it is.
constexpr int attempts_max = 3;

struct Suffix {
    Coding coding;
    std::string_view text;
    std::string_view tag;
};
constexpr std::array<Suffix, 3> suffixes{
    {{Coding::br, ".br", "-br"}, {Coding::zstd, ".zst", "-zst"}, {Coding::gzip, ".gz", "-gz"}}};

std::error_code system_error(int number) noexcept {
    return {number, std::system_category()};
}

std::int64_t wall_clock_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * second_ns + now.tv_nsec;
}

constexpr std::int64_t seconds_of(std::int64_t ns) noexcept {
    return ns >= 0 ? ns / second_ns : (ns - second_ns + 1) / second_ns;
}

/// `"size-time"`, both hexadecimal, and the coding of a sibling.
std::string make_etag(const FileIdentity& identity, Coding coding) {
    std::array<char, 17> digits;
    std::string tag = "\"";
    const auto add = [&](std::uint64_t value) {
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
        tag.append(digits.data(), end);
    };
    add(identity.size);
    tag += '-';
    add(static_cast<std::uint64_t>(identity.modified_ns));
    for (const Suffix& suffix : suffixes) {
        if (suffix.coding == coding) tag += suffix.tag;
    }
    return tag += '"';
}

void add_line(std::string& fields, std::string_view name, std::string_view value) {
    fields.append(name).append(": ").append(value).append("\r\n");
}

/// Nothing if the file is shorter than it was.
std::optional<std::string> read_whole(int descriptor, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n =
            ::pread(descriptor, bytes.data() + done, size - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        done += static_cast<std::size_t>(n);
    }
    return bytes;
}

bool still(int descriptor, const FileIdentity& identity) noexcept {
    struct stat status{};
    return ::fstat(descriptor, &status) == 0 && FileIdentity::of(status) == identity;
}

}  // namespace

FileStatus FileLoader::status_of(std::error_code error) noexcept {
    switch (error.value()) {
        case EISDIR: return FileStatus::directory;
        case ENOENT:
        case ENOTDIR:
        case ENAMETOOLONG:
        case ELOOP:
        case EXDEV:
        case ENXIO:
        case ENODEV: return FileStatus::missing;
        case EACCES:
        case EPERM: return FileStatus::forbidden;
        case EMFILE:
        case ENFILE:
        case ENOMEM: return FileStatus::exhausted;
        default: return FileStatus::failed;
    }
}

/// A regular file, or an error: EISDIR for a directory, ENODEV for what is neither.
Result<FileLoader::Opened> FileLoader::open_regular(const std::string& name) const {
    auto descriptor = root_.open_beneath(name.c_str(), O_RDONLY);
    if (!descriptor) {
        // A directory may be searched without being readable: its index file can be served.
        const bool denied = descriptor.error() == std::errc::permission_denied;
        const bool directory = denied && root_.open_beneath(name.c_str(), O_PATH | O_DIRECTORY);
        return std::unexpected(directory ? system_error(EISDIR) : descriptor.error());
    }
    struct stat status{};
    if (::fstat(descriptor->get(), &status) != 0) return std::unexpected(system_error(errno));
    if (S_ISDIR(status.st_mode)) return std::unexpected(system_error(EISDIR));
    if (!S_ISREG(status.st_mode)) return std::unexpected(system_error(ENODEV));
    return Opened{Coding::identity, std::move(*descriptor), FileIdentity::of(status)};
}

Result<std::vector<FileLoader::Opened>> FileLoader::open_variants(const std::string& name) const {
    auto original = open_regular(name);
    if (!original) return std::unexpected(original.error());
    const std::int64_t oldest = original->identity.modified_ns - sibling_slack_ns;
    std::vector<Opened> files;
    files.push_back(std::move(*original));
    if (!options_.precompressed) return files;
    for (const Suffix& suffix : suffixes) {
        auto sibling = open_regular(name + std::string(suffix.text));
        if (!sibling) {
            if (status_of(sibling.error()) == FileStatus::exhausted)
                return std::unexpected(sibling.error());
            continue;
        }
        if (sibling->identity.modified_ns < oldest) continue;
        sibling->coding = suffix.coding;
        files.push_back(std::move(*sibling));
    }
    return files;
}

FileLookup FileLoader::load(std::string_view key, const std::string& name,
                            const FileEntry* known) const {
    for (int attempt = 1;; ++attempt) {
        auto files = open_variants(name);
        if (!files) return {status_of(files.error()), files.error(), nullptr, nullptr};
        const auto same = [](const FileVariant& variant, const Opened& file) {
            return variant.coding == file.coding && variant.identity == file.identity;
        };
        if (known != nullptr && known->settled &&
            std::ranges::equal(known->variants, *files, same)) {
            return {FileStatus::found, {}, known, nullptr};
        }
        bool torn = false;
        auto built = build(key, name, *files, torn);
        if (torn && attempt < attempts_max) continue;
        const FileEntry* const entry = built.get();
        return {FileStatus::found, {}, entry, std::move(built)};
    }
}

FileLookup FileLoader::load_index(const std::string& name, const FileEntry* known) const {
    for (const std::string& index : options_.index) {
        FileLookup result = load(name, name + index, known);
        if (result.status != FileStatus::missing && result.status != FileStatus::directory)
            return result;
    }
    const auto directory = root_.open_beneath(name.c_str(), O_PATH | O_DIRECTORY);
    if (!directory) return {status_of(directory.error()), directory.error(), nullptr, nullptr};
    return {FileStatus::directory, {}, nullptr, nullptr};
}

Result<FileDescriptor> FileLoader::open_directory(const std::string& name) const {
    return root_.open_beneath(name.c_str(), O_RDONLY | O_DIRECTORY);
}

Result<FileDescriptor> FileLoader::look_at(const std::string& name) const {
    return root_.open_beneath(name.c_str(), O_PATH);
}

bool FileLoader::files_unchanged(const FileEntry& entry) noexcept {
    return std::ranges::all_of(entry.variants, [](const FileVariant& variant) {
        return !variant.file || still(variant.file->fd(), variant.identity);
    });
}

std::unique_ptr<FileEntry> FileLoader::build(std::string_view key, std::string_view name,
                                             std::vector<Opened>& files, bool& torn) const {
    const std::int64_t now = wall_clock_ns();
    auto entry = std::make_unique<FileEntry>();
    entry->key = key;
    entry->content_type = mime_type(name);
    entry->settled = true;
    // A date in the future would be none for the client (RFC 9110 8.8.2.1).
    entry->modified = seconds_of(std::min(files.front().identity.modified_ns, now));
    entry->variants.reserve(files.size());
    for (Opened& file : files) {
        entry->codings |= 1U << static_cast<unsigned>(file.coding);
        const std::int64_t touched = std::max(file.identity.modified_ns, file.identity.changed_ns);
        entry->settled = entry->settled && touched < now - settle_ns;
        entry->variants.push_back(build_variant(*entry, file, files.size() > 1, torn));
    }
    entry->settled = entry->settled && !torn;
    return entry;
}

FileVariant FileLoader::build_variant(const FileEntry& entry, Opened& file, bool negotiated,
                                      bool& torn) const {
    FileVariant variant;
    variant.coding = file.coding;
    variant.identity = file.identity;
    variant.etag = make_etag(file.identity, file.coding);

    std::array<char, http_date::length> date;
    http_date::format(entry.modified, date.data());
    std::string both;
    add_line(both, "ETag", variant.etag);
    add_line(both, "Last-Modified", {date.data(), date.size()});
    if (negotiated) add_line(both, "Vary", "Accept-Encoding");
    if (!options_.cache_control.empty()) add_line(both, "Cache-Control", options_.cache_control);

    auto body = std::make_shared<SharedBody>();
    add_line(body->fields, "Content-Type", entry.content_type);
    body->fields += both;
    add_line(body->fields, "Accept-Ranges", "bytes");
    if (file.coding != Coding::identity)
        add_line(body->fields, "Content-Encoding", coding_name(file.coding));

    std::optional<std::string> bytes;
    if (file.identity.size <= options_.cached_file_bytes) {
        bytes = read_whole(file.descriptor.get(), static_cast<std::size_t>(file.identity.size));
        torn = torn || !bytes || !still(file.descriptor.get(), file.identity);
    }
    if (bytes) {
        body->bytes = std::move(*bytes);
    } else {
        variant.file = SharedFile::adopt(file.descriptor.release());
    }
    auto fields = std::make_shared<SharedBody>();
    fields->fields = std::move(both);
    variant.not_modified = std::move(fields);
    variant.body = std::move(body);
    return variant;
}

}  // namespace corevent::http
