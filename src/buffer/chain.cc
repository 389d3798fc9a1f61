#include "buffer/chain.h"

#include "base/assert.h"
#include "buffer/segments.inc"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace corevent {

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

/// What is taken over below this size is copied: cheaper than a holder and a segment of its own.
constexpr std::size_t taken_bytes_min = 256;

struct AbortingMemory {
    static void* allocate(std::size_t bytes) noexcept {
        void* memory = std::malloc(bytes);
        CE_ASSERT(memory != nullptr);
        return memory;
    }
    static void release(void* memory) noexcept { std::free(memory); }
};

}  // namespace

/// The state of a chain that is not empty. What its operations say of memory that is short is of no
/// interest: there it has aborted. That leaves sizes beyond any memory.
struct Chain::Block : SegmentQueue<AbortingMemory, 4> {};

Chain::Block& Chain::block() {
    if (block_ == nullptr) {
        block_ = ::new (AbortingMemory::allocate(sizeof(Block))) Block;
    }
    return *block_;
}

void Chain::add_memory(Holder* holder, const char* data, std::size_t length) {
    const bool added = block().append_memory(holder, data, length);
    CE_ASSERT(added);
}

std::size_t Chain::size() const noexcept {
    return block_ == nullptr ? 0 : block_->size();
}

void Chain::append_copy(std::string_view bytes) {
    if (!bytes.empty()) {
        const bool added = block().append_copy(bytes.data(), bytes.size());
        CE_ASSERT(added);
    }
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
        const bool added = block().append_file(file.get(), offset, length);
        CE_ASSERT(added);
        file.release();
    }
}

void Chain::append(Chain&& other) {
    CE_DCHECK(&other != this);
    if (block_ == nullptr) {
        std::swap(block_, other.block_);
        return;
    }
    if (other.block_ != nullptr) {
        const bool added = block_->append_all(*other.block_);
        CE_ASSERT(added);
        other.clear();
    }
}

std::size_t Chain::prefix(std::span<iovec> out) const noexcept {
    if (block_ == nullptr) {
        return 0;
    }
    const std::size_t most = std::min<std::size_t>(out.size(), block_->segments());
    std::size_t filled = 0;
    while (filled < most) {
        const Segment& segment = block_->at(static_cast<std::uint32_t>(filled));
        if (segment.data == nullptr) {
            break;
        }
        out[filled++] = {segment.writable(), segment.length};
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
    block_->consume(count);
    if (block_->empty()) {
        clear();
    }
}

void Chain::clear() noexcept {
    if (block_ != nullptr) {
        block_->~Block();
        AbortingMemory::release(std::exchange(block_, nullptr));
    }
}

}  // namespace corevent
