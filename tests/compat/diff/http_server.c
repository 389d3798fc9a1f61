/* The server as its program sees it: who handles what, what a request shows, the ways to answer, and
 * the order of callbacks. */
#include "http_support.h"

static void on_name(struct evhttp_request* req, void* arg) {
    say("  %s handles %s", (const char*)arg, evhttp_request_get_uri(req));
    reply_text(req, 200, arg);
}

static void tables(void) {
    heading("tables");
    say("set /x: %d", evhttp_set_cb(http, "/x", on_name, "x"));
    say("set /x again: %d", evhttp_set_cb(http, "/x", on_name, "x2"));
    say("set /y y: %d", evhttp_set_cb(http, "/y y", on_name, "y y"));
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /x?q HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /x/ HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /%78 HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /y%20y HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /y+y HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET http://other/x HTTP/1.1\r\nHost: h\r\n\r\n");
    say("delete /x: %d", evhttp_del_cb(http, "/x"));
    say("delete /x: %d", evhttp_del_cb(http, "/x"));
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    evhttp_set_gencb(http, on_name, "general");
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH |
                                         EVHTTP_REQ_TRACE);
    exchange("OPTIONS /x HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("PATCH /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
    exchange("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    exchange("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                         EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
    evhttp_set_gencb(http, NULL, NULL);
}

static void on_look(struct evhttp_request* req, void* arg) {
    const struct evhttp_uri* uri = evhttp_request_get_evhttp_uri(req);
    struct evhttp_connection* connection = evhttp_request_get_connection(req);
    char* address = NULL;
    ev_uint16_t peer_port = 0;
    const struct sockaddr* peer;
    (void)arg;
    say("  uri %s command %d kind %d version %d.%d", evhttp_request_get_uri(req),
        (int)evhttp_request_get_command(req), (int)req->kind, req->major, req->minor);
    say("  same fields: %d %d %d %d", req->uri == evhttp_request_get_uri(req),
        req->input_headers == evhttp_request_get_input_headers(req), req->evcon == connection,
        req->output_headers == evhttp_request_get_output_headers(req));
    say("  scheme %s host %s port %d path %s query %s fragment %s",
        text(evhttp_uri_get_scheme(uri)), text(evhttp_uri_get_host(uri)), evhttp_uri_get_port(uri),
        text(evhttp_uri_get_path(uri)), text(evhttp_uri_get_query(uri)),
        text(evhttp_uri_get_fragment(uri)));
    say("  host %s, again %s", text(evhttp_request_get_host(req)),
        text(evhttp_request_get_host(req)));
    say("  remote %s %s", req->remote_host, req->remote_port != 0 ? "with port" : "without port");
    evhttp_connection_get_peer(connection, &address, &peer_port);
    peer = evhttp_connection_get_addr(connection);
    say("  peer %s %d family %d", address, peer_port == req->remote_port,
        peer != NULL ? (int)peer->sa_family : -1);
    say("  base %d server %d", evhttp_connection_get_base(connection) == base,
        evhttp_connection_get_server(connection) == http);
    say("  owned %d code %d line %s", evhttp_request_is_owned(req),
        evhttp_request_get_response_code(req), text(evhttp_request_get_response_code_line(req)));
    say("  input %d output %d", (int)evbuffer_get_length(evhttp_request_get_input_buffer(req)),
        (int)evbuffer_get_length(evhttp_request_get_output_buffer(req)));
    show_headers(evhttp_request_get_input_headers(req));
    reply_text(req, 201, "seen");
    say("  answered with %d %s", evhttp_request_get_response_code(req),
        text(evhttp_request_get_response_code_line(req)));
}

static void looking(void) {
    heading("what a request shows");
    evhttp_set_gencb(http, on_look, NULL);
    exchange("GET /p/%41?q=1&r HTTP/1.1\r\nHost: example.org:8080\r\nX: y\r\n\r\n");
    exchange("POST /p HTTP/1.1\r\nHost: example.org\r\nContent-Length: 3\r\n\r\nabc");
    exchange("GET http://other:81/p?q HTTP/1.1\r\nHost: example.org\r\n\r\n");
    exchange("GET /p HTTP/1.0\r\n\r\n");
    evhttp_set_gencb(http, NULL, NULL);
}

static void on_kind(struct evhttp_request* req, void* arg) {
    struct evkeyvalq* out = evhttp_request_get_output_headers(req);
    struct evbuffer* body = evbuffer_new();
    const char* path = evhttp_request_get_uri(req);
    (void)arg;
    evbuffer_add_printf(body, "body");
    if (strcmp(path, "/own-type") == 0) {
        evhttp_add_header(out, "Content-Type", "text/plain");
        evhttp_add_header(out, "X-First", "1");
        evhttp_add_header(out, "X-First", "2");
        evhttp_send_reply(req, 200, "Own", body);
    } else if (strcmp(path, "/close") == 0) {
        evhttp_add_header(out, "Connection", "close");
        evhttp_send_reply(req, 200, NULL, body);
    } else if (strcmp(path, "/date") == 0) {
        evhttp_add_header(out, "Date", "then");
        evhttp_add_header(out, "Content-Length", "4");
        evhttp_send_reply(req, 200, NULL, body);
    } else if (strcmp(path, "/204") == 0) {
        evhttp_send_reply(req, 204, NULL, NULL);
    } else if (strcmp(path, "/304") == 0) {
        evhttp_send_reply(req, 304, NULL, NULL);
    } else if (strcmp(path, "/nobody") == 0) {
        evhttp_send_reply(req, 200, "OK", NULL);
    } else if (strcmp(path, "/e500") == 0) {
        evhttp_add_header(out, "X-Gone", "1");
        evhttp_send_error(req, 500, "Because");
    } else if (strcmp(path, "/e404") == 0) {
        evhttp_send_error(req, 404, NULL);
    } else {
        evhttp_send_error(req, 503, "");
    }
    say("  body left: %d", (int)evbuffer_get_length(body));
    evbuffer_free(body);
}

static void answers(void) {
    static const char* const paths[] = {"/own-type", "/close", "/date", "/204",  "/304",
                                        "/nobody",   "/e500",  "/e404", "/other"};
    size_t i;
    char request[128];
    heading("answers");
    evhttp_set_gencb(http, on_kind, NULL);
    for (i = 0; i < sizeof paths / sizeof paths[0]; ++i) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[i]);
        exchange(request);
        if (strcmp(paths[i], "/close") == 0) {
            continue;
        }
        snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                 paths[i]);
        exchange(request);
    }
    evhttp_set_default_content_type(http, "application/x-test");
    exchange("GET /nobody HTTP/1.1\r\nHost: h\r\n\r\n");
    evhttp_set_default_content_type(http, NULL);
    exchange("GET /nobody HTTP/1.1\r\nHost: h\r\n\r\n");
    evhttp_set_default_content_type(http, "text/html; charset=ISO-8859-1");
    evhttp_set_gencb(http, NULL, NULL);
}

/* ---- answers in pieces ---- */

static int pieces_left;
static struct evhttp_request* piece_request;

static void add_piece(void (*cb)(struct evhttp_connection*, void*)) {
    struct evbuffer* piece = evbuffer_new();
    evbuffer_add_printf(piece, "<piece %d>", pieces_left);
    evhttp_send_reply_chunk_with_cb(piece_request, piece, cb, &pieces_left);
    say("  piece left: %d", (int)evbuffer_get_length(piece));
    evbuffer_free(piece);
}

static void on_piece_written(struct evhttp_connection* connection, void* arg) {
    say("  written, %d left, same connection %d", *(int*)arg, connection == piece_request->evcon);
    if (--pieces_left > 0) {
        add_piece(on_piece_written);
    } else {
        evhttp_send_reply_end(piece_request);
    }
}

static void on_pieces(struct evhttp_request* req, void* arg) {
    struct evbuffer* empty = evbuffer_new();
    (void)arg;
    if (strcmp(evhttp_request_get_uri(req), "/length") == 0) {
        evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Length", "27");
    }
    evhttp_send_reply_start(req, 200, "Pieces");
    evhttp_send_reply_chunk(req, empty);
    evbuffer_free(empty);
    pieces_left = 3;
    piece_request = req;
    if (strcmp(evhttp_request_get_uri(req), "/atonce") == 0) {
        for (; pieces_left > 0; --pieces_left) {
            struct evbuffer* piece = evbuffer_new();
            evbuffer_add_printf(piece, "<piece %d>", pieces_left);
            evhttp_send_reply_chunk(req, piece);
            evbuffer_free(piece);
        }
        evhttp_send_reply_end(req);
    } else {
        add_piece(on_piece_written);
    }
}

static void pieces(void) {
    static const char* const paths[] = {"/atonce", "/driven", "/length"};
    char request[128];
    size_t i;
    heading("pieces");
    evhttp_set_gencb(http, on_pieces, NULL);
    for (i = 0; i < 3; ++i) {
        struct raw* raw = raw_open();
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                 paths[i]);
        say("%s", paths[i]);
        raw_say(raw, request);
        raw_wait(raw);
        show_octets(strstr(raw->got, "\r\n\r\n"), strlen(strstr(raw->got, "\r\n\r\n")));
        raw_close(raw);
        raw = raw_open();
        snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", paths[i]);
        raw_say(raw, request);
        raw_wait(raw);
        show_answers(raw);
        raw_close(raw);
    }
    evhttp_set_gencb(http, NULL, NULL);
}

/* ---- later answers, hooks ---- */

static void on_complete(struct evhttp_request* req, void* arg) {
    say("  complete: %s %s code %d", (const char*)arg, evhttp_request_get_uri(req),
        evhttp_request_get_response_code(req));
}

static void on_closed(struct evhttp_connection* connection, void* arg) {
    (void)connection;
    say("  connection closed: %s", (const char*)arg);
}

static void on_later(evutil_socket_t fd, short what, void* arg) {
    struct evhttp_request* req = arg;
    (void)fd;
    (void)what;
    say("  later, connection %s", evhttp_request_get_connection(req) != NULL ? "there" : "gone");
    reply_text(req, 200, "late");
    say("  later answered");
}

static void on_keep(struct evhttp_request* req, void* arg) {
    const struct timeval soon = {0, 20000};
    evhttp_request_set_on_complete_cb(req, on_complete, "kept");
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_closed, "kept");
    (void)arg;
    event_base_once(base, -1, EV_TIMEOUT, on_later, req, &soon);
    say("  handler returns");
}

static void on_sync_hooks(struct evhttp_request* req, void* arg) {
    (void)arg;
    evhttp_request_set_on_complete_cb(req, on_complete, "at once");
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_closed, "at once");
    reply_text(req, 200, "now");
    say("  handler returns");
}

static void hooks(void) {
    struct raw* raw;
    heading("hooks");
    evhttp_set_cb(http, "/now", on_sync_hooks, NULL);
    evhttp_set_cb(http, "/later", on_keep, NULL);
    exchange("GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange(
        "GET /now HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /now "
        "HTTP/1.1\r\nHost: h\r\n\r\n");
    raw = raw_open();
    raw_say(raw, "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    shutdown(raw->fd, SHUT_WR);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
}

static void on_free_connection(struct evhttp_request* req, void* arg) {
    struct evhttp_connection* connection = evhttp_request_get_connection(req);
    (void)arg;
    evhttp_connection_set_closecb(connection, on_closed, "freed");
    say("  freeing the connection");
    evhttp_connection_free(connection);
    say("  freed");
}

static void freeing(void) {
    heading("freeing a connection");
    evhttp_set_cb(http, "/free", on_free_connection, NULL);
    exchange("GET /free HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void on_bufferevent(struct evhttp_request* req, void* arg) {
    struct bufferevent* bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
    struct evbuffer* big = evbuffer_new();
    char* block = calloc(1, 100000);
    (void)arg;
    say("  bufferevent %d base %d fd %d enabled %d input %d output %d", bev != NULL,
        bufferevent_get_base(bev) == base, bufferevent_getfd(bev) >= 0,
        (int)bufferevent_get_enabled(bev), (int)evbuffer_get_length(bufferevent_get_input(bev)),
        (int)evbuffer_get_length(bufferevent_get_output(bev)));
    memset(block, 'x', 100000);
    evbuffer_add(big, block, 100000);
    free(block);
    evhttp_send_reply(req, 200, "Big", big);
    say("  output %d", evbuffer_get_length(bufferevent_get_output(bev)) > 100000);
    evbuffer_free(big);
}

static void bufferevents(void) {
    heading("bufferevent of a connection");
    evhttp_set_cb(http, "/bev", on_bufferevent, NULL);
    evhttp_set_cb(http, "/x", on_name, "x");
    exchange(
        "GET /x HTTP/1.1\r\nHost: h\r\n\r\nGET /bev HTTP/1.1\r\nHost: h\r\n\r\nGET /x "
        "HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange(
        "POST /bev HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /bev HTTP/1.1\r\nHost: "
        "h\r\n\r\n");
}

static struct bufferevent* make_bev(struct event_base* of, void* arg) {
    ++*(int*)arg;
    return bufferevent_socket_new(of, -1, BEV_OPT_CLOSE_ON_FREE);
}

static void own_bufferevents(void) {
    int made = 0;
    heading("bufferevents of the program");
    evhttp_set_bevcb(http, make_bev, &made);
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\nGET /bev HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    say("made %d", made);
    evhttp_set_bevcb(http, NULL, NULL);
}

/* ---- hosts ---- */

static void hosts(void) {
    struct evhttp* foo = evhttp_new(base);
    struct evhttp* bar = evhttp_new(base);
    struct evhttp* deep = evhttp_new(base);
    heading("virtual hosts");
    evhttp_set_cb(http, "/v", on_name, "root");
    evhttp_set_cb(foo, "/v", on_name, "foo");
    evhttp_set_cb(bar, "/v", on_name, "bar");
    evhttp_set_cb(deep, "/v", on_name, "deep");
    say("add: %d", evhttp_add_virtual_host(http, "*.foo.com", foo));
    say("add again: %d", evhttp_add_virtual_host(http, "x", foo));
    say("add: %d", evhttp_add_virtual_host(http, "bar.*.org", bar));
    say("add: %d", evhttp_add_virtual_host(foo, "*.deep.foo.com", deep));
    say("alias: %d", evhttp_add_server_alias(bar, "Barter"));
    say("alias: %d", evhttp_add_server_alias(http, "root.foo.com"));
    say("remove no alias: %d", evhttp_remove_server_alias(bar, "nobody"));
    exchange("GET /v HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: a.foo.com\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: A.FOO.com:80\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: foo.com\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: x.deep.foo.com\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: bar.x.org\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: barter\r\n\r\n");
    exchange("GET /v HTTP/1.1\r\nHost: root.foo.com\r\n\r\n");
    exchange("GET http://bar.y.z.org/v HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /w HTTP/1.1\r\nHost: bar..org\r\n\r\n");
    say("remove alias: %d", evhttp_remove_server_alias(bar, "bartER"));
    exchange("GET /v HTTP/1.1\r\nHost: barter\r\n\r\n");
    say("remove: %d", evhttp_remove_virtual_host(http, bar));
    say("remove: %d", evhttp_remove_virtual_host(http, bar));
    exchange("GET /v HTTP/1.1\r\nHost: bar.x.org\r\n\r\n");
    evhttp_free(bar);
}

/* ---- sockets ---- */

static int sockets_seen;

static void on_socket(struct evhttp_bound_socket* bound, void* arg) {
    ++sockets_seen;
    say("  socket: fd %d listener %d arg %s", evhttp_bound_socket_get_fd(bound) >= 0,
        evhttp_bound_socket_get_listener(bound) != NULL, (const char*)arg);
}

static void sockets(void) {
    struct evhttp_bound_socket* second = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    struct evhttp_bound_socket* third;
    struct evconnlistener* listener;
    struct sockaddr_in address;
    const unsigned short first_port = port;
    int fd;
    heading("sockets");
    port = port_of(evhttp_bound_socket_get_fd(second));
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    evhttp_foreach_bound_socket(http, on_socket, "each");
    evhttp_del_accept_socket(http, second);
    evhttp_foreach_bound_socket(http, on_socket, "each");
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(fd, (struct sockaddr*)&address, sizeof address);
    listen(fd, 5);
    evutil_make_socket_nonblocking(fd);
    say("accept_socket %d", evhttp_accept_socket(http, fd));
    port = port_of(fd);
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    listener = evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                       (struct sockaddr*)&address, sizeof address);
    third = evhttp_bind_listener(http, listener);
    say("same listener %d", evhttp_bound_socket_get_listener(third) == listener);
    port = port_of(evhttp_bound_socket_get_fd(third));
    exchange("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    say("bad address: %d", evhttp_bind_socket(http, "256.0.0.1", 0));
    say("taken port: %d", evhttp_bind_socket(http, "127.0.0.1", first_port));
    port = first_port;
}

static void unix_sockets(void) {
    struct sockaddr_un address;
    struct raw raw;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    heading("unix socket");
    memset(&address, 0, sizeof address);
    memset(&raw, 0, sizeof raw);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "corevent-http-test-%d",
             (int)getpid());
    bind(fd, (struct sockaddr*)&address, sizeof address);
    listen(fd, 5);
    evutil_make_socket_nonblocking(fd);
    say("accept_socket %d", evhttp_accept_socket_with_handle(http, fd) != NULL);
    raw.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    connect(raw.fd, (struct sockaddr*)&address, sizeof address);
    raw.got = calloc(1, 1);
    raw.readable = event_new(base, raw.fd, EV_READ | EV_PERSIST, on_raw, &raw);
    event_add(raw.readable, NULL);
    raw_say(&raw, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    raw_wait(&raw);
    show_answers(&raw);
    event_free(raw.readable);
    close(raw.fd);
    free(raw.got);
}

static void time_outs(void) {
    const struct timeval brief = {0, 50000};
    struct raw* raw;
    heading("time-outs");
    evhttp_set_timeout_tv(http, &brief);
    raw = raw_open();
    raw_say(raw, "GET /x HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP");
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    raw = raw_open();
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    evhttp_set_timeout(http, -1);
    evhttp_set_timeout_tv(http, NULL);
}

int main(void) {
    open_server();
    tables();
    looking();
    answers();
    pieces();
    hooks();
    freeing();
    bufferevents();
    own_bufferevents();
    hosts();
    sockets();
    unix_sockets();
    time_outs();
    close_server();
    say("over");
    return 0;
}
