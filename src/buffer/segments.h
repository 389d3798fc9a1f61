// SegmentQueue: the pieces of a queue of bytes, and what can be done to them: append, prepend, take
// from the front, move and share between queues, make contiguous, lend room to be written in place.
// A piece is memory that was copied here, memory that a holder keeps alive, memory that always
// lives, or a range of a file. Pieces sit in a ring that doubles; the first few have room in the
// object. Chain (for streams) and the buffers of the C interface are built on it; whoever embeds it
// says where memory comes from and what happens when there is none.
//
// One thread at a time; holders may be shared by queues of several threads. No system calls. Bytes
// never move, but by make_contiguous(). An operation that returns false or null changed nothing.
// The rarer operations are in buffer/segments.inc, to be included where the queue is instantiated.
#pragma once

#include "base/assert.h"
#include "buffer/holder.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <utility>

namespace corevent {

struct Segment {
    Holder* holder;        ///< null: memory that always lives
    const char* data;      ///< null: a range of the file that `holder` keeps open
    std::uint64_t offset;  ///< of the file range; of an own segment, the free bytes before `data`
    std::size_t length;    ///< never 0
    std::size_t room;      ///< free bytes behind an own segment; 0 in others
    bool own;              ///< memory that was copied here and that nobody else refers to
    std::uint8_t mark;     ///< a note of whoever embeds the queue; 0 unless that set it

    char* writable() const noexcept { return const_cast<char*>(data); }
};

/// Memory::allocate(bytes) returns null when there is none (if it returns at all), and
/// Memory::release(block) takes it back.
template <class Memory, std::uint32_t inline_segments>
class SegmentQueue {
public:
    /// The first own segment takes so much, with its bookkeeping; each further one twice as much as
    /// the one before, up to the second bound.
    static constexpr std::size_t block_bytes_min = 1024;
    static constexpr std::size_t block_bytes_max = 16 * 1024;
    static constexpr std::size_t size_max = std::numeric_limits<std::ptrdiff_t>::max();

    SegmentQueue() noexcept {}  // own_ stays as it is: nothing of it counts yet
    SegmentQueue(const SegmentQueue&) = delete;
    SegmentQueue& operator=(const SegmentQueue&) = delete;
    ~SegmentQueue() {
        consume(total_);
        drop_spare();
        if (ring_ != own_) {
            Memory::release(ring_);
        }
    }

    std::size_t size() const noexcept { return total_; }
    bool empty() const noexcept { return count_ == 0; }
    std::uint32_t segments() const noexcept { return count_; }
    Segment& at(std::uint32_t index) noexcept { return ring_[(first_ + index) & (capacity_ - 1)]; }
    const Segment& at(std::uint32_t index) const noexcept {
        return ring_[(first_ + index) & (capacity_ - 1)];
    }

    struct Place {
        std::uint32_t index;  ///< of the segment
        std::size_t offset;   ///< in it
    };
    /// Where byte `position` is; {segments(), 0} for size().
    Place locate(std::size_t position) const noexcept;
    /// Copies `length` bytes from `from`, of which there are so many, none in a file.
    void copy_out(Place from, char* out, std::size_t length) const noexcept;

    // --- Adding. Nothing (no bytes) adds no segment.

    bool append_copy(const char* bytes, std::size_t length) noexcept {
        if (count_ != 0) {
            Segment& last = at(count_ - 1);
            if (last.room >= length) {
                std::memcpy(last.writable() + last.length, bytes, length);
                last.length += length;
                last.room -= length;
                total_ += length;
                return true;
            }
        }
        return length == 0 || append_more(bytes, length);
    }
    bool prepend_copy(const char* bytes, std::size_t length) noexcept;
    /// Takes over a reference to `holder` (which may be null).
    bool append_memory(Holder* holder, const char* data, std::size_t length,
                       std::uint8_t mark = 0) noexcept;
    bool append_file(Holder* holder, std::uint64_t offset, std::uint64_t length,
                     std::uint8_t mark = 0) noexcept;

    // --- Between queues

    bool append_all(SegmentQueue& other) noexcept;   ///< `other` is empty afterwards
    bool prepend_all(SegmentQueue& other) noexcept;  ///< `other` is empty afterwards
    /// Moves the first `length` bytes (no more than there are) to the end of `other`: whole
    /// segments, and what is left of an own segment as a copy. Returns how many; fewer only when
    /// memory ran out.
    std::size_t move_front(SegmentQueue& other, std::size_t length) noexcept;
    /// Appends everything to `other` and keeps it. The new segments of `other` get `mark`.
    bool share_all(SegmentQueue& other, std::uint8_t mark) noexcept;

    // --- Room to be written in place

    /// The room behind the last segment, if that is `bytes` or more; else, with one slice, fresh
    /// room, and with two, the room there is and fresh room for the rest. Returns the number of
    /// slices, 0 when memory is short. The room stays until something else is added.
    std::size_t reserve(std::size_t bytes, std::span<iovec> slices) noexcept;
    /// The first bytes of each slice, all from the last reserve(), become part of the queue. False
    /// when they are not. Few bytes in much fresh room move to memory of their size when `fit`.
    bool commit(std::span<const iovec> slices, bool fit = false) noexcept;
    /// So that appending `bytes` bytes allocates nothing.
    bool expand(std::size_t bytes) noexcept;
    void drop_spare() noexcept {
        if (spare_ != nullptr) {
            Memory::release(std::exchange(spare_, nullptr));
        }
    }

    // --- The front

    /// Forgets the first `length` bytes, of which there are so many.
    void consume(std::size_t length) noexcept {
        total_ -= length;
        while (length != 0) {
            Segment& front = ring_[first_];
            if (length < front.length) {
                front.length -= length;
                front.offset += length;
                front.data += front.data != nullptr ? length : 0;
                return;
            }
            // Dropping may run code of the user, who may look at the queue: it is whole by then.
            const Segment gone = front;
            first_ = (first_ + 1) & (capacity_ - 1);
            --count_;
            length -= gone.length;
            drop(gone);
        }
    }
    /// The first `length` bytes in one piece, or null. `length` is not 0 and no more than size();
    /// none of it in a file.
    char* make_contiguous(std::size_t length) noexcept;

private:
    /// Own memory, in one allocation with its holder. Aligned for what copies the bytes.
    class alignas(16) CopiedBytes final : public Holder {
    public:
        static constexpr std::size_t bytes_max = std::numeric_limits<std::ptrdiff_t>::max() / 2;

        static CopiedBytes* make(std::size_t capacity) noexcept {
            if (capacity > bytes_max) {
                return nullptr;
            }
            void* memory = Memory::allocate(sizeof(CopiedBytes) + capacity);
            return memory == nullptr ? nullptr : ::new (memory) CopiedBytes(capacity);
        }
        char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
        std::size_t capacity() const noexcept { return capacity_; }

    private:
        explicit CopiedBytes(std::size_t capacity) noexcept : capacity_(capacity) {}
        ~CopiedBytes() override = default;
        void destroy() noexcept override { Memory::release(this); }
        const std::size_t capacity_;
    };

    static void drop(const Segment& segment) noexcept {
        if (segment.own) {
            Memory::release(segment.holder);
        } else if (segment.holder != nullptr) {
            segment.holder->drop_reference();
        }
    }
    /// Room in the ring for `more` segments.
    bool ensure(std::uint32_t more) noexcept { return capacity_ - count_ >= more || grow(more); }
    bool grow(std::uint32_t more) noexcept;
    Segment& push_back() noexcept { return ring_[(first_ + count_++) & (capacity_ - 1)]; }
    Segment& push_front() noexcept {
        ++count_;
        first_ = (first_ - 1) & (capacity_ - 1);
        return ring_[first_];
    }
    bool append_more(const char* bytes, std::size_t length) noexcept;
    std::size_t next_capacity(std::size_t least, const Segment* neighbour) const noexcept;
    bool ensure_spare(std::size_t capacity) noexcept;
    /// The spare memory becomes the last segment, with its first `length` bytes. There is room in
    /// the ring.
    void use_spare(std::size_t length) noexcept;
    void fit_spare(std::size_t length) noexcept;
    void take_ring(SegmentQueue& other) noexcept;

    std::size_t total_ = 0;
    Segment* ring_ = own_;
    std::uint32_t first_ = 0;
    std::uint32_t count_ = 0;
    std::uint32_t capacity_ = inline_segments;  ///< a power of two
    CopiedBytes* spare_ = nullptr;              ///< room that was lent or asked for
    Segment own_[inline_segments];

    static_assert((inline_segments & (inline_segments - 1)) == 0 && inline_segments != 0);
};

}  // namespace corevent
