#include "base/slab.h"

#include "base/assert.h"

#include <sys/mman.h>

#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define CE_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CE_POISONS 1
#endif
#endif
#ifdef CE_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, bytes) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(begin, bytes) static_cast<void>(0)
#endif

namespace corevent {

/// Sits at the start of each slab, which is aligned to its size: a block finds it by masking its
/// own address.
struct Slab::Page : Slab::PageLink {
    FreeBlock* free = nullptr;  ///< released blocks, last in first out
    std::size_t in_use = 0;
    std::size_t touched = 0;  ///< blocks that were ever given out; those behind have no memory yet
};

namespace {

constexpr std::size_t header_bytes = 64;

constexpr std::size_t rounded(std::size_t bytes) noexcept {
    return bytes < 16 ? 16 : (bytes + 15) / 16 * 16;
}

}  // namespace

Slab::Slab(std::size_t block_bytes) noexcept
    : block_bytes_(rounded(block_bytes)),
      blocks_per_page_((slab_bytes - header_bytes) / block_bytes_) {
    static_assert(sizeof(Page) <= header_bytes);
    CE_ASSERT(block_bytes <= block_bytes_max);
}

Slab::~Slab() {
    CE_ASSERT(in_use_ == 0);
    if (spare_ != nullptr) {
        unmap_page(spare_);
    }
}

void* Slab::allocate() {
    auto* page = static_cast<Page*>(with_room_.front());
    if (page == nullptr) {
        page = spare_ != nullptr ? std::exchange(spare_, nullptr) : map_page();
        with_room_.push_back(*page);
    }
    FreeBlock* block = page->free;
    if (block != nullptr) {
        ASAN_UNPOISON_MEMORY_REGION(block, block_bytes_);
        page->free = block->next;
    } else {
        char* first = reinterpret_cast<char*>(page) + header_bytes;
        block = reinterpret_cast<FreeBlock*>(first + page->touched++ * block_bytes_);
        ASAN_UNPOISON_MEMORY_REGION(block, block_bytes_);
    }
    if (++page->in_use == blocks_per_page_) {
        with_room_.remove(*page);
    }
    ++in_use_;
    return block;
}

void Slab::release(void* block) noexcept {
    auto* page =
        reinterpret_cast<Page*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
    auto* freed = static_cast<FreeBlock*>(block);
    freed->next = page->free;
    page->free = freed;
    ASAN_POISON_MEMORY_REGION(block, block_bytes_);
    --in_use_;
    if (page->in_use-- == blocks_per_page_) {
        with_room_.push_back(*page);
    }
    if (page->in_use == 0) {
        with_room_.remove(*page);
        if (spare_ == nullptr) {
            spare_ = page;
        } else {
            unmap_page(page);
        }
    }
}

Slab::Page* Slab::map_page() {
    // Twice the size holds one aligned slab somewhere; the ends go back.
    void* mapped =
        mmap(nullptr, 2 * slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CE_ASSERT(mapped != MAP_FAILED);
    char* begin = static_cast<char*>(mapped);
    const std::size_t before =
        (slab_bytes - reinterpret_cast<std::uintptr_t>(begin) % slab_bytes) % slab_bytes;
    if (before != 0) {
        munmap(begin, before);
    }
    munmap(begin + before + slab_bytes, slab_bytes - before);
    ++mapped_;
    auto* page = ::new (begin + before) Page;
    ASAN_POISON_MEMORY_REGION(begin + before + header_bytes, slab_bytes - header_bytes);
    return page;
}

void Slab::unmap_page(Page* page) noexcept {
    ASAN_UNPOISON_MEMORY_REGION(page, slab_bytes);
    munmap(page, slab_bytes);
    --mapped_;
}

}  // namespace corevent
