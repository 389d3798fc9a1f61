// Tagged data, <event2/tag.h>: the encoding of tags and integers, and records made of them. Uses
// buffers by their public functions only, one thread at a time as these say.
//
// What reads a record takes tag and length off before it looks at the rest, and leaves the buffer
// there when the rest does not do.
#include "compat/alloc.h"
#include "compat/log.h"

#include <event2/buffer.h>
#include <event2/tag.h>

#include <array>
#include <bit>
#include <climits>
#include <cstdint>
#include <cstring>
#include <optional>

extern "C" {

// In no header, yet programs declare and call them.
EVENT2_EXPORT_SYMBOL int evtag_encode_tag(struct evbuffer* evbuf, ev_uint32_t tag);
EVENT2_EXPORT_SYMBOL int evtag_decode_tag(ev_uint32_t* ptag, struct evbuffer* evbuf);
EVENT2_EXPORT_SYMBOL int evtag_decode_int(ev_uint32_t* pnumber, struct evbuffer* evbuf);
EVENT2_EXPORT_SYMBOL int evtag_decode_int64(ev_uint64_t* pnumber, struct evbuffer* evbuf);

}  // extern "C"

namespace corevent::compat {
namespace {

constexpr std::size_t tag_octets_max = 5;
constexpr std::size_t integer_octets_max = 9;  // 4 bits of count and 64 bits

template <class T>
struct Decoded {
    T value;
    std::size_t octets;
};

/// The first octets of a buffer from some place on, at most `N`.
template <std::size_t N>
struct Front {
    Front(evbuffer* buffer, std::size_t skip) noexcept {
        evbuffer_ptr place;
        if (evbuffer_ptr_set(buffer, &place, skip, EVBUFFER_PTR_SET) == 0) {
            const auto copied = evbuffer_copyout_from(buffer, &place, octets.data(), N);
            size = copied > 0 ? static_cast<std::size_t>(copied) : 0;
        }
    }
    std::array<std::uint8_t, N> octets;
    std::size_t size = 0;
};

std::optional<Decoded<std::uint32_t>> peek_tag(evbuffer* buffer) noexcept {
    const Front<tag_octets_max> front(buffer, 0);
    std::uint32_t tag = 0;
    for (std::size_t i = 0; i < front.size; ++i) {
        if (i == tag_octets_max - 1 && front.octets[i] > 0xf) {
            break;  // above 32 bits
        }
        tag |= std::uint32_t{front.octets[i] & 0x7fU} << 7 * i;
        if ((front.octets[i] & 0x80) == 0) {
            return Decoded{tag, i + 1};
        }
    }
    return std::nullopt;
}

/// Integers of up to `bits` bits.
std::optional<Decoded<std::uint64_t>> peek_integer(evbuffer* buffer, std::size_t skip,
                                                   unsigned bits) noexcept {
    const Front<integer_octets_max> front(buffer, skip);
    if (front.size == 0) {
        return std::nullopt;
    }
    const unsigned pieces = (front.octets[0] >> 4) + 1U;
    const std::size_t octets = pieces / 2 + 1;
    if (pieces * 4 > bits || octets > front.size) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (unsigned i = 0; i < pieces; ++i) {  // piece i is half i + 1, the count being half 0
        const std::uint8_t octet = front.octets[(i + 1) / 2];
        number |= std::uint64_t{i % 2 == 0 ? octet & 0xfU : octet >> 4U} << 4 * i;
    }
    return Decoded{number, octets};
}

template <class T>
int take_integer(evbuffer* buffer, T* number) noexcept {
    const auto found = peek_integer(buffer, 0, sizeof(T) * CHAR_BIT);
    if (!found) {
        return -1;
    }
    evbuffer_drain(buffer, found->octets);
    *number = static_cast<T>(found->value);
    return 0;
}

/// The length of the payload of the first record, and where the payload begins.
struct Payload {
    std::uint32_t length;
    std::size_t begin;
};

std::optional<Payload> peek_payload(evbuffer* buffer) noexcept {
    const auto tag = peek_tag(buffer);
    const auto length = tag ? peek_integer(buffer, tag->octets, 32) : std::nullopt;
    if (!length) {
        return std::nullopt;
    }
    return Payload{static_cast<std::uint32_t>(length->value), tag->octets + length->octets};
}

/// Takes a record with an integer off; returns the octets of the integer, or -1. One of another tag
/// keeps its length.
template <class T>
int take_integer_record(evbuffer* buffer, std::uint32_t need_tag, T* number) noexcept {
    std::uint32_t tag;
    std::uint32_t length;
    if (evtag_decode_tag(&tag, buffer) < 0 || tag != need_tag ||
        take_integer(buffer, &length) < 0 || evbuffer_get_length(buffer) < length) {
        return -1;
    }
    const auto found = peek_integer(buffer, 0, sizeof(T) * CHAR_BIT);
    evbuffer_drain(buffer, length);
    if (!found || found->octets > length) {
        return -1;
    }
    *number = static_cast<T>(found->value);
    return static_cast<int>(found->octets);
}

struct Encoded {
    std::array<std::uint8_t, integer_octets_max> octets{};
    std::size_t size;
};

Encoded encode(std::uint64_t number) noexcept {
    const unsigned pieces =
        number == 0 ? 1 : (static_cast<unsigned>(std::bit_width(number)) + 3) / 4;
    Encoded encoded{.size = pieces / 2 + 1};
    encoded.octets[0] = static_cast<std::uint8_t>((pieces - 1) << 4);
    for (unsigned i = 0; i < pieces; ++i, number >>= 4) {
        const auto piece = static_cast<unsigned>(number & 0xf);
        encoded.octets[(i + 1) / 2] |= static_cast<std::uint8_t>(i % 2 == 0 ? piece : piece << 4);
    }
    return encoded;
}

void add_integer_record(evbuffer* buffer, std::uint32_t tag, std::uint64_t number) noexcept {
    const Encoded encoded = encode(number);
    evtag_marshal(buffer, tag, encoded.octets.data(), static_cast<std::uint32_t>(encoded.size));
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

void evtag_init(void) {}

// --- Tags and integers

int evtag_encode_tag(struct evbuffer* evbuf, ev_uint32_t tag) {
    std::array<std::uint8_t, tag_octets_max> octets;
    std::size_t size = 0;
    for (; tag >= 0x80; tag >>= 7) {
        octets[size++] = static_cast<std::uint8_t>(tag | 0x80);
    }
    octets[size++] = static_cast<std::uint8_t>(tag);
    evbuffer_add(evbuf, octets.data(), size);
    return static_cast<int>(size);
}

int evtag_decode_tag(ev_uint32_t* ptag, struct evbuffer* evbuf) {
    const int octets = evtag_peek(evbuf, ptag);
    if (octets > 0) {
        evbuffer_drain(evbuf, static_cast<std::size_t>(octets));
    }
    return octets;
}

int evtag_peek(struct evbuffer* evbuf, ev_uint32_t* ptag) {
    const auto tag = peek_tag(evbuf);
    if (!tag) {
        return -1;
    }
    *ptag = tag->value;
    return static_cast<int>(tag->octets);
}

void evtag_encode_int(struct evbuffer* evbuf, ev_uint32_t number) {
    evtag_encode_int64(evbuf, number);
}

void evtag_encode_int64(struct evbuffer* evbuf, ev_uint64_t number) {
    const Encoded encoded = encode(number);
    evbuffer_add(evbuf, encoded.octets.data(), encoded.size);
}

int evtag_decode_int(ev_uint32_t* pnumber, struct evbuffer* evbuf) {
    return take_integer(evbuf, pnumber);
}

int evtag_decode_int64(ev_uint64_t* pnumber, struct evbuffer* evbuf) {
    return take_integer(evbuf, pnumber);
}

// --- Writing records

void evtag_marshal(struct evbuffer* evbuf, ev_uint32_t tag, const void* data, ev_uint32_t len) {
    evtag_encode_tag(evbuf, tag);
    evtag_encode_int(evbuf, len);
    evbuffer_add(evbuf, data, len);
}

void evtag_marshal_buffer(struct evbuffer* evbuf, ev_uint32_t tag, struct evbuffer* data) {
    evtag_encode_tag(evbuf, tag);
    evtag_encode_int(evbuf, static_cast<ev_uint32_t>(evbuffer_get_length(data)));
    evbuffer_add_buffer(evbuf, data);
}

void evtag_marshal_int(struct evbuffer* evbuf, ev_uint32_t tag, ev_uint32_t integer) {
    add_integer_record(evbuf, tag, integer);
}

void evtag_marshal_int64(struct evbuffer* evbuf, ev_uint32_t tag, ev_uint64_t integer) {
    add_integer_record(evbuf, tag, integer);
}

void evtag_marshal_string(struct evbuffer* buf, ev_uint32_t tag, const char* string) {
    evtag_marshal(buf, tag, string, static_cast<ev_uint32_t>(std::strlen(string)));
}

void evtag_marshal_timeval(struct evbuffer* evbuf, ev_uint32_t tag, struct timeval* tv) {
    const Encoded seconds = encode(static_cast<std::uint32_t>(tv->tv_sec));
    const Encoded rest = encode(static_cast<std::uint32_t>(tv->tv_usec));
    evtag_encode_tag(evbuf, tag);
    evtag_encode_int(evbuf, static_cast<ev_uint32_t>(seconds.size + rest.size));
    evbuffer_add(evbuf, seconds.octets.data(), seconds.size);
    evbuffer_add(evbuf, rest.octets.data(), rest.size);
}

// --- Reading records

int evtag_peek_length(struct evbuffer* evbuf, ev_uint32_t* plength) {
    const auto payload = peek_payload(evbuf);
    if (!payload) {
        return -1;
    }
    *plength = static_cast<ev_uint32_t>(payload->length + payload->begin);
    return 0;
}

int evtag_payload_length(struct evbuffer* evbuf, ev_uint32_t* plength) {
    const auto payload = peek_payload(evbuf);
    if (!payload) {
        return -1;
    }
    *plength = payload->length;
    return 0;
}

int evtag_unmarshal_header(struct evbuffer* evbuf, ev_uint32_t* ptag) {
    ev_uint32_t length;
    if (evtag_decode_tag(ptag, evbuf) < 0 || evtag_decode_int(&length, evbuf) < 0 ||
        length > INT_MAX || evbuffer_get_length(evbuf) < length) {
        return -1;
    }
    return static_cast<int>(length);
}

int evtag_consume(struct evbuffer* evbuf) {
    ev_uint32_t tag;
    const int length = evtag_unmarshal_header(evbuf, &tag);
    return length < 0 ? -1 : evbuffer_drain(evbuf, static_cast<std::size_t>(length));
}

int evtag_unmarshal(struct evbuffer* src, ev_uint32_t* ptag, struct evbuffer* dst) {
    const int length = evtag_unmarshal_header(src, ptag);
    if (length < 0 || evbuffer_remove_buffer(src, dst, static_cast<std::size_t>(length)) < 0) {
        return -1;
    }
    return length;
}

int evtag_unmarshal_int(struct evbuffer* evbuf, ev_uint32_t need_tag, ev_uint32_t* pinteger) {
    return take_integer_record(evbuf, need_tag, pinteger);
}

int evtag_unmarshal_int64(struct evbuffer* evbuf, ev_uint32_t need_tag, ev_uint64_t* pinteger) {
    return take_integer_record(evbuf, need_tag, pinteger);
}

int evtag_unmarshal_fixed(struct evbuffer* src, ev_uint32_t need_tag, void* data, size_t len) {
    ev_uint32_t tag;
    const int length = evtag_unmarshal_header(src, &tag);
    if (length < 0 || tag != need_tag || static_cast<std::size_t>(length) != len) {
        return -1;
    }
    evbuffer_remove(src, data, len);
    return 0;
}

int evtag_unmarshal_string(struct evbuffer* evbuf, ev_uint32_t need_tag, char** pstring) {
    ev_uint32_t tag;
    const int length = evtag_unmarshal_header(evbuf, &tag);
    if (length < 0 || tag != need_tag) {
        return -1;
    }
    const auto size = static_cast<std::size_t>(length);
    auto* const string = static_cast<char*>(mm_malloc(size + 1));
    if (string == nullptr) {
        warn("no memory for a string of %zu octets", size);
        return -1;
    }
    evbuffer_remove(evbuf, string, size);
    string[size] = '\0';
    *pstring = string;
    return 0;
}

int evtag_unmarshal_timeval(struct evbuffer* evbuf, ev_uint32_t need_tag, struct timeval* ptv) {
    ev_uint32_t tag;
    const int length = evtag_unmarshal_header(evbuf, &tag);
    if (length < 0) {
        return -1;
    }
    const auto size = static_cast<std::size_t>(length);
    const auto seconds = peek_integer(evbuf, 0, 32);
    const auto rest = seconds ? peek_integer(evbuf, seconds->octets, 32) : std::nullopt;
    const bool good = tag == need_tag && rest && seconds->octets + rest->octets <= size;
    if (good) {
        ptv->tv_sec = static_cast<time_t>(seconds->value);
        ptv->tv_usec = static_cast<suseconds_t>(rest->value);
    }
    evbuffer_drain(evbuf, size);
    return good ? 0 : -1;
}

}  // extern "C"
