// Pairs: two bufferevents of one base, each of which receives what is written to the other. Data
// moves as soon as the writer writes and the reader reads, from whichever call made that true; the
// callbacks are always deferred, so that the two never recurse into each other. Thread-safe pairs
// have one lock.
#include "compat/alloc.h"
#include "compat/bufferevent.h"
#include "compat/evbuffer.h"

namespace corevent::compat {
namespace {

struct PairBev final : Bev {
    PairBev(event_base* base, int bev_options) noexcept : Bev(base, pair_ops, bev_options) {}

    PairBev* partner = nullptr;
};

PairBev& pair_of(Bev& bev) noexcept {
    return static_cast<PairBev&>(bev);
}

bool wants_to_move(const PairBev& from, const PairBev& to) noexcept {
    return (from.enabled & EV_WRITE) != 0 && to.enabled_and_free(Direction::read) &&
           from.output_size() != 0;
}

/// Moves up to the high-water mark of `to`; when that is reached already nothing moves, except for
/// `all_the_same`, which moves everything.
void move_data(PairBev& from, PairBev& to, bool all_the_same) noexcept {
    const std::size_t high = to.wm_read.high;
    const std::size_t held = to.input_size();
    if (high != 0 && held >= high && !all_the_same) {
        return;
    }
    evbuffer_unfreeze(from.output, 1);
    evbuffer_unfreeze(to.input, 0);
    if (high != 0 && held < high) {
        evbuffer_remove_buffer(from.output, to.input, high - held);
    } else {
        evbuffer_add_buffer(to.input, from.output);
    }
    evbuffer_freeze(to.input, 0);
    evbuffer_freeze(from.output, 1);

    restart_timeout(to, Direction::read);
    if (from.output_size() != 0) {
        restart_timeout(from, Direction::write);
    } else {
        stop_timeout(from, Direction::write);
    }
    trigger(to, EV_READ, 0);
    trigger(from, EV_WRITE, 0);
}

void on_output(evbuffer*, const evbuffer_cb_info* info, void* arg) noexcept {
    PairBev& bev = *static_cast<PairBev*>(arg);
    PairBev* const partner = bev.partner;
    if (info->n_added > info->n_deleted && partner != nullptr && wants_to_move(bev, *partner)) {
        move_data(bev, *partner, false);
    }
}

bool pair_enable(Bev& bev, short events) noexcept {
    PairBev& self = pair_of(bev);
    PairBev* const partner = self.partner;
    if ((events & EV_READ) != 0) {
        restart_timeout(self, Direction::read);
    }
    if ((events & EV_WRITE) != 0 && self.output_size() != 0) {
        restart_timeout(self, Direction::write);
    }
    if ((events & EV_READ) != 0 && partner != nullptr && wants_to_move(*partner, self)) {
        move_data(*partner, self, false);
    }
    if ((events & EV_WRITE) != 0 && partner != nullptr && wants_to_move(self, *partner)) {
        move_data(self, *partner, false);
    }
    return true;
}

bool pair_disable(Bev& bev, short events) noexcept {
    for (const Direction d : {Direction::read, Direction::write}) {
        if ((events & event_bit(d)) != 0) {
            stop_timeout(bev, d);
        }
    }
    return true;
}

int pair_flush(Bev& bev, short events, bufferevent_flush_mode mode) noexcept {
    PairBev& self = pair_of(bev);
    PairBev* const partner = self.partner;
    if (partner == nullptr) {
        return -1;
    }
    if (mode == BEV_NORMAL) {
        return 0;
    }
    if ((events & EV_READ) != 0) {
        move_data(*partner, self, true);
    }
    if ((events & EV_WRITE) != 0) {
        move_data(self, *partner, true);
    }
    if (mode == BEV_FINISHED) {
        short what = BEV_EVENT_EOF;
        if ((events & EV_READ) != 0) {
            what |= BEV_EVENT_WRITING;
        }
        if ((events & EV_WRITE) != 0) {
            what |= BEV_EVENT_READING;
        }
        run_event_callback(*partner, what, 0);
    }
    return 0;
}

evutil_socket_t pair_get_fd(Bev&) noexcept {
    return -1;
}

bool pair_set_fd(Bev&, evutil_socket_t) noexcept {
    return false;
}

void pair_unlink(Bev& bev) noexcept {
    PairBev& self = pair_of(bev);
    if (self.partner != nullptr) {
        self.partner->partner = nullptr;
        self.partner = nullptr;
    }
}

void pair_destroy(Bev* bev) noexcept {
    mm_delete(static_cast<PairBev*>(bev));
}

PairBev* new_half(event_base* base, int options, PairBev* first) noexcept {
    PairBev* half = mm_new<PairBev>(base, options);
    if (half == nullptr) {
        return nullptr;
    }
    if (!half->init(first != nullptr ? first->lock : nullptr) ||
        evbuffer_add_cb(half->output, on_output, half) == nullptr) {
        mm_delete(half);
        return nullptr;
    }
    init_timeout_events(*half);
    evbuffer_freeze(half->input, 0);
    evbuffer_freeze(half->output, 1);
    return half;
}

}  // namespace

const bufferevent_ops pair_ops{
    .kind = "pair",
    .enable = pair_enable,
    .disable = pair_disable,
    .adjust_timeouts = adjust_timeout_events,
    .flush = pair_flush,
    .get_fd = pair_get_fd,
    .set_fd = pair_set_fd,
    .unlink = pair_unlink,
    .destroy = pair_destroy,
};

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

int bufferevent_pair_new(event_base* base, int options, bufferevent* pair[2]) {
    options |= BEV_OPT_DEFER_CALLBACKS;
    PairBev* const first = new_half(base, options, nullptr);
    if (first == nullptr) {
        return -1;
    }
    PairBev* const second = new_half(base, options, first);
    if (second == nullptr) {
        bufferevent_free(first);
        return -1;
    }
    first->partner = second;
    second->partner = first;
    pair[0] = first;
    pair[1] = second;
    return 0;
}

bufferevent* bufferevent_pair_get_partner(bufferevent* bufev) {
    Bev& bev = bev_of(bufev);
    if (!bev.is(pair_ops)) {
        return nullptr;
    }
    const BevHold hold(bev);
    return pair_of(bev).partner;
}

}  // extern "C"
