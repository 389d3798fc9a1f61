#include "compat/evbuffer.h"

#include "buffer/segments.inc"

#include <climits>
#include <cstdarg>
#include <cstdio>

// Life of buffers, adding, taking, and moving between them.

template class corevent::SegmentQueue<corevent::compat::BufferMemory, 2>;

namespace corevent::compat {

namespace {

/// Memory of the user, with what is to be called when nobody needs it any more.
class ReferencedBytes final : public Holder {
public:
    ReferencedBytes(const void* data, std::size_t length, evbuffer_ref_cleanup_cb cleanup,
                    void* arg) noexcept
        : data_(data), length_(length), cleanup_(cleanup), arg_(arg) {}
    ~ReferencedBytes() override = default;

private:
    void destroy() noexcept override {
        if (cleanup_ != nullptr) {
            cleanup_(data_, length_, arg_);
        }
        mm_delete(this);
    }
    const void* const data_;
    const std::size_t length_;
    const evbuffer_ref_cleanup_cb cleanup_;
    void* const arg_;
};

/// The room that formatted text tries first.
constexpr std::size_t text_room = 256;

/// Returns the length of the text, or -1.
int append_text(evbuffer& buffer, const char* format, va_list arguments) noexcept {
    std::size_t room = text_room;
    while (true) {
        iovec slice[1];
        if (buffer.segments.reserve(room, slice) != 1) {
            return -1;
        }
        va_list copy;
        va_copy(copy, arguments);
        const int length =
            std::vsnprintf(static_cast<char*>(slice[0].iov_base), slice[0].iov_len, format, copy);
        va_end(copy);
        if (length < 0) {
            return -1;
        }
        if (static_cast<std::size_t>(length) < slice[0].iov_len) {
            slice[0].iov_len = static_cast<std::size_t>(length);
            return buffer.segments.commit(slice) ? length : -1;
        }
        room = static_cast<std::size_t>(length) + 1;
    }
}

}  // namespace

void destroy(evbuffer& buffer) noexcept {
    void* const lock = buffer.lock;
    const bool own_lock = buffer.own_lock;
    mm_delete(&buffer);
    if (lock != nullptr) {
        lock_release(lock);
        if (own_lock) {
            lock_free(lock);
        }
    }
}

evbuffer* renew(evbuffer& buffer) noexcept {
    if (buffer.references != 1 || buffer.lock != nullptr || buffer.passes != nullptr) {
        evbuffer_free(&buffer);
        return evbuffer_new();
    }
    buffer.~evbuffer();
    return ::new (&buffer) evbuffer;
}

}  // namespace corevent::compat

using namespace corevent::compat;

evbuffer::~evbuffer() {
    while (evbuffer_cb_entry* const entry = callbacks.pop_front()) {
        mm_delete(entry);
    }
    mm_delete(deferred);  // a call that is queued would hold a reference
}

extern "C" {

evbuffer* evbuffer_new() {
    return mm_new<evbuffer>();
}

void evbuffer_free(evbuffer* buf) {
    if (buf != nullptr) {
        lock_buffer(*buf);
        release_and_unlock(*buf);
    }
}

int evbuffer_enable_locking(evbuffer* buf, void* lock) {
    if (buf->lock != nullptr) {
        return -1;
    }
    buf->own_lock = lock == nullptr;
    buf->lock = lock != nullptr ? lock : lock_new();
    return status(buf->lock != nullptr);
}

void evbuffer_lock(evbuffer* buf) {
    lock_buffer(*buf);
}

void evbuffer_unlock(evbuffer* buf) {
    unlock_buffer(*buf);
}

int evbuffer_set_flags(evbuffer* buf, ev_uint64_t flags) {
    const Use use(*buf);
    buf->drains_to_fd |= (flags & EVBUFFER_FLAG_DRAINS_TO_FD) != 0;
    return 0;
}

int evbuffer_clear_flags(evbuffer* buf, ev_uint64_t flags) {
    const Use use(*buf);
    buf->drains_to_fd &= (flags & EVBUFFER_FLAG_DRAINS_TO_FD) == 0;
    return 0;
}

int evbuffer_freeze(evbuffer* buf, int at_front) {
    const Use use(*buf);
    (at_front != 0 ? buf->front_frozen : buf->back_frozen) = true;
    return 0;
}

int evbuffer_unfreeze(evbuffer* buf, int at_front) {
    const Use use(*buf);
    (at_front != 0 ? buf->front_frozen : buf->back_frozen) = false;
    return 0;
}

// --- Size and room

std::size_t evbuffer_get_length(const evbuffer* buf) {
    const Use use(*const_cast<evbuffer*>(buf));
    return buf->segments.size();
}

std::size_t evbuffer_get_contiguous_space(const evbuffer* buf) {
    const Use use(*const_cast<evbuffer*>(buf));
    return buf->segments.empty() ? 0 : buf->segments.at(0).length;
}

int evbuffer_expand(evbuffer* buf, std::size_t datlen) {
    const Use use(*buf);
    return status(buf->segments.expand(datlen));
}

int evbuffer_reserve_space(evbuffer* buf, ev_ssize_t size, iovec* vec, int n_vec) {
    const Use use(*buf);
    if (buf->back_frozen || n_vec < 1 || size < 0) {
        return -1;
    }
    const std::size_t slices = buf->segments.reserve(static_cast<std::size_t>(size),
                                                     {vec, static_cast<std::size_t>(n_vec)});
    return slices == 0 ? -1 : static_cast<int>(slices);
}

int evbuffer_commit_space(evbuffer* buf, iovec* vec, int n_vecs) {
    Use use(*buf);
    if (buf->back_frozen) {
        return -1;
    }
    if (n_vecs <= 0) {
        return 0;
    }
    const std::size_t before = buf->segments.size();
    if (!buf->segments.commit({vec, static_cast<std::size_t>(n_vecs)})) {
        return -1;
    }
    use.changed(buf->segments.size() - before, 0);
    return 0;
}

// --- Adding

int evbuffer_add(evbuffer* buf, const void* data, std::size_t datlen) {
    Use use(*buf);
    if (buf->back_frozen || !buf->segments.append_copy(static_cast<const char*>(data), datlen))
        [[unlikely]] {
        return -1;
    }
    use.changed(datlen, 0);
    return 0;
}

int evbuffer_prepend(evbuffer* buf, const void* data, std::size_t size) {
    Use use(*buf);
    if (size == 0) {
        return 0;
    }
    if (buf->front_frozen || !buf->segments.prepend_copy(static_cast<const char*>(data), size)) {
        return -1;
    }
    use.changed(size, 0);
    return 0;
}

int evbuffer_add_printf(evbuffer* buf, const char* fmt, ...) {
    va_list arguments;
    va_start(arguments, fmt);
    const int length = evbuffer_add_vprintf(buf, fmt, arguments);
    va_end(arguments);
    return length;
}

int evbuffer_add_vprintf(evbuffer* buf, const char* fmt, va_list ap) {
    Use use(*buf);
    if (buf->back_frozen) {
        return -1;
    }
    const int length = append_text(*buf, fmt, ap);
    if (length > 0) {
        use.changed(static_cast<std::size_t>(length), 0);
    }
    return length;
}

std::size_t evbuffer_add_iovec(evbuffer* buffer, iovec* vec, int n_vec) {
    Use use(*buffer);
    use.hold();
    std::size_t total = 0;
    for (int i = 0; i < n_vec; ++i) {
        total += vec[i].iov_len;
    }
    std::size_t added = 0;
    if (buffer->back_frozen || total == 0 || !buffer->segments.expand(total)) {
        return 0;
    }
    for (int i = 0; i < n_vec; ++i) {
        if (evbuffer_add(buffer, vec[i].iov_base, vec[i].iov_len) != 0) {
            break;
        }
        added += vec[i].iov_len;
    }
    return added;
}

int evbuffer_add_reference(evbuffer* outbuf, const void* data, std::size_t datlen,
                           evbuffer_ref_cleanup_cb cleanupfn, void* cleanupfn_arg) {
    Use use(*outbuf);
    if (outbuf->back_frozen) {
        return -1;
    }
    auto* const holder = mm_new<ReferencedBytes>(data, datlen, cleanupfn, cleanupfn_arg);
    if (holder == nullptr) {
        return -1;
    }
    if (datlen == 0) {
        holder->drop_reference();
        return 0;
    }
    if (!outbuf->segments.append_memory(holder, static_cast<const char*>(data), datlen)) {
        mm_delete(holder);
        return -1;
    }
    use.changed(datlen, 0);
    return 0;
}

// --- Between buffers

int evbuffer_add_buffer(evbuffer* outbuf, evbuffer* inbuf) {
    UseTwo use(*outbuf, *inbuf);
    const std::size_t length = inbuf->segments.size();
    if (length == 0 || outbuf == inbuf) {
        return 0;
    }
    if (outbuf->back_frozen || inbuf->front_frozen ||
        !outbuf->segments.append_all(inbuf->segments)) {
        return -1;
    }
    outbuf->files |= inbuf->files;
    use.moved_to_first(length);
    return 0;
}

int evbuffer_prepend_buffer(evbuffer* dst, evbuffer* src) {
    UseTwo use(*dst, *src);
    const std::size_t length = src->segments.size();
    if (length == 0 || dst == src) {
        return 0;
    }
    if (dst->front_frozen || src->front_frozen || !dst->segments.prepend_all(src->segments)) {
        return -1;
    }
    dst->files |= src->files;
    use.moved_to_first(length);
    return 0;
}

int evbuffer_remove_buffer(evbuffer* src, evbuffer* dst, std::size_t datlen) {
    UseTwo use(*dst, *src);
    if (datlen == 0 || src == dst) {
        return 0;
    }
    if (dst->back_frozen || src->front_frozen) {
        return -1;
    }
    const std::size_t length = std::min(datlen, src->segments.size());
    if (length == 0) {
        return 0;
    }
    const std::size_t moved = src->segments.move_front(dst->segments, length);
    if (moved == 0) {
        return -1;
    }
    dst->files |= src->files;
    if (src->segments.empty()) {
        use.moved_to_first(moved);
    } else {
        use.moved_some_to_first(moved);
    }
    return static_cast<int>(moved);
}

int evbuffer_add_buffer_reference(evbuffer* outbuf, evbuffer* inbuf) {
    UseTwo use(*outbuf, *inbuf);
    const std::size_t length = inbuf->segments.size();
    if (length == 0) {
        return 0;
    }
    if (outbuf->back_frozen || outbuf == inbuf) {
        return -1;
    }
    for (std::uint32_t i = 0; i < inbuf->segments.segments(); ++i) {
        if (inbuf->segments.at(i).mark == not_shareable) {
            return -1;
        }
    }
    if (!inbuf->segments.share_all(outbuf->segments, not_shareable)) {
        return -1;
    }
    use.added_to_first(length);
    return 0;
}

// --- Taking

int evbuffer_drain(evbuffer* buf, std::size_t len) {
    Use use(*buf);
    const std::size_t length = buf->segments.size();
    if (length == 0) {
        return 0;
    }
    if (buf->front_frozen) {
        return -1;
    }
    const std::size_t gone = std::min(len, length);
    buf->segments.consume(gone);
    use.changed(0, gone);
    return 0;
}

ev_ssize_t evbuffer_copyout(evbuffer* buf, void* data_out, std::size_t datlen) {
    return evbuffer_copyout_from(buf, nullptr, data_out, datlen);
}

ev_ssize_t evbuffer_copyout_from(evbuffer* buf, const evbuffer_ptr* pos, void* data_out,
                                 std::size_t datlen) {
    const Use use(*buf);
    const auto from = pos == nullptr ? std::optional(Segments::Place{0, 0}) : place_of(*buf, *pos);
    if (!from) {
        return -1;
    }
    const std::size_t start = pos == nullptr ? 0 : static_cast<std::size_t>(pos->pos);
    const std::size_t length = std::min(datlen, buf->segments.size() - start);
    if (length == 0) {
        return 0;
    }
    if (buf->front_frozen || !readable(*buf)) {
        return -1;
    }
    buf->segments.copy_out(*from, static_cast<char*>(data_out), length);
    return static_cast<ev_ssize_t>(length);
}

int evbuffer_remove(evbuffer* buf, void* data, std::size_t datlen) {
    Use use(*buf);
    const std::size_t length = std::min(datlen, buf->segments.size());
    if (length == 0) {
        return 0;
    }
    if (buf->front_frozen || !readable(*buf)) {
        return -1;
    }
    buf->segments.copy_out({0, 0}, static_cast<char*>(data), length);
    buf->segments.consume(length);
    use.changed(0, length);
    return static_cast<int>(length);
}

unsigned char* evbuffer_pullup(evbuffer* buf, ev_ssize_t size) {
    const Use use(*buf);
    const std::size_t wanted = size < 0 ? buf->segments.size() : static_cast<std::size_t>(size);
    if (wanted == 0 || wanted > buf->segments.size() || !readable(*buf)) {
        return nullptr;
    }
    return reinterpret_cast<unsigned char*>(buf->segments.make_contiguous(wanted));
}

}  // extern "C"
