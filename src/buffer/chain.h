// Chain: a queue of bytes to be written, made of segments that are copied bytes, taken-over
// strings, shared immutable bytes, borrowed static bytes or ranges of a file. Appending moves or
// shares, consuming frees; nothing is ever moved in memory. An empty chain is one null pointer.
// Owned by whoever declares it, one thread at a time; a holder may be shared by chains of several
// threads (its count is atomic). It makes no system call: a file is a number that is kept open by
// its holder, and sending it is the stream's work. Running out of memory aborts.
#pragma once

#include "buffer/bytes.h"

#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace corevent {

/// Keeps memory or a descriptor alive while segments refer to it. Counted; deleted by the last
/// reference, on whatever thread that happens.
class Holder {
public:
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        // The only owner needs no atomic read-modify-write: nobody else can add a reference.
        if (references_.load(std::memory_order_acquire) == 1 ||
            references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            destroy();
        }
    }
    bool is_shared() const noexcept { return references_.load(std::memory_order_acquire) != 1; }

protected:
    Holder() noexcept = default;
    virtual ~Holder() = default;
    virtual void destroy() noexcept { delete this; }

private:
    std::atomic<std::uint32_t> references_{1};
};

/// A counted reference to a holder of type H (or something derived from it).
template <class H>
class HolderRef {
public:
    HolderRef() noexcept = default;
    static HolderRef adopt(H* holder) noexcept {
        return HolderRef(holder);
    }  ///< takes over the caller's reference
    HolderRef(const HolderRef& other) noexcept : holder_(other.holder_) {
        if (holder_ != nullptr) {
            holder_->add_reference();
        }
    }
    HolderRef(HolderRef&& other) noexcept : holder_(std::exchange(other.holder_, nullptr)) {}
    HolderRef& operator=(HolderRef other) noexcept {
        std::swap(holder_, other.holder_);
        return *this;
    }
    ~HolderRef() {
        if (holder_ != nullptr) {
            holder_->drop_reference();
        }
    }

    H* get() const noexcept { return holder_; }
    H* operator->() const noexcept { return holder_; }
    explicit operator bool() const noexcept { return holder_ != nullptr; }
    H* release() noexcept {
        return std::exchange(holder_, nullptr);
    }  ///< the caller owns the reference now

private:
    explicit HolderRef(H* holder) noexcept : holder_(holder) {}
    H* holder_ = nullptr;
};

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

/// An open file that chains refer to. Derived classes own the descriptor and close it in their
/// destructor.
class FileHolder : public Holder {
public:
    int fd() const noexcept { return fd_; }

protected:
    explicit FileHolder(int fd) noexcept : fd_(fd) {}

private:
    const int fd_;
};
using FileRef = HolderRef<FileHolder>;

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
    struct Segment;
    struct Block;
    class CopiedBytes;
    Segment& add_segment();
    void add_memory(Holder* holder, const char* data, std::size_t length);

    Block* block_ = nullptr;
};

static_assert(sizeof(Chain) == sizeof(void*));

}  // namespace corevent
