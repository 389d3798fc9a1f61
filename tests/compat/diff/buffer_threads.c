/* Buffers with locks used by several threads at once: nothing is lost, nothing is torn. */
#include "buffer_support.h"

#include <event2/thread.h>
#include <pthread.h>

enum { threads = 4, rounds = 3000 };

static struct evbuffer *left, *right;
static long reported_added, reported_deleted;

static void count(struct evbuffer* buffer, const struct evbuffer_cb_info* info, void* arg) {
    (void)buffer, (void)arg;
    reported_added += (long)info->n_added; /* under the lock of the buffer */
    reported_deleted += (long)info->n_deleted;
}

static void* work(void* arg) {
    unsigned long state = (unsigned long)(size_t)arg * 77777 + 1;
    char out[64];
    int i;
    for (i = 0; i < rounds; ++i) {
        switch (next_random(&state) % 6) {
            case 0:
                evbuffer_lock(left); /* two calls that belong together */
                evbuffer_add(left, "(", 1);
                evbuffer_add(left, "abc)", 4);
                evbuffer_unlock(left);
                break;
            case 1: evbuffer_add_buffer(right, left); break;
            case 2: evbuffer_add_buffer(left, right); break;
            case 3: evbuffer_prepend(left, "(pre)", 5); break;
            case 4: evbuffer_remove_buffer(left, right, 5); break;
            default:
                evbuffer_lock(right);
                if (evbuffer_get_length(right) >= 5) {
                    evbuffer_remove(right, out, 5);
                    if (out[0] != '(' || out[4] != ')') {
                        printf("torn: %.5s\n", out);
                    }
                }
                evbuffer_unlock(right);
                break;
        }
    }
    return NULL;
}

static void* share(void* arg) {
    struct evbuffer* own = evbuffer_new();
    int i;
    for (i = 0; i < 500; ++i) {
        evbuffer_lock(left);
        evbuffer_add_buffer_reference(own, (struct evbuffer*)arg);
        evbuffer_unlock(left);
        if (evbuffer_get_length(own) > 3000) {
            evbuffer_drain(own, 2999);
        }
    }
    evbuffer_free(own);
    return NULL;
}

int main(void) {
    pthread_t ids[threads];
    size_t i;
    char text[6] = "";
    use_all();
    left = evbuffer_new();
    SHOW(evbuffer_enable_locking(left, NULL));
    evbuffer_free(left);
    SHOW(evthread_use_pthreads());
    left = evbuffer_new();
    right = evbuffer_new();
    SHOW(evbuffer_enable_locking(left, NULL));
    SHOW(evbuffer_enable_locking(left, NULL));
    SHOW(evbuffer_enable_locking(right, NULL));
    evbuffer_add_cb(left, count, NULL);
    for (i = 0; i < threads; ++i) {
        pthread_create(&ids[i], NULL, work, (void*)(i + 1));
    }
    for (i = 0; i < threads; ++i) {
        pthread_join(ids[i], NULL);
    }
    SHOW(reported_added - reported_deleted - (long)evbuffer_get_length(left));
    evbuffer_add_buffer(left, right);
    SHOW(evbuffer_get_length(left) % 5);
    while (evbuffer_remove(left, text, 5) == 5) {
        if (text[0] != '(' || text[4] != ')') {
            printf("torn: %s\n", text);
        }
    }
    title("one content, several threads");
    evbuffer_add(left, "shared content", 14);
    evbuffer_add_reference(left, " and a constant", 15, on_cleanup, (void*)"constant");
    for (i = 0; i < threads; ++i) {
        pthread_create(&ids[i], NULL, share, left);
    }
    for (i = 0; i < threads; ++i) {
        pthread_join(ids[i], NULL);
    }
    show("left", left);
    evbuffer_free(left);
    evbuffer_free(right);
    return 0;
}
