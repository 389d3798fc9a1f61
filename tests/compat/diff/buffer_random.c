/* Random sequences of calls on four buffers, from seeds: every return value, length and content. */
#include "buffer_support.h"

#include <errno.h>

enum { buffers = 4, size_limit = 30000 };

static unsigned long state;
static struct evbuffer* all[buffers];
static int plain[buffers]; /* never had a file part or shared bytes */
static int pipe_fds[2];
static struct evbuffer_file_segment* segment;
static long living_references;
static int seed_shares; /* whether buffers share bytes in this run */
static int sharing;     /* libevent 2.1 does not free a buffer that came to share its own bytes */

static size_t random_size(void) {
    static const size_t limits[] = {2, 10, 40, 200, 1100, 5000};
    size_t limit = limits[next_random(&state) % 6];
    return next_random(&state) % limit;
}

static void on_random_cleanup(const void* data, size_t length, void* arg) {
    (void)length, (void)arg;
    free((void*)data);
    --living_references;
}

static void add_something(int i, size_t size) {
    struct evbuffer* a = all[i];
    char* text = pattern_text(next_random(&state) % 1000, size);
    struct evbuffer_iovec vec[3];
    if (size > 8 && next_random(&state) % 3 == 0) {
        text[next_random(&state) % size] = '\n';
        text[next_random(&state) % size] = '\r';
        text[next_random(&state) % size] = 0;
    }
    switch (next_random(&state) % 7) {
        case 0: SHOW(evbuffer_prepend(a, text, size)); break;
        case 1:
            ++living_references;
            SHOW(evbuffer_add_reference(a, text, size, on_random_cleanup, NULL));
            return;
        case 2: SHOW(evbuffer_add_printf(a, "%s|%d", text, (int)size)); break;
        case 3: {
            int count = evbuffer_reserve_space(a, (ev_ssize_t)size + 1, vec, 2), k;
            size_t at = 0;
            for (k = 0; k < count; ++k) {
                size_t part = vec[k].iov_len < size - at ? vec[k].iov_len : size - at;
                memcpy(vec[k].iov_base, text + at, part);
                vec[k].iov_len = part;
                at += part;
            }
            SHOW(evbuffer_commit_space(a, vec, count));
            break;
        }
        case 4:
            vec[0].iov_base = text;
            vec[0].iov_len = size / 2;
            vec[1].iov_base = text + size / 2;
            vec[1].iov_len = size - size / 2;
            SHOW(evbuffer_add_iovec(a, vec, 2));
            break;
        default: SHOW(evbuffer_add(a, text, size)); break;
    }
    free(text);
}

static void take_something(struct evbuffer* a, size_t size) {
    char* out = (char*)calloc(1, size + 1);
    size_t n = 0, i;
    unsigned long hash = 7;
    char* line;
    switch (next_random(&state) % 5) {
        case 0: SHOW(evbuffer_drain(a, size)); break;
        case 1: SHOW(evbuffer_copyout(a, out, size)); break;
        case 2:
            line = evbuffer_readln(a, &n, (enum evbuffer_eol_style)(next_random(&state) % 5));
            SHOW(line != NULL);
            SHOW(n);
            for (i = 0; i < n; ++i) {
                hash = hash * 31 + (unsigned char)line[i];
            }
            free(line);
            break;
        default: SHOW(evbuffer_remove(a, out, size)); break;
    }
    for (i = 0; i < size; ++i) {
        hash = hash * 31 + (unsigned char)out[i];
    }
    SHOW(hash);
    free(out);
}

static void look(struct evbuffer* a, size_t size) {
    struct evbuffer_ptr at, end, found;
    size_t length = evbuffer_get_length(a), eol = 0, k;
    char needle[3] = {pattern(size), pattern(size + 1), pattern(size + 2)};
    SHOW(evbuffer_ptr_set(a, &at, next_random(&state) % (length + 3), EVBUFFER_PTR_SET));
    if (at.pos < 0) {
        return;
    }
    k = next_random(&state) % 3 + 1;
    found = evbuffer_search(a, needle, k, &at);
    SHOW(found.pos);
    end = at;
    if (evbuffer_ptr_set(a, &end, size, EVBUFFER_PTR_ADD) == 0) {
        found = evbuffer_search_range(a, needle, k, &at, &end);
        SHOW(found.pos);
        if (found.pos >= 0) {
            char out[4] = "";
            SHOW(evbuffer_copyout_from(a, &found, out, k));
            SHOW(memcmp(out, needle, k));
        }
    }
    SHOW(end.pos);
    found = evbuffer_search_eol(a, &at, &eol, (enum evbuffer_eol_style)(next_random(&state) % 5));
    SHOW(found.pos);
    SHOW(eol);
    if (next_random(&state) % 4 == 0) {
        unsigned char* text = evbuffer_pullup(a, (ev_ssize_t)size);
        SHOW(text != NULL);
        SHOW(text != NULL ? text[size - 1] : 0);
    }
}

static void between(int i, int k, size_t size) {
    struct evbuffer *a = all[i], *b = all[k];
    switch (next_random(&state) % 5) {
        case 0:
            plain[i] = plain[i] && plain[k];
            SHOW(evbuffer_add_buffer(a, b));
            break;
        case 1:
            plain[i] = plain[i] && plain[k];
            SHOW(evbuffer_prepend_buffer(a, b));
            break;
        case 2:
            if (plain[k] && seed_shares) {
                plain[i] = 0;
                sharing = 1;
                SHOW(evbuffer_add_buffer_reference(a, b));
            }
            break;
        default:
            plain[i] = plain[i] && plain[k];
            SHOW(evbuffer_remove_buffer(b, a, size));
            break;
    }
}

static void files(int i, size_t size) {
    struct evbuffer* a = all[i];
    char rest[4096];
    int n, sum = 0;
    switch (next_random(&state) % 3) {
        case 0:
            plain[i] = 0;
            SHOW(evbuffer_add_file_segment(a, segment, (ev_off_t)(next_random(&state) % 1000),
                                           (ev_off_t)size + 1));
            break;
        case 1:
            size %= 4000;
            while (sum < (int)size &&
                   (n = evbuffer_write_atmost(a, pipe_fds[1], (ev_ssize_t)size - sum)) > 0) {
                sum += n;
            }
            SHOW(sum);
            break;
        default:
            n = evbuffer_read(a, pipe_fds[0], (int)(size % 4000) + 1);
            SHOW(n);
            if (n < 0) {
                SHOW(errno == EAGAIN);
            }
            break;
    }
    while (next_random(&state) % 4 == 0 && read(pipe_fds[0], rest, sizeof(rest)) > 0) {
    }
}

static void toggle(struct evbuffer* a) {
    int front = (int)(next_random(&state) % 2);
    evbuffer_freeze(a, front);
    SHOW(evbuffer_add(a, "frozen?", 7));
    SHOW(evbuffer_drain(a, 2));
    SHOW(evbuffer_prepend(a, "?", 1));
    evbuffer_unfreeze(a, front);
}

static void run(unsigned long seed, int steps) {
    static char* names[buffers] = {(char*)"a", (char*)"b", (char*)"c", (char*)"d"};
    int i, step;
    char rest[4096];
    living_references = 0;
    sharing = 0;
    seed_shares = seed % 4 != 0;
    state = seed * 0x9e3779b97f4a7c15UL + 1;
    for (i = 0; i < buffers; ++i) {
        all[i] = evbuffer_new();
        plain[i] = 1;
        if (next_random(&state) % 2 == 0) {
            evbuffer_add_cb(all[i], on_change, names[i]);
        }
    }
    for (step = 0; step < steps; ++step) {
        int k = (int)(next_random(&state) % buffers);
        size_t size = random_size();
        i = (int)(next_random(&state) % buffers);
        printf("%lu/%d: %s %s %lu\n", seed, step, names[i], names[k], (unsigned long)size);
        switch (next_random(&state) % 12) {
            case 0:
            case 1:
            case 2:
            case 3: add_something(i, size); break;
            case 4:
            case 5:
            case 6: take_something(all[i], size); break;
            case 7:
            case 8: between(i, k, size); break;
            case 9: look(all[i], size); break;
            case 10: files(i, size); break;
            default: toggle(all[i]); break;
        }
        printf("%lu %016lx %lu\n", (unsigned long)evbuffer_get_length(all[i]), content_hash(all[i]),
               (unsigned long)evbuffer_get_length(all[k]));
        if (evbuffer_get_length(all[i]) > size_limit) {
            SHOW(evbuffer_drain(all[i], size_limit / 2));
        }
    }
    for (i = 0; i < buffers; ++i) {
        printf("%016lx\n", content_hash(all[i]));
        evbuffer_free(all[i]);
    }
    if (!sharing) {
        SHOW(living_references);
    }
    while (read(pipe_fds[0], rest, sizeof(rest)) > 0) {
    }
}

int main(int argc, char** argv) {
    unsigned long seed, first = 1, last = 40;
    int fd = pattern_file(8000);
    use_all();
    if (argc == 3) {
        first = strtoul(argv[1], NULL, 0);
        last = strtoul(argv[2], NULL, 0);
    }
    if (pipe(pipe_fds) != 0) {
        abort();
    }
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK);
    segment = evbuffer_file_segment_new(fd, 0, 8000, EVBUF_FS_CLOSE_ON_FREE);
    for (seed = first; seed <= last; ++seed) {
        run(seed, 250);
    }
    evbuffer_file_segment_free(segment);
    return 0;
}
