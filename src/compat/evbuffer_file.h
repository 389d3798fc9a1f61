// A part of a file that buffers refer to. It belongs to its references: the program's and those of
// segments in buffers, of whatever threads. Its bytes come into memory when somebody wants to see
// them, and then once; what goes to a socket by sendfile never does.
#pragma once

#include "buffer/holder.h"

#include <event2/buffer.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

struct evbuffer_file_segment final : corevent::FileHolder {
    evbuffer_file_segment(int fd, std::uint64_t from, std::size_t bytes, unsigned how) noexcept;
    ~evbuffer_file_segment() override = default;

    /// Its bytes, until it goes; null when they cannot be had. Any thread.
    const char* bytes() noexcept;

    const std::uint64_t offset;  ///< in the file
    const std::size_t length;
    unsigned flags;  ///< EVBUF_FS_*
    evbuffer_file_segment_cleanup_cb cleanup = nullptr;
    void* cleanup_arg = nullptr;

private:
    void destroy() noexcept override;
    bool maps() const noexcept;
    void drop_bytes(const char* data) const noexcept;

    std::atomic<const char*> bytes_ = nullptr;
};
