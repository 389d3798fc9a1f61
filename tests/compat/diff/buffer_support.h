/* What the programs about buffers share: tracing of values and of content, patterns, callbacks.
 * Traces name only what is the same in every implementation: never how many pieces a buffer has. */
#ifndef BUFFER_SUPPORT_H
#define BUFFER_SUPPORT_H

#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/event.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW(expression) printf("%s = %ld\n", #expression, (long)(expression))

static void title(const char* text) {
    printf("-- %s\n", text);
}

/* FNV-1a of the content, read by peeking. */
static unsigned long content_hash(struct evbuffer* buffer) {
    unsigned long hash = 1469598103934665603UL;
    int count = evbuffer_peek(buffer, -1, NULL, NULL, 0), i;
    struct evbuffer_iovec* pieces =
        (struct evbuffer_iovec*)calloc((size_t)count + 1, sizeof(struct evbuffer_iovec));
    evbuffer_peek(buffer, -1, NULL, pieces, count);
    for (i = 0; i < count; ++i) {
        const unsigned char* at = (const unsigned char*)pieces[i].iov_base;
        size_t left = pieces[i].iov_len;
        while (left-- != 0) {
            hash = (hash ^ *at++) * 1099511628211UL;
        }
    }
    free(pieces);
    return hash;
}

/* Length and content; short content in clear. */
static void show(const char* name, struct evbuffer* buffer) {
    size_t length = evbuffer_get_length(buffer);
    printf("%s: %lu bytes, %016lx", name, (unsigned long)length, content_hash(buffer));
    if (length <= 60) {
        struct evbuffer_iovec pieces[60];
        int count = evbuffer_peek(buffer, -1, NULL, pieces, 60), i;
        printf(" \"");
        for (i = 0; i < count; ++i) {
            const char* at = (const char*)pieces[i].iov_base;
            size_t k;
            for (k = 0; k < pieces[i].iov_len; ++k) {
                if (at[k] >= ' ' && at[k] <= '~') {
                    putchar(at[k]);
                } else {
                    printf("\\x%02x", (unsigned char)at[k]);
                }
            }
        }
        printf("\"");
    }
    printf("\n");
}

/* Bytes that tell where they are. */
static char pattern(size_t at) {
    return (char)('a' + (at * 7 + at / 26 * 3) % 26);
}
static char* pattern_text(size_t from, size_t length) {
    char* text = (char*)malloc(length + 1);
    size_t i;
    for (i = 0; i < length; ++i) {
        text[i] = pattern(from + i);
    }
    text[length] = 0;
    return text;
}

/* An unlinked file of pattern bytes. */
static int pattern_file(size_t length) {
    char name[] = "/tmp/buffer_diff_XXXXXX";
    int fd = mkstemp(name);
    char* text = pattern_text(0, length);
    unlink(name);
    if (write(fd, text, length) != (ssize_t)length) {
        abort();
    }
    free(text);
    return fd;
}

static int is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

static void on_change(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    printf("   %s: was %lu, +%lu -%lu, is %lu\n", (const char*)arg, (unsigned long)info->orig_size,
           (unsigned long)info->n_added, (unsigned long)info->n_deleted,
           (unsigned long)evbuffer_get_length(buffer));
}

static void on_change_old(struct evbuffer* buffer, size_t before, size_t after, void* arg) {
    printf("   %s: %lu to %lu, is %lu\n", (const char*)arg, (unsigned long)before,
           (unsigned long)after, (unsigned long)evbuffer_get_length(buffer));
}

static void on_cleanup(const void* data, size_t length, void* arg) {
    (void)data;
    printf("   cleanup of %s: %lu bytes\n", (const char*)arg, (unsigned long)length);
}

static unsigned long next_random(unsigned long* state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* Silences the compiler about helpers that a program does not need. */
static void use_all(void) {
    (void)title, (void)show, (void)pattern_file, (void)is_open, (void)on_change;
    (void)on_change_old, (void)on_cleanup, (void)next_random, (void)use_all;
}

#endif
