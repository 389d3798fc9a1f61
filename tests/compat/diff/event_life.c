/* The end of events and bases: finalizers, one-shot events, what a base frees; looking in; memory. */
#include "event_support.h"

static struct event_base* base;
static long blocks;

static void on_finalized(struct event* ev, void* arg) {
    struct named* n = arg;
    say("  finalize %s", n->name);
    pending(n);
}
static void on_freed(struct event* ev, void* arg) {
    say("  finalize %s and free", (const char*)arg);
}
static void on_text(evutil_socket_t fd, short what, void* arg) {
    say("  %s %s%s", (const char*)arg, words(what), fd < 0 ? " without fd" : "");
}
static void finalize_self(struct named* n) {
    say("  finalize: %d", event_finalize(0, &n->ev, on_finalized));
}
static void finalize_other(struct named* n) {
    say("  finalize: %d", event_finalize(0, &n->other->ev, on_finalized));
}

static void finalizers(void) {
    struct named n, m;
    int fd[2];
    heading("finalizers");
    make_pair(fd);
    put(fd[1], "x");
    name(&n, "n", base, fd[0], EV_READ | EV_PERSIST | EV_FINALIZE);
    add(&n, &never);
    say("finalize: %d", event_finalize(0, &n.ev, on_finalized));
    pending(&n);
    counts(base);
    add(&n, NULL);
    event_active(&n.ev, EV_READ, 1);
    del(&n);
    say("remove: %d", event_remove_timer(&n.ev));
    loop(base, EVLOOP_NONBLOCK);
    heading("in its own callback");
    name(&n, "n", base, fd[0], EV_READ | EV_PERSIST);
    n.act = finalize_self;
    add(&n, NULL);
    loop(base, EVLOOP_ONCE);
    loop(base, EVLOOP_NONBLOCK);
    heading("another that is active");
    name(&n, "n", base, fd[0], EV_READ);
    name(&m, "m", base, fd[0], EV_READ);
    n.act = finalize_other;
    n.other = &m;
    add(&m, NULL);
    add(&n, NULL);
    loop(base, EVLOOP_ONCE);
    heading("and freed");
    {
        struct event* ev = event_new(base, fd[0], EV_READ, on_text, (void*)"text");
        event_add(ev, NULL);
        say("finalize: %d", event_free_finalize(0, ev, on_freed));
        loop(base, EVLOOP_ONCE);
    }
    heading("without a loop to run them");
    name(&n, "n", base, fd[0], EV_READ);
    add(&n, NULL);
    event_finalize(0, &n.ev, on_finalized);
    event_base_free(base);
    base = event_base_new();
    name(&n, "n", base, fd[0], EV_READ);
    event_finalize(0, &n.ev, on_finalized);
    event_base_free_nofinalize(base);
    base = event_base_new();
    close(fd[0]);
    close(fd[1]);
}

static void once(void) {
    int fd[2];
    heading("one-shot");
    make_pair(fd);
    say("no base: %d", event_base_once(NULL, -1, EV_TIMEOUT, on_text, (void*)"a", NULL));
    say("signal: %d", event_base_once(base, SIGUSR1, EV_SIGNAL, on_text, (void*)"a", NULL));
    say("persist: %d",
        event_base_once(base, fd[0], EV_READ | EV_PERSIST, on_text, (void*)"a", NULL));
    say("nothing: %d", event_base_once(base, fd[0], 0, on_text, (void*)"a", &soon));
    say("edge alone: %d", event_base_once(base, fd[0], EV_ET, on_text, (void*)"a", &soon));
    say("at once: %d", event_base_once(base, -1, EV_TIMEOUT, on_text, (void*)"at once", NULL));
    say("zero: %d", event_base_once(base, -1, EV_TIMEOUT, on_text, (void*)"zero", &at_once));
    say("soon: %d", event_base_once(base, 5, EV_TIMEOUT, on_text, (void*)"soon", &soon));
    say("read: %d", event_base_once(base, fd[0], EV_READ, on_text, (void*)"read", NULL));
    say("write: %d", event_base_once(base, fd[0], EV_WRITE, on_text, (void*)"write", &never));
    say("read, time: %d",
        event_base_once(base, fd[1], EV_READ | EV_TIMEOUT, on_text, (void*)"read or time", &soon));
    counts(base);
    loop(base, EVLOOP_ONCE);
    put(fd[1], "x");
    while (event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) > 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    counts(base);
    say("bad descriptor: %d", event_base_once(base, 999, EV_READ, on_text, (void*)"bad", NULL));
    counts(base);
    say("left: %d", event_base_once(base, fd[1], EV_READ, on_text, (void*)"left", NULL));
    event_base_free(base);
    base = event_base_new();
    close(fd[0]);
    close(fd[1]);
}

static int seen(const struct event_base* b, const struct event* ev, void* arg) {
    struct named* n = (struct named*)event_get_callback_arg(ev);
    int* left = arg;
    if (event_get_callback(ev) != on_named) {
        return 0; /* the library's own */
    }
    say("  %s", n->name);
    return --*left == 0 ? 42 : 0;
}

static void looking(void) {
    struct named n[7];
    static const char* const names[] = {"low",    "high",   "timer",  "signal",
                                        "active", "common", "neither"};
    int fd[2], left = 0;
    FILE* out = tmpfile();
    char line[256];
    const struct timeval* common;
    heading("each event");
    make_pair(fd);
    common = event_base_init_common_timeout(base, &never);
    name(&n[0], names[0], base, fd[0], EV_READ);
    name(&n[1], names[1], base, fd[1], EV_WRITE | EV_PERSIST | EV_ET);
    name(&n[2], names[2], base, -1, 0);
    name(&n[3], names[3], base, SIGUSR1, EV_SIGNAL | EV_PERSIST);
    name(&n[4], names[4], base, -1, 0);
    name(&n[5], names[5], base, -1, EV_PERSIST);
    name(&n[6], names[6], base, fd[0], EV_READ);
    add(&n[0], &never);
    add(&n[1], NULL);
    add(&n[2], &never);
    add(&n[3], NULL);
    event_active(&n[4].ev, EV_TIMEOUT, 1);
    add(&n[5], common);
    for (int i = 1; i < 8; ++i) {
        left = i;
        say("up to %d", i);
        say("%d", event_base_foreach_event(base, seen, &left));
    }
    say("no function: %d", event_base_foreach_event(base, NULL, NULL));
    event_active(&n[0].ev, EV_READ, 1);
    heading("a list of all");
    event_base_dump_events(base, out);
    rewind(out);
    while (fgets(line, sizeof(line), out)) {
        if (strstr(line, "Internal")) {
            continue;
        }
        /* addresses, descriptors and times differ */
        for (char* c = line; *c; ++c) {
            if (c[0] == '0' && c[1] == 'x') {
                char* end = c + 2;
                while (strchr("0123456789abcdef", *end) && *end) {
                    ++end;
                }
                memmove(c, end, strlen(end) + 1);
            }
        }
        {
            char* time = strstr(line, "Timeout=");
            if (time) {
                struct timeval due;
                event_pending(&n[0].ev, EV_TIMEOUT, &due);
                say("  time %s",
                    labs(strtol(time + 8, NULL, 10) - (long)due.tv_sec) < 3 ? "right" : "wrong");
                char* end = time + 8;
                while (strchr("0123456789.", *end) && *end) {
                    ++end;
                }
                memmove(time, end, strlen(end) + 1);
            }
        }
        {
            char* number = strstr(line, "fd  ");
            if (number && number[4] != '-') {
                size_t digits = strspn(number + 4, "0123456789");
                memmove(number + 4, number + 4 + digits, strlen(number + 4 + digits) + 1);
            }
        }
        line[strcspn(line, "\n")] = '\0';
        say("|%s|", line);
    }
    fclose(out);
    for (int i = 0; i < 7; ++i) {
        event_del(&n[i].ev);
    }
    close(fd[0]);
    close(fd[1]);
}

static void freed(void) {
    struct named n[5];
    int fd[2];
    heading("a base is freed with events in it");
    make_pair(fd);
    name(&n[0], "r", base, fd[0], EV_READ);
    name(&n[1], "t", base, -1, 0);
    name(&n[2], "s", base, SIGUSR1, EV_SIGNAL);
    name(&n[3], "a", base, -1, 0);
    name(&n[4], "c", base, -1, 0);
    add(&n[0], &never);
    add(&n[1], &never);
    add(&n[2], NULL);
    event_active(&n[3].ev, EV_READ, 1);
    add(&n[4], event_base_init_common_timeout(base, &never));
    event_base_free(base);
    for (int i = 0; i < 5; ++i) {
        say("%s initialized %d", n[i].name, event_initialized(&n[i].ev));
    }
    say("descriptor open: %d", fcntl(fd[0], F_GETFD) >= 0);
    base = event_base_new();
    for (int i = 0; i < 5; ++i) {
        say("set: %d", event_base_set(base, &n[i].ev));
    }
    add(&n[0], NULL);
    put(fd[1], "x");
    loop(base, EVLOOP_ONCE);
    close(fd[0]);
    close(fd[1]);
    event_base_free(NULL);
}

static void* counting_malloc(size_t size) {
    ++blocks;
    return malloc(size);
}
static void* counting_realloc(void* block, size_t size) {
    blocks += block == NULL;
    return realloc(block, size);
}
static void counting_free(void* block) {
    blocks -= block != NULL;
    free(block);
}

int main(void) {
    struct event* ev;
    event_set_log_callback(count_messages);
    event_set_mem_functions(counting_malloc, counting_realloc, counting_free);
    base = event_base_new();
    ev = event_new(base, -1, 0, on_text, NULL);
    say("memory comes from the program: %s", blocks >= 2 ? "yes" : "no");
    event_free(ev);
    finalizers();
    once();
    looking();
    freed();
    event_base_free(base);
    libevent_global_shutdown();
    say("blocks left: %ld", blocks);
    return 0;
}
