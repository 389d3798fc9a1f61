#include "compat/alloc.h"

#include <event2/event.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace corevent::compat {
namespace {

struct Functions {
    void* (*allocate)(std::size_t) = nullptr;
    void* (*reallocate)(void*, std::size_t) = nullptr;
    void (*release)(void*) = nullptr;
} functions;

}  // namespace

void* mm_malloc(std::size_t bytes) noexcept {
    if (bytes == 0) return nullptr;
    return functions.allocate != nullptr ? functions.allocate(bytes) : std::malloc(bytes);
}

void* mm_calloc(std::size_t count, std::size_t bytes) noexcept {
    if (count == 0 || bytes == 0) return nullptr;
    if (functions.allocate == nullptr) return std::calloc(count, bytes);
    if (count > SIZE_MAX / bytes) {
        errno = ENOMEM;
        return nullptr;
    }
    void* const memory = functions.allocate(count * bytes);
    if (memory != nullptr) std::memset(memory, 0, count * bytes);
    return memory;
}

void* mm_realloc(void* memory, std::size_t bytes) noexcept {
    return functions.reallocate != nullptr ? functions.reallocate(memory, bytes)
                                           : std::realloc(memory, bytes);
}

char* mm_strdup(const char* text) noexcept {
    if (text == nullptr) {
        errno = EINVAL;
        return nullptr;
    }
    const std::size_t bytes = std::strlen(text) + 1;
    void* const memory = mm_malloc(bytes);
    return memory == nullptr ? nullptr : static_cast<char*>(std::memcpy(memory, text, bytes));
}

void mm_free(void* memory) noexcept {
    if (functions.release != nullptr) {
        functions.release(memory);
    } else {
        std::free(memory);
    }
}

}  // namespace corevent::compat

extern "C" void event_set_mem_functions(void* (*malloc_fn)(size_t),
                                        void* (*realloc_fn)(void*, size_t),
                                        void (*free_fn)(void*)) {
    corevent::compat::functions = {malloc_fn, realloc_fn, free_fn};
}
