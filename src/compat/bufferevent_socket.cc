#include "compat/alloc.h"
#include "compat/async_resolve.h"
#include "compat/base.h"
#include "compat/bufferevent.h"
#include "compat/evbuffer.h"
#include "compat/rate_limit.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace corevent::compat {
namespace {

/// Not a failure: the kernel wants to be asked again.
bool is_passing(int error) noexcept {
    return error == EAGAIN || error == EINTR;
}

// --- Reading

/// The room below the high-water mark, and what limits allow; -1: input is full.
int most_to_read(Bev& bev) noexcept {
    std::size_t most = static_cast<std::size_t>(most_to_move(bev, Direction::read));
    if (bev.wm_read.high != 0) {
        const std::size_t size = bev.input_size();
        if (size >= bev.wm_read.high) {
            return -1;
        }
        most = std::min(most, bev.wm_read.high - size);
    }
    return static_cast<int>(std::min<std::size_t>(most, INT_MAX));
}

int read_some(Bev& bev, evutil_socket_t fd, int most) noexcept {
    evbuffer_unfreeze(bev.input, 0);
    const int moved = evbuffer_read(bev.input, fd, most);
    evbuffer_freeze(bev.input, 0);
    return moved;
}

void fail(Bev& bev, Direction direction, short what) noexcept {
    const int error = errno;
    disable(bev, event_bit(direction));
    errno = error;
    run_event_callback(bev,
                       static_cast<short>(what |
                                          (direction == Direction::read ? BEV_EVENT_READING
                                                                        : BEV_EVENT_WRITING)),
                       0);
}

void on_readable(evutil_socket_t fd, short events, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    const BevHold hold(bev);
    if (hold.ending()) {
        return;
    }
    if (events == EV_TIMEOUT) {
        fail(bev, Direction::read, BEV_EVENT_TIMEOUT);
        return;
    }
    const int most = most_to_read(bev);
    if (most < 0) {
        suspend(bev, Direction::read, full);
        return;
    }
    if (most == 0 || bev.suspended[index_of(Direction::read)] != 0) {
        return;
    }
    const int moved = read_some(bev, fd, most);
    if (moved > 0) {
        bev.heard = event_get_base(&bev.ev_read)->turn;
        charge(bev, Direction::read, moved);
        trigger(bev, EV_READ, 0);
    } else if (moved == 0) {
        fail(bev, Direction::read, BEV_EVENT_EOF);
    } else if (errno == ECONNREFUSED) {
        // Reading has taken the error of connecting away from the write event.
        bev.connection_refused = true;
    } else if (!is_passing(errno)) {
        fail(bev, Direction::read, BEV_EVENT_ERROR);
    }
}

// --- Connecting

enum class Progress : std::uint8_t { going_on, done, failed };

/// Fails with the reason in errno.
Progress look_at_connect(Bev& bev, evutil_socket_t fd) noexcept {
    if (std::exchange(bev.connection_refused, false)) {
        errno = ECONNREFUSED;
        return Progress::failed;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        return Progress::failed;
    }
    if (error == 0) {
        return Progress::done;
    }
    errno = error;
    return error == EINTR || error == EINPROGRESS ? Progress::going_on : Progress::failed;
}

/// Reports the end of connecting. Returns whether writing may go on.
bool finish_connect(Bev& bev, Progress progress) noexcept {
    bev.connecting = false;
    if (progress == Progress::failed) {
        const int error = errno;
        event_del(&bev.ev_write);
        event_del(&bev.ev_read);
        errno = error;
        run_event_callback(bev, BEV_EVENT_ERROR, 0);
        return false;
    }
    run_event_callback(bev, BEV_EVENT_CONNECTED, 0);
    if (!bev.enabled_and_free(Direction::write)) {
        event_del(&bev.ev_write);
        return false;
    }
    return true;
}

// --- Writing

int write_some(Bev& bev, evutil_socket_t fd, ev_ssize_t most) noexcept {
    evbuffer_unfreeze(bev.output, 1);
    const int moved = evbuffer_write_atmost(bev.output, fd, most);
    evbuffer_freeze(bev.output, 1);
    return moved;
}

void on_writable(evutil_socket_t fd, short events, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    const BevHold hold(bev);
    if (hold.ending()) {
        return;
    }
    if (events == EV_TIMEOUT) {
        fail(bev, Direction::write, BEV_EVENT_TIMEOUT);
        return;
    }
    bool just_connected = false;
    if (bev.connecting) {
        const Progress progress = look_at_connect(bev, fd);
        if (progress == Progress::going_on || !finish_connect(bev, progress)) {
            return;
        }
        just_connected = true;
    }
    const ev_ssize_t most = most_to_move(bev, Direction::write);
    if (bev.suspended[index_of(Direction::write)] != 0) {
        return;
    }
    int moved = 0;
    if (bev.output_size() != 0) {
        moved = write_some(bev, fd, most);
        bev.took_all = bev.output_size() == 0;
        if (moved < 0 && is_passing(errno)) {
            return;
        }
        if (moved <= 0) {
            fail(bev, Direction::write, moved < 0 ? BEV_EVENT_ERROR : BEV_EVENT_EOF);
            return;
        }
        charge(bev, Direction::write, moved);
    }
    if (bev.output_size() == 0) {
        event_del(&bev.ev_write);
    }
    if (moved != 0 || !just_connected) {
        trigger(bev, EV_WRITE, 0);
    }
}

/// Output has grown: the write event is wanted.
void on_output(evbuffer*, const evbuffer_cb_info* info, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    if (info->n_added != 0 && bev.enabled_and_free(Direction::write) &&
        event_pending(&bev.ev_write, EV_WRITE, nullptr) == 0) {
        if (bev.took_all) {
            add_roomy_event(bev.ev_write, bev.timeout_write, bev.heard);
        } else {
            add_event(bev.ev_write, bev.timeout_write);
        }
    }
}

// --- The kind

void assign_events(Bev& bev, evutil_socket_t fd) noexcept {
    event_assign(&bev.ev_read, bev.ev_base, fd, EV_READ | EV_PERSIST | EV_FINALIZE, on_readable,
                 &bev);
    event_assign(&bev.ev_write, bev.ev_base, fd, EV_WRITE | EV_PERSIST | EV_FINALIZE, on_writable,
                 &bev);
}

void cancel_look_up(Bev& bev) noexcept {
    resolve_cancel(std::exchange(bev.look_up_request, nullptr));
}

bool socket_enable(Bev& bev, short events) noexcept {
    return ((events & EV_READ) == 0 || add_event(bev.ev_read, bev.timeout_read)) &&
           ((events & EV_WRITE) == 0 || add_event(bev.ev_write, bev.timeout_write));
}

bool socket_disable(Bev& bev, short events) noexcept {
    bool good = true;
    if ((events & EV_READ) != 0) {
        bev.heard = never;
        good &= event_del(&bev.ev_read) == 0;
    }
    // The write event also reports the end of connecting.
    if ((events & EV_WRITE) != 0 && !bev.connecting) {
        good &= event_del(&bev.ev_write) == 0;
    }
    return good;
}

int socket_flush(Bev&, short, bufferevent_flush_mode) noexcept {
    return 0;
}

evutil_socket_t socket_get_fd(Bev& bev) noexcept {
    return event_get_fd(&bev.ev_read);
}

bool socket_set_fd(Bev& bev, evutil_socket_t fd) noexcept {
    event_del(&bev.ev_read);
    event_del(&bev.ev_write);
    cancel_look_up(bev);
    assign_events(bev, fd);
    bev.took_all = false;
    if (fd >= 0) {
        enable(bev, bev.enabled);
    }
    return true;
}

void socket_unlink(Bev& bev) noexcept {
    cancel_look_up(bev);
}

void socket_destroy(Bev* bev) noexcept {
    const evutil_socket_t fd = socket_get_fd(*bev);
    if ((bev->options & BEV_OPT_CLOSE_ON_FREE) != 0 && fd >= 0) {
        evutil_closesocket(fd);
    }
    mm_delete(bev);
}

}  // namespace

const bufferevent_ops socket_ops{
    .kind = "socket",
    .enable = socket_enable,
    .disable = socket_disable,
    .adjust_timeouts = adjust_pending_timeouts,
    .flush = socket_flush,
    .get_fd = socket_get_fd,
    .set_fd = socket_set_fd,
    .unlink = socket_unlink,
    .destroy = socket_destroy,
};

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

bufferevent* bufferevent_socket_new(event_base* base, evutil_socket_t fd, int options) {
    Bev* bev = mm_new<Bev>(base, socket_ops, options);
    if (bev == nullptr) {
        return nullptr;
    }
    if (!bev->init() || evbuffer_add_cb(bev->output, on_output, bev) == nullptr) {
        mm_delete(bev);
        return nullptr;
    }
    evbuffer_set_flags(bev->output, EVBUFFER_FLAG_DRAINS_TO_FD);
    assign_events(*bev, fd);
    evbuffer_freeze(bev->input, 0);
    evbuffer_freeze(bev->output, 1);
    return bev;
}

}  // extern "C"
