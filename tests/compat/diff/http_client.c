/* The client against a server that answers from a script: what goes over the wire, which callbacks
 * come, in which order, with what. */
#include "http_support.h"

#include <event2/http_compat.h>

/* ---- the scripted server ---- */

struct step {
    const char* answer; /* NULL: none */
    int then;           /* 0: wait for more, 1: close, 2: answer the next step at once */
};

static struct evconnlistener* listener;
static const struct step* steps;
static int step_count;
static int next_step;
static int peers;

struct peer {
    int fd;
    struct event* readable;
    char got[8192];
    size_t size;
};

static void peer_free(struct peer* peer) {
    event_free(peer->readable);
    close(peer->fd);
    free(peer);
    --peers;
}

/* The length of the request in `got`, or 0 if a part is missing. */
static size_t whole_request(const char* got, size_t size) {
    const char* end = strstr(got, "\r\n\r\n");
    const char* length = strstr(got, "Content-Length: ");
    const char* expect = strstr(got, "Expect: ");
    size_t wanted;
    if (end == NULL) {
        return 0;
    }
    wanted = (size_t)(end - got) + 4;
    if (expect != NULL && expect < end) {
        return wanted;
    }
    if (length != NULL && length < end) {
        wanted += (size_t)atol(length + 16);
    }
    return size >= wanted ? wanted : 0;
}

static void on_peer(evutil_socket_t fd, short what, void* arg) {
    struct peer* peer = arg;
    size_t length;
    const ssize_t n = read(fd, peer->got + peer->size, sizeof peer->got - 1 - peer->size);
    (void)what;
    if (n <= 0) {
        say("  server: closed by client");
        peer_free(peer);
        return;
    }
    peer->size += (size_t)n;
    peer->got[peer->size] = '\0';
    while ((length = whole_request(peer->got, peer->size)) != 0) {
        const struct step* step;
        printf("  server got");
        show_octets(peer->got, length);
        memmove(peer->got, peer->got + length, peer->size - length + 1);
        peer->size -= length;
        do {
            if (next_step == step_count) {
                say("  server: no more answers");
                return;
            }
            step = &steps[next_step++];
            if (step->answer != NULL && write(fd, step->answer, strlen(step->answer)) < 0) {
                say("  server cannot write");
            }
        } while (step->then == 2);
        if (step->then == 1) {
            peer_free(peer);
            return;
        }
    }
}

static void on_accept(struct evconnlistener* of, evutil_socket_t fd, struct sockaddr* address,
                      int length, void* arg) {
    struct peer* peer = calloc(1, sizeof *peer);
    (void)of;
    (void)address;
    (void)length;
    (void)arg;
    say("  server: accepted");
    ++peers;
    peer->fd = fd;
    peer->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_peer, peer);
    event_add(peer->readable, NULL);
}

static void script(const struct step* of, int count) {
    steps = of;
    step_count = count;
    next_step = 0;
}

#define SCRIPT(name) script(name, (int)(sizeof(name) / sizeof((name)[0])))

/* ---- callbacks ---- */

static int outstanding;

static void show_answer(struct evhttp_request* req) {
    struct evbuffer* body = evhttp_request_get_input_buffer(req);
    say("    code %d line %s version %d.%d kind %d connection %s",
        evhttp_request_get_response_code(req), text(evhttp_request_get_response_code_line(req)),
        req->major, req->minor, (int)req->kind,
        evhttp_request_get_connection(req) != NULL ? "set" : "null");
    show_headers(evhttp_request_get_input_headers(req));
    show_octets((const char*)evbuffer_pullup(body, -1), evbuffer_get_length(body));
}

static void on_done(struct evhttp_request* req, void* arg) {
    say("  done %s%s", (const char*)arg, req == NULL ? ": NULL" : "");
    if (req != NULL) {
        show_answer(req);
    }
    --outstanding;
}

static void on_error(enum evhttp_request_error error, void* arg) {
    say("  error %d of %s", (int)error, (const char*)arg);
}

static void on_chunk(struct evhttp_request* req, void* arg) {
    struct evbuffer* body = evhttp_request_get_input_buffer(req);
    printf("  chunk of %s", (const char*)arg);
    show_octets((const char*)evbuffer_pullup(body, -1), evbuffer_get_length(body));
}

static int on_header(struct evhttp_request* req, void* arg) {
    say("  header of %s: %d", (const char*)arg, evhttp_request_get_response_code(req));
    return 0;
}

static int on_header_refuse(struct evhttp_request* req, void* arg) {
    on_header(req, arg);
    return -1;
}

static void on_closed(struct evhttp_connection* connection, void* arg) {
    (void)connection;
    say("  connection closed: %s", (const char*)arg);
}

static struct evhttp_connection* open_connection(void) {
    struct evhttp_connection* connection =
        evhttp_connection_base_new(base, NULL, "127.0.0.1", port);
    evhttp_connection_set_closecb(connection, on_closed, "client");
    return connection;
}

static struct evhttp_request* new_request(const char* name) {
    struct evhttp_request* req = evhttp_request_new(on_done, (void*)name);
    evhttp_request_set_error_cb(req, on_error);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Host", "h");
    ++outstanding;
    return req;
}

static void make(struct evhttp_connection* connection, struct evhttp_request* req,
                 enum evhttp_cmd_type type, const char* uri) {
    say("  make %s: %d", uri, evhttp_make_request(connection, req, type, uri));
}

static void run(void) {
    while (outstanding > 0 && event_base_loop(base, EVLOOP_ONCE) == 0) {
    }
    /* What the server sees of an end comes a little later. */
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

/* ---- cases ---- */

static void simple(void) {
    static const struct step answers[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nab", 0},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\nTrail: "
         "x\r\n\r\n",
         0},
        {"HTTP/1.1 204 None\r\n\r\n", 0},
        {"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0},
        {"HTTP/1.1 404 Not There\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 After 100\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx", 0},
        {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", 0},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nend", 1},
    };
    static const enum evhttp_cmd_type types[] = {
        EVHTTP_REQ_GET,     EVHTTP_REQ_POST,  EVHTTP_REQ_PUT, EVHTTP_REQ_GET, EVHTTP_REQ_HEAD,
        EVHTTP_REQ_OPTIONS, EVHTTP_REQ_TRACE, EVHTTP_REQ_GET, EVHTTP_REQ_GET, EVHTTP_REQ_DELETE};
    static const char* const names[] = {"get",     "post",  "put",     "get 304",   "head",
                                        "options", "trace", "get 1.0", "no phrase", "delete"};
    struct evhttp_connection* connection = open_connection();
    char* address;
    ev_uint16_t peer_port;
    size_t i;
    heading("one after the other");
    SCRIPT(answers);
    for (i = 0; i < sizeof types / sizeof types[0]; ++i) {
        struct evhttp_request* req = new_request(names[i]);
        if (types[i] == EVHTTP_REQ_POST) {
            evbuffer_add_printf(evhttp_request_get_output_buffer(req), "body");
        }
        make(connection, req, types[i], "/path?q");
    }
    evhttp_connection_get_peer(connection, &address, &peer_port);
    say("  peer %s %d base %d server %d bufferevent %d", address, peer_port == port,
        evhttp_connection_get_base(connection) == base,
        evhttp_connection_get_server(connection) != NULL,
        evhttp_connection_get_bufferevent(connection) != NULL);
    run();
    evhttp_connection_free(connection);
}

static void reconnecting(void) {
    static const struct step answers[] = {
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nc", 0},
    };
    struct evhttp_connection* connection = open_connection();
    struct evhttp_request* req;
    heading("reconnecting");
    SCRIPT(answers);
    make(connection, new_request("first"), EVHTTP_REQ_GET, "/1");
    make(connection, new_request("second"), EVHTTP_REQ_GET, "/2");
    run();
    req = new_request("third");
    evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
    make(connection, req, EVHTTP_REQ_GET, "/3");
    run();
    evhttp_connection_free(connection);
}

static void streaming(void) {
    static const struct step answers[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
         0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", 0},
    };
    struct evhttp_connection* connection = open_connection();
    struct evhttp_request* req;
    heading("header and chunk callbacks");
    SCRIPT(answers);
    req = new_request("chunked");
    evhttp_request_set_chunked_cb(req, on_chunk);
    evhttp_request_set_header_cb(req, on_header);
    make(connection, req, EVHTTP_REQ_GET, "/1");
    run();
    req = new_request("counted");
    evhttp_request_set_chunked_cb(req, on_chunk);
    make(connection, req, EVHTTP_REQ_GET, "/2");
    run();
    req = new_request("refused by the callback");
    evhttp_request_set_header_cb(req, on_header_refuse);
    make(connection, req, EVHTTP_REQ_GET, "/3");
    run();
    evhttp_connection_free(connection);
}

static void failures(void) {
    static const struct step answers[] = {
        {NULL, 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 1},
        {"garbage\r\n\r\n", 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef", 0},
        {"HTTP/1.1 200 OK\r\nLong: "
         "01234567890123456789012345678901234567890123456789\r\nContent-Length: 0\r\n\r\n",
         0},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0},
    };
    static const char* const names[] = {"closed",   "cut",         "garbage",
                                        "too long", "long header", "bad chunk"};
    size_t i;
    heading("failures");
    SCRIPT(answers);
    for (i = 0; i < sizeof names / sizeof names[0]; ++i) {
        struct evhttp_connection* connection = open_connection();
        if (i == 3) {
            evhttp_connection_set_max_body_size(connection, 5);
        }
        if (i == 4) {
            evhttp_connection_set_max_headers_size(connection, 40);
        }
        if (i == 5) {
            evhttp_connection_set_max_headers_size(connection, -1);
            evhttp_connection_set_max_body_size(connection, -1);
        }
        make(connection, new_request(names[i]), EVHTTP_REQ_GET, "/f");
        run();
        evhttp_connection_free(connection);
    }
}

static void nobody_listens(void) {
    const struct timeval brief = {0, 10000};
    struct evhttp_connection* connection = evhttp_connection_base_new(base, NULL, "127.0.0.1", 1);
    heading("nobody listens");
    evhttp_connection_set_closecb(connection, on_closed, "client");
    make(connection, new_request("first"), EVHTTP_REQ_GET, "/1");
    make(connection, new_request("second"), EVHTTP_REQ_GET, "/2");
    run();
    evhttp_connection_set_retries(connection, 2);
    evhttp_connection_set_initial_retry_tv(connection, &brief);
    make(connection, new_request("with retries"), EVHTTP_REQ_GET, "/3");
    run();
    evhttp_connection_free(connection);
}

static void time_outs(void) {
    static const struct step answers[] = {{NULL, 0},
                                          {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 0}};
    const struct timeval brief = {0, 30000};
    struct evhttp_connection* connection = open_connection();
    heading("time-outs");
    SCRIPT(answers);
    evhttp_connection_set_timeout_tv(connection, &brief);
    make(connection, new_request("silent"), EVHTTP_REQ_GET, "/1");
    run();
    make(connection, new_request("half"), EVHTTP_REQ_GET, "/2");
    run();
    evhttp_connection_free(connection);
}

static void cancelling(void) {
    static const struct step answers[] = {{NULL, 0},
                                          {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 0}};
    struct evhttp_connection* connection = open_connection();
    struct evhttp_request* first = new_request("first");
    struct evhttp_request* second = new_request("second");
    heading("cancelling");
    SCRIPT(answers);
    make(connection, first, EVHTTP_REQ_GET, "/1");
    make(connection, second, EVHTTP_REQ_GET, "/2");
    make(connection, new_request("third"), EVHTTP_REQ_GET, "/3");
    while (next_step == 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    say("  cancel the second");
    evhttp_cancel_request(second);
    say("  cancel the first");
    evhttp_cancel_request(first);
    outstanding -= 2;
    run();
    evhttp_connection_free(connection);
}

static void on_done_free(struct evhttp_request* req, void* arg) {
    on_done(req, "freeing");
    evhttp_request_own(req);
    *(struct evhttp_request**)arg = req;
}

static void owning(void) {
    static const struct step answers[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 0},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\ny", 1}};
    struct evhttp_connection* connection = open_connection();
    struct evhttp_request* owned = NULL;
    struct evhttp_request* req = evhttp_request_new(on_done_free, &owned);
    heading("owning, freeing on completion");
    SCRIPT(answers);
    ++outstanding;
    make(connection, req, EVHTTP_REQ_GET, "/1");
    run();
    say("  owned %d", evhttp_request_is_owned(owned));
    show_answer(owned);
    evhttp_request_free(owned);
    make(connection, new_request("last"), EVHTTP_REQ_GET, "/2");
    evhttp_connection_free_on_completion(connection);
    run();
    req = evhttp_request_new(NULL, NULL);
    say("  never made: kind %d", (int)req->kind);
    evhttp_request_free(req);
}

static void expecting(void) {
    static const struct step answers[] = {{"HTTP/1.1 100 Continue\r\n\r\n", 0}};
    static const struct step refusal[] = {{"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", 0}};
    struct evhttp_connection* connection = open_connection();
    struct evhttp_request* req = new_request("refused");
    heading("expecting 100");
    SCRIPT(refusal);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Expect", "100-continue");
    evbuffer_add_printf(evhttp_request_get_output_buffer(req), "body");
    make(connection, req, EVHTTP_REQ_POST, "/1");
    run();
    evhttp_connection_free(connection);
    (void)answers;
}

static void settings(void) {
    static const struct step answers[] = {{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 0},
                                          {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny", 0}};
    struct bufferevent* bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct evhttp_connection* connection =
        evhttp_connection_base_bufferevent_new(base, NULL, bev, "127.0.0.1", port);
    heading("settings");
    SCRIPT(answers);
    say("  own bufferevent %d", evhttp_connection_get_bufferevent(connection) == bev);
    say("  unknown flags %d", evhttp_connection_set_flags(connection, 0x40000));
    say("  flags %d", evhttp_connection_set_flags(connection, EVHTTP_CON_REUSE_CONNECTED_ADDR |
                                                                  EVHTTP_CON_READ_ON_WRITE_ERROR));
    evhttp_connection_set_family(connection, AF_INET);
    evhttp_connection_set_local_address(connection, "127.0.0.1");
    evhttp_connection_set_timeout(connection, 5);
    make(connection, new_request("bound"), EVHTTP_REQ_GET, "/1");
    run();
    say("  address family %d", (int)evhttp_connection_get_addr(connection)->sa_family);
    evhttp_connection_free(connection);
    connection = evhttp_connection_base_new(base, NULL, "127.0.0.1", port);
    make(connection, new_request("again"), EVHTTP_REQ_GET, "/2");
    run();
    make(connection, evhttp_request_new(NULL, NULL), EVHTTP_REQ_GET, "/never answered");
    evhttp_connection_free(connection);
}

int main(void) {
    struct sockaddr_in address;
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                       (struct sockaddr*)&address, sizeof address);
    port = port_of(evconnlistener_get_fd(listener));
    simple();
    reconnecting();
    streaming();
    failures();
    nobody_listens();
    time_outs();
    cancelling();
    owning();
    expecting();
    settings();
    while (peers > 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    evconnlistener_free(listener);
    event_base_free(base);
    (void)http;
    (void)listen_on_loopback;
    return 0;
}
