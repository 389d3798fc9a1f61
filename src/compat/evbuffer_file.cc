#include "compat/evbuffer_file.h"

#include "compat/evbuffer.h"
#include "compat/log.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace corevent::compat {

namespace {

/// Shorter parts are read rather than mapped: that is faster, and a file that shrinks later does no
/// harm.
constexpr std::size_t mapped_bytes_min = 64 * 1024;

bool read_all(int fd, char* out, std::size_t length, ev_off_t offset) noexcept {
    while (length != 0) {
        const ssize_t got = pread(fd, out, length, offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        out += got;
        offset += got;
        length -= static_cast<std::size_t>(got);
    }
    return true;
}

std::uint64_t page_bytes() noexcept {
    static const auto bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return bytes;
}

const char* read_part(const evbuffer_file_segment& part) noexcept {
    auto* const bytes = static_cast<char*>(mm_malloc(part.length));
    if (bytes != nullptr &&
        !read_all(part.fd(), bytes, part.length, static_cast<ev_off_t>(part.offset))) {
        mm_free(bytes);
        return nullptr;
    }
    return bytes;
}

/// Null also when the file ends before the part does: memory behind its end cannot be touched.
const char* map_part(const evbuffer_file_segment& part) noexcept {
    struct stat about;
    if (fstat(part.fd(), &about) != 0 ||
        static_cast<std::uint64_t>(about.st_size) < part.offset + part.length) {
        return nullptr;
    }
    const std::uint64_t before = part.offset % page_bytes();
    void* const mapped = mmap(nullptr, part.length + before, PROT_READ, MAP_PRIVATE, part.fd(),
                              static_cast<ev_off_t>(part.offset - before));
    return mapped == MAP_FAILED ? nullptr : static_cast<const char*>(mapped) + before;
}

}  // namespace

}  // namespace corevent::compat

using namespace corevent::compat;

evbuffer_file_segment::evbuffer_file_segment(int fd, std::uint64_t from, std::size_t bytes,
                                             unsigned how) noexcept
    : FileHolder(fd), offset(from), length(bytes), flags(how) {}

void evbuffer_file_segment::destroy() noexcept {
    if (const char* const data = bytes_.load(std::memory_order_acquire)) {
        drop_bytes(data);
    }
    if ((flags & EVBUF_FS_CLOSE_ON_FREE) != 0) {
        close(fd());
    }
    if (cleanup != nullptr) {
        cleanup(this, static_cast<int>(flags), cleanup_arg);
    }
    mm_delete(this);
}

void evbuffer_file_segment::drop_bytes(const char* data) const noexcept {
    if (maps()) {
        const std::uint64_t before = offset % page_bytes();
        munmap(const_cast<char*>(data - before), length + before);
    } else {
        mm_free(const_cast<char*>(data));
    }
}

bool evbuffer_file_segment::maps() const noexcept {
    return (flags & EVBUF_FS_DISABLE_MMAP) == 0 && length >= mapped_bytes_min;
}

const char* evbuffer_file_segment::bytes() noexcept {
    const char* data = bytes_.load(std::memory_order_acquire);
    if (data != nullptr) {
        return data;
    }
    const char* const fresh = maps() ? map_part(*this) : read_part(*this);
    if (fresh == nullptr) {
        warn("%zu bytes at %llu of descriptor %d could not be brought into memory", length,
             static_cast<unsigned long long>(offset), fd());
        return nullptr;
    }
    if (!bytes_.compare_exchange_strong(data, fresh, std::memory_order_acq_rel)) {
        drop_bytes(fresh);  // a buffer of another thread was faster
        return data;
    }
    return fresh;
}

namespace corevent::compat {

bool map_files(evbuffer& buffer) noexcept {
    for (std::uint32_t i = 0; i < buffer.segments.segments(); ++i) {
        Segment& segment = buffer.segments.at(i);
        if (segment.data != nullptr) {
            continue;
        }
        auto& part = static_cast<evbuffer_file_segment&>(*segment.holder);
        const char* const bytes = part.bytes();
        if (bytes == nullptr) {
            return false;
        }
        segment.data = bytes + (segment.offset - part.offset);
    }
    buffer.files = false;
    return true;
}

}  // namespace corevent::compat

extern "C" {

evbuffer_file_segment* evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                 unsigned flags) {
    if (length == -1) {
        struct stat about;
        if (fstat(fd, &about) != 0) {
            warn("the size of descriptor %d, which is to be added to a buffer, is not known", fd);
            return nullptr;
        }
        length = about.st_size - std::min(offset, about.st_size);
    }
    if (offset < 0 || length < 0 || offset > std::numeric_limits<ev_off_t>::max() - length) {
        return nullptr;
    }
    auto* const part = mm_new<evbuffer_file_segment>(fd, static_cast<std::uint64_t>(offset),
                                                     static_cast<std::size_t>(length), flags);
    constexpr unsigned read_now = EVBUF_FS_DISABLE_MMAP | EVBUF_FS_DISABLE_SENDFILE;
    if (part != nullptr && (flags & read_now) == read_now && length != 0 &&
        part->bytes() == nullptr) {
        mm_delete(part);
        return nullptr;
    }
    return part;
}

void evbuffer_file_segment_free(evbuffer_file_segment* seg) {
    seg->drop_reference();
}

void evbuffer_file_segment_add_cleanup_cb(evbuffer_file_segment* seg,
                                          evbuffer_file_segment_cleanup_cb cb, void* arg) {
    seg->cleanup = cb;
    seg->cleanup_arg = arg;
}

int evbuffer_add_file_segment(evbuffer* buf, evbuffer_file_segment* seg, ev_off_t offset,
                              ev_off_t length) {
    Use use(*buf);
    if (buf->back_frozen || offset < 0 || static_cast<std::size_t>(offset) > seg->length) {
        return -1;
    }
    const std::size_t rest = seg->length - static_cast<std::size_t>(offset);
    const std::size_t count = length < 0 ? rest : static_cast<std::size_t>(length);
    if (count > rest) {
        return -1;
    }
    if (count == 0) {
        return 0;
    }
    bool added = false;
    if (buf->drains_to_fd && (seg->flags & EVBUF_FS_DISABLE_SENDFILE) == 0) {
        const std::uint64_t from = seg->offset + static_cast<std::uint64_t>(offset);
        added = buf->segments.append_file(seg, from, count, not_shareable);
        buf->files |= added;
    } else if (const char* const bytes = seg->bytes()) {
        added = buf->segments.append_memory(seg, bytes + offset, count, not_shareable);
    }
    if (!added) {
        return -1;
    }
    seg->add_reference();
    use.changed(count, 0);
    return 0;
}

int evbuffer_add_file(evbuffer* outbuf, int fd, ev_off_t offset, ev_off_t length) {
    evbuffer_file_segment* const part = evbuffer_file_segment_new(fd, offset, length, 0);
    if (part == nullptr) {
        return -1;
    }
    // A callback may drain the bytes at once: the flag comes while this reference is still held.
    const int result = evbuffer_add_file_segment(outbuf, part, 0, -1);
    if (result == 0) {
        part->flags |= EVBUF_FS_CLOSE_ON_FREE;
    }
    part->drop_reference();
    return result;
}

}  // extern "C"
