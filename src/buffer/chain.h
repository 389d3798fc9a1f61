// Chain: a queue of bytes to be written, made of segments that are copied bytes, taken-over
// strings, shared immutable bytes, borrowed static bytes or ranges of a file. Appending moves or
// shares, consuming frees; nothing is ever moved in memory. An empty chain is one null pointer.
// Owned by whoever declares it, one thread at a time; a holder may be shared by chains of several
// threads (its count is atomic). It makes no system call: a file is a number that is kept open by
// its holder, and sending it is the stream's work. Running out of memory aborts.
#pragma once

#include "buffer/bytes.h"
#include "buffer/holder.h"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace corevent {

/// Immutable bytes that many chains share without copying (a cached file, a prepared answer).
class SharedBytes final : public Holder {
public:
    static HolderRef<SharedBytes> take(std::string bytes) {
        return HolderRef<SharedBytes>::adopt(new SharedBytes(std::move(bytes)));
    }
    std::string_view view() const noexcept { return bytes_; }

private:
    explicit SharedBytes(std::string bytes) noexcept : bytes_(std::move(bytes)) {}
    const std::string bytes_;
};
using SharedBytesRef = HolderRef<SharedBytes>;

class Chain {
public:
    /// More slices than this are of no use to one system call.
    static constexpr std::size_t slices_max = 16;

    Chain() noexcept = default;
    Chain(Chain&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Chain& operator=(Chain&& other) noexcept {
        Chain taken(std::move(other));
        std::swap(block_, taken.block_);
        return *this;
    }
    ~Chain() {
        if (block_ != nullptr) {
            clear();
        }
    }

    bool empty() const noexcept { return block_ == nullptr; }
    std::size_t size() const noexcept;  ///< octets, file ranges included; O(1)

    // Appending nothing (no octets) adds no segment.
    void append_copy(std::string_view bytes);  ///< small pieces share a segment
    void append(std::string&& bytes);
    void append(Bytes&& bytes);
    void append_static(std::string_view bytes);  ///< borrowed: must outlive the chain
    void append(SharedBytesRef bytes);           ///< all of it
    void append(SharedBytesRef bytes, std::size_t offset, std::size_t length);
    void append_file(FileRef file, std::uint64_t offset, std::uint64_t length);
    void append(Chain&& other);  ///< all segments of `other`, which is empty afterwards

    /// Slices of the front in order, as many as fit and up to the first file range; returns their
    /// number. Valid until the chain is changed.
    std::size_t prefix(std::span<iovec> out) const noexcept;

    struct FileRange {
        int fd = -1;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    bool front_is_file() const noexcept;
    FileRange front_file() const noexcept;  ///< only when front_is_file()

    /// Forgets `count` octets of the front (at most size()), file ranges included.
    void consume(std::size_t count) noexcept;
    void clear() noexcept;

private:
    struct Block;
    Block& block();
    void add_memory(Holder* holder, const char* data, std::size_t length);

    Block* block_ = nullptr;
};

static_assert(sizeof(Chain) == sizeof(void*));

}  // namespace corevent
