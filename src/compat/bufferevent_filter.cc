// Filters: a bufferevent over another one. Input of the one below goes through the input filter
// into this one's input; this one's output goes through the output filter into the output below.
// The filter takes over the callbacks of what is below, keeps a reference to it, and shares its
// lock. What is below reads only while the filter does. Both buffers are open at both ends, as
// filter functions are the program's.
#include "compat/alloc.h"
#include "compat/bufferevent.h"
#include "compat/evbuffer.h"
#include "compat/log.h"

namespace corevent::compat {
namespace {

struct FilterBev final : Bev {
    FilterBev(event_base* base, int bev_options) noexcept : Bev(base, filter_ops, bev_options) {}
    ~FilterBev();

    bufferevent_filter_cb process_in = nullptr;
    bufferevent_filter_cb process_out = nullptr;
    void (*free_context)(void*) = nullptr;
    void* context = nullptr;
    /// Enabled while input that fits no more waits below.
    evbuffer_cb_entry* input_watch = nullptr;
    evbuffer_cb_entry* output_watch = nullptr;
};

FilterBev::~FilterBev() {
    if (underlying != nullptr) {
        corevent::compat::lock(*underlying);
        release_and_unlock(*underlying);
    }
}

FilterBev& filter_of(Bev& bev) noexcept {
    return static_cast<FilterBev&>(bev);
}

bufferevent_filter_result pass_through(evbuffer* from, evbuffer* to, ev_ssize_t limit,
                                       bufferevent_flush_mode, void*) noexcept {
    const bool moved = limit < 0
                           ? evbuffer_add_buffer(to, from) == 0
                           : evbuffer_remove_buffer(from, to, static_cast<std::size_t>(limit)) >= 0;
    return moved ? BEV_OK : BEV_ERROR;
}

/// A water mark is no obstacle to flushing.
bool is_full(const evbuffer* buffer, std::size_t high, bufferevent_flush_mode mode) noexcept {
    return mode == BEV_NORMAL && high != 0 && evbuffer_get_length(buffer) >= high;
}

bool input_is_full(const FilterBev& bev, bufferevent_flush_mode mode) noexcept {
    return is_full(bev.input, bev.wm_read.high, mode);
}

bool below_is_full(const FilterBev& bev, bufferevent_flush_mode mode) noexcept {
    return is_full(bev.underlying->output, bev.underlying->wm_write.high, mode);
}

/// What the filter function may produce.
ev_ssize_t room(const evbuffer* buffer, std::size_t high, bufferevent_flush_mode mode) noexcept {
    if (mode != BEV_NORMAL || high == 0) {
        return -1;
    }
    return static_cast<ev_ssize_t>(high) - static_cast<ev_ssize_t>(evbuffer_get_length(buffer));
}

// --- Input

/// Returns whether the filter function produced something.
bool process_input(FilterBev& bev, bufferevent_flush_mode mode) noexcept {
    Bev& below = *bev.underlying;
    if (mode == BEV_NORMAL && ((bev.enabled & EV_READ) == 0 || input_is_full(bev, mode))) {
        return false;
    }
    bool produced = false;
    bufferevent_filter_result result;
    do {
        result = bev.process_in(below.input, bev.input, room(bev.input, bev.wm_read.high, mode),
                                mode, bev.context);
        produced |= result == BEV_OK;
    } while (result == BEV_OK && (bev.enabled & EV_READ) != 0 && below.input_size() != 0 &&
             !input_is_full(bev, mode));
    if (produced) {
        restart_timeout(bev, Direction::read);
    }
    return produced;
}

void take_input(FilterBev& bev) noexcept {
    if (!process_input(bev, BEV_NORMAL)) {
        return;
    }
    trigger(bev, EV_READ, 0);
    if (bev.underlying->input_size() != 0 && input_is_full(bev, BEV_NORMAL)) {
        evbuffer_cb_set_flags(bev.input, bev.input_watch, EVBUFFER_CB_ENABLED);
    }
}

/// Someone took from a full input: there may be room for what waits below.
void on_input_taken(evbuffer*, const evbuffer_cb_info* info, void* arg) noexcept {
    FilterBev& bev = *static_cast<FilterBev*>(arg);
    if (info->n_deleted == 0 || input_is_full(bev, BEV_NORMAL)) {
        return;
    }
    const BevHold hold(bev);
    evbuffer_cb_clear_flags(bev.input, bev.input_watch, EVBUFFER_CB_ENABLED);
    take_input(bev);
}

// --- Output

bool process_output(FilterBev& bev, bufferevent_flush_mode mode) noexcept {
    Bev& below = *bev.underlying;
    if (mode == BEV_NORMAL &&
        ((bev.enabled & EV_WRITE) == 0 || below_is_full(bev, mode) || bev.output_size() == 0)) {
        return false;
    }
    // The write callback below may add to the output, which must not lead back into here.
    evbuffer_cb_clear_flags(bev.output, bev.output_watch, EVBUFFER_CB_ENABLED);
    bool produced = false;
    bool produced_now;
    bufferevent_filter_result result;
    const auto goes_on = [&] {
        return result == BEV_OK && (bev.enabled & EV_WRITE) != 0 && bev.output_size() != 0 &&
               !below_is_full(bev, mode);
    };
    do {
        produced_now = false;
        do {
            result =
                bev.process_out(bev.output, below.output,
                                room(below.output, below.wm_write.high, mode), mode, bev.context);
            produced_now |= result == BEV_OK;
        } while (goes_on());
        if (produced_now) {
            produced = true;
            trigger(bev, EV_WRITE, 0);
        }
    } while (produced_now && goes_on());
    evbuffer_cb_set_flags(bev.output, bev.output_watch, EVBUFFER_CB_ENABLED);
    if (produced) {
        restart_timeout(bev, Direction::write);
    }
    return produced;
}

void on_output(evbuffer*, const evbuffer_cb_info* info, void* arg) noexcept {
    FilterBev& bev = *static_cast<FilterBev*>(arg);
    if (info->n_added != 0) {
        const BevHold hold(bev);
        process_output(bev, BEV_NORMAL);
    }
}

// --- What is below calls

void below_has_input(bufferevent*, void* arg) noexcept {
    FilterBev& bev = *static_cast<FilterBev*>(arg);
    const BevHold hold(bev);
    if (!hold.ending()) {
        take_input(bev);
    }
}

void below_has_room(bufferevent*, void* arg) noexcept {
    FilterBev& bev = *static_cast<FilterBev*>(arg);
    const BevHold hold(bev);
    if (!hold.ending()) {
        process_output(bev, BEV_NORMAL);
    }
}

void below_has_event(bufferevent*, short what, void* arg) noexcept {
    FilterBev& bev = *static_cast<FilterBev*>(arg);
    const BevHold hold(bev);
    if (!hold.ending()) {
        run_event_callback(bev, what, 0);
    }
}

// --- The kind

bool filter_enable(Bev& bev, short events) noexcept {
    if ((events & EV_WRITE) != 0) {
        restart_timeout(bev, Direction::write);
    }
    if ((events & EV_READ) != 0) {
        restart_timeout(bev, Direction::read);
        unsuspend(*bev.underlying, Direction::read, filter_rests);
    }
    return true;
}

bool filter_disable(Bev& bev, short events) noexcept {
    if ((events & EV_WRITE) != 0) {
        stop_timeout(bev, Direction::write);
    }
    if ((events & EV_READ) != 0) {
        stop_timeout(bev, Direction::read);
        suspend(*bev.underlying, Direction::read, filter_rests);
    }
    return true;
}

int filter_flush(Bev& bev, short events, bufferevent_flush_mode mode) noexcept {
    FilterBev& self = filter_of(bev);
    bool moved = false;
    if ((events & EV_READ) != 0) {
        moved |= process_input(self, mode);
    }
    if ((events & EV_WRITE) != 0) {
        moved |= process_output(self, mode);
    }
    bufferevent_flush(self.underlying, events, mode);
    return moved ? 1 : 0;
}

evutil_socket_t filter_get_fd(Bev& bev) noexcept {
    return bufferevent_getfd(bev.underlying);
}

bool filter_set_fd(Bev& bev, evutil_socket_t fd) noexcept {
    return bufferevent_setfd(bev.underlying, fd) == 0;
}

void filter_unlink(Bev& bev) noexcept {
    Bev& below = *bev.underlying;
    if ((bev.options & BEV_OPT_CLOSE_ON_FREE) != 0) {
        if (below.references < 2) {
            warnx("BEV_OPT_CLOSE_ON_FREE: the bufferevent under a filter has been freed already");
        } else {
            bufferevent_free(&below);
        }
    } else if (below.errorcb == below_has_event) {
        bufferevent_setcb(&below, nullptr, nullptr, nullptr, nullptr);
        unsuspend(below, Direction::read, filter_rests);
    }
}

void filter_destroy(Bev* bev) noexcept {
    FilterBev* const self = static_cast<FilterBev*>(bev);
    if (self->free_context != nullptr) {
        self->free_context(self->context);
    }
    mm_delete(self);
}

}  // namespace

const bufferevent_ops filter_ops{
    .kind = "filter",
    .enable = filter_enable,
    .disable = filter_disable,
    .adjust_timeouts = adjust_timeout_events,
    .flush = filter_flush,
    .get_fd = filter_get_fd,
    .set_fd = filter_set_fd,
    .unlink = filter_unlink,
    .destroy = filter_destroy,
};

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

bufferevent* bufferevent_filter_new(bufferevent* underlying, bufferevent_filter_cb input_filter,
                                    bufferevent_filter_cb output_filter, int options,
                                    void (*free_context)(void*), void* ctx) {
    Bev& below = bev_of(underlying);
    FilterBev* const bev = mm_new<FilterBev>(below.ev_base, options);
    if (bev == nullptr) {
        return nullptr;
    }
    if (!bev->init(below.lock) ||
        (bev->input_watch = evbuffer_add_cb(bev->input, on_input_taken, bev)) == nullptr ||
        (bev->output_watch = evbuffer_add_cb(bev->output, on_output, bev)) == nullptr) {
        mm_delete(bev);
        return nullptr;
    }
    evbuffer_cb_clear_flags(bev->input, bev->input_watch, EVBUFFER_CB_ENABLED);
    bev->process_in = input_filter != nullptr ? input_filter : pass_through;
    bev->process_out = output_filter != nullptr ? output_filter : pass_through;
    bev->free_context = free_context;
    bev->context = ctx;
    bev->underlying = &below;
    bufferevent_incref(&below);
    init_timeout_events(*bev);
    bufferevent_setcb(&below, below_has_input, below_has_room, below_has_event, bev);
    bufferevent_enable(&below, EV_READ | EV_WRITE);
    const BevLock guard(below);
    suspend(below, Direction::read, filter_rests);
    return bev;
}

bufferevent* bufferevent_get_underlying(bufferevent* bufev) {
    const BevLock guard(bev_of(bufev));
    return bev_of(bufev).underlying;
}

}  // extern "C"
