/* One base and several threads: who is woken, who waits for whom, what is counted. The trace holds what is promised whatever the
 * order of the threads. */
#include "event_support.h"

#include <pthread.h>

enum { threads = 4, rounds = 400 };

static struct event_base* base;
static pthread_t loop_thread;
static int loop_result;

/* ---- Gates: one thread opens, another waits. */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int open;
};
#define CLOSED_GATE {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static void open_gate(struct gate* gate) {
    pthread_mutex_lock(&gate->lock);
    gate->open++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void pass_gate(struct gate* gate, int count) {
    pthread_mutex_lock(&gate->lock);
    while (gate->open < count) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

/* ---- The loop in a thread of its own */

static void* run_loop(void* flags) {
    loop_result = event_base_loop(base, *(int*)flags);
    return NULL;
}

static void start(int flags) {
    static int kept;
    kept = flags;
    if (pthread_create(&loop_thread, NULL, run_loop, &kept) != 0) {
        abort();
    }
}

static void finish(void) {
    pthread_join(loop_thread, NULL);
    say("loop returned %d, exit %d, break %d", loop_result, event_base_got_exit(base),
        event_base_got_break(base));
}

static void open_it(evutil_socket_t fd, short what, void* arg) {
    open_gate(arg);
}

/* The loop has begun when it has called something. */
static void start_and_wait(int flags) {
    struct gate begun = CLOSED_GATE;
    event_base_once(base, -1, EV_TIMEOUT, open_it, &begun, NULL);
    start(flags);
    pass_gate(&begun, 1);
}

/* ---- What wakes a loop that waits */

static void wakes(void) {
    struct gate told = CLOSED_GATE;
    struct event ev, last;
    int fd[2];
    heading("what wakes it");
    make_pair(fd);
    start_and_wait(EVLOOP_NO_EXIT_ON_EMPTY);
    event_assign(&ev, base, fd[0], EV_WRITE, open_it, &told);
    event_add(&ev, NULL);
    pass_gate(&told, 1);
    say("a descriptor");
    event_assign(&ev, base, -1, 0, open_it, &told);
    event_assign(&last, base, -1, 0, open_it, &told);
    event_add(&last, &never);
    event_add(&ev, &soon);
    pass_gate(&told, 2);
    say("a timer before the one it waits for");
    event_add(&last, &soon);
    pass_gate(&told, 3);
    say("a timer that moves");
    event_active(&ev, EV_READ, 1);
    pass_gate(&told, 4);
    say("an activation");
    event_base_once(base, -1, EV_TIMEOUT, open_it, &told, NULL);
    pass_gate(&told, 5);
    say("a one-shot event");
    event_assign(&ev, base, SIGUSR1, EV_SIGNAL, open_it, &told);
    event_add(&ev, NULL);
    raise(SIGUSR1);
    pass_gate(&told, 6);
    say("a signal");
    event_assign(&ev, base, fd[0], EV_READ, open_it, &told);
    event_add(&ev, NULL);
    event_base_active_by_fd(base, fd[0], EV_READ);
    pass_gate(&told, 7);
    say("by descriptor");
    event_base_loopbreak(base);
    finish();
    start_and_wait(EVLOOP_NO_EXIT_ON_EMPTY);
    event_base_loopexit(base, NULL);
    finish();
    start_and_wait(EVLOOP_NO_EXIT_ON_EMPTY);
    event_base_loopexit(base, &soon);
    finish();
    event_assign(&ev, base, fd[0], EV_READ, open_it, &told);
    event_add(&ev, NULL);
    start_and_wait(0);
    event_del(&ev);
    finish();
    close(fd[0]);
    close(fd[1]);
}

/* ---- Who waits for a callback that runs */

static struct gate in_callback, may_leave;
static int left;

static void slow(evutil_socket_t fd, short what, void* arg) {
    open_gate(&in_callback);
    pass_gate(&may_leave, 1);
    __atomic_store_n(&left, 1, __ATOMIC_SEQ_CST);
}

static void* let_it_leave(void* arg) {
    struct timespec nap = {0, 20 * 1000 * 1000};
    nanosleep(&nap, NULL);
    open_gate(&may_leave);
    return NULL;
}

static void finalized(struct event* ev, void* arg) {
    say("finalized, %s the callback",
        __atomic_load_n(&left, __ATOMIC_SEQ_CST) ? "after" : "within");
    open_gate(arg);
}

static void one_wait(const char* what, short events, int (*del)(struct event*), int waits) {
    struct event ev;
    pthread_t helper;
    int result;
    static const struct gate closed = CLOSED_GATE;
    in_callback = closed;
    may_leave = closed;
    __atomic_store_n(&left, 0, __ATOMIC_SEQ_CST);
    event_assign(&ev, base, -1, events, slow, &in_callback);
    event_add(&ev, &at_once);
    pass_gate(&in_callback, 1);
    if (waits) {
        pthread_create(&helper, NULL, let_it_leave, NULL);
    }
    result = del(&ev);
    say("%s: %d, %s", what, result,
        __atomic_load_n(&left, __ATOMIC_SEQ_CST) ? "after the callback" : "while it runs");
    if (waits) {
        pthread_join(helper, NULL);
    } else {
        open_gate(&may_leave);
        event_del_block(&ev);
    }
    event_debug_unassign(&ev);
}

static void waiting(void) {
    struct gate done = CLOSED_GATE;
    static const struct gate closed = CLOSED_GATE;
    struct event ev;
    heading("who waits");
    start_and_wait(EVLOOP_NO_EXIT_ON_EMPTY);
    one_wait("del", 0, event_del, 1);
    one_wait("del_noblock", 0, event_del_noblock, 0);
    one_wait("del_block", 0, event_del_block, 1);
    one_wait("del with EV_FINALIZE", EV_FINALIZE, event_del, 0);
    one_wait("del_block with EV_FINALIZE", EV_FINALIZE, event_del_block, 1);
    one_wait("del of a persistent one", EV_PERSIST, event_del, 1);
    in_callback = closed;
    may_leave = closed;
    __atomic_store_n(&left, 0, __ATOMIC_SEQ_CST);
    event_assign(&ev, base, -1, EV_FINALIZE, slow, &done);
    event_add(&ev, &at_once);
    pass_gate(&in_callback, 1);
    say("finalize: %d", event_finalize(0, &ev, finalized));
    open_gate(&may_leave);
    pass_gate(&done, 1);
    event_base_loopexit(base, NULL);
    finish();
}

/* ---- Many threads at once */

static int called;
static void count_call(evutil_socket_t fd, short what, void* arg) {
    __atomic_add_fetch(&called, 1, __ATOMIC_SEQ_CST);
}
static void count_own(evutil_socket_t fd, short what, void* arg) {
    ++*(int*)arg;
}

static void* add_and_delete(void* arg) {
    struct event own[8];
    int calls[8] = {0}, sum = 0, fd[2];
    make_pair(fd);
    for (int i = 0; i < 8; ++i) {
        event_assign(&own[i], base, i % 2 ? fd[i / 2 % 2] : -1,
                     (short)(i % 2 ? EV_READ | EV_WRITE : EV_PERSIST), count_own, &calls[i]);
    }
    for (int i = 0; i < rounds; ++i) {
        struct event* ev = &own[i % 8];
        switch (i % 5) {
            case 0: event_add(ev, &at_once); break;
            case 1: event_add(ev, &soon); break;
            case 2: event_active(ev, EV_READ, 1); break;
            case 3: event_del(ev); break;
            case 4: event_add(ev, NULL); break;
        }
        if (i % 7 == 0) {
            event_pending(ev, EV_READ | EV_TIMEOUT, NULL);
        }
    }
    for (int i = 0; i < 8; ++i) {
        event_del(&own[i]);
        sum += calls[i]; /* nobody writes there any more */
        event_debug_unassign(&own[i]);
    }
    close(fd[0]);
    close(fd[1]);
    *(int*)arg = sum > 0;
    return NULL;
}

static void* one_shots(void* arg) {
    for (int i = 0; i < rounds; ++i) {
        event_base_once(base, -1, EV_TIMEOUT, count_call, NULL, i % 2 ? &at_once : NULL);
    }
    return NULL;
}

static void* activations(void* arg) {
    for (int i = 0; i < rounds; ++i) {
        event_active(arg, EV_READ, 1);
    }
    return NULL;
}

static void* lookers(void* arg) {
    for (int i = 0; i < rounds / 4; ++i) {
        struct timeval tv;
        event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
        event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, 0);
        event_base_gettimeofday_cached(base, &tv);
        event_base_got_break(base);
        event_base_loopcontinue(base);
    }
    return NULL;
}

static int none_pending(const struct event_base* b, const struct event* ev, void* arg) {
    return event_get_callback(ev) == count_own;
}

static void crowd(void) {
    pthread_t thread[threads * 3 + 1];
    int ran[threads], n = 0;
    struct event shared;
    struct gate done = CLOSED_GATE;
    heading("many threads");
    called = 0;
    start_and_wait(EVLOOP_NO_EXIT_ON_EMPTY);
    event_assign(&shared, base, -1, EV_PERSIST, count_call, NULL);
    for (int i = 0; i < threads; ++i) {
        pthread_create(&thread[n++], NULL, add_and_delete, &ran[i]);
        pthread_create(&thread[n++], NULL, one_shots, NULL);
        pthread_create(&thread[n++], NULL, activations, &shared);
    }
    pthread_create(&thread[n++], NULL, lookers, NULL);
    for (int i = 0; i < n; ++i) {
        pthread_join(thread[i], NULL);
    }
    event_base_once(base, -1, EV_TIMEOUT, open_it, &done, &soon);
    pass_gate(&done, 1);
    event_del(&shared);
    n = __atomic_load_n(&called, __ATOMIC_SEQ_CST);
    say("one-shot events and activations: %s",
        n > threads * rounds && n <= 2 * threads * rounds ? "all one-shots" : "some lost");
    say("left behind: %d", event_base_foreach_event(base, none_pending, NULL));
    event_base_loopbreak(base);
    finish();
}

/* Loops that are broken from outside, again and again. */
static void* breaker(void* arg) {
    for (int i = 0; i < 50; ++i) {
        pass_gate(arg, i + 1);
        event_base_loopbreak(base);
    }
    return NULL;
}

static void broken(void) {
    pthread_t thread;
    struct gate begun = CLOSED_GATE;
    int breaks = 0;
    heading("broken off from outside");
    pthread_create(&thread, NULL, breaker, &begun);
    for (int i = 0; i < 50; ++i) {
        event_base_once(base, -1, EV_TIMEOUT, open_it, &begun, NULL);
        event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
        breaks += event_base_got_break(base) != 0;
    }
    pthread_join(thread, NULL);
    say("%d breaks", breaks);
}

static void all(const char* method, int flags) {
    base = base_with(method, flags);
    heading(event_base_get_method(base));
    say("notifiable: %d, again %d", evthread_make_base_notifiable(base),
        evthread_make_base_notifiable(base));
    wakes();
    waiting();
    crowd();
    broken();
    event_base_free(base);
}

/* ---- Locks of the program's own */

static int locks, conditions, held;
static void* make_lock(unsigned kind) {
    pthread_mutex_t* lock = malloc(sizeof(*lock));
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    __atomic_add_fetch(&locks, 1, __ATOMIC_SEQ_CST);
    return lock;
}
static void drop_lock(void* lock, unsigned kind) {
    pthread_mutex_destroy(lock);
    free(lock);
    __atomic_sub_fetch(&locks, 1, __ATOMIC_SEQ_CST);
}
static int take(unsigned mode, void* lock) {
    int result = mode & EVTHREAD_TRY ? pthread_mutex_trylock(lock) : pthread_mutex_lock(lock);
    if (result == 0) {
        __atomic_add_fetch(&held, 1, __ATOMIC_SEQ_CST);
    }
    return result;
}
static int give(unsigned mode, void* lock) {
    __atomic_sub_fetch(&held, 1, __ATOMIC_SEQ_CST);
    return pthread_mutex_unlock(lock);
}
static void* make_condition(unsigned kind) {
    pthread_cond_t* condition = malloc(sizeof(*condition));
    pthread_cond_init(condition, NULL);
    __atomic_add_fetch(&conditions, 1, __ATOMIC_SEQ_CST);
    return condition;
}
static void drop_condition(void* condition) {
    pthread_cond_destroy(condition);
    free(condition);
    __atomic_sub_fetch(&conditions, 1, __ATOMIC_SEQ_CST);
}
static int signal_it(void* condition, int broadcast) {
    return broadcast ? pthread_cond_broadcast(condition) : pthread_cond_signal(condition);
}
static int wait_for(void* condition, void* lock, const struct timeval* timeout) {
    return pthread_cond_wait(condition, lock);
}
static unsigned long self(void) {
    return (unsigned long)pthread_self();
}

static struct evthread_lock_callbacks own_locks = {
    EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, make_lock, drop_lock, take, give};
static struct evthread_condition_callbacks own_conditions = {
    EVTHREAD_CONDITION_API_VERSION, make_condition, drop_condition, signal_it, wait_for};

static void own(void) {
    struct evthread_lock_callbacks other = own_locks;
    struct evthread_condition_callbacks other_conditions = own_conditions;
    event_set_log_callback(count_messages);
    other.alloc = NULL;
    say("incomplete: %d", evthread_set_lock_callbacks(&other));
    say("locks: %d, conditions: %d", evthread_set_lock_callbacks(&own_locks),
        evthread_set_condition_callbacks(&own_conditions));
    evthread_set_id_callback(self);
    say("the same: %d %d", evthread_set_lock_callbacks(&own_locks),
        evthread_set_condition_callbacks(&own_conditions));
    other = own_locks;
    other.free = (void (*)(void*, unsigned))abort;
    other_conditions.free_condition = (void (*)(void*))abort;
    say("others: %d %d", evthread_set_lock_callbacks(&other),
        evthread_set_condition_callbacks(&other_conditions));
    {
        int before = locks;
        base = base_with("epoll", EVENT_BASE_FLAG_NOLOCK);
        say("without a lock: %d", locks - before);
        event_base_free(base);
        base = event_base_new();
        say("with one: %s, %s", locks > before ? "yes" : "no", conditions > 0 ? "yes" : "no");
        wakes();
        waiting();
        crowd();
        event_base_free(base);
        say("locks left: %d, conditions: %d, held: %d", locks - before, conditions, held);
    }
}

static void checked(void) {
    evthread_enable_lock_debugging();
    say("pthreads: %d", evthread_use_pthreads());
    evthread_enable_lock_debuging();
    all("epoll", 0);
    libevent_global_shutdown();
}

static void alone(void) {
    struct event_base* first;
    event_set_log_callback(count_messages);
    first = event_base_new();
    say("notifiable before threads: %d", evthread_make_base_notifiable(first));
    say("nothing: %d", evthread_make_base_notifiable(NULL));
    event_base_free(first);
    say("pthreads: %d %d", evthread_use_pthreads(), evthread_use_pthreads());
    say("taken away: %d", evthread_set_lock_callbacks(NULL));
}

int main(void) {
    in_child("locks of the program's own", own);
    in_child("locks that check themselves", checked);
    in_child("no threads at first", alone);
    say("pthreads: %d", evthread_use_pthreads());
    all("epoll", 0);
    all("epoll", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    all("poll", 0);
    all("select", EVENT_BASE_FLAG_PRECISE_TIMER);
    return 0;
}
