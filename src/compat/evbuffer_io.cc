#include "compat/evbuffer.h"
#include "compat/evbuffer_file.h"

#include "base/assert.h"

#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

// Buffers and descriptors: one system call each.
//
// How much a read asks for follows what came: twice as much after a read that was filled, half as
// much after one that came to less than a quarter, between read_bytes_min and read_bytes_max. The
// kernel is not asked how much there is; what a read leaves behind shows in the next turn of the
// loop.

namespace corevent::compat {

namespace {

constexpr std::size_t slices_max = 128;

void note_read(evbuffer& buffer, std::size_t wanted, std::size_t got) noexcept {
    if (got == wanted && wanted == buffer.read_bytes && wanted < read_bytes_max) {
        buffer.read_bytes *= 2;
    } else if (got < buffer.read_bytes / 4 && buffer.read_bytes > read_bytes_min) {
        buffer.read_bytes /= 2;
    }
}

ssize_t read_some(evbuffer& buffer, int fd, std::size_t wanted) noexcept {
    std::array<iovec, 2> slices;
    const std::size_t count = buffer.segments.reserve(wanted, slices);
    if (count == 0) {
        errno = ENOMEM;
        return -1;
    }
    slices[0].iov_len = std::min(slices[0].iov_len, wanted);
    if (count == 2) {
        slices[1].iov_len = wanted - slices[0].iov_len;
    }
    const ssize_t got = count == 1 ? read(fd, slices[0].iov_base, slices[0].iov_len)
                                   : readv(fd, slices.data(), static_cast<int>(count));
    const std::size_t came = got < 0 ? 0 : static_cast<std::size_t>(got);
    slices[0].iov_len = std::min(slices[0].iov_len, came);
    if (count == 2) {
        slices[1].iov_len = came - slices[0].iov_len;
    }
    const bool added = buffer.segments.commit(std::span(slices).first(count), true);
    CE_ASSERT(added);
    const int error = errno;
    buffer.segments.drop_spare();  // an idle buffer keeps no memory
    errno = error;
    return got;
}

/// Writes from the front up to the first file part.
ssize_t write_memory(const evbuffer& buffer, int fd, std::size_t most) noexcept {
    std::array<iovec, slices_max> slices;
    std::size_t count = 0;
    std::size_t left = most;
    while (count < slices.size() && count < buffer.segments.segments() && left != 0) {
        const Segment& segment = buffer.segments.at(static_cast<std::uint32_t>(count));
        if (segment.data == nullptr) {
            break;
        }
        const std::size_t part = std::min(left, segment.length);
        slices[count++] = {segment.writable(), part};
        left -= part;
    }
    return count == 1 ? write(fd, slices[0].iov_base, slices[0].iov_len)
                      : writev(fd, slices.data(), static_cast<int>(count));
}

/// Hands the leading file part to the kernel. When the descriptor takes none that way, its bytes
/// are written like others.
ssize_t write_file(evbuffer& buffer, int fd, std::size_t most) noexcept {
    const Segment& segment = buffer.segments.at(0);
    auto offset = static_cast<off_t>(segment.offset);
    const int file = static_cast<FileHolder*>(segment.holder)->fd();
    const ssize_t sent = sendfile(fd, file, &offset, std::min(most, segment.length));
    if (sent == 0) {
        errno = EIO;  // the file has become shorter: what is left can never be sent
        return -1;
    }
    if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) {
        return map_files(buffer) ? write_memory(buffer, fd, most) : -1;
    }
    return sent;
}

}  // namespace

}  // namespace corevent::compat

using corevent::Segment;
using namespace corevent::compat;

extern "C" {

int evbuffer_read(evbuffer* buffer, evutil_socket_t fd, int howmuch) {
    Use use(*buffer);
    if (buffer->back_frozen) {
        return -1;
    }
    std::size_t wanted = buffer->read_bytes;
    if (howmuch >= 0) {
        wanted = std::min(wanted, static_cast<std::size_t>(howmuch));
    }
    const ssize_t got = read_some(*buffer, fd, wanted);
    if (got > 0) {
        note_read(*buffer, wanted, static_cast<std::size_t>(got));
        use.changed(static_cast<std::size_t>(got), 0);
    }
    return static_cast<int>(got);
}

int evbuffer_write(evbuffer* buffer, evutil_socket_t fd) {
    return evbuffer_write_atmost(buffer, fd, -1);
}

int evbuffer_write_atmost(evbuffer* buffer, evutil_socket_t fd, ev_ssize_t howmuch) {
    Use use(*buffer);
    if (buffer->front_frozen) {
        return -1;
    }
    std::size_t most = std::min<std::size_t>(buffer->segments.size(), INT_MAX);
    if (howmuch >= 0) {
        most = std::min(most, static_cast<std::size_t>(howmuch));
    }
    if (most == 0) {
        return -1;
    }
    const ssize_t written = buffer->segments.at(0).data == nullptr
                                ? write_file(*buffer, fd, most)
                                : write_memory(*buffer, fd, most);
    if (written > 0) {
        buffer->segments.consume(static_cast<std::size_t>(written));
        use.changed(0, static_cast<std::size_t>(written));
    }
    return static_cast<int>(written);
}

}  // extern "C"
