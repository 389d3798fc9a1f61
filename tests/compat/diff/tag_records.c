/* Tagged data: what is written octet by octet, and what reading makes of it, of its beginnings, and of
 * octets that never were any. */
#include <event2/buffer.h>
#include <event2/tag.h>
#include <event2/tag_compat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In no header of libevent, yet exported and used. */
int evtag_encode_tag(struct evbuffer* evbuf, ev_uint32_t tag);
int evtag_decode_tag(ev_uint32_t* ptag, struct evbuffer* evbuf);
int evtag_decode_int(ev_uint32_t* pnumber, struct evbuffer* evbuf);
int evtag_decode_int64(ev_uint64_t* pnumber, struct evbuffer* evbuf);

static const ev_uint64_t numbers[] = {0,
                                      1,
                                      9,
                                      15,
                                      16,
                                      17,
                                      127,
                                      128,
                                      255,
                                      256,
                                      300,
                                      4095,
                                      4096,
                                      16383,
                                      16384,
                                      65535,
                                      65536,
                                      1000000,
                                      2097151,
                                      2097152,
                                      0xfffffff,
                                      0x10000000,
                                      0x7fffffff,
                                      0x80000000u,
                                      0xdeadbeefu,
                                      0xffffffffu,
                                      0x100000000u,
                                      0x123456789abcu,
                                      0x7fffffffffffffffu,
                                      0x8000000000000000u,
                                      0xffffffffffffffffu};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static void show(const char* what, struct evbuffer* buffer) {
    size_t i, length = evbuffer_get_length(buffer);
    const unsigned char* data = evbuffer_pullup(buffer, -1);
    printf("%s %d:", what, (int)length);
    for (i = 0; i < length && i < 64; i++) printf(" %02x", data[i]);
    printf("\n");
}

static struct evbuffer* buffer_of(const void* data, size_t length, int split) {
    struct evbuffer *buffer = evbuffer_new(), *piece = evbuffer_new();
    size_t i;
    if (!split) {
        evbuffer_add(buffer, data, length);
    } else {
        for (i = 0; i < length; i++) {
            evbuffer_add(piece, (const char*)data + i, 1);
            evbuffer_add_buffer(buffer, piece);
        }
    }
    evbuffer_free(piece);
    return buffer;
}

/* Every reading function on the same octets: result, what it stored, what is left. */
static void read_all(const void* data, size_t length, int split) {
    int which;
    for (which = 0; which < 14; which++) {
        struct evbuffer *buffer = buffer_of(data, length, split), *into = evbuffer_new();
        ev_uint32_t tag = 0xeeee, number = 0xeeee;
        ev_uint64_t wide = 0xeeee;
        struct timeval tv = {7, 7};
        unsigned char fixed[4] = {0xee, 0xee, 0xee, 0xee};
        char* string = NULL;
        int result = -99;
        switch (which) {
            case 0: result = evtag_decode_tag(&tag, buffer); break;
            case 1: result = evtag_peek(buffer, &tag); break;
            case 2: result = evtag_decode_int(&number, buffer); break;
            case 3: result = evtag_decode_int64(&wide, buffer); break;
            case 4: result = evtag_peek_length(buffer, &number); break;
            case 5: result = evtag_payload_length(buffer, &number); break;
            case 6: result = evtag_unmarshal_header(buffer, &tag); break;
            case 7: result = evtag_unmarshal(buffer, &tag, into); break;
            case 8: result = evtag_consume(buffer); break;
            case 9: result = evtag_unmarshal_int(buffer, 5, &number); break;
            case 10: result = evtag_unmarshal_int64(buffer, 5, &wide); break;
            case 11: result = evtag_unmarshal_fixed(buffer, 5, fixed, sizeof fixed); break;
            case 12: result = evtag_unmarshal_string(buffer, 5, &string); break;
            case 13: result = evtag_unmarshal_timeval(buffer, 5, &tv); break;
        }
        printf(" %d:%d", which, result);
        if (result >= 0)
            printf("/%x/%x/%llx/%ld.%ld/%02x%02x%02x%02x/%s/%d", (unsigned)tag, (unsigned)number,
                   (unsigned long long)wide, (long)tv.tv_sec, (long)tv.tv_usec, fixed[0], fixed[1],
                   fixed[2], fixed[3], string ? string : "-", (int)evbuffer_get_length(into));
        printf("(%d)", (int)evbuffer_get_length(buffer));
        free(string);
        evbuffer_free(buffer);
        evbuffer_free(into);
    }
    printf("\n");
}

static void beginnings(const char* what, struct evbuffer* buffer) {
    unsigned char data[64];
    int i, length = (int)evbuffer_copyout(buffer, data, sizeof data);
    show(what, buffer);
    for (i = 0; i <= length; i++) {
        printf("  %d", i);
        read_all(data, (size_t)i, i & 1);
    }
    evbuffer_drain(buffer, evbuffer_get_length(buffer));
}

static void writing(void) {
    struct evbuffer *buffer = evbuffer_new(), *other = evbuffer_new();
    struct timeval tv;
    int i;
    evtag_init();
    for (i = 0; i < NUMBERS; i++) {
        evtag_encode_int64(buffer, numbers[i]);
        show("int64", buffer);
        evbuffer_drain(buffer, 100);
        encode_int(buffer, (ev_uint32_t)numbers[i]);
        encode_int64(buffer, numbers[i]);
        show("both", buffer);
        evbuffer_drain(buffer, 100);
        printf("tag %d", evtag_encode_tag(buffer, (ev_uint32_t)numbers[i]));
        show("", buffer);
        evbuffer_drain(buffer, 100);
        evtag_marshal_int(buffer, 5, (ev_uint32_t)numbers[i]);
        beginnings("marshal int", buffer);
        evtag_marshal_int64(buffer, 5, numbers[i]);
        beginnings("marshal int64", buffer);
        tv.tv_sec = (long)(numbers[i] & 0x7fffffff);
        tv.tv_usec = (long)(numbers[i] % 1000000);
        evtag_marshal_timeval(buffer, 5, &tv);
        beginnings("marshal timeval", buffer);
        evtag_marshal(buffer, (ev_uint32_t)numbers[i], "payload", 7);
        beginnings("marshal", buffer);
    }
    evtag_marshal_string(buffer, 5, "");
    beginnings("empty string", buffer);
    evtag_marshal_string(buffer, 5, "four");
    evtag_marshal_string(buffer, 6, "next");
    beginnings("strings", buffer);
    evtag_marshal(buffer, 5, "a\0b", 3);
    beginnings("octets", buffer);
    evbuffer_add_printf(other, "moved");
    evtag_marshal_buffer(buffer, 5, other);
    show("rest", other);
    evtag_marshal_buffer(buffer, 5, other);
    beginnings("buffers", buffer);
    evbuffer_free(buffer);
    evbuffer_free(other);
}

static unsigned seed = 1;

static unsigned next(void) {
    seed = seed * 1103515245u + 12345u;
    return seed >> 16 & 0x7fff;
}

/* Octets that look like records here and there. */
static void generated(int rounds) {
    static const unsigned char likely[] = {5,    0x05, 0x10, 0x20, 0x30, 0x70, 0x7f, 0x80,
                                           0xff, 0xf0, 0x00, 0x01, 0x81, 0x85, 0x40, 0x50};
    while (rounds-- > 0) {
        unsigned char data[40];
        unsigned i, length = next() % sizeof data;
        for (i = 0; i < length; i++)
            data[i] = (unsigned char)(next() % 3 ? likely[next() % sizeof likely] : next());
        if (length > 0 && next() % 2) data[0] = 5;
        printf("%u", length);
        read_all(data, length, (int)(next() & 1));
    }
}

int main(void) {
    writing();
    generated(3000);
    return 0;
}
