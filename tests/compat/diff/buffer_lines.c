/* Lines, searching and places, over every way to cut a text into pieces. */
#include "buffer_support.h"

static const char* const styles[] = {"any", "crlf", "strict", "lf", "nul"};

/* `text` in pieces of `step` bytes; 0: in one. */
static struct evbuffer* in_pieces(const char* text, size_t length, size_t step) {
    struct evbuffer* buffer = evbuffer_new();
    size_t at = 0;
    while (at < length) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        evbuffer_add_reference(buffer, text + at, part, NULL, NULL);
        at += part;
    }
    return buffer;
}

static void all_lines(const char* text, size_t length, size_t step, int style) {
    struct evbuffer* buffer = in_pieces(text, length, step);
    struct evbuffer_ptr found;
    size_t n = 77, eol = 77;
    char* line;
    int i = 0;
    found = evbuffer_search_eol(buffer, NULL, &eol, (enum evbuffer_eol_style)style);
    printf("%s/%lu: first end at %ld, %lu bytes;", styles[style], (unsigned long)step,
           (long)found.pos, (unsigned long)eol);
    while ((line = evbuffer_readln(buffer, &n, (enum evbuffer_eol_style)style)) != NULL) {
        printf(" %lu:%lu", (unsigned long)n, (unsigned long)strlen(line));
        free(line);
        ++i;
    }
    printf("; %d lines, %lu, rest %lu\n", i, (unsigned long)n,
           (unsigned long)evbuffer_get_length(buffer));
    evbuffer_free(buffer);
}

#define TEXT(literal) {literal, sizeof(literal) - 1}

static void lines(void) {
    static const struct {
        const char* text;
        size_t length;
    } texts[] = {
        TEXT(""),
        TEXT("no end"),
        TEXT("one\n"),
        TEXT("one\r\n"),
        TEXT("one\r"),
        TEXT("\n"),
        TEXT("\r\n"),
        TEXT("\n\n\n"),
        TEXT("\r\n\r\n"),
        TEXT("\r\r\n"),
        TEXT("\n\r"),
        TEXT("a\r\nb\nc\rd\n\re"),
        TEXT("a\0b\0\0c"),
        TEXT("GET / HTTP/1.1\r\nHost: example\r\nX: \r\n\r\nbody\nbody"),
        TEXT("long line that has no end of its own until here\r\r\r\nand more\n\n\r\n\rx"),
        TEXT("\r\n\0\n\r\0"),
    };
    unsigned i;
    size_t step;
    int style;
    title("lines");
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        printf("text %u\n", i);
        for (style = 0; style < 5; ++style) {
            for (step = 0; step < 5; ++step) {
                all_lines(texts[i].text, texts[i].length, step, style);
            }
        }
    }
}

static void eol_from_places(void) {
    static const char text[] = "ab\r\ncd\n\nef\r\r\ng";
    size_t length = sizeof(text) - 1, step, at;
    int style;
    title("ends of lines from every place");
    for (step = 0; step < 4; ++step) {
        struct evbuffer* buffer = in_pieces(text, length, step);
        for (style = 0; style < 5; ++style) {
            for (at = 0; at <= length; ++at) {
                struct evbuffer_ptr start, found;
                size_t eol = 9;
                evbuffer_ptr_set(buffer, &start, at, EVBUFFER_PTR_SET);
                found = evbuffer_search_eol(buffer, &start, &eol, (enum evbuffer_eol_style)style);
                printf("%ld+%lu ", (long)found.pos, (unsigned long)eol);
            }
            printf("\n");
        }
        evbuffer_free(buffer);
    }
}

static void searching(void) {
    static const char* const needles[] = {"a",       "ab", "aab", "aaab",          "aaaab", "bab",
                                          "abaabab", "z",  "az",  "xaabaabaaabab", "b\0c",  "c"};
    static const size_t lengths[] = {1, 2, 3, 4, 5, 3, 7, 1, 2, 13, 3, 1};
    static const char text[] = "xaabaabaaababaaaabaabab\0b\0cab";
    size_t length = sizeof(text) - 1, step, from, to;
    unsigned i;
    title("searching");
    for (step = 0; step < 6; ++step) {
        struct evbuffer* buffer = in_pieces(text, length, step);
        for (i = 0; i < sizeof(needles) / sizeof(needles[0]); ++i) {
            printf("%s/%lu: %ld |", needles[i], (unsigned long)step,
                   (long)evbuffer_search(buffer, needles[i], lengths[i], NULL).pos);
            for (from = 0; from <= length; from += 3) {
                struct evbuffer_ptr start, end, found;
                evbuffer_ptr_set(buffer, &start, from, EVBUFFER_PTR_SET);
                found = evbuffer_search(buffer, needles[i], lengths[i], &start);
                printf(" %ld", (long)found.pos);
                for (to = from; to <= length; to += 4) {
                    evbuffer_ptr_set(buffer, &end, to, EVBUFFER_PTR_SET);
                    found = evbuffer_search_range(buffer, needles[i], lengths[i], &start, &end);
                    printf("/%ld", (long)found.pos);
                }
            }
            printf("\n");
        }
        SHOW(evbuffer_search(buffer, "", 0, NULL).pos);
        evbuffer_free(buffer);
    }
}

static void search_goes_on(void) {
    struct evbuffer* buffer = in_pieces("--x--xx---x-xx-", 15, 2);
    struct evbuffer_ptr at;
    title("one occurrence after the other");
    at = evbuffer_search(buffer, "x", 1, NULL);
    while (at.pos >= 0) {
        SHOW(at.pos);
        if (evbuffer_ptr_set(buffer, &at, 1, EVBUFFER_PTR_ADD) != 0) {
            break;
        }
        at = evbuffer_search(buffer, "x", 1, &at);
    }
    SHOW(evbuffer_find(buffer, (const unsigned char*)"-x-xx", 5) != NULL);
    SHOW(memcmp(evbuffer_find(buffer, (const unsigned char*)"x-xx-", 5), "x-xx-", 5));
    SHOW(evbuffer_find(buffer, (const unsigned char*)"xxx", 3) != NULL);
    evbuffer_free(buffer);
}

static void places(void) {
    static const char text[] = "0123456789";
    size_t step, at, more;
    title("places");
    for (step = 0; step < 4; ++step) {
        struct evbuffer* buffer = in_pieces(text, 10, step);
        for (at = 0; at < 13; ++at) {
            for (more = 0; more < 4; ++more) {
                struct evbuffer_ptr ptr;
                char out[4] = "...";
                int set = evbuffer_ptr_set(buffer, &ptr, at, EVBUFFER_PTR_SET), add = -2;
                long pos = (long)ptr.pos, copied = -2;
                struct evbuffer_iovec vec[1];
                int count = -2;
                if (set == 0) {
                    add = evbuffer_ptr_set(buffer, &ptr, more, EVBUFFER_PTR_ADD);
                }
                if (set == 0 && add == 0) {
                    copied = (long)evbuffer_copyout_from(buffer, &ptr, out, 3);
                    vec[0].iov_base = NULL;
                    count = evbuffer_peek(buffer, 1, &ptr, vec, 1);
                }
                printf("%lu+%lu: %d %ld %d %ld %ld %s %d %c\n", (unsigned long)at,
                       (unsigned long)more, set, pos, add, (long)ptr.pos, copied, out, count,
                       count > 0 ? *(char*)vec[0].iov_base : '-');
            }
        }
        evbuffer_free(buffer);
    }
}

static void peeking(void) {
    struct evbuffer* buffer = in_pieces("aabbccddee", 10, 2);
    struct evbuffer_iovec vec[8];
    long len;
    int n, i;
    title("peeking at known pieces");
    for (len = -1; len < 12; ++len) {
        for (n = 0; n < 8; ++n) {
            size_t sum = 0;
            int count = evbuffer_peek(buffer, len, NULL, vec, n);
            for (i = 0; i < count && i < n; ++i) {
                sum += vec[i].iov_len;
            }
            printf("%ld/%d: %d %lu\n", len, n, count, (unsigned long)sum);
        }
    }
    for (len = 0; len < 11; ++len) {
        struct evbuffer_ptr ptr;
        evbuffer_ptr_set(buffer, &ptr, (size_t)len, EVBUFFER_PTR_SET);
        printf("from %ld: %d %d %d\n", len, evbuffer_peek(buffer, -1, &ptr, NULL, 0),
               evbuffer_peek(buffer, 3, &ptr, NULL, 0), evbuffer_peek(buffer, 3, &ptr, vec, 8));
    }
    evbuffer_free(buffer);
}

static void long_text(void) {
    struct evbuffer* buffer = evbuffer_new();
    unsigned long state = 42;
    char* line;
    size_t n, i, lines_read = 0, sum = 0;
    struct evbuffer_ptr found;
    title("long text");
    for (i = 0; i < 20000; ++i) {
        unsigned long word = next_random(&state);
        evbuffer_add_printf(buffer, "%lx%s", word & 0xffffff, (word >> 24) & 7 ? " " : "\r\n");
    }
    evbuffer_add(buffer, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 33);
    found = evbuffer_search(buffer, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 32, NULL);
    SHOW(found.pos);
    while ((line = evbuffer_readln(buffer, &n, EVBUFFER_EOL_CRLF)) != NULL) {
        ++lines_read;
        sum = sum * 31 + n;
        free(line);
    }
    SHOW(lines_read);
    SHOW(sum);
    show("rest", buffer);
    evbuffer_free(buffer);
}

int main(void) {
    use_all();
    lines();
    eol_from_places();
    searching();
    search_goes_on();
    places();
    peeking();
    long_text();
    return 0;
}
