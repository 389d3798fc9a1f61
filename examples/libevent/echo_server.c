/* An echo server: a listener, and a bufferevent for each connection, with a time limit and an upper
 * bound for what a client that does not read may leave with us.
 *
 *     echo_server [PORT]      8082 by default, 0 takes a free one
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { waiting_max = 64 * 1024 };

static void on_read(struct bufferevent* bev, void* arg) {
    struct evbuffer* output = bufferevent_get_output(bev);
    (void)arg;
    evbuffer_add_buffer(output, bufferevent_get_input(bev)); /* moves it, copies nothing */
    if (evbuffer_get_length(output) > waiting_max) bufferevent_disable(bev, EV_READ);
}

static void on_written(struct bufferevent* bev, void* arg) {
    (void)arg;
    bufferevent_enable(bev, EV_READ); /* all of it has gone */
}

static void on_event(struct bufferevent* bev, short what, void* arg) {
    (void)arg;
    if (what & BEV_EVENT_ERROR)
        fprintf(stderr, "connection: %s\n", strerror(EVUTIL_SOCKET_ERROR()));
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) bufferevent_free(bev);
}

static void on_accept(struct evconnlistener* listener, evutil_socket_t fd, struct sockaddr* peer,
                      int length, void* arg) {
    const struct timeval patience = {60, 0};
    struct bufferevent* bev =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    (void)peer;
    (void)length;
    (void)arg;
    if (bev == NULL) {
        evutil_closesocket(fd);
        return;
    }
    bufferevent_setcb(bev, on_read, on_written, on_event, NULL);
    bufferevent_set_timeouts(bev, &patience, &patience);
    bufferevent_enable(bev, EV_READ);
}

static void on_signal(evutil_socket_t number, short what, void* arg) {
    (void)number;
    (void)what;
    event_base_loopexit(arg, NULL);
}

int main(int argc, char** argv) {
    struct event_base* base = event_base_new();
    struct event* terminate = evsignal_new(base, SIGTERM, on_signal, base);
    struct evconnlistener* listener;
    struct sockaddr_in address;
    socklen_t size = sizeof address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 8082));
    listener =
        evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                -1, (struct sockaddr*)&address, sizeof address);
    if (listener == NULL) {
        perror("echo_server: cannot listen");
        return 1;
    }
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr*)&address, &size);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    event_add(terminate, NULL);
    event_base_dispatch(base);

    evconnlistener_free(listener);
    event_free(terminate);
    event_base_free(base);
    return 0;
}
