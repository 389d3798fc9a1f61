#include "buffer/chain.h"

#include "base/assert.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace corevent {

/// Bytes that were copied, in one allocation with their holder; grows while it is the last segment
/// of its only chain.
class Chain::CopiedBytes final : public Holder {
public:
    static CopiedBytes* make(std::size_t capacity) {
        void* memory = std::malloc(sizeof(CopiedBytes) + capacity);
        CE_ASSERT(memory != nullptr);
        return ::new (memory) CopiedBytes(capacity);
    }
    char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
    std::size_t capacity() const noexcept { return capacity_; }

private:
    explicit CopiedBytes(std::size_t capacity) noexcept : capacity_(capacity) {}
    ~CopiedBytes() override = default;
    void destroy() noexcept override {
        this->~CopiedBytes();
        std::free(this);
    }
    const std::size_t capacity_;
};

namespace {

class StringHolder final : public Holder {
public:
    explicit StringHolder(std::string&& bytes) noexcept : bytes_(std::move(bytes)) {}
    const char* data() const noexcept { return bytes_.data(); }

private:
    std::string bytes_;
};

class BytesHolder final : public Holder {
public:
    explicit BytesHolder(Bytes&& bytes) noexcept : bytes_(std::move(bytes)) {}
    const char* data() const noexcept { return bytes_.data(); }

private:
    Bytes bytes_;
};

/// Copied pieces smaller than this get a segment with room for their successors.
constexpr std::size_t copied_bytes_min = 1024;
/// What is taken over below this size is copied: cheaper than a holder and a segment of its own.
constexpr std::size_t taken_bytes_min = 256;

}  // namespace

struct Chain::Segment {
    Holder* holder;        ///< null: static bytes
    const char* data;      ///< null: a range of the file that `holder` keeps open
    std::uint64_t offset;  ///< of the file range
    std::size_t length;
    bool copied;  ///< holder is CopiedBytes made by this chain
};

/// The state of a chain that is not empty, with its segments in a ring that doubles.
struct Chain::Block {
    std::size_t total;
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t capacity;  ///< a power of two

    Segment* segments() noexcept { return reinterpret_cast<Segment*>(this + 1); }
    Segment& at(std::uint32_t index) noexcept {
        return segments()[(first + index) & (capacity - 1)];
    }

    static Block* make(std::uint32_t capacity) {
        static_assert(sizeof(Block) % alignof(Segment) == 0);
        auto* block = static_cast<Block*>(std::malloc(sizeof(Block) + capacity * sizeof(Segment)));
        CE_ASSERT(block != nullptr);
        *block = {0, 0, 0, capacity};
        return block;
    }
};

Chain::Segment& Chain::add_segment() {
    if (block_ == nullptr) {
        block_ = Block::make(4);
    } else if (block_->count == block_->capacity) {
        CE_ASSERT(block_->capacity < UINT32_MAX / 2);
        Block* larger = Block::make(block_->capacity * 2);
        for (std::uint32_t i = 0; i < block_->count; ++i) {
            larger->segments()[i] = block_->at(i);
        }
        larger->total = block_->total;
        larger->count = block_->count;
        std::free(block_);
        block_ = larger;
    }
    return block_->at(block_->count++);
}

void Chain::add_memory(Holder* holder, const char* data, std::size_t length) {
    add_segment() = {holder, data, 0, length, false};
    block_->total += length;
}

std::size_t Chain::size() const noexcept {
    return block_ == nullptr ? 0 : block_->total;
}

void Chain::append_copy(std::string_view bytes) {
    if (bytes.empty()) {
        return;
    }
    if (block_ != nullptr) {
        Segment& last = block_->at(block_->count - 1);
        if (last.copied) {
            auto* tail = static_cast<CopiedBytes*>(last.holder);
            const auto used = static_cast<std::size_t>(last.data - tail->data()) + last.length;
            const std::size_t fits = std::min(bytes.size(), tail->capacity() - used);
            std::memcpy(tail->data() + used, bytes.data(), fits);
            last.length += fits;
            block_->total += fits;
            bytes.remove_prefix(fits);
            if (bytes.empty()) {
                return;
            }
        }
    }
    CopiedBytes* copy = CopiedBytes::make(std::max(bytes.size(), copied_bytes_min));
    std::memcpy(copy->data(), bytes.data(), bytes.size());
    add_segment() = {copy, copy->data(), 0, bytes.size(), true};
    block_->total += bytes.size();
}

void Chain::append(std::string&& bytes) {
    if (bytes.size() < taken_bytes_min) {
        append_copy(bytes);
        return;
    }
    const std::size_t length = bytes.size();
    auto* holder = new StringHolder(std::move(bytes));
    add_memory(holder, holder->data(), length);
}

void Chain::append(Bytes&& bytes) {
    if (bytes.size() < taken_bytes_min) {
        append_copy(bytes.view());
        return;
    }
    const std::size_t length = bytes.size();
    auto* holder = new BytesHolder(std::move(bytes));
    add_memory(holder, holder->data(), length);
}

void Chain::append_static(std::string_view bytes) {
    if (!bytes.empty()) {
        add_memory(nullptr, bytes.data(), bytes.size());
    }
}

void Chain::append(SharedBytesRef bytes) {
    const std::size_t length = bytes->view().size();
    append(std::move(bytes), 0, length);
}

void Chain::append(SharedBytesRef bytes, std::size_t offset, std::size_t length) {
    CE_DCHECK(offset <= bytes->view().size() && length <= bytes->view().size() - offset);
    if (length != 0) {
        const char* data = bytes->view().data() + offset;
        add_memory(bytes.release(), data, length);
    }
}

void Chain::append_file(FileRef file, std::uint64_t offset, std::uint64_t length) {
    if (length != 0) {
        add_segment() = {file.release(), nullptr, offset, length, false};
        block_->total += length;
    }
}

void Chain::append(Chain&& other) {
    CE_DCHECK(&other != this);
    if (block_ == nullptr) {
        std::swap(block_, other.block_);
        return;
    }
    if (other.block_ == nullptr) {
        return;
    }
    for (std::uint32_t i = 0; i < other.block_->count; ++i) {
        add_segment() = other.block_->at(i);
    }
    block_->total += other.block_->total;
    std::free(std::exchange(other.block_, nullptr));
}

std::size_t Chain::prefix(std::span<iovec> out) const noexcept {
    if (block_ == nullptr) {
        return 0;
    }
    const std::size_t most = std::min<std::size_t>(out.size(), block_->count);
    std::size_t filled = 0;
    while (filled < most) {
        const Segment& segment = block_->at(static_cast<std::uint32_t>(filled));
        if (segment.data == nullptr) {
            break;
        }
        out[filled++] = {const_cast<char*>(segment.data), segment.length};
    }
    return filled;
}

bool Chain::front_is_file() const noexcept {
    return block_ != nullptr && block_->at(0).data == nullptr;
}

Chain::FileRange Chain::front_file() const noexcept {
    CE_DCHECK(front_is_file());
    const Segment& segment = block_->at(0);
    return {static_cast<FileHolder*>(segment.holder)->fd(), segment.offset, segment.length};
}

void Chain::consume(std::size_t count) noexcept {
    CE_ASSERT(count <= size());
    if (count == 0) {
        return;
    }
    block_->total -= count;
    while (count != 0) {
        Segment& segment = block_->at(0);
        if (count < segment.length) {
            segment.length -= count;
            if (segment.data != nullptr) {
                segment.data += count;
            } else {
                segment.offset += count;
            }
            return;
        }
        count -= segment.length;
        if (segment.holder != nullptr) {
            segment.holder->drop_reference();
        }
        block_->first = (block_->first + 1) & (block_->capacity - 1);
        --block_->count;
    }
    if (block_->count == 0) {
        std::free(std::exchange(block_, nullptr));
    }
}

void Chain::clear() noexcept {
    consume(size());
}

}  // namespace corevent
