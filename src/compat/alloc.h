// Memory for what crosses the C boundary: from the functions that the program gave
// (event_set_mem_functions), else from the C library. Out of memory is a null pointer here. Any
// thread, as far as the program's functions are.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace corevent::compat {

void* mm_malloc(std::size_t bytes) noexcept;  ///< null for 0 bytes; errno is ENOMEM without memory
void* mm_calloc(std::size_t count, std::size_t bytes) noexcept;
void* mm_realloc(void* memory, std::size_t bytes) noexcept;
char* mm_strdup(const char* text) noexcept;
void mm_free(void* memory) noexcept;

/// A T, or null.
template <class T, class... Args>
T* mm_new(Args&&... args) noexcept {
    void* const memory = mm_malloc(sizeof(T));
    if (memory == nullptr) return nullptr;
    if constexpr (std::is_constructible_v<T, Args...>) {
        return ::new (memory) T(std::forward<Args>(args)...);
    } else {
        return ::new (memory) T{std::forward<Args>(args)...};
    }
}

template <class T>
void mm_delete(T* object) noexcept {
    if (object == nullptr) return;
    object->~T();
    mm_free(object);
}

}  // namespace corevent::compat
