/* The evhttp peer: what a libevent user writes. One thread, /hello and files under a folder.
 *
 *   evhttp_server DIR        serves DIR/NAME at /static/NAME; prints "listening PORT"
 *   evhttp_server --version  the libevent it runs on
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char* root;

static void answer_hello(struct evhttp_request* request, void* unused) {
    struct evbuffer* body = evbuffer_new();
    (void)unused;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain");
    evbuffer_add(body, "Hello, World!", 13);
    evhttp_send_reply(request, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

static void answer_file(struct evhttp_request* request, void* unused) {
    const char* path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const char* name = path + strlen("/static/");
    char file[4096];
    struct stat status;
    struct evbuffer* body;
    int fd;

    (void)unused;
    if (strncmp(path, "/static/", strlen("/static/")) != 0 || strchr(name, '/') != NULL ||
        *name == '.') {
        evhttp_send_error(request, HTTP_NOTFOUND, NULL);
        return;
    }
    snprintf(file, sizeof file, "%s/%s", root, name);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0) close(fd);
        evhttp_send_error(request, HTTP_NOTFOUND, NULL);
        return;
    }
    body = evbuffer_new();
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "application/octet-stream");
    evbuffer_add_file(body, fd, 0, status.st_size); /* takes the descriptor */
    evhttp_send_reply(request, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

int main(int argc, char** argv) {
    struct rlimit files;
    struct event_base* base;
    struct evhttp* http;
    struct evhttp_bound_socket* bound;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int on = 1;
    int fd;

    if (argc != 2) {
        fprintf(stderr, "usage: evhttp_server DIR\n");
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("libevent %s\n", event_get_version());
        return 0;
    }
    root = argv[1];
    signal(SIGPIPE, SIG_IGN); /* libevent leaves it to the program */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    base = event_base_new();
    http = evhttp_new(base);
    evhttp_set_timeout(http, 600);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_cb(http, "/hello", answer_hello, NULL);
    evhttp_set_gencb(http, answer_file, NULL);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (bound == NULL) {
        fprintf(stderr, "evhttp_server: cannot listen on 127.0.0.1\n");
        return 1;
    }
    fd = evhttp_bound_socket_get_fd(bound);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    listen(fd, 4096);                                         /* evhttp's own backlog is 128 */
    getsockname(fd, (struct sockaddr*)&address, &length);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    event_base_dispatch(base);
    return 0;
}
