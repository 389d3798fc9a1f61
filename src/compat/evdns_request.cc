// Requests: made, sent, sent again, searched with, cancelled, ended.
#include "compat/alloc.h"
#include "compat/evdns_base.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace corevent::compat::evdns {
namespace {

void release(evdns_request* request) noexcept {
    evdns_base& base = *request->base;
    mm_delete(request);
    drop_reference(base);
}

/// In the loop, once per request: tells the result.
void on_deliver(evutil_socket_t, short, void* arg) noexcept {
    evdns_request* const request = static_cast<evdns_request*>(arg);
    Answer& answer = request->answer;
    if (request->internal != nullptr) {
        request->internal(answer, request->arg);
    } else if (answer.error != DNS_ERR_NONE) {
        request->callback(answer.error, 0, 0, static_cast<int>(answer.ttl), nullptr, request->arg);
    } else {
        char* name = answer.data.name.data();
        void* const addresses =
            request->kind == DNS_PTR ? static_cast<void*>(&name) : static_cast<void*>(&answer.data);
        request->callback(DNS_ERR_NONE, request->kind, answer.count, static_cast<int>(answer.ttl),
                          addresses, request->arg);
    }
    release(request);
}

void on_timeout(evutil_socket_t, short, void* arg) noexcept {
    evdns_request& request = *static_cast<evdns_request*>(arg);
    const LockGuard guard(request.base->lock);
    if (request.state != evdns_request::State::in_flight ||
        event_pending(&request.timer, EV_TIMEOUT, nullptr) != 0) {
        return;  // ended, or sent anew, while this call waited for the lock
    }
    if (request.tcp != nullptr && (request.flags & DNS_QUERY_USEVC) == 0) {
        fail_or_search(request, DNS_ERR_TRUNCATED);
        return;
    }
    if (request.sends < request.base->options.attempts) {
        server_timed_out(*request.server);
    }
    try_again(request);
}

void on_finalized(event*, void* arg) noexcept {
    release(static_cast<evdns_request*>(arg));
}

/// Puts `name`, which fits, at `at` into `text`.
void set_name(NameText& text, std::string_view name, std::size_t at = 0) noexcept {
    std::memcpy(text.data() + at, name.data(), name.size());
    text[at + name.size()] = '\0';
}

/// 0x20: each letter in a case that a forger would have to guess.
void randomize_case(NameText& name) noexcept {
    NameText bits;
    const std::size_t size = std::strlen(name.data());
    evutil_secure_rng_get_bytes(bits.data(), size);
    for (std::size_t i = 0; i < size; ++i) {
        const char lower = static_cast<char>(name[i] | 0x20);
        if (lower >= 'a' && lower <= 'z') {
            name[i] = (bits[i] & 1) != 0 ? lower : static_cast<char>(lower & ~0x20);
        }
    }
}

/// Moves on to the next name of the search; false if there is none, or it cannot be asked for.
bool take_search_step(evdns_request& request) noexcept {
    const SearchList& list = *request.search;
    const std::size_t step = request.tried;
    const std::string_view typed = request.typed.data();
    const bool plain_first = std::ranges::count(typed, '.') >= list.ndots;
    const std::size_t plain_at = plain_first ? 0 : list.domains.size();
    if (step > list.domains.size()) {
        return false;
    }
    ++request.tried;
    if (step == plain_at) {
        set_name(request.name, typed);
        return true;
    }
    const std::string_view domain = list.domains[plain_first ? step - 1 : step];
    const std::string_view dot = typed.ends_with('.') ? "" : ".";
    if (typed.size() + dot.size() + domain.size() >= request.name.size()) {
        return false;
    }
    set_name(request.name, typed);
    std::memcpy(request.name.data() + typed.size(), dot.data(), dot.size());
    set_name(request.name, domain, typed.size() + dot.size());
    return dns::valid_name(request.name.data());
}

void unlink(evdns_request& request) noexcept {
    evdns_base& base = *request.base;
    if (request.state == evdns_request::State::waiting) {
        if (request.hook.linked()) {
            base.waiting.remove(request);
        }
    } else if (request.state == evdns_request::State::in_flight) {
        base.in_flight[request.id % evdns_base::buckets].remove(request);
        --base.in_flight_count;
        watch_servers(base);
    }
}

std::uint16_t free_id(evdns_base& base) noexcept {
    std::uint16_t id = 0;
    do {
        evutil_secure_rng_get_bytes(&id, sizeof(id));
    } while (id == UINT16_MAX || find_in_flight(base, id) != nullptr);
    return id;
}

/// Forgets what belongs to one way of asking.
void reset_sending(evdns_request& request) noexcept {
    event_del_noblock(&request.timer);
    drop_tcp(request);
    request.unsent = false;
}

}  // namespace

void Answer::clear(int with_error) noexcept {
    error = with_error;
    count = 0;
    ttl = 0;
    cname[0] = '\0';
}

evdns_request* new_request(evdns_base& base, dns::Type type, char kind, std::string_view name,
                           int flags) noexcept {
    const bool searching =
        kind != DNS_PTR && (flags & DNS_QUERY_NO_SEARCH) == 0 && !base.search->domains.empty();
    if (name.size() >= std::tuple_size_v<NameText> || !dns::valid_name(name)) {
        return nullptr;
    }
    evdns_request* const request = mm_new<evdns_request>();
    if (request == nullptr) {
        return nullptr;
    }
    request->base = &base;
    request->type = type;
    request->kind = kind;
    request->flags = flags;
    set_name(request->typed, name);
    set_name(request->name, name);
    request->answer.clear(DNS_ERR_NONE);
    if (searching) {
        request->search = base.search;
        if (!take_search_step(*request)) {
            mm_delete(request);
            return nullptr;
        }
    }
    event_assign(&request->timer, base.events, -1, 0, on_timeout, request);
    event_assign(&request->deliver, base.events, -1, 0, on_deliver, request);
    add_reference(base);
    return request;
}

evdns_request* find_in_flight(evdns_base& base, std::uint16_t id) noexcept {
    auto& bucket = base.in_flight[id % evdns_base::buckets];
    evdns_request* request = bucket.front();
    while (request != nullptr && request->id != id) {
        request = evdns_base::Requests::next(*request);
    }
    return request;
}

void submit(evdns_request& request) noexcept {
    evdns_base& base = *request.base;
    const bool has_room = base.in_flight_count < base.options.inflight_max;
    request.server = request.probed;
    if (request.server == nullptr && has_room) {
        request.server = pick_server(base);
    }
    if (request.server == nullptr) {
        request.state = evdns_request::State::waiting;
        base.waiting.push_back(request);
        return;
    }
    request.state = evdns_request::State::in_flight;
    request.id = free_id(base);
    request.sends = 0;
    request.reissues = 0;
    if (base.options.random_case) {
        randomize_case(request.name);
    }
    base.in_flight[request.id % evdns_base::buckets].push_back(request);
    ++base.in_flight_count;
    watch_servers(base);
    send_query(request);
}

std::size_t write_query(const evdns_request& request, std::span<std::uint8_t> out) noexcept {
    dns::Writer writer(out);
    writer.set_header(request.id, dns::flag_recursion_desired);
    writer.question(request.name.data(), request.type);
    const int udp_bytes = request.base->options.udp_bytes;
    if (udp_bytes > static_cast<int>(dns::udp_bytes_max)) {
        writer.opt(static_cast<std::uint16_t>(udp_bytes));
    }
    return writer.size();
}

void send_query(evdns_request& request) noexcept {
    evdns_base& base = *request.base;
    if ((request.flags & DNS_QUERY_USEVC) != 0) {
        drop_tcp(request);
        start_tcp(request);  // failing to, its timer will try again
    } else {
        std::array<std::uint8_t, dns::udp_bytes_max> query;
        const std::size_t size = write_query(request, query);
        request.unsent = !send_datagram(*request.server, std::span(query).first(size));
    }
    ++request.sends;
    if (event_add(&request.timer, &base.options.timeout) != 0) {
        fail(request, DNS_ERR_UNKNOWN);  // nothing would end it
    }
}

void send_unsent(NameServer& server) noexcept {
    std::array<std::uint8_t, dns::udp_bytes_max> query;
    for (auto& bucket : server.base->in_flight) {
        for (auto* request = bucket.front(); request != nullptr;
             request = evdns_base::Requests::next(*request)) {
            if (!request->unsent || request->server != &server) {
                continue;
            }
            const std::size_t size = write_query(*request, query);
            if (!send_datagram(server, std::span(query).first(size))) {
                return;
            }
            request->unsent = false;
        }
    }
}

void finish(evdns_request& request) noexcept {
    evdns_base& base = *request.base;
    reset_sending(request);
    unlink(request);
    request.state = evdns_request::State::done;
    event_active(&request.deliver, EV_TIMEOUT, 1);
    if (!base.freed) {
        pump(base);
    }
}

void fail(evdns_request& request, int error, std::uint32_t ttl) noexcept {
    request.answer.clear(error);
    request.answer.ttl = ttl;
    finish(request);
}

void fail_or_search(evdns_request& request, int error) noexcept {
    if (!search_next(request)) {
        fail(request, error);
    }
}

void drop_silently(evdns_request& request) noexcept {
    if (request.state == evdns_request::State::done) {
        return;  // its result is on the way
    }
    reset_sending(request);
    unlink(request);
    request.state = evdns_request::State::done;
    if (request.probed != nullptr) {
        request.probed->probe = nullptr;
    }
    if (request.discarded != nullptr) {
        request.discarded(request.arg);
    }
    event_finalize(0, &request.timer, on_finalized);
}

void back_to_waiting(evdns_request& request) noexcept {
    if (request.probed != nullptr) {
        request.state = evdns_request::State::waiting;  // it is in no queue
        drop_silently(request);
        return;
    }
    reset_sending(request);
    request.server = nullptr;
    request.state = evdns_request::State::waiting;
    request.base->waiting.push_back(request);
}

void try_again(evdns_request& request) noexcept {
    evdns_base& base = *request.base;
    if (request.sends >= base.options.attempts) {
        NameServer& server = *request.server;
        fail(request, DNS_ERR_TIMEOUT);
        server_failed(server, "request timed out.");
        return;
    }
    reset_sending(request);
    if (request.probed == nullptr) {
        request.server = pick_server(base);
    }
    send_query(request);
}

bool ask_another(evdns_request& request) noexcept {
    if (request.probed != nullptr) {
        return false;
    }
    NameServer* const before = request.server;
    NameServer* const next = pick_server(*request.base);
    if (next == before) {
        return false;
    }
    ++request.reissues;
    request.server = next;
    request.sends = 0;
    reset_sending(request);
    send_query(request);
    return true;
}

bool search_next(evdns_request& request) noexcept {
    if (request.search == nullptr || !take_search_step(request)) {
        return false;
    }
    reset_sending(request);
    unlink(request);
    submit(request);
    return true;
}

namespace {

evdns_request* resolve(evdns_base* base, dns::Type type, char kind, const char* name, int flags,
                       evdns_callback_type callback, void* arg) noexcept {
    const LockGuard guard(base->lock);
    evdns_request* const request = new_request(*base, type, kind, name, flags);
    if (request != nullptr) {
        request->callback = callback;
        request->arg = arg;
        submit(*request);
    }
    return request;
}

evdns_request* resolve_reverse(evdns_base* base, std::span<const std::uint8_t> address, int flags,
                               evdns_callback_type callback, void* arg) noexcept {
    dns::ArpaText text;
    dns::arpa_name(address, text);
    return resolve(base, dns::Type::ptr, DNS_PTR, text.data(), flags, callback, arg);
}

}  // namespace

}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;
namespace dns = corevent::dns;

extern "C" {

evdns_request* evdns_base_resolve_ipv4(evdns_base* base, const char* name, int flags,
                                       evdns_callback_type callback, void* ptr) {
    return resolve(base, dns::Type::a, DNS_IPv4_A, name, flags, callback, ptr);
}

evdns_request* evdns_base_resolve_ipv6(evdns_base* base, const char* name, int flags,
                                       evdns_callback_type callback, void* ptr) {
    return resolve(base, dns::Type::aaaa, DNS_IPv6_AAAA, name, flags, callback, ptr);
}

evdns_request* evdns_base_resolve_reverse(evdns_base* base, const in_addr* in, int flags,
                                          evdns_callback_type callback, void* ptr) {
    const auto* const octets = reinterpret_cast<const std::uint8_t*>(in);
    return resolve_reverse(base, {octets, 4}, flags, callback, ptr);
}

evdns_request* evdns_base_resolve_reverse_ipv6(evdns_base* base, const in6_addr* in, int flags,
                                               evdns_callback_type callback, void* ptr) {
    const auto* const octets = reinterpret_cast<const std::uint8_t*>(in);
    return resolve_reverse(base, {octets, 16}, flags, callback, ptr);
}

void evdns_cancel_request(evdns_base*, evdns_request* req) {
    evdns_base& base = *req->base;
    const LockGuard guard(base.lock);
    if (req->state != evdns_request::State::done) {
        fail(*req, DNS_ERR_CANCEL);
    }
}

}  // extern "C"
