/* An evhttp program as a user of the installed libevent headers writes it, with the system's or with
 * corevent's: says which library it runs on and where it serves, answers "/", ends on SIGTERM. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <signal.h>
#include <stdio.h>

static void on_root(struct evhttp_request* request, void* unused) {
    struct evbuffer* body = evbuffer_new();
    (void)unused;
    evbuffer_add_printf(body, "installed\n");
    evhttp_send_reply(request, HTTP_OK, "OK", body);
    evbuffer_free(body);
}

static void on_signal(evutil_socket_t number, short what, void* base) {
    (void)number;
    (void)what;
    event_base_loopexit((struct event_base*)base, NULL);
}

int main(void) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct event_base* base;
    struct event* end;
    struct evhttp* http;
    struct evhttp_bound_socket* bound;

    if (evthread_use_pthreads() != 0) return 1;
    base = event_base_new();
    end = evsignal_new(base, SIGTERM, on_signal, base);
    http = evhttp_new(base);
    bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (bound == NULL || event_add(end, NULL) != 0 ||
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr*)&address, &length) != 0)
        return 1;
    evhttp_set_cb(http, "/", on_root, NULL);
    printf("libevent %s at 127.0.0.1:%d\n", event_get_version(), ntohs(address.sin_port));
    fflush(stdout);
    event_base_dispatch(base);
    evhttp_free(http);
    event_free(end);
    event_base_free(base);
    return 0;
}
