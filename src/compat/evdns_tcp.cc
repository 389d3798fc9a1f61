// Queries over TCP (RFC 7766): for replies that did not fit a datagram, and for those who ask for
// it. One connection per query, closed behind its reply; the request's timer bounds it all.
#include "compat/alloc.h"
#include "compat/evdns_base.h"

#include <unistd.h>

#include <cerrno>

namespace corevent::compat::evdns {
namespace {

constexpr std::size_t length_bytes = 2;

void on_finalized(event*, void* arg) noexcept {
    TcpQuery* const query = static_cast<TcpQuery*>(arg);
    evdns_base& base = *query->base;
    mm_delete(query);
    drop_reference(base);
}

/// The connection is of no use: what was cut stays cut, other queries are tried again.
void give_up(evdns_request& request) noexcept {
    if ((request.flags & DNS_QUERY_USEVC) == 0) {
        fail_or_search(request, DNS_ERR_TRUNCATED);
    } else {
        try_again(request);
    }
}

/// False: the connection is over.
bool write_some(TcpQuery& query) noexcept {
    while (query.sent < query.out_size) {
        const ssize_t sent = send(query.fd, query.out.data() + query.sent,
                                  query.out_size - query.sent, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        query.sent += static_cast<std::size_t>(sent);
    }
    return true;
}

/// False: the connection is over. Reads one message and no further.
bool read_some(TcpQuery& query) noexcept {
    for (;;) {
        std::size_t wanted = length_bytes;
        if (query.in.size() >= length_bytes) {
            wanted += static_cast<std::size_t>(query.in[0]) << 8 | query.in[1];
        }
        if (query.in.size() == wanted) {
            return true;
        }
        const std::size_t have = query.in.size();
        if (!guarded([&] { return query.in.resize(wanted), true; }, false)) {
            return false;
        }
        const ssize_t size = recv(query.fd, query.in.data() + have, wanted - have, 0);
        query.in.resize(have + static_cast<std::size_t>(size > 0 ? size : 0));
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
    }
}

bool complete(const TcpQuery& query) noexcept {
    return query.in.size() > length_bytes &&
           query.in.size() ==
               length_bytes + (static_cast<std::size_t>(query.in[0]) << 8 | query.in[1]);
}

void watch(TcpQuery& query) noexcept;

void on_io(evutil_socket_t, short, void* arg) noexcept {
    TcpQuery& query = *static_cast<TcpQuery*>(arg);
    const LockGuard guard(query.base->lock);
    evdns_request* const request = query.request;
    if (request == nullptr) {
        return;  // dropped while this call waited for the lock
    }
    const bool alive = write_some(query) && (query.sent < query.out_size || read_some(query));
    if (!alive) {
        give_up(*request);
    } else if (!complete(query)) {
        watch(query);
    } else {
        take_reply(*request->server, std::span(query.in).subspan(length_bytes), request);
        if (query.request != nullptr) {
            give_up(*request);  // it was no answer to the question
        }
    }
}

void watch(TcpQuery& query) noexcept {
    const short what = query.sent < query.out_size ? EV_WRITE : EV_READ;
    event_assign(&query.io, query.base->events, query.fd, what, on_io, &query);
    event_add(&query.io, nullptr);
}

}  // namespace

bool start_tcp(evdns_request& request) noexcept {
    evdns_base& base = *request.base;
    const NameServer& server = *request.server;
    const int fd = socket(server.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    if (connect(fd, reinterpret_cast<const sockaddr*>(&server.address), server.length) < 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    TcpQuery* const query = mm_new<TcpQuery>();
    if (query == nullptr) {
        close(fd);
        return false;
    }
    query->base = &base;
    query->request = &request;
    query->fd = fd;
    const std::size_t size = write_query(request, std::span(query->out).subspan(length_bytes));
    query->out[0] = static_cast<std::uint8_t>(size >> 8);
    query->out[1] = static_cast<std::uint8_t>(size);
    query->out_size = length_bytes + size;
    add_reference(base);
    request.tcp = query;
    watch(*query);
    event_add(&request.timer, &base.options.timeout);
    return true;
}

void drop_tcp(evdns_request& request) noexcept {
    TcpQuery* const query = request.tcp;
    if (query == nullptr) {
        return;
    }
    request.tcp = nullptr;
    query->request = nullptr;
    event_del_noblock(&query->io);
    close(query->fd);
    query->fd = -1;
    event_finalize(0, &query->io, on_finalized);
}

}  // namespace corevent::compat::evdns
