#include "compat/evbuffer.h"

#include <cstring>

// Places in buffers, peeking, searching, and lines.

namespace corevent::compat {

namespace {

using Place = Segments::Place;

constexpr evbuffer_ptr nowhere = {-1, {nullptr, 0}};

/// The index of the segment goes into the pointer plus one; null means the end.
evbuffer_ptr pointer_to(const Segments& segments, std::size_t position, Place place) noexcept {
    const bool end = place.index == segments.segments();
    return {static_cast<ev_ssize_t>(position),
            {end ? nullptr : reinterpret_cast<void*>(std::uintptr_t{place.index} + 1),
             end ? 0 : place.offset}};
}

/// A walk over the bytes of a buffer, piece by piece.
class Walk {
public:
    Walk(const Segments& segments, Place from, std::size_t position) noexcept
        : segments_(&segments), position_(position), index_(from.index) {
        if (!at_end()) {
            data_ = segment().data + from.offset;
            length_ = segment().length - from.offset;
        }
    }

    bool at_end() const noexcept { return index_ == segments_->segments(); }
    std::size_t position() const noexcept { return position_; }
    // Of the piece that is left here; not at the end.
    const char* data() const noexcept { return data_; }
    std::size_t length() const noexcept { return length_; }

    /// `count` is no more than length().
    void advance(std::size_t count) noexcept {
        position_ += count;
        data_ += count;
        length_ -= count;
        if (length_ == 0) {
            next();
        }
    }
    void advance_to(const char* place) noexcept {
        advance(static_cast<std::size_t>(place - data_));
    }
    evbuffer_ptr pointer() const noexcept {
        return pointer_to(*segments_, position_,
                          {index_, at_end() ? 0 : segment().length - length_});
    }
    /// The one before, which there is.
    evbuffer_ptr pointer_before() const noexcept {
        Place before = {index_, at_end() ? 0 : segment().length - length_};
        if (before.offset == 0) {
            before = {index_ - 1, segments_->at(index_ - 1).length};
        }
        return pointer_to(*segments_, position_ - 1, {before.index, before.offset - 1});
    }

private:
    const Segment& segment() const noexcept { return segments_->at(index_); }
    void next() noexcept {
        if (++index_ != segments_->segments()) {
            data_ = segment().data;
            length_ = segment().length;
        }
    }

    const Segments* segments_;
    std::size_t position_;
    const char* data_ = nullptr;
    std::size_t length_ = 0;
    std::uint32_t index_;
};

/// Whether the bytes at `walk` are `what`; there are as many.
bool matches(Walk walk, const char* what, std::size_t length) noexcept {
    while (length != 0) {
        const std::size_t part = std::min(length, walk.length());
        if (std::memcmp(walk.data(), what, part) != 0) {
            return false;
        }
        what += part;
        length -= part;
        walk.advance(part);
    }
    return true;
}

/// The first occurrence in one piece. Looking for the first byte is fastest while it is rare; text
/// where it is not goes to memmem, which is never quadratic.
const char* find_in(const char* text, std::size_t size, const char* what,
                    std::size_t length) noexcept {
    const char* const begin = text;
    std::size_t hits = 0;
    while (size >= length) {
        const auto* hit = static_cast<const char*>(std::memchr(text, what[0], size - length + 1));
        if (hit == nullptr || std::memcmp(hit, what, length) == 0) {
            return hit;
        }
        size -= static_cast<std::size_t>(hit + 1 - text);
        text = hit + 1;
        if (++hits >= 8 && static_cast<std::size_t>(text - begin) < hits * 64) {
            return static_cast<const char*>(memmem(text, size, what, length));
        }
    }
    return nullptr;
}

/// The first occurrence at or after `walk` that ends at `end` or before.
evbuffer_ptr find(Walk& walk, std::size_t end, const char* what, std::size_t length) noexcept {
    while (!walk.at_end() && end - walk.position() >= length) {
        std::size_t size = std::min(walk.length(), end - walk.position());
        const char* const data = walk.data();
        const auto* hit = static_cast<const char*>(std::memchr(data, what[0], size));
        if (hit == nullptr) {
            walk.advance(size);
            continue;
        }
        size -= static_cast<std::size_t>(hit - data);
        if (const char* const match = find_in(hit, size, what, length)) {
            walk.advance(static_cast<std::size_t>(match - data));
            return walk.pointer();
        }
        // What begins in the last bytes here may end in a later segment.
        const std::size_t left = std::min(size, length - 1);
        walk.advance(static_cast<std::size_t>(hit - data) + size - left);
        for (std::size_t i = 0; i < left && end - walk.position() >= length; ++i) {
            if (*walk.data() == what[0] && matches(walk, what, length)) {
                return walk.pointer();
            }
            walk.advance(1);
        }
    }
    return nowhere;
}

bool find_byte_far(Walk& walk, char wanted) noexcept {
    while (!walk.at_end()) {
        const auto* hit = static_cast<const char*>(std::memchr(walk.data(), wanted, walk.length()));
        if (hit != nullptr) {
            walk.advance_to(hit);
            return true;
        }
        walk.advance(walk.length());
    }
    return false;
}

/// Moves `walk` to the next `wanted`; false at the end. Inline for what is mostly near.
inline bool find_byte(Walk& walk, char wanted) noexcept {
    if (!walk.at_end()) {
        const auto* hit = static_cast<const char*>(std::memchr(walk.data(), wanted, walk.length()));
        if (hit != nullptr) [[likely]] {
            walk.advance_to(hit);
            return true;
        }
        walk.advance(walk.length());
    }
    return find_byte_far(walk, wanted);
}

/// Moves `walk` to the next CR or LF; false at the end. In strides, so that a text with one of them
/// only is not searched to its end for the other each time.
bool find_line_end(Walk& walk) noexcept {
    constexpr std::size_t stride = 256;
    while (!walk.at_end()) {
        const char* const data = walk.data();
        const std::size_t size = std::min(walk.length(), stride);
        const auto* const feed = static_cast<const char*>(std::memchr(data, '\n', size));
        const std::size_t before = feed == nullptr ? size : static_cast<std::size_t>(feed - data);
        const auto* const ret = static_cast<const char*>(std::memchr(data, '\r', before));
        if (ret != nullptr || feed != nullptr) {
            walk.advance(static_cast<std::size_t>((ret != nullptr ? ret : feed) - data));
            return true;
        }
        walk.advance(size);
    }
    return false;
}

struct LineEnd {
    evbuffer_ptr at = nowhere;
    std::size_t length = 0;
};

LineEnd find_any(Walk& walk) noexcept {
    if (!find_line_end(walk)) {
        return {};
    }
    LineEnd end = {walk.pointer(), 0};
    while (!walk.at_end() && (*walk.data() == '\r' || *walk.data() == '\n')) {
        ++end.length;
        walk.advance(1);
    }
    return end;
}

LineEnd find_feed(Walk& walk) noexcept {
    return find_byte(walk, '\n') ? LineEnd{walk.pointer(), 1} : LineEnd{};
}

LineEnd find_feed_or_return_feed(Walk& walk) noexcept {
    const std::size_t start = walk.position();
    char before = 0;  // the last byte of the pieces that were passed
    while (!walk.at_end()) {
        const char* const data = walk.data();
        const std::size_t size = walk.length();
        const auto* hit = static_cast<const char*>(std::memchr(data, '\n', size));
        if (hit == nullptr) {
            before = data[size - 1];
            walk.advance(size);
            continue;
        }
        before = hit == data ? before : hit[-1];
        walk.advance_to(hit);
        return before == '\r' && walk.position() != start ? LineEnd{walk.pointer_before(), 2}
                                                          : LineEnd{walk.pointer(), 1};
    }
    return {};
}

LineEnd find_return_feed(Walk& walk) noexcept {
    while (find_byte(walk, '\r')) {
        if (walk.length() > 1 && walk.data()[1] == '\n') [[likely]] {
            return {walk.pointer(), 2};
        }
        walk.advance(1);
        if (!walk.at_end() && *walk.data() == '\n') {
            return {walk.pointer_before(), 2};
        }
    }
    return {};
}

/// Moves `walk` on its way.
LineEnd find_eol(Walk& walk, evbuffer_eol_style style) noexcept {
    switch (style) {
        case EVBUFFER_EOL_ANY: return find_any(walk);
        case EVBUFFER_EOL_CRLF: return find_feed_or_return_feed(walk);
        case EVBUFFER_EOL_LF: return find_feed(walk);
        case EVBUFFER_EOL_CRLF_STRICT: return find_return_feed(walk);
        case EVBUFFER_EOL_NUL:
            return find_byte(walk, '\0') ? LineEnd{walk.pointer(), 1} : LineEnd{};
    }
    return {};
}

}  // namespace

}  // namespace corevent::compat

using corevent::Segment;
using namespace corevent::compat;

extern "C" {

int evbuffer_ptr_set(evbuffer* buffer, evbuffer_ptr* ptr, std::size_t position,
                     evbuffer_ptr_how how) {
    const Use use(*buffer);
    const std::size_t size = buffer->segments.size();
    std::size_t wanted = position;
    std::optional<Place> from = Place{0, 0};
    if (how == EVBUFFER_PTR_ADD) {
        from = place_of(*buffer, *ptr);
        if (!from || static_cast<std::size_t>(ptr->pos) > SIZE_MAX - position) {
            return -1;
        }
        wanted += static_cast<std::size_t>(ptr->pos);
    }
    if (wanted > size) {
        *ptr = nowhere;
        return -1;
    }
    Place place = *from;
    std::size_t ahead = place.offset + position;
    while (place.index < buffer->segments.segments() &&
           ahead >= buffer->segments.at(place.index).length) {
        ahead -= buffer->segments.at(place.index++).length;
    }
    *ptr = pointer_to(buffer->segments, wanted, {place.index, ahead});
    return 0;
}

int evbuffer_peek(evbuffer* buffer, ev_ssize_t len, evbuffer_ptr* start_at, iovec* vec_out,
                  int n_vec) {
    const Use use(*buffer);
    const auto from =
        start_at == nullptr ? std::optional(Place{0, 0}) : place_of(*buffer, *start_at);
    if (!from || !readable(*buffer)) {
        return 0;
    }
    const Segments& segments = buffer->segments;
    const std::size_t wanted = len < 0 ? SIZE_MAX : static_cast<std::size_t>(len);
    std::size_t seen = 0;
    int count = 0;
    std::size_t offset = from->offset;
    for (std::uint32_t i = from->index; i < segments.segments() && seen < wanted; ++i) {
        const Segment& segment = segments.at(i);
        if (count < n_vec) {
            vec_out[count] = {segment.writable() + offset, segment.length - offset};
        } else if (len < 0 && n_vec > 0) {
            break;
        }
        seen += segment.length - offset;
        offset = 0;
        ++count;
    }
    return count;
}

evbuffer_ptr evbuffer_search(evbuffer* buffer, const char* what, std::size_t len,
                             const evbuffer_ptr* start) {
    return evbuffer_search_range(buffer, what, len, start, nullptr);
}

evbuffer_ptr evbuffer_search_range(evbuffer* buffer, const char* what, std::size_t len,
                                   const evbuffer_ptr* start, const evbuffer_ptr* end) {
    const Use use(*buffer);
    const auto from = start == nullptr ? std::optional(Place{0, 0}) : place_of(*buffer, *start);
    const std::size_t size = buffer->segments.size();
    const std::size_t position = start == nullptr ? 0 : static_cast<std::size_t>(start->pos);
    const std::size_t bound =
        end == nullptr || end->pos < 0 ? size : std::min(size, static_cast<std::size_t>(end->pos));
    if (!from) {
        return nowhere;
    }
    if (len == 0 || len > PTRDIFF_MAX) {
        return pointer_to(buffer->segments, position, *from);
    }
    if (bound < position || !readable(*buffer)) {
        return nowhere;
    }
    Walk walk(buffer->segments, *from, position);
    return find(walk, bound, what, len);
}

evbuffer_ptr evbuffer_search_eol(evbuffer* buffer, evbuffer_ptr* start, std::size_t* eol_len_out,
                                 evbuffer_eol_style eol_style) {
    const Use use(*buffer);
    const auto from = start == nullptr ? std::optional(Place{0, 0}) : place_of(*buffer, *start);
    LineEnd end;
    if (from && readable(*buffer)) {
        const std::size_t position = start == nullptr ? 0 : static_cast<std::size_t>(start->pos);
        Walk walk(buffer->segments, *from, position);
        end = find_eol(walk, eol_style);
    }
    if (eol_len_out != nullptr) {
        *eol_len_out = end.length;
    }
    return end.at;
}

char* evbuffer_readln(evbuffer* buffer, std::size_t* n_read_out, evbuffer_eol_style eol_style) {
    Use use(*buffer);
    if (n_read_out != nullptr) {
        *n_read_out = 0;
    }
    if (buffer->front_frozen || !readable(*buffer)) {
        return nullptr;
    }
    Walk walk(buffer->segments, {0, 0}, 0);
    const LineEnd end = find_eol(walk, eol_style);
    if (end.at.pos < 0) {
        return nullptr;
    }
    const auto length = static_cast<std::size_t>(end.at.pos);
    auto* const line = static_cast<char*>(mm_malloc(length + 1));
    if (line == nullptr) {
        return nullptr;
    }
    buffer->segments.copy_out({0, 0}, line, length);
    line[length] = '\0';
    if (n_read_out != nullptr) {
        *n_read_out = length;
    }
    if (buffer->callbacks.empty()) {
        buffer->segments.consume(length + end.length);
        return line;
    }
    // Callbacks see the line go, and then its end.
    use.hold();
    buffer->segments.consume(length);
    use.changed(0, length);
    evbuffer_drain(buffer, end.length);
    return line;
}

char* evbuffer_readline(evbuffer* buffer) {
    return evbuffer_readln(buffer, nullptr, EVBUFFER_EOL_ANY);
}

unsigned char* evbuffer_find(evbuffer* buffer, const unsigned char* what, std::size_t len) {
    const Use use(*buffer);
    const evbuffer_ptr at =
        evbuffer_search(buffer, reinterpret_cast<const char*>(what), len, nullptr);
    unsigned char* const text =
        at.pos < 0 ? nullptr : evbuffer_pullup(buffer, at.pos + static_cast<ev_ssize_t>(len));
    return text == nullptr ? nullptr : text + at.pos;
}

}  // extern "C"
