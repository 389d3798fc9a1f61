// The classic sample as a C++ program writes it: the same functions, a lambda for the handler.
//
//     evhttp_sample_cpp [PORT]
#include <sys/queue.h>

#include <event.h>
#include <evhttp.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    const auto port = static_cast<ev_uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8081);
    event_init();
    evhttp* const http = evhttp_new(nullptr);
    if (http == nullptr || evhttp_bind_socket(http, "127.0.0.1", port) != 0) {
        std::fprintf(stderr, "cannot listen on port %d\n", port);
        return 1;
    }
    evhttp_set_cb(
        http, "/",
        [](evhttp_request* req, void*) {
            evbuffer* const body = evbuffer_new();
            evkeyval* header = nullptr;
            TAILQ_FOREACH(header, req->input_headers, next) {
                std::printf("  %s: %s\n", header->key, header->value);
                evbuffer_add_printf(body, "%s: %s\n", header->key, header->value);
            }
            std::fflush(stdout);
            evhttp_add_header(req->output_headers, "Content-Type", "text/plain");
            evhttp_send_reply(req, HTTP_OK, "OK", body);
            evbuffer_free(body);
        },
        nullptr);
    evhttp_set_gencb(http, nullptr, nullptr);
    std::printf("http://127.0.0.1:%d/\n", port);
    std::fflush(stdout);
    event_dispatch();
    evhttp_free(http);
    return 0;
}
