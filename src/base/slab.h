// Blocks of one size for the objects a loop has by the thousand (connections, streams). They come
// from slabs of 64 KiB that are mapped from the kernel and given back to it as soon as the last
// block of a slab is free (one empty slab is kept), so that memory returns after a burst of
// connections whatever else is alive. One thread. Blocks that are free are poisoned under
// AddressSanitizer. Not for arrays, not for objects above 4 KiB.
#pragma once

#include "base/list.h"

#include <cstddef>
#include <new>
#include <utility>

namespace corevent {

class Slab {
public:
    static constexpr std::size_t slab_bytes = 64 * 1024;
    static constexpr std::size_t block_bytes_max = 4096;

    /// Blocks of at least `block_bytes` octets (at most block_bytes_max), aligned to 16.
    explicit Slab(std::size_t block_bytes) noexcept;
    ~Slab();  ///< every block must have been released
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    void* allocate();                    ///< uninitialised; running out of memory aborts
    void release(void* block) noexcept;  ///< a block of this Slab

    std::size_t blocks_in_use() const noexcept { return in_use_; }
    std::size_t slabs_mapped() const noexcept { return mapped_; }

private:
    struct Page;
    struct PageLink {
        ListHook<PageLink> hook;
    };
    struct FreeBlock {
        FreeBlock* next;
    };

    Page* map_page();
    void unmap_page(Page* page) noexcept;

    std::size_t block_bytes_;
    std::size_t blocks_per_page_;
    std::size_t in_use_ = 0;
    std::size_t mapped_ = 0;
    Page* spare_ = nullptr;                           ///< the one empty slab that is kept
    TailQueue<PageLink, &PageLink::hook> with_room_;  ///< slabs with blocks in use and room for
                                                      ///< more
};

/// Objects of one type from a Slab.
template <class T>
class SlabPool {
public:
    SlabPool() noexcept : slab_(sizeof(T)) {}

    template <class... Args>
    T* create(Args&&... args) {
        void* block = slab_.allocate();
        return ::new (block) T(std::forward<Args>(args)...);
    }
    void destroy(T* object) noexcept {
        object->~T();
        slab_.release(object);
    }

    const Slab& slab() const noexcept { return slab_; }

private:
    static_assert(alignof(T) <= 16 && sizeof(T) <= Slab::block_bytes_max);
    Slab slab_;
};

}  // namespace corevent
