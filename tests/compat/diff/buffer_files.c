/* Parts of files in buffers: in memory and by sendfile, ownership of the descriptor, cleanups. */
#include "buffer_support.h"

#include <sys/socket.h>

static const char* segment_name;

static void on_segment(struct evbuffer_file_segment const* segment, int flags, void* arg) {
    (void)segment;
    printf("   segment %s goes, flags %d, %s\n", segment_name, flags, (const char*)arg);
}

static void in_memory(unsigned flags) {
    int fd = pattern_file(100000);
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    struct evbuffer_file_segment* segment = evbuffer_file_segment_new(fd, 500, 70000, flags);
    title("in memory");
    printf("flags %u\n", flags);
    segment_name = "of 70000";
    SHOW(segment != NULL);
    evbuffer_file_segment_add_cleanup_cb(segment, on_segment, (void*)"cleanup");
    evbuffer_add_cb(a, on_change, (void*)"a");
    SHOW(evbuffer_add(a, "head", 4));
    SHOW(evbuffer_add_file_segment(a, segment, 0, -1));
    SHOW(evbuffer_add_file_segment(a, segment, 1000, 50));
    SHOW(evbuffer_add_file_segment(a, segment, 69990, 10));
    SHOW(evbuffer_add(a, "tail", 4));
    show("a", a);
    SHOW(evbuffer_add_buffer_reference(b, a));
    SHOW(lseek(fd, 0, SEEK_CUR));
    evbuffer_file_segment_free(segment);
    SHOW(is_open(fd));
    SHOW(evbuffer_search(a, "tail", 4, NULL).pos);
    SHOW(evbuffer_remove_buffer(a, b, 50000));
    SHOW(evbuffer_pullup(a, 25000) != NULL);
    show("a", a);
    show("b", b);
    SHOW(evbuffer_add_buffer(b, a));
    show("b", b);
    evbuffer_free(a);
    SHOW(evbuffer_drain(b, 70060));
    show("b", b);
    SHOW(evbuffer_drain(b, 5));
    show("b", b);
    SHOW(is_open(fd));
    evbuffer_free(b);
    close(fd);
}

static void by_sendfile(unsigned flags) {
    int fd = pattern_file(3000), fds[2];
    struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
    struct evbuffer_file_segment* segment = evbuffer_file_segment_new(fd, 100, 2000, flags);
    char* in = (char*)calloc(1, 10000);
    int n, sum = 0;
    title("to a socket");
    printf("flags %u\n", flags);
    segment_name = "of 2000";
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        abort();
    }
    evbuffer_file_segment_add_cleanup_cb(segment, on_segment, (void*)"cleanup");
    SHOW(evbuffer_set_flags(a, EVBUFFER_FLAG_DRAINS_TO_FD));
    SHOW(evbuffer_set_flags(b, EVBUFFER_FLAG_DRAINS_TO_FD));
    evbuffer_add(a, "head", 4);
    SHOW(evbuffer_add_file_segment(a, segment, 0, 1000));
    evbuffer_add(a, "middle", 6);
    SHOW(evbuffer_add_file_segment(a, segment, 500, -1));
    evbuffer_add(a, "tail", 4);
    SHOW(evbuffer_add_buffer_reference(b, a));
    SHOW(evbuffer_get_length(a));
    SHOW(evbuffer_drain(a, 6));
    evbuffer_file_segment_free(segment);
    SHOW(evbuffer_add_buffer(b, a));
    SHOW(evbuffer_get_length(b));
    while ((n = evbuffer_write_atmost(b, fds[0], 700)) > 0) {
        sum += n;
    }
    SHOW(sum);
    SHOW(evbuffer_get_length(b));
    SHOW(is_open(fd));
    n = (int)read(fds[1], in, 10000);
    evbuffer_clear_flags(b, EVBUFFER_FLAG_DRAINS_TO_FD);
    evbuffer_add(b, in, (size_t)n);
    show("what came", b);
    evbuffer_free(a);
    evbuffer_free(b);
    free(in);
    close(fd);
    close(fds[0]);
    close(fds[1]);
}

static void add_file(int drains) {
    struct evbuffer* a = evbuffer_new();
    int fd = pattern_file(500);
    title("add_file");
    if (drains) {
        evbuffer_set_flags(a, EVBUFFER_FLAG_DRAINS_TO_FD);
    }
    SHOW(evbuffer_add_file(a, fd, 0, -1));
    SHOW(evbuffer_get_length(a));
    SHOW(is_open(fd));
    SHOW(evbuffer_drain(a, 499));
    SHOW(is_open(fd));
    SHOW(evbuffer_drain(a, 1));
    SHOW(is_open(fd));
    fd = pattern_file(500);
    SHOW(evbuffer_add_file(a, fd, 100, 300));
    SHOW(evbuffer_add(a, "x", 1));
    SHOW(evbuffer_get_length(a));
    if (!drains) {
        show("a", a);
    }
    SHOW(is_open(fd));
    evbuffer_free(a);
    SHOW(is_open(fd));
}

static void refused(void) {
    struct evbuffer* a = evbuffer_new();
    int fd = pattern_file(500);
    title("refused");
    SHOW(evbuffer_add_file(a, fd, -5, 5));
    SHOW(evbuffer_add_file(a, fd, 5, -5));
    SHOW(evbuffer_add_file(a, -1, 0, 5));
    SHOW(evbuffer_add_file(a, -1, 0, -1));
    SHOW(evbuffer_file_segment_new(fd, -1, 5, 0) != NULL);
    SHOW(evbuffer_file_segment_new(fd, 1, -5, 0) != NULL);
    SHOW(evbuffer_file_segment_new(fd, 1, 0x7fffffffffffffffL, 0) != NULL);
    SHOW(is_open(fd));
    SHOW(evbuffer_get_length(a));
    close(fd);
    evbuffer_free(a);
}

int main(void) {
    static const unsigned memory_flags[] = {0, 1, 4, 5, 6, 7, 8, 12, 13, 14, 15};
    static const unsigned file_flags[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 15};
    unsigned i;
    use_all();
    for (i = 0; i < sizeof(memory_flags) / sizeof(memory_flags[0]); ++i) {
        in_memory(memory_flags[i]);
    }
    for (i = 0; i < sizeof(file_flags) / sizeof(file_flags[0]); ++i) {
        by_sendfile(file_flags[i]);
    }
    add_file(0);
    add_file(1);
    refused();
    return 0;
}
