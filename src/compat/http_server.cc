#include "compat/http_server.h"

#include "codec/h1_head.h"
#include "codec/uri.h"
#include "compat/alloc.h"
#include "compat/base.h"
#include "compat/http_serve.h"
#include "compat/http_threads.h"
#include "compat/listener.h"
#include "compat/log.h"

#include <event2/event_compat.h>
#include <event2/http_compat.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <new>
#include <utility>

using namespace corevent;
using namespace corevent::compat;

evhttp::evhttp(event_base* of_base) noexcept : base(of_base) {}
evhttp::~evhttp() = default;

namespace corevent::compat {
namespace {

constexpr int backlog = 128;
/// How long accepting rests when descriptors or memory are short.
constexpr timeval accept_pause{0, 100'000};

// ---- listening -------------------------------------------------------------------------------

void on_accept(evconnlistener* /*listener*/, evutil_socket_t fd, sockaddr* peer, int length,
               void* arg) noexcept {
    auto& socket = *static_cast<evhttp_bound_socket*>(arg);
    Shard& home = *socket.http->home;
    home.loop.enter();
    serve_accepted(socket, home, fd, peer, length);
}

void resume_accepting(evutil_socket_t /*fd*/, short /*what*/, void* arg) noexcept {
    evconnlistener_enable(static_cast<evhttp_bound_socket*>(arg)->listener);
}

/// The listener would be ready again at once, and again: rest instead.
void on_accept_error(evconnlistener* listener, void* arg) noexcept {
    auto& socket = *static_cast<evhttp_bound_socket*>(arg);
    const int error = errno;
    if (socket.resume == nullptr) {
        socket.resume = event_new(socket.http->base, -1, 0, resume_accepting, &socket);
    }
    if (socket.resume != nullptr) {
        evconnlistener_disable(listener);
        event_add(socket.resume, &accept_pause);
    }
    errno = error;
    if (!std::exchange(socket.warned, true)) {
        warn("http: cannot accept on descriptor %d", evconnlistener_get_fd(listener));
    }
}

/// A bound socket, or -1.
evutil_socket_t open_listening(const char* address, std::uint16_t port) noexcept {
    evutil_addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = EVUTIL_AI_PASSIVE | EVUTIL_AI_ADDRCONFIG;
    evutil_addrinfo* found = nullptr;
    int family = AF_INET;
    if (address != nullptr || port != 0) {
        std::array<char, 8> service{};
        std::to_chars(service.data(), service.data() + service.size() - 1, port);
        const int error = evutil_getaddrinfo(address, service.data(), &hints, &found);
        if (error != 0 || found == nullptr) {
            if (error == EVUTIL_EAI_SYSTEM) {
                warn("getaddrinfo");
            } else {
                warnx("getaddrinfo: %s", evutil_gai_strerror(error));
            }
            return -1;
        }
        family = found->ai_family;
    }
    const evutil_socket_t fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    bool good = fd >= 0;
    if (good) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        good = evutil_make_listen_socket_reuseable(fd) == 0 &&
               (found == nullptr || ::bind(fd, found->ai_addr, found->ai_addrlen) == 0) &&
               ::listen(fd, backlog) == 0;
    }
    const int error = errno;
    if (found != nullptr) {
        evutil_freeaddrinfo(found);
    }
    if (!good) {
        if (fd >= 0) {
            evutil_closesocket(fd);
        }
        errno = error;
        return -1;
    }
    return fd;
}

/// The share of the server's own base, made when the first socket is added.
bool make_home(evhttp& http) noexcept {
    if (!http.home) {
        if (http.base == nullptr) {
            http.base = current_base();
        }
        HttpLoop* const loop = http.base != nullptr ? HttpLoop::of(http.base) : nullptr;
        if (loop == nullptr) {
            return false;
        }
        http.home.reset(new (std::nothrow) Shard(http, *loop));
        if (http.home) {
            read_environment(http);
            // Open before the first connection: any thread may answer, also when descriptors are short.
            if (!http.home->loop.open_mailbox()) {
                http.home.reset();
            }
        }
    }
    return http.home != nullptr;
}

void close_socket(evhttp& http, evhttp_bound_socket& socket) noexcept {
    http.sockets.remove(socket);
    if (http.workers) {
        http.workers->remove_socket(socket);
    }
    if (socket.resume != nullptr) {
        event_free(socket.resume);
    }
    if (socket.listener != nullptr) {
        evconnlistener_free(socket.listener);
    } else if (socket.left_fd >= 0) {
        evutil_closesocket(socket.left_fd);
    }
    drop_socket(socket);
}

// ---- who handles what ------------------------------------------------------------------------

/// Whether `name` matches `pattern`, in which '*' stands for anything; ASCII case does not matter.
bool matches(std::string_view pattern, std::string_view name) noexcept {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;  // where to go back to, and from which character
    std::size_t from = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = n;
        } else if (p < pattern.size() && lower(pattern[p]) == lower(name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++from;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool is_alias(const evhttp& http, std::string_view host) noexcept {
    return std::ranges::any_of(http.aliases, [&](const std::string& alias) {
        return h1::equal_names(alias, host);
    });
}

/// Follows the patterns down from `http`; sets `server` if one matched.
bool find_by_pattern(evhttp& http, std::string_view host, evhttp*& server) noexcept {
    bool found = false;
    evhttp* at = &http;
    for (bool again = true; again;) {
        again = false;
        for (const evhttp::VirtualHost& candidate : at->virtual_hosts) {
            if (matches(candidate.pattern, host)) {
                at = candidate.http;
                found = again = true;
                break;
            }
        }
    }
    server = at;
    return found;
}

/// The server that has `host` as an alias, in the tree below `http`.
evhttp* find_by_alias(evhttp& http, std::string_view host) noexcept {
    if (is_alias(http, host)) {
        return &http;
    }
    for (const evhttp::VirtualHost& child : http.virtual_hosts) {
        if (evhttp* const found = find_by_alias(*child.http, host)) {
            return found;
        }
    }
    return nullptr;
}

bool find_host(evhttp& http, std::string_view host, evhttp*& server) noexcept {
    if (evhttp* const found = find_by_alias(http, host)) {
        server = found;
        return true;
    }
    return find_by_pattern(http, host, server);
}

/// A request for another host, which a proxy gets.
void note_proxy_request(evhttp& http, Request& request) noexcept {
    if (request.uri == nullptr || request.uri[0] == '/') {
        return;
    }
    const char* const scheme = evhttp_uri_get_scheme(request.uri_elems);
    const char* const host = evhttp_uri_get_host(request.uri_elems);
    evhttp* server = nullptr;
    if (scheme != nullptr && host != nullptr &&
        (h1::equal_names(scheme, "http") || h1::equal_names(scheme, "https")) &&
        !find_host(http, host, server)) {
        request.flags |= EVHTTP_PROXY_REQUEST;
    }
}

/// The path of the target, still encoded.
std::string_view path_of(const Request& request) noexcept {
    const std::string_view target = request.uri;
    if (target.size() > 1 && target[0] == '/' && target[1] != '/') {
        return target.substr(0, target.find_first_of("?#"));
    }
    const char* const path = evhttp_uri_get_path(request.uri_elems);
    return path != nullptr ? std::string_view(path) : target.substr(0, target.find('?'));
}

const Callback<RequestFn>* find_callback(const evhttp& http, std::string_view path) noexcept {
    const auto found = http.by_path.find(path);
    return found != http.by_path.end() ? &found->second : nullptr;
}

const Callback<RequestFn>* find_handler(const evhttp& http, const Request& request) noexcept {
    if (http.by_path.empty()) {
        return nullptr;
    }
    const std::string_view path = path_of(request);
    if (path.find('%') == std::string_view::npos) {
        return find_callback(http, path);
    }
    const std::string copy(path);
    std::size_t size = 0;
    char* const decoded = evhttp_uridecode(copy.c_str(), 0, &size);
    if (decoded == nullptr) {
        return nullptr;
    }
    // A %00 must not make a longer path look like a shorter one.
    const Callback<RequestFn>* const found = find_callback(http, {decoded, size});
    mm_free(decoded);
    return found;
}

void send_not_found(Request& request) noexcept {
    evbuffer* const page = evbuffer_new();
    char* const target = evhttp_htmlescape(request.uri);
    if (page != nullptr && target != nullptr) {
        evbuffer_add_printf(page,
                            "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n"
                            "<body><h1>Not Found</h1><p>There is no %s here.</p></body></html>\n",
                            target);
    }
    if (request.minor == 0) {
        request.minor = 1;  // an end is announced in terms of 1.1
    }
    append_header(request.output_list, "Content-Type", "text/html");
    append_header(request.output_list, "Connection", "close");
    evhttp_send_reply(&request, HTTP_NOTFOUND, nullptr, page);
    mm_free(target);
    if (page != nullptr) {
        evbuffer_free(page);
    }
}

timeval or_none(const timeval* tv) noexcept {
    return tv != nullptr ? *tv : timeval{};
}

}  // namespace

void leave_base(evhttp& http) noexcept {
    http.closing = true;
    http.base_is_gone = true;
    for (evhttp_bound_socket* socket = http.sockets.front(); socket != nullptr;
         socket = decltype(http.sockets)::next(*socket)) {
        if (socket->resume != nullptr) {
            event_free(std::exchange(socket->resume, nullptr));
        }
        socket->left_fd = release_listener(*std::exchange(socket->listener, nullptr));
    }
    http.workers.reset();
}

void serve_at_home(evhttp& http) noexcept {
    for (evhttp_bound_socket* socket = http.sockets.front(); socket != nullptr;
         socket = decltype(http.sockets)::next(*socket)) {
        evconnlistener_set_cb(socket->listener, on_accept, socket);
        evconnlistener_enable(socket->listener);
    }
    http.workers.reset();
}

void drop_socket(evhttp_bound_socket& socket) noexcept {
    if (socket.references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        mm_delete(&socket);
    }
}

void serve_accepted(evhttp_bound_socket& socket, Shard& shard, evutil_socket_t fd,
                    const sockaddr* peer, int peer_length) noexcept {
    ServerConnection::start(shard, fd, peer, peer_length, socket.bev);
}

void handle_request(evhttp& http, Request& request) noexcept {
    if ((http.allowed_methods & request.type) == 0) {
        evhttp_send_error(&request, HTTP_NOTIMPLEMENTED, nullptr);
        return;
    }
    note_proxy_request(http, request);
    evhttp* server = &http;
    if (!http.virtual_hosts.empty()) {
        if (const char* const host = evhttp_request_get_host(&request)) {
            find_host(http, host, server);
        }
    }
    const Callback<RequestFn>* handler = find_handler(*server, request);
    if (handler == nullptr && server->general.fn != nullptr) {
        handler = &server->general;
    }
    if (handler == nullptr) {
        send_not_found(request);
        return;
    }
    const Callback<RequestFn> call = *handler;  // it may remove itself
    call.fn(&request, call.arg);
}

}  // namespace corevent::compat

extern "C" {

evhttp* evhttp_new(event_base* base) {
    void* const memory = mm_malloc(sizeof(evhttp));
    if (memory == nullptr) {
        warn("%s: out of memory", __func__);
        return nullptr;
    }
    return new (memory) evhttp(base);
}

void evhttp_free(evhttp* http) {
    http->closing = true;
    if (http->home) {
        http->home->loop.enter();
    }
    while (evhttp_bound_socket* const socket = http->sockets.front()) {
        close_socket(*http, *socket);
    }
    http->workers.reset();
    http->home.reset();
    for (const evhttp::VirtualHost& host : http->virtual_hosts) {
        evhttp_free(host.http);
    }
    http->~evhttp();
    mm_free(http);
}

evhttp* evhttp_start(const char* address, ev_uint16_t port) {
    evhttp* const http = evhttp_new(current_base());
    if (http != nullptr && evhttp_bind_socket(http, address, port) != 0) {
        evhttp_free(http);
        return nullptr;
    }
    return http;
}

int evhttp_bind_socket(evhttp* http, const char* address, ev_uint16_t port) {
    return evhttp_bind_socket_with_handle(http, address, port) != nullptr ? 0 : -1;
}

evhttp_bound_socket* evhttp_bind_socket_with_handle(evhttp* http, const char* address,
                                                    ev_uint16_t port) {
    const evutil_socket_t fd = open_listening(address, port);
    if (fd < 0) {
        return nullptr;
    }
    evhttp_bound_socket* const bound = evhttp_accept_socket_with_handle(http, fd);
    if (bound == nullptr) {
        evutil_closesocket(fd);
    }
    return bound;
}

int evhttp_accept_socket(evhttp* http, evutil_socket_t fd) {
    return evhttp_accept_socket_with_handle(http, fd) != nullptr ? 0 : -1;
}

evhttp_bound_socket* evhttp_accept_socket_with_handle(evhttp* http, evutil_socket_t fd) {
    if (!make_home(*http)) {
        return nullptr;
    }
    evconnlistener* const listener =
        evconnlistener_new(http->base, nullptr, nullptr,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (listener == nullptr) {
        return nullptr;
    }
    evhttp_bound_socket* const bound = evhttp_bind_listener(http, listener);
    if (bound == nullptr) {
        return nullptr;
    }
    evconnlistener_set_error_cb(listener, on_accept_error);
    return bound;
}

evhttp_bound_socket* evhttp_bind_listener(evhttp* http, evconnlistener* listener) {
    if (!make_home(*http)) {
        return nullptr;
    }
    auto* const bound = mm_new<evhttp_bound_socket>();
    if (bound == nullptr) {
        return nullptr;
    }
    bound->http = http;
    bound->listener = listener;
    const int on = 1;  // accepted sockets inherit it
    setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    http->sockets.push_back(*bound);
    if (http->workers) {
        evconnlistener_disable(listener);
        http->workers->add_socket(*bound);
    } else {
        evconnlistener_set_cb(listener, on_accept, bound);
    }
    return bound;
}

evconnlistener* evhttp_bound_socket_get_listener(evhttp_bound_socket* bound) {
    return bound->listener;
}

evutil_socket_t evhttp_bound_socket_get_fd(evhttp_bound_socket* bound_socket) {
    return bound_socket->listener != nullptr ? evconnlistener_get_fd(bound_socket->listener)
                                             : bound_socket->left_fd;
}

void evhttp_foreach_bound_socket(evhttp* http, evhttp_bound_socket_foreach_fn* function,
                                 void* argument) {
    for (evhttp_bound_socket* socket = http->sockets.front(); socket != nullptr;) {
        evhttp_bound_socket* const next = decltype(http->sockets)::next(*socket);
        function(socket, argument);
        socket = next;
    }
}

void evhttp_del_accept_socket(evhttp* http, evhttp_bound_socket* bound_socket) {
    close_socket(*http, *bound_socket);
}

int evhttp_set_cb(evhttp* http, const char* path, void (*cb)(evhttp_request*, void*),
                  void* cb_arg) {
    return http->by_path.try_emplace(path, Callback<RequestFn>{cb, cb_arg}).second ? 0 : -1;
}

int evhttp_del_cb(evhttp* http, const char* path) {
    const auto found = http->by_path.find(std::string_view(path));
    if (found == http->by_path.end()) {
        return -1;
    }
    http->by_path.erase(found);
    return 0;
}

void evhttp_set_gencb(evhttp* http, void (*cb)(evhttp_request*, void*), void* arg) {
    http->general = {cb, arg};
}

void evhttp_set_newreqcb(evhttp* http, int (*cb)(evhttp_request*, void*), void* arg) {
    http->new_request = {cb, arg};
}

void evhttp_set_bevcb(evhttp* http, bufferevent* (*cb)(event_base*, void*), void* arg) {
    http->bev = {cb, arg};
}

void evhttp_bound_set_bevcb(evhttp_bound_socket* bound, bufferevent* (*cb)(event_base*, void*),
                            void* arg) {
    bound->bev = {cb, arg};
}

void evhttp_set_errorcb(evhttp* http,
                        int (*cb)(evhttp_request*, evbuffer*, int, const char*, void*),
                        void* cbarg) {
    http->error_page = {cb, cbarg};
}

void evhttp_set_allowed_methods(evhttp* http, ev_uint16_t methods) {
    http->allowed_methods = methods;
}

int evhttp_add_virtual_host(evhttp* http, const char* pattern, evhttp* vhost) {
    if (vhost->is_virtual || !vhost->sockets.empty()) {
        return -1;
    }
    http->virtual_hosts.push_back({pattern, vhost});
    vhost->is_virtual = true;
    return 0;
}

int evhttp_remove_virtual_host(evhttp* http, evhttp* vhost) {
    const auto removed = std::erase_if(http->virtual_hosts, [&](const evhttp::VirtualHost& host) {
        return host.http == vhost;
    });
    if (removed == 0) {
        return -1;
    }
    vhost->is_virtual = false;
    return 0;
}

int evhttp_add_server_alias(evhttp* http, const char* alias) {
    http->aliases.emplace_back(alias);
    return 0;
}

int evhttp_remove_server_alias(evhttp* http, const char* alias) {
    const auto found = std::ranges::find_if(http->aliases, [&](const std::string& candidate) {
        return h1::equal_names(candidate, alias);
    });
    if (found == http->aliases.end()) {
        return -1;
    }
    http->aliases.erase(found);
    return 0;
}

void evhttp_set_max_headers_size(evhttp* http, ev_ssize_t max_headers_size) {
    http->headers_max = limit_from(max_headers_size);
}

void evhttp_set_max_body_size(evhttp* http, ev_ssize_t max_body_size) {
    http->body_max = limit_from(max_body_size);
}

int evhttp_set_max_connections(evhttp* http, int max_connections) {
    if (max_connections < 0) {
        return -1;
    }
    http->connections_max = max_connections;
    return 0;
}

int evhttp_get_connection_count(evhttp* http) {
    return http->connection_count.load(std::memory_order_relaxed);
}

void evhttp_set_default_content_type(evhttp* http, const char* content_type) {
    http->content_type = content_type;
}

void evhttp_set_timeout(evhttp* http, int timeout_in_secs) {
    timeval tv{};
    tv.tv_sec = timeout_in_secs > 0 ? timeout_in_secs : 0;
    evhttp_set_timeout_tv(http, &tv);
}

void evhttp_set_timeout_tv(evhttp* http, const timeval* tv) {
    http->read_timeout = http->write_timeout = or_none(tv);
}

void evhttp_set_read_timeout_tv(evhttp* http, const timeval* tv) {
    http->read_timeout = or_none(tv);
}

void evhttp_set_write_timeout_tv(evhttp* http, const timeval* tv) {
    http->write_timeout = or_none(tv);
}

int evhttp_set_flags(evhttp* http, int flags) {
    if ((flags & ~EVHTTP_SERVER_LINGERING_CLOSE) != 0) {
        return 1;
    }
    http->flags = flags;
    return 0;
}

void evhttp_set_limits(evhttp* http, int on) {
    http->limits_on = on != 0;
}

void evhttp_set_lenient(evhttp* http, int on) {
    http->lenient = on != 0;
}
}
