#include "compat/http_request.h"

#include "compat/alloc.h"
#include "compat/evbuffer.h"
#include "compat/http_connection.h"
#include "compat/http_threads.h"
#include "compat/log.h"

#include <cstring>
#include <new>
#include <utility>

namespace corevent::compat {
namespace {

/// More than a batch of pipelined requests needs; what is spare costs about a kilobyte.
constexpr unsigned spare_max = 64;
constexpr std::size_t kept_bytes_max = 2048;

/// The text without ":port" at its end.
std::string_view without_port(std::string_view host) noexcept {
    std::size_t digits = host.size();
    while (digits > 0 && host[digits - 1] >= '0' && host[digits - 1] <= '9') {
        --digits;
    }
    return digits > 0 && host[digits - 1] == ':' ? host.substr(0, digits - 1) : host;
}

Request* make_request() noexcept {
    void* const memory = mm_malloc(sizeof(Request));
    if (memory == nullptr) {
        return nullptr;
    }
    auto* const request = new (memory) Request(evbuffer_new(), evbuffer_new());
    if (request->input_buffer == nullptr || request->output_buffer == nullptr) {
        request->~Request();
        mm_free(memory);
        return nullptr;
    }
    return request;
}

void destroy_request(Request& request) noexcept {
    request.~Request();
    mm_free(&request);
}

void clear_text(char*& field) noexcept {
    mm_free(field);
    field = nullptr;
}

/// Gives up what a request holds but its own memory and buffers.
void clear_request(Request& request) noexcept {
    evhttp_clear_headers(&request.input_list);
    evhttp_clear_headers(&request.output_list);
    clear_uri(request.target);
    clear_text(request.uri);
    clear_text(request.host_cache);
    clear_text(request.response_code_line);
    if (request.keeper != nullptr) {
        request.remote_host = nullptr;  // the connection's
        drop_connection(*std::exchange(request.keeper, nullptr));
    } else {
        clear_text(request.remote_host);
    }
}

}  // namespace

Request::Request(evbuffer* input, evbuffer* output) noexcept : evhttp_request{}, letter(*this) {
    init_headers(input_list);
    init_headers(output_list);
    input_headers = &input_list;
    output_headers = &output_list;
    input_buffer = input;
    output_buffer = output;
}

Request::~Request() {
    if (input_buffer != nullptr) {
        evbuffer_free(input_buffer);
    }
    if (output_buffer != nullptr) {
        evbuffer_free(output_buffer);
    }
}

bool set_text(char*& field, std::string_view text) noexcept {
    auto* const copy = static_cast<char*>(mm_malloc(text.size() + 1));
    if (copy == nullptr) {
        return false;
    }
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    mm_free(field);
    field = copy;
    return true;
}

Request* take_request(HttpLoop& loop) noexcept {
    Request* request = loop.spare_requests;
    if (request != nullptr) {
        loop.spare_requests = request->next_spare;
        --loop.spare_count;
    } else if ((request = make_request()) == nullptr) {
        return nullptr;
    }
    loop.add_reference();
    request->loop = &loop;
    return request;
}

void release_request(Request& request) noexcept {
    HttpLoop* const loop = request.loop;
    clear_request(request);
    if (loop == nullptr) {
        destroy_request(request);
        return;
    }
    if (request.from_peer && loop->on_thread() && loop->spare_count < spare_max) {
        // Buffers may have got callbacks or marks of the program.
        evbuffer* const input = renew(*std::exchange(request.input_buffer, nullptr));
        evbuffer* const output = renew(*std::exchange(request.output_buffer, nullptr));
        Bytes composed = std::move(request.composed);
        request.~Request();
        auto* const spare = new (&request) Request(input, output);
        if (composed.capacity() <= kept_bytes_max) {
            composed.clear();
            spare->composed = std::move(composed);
        }
        if (spare->input_buffer == nullptr || spare->output_buffer == nullptr) {
            destroy_request(*spare);
        } else {
            spare->next_spare = loop->spare_requests;
            loop->spare_requests = spare;
            ++loop->spare_count;
        }
    } else {
        destroy_request(request);
    }
    loop->drop_reference();
}

void settle_request(Request& request) noexcept {
    request.conn = nullptr;
    if (request.owned()) {
        return;
    }
    const std::uint8_t before =
        request.at_home ? request.farewell.fetch_or(Request::release_due, std::memory_order_acq_rel)
                        : std::uint8_t{0};
    if ((before & Request::gone_travels) == 0) {
        release_request(request);
    }
}

void free_spare_requests(HttpLoop& loop) noexcept {
    while (Request* request = loop.spare_requests) {
        loop.spare_requests = request->next_spare;
        destroy_request(*request);
    }
    loop.spare_count = 0;
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

evhttp_request* evhttp_request_new(void (*cb)(evhttp_request*, void*), void* arg) {
    Request* const request = make_request();
    if (request == nullptr) {
        warn("%s: out of memory", __func__);
        return nullptr;
    }
    request->kind = EVHTTP_RESPONSE;  // an answer is to be read into it
    request->cb = cb;
    request->cb_arg = arg;
    return request;
}

void evhttp_request_free(evhttp_request* req) {
    Request& request = request_of(req);
    if (request.loop != nullptr && !request.loop->on_thread()) {
        post_release(request);
        return;
    }
    if ((request.flags & EVHTTP_REQ_DEFER_FREE) != 0) {
        request.flags |= EVHTTP_REQ_NEEDS_FREE;
        return;
    }
    forget_request(request);
    release_request(request);
}

void evhttp_request_own(evhttp_request* req) {
    req->flags |= EVHTTP_USER_OWNED;
}

int evhttp_request_is_owned(evhttp_request* req) {
    return (req->flags & EVHTTP_USER_OWNED) != 0 ? 1 : 0;
}

evhttp_connection* evhttp_request_get_connection(evhttp_request* req) {
    return __atomic_load_n(&req->evcon, __ATOMIC_RELAXED);
}

const char* evhttp_request_get_uri(const evhttp_request* req) {
    return req->uri;
}

const evhttp_uri* evhttp_request_get_evhttp_uri(const evhttp_request* req) {
    return req->uri_elems;
}

const char* evhttp_request_get_host(evhttp_request* req) {
    if (req->host_cache == nullptr) {
        const char* host =
            req->uri_elems != nullptr ? evhttp_uri_get_host(req->uri_elems) : nullptr;
        if (host != nullptr) {
            set_text(req->host_cache, host);
        } else if ((host = evhttp_find_header(req->input_headers, "Host")) != nullptr) {
            set_text(req->host_cache, without_port(host));
        }
    }
    return req->host_cache;
}

evhttp_cmd_type evhttp_request_get_command(const evhttp_request* req) {
    return req->type;
}

int evhttp_request_get_response_code(const evhttp_request* req) {
    return req->response_code;
}

const char* evhttp_request_get_response_code_line(const evhttp_request* req) {
    return req->response_code_line;
}

evkeyvalq* evhttp_request_get_input_headers(evhttp_request* req) {
    return req->input_headers;
}

evkeyvalq* evhttp_request_get_output_headers(evhttp_request* req) {
    return req->output_headers;
}

evbuffer* evhttp_request_get_input_buffer(evhttp_request* req) {
    return req->input_buffer;
}

evbuffer* evhttp_request_get_output_buffer(evhttp_request* req) {
    return req->output_buffer;
}

void evhttp_request_set_chunked_cb(evhttp_request* req, void (*cb)(evhttp_request*, void*)) {
    req->chunk_cb = cb;
}

void evhttp_request_set_header_cb(evhttp_request* req, int (*cb)(evhttp_request*, void*)) {
    req->header_cb = cb;
}

void evhttp_request_set_error_cb(evhttp_request* req, void (*cb)(evhttp_request_error, void*)) {
    req->error_cb = cb;
}

void evhttp_request_set_on_complete_cb(evhttp_request* req, void (*cb)(evhttp_request*, void*),
                                       void* cb_arg) {
    req->on_complete_cb = cb;
    req->on_complete_cb_arg = cb_arg;
}
}
