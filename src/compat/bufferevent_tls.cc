// Bufferevents that speak TLS, over a socket or over another bufferevent, whatever the library.
//
//   handshake --done--> open --> (nothing moves any more, the program knows)
//       ^                |
//       +--renegotiate---+
//
// Reading may have to wait until the wire takes something, and writing until it brings something:
// then the events of the other direction drive it (read_waits_, write_waits_).
#include "compat/alloc.h"
#include "compat/bufferevent.h"
#include "compat/evbuffer.h"
#include "compat/log.h"
#include "compat/rate_limit.h"
#include "compat/tls_session.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace corevent::compat {
namespace {

constexpr std::size_t read_step = 4096;
constexpr ev_ssize_t write_step = 15000;
constexpr int extents_max = 8;

extern const bufferevent_ops tls_ops;

/// What an attempt to move octets came to.
enum class Step : std::uint8_t { nothing, moved, blocked, ended };

class TlsBev final : public Bev {
public:
    TlsBev(event_base* base_of, TlsSession& of, TlsRole as, int bev_options) noexcept
        : Bev(base_of, tls_ops, bev_options), session(of), role(as) {}

    bool start(Bev* below, evutil_socket_t fd) noexcept;
    bool begin_handshake(evutil_socket_t fd) noexcept;
    void begin_open(evutil_socket_t fd) noexcept;

    bool enable_open(short events) noexcept;
    bool rest(Direction direction) noexcept;
    void on_ready(Direction direction) noexcept;
    void on_output_added() noexcept;

    TlsSession& session;
    TlsRole role;

private:
    void shake() noexcept;
    void take_input() noexcept;
    void send_output() noexcept;
    Step read_some(std::size_t most) noexcept;
    Step write_some() noexcept;
    std::size_t most_to_read() const noexcept;
    bool may_write() const noexcept;

    bool wake(Direction direction) noexcept;
    void read_waits(bool waits) noexcept;
    void write_waits(bool waits) noexcept;
    void end(short when, TlsResult::Kind why) noexcept;
    void charge_wire() noexcept;

    bool read_waits_for_write_ = false;
    bool write_waits_for_read_ = false;
    ev_ssize_t offered_ = -1;  ///< what the session must be offered again
    std::uint64_t charged_[2] = {0, 0};
};

TlsBev& tls_of(Bev& bev) noexcept {
    return static_cast<TlsBev&>(bev);
}

// --- What drives it: events of a socket, callbacks of the bufferevent below, its own output

template <Direction direction>
void on_socket(evutil_socket_t, short events, void* arg) noexcept {
    TlsBev& bev = *static_cast<TlsBev*>(arg);
    const BevHold hold(bev);
    if (hold.ending()) {
        return;
    }
    if (events == EV_TIMEOUT) {
        const bool open = bev.role == TlsRole::open;
        const short side = direction == Direction::read ? BEV_EVENT_READING : BEV_EVENT_WRITING;
        run_event_callback(bev, static_cast<short>(BEV_EVENT_TIMEOUT | (open ? side : 0)), 0);
        return;
    }
    bev.connecting = false;
    bev.on_ready(direction);
}

template <Direction direction>
void below_is_ready(bufferevent*, void* arg) noexcept {
    TlsBev& bev = *static_cast<TlsBev*>(arg);
    const BevHold hold(bev);
    if (!hold.ending()) {
        bev.on_ready(direction);
    }
}

void below_has_event(bufferevent*, short what, void* arg) noexcept {
    TlsBev& bev = *static_cast<TlsBev*>(arg);
    const BevHold hold(bev);
    if (hold.ending()) {
        return;
    }
    short event = 0;
    if ((what & BEV_EVENT_EOF) != 0) {
        event = bev.session.cut_off_is_end ? BEV_EVENT_EOF : BEV_EVENT_ERROR;
    } else if ((what & (BEV_EVENT_TIMEOUT | BEV_EVENT_ERROR)) != 0) {
        event = what;
    }
    if (event != 0) {
        run_event_callback(bev, event, 0);
    }
}

void on_output(evbuffer*, const evbuffer_cb_info* info, void* arg) noexcept {
    TlsBev& bev = *static_cast<TlsBev*>(arg);
    if (info->n_added != 0 && bev.role == TlsRole::open) {
        const BevHold hold(bev);
        bev.on_output_added();
    }
}

void TlsBev::on_ready(Direction direction) noexcept {
    if (role != TlsRole::open) {
        shake();
    } else if (direction == Direction::read) {
        take_input();
    } else {
        send_output();
    }
}

void TlsBev::on_output_added() noexcept {
    if (enabled_and_free(Direction::write)) {
        // Most of the time everything goes at once, and nothing is left to ask the kernel for.
        if (underlying == nullptr && event_pending(&ev_write, EV_WRITE, nullptr) == 0) {
            add_roomy_event(ev_write, timeout_write, any_turn);
        } else {
            wake(Direction::write);
        }
        send_output();
        if (underlying == nullptr) {
            ask_kernel(ev_write);
        }
    }
}

// --- Beginnings

void assign_events(TlsBev& bev, evutil_socket_t fd) noexcept {
    event_assign(&bev.ev_read, bev.ev_base, fd, EV_READ | EV_PERSIST | EV_FINALIZE,
                 on_socket<Direction::read>, &bev);
    event_assign(&bev.ev_write, bev.ev_base, fd, EV_WRITE | EV_PERSIST | EV_FINALIZE,
                 on_socket<Direction::write>, &bev);
}

bool TlsBev::start(Bev* below, evutil_socket_t fd) noexcept {
    if (!init(below != nullptr ? below->lock : nullptr) ||
        evbuffer_add_cb(output, on_output, this) == nullptr) {
        return false;
    }
    if (below != nullptr) {
        underlying = below;
        bufferevent_incref(below);
        init_timeout_events(*this);
        bufferevent_setcb(below, below_is_ready<Direction::read>, below_is_ready<Direction::write>,
                          below_has_event, this);
    } else {
        assign_events(*this, fd);
    }
    evbuffer_freeze(input, 0);
    evbuffer_freeze(output, 1);
    const BevHold hold(*this);
    if (role == TlsRole::open) {
        begin_open(fd);
        return true;
    }
    return begin_handshake(fd);
}

bool TlsBev::begin_handshake(evutil_socket_t fd) noexcept {
    if (underlying != nullptr) {
        bufferevent_enable(underlying, EV_READ | EV_WRITE);
        shake();
        return true;
    }
    assign_events(*this, fd);
    return fd < 0 || (add_event(ev_read, timeout_read) && add_event(ev_write, timeout_write));
}

void TlsBev::begin_open(evutil_socket_t fd) noexcept {
    if (underlying != nullptr) {
        bufferevent_enable(underlying, EV_READ | EV_WRITE);
        if ((enabled & EV_READ) == 0) {
            suspend(*underlying, Direction::read, filter_rests);
        }
    } else {
        event_del(&ev_read);
        event_del(&ev_write);
        if (fd < 0) {
            return;
        }
    }
    for (const Direction direction : {Direction::read, Direction::write}) {
        if (enabled_and_free(direction)) {
            enable_open(event_bit(direction));
        }
    }
}

void TlsBev::shake() noexcept {
    const TlsResult result = session.handshake();
    charge_wire();
    switch (result.kind) {
        case TlsResult::Kind::done:
            role = TlsRole::open;
            run_event_callback(*this, BEV_EVENT_CONNECTED, 0);
            if (role == TlsRole::open) {
                begin_open(bufferevent_getfd(this));
            }
            return;
        case TlsResult::Kind::wants_read:
            rest(Direction::write);
            wake(Direction::read);
            return;
        case TlsResult::Kind::wants_write:
            rest(Direction::read);
            wake(Direction::write);
            return;
        default: end(BEV_EVENT_READING, result.kind);
    }
}

// --- Moving octets

std::size_t TlsBev::most_to_read() const noexcept {
    std::size_t most = read_step;
    if (wm_read.high != 0) {
        most = std::min(most, wm_read.high - std::min(wm_read.high, input_size()));
    }
    return enabled_and_free(Direction::read) ? most : 0;
}

bool TlsBev::may_write() const noexcept {
    const bool room = underlying == nullptr || underlying->wm_write.high == 0 ||
                      underlying->output_size() < underlying->wm_write.high;
    return enabled_and_free(Direction::write) && output_size() != 0 && room;
}

Step TlsBev::read_some(std::size_t most) noexcept {
    if (suspended[index_of(Direction::read)] != 0) {
        return Step::nothing;
    }
    most = std::min(most, static_cast<std::size_t>(most_to_move(*this, Direction::read)));
    std::array<evbuffer_iovec, 2> space;
    evbuffer_unfreeze(input, 0);
    const int extents =
        most == 0 ? 0
                  : evbuffer_reserve_space(input, static_cast<ev_ssize_t>(most), space.data(), 2);
    std::size_t moved = 0;
    int used = 0;
    TlsResult result{TlsResult::Kind::done};
    for (; used < extents && most > 0; ++used) {
        auto& extent = space[static_cast<std::size_t>(used)];
        result = session.read(extent.iov_base, std::min(extent.iov_len, most));
        if (result.kind != TlsResult::Kind::done) {
            break;
        }
        const bool filled = result.moved == std::min(extent.iov_len, most);
        extent.iov_len = result.moved;
        most -= result.moved;
        moved += result.moved;
        if (!filled && session.pending() == 0) {
            ++used;
            break;
        }
    }
    if (moved != 0) {
        evbuffer_commit_space(input, space.data(), used);
        read_waits(false);
        if (underlying != nullptr) {
            restart_timeout(*this, Direction::read);
        }
    }
    evbuffer_freeze(input, 0);
    charge_wire();
    switch (result.kind) {
        case TlsResult::Kind::done: return moved != 0 ? Step::moved : Step::nothing;
        case TlsResult::Kind::wants_read: read_waits(false); break;
        case TlsResult::Kind::wants_write: read_waits(true); break;
        default:
            if (moved != 0) {
                return Step::moved;  // the next attempt ends it
            }
            end(BEV_EVENT_READING, result.kind);
            return Step::ended;
    }
    return moved != 0 ? Step::moved : Step::blocked;
}

void TlsBev::take_input() noexcept {
    while (write_waits_for_read_) {
        if (write_some() != Step::moved) {
            break;
        }
    }
    if (write_waits_for_read_) {
        return;
    }
    bool got = false;
    Step step = Step::moved;
    std::size_t most = most_to_read();
    while (most > 0 && step == Step::moved) {
        step = read_some(most);
        got |= step == Step::moved;
        // A socket that has more says so again; what the session or the input below holds does not.
        most = underlying != nullptr ? most_to_read() : std::min(session.pending(), most_to_read());
    }
    if (got) {
        trigger(*this, EV_READ, 0);
    }
}

Step TlsBev::write_some() noexcept {
    std::array<evbuffer_iovec, extents_max> space;
    const ev_ssize_t most =
        offered_ > 0 ? offered_ : std::min(write_step, most_to_move(*this, Direction::write));
    const int extents =
        std::min(evbuffer_peek(output, most, nullptr, space.data(), extents_max), extents_max);
    std::size_t moved = 0;
    TlsResult result{TlsResult::Kind::done};
    for (int i = 0; i < extents && suspended[index_of(Direction::write)] == 0; ++i) {
        const auto& extent = space[static_cast<std::size_t>(i)];
        const std::size_t size = offered_ > 0 ? static_cast<std::size_t>(offered_) : extent.iov_len;
        if (size == 0) {
            continue;
        }
        result = session.write(extent.iov_base, size);
        if (result.kind != TlsResult::Kind::done) {
            offered_ = static_cast<ev_ssize_t>(size);
            break;
        }
        offered_ = -1;
        moved += result.moved;
        if (result.moved != extent.iov_len) {
            break;
        }
    }
    if (moved != 0) {
        evbuffer_unfreeze(output, 1);
        evbuffer_drain(output, moved);
        evbuffer_freeze(output, 1);
        write_waits(false);
        if (underlying != nullptr) {
            restart_timeout(*this, Direction::write);
        }
    }
    charge_wire();
    if (moved != 0) {
        trigger(*this, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
    }
    switch (result.kind) {
        case TlsResult::Kind::done: return moved != 0 ? Step::moved : Step::nothing;
        case TlsResult::Kind::wants_read: write_waits(true); return Step::blocked;
        case TlsResult::Kind::wants_write: write_waits(false); return Step::blocked;
        default: end(BEV_EVENT_WRITING, result.kind); return Step::ended;
    }
}

void TlsBev::send_output() noexcept {
    bool got = false;
    while (read_waits_for_write_) {
        if (read_some(read_step) != Step::moved) {
            break;
        }
        got = true;
    }
    if (got) {
        trigger(*this, EV_READ, 0);
    }
    if (read_waits_for_write_) {
        return;
    }
    Step step = Step::moved;
    while (step == Step::moved && may_write()) {
        step = write_some();
    }
    if (underlying == nullptr && !read_waits_for_write_ &&
        (step == Step::ended || output_size() == 0)) {
        event_del(&ev_write);
    }
}

void TlsBev::charge_wire() noexcept {
    const std::uint64_t totals[2] = {session.wire_read(), session.wire_written()};
    for (const Direction direction : {Direction::read, Direction::write}) {
        const std::size_t i = index_of(direction);
        if (totals[i] > charged_[i]) {
            charge(*this, direction, static_cast<ev_ssize_t>(totals[i] - charged_[i]));
        }
        charged_[i] = totals[i];
    }
}

/// No octet moves any more; the program hears why.
void TlsBev::end(short when, TlsResult::Kind why) noexcept {
    const int error = errno;
    const bool clean = why == TlsResult::Kind::closed ||
                       (why == TlsResult::Kind::cut_off && session.cut_off_is_end);
    rest(Direction::read);
    rest(Direction::write);
    errno = error;
    run_event_callback(*this, static_cast<short>(when | (clean ? BEV_EVENT_EOF : BEV_EVENT_ERROR)),
                       0);
}

// --- Directions

bool TlsBev::wake(Direction direction) noexcept {
    if (underlying == nullptr) {
        return add_event(io(direction), timeout(direction));
    }
    if (direction == Direction::read) {
        unsuspend(*underlying, Direction::read, filter_rests);
    }
    return true;
}

bool TlsBev::rest(Direction direction) noexcept {
    const bool needed =
        direction == Direction::read ? write_waits_for_read_ : read_waits_for_write_;
    if (needed) {
        return true;
    }
    if (underlying == nullptr) {
        return event_del(&io(direction)) == 0;
    }
    stop_timeout(*this, direction);
    if (direction == Direction::read) {
        suspend(*underlying, Direction::read, filter_rests);
    }
    return true;
}

void TlsBev::read_waits(bool waits) noexcept {
    if (read_waits_for_write_ == waits) {
        return;
    }
    read_waits_for_write_ = waits;
    if (waits) {
        rest(Direction::read);
        wake(Direction::write);
    } else {
        if (enabled_and_free(Direction::read)) {
            wake(Direction::read);
        }
        if ((enabled & EV_WRITE) == 0) {
            rest(Direction::write);
        }
    }
}

void TlsBev::write_waits(bool waits) noexcept {
    if (write_waits_for_read_ == waits) {
        return;
    }
    write_waits_for_read_ = waits;
    if (waits) {
        rest(Direction::write);
        wake(Direction::read);
    } else {
        if (enabled_and_free(Direction::write)) {
            wake(Direction::write);
        }
        if ((enabled & EV_READ) == 0) {
            rest(Direction::read);
        }
    }
}

bool TlsBev::enable_open(short events) noexcept {
    for (const Direction direction : {Direction::read, Direction::write}) {
        if ((events & event_bit(direction)) == 0) {
            continue;
        }
        if (underlying != nullptr) {
            restart_timeout(*this, direction);
        }
        if (!wake(direction)) {
            return false;
        }
    }
    if ((events & EV_READ) != 0) {
        take_input();
    }
    if ((events & EV_WRITE) != 0) {
        send_output();
    }
    return true;
}

// --- The kind

bool tls_enable(Bev& bev, short events) noexcept {
    TlsBev& self = tls_of(bev);
    if (self.role != TlsRole::open || bufferevent_getfd(&bev) < 0) {
        return true;
    }
    const BevHold hold(bev);
    return self.enable_open(events);
}

bool tls_disable(Bev& bev, short events) noexcept {
    TlsBev& self = tls_of(bev);
    if (self.role != TlsRole::open) {
        return true;
    }
    return ((events & EV_READ) == 0 || self.rest(Direction::read)) &
           ((events & EV_WRITE) == 0 || self.rest(Direction::write));
}

bool tls_adjust_timeouts(Bev& bev) noexcept {
    return bev.underlying != nullptr ? adjust_timeout_events(bev) : adjust_pending_timeouts(bev);
}

int tls_flush(Bev&, short, bufferevent_flush_mode) noexcept {
    return 0;
}

evutil_socket_t tls_get_fd(Bev& bev) noexcept {
    return bev.underlying != nullptr ? bufferevent_getfd(bev.underlying)
                                     : event_get_fd(&bev.ev_read);
}

bool tls_set_fd(Bev& bev, evutil_socket_t fd) noexcept {
    TlsBev& self = tls_of(bev);
    if (bev.underlying != nullptr || (fd >= 0 && !self.session.attach(fd))) {
        return false;
    }
    event_del(&bev.ev_read);
    event_del(&bev.ev_write);
    assign_events(self, fd);
    const BevHold hold(bev);
    if (self.role == TlsRole::open && fd >= 0) {
        self.begin_open(fd);
        return true;
    }
    return self.role == TlsRole::open || self.begin_handshake(fd);
}

void tls_unlink(Bev& bev) noexcept {
    if (bev.underlying == nullptr) {
        return;
    }
    Bev& below = *bev.underlying;
    if ((bev.options & BEV_OPT_CLOSE_ON_FREE) != 0) {
        if (below.references < 2) {
            warnx("BEV_OPT_CLOSE_ON_FREE: the bufferevent under TLS has been freed already");
        } else {
            bufferevent_free(&below);
        }
    } else if (below.errorcb == below_has_event) {
        bufferevent_setcb(&below, nullptr, nullptr, nullptr, nullptr);
        unsuspend(below, Direction::read, filter_rests);
    }
}

void tls_destroy(Bev* bev) noexcept {
    TlsBev* const self = &tls_of(*bev);
    const bool close = (self->options & BEV_OPT_CLOSE_ON_FREE) != 0;
    const evutil_socket_t fd = self->underlying == nullptr ? tls_get_fd(*bev) : -1;
    self->session.destroy(close);
    if (Bev* const below = self->underlying; below != nullptr) {
        lock(*below);
        release_and_unlock(*below);
    } else if (close && fd >= 0) {
        evutil_closesocket(fd);
    }
    mm_delete(self);
}

const bufferevent_ops tls_ops{
    .kind = "tls",
    .enable = tls_enable,
    .disable = tls_disable,
    .adjust_timeouts = tls_adjust_timeouts,
    .flush = tls_flush,
    .get_fd = tls_get_fd,
    .set_fd = tls_set_fd,
    .unlink = tls_unlink,
    .destroy = tls_destroy,
};

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

bufferevent* corevent_tls_bufferevent_new(event_base* base, bufferevent* underlying,
                                          evutil_socket_t fd, TlsSession* session, TlsRole role,
                                          int options) {
    TlsBev* const bev = mm_new<TlsBev>(base, *session, role, options);
    if (bev == nullptr) {
        return nullptr;
    }
    if (!bev->start(underlying != nullptr ? &bev_of(underlying) : nullptr, fd)) {
        mm_delete(bev);
        return nullptr;
    }
    return bev;
}

TlsSession* corevent_tls_session(bufferevent* bev) {
    return bev_of(bev).is(tls_ops) ? &tls_of(bev_of(bev)).session : nullptr;
}

int corevent_tls_renegotiate(bufferevent* bev) {
    if (!bev_of(bev).is(tls_ops)) {
        return -1;
    }
    TlsBev& self = tls_of(bev_of(bev));
    const BevHold hold(self);
    if (!self.session.renegotiate()) {
        return -1;
    }
    self.role = TlsRole::connecting;
    return self.begin_handshake(bufferevent_getfd(bev)) ? 0 : -1;
}
