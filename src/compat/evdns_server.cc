// The server side: a UDP socket whose questions go to a callback, and the replies it builds.
//
// A port lives as long as its owner and any request that was handed out; the last closes the socket.
// Requests belong to the callback until they are answered or dropped. One lock per port; the callback
// runs without it. Replies hold 512 octets (RFC 1035 4.2.1): what does not fit is left out whole, and
// TC says so. Malformed questions, and replies sent to the server, are dropped without an answer.
#include "base/list.h"
#include "codec/dns.h"
#include "compat/alloc.h"
#include "compat/evdns_base.h"
#include "compat/lock.h"

#include <event2/dns_struct.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>

namespace dns = corevent::dns;

namespace corevent::compat::evdns {
namespace {

constexpr std::size_t questions_max = 64;
constexpr std::size_t requests_per_turn = 256;
constexpr std::uint16_t flags_kept = dns::flag_recursion_desired | dns::flag_checking_disabled;

/// A record to be written; its name and its data lie behind it in the same allocation.
struct Item {
    ListHook<Item> hook;
    dns::Type type;
    std::uint16_t dns_class;
    std::uint32_t ttl;
    bool is_name;
    std::size_t name_size;
    std::size_t data_size;

    std::string_view name() const noexcept {
        return {reinterpret_cast<const char*>(this + 1), name_size};
    }
    std::span<const std::uint8_t> data() const noexcept {
        return {reinterpret_cast<const std::uint8_t*>(this + 1) + name_size, data_size};
    }
};
using Items = TailQueue<Item, &Item::hook>;

struct ServerRequest : evdns_server_request {
    evdns_server_port* port = nullptr;
    std::uint16_t id = 0;
    bool answered = false;
    sockaddr_storage peer{};
    socklen_t peer_length = 0;
    std::array<Items, 3> sections;
    ListHook<ServerRequest> hook;  ///< of the port's blocked replies
    std::array<std::uint8_t, dns::udp_bytes_max> reply;
    std::size_t reply_size = 0;
};

ServerRequest& of(evdns_server_request* request) noexcept {
    return *static_cast<ServerRequest*>(request);
}

}  // namespace
}  // namespace corevent::compat::evdns

struct evdns_server_port {
    corevent::compat::Lock lock;
    event_base* events = nullptr;
    evutil_socket_t fd = -1;
    evdns_request_callback_fn_type callback = nullptr;
    void* arg = nullptr;
    event readable{};
    event writable{};
    int references = 3;  ///< its two events, and each request; closing finalizes the events
    bool closing = false;
    corevent::TailQueue<corevent::compat::evdns::ServerRequest,
                        &corevent::compat::evdns::ServerRequest::hook>
        blocked;  ///< replies that the socket did not take
};

namespace corevent::compat::evdns {
namespace {

void drop_port(evdns_server_port& port) noexcept {
    bool last = false;
    {
        const LockGuard guard(port.lock);
        last = --port.references == 0;
    }
    if (last) {
        evutil_closesocket(port.fd);
        mm_delete(&port);
    }
}

void release(ServerRequest& request) noexcept {
    for (Items& items : request.sections) {
        while (Item* const item = items.pop_front()) {
            mm_free(item);
        }
    }
    for (int i = 0; i < request.nquestions; ++i) {
        mm_free(request.questions[i]);
    }
    mm_free(request.questions);
    evdns_server_port& port = *request.port;
    mm_delete(&request);
    drop_port(port);
}

evdns_server_question* new_question(const dns::Question& from) noexcept {
    const std::string_view name = from.name.view();
    const std::size_t size = offsetof(evdns_server_question, name) + name.size() + 1;
    auto* const question =
        static_cast<evdns_server_question*>(mm_malloc(std::max(size,
                                                               sizeof(evdns_server_question))));
    if (question != nullptr) {
        question->type = static_cast<int>(from.type);
        question->dns_question_class = from.dns_class;
        std::memcpy(reinterpret_cast<char*>(question) + offsetof(evdns_server_question, name),
                    from.name.c_str(), name.size() + 1);
    }
    return question;
}

/// Takes the questions of a message; false if one cannot be taken.
bool take_questions(ServerRequest& request, dns::Reader& reader, std::size_t count) noexcept {
    request.questions =
        static_cast<evdns_server_question**>(mm_calloc(count, sizeof(evdns_server_question*)));
    if (request.questions == nullptr) {
        return false;
    }
    dns::Question question;
    for (std::size_t i = 0; i < count; ++i) {
        if (!reader.read(question) || question.name.ambiguous()) {
            return false;
        }
        request.questions[i] = new_question(question);
        if (request.questions[i] == nullptr) {
            return false;
        }
        ++request.nquestions;
    }
    return true;
}

/// The request in a datagram, or null. Under the lock.
ServerRequest* parse(evdns_server_port& port, std::span<const std::uint8_t> message,
                     const sockaddr_storage& peer, socklen_t peer_length) noexcept {
    dns::Reader reader(message);
    dns::Header header;
    if (!reader.read(header) || header.is_response() || header.questions == 0 ||
        header.questions > questions_max) {
        return nullptr;
    }
    ServerRequest* const request = mm_new<ServerRequest>();
    if (request == nullptr) {
        return nullptr;
    }
    ++port.references;
    request->port = &port;
    request->id = header.id;
    request->flags = header.flags & flags_kept;
    request->peer = peer;
    request->peer_length = peer_length;
    if (!take_questions(*request, reader, header.questions)) {
        release(*request);
        return nullptr;
    }
    return request;
}

/// The next request of the socket; null if there is none now. Skips what is no request, a bounded
/// number of times.
ServerRequest* receive(evdns_server_port& port) noexcept {
    const LockGuard guard(port.lock);
    std::array<std::uint8_t, 1500> buffer;
    for (std::size_t i = 0; i < requests_per_turn && !port.closing; ++i) {
        sockaddr_storage peer{};
        socklen_t length = sizeof(peer);
        const ssize_t size = recvfrom(port.fd, buffer.data(), buffer.size(), 0,
                                      reinterpret_cast<sockaddr*>(&peer), &length);
        if (size < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                log(Severity::warning, "reading a request from the server's socket: %s",
                    std::strerror(errno));
            }
            return nullptr;
        }
        const auto message = std::span(buffer).first(static_cast<std::size_t>(size));
        if (ServerRequest* const request = parse(port, message, peer, length)) {
            return request;
        }
    }
    return nullptr;
}

void on_readable(evutil_socket_t, short, void* arg) noexcept {
    evdns_server_port& port = *static_cast<evdns_server_port*>(arg);
    for (std::size_t i = 0; i < requests_per_turn; ++i) {
        ServerRequest* const request = receive(port);
        if (request == nullptr) {
            return;
        }
        // The events hold the port: closing it in the callback frees it later, from the loop.
        port.callback(request, port.arg);
    }
}

/// Sends the reply; false if the socket takes nothing at the moment.
bool send_reply(const evdns_server_port& port, const ServerRequest& request) noexcept {
    const ssize_t sent =
        sendto(port.fd, request.reply.data(), request.reply_size, MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&request.peer), request.peer_length);
    if (sent >= 0) {
        return true;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return false;
    }
    log(Severity::warning, "sending a reply: %s", std::strerror(errno));
    return true;  // this reply is lost, as datagrams may be
}

void on_writable(evutil_socket_t, short, void* arg) noexcept {
    evdns_server_port& port = *static_cast<evdns_server_port*>(arg);
    const LockGuard guard(port.lock);
    while (ServerRequest* const request = port.blocked.front()) {
        if (!port.closing && !send_reply(port, *request)) {
            event_add(&port.writable, nullptr);
            return;
        }
        port.blocked.remove(*request);
        release(*request);
    }
}

void on_finalized(event*, void* arg) noexcept {
    drop_port(*static_cast<evdns_server_port*>(arg));
}

bool write_item(dns::Writer& writer, dns::Section section, const Item& item) noexcept {
    const auto data = item.data();
    if (item.is_name) {
        const std::string_view target(reinterpret_cast<const char*>(data.data()), data.size());
        return writer.name_record(section, item.name(), item.type, item.dns_class, item.ttl,
                                  target);
    }
    return writer.record(section, item.name(), item.type, item.dns_class, item.ttl, data);
}

/// Writes what fits.
void write_reply(ServerRequest& request, int rcode) noexcept {
    dns::Writer writer(request.reply);
    bool fits = true;
    for (int i = 0; i < request.nquestions && fits; ++i) {
        const evdns_server_question& question = *request.questions[i];
        fits = writer.question(question.name, dns::Type{static_cast<std::uint16_t>(question.type)},
                               static_cast<std::uint16_t>(question.dns_question_class));
    }
    for (std::size_t i = 0; i < request.sections.size(); ++i) {
        for (const Item* item = request.sections[i].front(); item != nullptr && fits;
             item = Items::next(*item)) {
            fits = write_item(writer, static_cast<dns::Section>(i), *item);
        }
    }
    const unsigned flags = static_cast<unsigned>(request.flags) | dns::flag_response |
                           (fits ? 0U : dns::flag_truncated) | static_cast<unsigned>(rcode);
    writer.set_header(request.id, static_cast<std::uint16_t>(flags));
    request.reply_size = writer.size();
}

}  // namespace
}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;

extern "C" {

evdns_server_port* evdns_add_server_port_with_base(event_base* base, evutil_socket_t socket,
                                                   int flags,
                                                   evdns_request_callback_fn_type callback,
                                                   void* user_data) {
    if (flags != 0) {
        return nullptr;
    }
    evdns_server_port* const port = mm_new<evdns_server_port>();
    if (port == nullptr) {
        return nullptr;
    }
    port->events = base;
    port->fd = socket;
    port->callback = callback;
    port->arg = user_data;
    port->references = 2;
    event_assign(&port->readable, base, socket, EV_READ | EV_PERSIST, on_readable, port);
    event_assign(&port->writable, base, socket, EV_WRITE, on_writable, port);
    if (event_add(&port->readable, nullptr) < 0) {
        mm_delete(port);
        return nullptr;
    }
    return port;
}

void evdns_close_server_port(evdns_server_port* port) {
    {
        const LockGuard guard(port->lock);
        port->closing = true;
        event_del_noblock(&port->readable);
        event_del_noblock(&port->writable);
        ++port->references;
        while (ServerRequest* const request = port->blocked.pop_front()) {
            release(*request);
        }
    }
    event_finalize(0, &port->readable, on_finalized);
    event_finalize(0, &port->writable, on_finalized);
    drop_port(*port);
}

void evdns_server_request_set_flags(evdns_server_request* req, int flags) {
    const LockGuard guard(of(req).port->lock);
    constexpr int allowed = EVDNS_FLAGS_AA | EVDNS_FLAGS_RD;
    req->flags = (req->flags & ~allowed) | (flags & allowed);
}

int evdns_server_request_add_reply(evdns_server_request* req, int section, const char* name,
                                   int type, int dns_class, int ttl, int datalen, int is_name,
                                   const char* data) {
    ServerRequest& request = of(req);
    const LockGuard guard(request.port->lock);
    const bool holds_name = is_name != 0 && data != nullptr;
    if (request.answered || section < 0 || section >= 3 || !dns::valid_name(name) ||
        (holds_name ? !dns::valid_name(data) : datalen < 0 || datalen > UINT16_MAX)) {
        return -1;
    }
    const std::size_t name_size = std::strlen(name);
    const std::size_t data_size = holds_name        ? std::strlen(data)
                                  : data == nullptr ? 0
                                                    : static_cast<std::size_t>(datalen);
    void* const place = mm_malloc(sizeof(Item) + name_size + data_size);
    if (place == nullptr) {
        return -1;
    }
    Item* const item = new (place) Item{};
    item->type = dns::Type{static_cast<std::uint16_t>(type)};
    item->dns_class = static_cast<std::uint16_t>(dns_class);
    item->ttl = static_cast<std::uint32_t>(ttl);
    item->is_name = holds_name;
    item->name_size = name_size;
    item->data_size = data_size;
    char* const behind = reinterpret_cast<char*>(item + 1);
    std::memcpy(behind, name, name_size);
    if (data_size != 0) {
        std::memcpy(behind + name_size, data, data_size);
    }
    request.sections[static_cast<std::size_t>(section)].push_back(*item);
    return 0;
}

namespace {

/// One record per address, as RFC 1035 3.4.1 has it.
int add_addresses(evdns_server_request* req, const char* name, int type, int count,
                  const void* addresses, int width, int ttl) noexcept {
    const char* at = static_cast<const char*>(addresses);
    int result = count > 0 ? 0 : -1;
    for (int i = 0; i < count && result == 0; ++i, at += width) {
        result = evdns_server_request_add_reply(req, EVDNS_ANSWER_SECTION, name, type,
                                                EVDNS_CLASS_INET, ttl, width, 0, at);
    }
    return result;
}

}  // namespace

int evdns_server_request_add_a_reply(evdns_server_request* req, const char* name, int n,
                                     const void* addrs, int ttl) {
    return add_addresses(req, name, EVDNS_TYPE_A, n, addrs, 4, ttl);
}

int evdns_server_request_add_aaaa_reply(evdns_server_request* req, const char* name, int n,
                                        const void* addrs, int ttl) {
    return add_addresses(req, name, EVDNS_TYPE_AAAA, n, addrs, 16, ttl);
}

int evdns_server_request_add_ptr_reply(evdns_server_request* req, in_addr* in,
                                       const char* inaddr_name, const char* hostname, int ttl) {
    if ((in == nullptr) == (inaddr_name == nullptr)) {
        return -1;
    }
    dns::ArpaText text;
    if (in != nullptr) {
        dns::arpa_name({reinterpret_cast<const std::uint8_t*>(in), 4}, text);
        inaddr_name = text.data();
    }
    return evdns_server_request_add_reply(req, EVDNS_ANSWER_SECTION, inaddr_name, EVDNS_TYPE_PTR,
                                          EVDNS_CLASS_INET, ttl, -1, 1, hostname);
}

int evdns_server_request_add_cname_reply(evdns_server_request* req, const char* name,
                                         const char* cname, int ttl) {
    return evdns_server_request_add_reply(req, EVDNS_ANSWER_SECTION, name, EVDNS_TYPE_CNAME,
                                          EVDNS_CLASS_INET, ttl, -1, 1, cname);
}

int evdns_server_request_respond(evdns_server_request* req, int err) {
    ServerRequest& request = of(req);
    evdns_server_port& port = *request.port;
    {
        const LockGuard guard(port.lock);
        if (request.answered || err < 0 || err > 15) {
            return -1;
        }
        request.answered = true;
        write_reply(request, err);
        const bool in_turn = port.blocked.empty();
        if ((!in_turn || !send_reply(port, request)) && !port.closing) {
            port.blocked.push_back(request);
            if (in_turn) {
                event_add(&port.writable, nullptr);
            }
            return 0;
        }
    }
    release(request);
    return 0;
}

int evdns_server_request_drop(evdns_server_request* req) {
    release(of(req));
    return 0;
}

int evdns_server_request_get_requesting_addr(evdns_server_request* req, sockaddr* sa,
                                             int addr_len) {
    const ServerRequest& request = of(req);
    if (addr_len < 0 || static_cast<socklen_t>(addr_len) < request.peer_length) {
        return -1;
    }
    std::memcpy(sa, &request.peer, request.peer_length);
    return static_cast<int>(request.peer_length);
}

}  // extern "C"
