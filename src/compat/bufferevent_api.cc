// The entries of <event2/bufferevent.h> and <event2/bufferevent_compat.h> that all kinds have in
// common: each takes the lock and calls what bufferevent.h declares.
#include "compat/async_resolve.h"
#include "compat/bufferevent.h"
#include "compat/evbuffer.h"

#include <event2/bufferevent_compat.h>

#include <utility>

namespace corevent::compat {
namespace {

/// Input has grown or shrunk while there is a high-water mark.
void watch_high_mark(evbuffer*, const evbuffer_cb_info*, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    if (bev.input_size() >= bev.wm_read.high) {
        suspend(bev, Direction::read, full);
    } else {
        unsuspend(bev, Direction::read, full);
    }
}

void set_read_marks(Bev& bev, std::size_t low, std::size_t high) noexcept {
    bev.wm_read = {low, high};
    if (high == 0) {
        if (bev.full_watch != nullptr) {
            evbuffer_cb_clear_flags(bev.input, bev.full_watch, EVBUFFER_CB_ENABLED);
        }
        unsuspend(bev, Direction::read, full);
        return;
    }
    if (bev.full_watch == nullptr) {
        bev.full_watch = evbuffer_add_cb(bev.input, watch_high_mark, &bev);
    }
    evbuffer_cb_set_flags(bev.input, bev.full_watch, EVBUFFER_CB_ENABLED | EVBUFFER_CB_NODEFER);
    watch_high_mark(nullptr, nullptr, &bev);
}

void set_timeout(timeval& field, const timeval* timeout) noexcept {
    field = timeout != nullptr ? *timeout : timeval{};
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

// --- Life and references

void bufferevent_free(bufferevent* bufev) {
    Bev& bev = bev_of(bufev);
    lock(bev);
    bufferevent_setcb(bufev, nullptr, nullptr, nullptr, nullptr);
    resolve_cancel(std::exchange(bev.look_up_request, nullptr));
    release_and_unlock(bev);
}

void bufferevent_incref(bufferevent* bufev) {
    const BevLock guard(bev_of(bufev));
    ++bev_of(bufev).references;
}

int bufferevent_decref(bufferevent* bufev) {
    lock(bev_of(bufev));
    return release_and_unlock(bev_of(bufev)) ? 1 : 0;
}

void bufferevent_lock(bufferevent* bufev) {
    hold_and_lock(bev_of(bufev));
}

void bufferevent_unlock(bufferevent* bufev) {
    release_and_unlock(bev_of(bufev));
}

// --- What it is made of

int bufferevent_base_set(event_base* base, bufferevent* bufev) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    if (!bev.is(socket_ops)) {
        return -1;
    }
    bev.ev_base = base;
    return status(event_base_set(base, &bev.ev_read) == 0 &&
                  event_base_set(base, &bev.ev_write) == 0);
}

event_base* bufferevent_get_base(bufferevent* bufev) {
    return bufev->ev_base;
}

int bufferevent_priority_set(bufferevent* bufev, int pri) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    if (bev.is(pair_ops) || bev.is(filter_ops)) {
        return -1;
    }
    if (event_priority_set(&bev.ev_read, pri) != 0 || event_priority_set(&bev.ev_write, pri) != 0) {
        return -1;
    }
    bev.deferred.set_priority(pri);
    return 0;
}

int bufferevent_get_priority(const bufferevent* bufev) {
    return event_initialized(&bufev->ev_read) != 0 ? event_get_priority(&bufev->ev_read)
                                                   : event_base_get_npriorities(bufev->ev_base) / 2;
}

int bufferevent_setfd(bufferevent* bufev, evutil_socket_t fd) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    return status(bev.be_ops->set_fd(bev, fd));
}

evutil_socket_t bufferevent_getfd(bufferevent* bufev) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    return bev.be_ops->get_fd(bev);
}

void bufferevent_setcb(bufferevent* bufev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
                       bufferevent_event_cb eventcb, void* cbarg) {
    const BevLock guard(bev_of(bufev));
    bufev->readcb = readcb;
    bufev->writecb = writecb;
    bufev->errorcb = eventcb;
    bufev->cbarg = cbarg;
}

void bufferevent_getcb(bufferevent* bufev, bufferevent_data_cb* readcb_ptr,
                       bufferevent_data_cb* writecb_ptr, bufferevent_event_cb* eventcb_ptr,
                       void** cbarg_ptr) {
    const BevLock guard(bev_of(bufev));
    const auto give = [](auto* place, auto value) {
        if (place != nullptr) {
            *place = value;
        }
    };
    give(readcb_ptr, bufev->readcb);
    give(writecb_ptr, bufev->writecb);
    give(eventcb_ptr, bufev->errorcb);
    give(cbarg_ptr, bufev->cbarg);
}

// --- Data

evbuffer* bufferevent_get_input(bufferevent* bufev) {
    return bufev->input;
}

evbuffer* bufferevent_get_output(bufferevent* bufev) {
    return bufev->output;
}

int bufferevent_write(bufferevent* bufev, const void* data, std::size_t size) {
    return status(evbuffer_add(bufev->output, data, size) == 0);
}

int bufferevent_write_buffer(bufferevent* bufev, evbuffer* buf) {
    return status(evbuffer_add_buffer(bufev->output, buf) == 0);
}

std::size_t bufferevent_read(bufferevent* bufev, void* data, std::size_t size) {
    const int taken = evbuffer_remove(bufev->input, data, size);
    return taken > 0 ? static_cast<std::size_t>(taken) : 0;
}

int bufferevent_read_buffer(bufferevent* bufev, evbuffer* buf) {
    return evbuffer_add_buffer(buf, bufev->input);
}

// --- Directions, timeouts, water marks

int bufferevent_enable(bufferevent* bufev, short event) {
    const BevHold hold(bev_of(bufev));
    return status(enable(bev_of(bufev), event));
}

int bufferevent_disable(bufferevent* bufev, short event) {
    const BevHold hold(bev_of(bufev));
    return status(disable(bev_of(bufev), event));
}

short bufferevent_get_enabled(bufferevent* bufev) {
    const BevLock guard(bev_of(bufev));
    return bufev->enabled;
}

int bufferevent_set_timeouts(bufferevent* bufev, const timeval* timeout_read,
                             const timeval* timeout_write) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    set_timeout(bev.timeout_read, timeout_read);
    set_timeout(bev.timeout_write, timeout_write);
    return status(bev.be_ops->adjust_timeouts(bev));
}

void bufferevent_settimeout(bufferevent* bufev, int timeout_read, int timeout_write) {
    const timeval read{timeout_read, 0};
    const timeval write{timeout_write, 0};
    bufferevent_set_timeouts(bufev, timeout_read != 0 ? &read : nullptr,
                             timeout_write != 0 ? &write : nullptr);
}

void bufferevent_setwatermark(bufferevent* bufev, short events, std::size_t lowmark,
                              std::size_t highmark) {
    Bev& bev = bev_of(bufev);
    const BevHold hold(bev);
    if ((events & EV_WRITE) != 0) {
        bev.wm_write = {lowmark, highmark};
    }
    if ((events & EV_READ) != 0) {
        set_read_marks(bev, lowmark, highmark);
    }
}

int bufferevent_getwatermark(bufferevent* bufev, short events, std::size_t* lowmark,
                             std::size_t* highmark) {
    if (events != EV_READ && events != EV_WRITE) {
        return -1;
    }
    const BevLock guard(bev_of(bufev));
    const event_watermark& marks = events == EV_READ ? bufev->wm_read : bufev->wm_write;
    if (lowmark != nullptr) {
        *lowmark = marks.low;
    }
    if (highmark != nullptr) {
        *highmark = marks.high;
    }
    return 0;
}

// --- Flushing and triggering

int bufferevent_flush(bufferevent* bufev, short iotype, bufferevent_flush_mode mode) {
    Bev& bev = bev_of(bufev);
    const BevHold hold(bev);
    return bev.be_ops->flush(bev, iotype, mode);
}

void bufferevent_trigger(bufferevent* bufev, short iotype, int options) {
    const BevHold hold(bev_of(bufev));
    trigger(bev_of(bufev), iotype, options);
}

void bufferevent_trigger_event(bufferevent* bufev, short what, int options) {
    const BevHold hold(bev_of(bufev));
    run_event_callback(bev_of(bufev), what, options);
}

// --- libevent 1.4

bufferevent* bufferevent_new(evutil_socket_t fd, evbuffercb readcb, evbuffercb writecb,
                             everrorcb errorcb, void* cbarg) {
    bufferevent* bev = bufferevent_socket_new(nullptr, fd, 0);
    if (bev != nullptr) {
        bufferevent_setcb(bev, readcb, writecb, errorcb, cbarg);
    }
    return bev;
}

}  // extern "C"
