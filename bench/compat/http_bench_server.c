/* The evhttp server under the measurements: GET /hello, 13 octets, in three designs. Written against
 * the headers of libevent and linked with the installed one; runs on either library.
 *
 *   http_bench_server [--model loop|pool|relay] [--count N] [--work-us N]
 *   http_bench_server --version      the library it runs on
 *
 *   loop    the handler works and answers; COREVENT_HTTP_THREADS makes several loops of it
 *   pool    the base reads; N threads take requests from a queue, work, and answer: on corevent's
 *           libraries only, libevent's evhttp belongs to the thread of its base
 *   relay   the base reads and answers; N threads work and hand their requests back to it
 *
 * Prints "listening PORT" and ends on SIGTERM. --work-us spins that much CPU time per request.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { threads_max = 256, work_us_max = 100000 };

enum model { model_loop, model_pool, model_relay };

struct job {
    struct evhttp_request* req;
    struct evbuffer* body; /* once a thread has worked */
    struct job* next;
};

struct jobs {
    struct job* first;
    struct job** end; /* where the next one goes */
};

static enum model model;
static long thread_count = 2;
static unsigned long steps_per_request;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct jobs waiting = {NULL, &waiting.first};
static struct jobs worked = {NULL, &worked.first};
static unsigned idle_threads;
static int stopping;
static int wake[2]; /* the base reads from the first */

static void fail(const char* what) {
    fprintf(stderr, "http_bench_server: %s\n", what);
    exit(1);
}

/* --- work */

static void run_steps(unsigned long steps) {
    unsigned long long state = 88172645463325252ULL;
    unsigned long i;
    for (i = 0; i < steps; ++i) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    __asm__ volatile("" : : "r"(state)); /* keeps the loop from being optimised away */
}

static double thread_cpu_us(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

/* Counted out once: a clock that goes on while the thread waits for a core would give work away. */
static void set_work(long work_us) {
    const unsigned long trial = 5000000;
    double best = 0;
    int i;
    if (work_us == 0) {
        return;
    }
    for (i = 0; i < 3; ++i) {
        const double begun = thread_cpu_us();
        double taken;
        run_steps(trial);
        taken = thread_cpu_us() - begun;
        best = i == 0 || taken < best ? taken : best;
    }
    steps_per_request = (unsigned long)((double)trial * (double)work_us / best);
}

static struct evbuffer* work(void) {
    struct evbuffer* const body = evbuffer_new();
    run_steps(steps_per_request);
    evbuffer_add(body, "Hello, World!", 13);
    return body;
}

static void answer(struct evhttp_request* req, struct evbuffer* body) {
    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
    evhttp_send_reply(req, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

/* --- the pool */

/* Under the lock. */
static void append(struct jobs* jobs, struct job* job) {
    job->next = NULL;
    *jobs->end = job;
    jobs->end = &job->next;
}

/* A job that waits, or NULL when there will be no more. */
static struct job* take(void) {
    struct job* job;
    pthread_mutex_lock(&lock);
    ++idle_threads;
    while (waiting.first == NULL && !stopping) {
        pthread_cond_wait(&filled, &lock);
    }
    --idle_threads;
    job = waiting.first;
    if (job != NULL) {
        waiting.first = job->next;
        if (waiting.first == NULL) {
            waiting.end = &waiting.first;
        }
    }
    pthread_mutex_unlock(&lock);
    return job;
}

static void hand_back(struct job* job) {
    int first;
    pthread_mutex_lock(&lock);
    first = worked.first == NULL;
    append(&worked, job);
    pthread_mutex_unlock(&lock);
    if (first && write(wake[1], "", 1) != 1) { /* whoever finds others there knows it is awake */
        fail("cannot wake the base");
    }
}

static void* work_on_jobs(void* unused) {
    struct job* job;
    (void)unused;
    while ((job = take()) != NULL) {
        job->body = work();
        if (model == model_relay) {
            hand_back(job);
        } else {
            answer(job->req, job->body);
            free(job);
        }
    }
    return NULL;
}

static void answer_worked(void) {
    struct job* job;
    pthread_mutex_lock(&lock);
    job = worked.first;
    worked.first = NULL;
    worked.end = &worked.first;
    pthread_mutex_unlock(&lock);
    while (job != NULL) {
        struct job* const next = job->next;
        answer(job->req, job->body);
        free(job);
        job = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void* unused) {
    char octets[64];
    (void)what;
    (void)unused;
    if (read(fd, octets, sizeof octets) > 0) {
        answer_worked();
    }
}

static void stop_threads(pthread_t* threads, long count) {
    long i;
    pthread_mutex_lock(&lock);
    stopping = 1;
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&lock);
    for (i = 0; i < count; ++i) {
        pthread_join(threads[i], NULL);
    }
    answer_worked();
}

/* --- the server */

static void on_hello(struct evhttp_request* req, void* unused) {
    struct job* job;
    (void)unused;
    if (model == model_loop) {
        answer(req, work());
        return;
    }
    job = malloc(sizeof *job);
    if (job == NULL) {
        fail("no memory");
    }
    job->req = req;
    pthread_mutex_lock(&lock);
    append(&waiting, job);
    if (idle_threads > 0) {
        pthread_cond_signal(&filled);
    }
    pthread_mutex_unlock(&lock);
}

static void on_stop(evutil_socket_t number, short what, void* base) {
    (void)number;
    (void)what;
    event_base_loopbreak(base);
}

/* Port of a listening socket with what 10,000 clients at once need. */
static int listen_on(struct evhttp* http) {
    struct evhttp_bound_socket* const bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int on = 1;
    int fd;
    if (bound == NULL) {
        fail("cannot listen on 127.0.0.1");
    }
    fd = evhttp_bound_socket_get_fd(bound);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    listen(fd, 4096);                                         /* evhttp's own backlog is 128 */
    getsockname(fd, (struct sockaddr*)&address, &length);
    return ntohs(address.sin_port);
}

static void allow_many_files(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void serve(void) {
    pthread_t threads[threads_max];
    struct event_base* const base = event_base_new();
    struct evhttp* const http = evhttp_new(base);
    struct event* const stop = evsignal_new(base, SIGTERM, on_stop, base);
    struct event* woken = NULL;
    const long count = model == model_loop ? 0 : thread_count;
    const int port = listen_on(http);
    long i;

    evhttp_set_cb(http, "/hello", on_hello, NULL);
    event_add(stop, NULL);
    if (model == model_relay) {
        if (pipe2(wake, O_NONBLOCK | O_CLOEXEC) != 0) {
            fail("no pipe");
        }
        woken = event_new(base, wake[0], EV_READ | EV_PERSIST, on_wake, NULL);
        event_add(woken, NULL);
    }
    for (i = 0; i < count; ++i) {
        if (pthread_create(&threads[i], NULL, work_on_jobs, NULL) != 0) {
            fail("no thread");
        }
    }
    printf("listening %d\n", port);
    fflush(stdout);
    event_base_dispatch(base);

    stop_threads(threads, count);
    if (woken != NULL) {
        event_free(woken);
        close(wake[0]);
        close(wake[1]);
    }
    event_free(stop);
    evhttp_free(http);
    event_base_free(base);
}

/* --- the command line */

static int set_number(long* target, const char* text, long smallest, long largest) {
    char* end;
    *target = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *target >= smallest && *target <= largest;
}

static int set_model(const char* name) {
    static const char* const names[] = {"loop", "pool", "relay"};
    int i;
    for (i = model_loop; i <= model_relay; ++i) {
        if (strcmp(name, names[i]) == 0) {
            model = (enum model)i;
            return 1;
        }
    }
    return 0;
}

static int set(const char* name, const char* value, long* work_us) {
    if (strcmp(name, "--model") == 0) {
        return set_model(value);
    }
    if (strcmp(name, "--count") == 0) {
        return set_number(&thread_count, value, 1, threads_max);
    }
    return strcmp(name, "--work-us") == 0 && set_number(work_us, value, 0, work_us_max);
}

int main(int argc, char** argv) {
    long work_us = 0;
    int good = argc % 2 == 1;
    int i;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("libevent %s\n", event_get_version());
        return 0;
    }
    for (i = 1; good && i < argc; i += 2) {
        good = set(argv[i], argv[i + 1], &work_us);
    }
    if (!good) {
        fprintf(stderr,
                "usage: http_bench_server [--model loop|pool|relay] [--count N] "
                "[--work-us N] | --version\n");
        return 2;
    }
    if (model == model_pool && strstr(event_get_version(), "corevent") == NULL) {
        fail("--model pool answers from the threads of the pool, which needs corevent's libraries");
    }
    signal(SIGPIPE, SIG_IGN); /* libevent leaves it to the program */
    allow_many_files();
    set_work(work_us);
    serve();
    return 0;
}
