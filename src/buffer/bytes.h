// A growable run of characters in one piece: the output of writers, the cork of a loop, a head kept
// past its span. Owned by whoever declares it, used by one thread at a time. It grows by doubling,
// never shrinks by itself and keeps its memory over clear(); release() gives it back. It consumes
// nothing from the front (that is a chain's work) and terminates nothing with NUL. Running out of
// memory, or of size_t, aborts.
#pragma once

#include "base/assert.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace corevent {

class Bytes {
public:
    Bytes() noexcept = default;
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;
    Bytes(Bytes&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    Bytes& operator=(Bytes&& other) noexcept {
        Bytes taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~Bytes() { std::free(data_); }

    void swap(Bytes& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

    char* data() noexcept { return data_; }
    const char* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    bool empty() const noexcept { return size_ == 0; }
    std::string_view view() const noexcept { return {data_, size_}; }

    /// Where the next byte goes, with room for `room` bytes behind it. Invalidates earlier pointers
    /// and views when it grows. What is written there counts only after commit().
    char* reserve(std::size_t room) {
        if (room > capacity_ - size_) [[unlikely]] {
            grow(room);
        }
        return data_ + size_;
    }

    /// Adds `count` bytes that were written behind reserve(); at most what was reserved.
    void commit(std::size_t count) noexcept {
        CE_DCHECK(count <= capacity_ - size_);
        size_ += count;
    }

    /// Copies `text` to the end. `text` may lie inside this object.
    void append(std::string_view text) {
        if (text.size() > capacity_ - size_) [[unlikely]] {
            append_growing(text);
            return;
        }
        if (!text.empty()) {
            std::memcpy(data_ + size_, text.data(), text.size());
            size_ += text.size();
        }
    }

    void push_back(char c) {
        *reserve(1) = c;
        ++size_;
    }

    /// Cuts the content to its first `size` bytes (no more than there are).
    void truncate(std::size_t size) noexcept {
        CE_DCHECK(size <= size_);
        size_ = size;
    }

    /// Forgets the content, keeps the memory.
    void clear() noexcept { size_ = 0; }

    /// Forgets the content and gives the memory back.
    void release() noexcept {
        std::free(data_);
        data_ = nullptr;
        size_ = 0;
        capacity_ = 0;
    }

private:
    static constexpr std::size_t smallest = 256;

    __attribute__((noinline, cold)) void grow(std::size_t room) {
        CE_ASSERT(room <= SIZE_MAX / 2 - size_);
        std::size_t wanted = capacity_ < smallest / 2 ? smallest : capacity_ * 2;
        if (wanted < size_ + room) {
            wanted = size_ + room;
        }
        char* moved = static_cast<char*>(std::realloc(data_, wanted));
        CE_ASSERT(moved != nullptr);
        data_ = moved;
        capacity_ = wanted;
    }

    __attribute__((noinline, cold)) void append_growing(std::string_view text) {
        // The text may be a part of what realloc is about to move: keep its place, not its address.
        const auto at = reinterpret_cast<std::uintptr_t>(text.data());
        const auto begin = reinterpret_cast<std::uintptr_t>(data_);
        const bool own = data_ != nullptr && at >= begin && at < begin + size_;
        const std::size_t offset = own ? static_cast<std::size_t>(at - begin) : 0;
        grow(text.size());
        std::memcpy(data_ + size_, own ? data_ + offset : text.data(), text.size());
        size_ += text.size();
    }

    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace corevent
