/* What a server makes of raw octets: versions, keep-alive, bodies, bad requests. Requests on which
 * this project is stricter than libevent are in tests/compat/own/http_strict.c. */
#include "http_support.h"

static void on_any(struct evhttp_request* req, void* arg) {
    char body[256];
    struct evbuffer* input = evhttp_request_get_input_buffer(req);
    (void)arg;
    snprintf(body, sizeof body, "%d %s %d", (int)evhttp_request_get_command(req),
             evhttp_request_get_uri(req), (int)evbuffer_get_length(input));
    reply_text(req, 200, body);
}

static void on_echo(struct evhttp_request* req, void* arg) {
    (void)arg;
    evhttp_send_reply(req, 200, "Fine", evhttp_request_get_input_buffer(req));
}

static void on_headers(struct evhttp_request* req, void* arg) {
    (void)arg;
    say("  headers of %s", evhttp_request_get_uri(req));
    show_headers(evhttp_request_get_input_headers(req));
    reply_text(req, 200, "");
}

static void well_formed(void) {
    heading("well-formed");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /a HTTP/1.0\r\n\r\n");
    exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    exchange("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    exchange("GET /a HTTP/1.0\r\nConnection: close\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nConnection: CLOSE\r\n\r\n");
    exchange("GET /a HTTP/1.2\r\nHost: h\r\n\r\n");
    exchange("GET /a?b=c&d=%20 HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange(
        "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c "
        "HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET http://h/a HTTP/1.1\r\nHost: h\r\nProxy-Connection: keep-alive\r\n\r\n");
}

static void bodies(void) {
    heading("bodies");
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nabcde");
    exchange("PUT /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    exchange("DELETE /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    exchange("GET /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    exchange(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    exchange(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n");
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    exchange(
        "POST /headers HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: t\r\n\r\n");
    exchange(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 "
        ";x\r\na\r\n0\r\n\r\n");
    exchange(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabPOST /echo HTTP/1.1\r\nHost: "
        "h\r\nContent-Length: 2\r\n\r\ncd");
}

static void headers(void) {
    heading("headers");
    exchange(
        "GET /headers HTTP/1.1\r\nHost: h\r\nA: b\r\na: c\r\nEmpty:\r\nSpaces:   x  y  \r\n\r\n");
    exchange(
        "GET /headers HTTP/1.1\r\nHost: h\r\nA: Two\r\n Three\r\nB: One\r\n\tTwo\r\n   "
        "Three\r\n\r\n");
    exchange("GET /headers HTTP/1.1 \r\nHost: h\r\n\r\n");
    exchange("GET /headers HTTP/1.1\r\nHost: h\r\nUtf: \xc3\xa4\r\n\r\n");
}

static void refused(void) {
    heading("refused");
    exchange("GARBAGE\r\n\r\n");
    exchange("GET\r\n\r\n");
    exchange("GET /a\r\n\r\n");
    exchange("GET /a HTTP/2.0\r\nHost: h\r\n\r\n");
    exchange("GET /a HTTP/1.x\r\nHost: h\r\n\r\n");
    exchange("GET /a FTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2,2\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n");
    exchange(
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n");
    exchange("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n");
    exchange(
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n");
    exchange("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n");
    exchange("get /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("BREW /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("OPTIONS /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("TRACE /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("PATCH /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange("GET /a HTTP/1.1\r\nHost: h\r\nExpect: something\r\n\r\n");
    exchange("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: something\r\n\r\na");
    exchange("GET /missing/<x>&y HTTP/1.0\r\n\r\n");
}

static void expectations(void) {
    struct raw* raw;
    heading("100-continue");
    raw = raw_open();
    raw_say(raw,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    raw_wait_for(raw, "\r\n\r\n");
    show_answers(raw);
    raw_say(raw, "abc");
    raw_say(raw, last_request);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
}

static void in_pieces(void) {
    static const char request[] =
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    struct raw* raw = raw_open();
    size_t i;
    heading("octet by octet, half-closed");
    for (i = 0; i + 1 < sizeof request; ++i) {
        raw_send(raw, request + i, 1);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    raw_wait_for(raw, "abc");
    shutdown(raw->fd, SHUT_WR);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    raw = raw_open();
    raw_say(raw, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    shutdown(raw->fd, SHUT_WR);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    raw = raw_open();
    raw_say(raw, "GET /a HTTP/1.1\r\nHos");
    shutdown(raw->fd, SHUT_WR);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    raw = raw_open();
    raw_say(raw, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
    shutdown(raw->fd, SHUT_WR);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
    raw = raw_open();
    shutdown(raw->fd, SHUT_WR);
    raw_wait(raw);
    show_answers(raw);
    raw_close(raw);
}

static void limits(void) {
    heading("limits");
    evhttp_set_max_headers_size(http, 100);
    exchange("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    exchange(
        "GET /a HTTP/1.1\r\nHost: h\r\nLong: "
        "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789\r\n\r\n");
    evhttp_set_max_headers_size(http, -1);
    evhttp_set_max_body_size(http, 5);
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef");
    exchange(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n");
    say("unknown flags: %d", evhttp_set_flags(http, 0x1000));
    say("lingering: %d", evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE));
    exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef");
    evhttp_set_flags(http, 0);
    evhttp_set_max_body_size(http, -1);
}

int main(void) {
    open_server();
    evhttp_set_cb(http, "/a", on_any, NULL);
    evhttp_set_cb(http, "/b", on_any, NULL);
    evhttp_set_cb(http, "/c", on_any, NULL);
    evhttp_set_cb(http, "/last", on_any, NULL);
    evhttp_set_cb(http, "/echo", on_echo, NULL);
    evhttp_set_cb(http, "/headers", on_headers, NULL);
    well_formed();
    bodies();
    headers();
    refused();
    expectations();
    in_pieces();
    limits();
    close_server();
    return 0;
}
