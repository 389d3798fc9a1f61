/* Buffers: bytes in at the back, lines out at the front, and pieces that move without being copied.
 *
 *     evbuffer [FILE]     numbers the lines of FILE, or of a text of its own
 */
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char text[] =
    "Buffers are queues of bytes.\nThis line was never copied.\r\nNor was\nthis one";

static void done_with(const void* data, size_t size, void* arg) {
    (void)data;
    (void)arg;
    printf("(the %d bytes of the text are free)\n", (int)size);
}

static void count(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    (void)buffer;
    *(size_t*)arg += info->n_added;
}

int main(int argc, char** argv) {
    struct evbuffer* input = evbuffer_new();
    struct evbuffer* output = evbuffer_new();
    size_t written = 0;
    int number = 0;
    char* line;

    if (argc > 1) {
        struct stat status;
        const int file = open(argv[1], O_RDONLY);
        if (file < 0 || fstat(file, &status) < 0 ||
            evbuffer_add_file(input, file, 0, status.st_size) < 0) {
            perror(argv[1]);
            return 1;
        }
    } else {
        evbuffer_add_reference(input, text, strlen(text), done_with, NULL);
    }
    evbuffer_add_cb(output, count, &written);
    while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
        evbuffer_add_printf(output, "%d\t%s\n", ++number, line);
        free(line);
    }
    if (evbuffer_get_length(input) > 0) { /* a last line without an end */
        evbuffer_add_printf(output, "%d\t", ++number);
        evbuffer_add_buffer(output, input);
        evbuffer_add(output, "\n", 1);
    }
    fflush(stdout);
    while (evbuffer_get_length(output) > 0 && evbuffer_write(output, STDOUT_FILENO) > 0) {
    }
    printf("%d lines, %d bytes\n", number, (int)written);
    evbuffer_free(input);
    evbuffer_free(output);
    return 0;
}
