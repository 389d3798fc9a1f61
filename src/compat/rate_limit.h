// Token buckets of bufferevents and of groups of them. A RateLimit hangs on a bufferevent from its
// first limit or group on and goes with it. A group belongs to the program that made it, and
// outlives its members' membership. Functions want the bufferevent's lock held; a group has a lock
// of its own, which is taken after that of a bufferevent, so that a group only tries the locks of
// its members. Ticks are counted on the base's cached time. Moving the octets is not done here.
#pragma once

#include "base/list.h"
#include "compat/bufferevent.h"
#include "compat/lock.h"

#include <cstddef>
#include <cstdint>

/// Octets per tick, by direction.
struct ev_token_bucket_cfg {
    std::size_t rate[2];
    std::size_t burst[2];
    timeval tick;
    std::uint32_t tick_ms;
};

namespace corevent::compat {

inline constexpr Direction directions[] = {Direction::read, Direction::write};
inline constexpr std::size_t min_share_default = 64;

/// Octets that may be moved, by direction; below zero when more was moved than there was.
struct Bucket {
    ev_ssize_t level[2];
    std::uint32_t last_tick;
};

std::uint32_t current_tick(event_base* base, const ev_token_bucket_cfg& config) noexcept;
void fill_first(Bucket& bucket, const ev_token_bucket_cfg& config, std::uint32_t tick) noexcept;
/// `size` below zero puts back.
void take(Bucket& bucket, Direction direction, ev_ssize_t size) noexcept;
/// A smaller bucket holds less.
void clip(Bucket& bucket, const ev_token_bucket_cfg& config) noexcept;
/// Puts in what the ticks since the last call bring.
void refill(Bucket& bucket, const ev_token_bucket_cfg& config, std::uint32_t tick) noexcept;

struct RateLimit {
    explicit RateLimit(Bev& owner) noexcept : bev(owner) {}

    Bev& bev;
    const ev_token_bucket_cfg* config = nullptr;  ///< null: only the group limits
    Bucket bucket{};
    event refill_event{};  ///< pending while the own bucket is empty
    bufferevent_rate_limit_group* group = nullptr;
    ListHook<RateLimit> hook;  ///< in the group; under its lock
};

}  // namespace corevent::compat

struct bufferevent_rate_limit_group {
    bufferevent_rate_limit_group(event_base* base_of, const ev_token_bucket_cfg& cfg) noexcept
        : base(base_of), config(cfg) {}

    event_base* const base;
    corevent::compat::Lock lock;  ///< guards what follows
    ev_token_bucket_cfg config;
    corevent::compat::Bucket bucket{};
    corevent::TailQueue<corevent::compat::RateLimit, &corevent::compat::RateLimit::hook> members;
    std::size_t member_count = 0;
    std::size_t wanted_min_share = corevent::compat::min_share_default;
    std::size_t min_share = corevent::compat::min_share_default;
    ev_uint64_t total[2] = {0, 0};
    bool suspended[2] = {false, false};
    bool some_still_rest[2] = {false,
                               false};  ///< whose locks were taken when the bucket was filled
    std::uint32_t random = 1;
    event refill_event{};
};

namespace corevent::compat {

/// The bufferevent's rate limit, made when there is none yet; null: out of memory.
RateLimit* limit_of(Bev& bev) noexcept;

/// What the next read or write may move: the cap of a single one, the own bucket and the share in
/// the group's considered. Suspends a direction that its group has suspended meanwhile.
ev_ssize_t most_to_move(Bev& bev, Direction direction) noexcept;

/// `size` octets were moved.
void charge(Bev& bev, Direction direction, ev_ssize_t size) noexcept;

/// Leaves the group and frees the buckets.
void drop_rate_limit(Bev& bev) noexcept;

// --- The group's part in these

ev_ssize_t share_of(Bev& bev, bufferevent_rate_limit_group& group, Direction direction) noexcept;
void charge_group(bufferevent_rate_limit_group& group, Direction direction,
                  ev_ssize_t size) noexcept;
void leave_group(RateLimit& limit) noexcept;

}  // namespace corevent::compat
