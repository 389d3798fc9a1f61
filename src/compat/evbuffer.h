// evbuffer from the inside: a queue of segments with a lock, callbacks and frozen ends. It is
// counted: the program holds one reference, and so does each deferred run of its callbacks that is
// due. With a lock (its own, or one it shares with its bufferevent) any thread may use it, and
// callbacks run with the lock held; without one, the thread that owns it.
//
// A file part is a segment without memory only while nobody looks at its bytes: `files` says that
// there may be such segments, and readable() maps them in.
#pragma once

#include "base/list.h"
#include "buffer/segments.h"
#include "compat/alloc.h"
#include "compat/deferred.h"
#include "compat/lock.h"

#include <event2/buffer.h>
#include <event2/buffer_compat.h>

#include <cstddef>
#include <cstdint>
#include <optional>

struct bufferevent;

/// For evbuffer_cb_set_flags: the callback runs at once, even when the buffer defers callbacks.
inline constexpr ev_uint32_t EVBUFFER_CB_NODEFER = 2;

struct evbuffer_cb_entry {
    corevent::ListHook<evbuffer_cb_entry> hook;
    evbuffer_cb_func function;  ///< or null
    evbuffer_cb old_function;   ///< or null: how evbuffer_setcb has it
    void* arg;
    ev_uint32_t flags;
};

namespace corevent::compat {

struct BufferMemory {
    static void* allocate(std::size_t bytes) noexcept { return mm_malloc(bytes); }
    static void release(void* block) noexcept { mm_free(block); }
};
using Segments = SegmentQueue<BufferMemory, 2>;

/// Segments with this mark cannot be shared a second time: file parts, and what is shared.
inline constexpr std::uint8_t not_shareable = 1;

/// A pass over the callbacks of a buffer; removing one of them moves the pass on.
struct CallbackPass {
    evbuffer_cb_entry* next;
    CallbackPass* outer;
};

inline constexpr std::size_t read_bytes_min = 4096;
inline constexpr std::size_t read_bytes_max = 64 * 1024;

}  // namespace corevent::compat

extern template class corevent::SegmentQueue<corevent::compat::BufferMemory, 2>;

struct evbuffer {
    evbuffer() noexcept = default;
    ~evbuffer();
    evbuffer(const evbuffer&) = delete;
    evbuffer& operator=(const evbuffer&) = delete;

    corevent::compat::Segments segments;
    void* lock = nullptr;
    bool own_lock = false;
    bool front_frozen = false;
    bool back_frozen = false;
    bool drains_to_fd = false;
    bool files = false;  ///< there may be segments without memory
    std::uint32_t references = 1;
    std::uint32_t read_bytes = corevent::compat::read_bytes_min;  ///< what the next read asks for

    corevent::TailQueue<evbuffer_cb_entry, &evbuffer_cb_entry::hook> callbacks;
    std::size_t added = 0;    ///< since callbacks last ran
    std::size_t deleted = 0;  ///< since callbacks last ran
    corevent::compat::CallbackPass* passes = nullptr;
    event_base* base = nullptr;  ///< whose loop runs deferred callbacks
    bufferevent* parent = nullptr;
    corevent::compat::Deferred* deferred = nullptr;  ///< once callbacks were deferred
};

namespace corevent::compat {

inline int status(bool good) noexcept {
    return good ? 0 : -1;
}

inline void lock_buffer(evbuffer& buffer) noexcept {
    if (buffer.lock != nullptr) {
        lock_acquire(buffer.lock);
    }
}
inline void unlock_buffer(evbuffer& buffer) noexcept {
    if (buffer.lock != nullptr) {
        lock_release(buffer.lock);
    }
}

/// No reference is left. Drops the lock.
void destroy(evbuffer& buffer) noexcept;
/// Drops a reference and the lock.
inline void release_and_unlock(evbuffer& buffer) noexcept {
    if (--buffer.references == 0) [[unlikely]] {
        destroy(buffer);
    } else {
        unlock_buffer(buffer);
    }
}

/// A buffer as evbuffer_new() makes it, in the memory of `buffer`, which goes, if nobody else can know that. Null
/// when memory is short.
evbuffer* renew(evbuffer& buffer) noexcept;

/// Gives the segments without memory theirs. False when that fails.
bool map_files(evbuffer& buffer) noexcept;
inline bool readable(evbuffer& buffer) noexcept {
    return !buffer.files || map_files(buffer);
}

/// The lock of a buffer for a scope, and a reference from when callbacks run: they may free it.
class Use {
public:
    explicit Use(evbuffer& buffer) noexcept : buffer_(buffer) { lock_buffer(buffer); }
    ~Use() {
        if (held_) {
            release_and_unlock(buffer_);
        } else {
            unlock_buffer(buffer_);
        }
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    /// The length has changed. At most once in a scope, after which the buffer may be any way.
    void changed(std::size_t added, std::size_t deleted) noexcept {
        if (buffer_.callbacks.empty()) {
            buffer_.added = 0;
            buffer_.deleted = 0;
            return;
        }
        notify(added, deleted);
    }

    /// From now on also a reference.
    void hold() noexcept {
        if (!held_) {
            held_ = true;
            ++buffer_.references;
        }
    }

private:
    void notify(std::size_t added, std::size_t deleted) noexcept;

    evbuffer& buffer_;
    bool held_ = false;
};

/// The locks of two buffers, in one order everywhere.
class UseTwo {
public:
    UseTwo(evbuffer& one, evbuffer& two) noexcept
        : low_(&one < &two ? one : two),
          high_(&one < &two ? two : one),
          low_is_first_(&one < &two) {}

    /// `length` bytes were added to the buffer that was named first, or went there from the second.
    void added_to_first(std::size_t length) noexcept {
        low_.hold();
        high_.hold();
        first().changed(length, 0);
    }
    void moved_to_first(std::size_t length) noexcept {
        low_.hold();
        high_.hold();
        second().changed(0, length);
        first().changed(length, 0);
    }
    /// The same, and the buffer named first is told first.
    void moved_some_to_first(std::size_t length) noexcept {
        low_.hold();
        high_.hold();
        first().changed(length, 0);
        second().changed(0, length);
    }

private:
    Use& first() noexcept { return low_is_first_ ? low_ : high_; }
    Use& second() noexcept { return low_is_first_ ? high_ : low_; }

    Use low_;
    Use high_;
    const bool low_is_first_;
};

/// Where `pointer` is in the buffer; nothing when that is nowhere. A pointer carries the index of
/// its segment plus one, null at the end; one that was made before the buffer changed is looked up
/// by its position.
inline std::optional<Segments::Place> place_of(const evbuffer& buffer,
                                               const evbuffer_ptr& pointer) noexcept {
    const Segments& segments = buffer.segments;
    if (pointer.pos < 0 || static_cast<std::size_t>(pointer.pos) > segments.size()) {
        return std::nullopt;
    }
    const auto number = reinterpret_cast<std::uintptr_t>(pointer.internal_.chain);
    const std::size_t offset = pointer.internal_.pos_in_chain;
    if (number - 1 < segments.segments()) {
        const auto index = static_cast<std::uint32_t>(number - 1);
        if (offset < segments.at(index).length) [[likely]] {
            return Segments::Place{index, offset};
        }
    }
    return segments.locate(static_cast<std::size_t>(pointer.pos));
}

}  // namespace corevent::compat

/// The callbacks of `buf`, when they are deferred, keep `bev` alive from when they are due until
/// they have run.
void evbuffer_set_parent_(evbuffer* buf, bufferevent* bev) noexcept;
