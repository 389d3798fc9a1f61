// Bufferevents from the inside: what the kinds (socket, pair, filter, TLS) share, and what evhttp
// may use. A Bev is the C structure and what is private behind it; kinds derive from it. It is
// owned by its references: the program's, those of filters above it, and those of work on its way.
// The last reference unlinks it at once; the memory goes from the loop, when none of its events and
// callbacks can be running any more, so that everything may be freed from inside its callbacks.
//
// Functions here want the lock held, where they do not say that they take it. A bufferevent has a
// lock only with BEV_OPT_THREADSAFE; its buffers, a filter and what is below, and the halves of a
// pair share one. The order of locks is bufferevent, rate limit group, base.
//
// An event of a direction is pending while the direction is enabled and nothing suspends it.
// Nothing here resolves names, knows TLS, or reads the clock.
#pragma once

#include "base/list.h"
#include "compat/deferred.h"
#include "compat/lock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

struct evdns_getaddrinfo_request;

namespace corevent::compat {
struct Bev;
struct RateLimit;
}  // namespace corevent::compat

/// What a kind does in its own way. `enable` and `disable` get the directions that are to start or
/// stop moving now. Entries without a remark are never null.
struct bufferevent_ops {
    const char* kind;
    bool (*enable)(corevent::compat::Bev& bev, short events);
    bool (*disable)(corevent::compat::Bev& bev, short events);
    bool (*adjust_timeouts)(corevent::compat::Bev& bev);
    int (*flush)(corevent::compat::Bev& bev, short events, bufferevent_flush_mode mode);
    evutil_socket_t (*get_fd)(corevent::compat::Bev& bev);
    bool (*set_fd)(corevent::compat::Bev& bev, evutil_socket_t fd);
    void (*unlink)(corevent::compat::Bev& bev);   ///< the last reference has gone; may be null
    void (*destroy)(corevent::compat::Bev* bev);  ///< mm_delete of the derived type; not locked
};

namespace corevent::compat {

enum class Direction : std::uint8_t { read, write };

constexpr short event_bit(Direction direction) noexcept {
    return direction == Direction::read ? EV_READ : EV_WRITE;
}
constexpr std::size_t index_of(Direction direction) noexcept {
    return static_cast<std::size_t>(direction);
}

/// Why a direction rests although it is enabled.
using Reasons = std::uint8_t;
inline constexpr Reasons full = 1;           ///< the input is at its high-water mark
inline constexpr Reasons own_limit = 2;      ///< the own bucket is empty
inline constexpr Reasons group_limit = 4;    ///< the group's bucket is empty
inline constexpr Reasons look_up = 8;        ///< the name to connect to is being resolved
inline constexpr Reasons filter_rests = 16;  ///< the filter above does not read

inline constexpr std::size_t single_io_default = 16384;

// Turns of the loop, in place of a number.
inline constexpr std::uint64_t any_turn = 0;
inline constexpr std::uint64_t never = UINT64_MAX;

/// A lock that goes with the last bufferevent that uses it.
struct SharedLock {
    Lock lock;
    std::atomic<unsigned> users{1};
};

struct Bev : bufferevent {
    Bev(event_base* base_of, const bufferevent_ops& kind, int bev_options) noexcept;
    ~Bev();
    Bev(const Bev&) = delete;
    Bev& operator=(const Bev&) = delete;

    /// False: out of memory, options that contradict each other, or no lock to be had. `shared` is
    /// the lock of the bufferevent underneath or of the partner, or null.
    bool init(SharedLock* shared = nullptr) noexcept;
    /// Gives it, and its buffers, a lock: `shared`, or a new one.
    bool enable_locking(SharedLock* shared) noexcept;

    event& io(Direction d) noexcept { return d == Direction::read ? ev_read : ev_write; }
    const timeval& timeout(Direction d) const noexcept {
        return d == Direction::read ? timeout_read : timeout_write;
    }
    std::size_t input_size() const noexcept { return evbuffer_get_length(input); }
    std::size_t output_size() const noexcept { return evbuffer_get_length(output); }
    bool is(const bufferevent_ops& kind) const noexcept { return be_ops == &kind; }
    bool enabled_and_free(Direction d) const noexcept {
        return (enabled & event_bit(d)) != 0 && suspended[index_of(d)] == 0;
    }

    const int options;
    int references = 1;
    bool ending = false;         ///< the last reference has gone, the memory will
    SharedLock* lock = nullptr;  ///< null: none

    // Callbacks that the loop will run.
    Deferred deferred;
    bool read_due = false;
    bool write_due = false;
    short events_due = 0;
    int error_due = 0;  ///< errno for the event callback

    Reasons suspended[2] = {0, 0};            ///< by direction
    evbuffer_cb_entry* full_watch = nullptr;  ///< on the input, once there was a high mark

    std::size_t single_max[2] = {single_io_default, single_io_default};
    RateLimit* rate_limit = nullptr;  ///< once there was one

    Bev* underlying = nullptr;  ///< a filter's; holds a reference

    // Of sockets.
    bool connecting = false;
    bool connection_refused = false;  ///< seen while reading; the write event reports it
    bool took_all = false;            ///< the last write emptied the output
    std::uint64_t heard = never;      ///< the turn of the loop in which octets came last
    int dns_error = 0;
    evdns_getaddrinfo_request* look_up_request = nullptr;
};

inline Bev& bev_of(bufferevent* bev) noexcept {
    return *static_cast<Bev*>(bev);
}

void lock(Bev& bev) noexcept;
bool try_lock(Bev& bev) noexcept;
void unlock(Bev& bev) noexcept;

void hold_and_lock(Bev& bev) noexcept;
/// Returns true when it was the last one: `bev` must not be used any more.
bool release_and_unlock(Bev& bev) noexcept;

/// The lock for a scope in which `bev` cannot go.
class BevLock {
public:
    explicit BevLock(Bev& bev) noexcept : bev_(bev) { lock(bev_); }
    ~BevLock() { unlock(bev_); }
    BevLock(const BevLock&) = delete;
    BevLock& operator=(const BevLock&) = delete;

private:
    Bev& bev_;
};

/// The lock and a reference for a scope that runs callbacks. Where the loop calls, the last
/// reference may have gone in another thread meanwhile: `ending` says so.
class BevHold {
public:
    explicit BevHold(Bev& bev) noexcept : bev_(bev) { hold_and_lock(bev_); }
    ~BevHold() { release_and_unlock(bev_); }
    bool ending() const noexcept { return bev_.ending; }
    BevHold(const BevHold&) = delete;
    BevHold& operator=(const BevHold&) = delete;

private:
    Bev& bev_;
};

// --- Callbacks. `trigger_options` are those of bufferevent_trigger; those of `bev` come on top.

void run_read_callback(Bev& bev, int trigger_options) noexcept;
void run_write_callback(Bev& bev, int trigger_options) noexcept;
void run_event_callback(Bev& bev, short what, int trigger_options) noexcept;
/// Runs those of the directions in `events` that the water marks allow.
void trigger(Bev& bev, short events, int trigger_options) noexcept;

// --- Directions

bool enable(Bev& bev, short events) noexcept;
bool disable(Bev& bev, short events) noexcept;
void suspend(Bev& bev, Direction direction, Reasons why) noexcept;
void unsuspend(Bev& bev, Direction direction, Reasons why) noexcept;

// --- Timeouts

/// event_add, for ever when `timeout` is zero.
bool add_event(event& ev, const timeval& timeout) noexcept;
/// The same for a write event that is not pending, of a socket that took all it was given last, and
/// whose peer was heard in `turn` of the loop. In the same turn it is taken to have room: the event
/// is active in the next turn, as if the kernel had been asked.
bool add_roomy_event(event& ev, const timeval& timeout, std::uint64_t turn) noexcept;
/// It has no room after all.
void ask_kernel(event& ev) noexcept;
/// For kinds that move data by events on a descriptor: gives the pending ones their new timeouts.
bool adjust_pending_timeouts(Bev& bev) noexcept;
/// For kinds without events of their own: ev_read and ev_write are nothing but timeouts then.
void init_timeout_events(Bev& bev) noexcept;
bool adjust_timeout_events(Bev& bev) noexcept;
void restart_timeout(Bev& bev, Direction direction) noexcept;
void stop_timeout(Bev& bev, Direction direction) noexcept;

extern const bufferevent_ops socket_ops;
extern const bufferevent_ops pair_ops;
extern const bufferevent_ops filter_ops;

}  // namespace corevent::compat
