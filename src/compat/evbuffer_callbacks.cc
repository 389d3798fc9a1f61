#include "compat/evbuffer.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

// Who is told of changes, when. A callback may change the buffer, remove callbacks and free the
// buffer; the counts are cleared before the first one runs, so that a change made by one of them
// starts a pass of its own inside.

namespace corevent::compat {

namespace {

enum class Which : std::uint8_t { all, at_once, deferred };

constexpr bool is_due(ev_uint32_t flags, Which which) noexcept {
    if ((flags & EVBUFFER_CB_ENABLED) == 0) {
        return false;
    }
    const bool at_once = (flags & EVBUFFER_CB_NODEFER) != 0;
    return which == Which::all || at_once == (which == Which::at_once);
}

template <Which which>
void run_pass(evbuffer& buffer) noexcept {
    if (buffer.added == 0 && buffer.deleted == 0) {
        return;
    }
    const std::size_t length = buffer.segments.size();
    const evbuffer_cb_info info = {length + buffer.deleted - buffer.added, buffer.added,
                                   buffer.deleted};
    if constexpr (which != Which::at_once) {  // those that wait for the loop still need the counts
        buffer.added = 0;
        buffer.deleted = 0;
    }
    CallbackPass pass = {buffer.callbacks.front(), buffer.passes};
    buffer.passes = &pass;
    while (evbuffer_cb_entry* const entry = pass.next) {
        pass.next = buffer.callbacks.next(*entry);
        if (!is_due(entry->flags, which)) {
            continue;
        }
        if (entry->old_function != nullptr) {
            entry->old_function(&buffer, info.orig_size, length, entry->arg);
        } else if (entry->function != nullptr) {
            entry->function(&buffer, &info, entry->arg);
        }
    }
    buffer.passes = pass.outer;
}

/// The loop's turn. It comes with the references that were taken when it became due.
void run_deferred(event_callback*, void* arg) noexcept {
    evbuffer& buffer = *static_cast<evbuffer*>(arg);
    lock_buffer(buffer);
    bufferevent* const parent = buffer.parent;
    run_pass<Which::deferred>(buffer);
    release_and_unlock(buffer);
    if (parent != nullptr) {
        bufferevent_decref(parent);
    }
}

evbuffer_cb_entry* add_entry(evbuffer& buffer, evbuffer_cb_func function, evbuffer_cb old_function,
                             void* arg) noexcept {
    auto* const entry = mm_new<evbuffer_cb_entry>();
    if (entry != nullptr) {
        entry->function = function;
        entry->old_function = old_function;
        entry->arg = arg;
        entry->flags = EVBUFFER_CB_ENABLED;
        buffer.callbacks.push_front(*entry);
    }
    return entry;
}

void remove_entry(evbuffer& buffer, evbuffer_cb_entry& entry) noexcept {
    for (CallbackPass* pass = buffer.passes; pass != nullptr; pass = pass->outer) {
        if (pass->next == &entry) {
            pass->next = buffer.callbacks.next(entry);
        }
    }
    buffer.callbacks.remove(entry);
    mm_delete(&entry);
}

/// The flags that callers may change.
constexpr ev_uint32_t settable_flags = 0xffff;

}  // namespace

void Use::notify(std::size_t added, std::size_t deleted) noexcept {
    buffer_.added += added;
    buffer_.deleted += deleted;
    hold();
    if (buffer_.deferred == nullptr) [[likely]] {
        run_pass<Which::all>(buffer_);
        return;
    }
    if (buffer_.deferred->schedule(buffer_.base)) {
        ++buffer_.references;
        if (buffer_.parent != nullptr) {
            bufferevent_incref(buffer_.parent);
        }
    }
    run_pass<Which::at_once>(buffer_);
}

}  // namespace corevent::compat

using namespace corevent::compat;

void evbuffer_set_parent_(evbuffer* buf, bufferevent* bev) noexcept {
    const Use use(*buf);
    buf->parent = bev;
}

extern "C" {

evbuffer_cb_entry* evbuffer_add_cb(evbuffer* buffer, evbuffer_cb_func cb, void* cbarg) {
    const Use use(*buffer);
    return add_entry(*buffer, cb, nullptr, cbarg);
}

int evbuffer_remove_cb_entry(evbuffer* buffer, evbuffer_cb_entry* ent) {
    const Use use(*buffer);
    remove_entry(*buffer, *ent);
    return 0;
}

int evbuffer_remove_cb(evbuffer* buffer, evbuffer_cb_func cb, void* cbarg) {
    const Use use(*buffer);
    for (evbuffer_cb_entry* entry = buffer->callbacks.front(); entry != nullptr;
         entry = buffer->callbacks.next(*entry)) {
        if (entry->function == cb && entry->arg == cbarg) {
            remove_entry(*buffer, *entry);
            return 0;
        }
    }
    return -1;
}

int evbuffer_cb_set_flags(evbuffer* buffer, evbuffer_cb_entry* cb, ev_uint32_t flags) {
    const Use use(*buffer);
    cb->flags |= flags & settable_flags;
    return 0;
}

int evbuffer_cb_clear_flags(evbuffer* buffer, evbuffer_cb_entry* cb, ev_uint32_t flags) {
    const Use use(*buffer);
    cb->flags &= ~(flags & settable_flags);
    return 0;
}

int evbuffer_setcb(evbuffer* buffer, evbuffer_cb cb, void* cbarg) {
    const Use use(*buffer);
    while (evbuffer_cb_entry* const entry = buffer->callbacks.front()) {
        remove_entry(*buffer, *entry);
    }
    return status(cb == nullptr || add_entry(*buffer, nullptr, cb, cbarg) != nullptr);
}

int evbuffer_defer_callbacks(evbuffer* buffer, event_base* base) {
    const Use use(*buffer);
    if (buffer->deferred == nullptr) {
        buffer->deferred = mm_new<Deferred>();
        if (buffer->deferred == nullptr) {
            return -1;
        }
        buffer->deferred->init(event_base_get_npriorities(base) / 2, run_deferred, buffer);
    }
    buffer->base = base;
    return 0;
}

}  // extern "C"
