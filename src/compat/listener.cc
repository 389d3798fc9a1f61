// evconnlistener: an event on a listening socket whose callback accepts until the kernel has no
// more. Its callbacks run without its lock. Freed, it closes its socket at once; the memory goes
// from the loop, when the accepting event cannot be running any more.
//
// Running out of descriptors leaves the socket readable, so that trying again at once would only
// burn the processor: the listener reports it, rests for a tenth of a second and looks again, and
// writes to the log no more than once a minute.
#include "compat/listener.h"

#include "base/clock.h"
#include "compat/alloc.h"
#include "compat/deferred.h"
#include "compat/lock.h"
#include "compat/log.h"

#include <event2/event_struct.h>

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

struct evconnlistener {
    event_base* base = nullptr;
    void* lock = nullptr;
    evconnlistener_cb callback = nullptr;
    evconnlistener_errorcb error_callback = nullptr;
    void* arg = nullptr;
    unsigned flags = 0;
    int references = 1;  ///< the program's, and one while a callback runs
    bool enabled = false;
    std::uint64_t next_warning_ns = 0;
    evutil_socket_t fd = -1;
    event accepting{};
    event resting{};  ///< pending while descriptors are lacking
};

namespace corevent::compat {
namespace {

constexpr int default_backlog = 128;
constexpr timeval rest_time{0, 100'000};
constexpr std::uint64_t warning_interval_ns = 60'000 * ns_per_ms;

class ListenerLock {
public:
    explicit ListenerLock(evconnlistener& lev) noexcept : lock_(lev.lock) { lock_acquire(lock_); }
    ~ListenerLock() { lock_release(lock_); }
    ListenerLock(const ListenerLock&) = delete;
    ListenerLock& operator=(const ListenerLock&) = delete;

private:
    void* const lock_;
};

/// Neither of the connection that was to come nor a reason to report: the next accept may succeed.
bool is_passing(int error) noexcept {
    return error == EAGAIN || error == EINTR || error == ECONNABORTED;
}

bool is_lack_of_resources(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void finish(event_callback*, void* arg) noexcept {
    evconnlistener* const lev = static_cast<evconnlistener*>(arg);
    lock_acquire(lev->lock);  // whoever dropped the last reference may still be about to unlock
    lock_release(lev->lock);
    lock_free(lev->lock);
    mm_delete(lev);
}

/// With the lock held, which is released.
void release_and_unlock(evconnlistener& lev) noexcept {
    if (--lev.references == 0) {
        event_callback* const parts[] = {&lev.accepting.ev_evcallback, &lev.resting.ev_evcallback};
        finalize(lev.base, parts, 2, finish, &lev);
    }
    lock_release(lev.lock);
}

/// Starts to accept if that is wanted.
int watch(evconnlistener& lev) noexcept {
    return lev.enabled && lev.callback != nullptr ? event_add(&lev.accepting, nullptr) : 0;
}

void stop(evconnlistener& lev) noexcept {
    event_del(&lev.accepting);
    event_del(&lev.resting);
}

/// Accepting failed. The lock is held.
void report(evconnlistener& lev, int error) noexcept {
    if (is_lack_of_resources(error)) {
        event_del(&lev.accepting);
        event_add(&lev.resting, &rest_time);
    }
    if (lev.error_callback != nullptr) {
        const evconnlistener_errorcb callback = lev.error_callback;
        void* const arg = lev.arg;
        lock_release(lev.lock);
        errno = error;
        callback(&lev, arg);
        lock_acquire(lev.lock);
        return;
    }
    const std::uint64_t now = monotonic_ns();
    if (now >= lev.next_warning_ns) {
        lev.next_warning_ns = now + warning_interval_ns;
        errno = error;
        warn("cannot accept on descriptor %d", lev.fd);
    }
}

void on_acceptable(evutil_socket_t fd, short, void* arg) noexcept {
    evconnlistener& lev = *static_cast<evconnlistener*>(arg);
    lock_acquire(lev.lock);
    if (!lev.enabled) {
        lock_release(lev.lock);  // maybe freed by another thread meanwhile
        return;
    }
    ++lev.references;
    const int accept_flags =
        ((lev.flags & LEV_OPT_LEAVE_SOCKETS_BLOCKING) != 0 ? 0 : SOCK_NONBLOCK) |
        ((lev.flags & LEV_OPT_CLOSE_ON_EXEC) != 0 ? SOCK_CLOEXEC : 0);
    while (lev.enabled) {
        sockaddr_storage peer;
        socklen_t size = sizeof peer;
        const evutil_socket_t accepted =
            accept4(fd, reinterpret_cast<sockaddr*>(&peer), &size, accept_flags);
        if (accepted < 0) {
            if (!is_passing(errno)) {
                report(lev, errno);
            }
            break;
        }
        if (lev.callback == nullptr) {
            evutil_closesocket(accepted);
            break;
        }
        const evconnlistener_cb callback = lev.callback;
        void* const callback_arg = lev.arg;
        lock_release(lev.lock);
        callback(&lev, accepted, reinterpret_cast<sockaddr*>(&peer), static_cast<int>(size),
                 callback_arg);
        lock_acquire(lev.lock);
    }
    release_and_unlock(lev);
}

void on_rested(evutil_socket_t, short, void* arg) noexcept {
    evconnlistener& lev = *static_cast<evconnlistener*>(arg);
    const ListenerLock guard(lev);
    watch(lev);
}

/// A socket with what `flags` ask for, bound. -1 with the reason in errno.
evutil_socket_t bind_socket(unsigned flags, const sockaddr* address, socklen_t size) noexcept {
    const int family = address != nullptr ? address->sa_family : AF_UNSPEC;
    const int type =
        SOCK_STREAM | SOCK_NONBLOCK | ((flags & LEV_OPT_CLOSE_ON_EXEC) != 0 ? SOCK_CLOEXEC : 0);
    const evutil_socket_t fd = socket(family, type, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    const auto wanted = [&](unsigned flag, int (*set)(evutil_socket_t)) {
        return (flags & flag) == 0 || set(fd) == 0;
    };
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0 &&
        wanted(LEV_OPT_REUSEABLE, evutil_make_listen_socket_reuseable) &&
        wanted(LEV_OPT_REUSEABLE_PORT, evutil_make_listen_socket_reuseable_port) &&
        wanted(LEV_OPT_DEFERRED_ACCEPT, evutil_make_tcp_listen_socket_deferred) &&
        wanted(LEV_OPT_BIND_IPV6ONLY, evutil_make_listen_socket_ipv6only) &&
        (address == nullptr || bind(fd, address, size) == 0)) {
        return fd;
    }
    const int error = errno;
    evutil_closesocket(fd);
    errno = error;
    return -1;
}

}  // namespace

evutil_socket_t release_listener(evconnlistener& listener) noexcept {
    lock_acquire(listener.lock);
    const bool closes = (listener.flags & LEV_OPT_CLOSE_ON_FREE) != 0;
    listener.flags &= ~static_cast<unsigned>(LEV_OPT_CLOSE_ON_FREE);
    lock_release(listener.lock);
    const evutil_socket_t fd = listener.fd;
    evconnlistener_free(&listener);
    return closes ? fd : -1;
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

evconnlistener* evconnlistener_new(event_base* base, evconnlistener_cb cb, void* ptr,
                                   unsigned flags, int backlog, evutil_socket_t fd) {
    if (backlog != 0 && listen(fd, backlog > 0 ? backlog : default_backlog) < 0) {
        return nullptr;
    }
    evconnlistener* const lev = mm_new<evconnlistener>();
    if (lev == nullptr) {
        return nullptr;
    }
    lev->base = base;
    lev->callback = cb;
    lev->arg = ptr;
    lev->flags = flags;
    lev->fd = fd;
    if ((flags & LEV_OPT_THREADSAFE) != 0) {
        lev->lock = lock_new();
    }
    event_assign(&lev->accepting, base, fd, EV_READ | EV_PERSIST | EV_FINALIZE, on_acceptable, lev);
    event_assign(&lev->resting, base, -1, EV_FINALIZE, on_rested, lev);
    if ((flags & LEV_OPT_DISABLED) == 0) {
        evconnlistener_enable(lev);
    }
    return lev;
}

evconnlistener* evconnlistener_new_bind(event_base* base, evconnlistener_cb cb, void* ptr,
                                        unsigned flags, int backlog, const sockaddr* sa,
                                        int socklen) {
    if (backlog == 0) {
        return nullptr;
    }
    const evutil_socket_t fd = bind_socket(flags, sa, static_cast<socklen_t>(socklen));
    if (fd < 0) {
        return nullptr;
    }
    evconnlistener* const lev = evconnlistener_new(base, cb, ptr, flags, backlog, fd);
    if (lev == nullptr) {
        const int error = errno;
        evutil_closesocket(fd);
        errno = error;
    }
    return lev;
}

void evconnlistener_free(evconnlistener* lev) {
    lock_acquire(lev->lock);
    lev->enabled = false;
    lev->callback = nullptr;
    lev->error_callback = nullptr;
    stop(*lev);
    if ((lev->flags & LEV_OPT_CLOSE_ON_FREE) != 0) {
        evutil_closesocket(lev->fd);
    }
    release_and_unlock(*lev);
}

int evconnlistener_enable(evconnlistener* lev) {
    const ListenerLock guard(*lev);
    lev->enabled = true;
    return watch(*lev);
}

int evconnlistener_disable(evconnlistener* lev) {
    const ListenerLock guard(*lev);
    lev->enabled = false;
    stop(*lev);
    return 0;
}

event_base* evconnlistener_get_base(evconnlistener* lev) {
    return lev->base;
}

evutil_socket_t evconnlistener_get_fd(evconnlistener* lev) {
    return lev->fd;
}

void evconnlistener_set_cb(evconnlistener* lev, evconnlistener_cb cb, void* arg) {
    const ListenerLock guard(*lev);
    lev->callback = cb;
    lev->arg = arg;
    watch(*lev);
}

void evconnlistener_set_error_cb(evconnlistener* lev, evconnlistener_errorcb errorcb) {
    const ListenerLock guard(*lev);
    lev->error_callback = errorcb;
}

}  // extern "C"
