#include "compat/rate_limit.h"

#include "base/assert.h"
#include "compat/alloc.h"
#include "compat/lock.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <limits>

using corevent::compat::Bev;
using corevent::compat::Direction;

/// Octets per tick, by direction.
struct ev_token_bucket_cfg {
    std::size_t rate[2];
    std::size_t burst[2];
    timeval tick;
    std::uint32_t tick_ms;
};

namespace corevent::compat {
namespace {

constexpr Direction directions[] = {Direction::read, Direction::write};
constexpr std::size_t min_share_default = 64;
constexpr long microseconds_mask = 0xfffff;  // above it is the tag of a common timeout

struct Bucket {
    ev_ssize_t level[2];
    std::uint32_t last_tick;
};

std::uint32_t current_tick(event_base* base, const ev_token_bucket_cfg& config) noexcept {
    timeval now;
    event_gettime_monotonic(base, &now);
    const std::uint64_t ms = static_cast<std::uint64_t>(now.tv_sec) * 1000 +
                             static_cast<std::uint64_t>(now.tv_usec) / 1000;
    return static_cast<std::uint32_t>(ms / config.tick_ms);
}

void fill_first(Bucket& bucket, const ev_token_bucket_cfg& config, std::uint32_t tick) noexcept {
    for (const int i : {0, 1}) {
        bucket.level[i] = static_cast<ev_ssize_t>(config.rate[i]);
    }
    bucket.last_tick = tick;
}

/// A smaller bucket holds less.
void clip(Bucket& bucket, const ev_token_bucket_cfg& config) noexcept {
    for (const int i : {0, 1}) {
        bucket.level[i] = std::min(bucket.level[i], static_cast<ev_ssize_t>(config.burst[i]));
    }
}

void refill(Bucket& bucket, const ev_token_bucket_cfg& config, std::uint32_t tick) noexcept {
    const std::uint32_t ticks = tick - bucket.last_tick;
    if (ticks == 0 || ticks > INT_MAX) {
        return;  // a time before the last one
    }
    for (const int i : {0, 1}) {
        const auto burst = static_cast<ev_ssize_t>(config.burst[i]);
        const auto rate = static_cast<ev_ssize_t>(config.rate[i]);
        ev_ssize_t& level = bucket.level[i];
        // A level is never so far below zero that burst - level overflows: what was moved at a time
        // is an int.
        level = (burst - level) / static_cast<ev_ssize_t>(ticks) < rate
                    ? burst
                    : level + rate * static_cast<ev_ssize_t>(ticks);
    }
    bucket.last_tick = tick;
}

}  // namespace

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

using corevent::compat::RateLimit;

struct bufferevent_rate_limit_group {
    bufferevent_rate_limit_group(event_base* base_of, const ev_token_bucket_cfg& cfg) noexcept
        : base(base_of), config(cfg) {}

    event_base* const base;
    void* lock = nullptr;  ///< guards what follows
    ev_token_bucket_cfg config;
    corevent::compat::Bucket bucket{};
    corevent::TailQueue<RateLimit, &RateLimit::hook> members;
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
namespace {

class GroupLock {
public:
    explicit GroupLock(bufferevent_rate_limit_group& group) noexcept : lock_(group.lock) {
        lock_acquire(lock_);
    }
    ~GroupLock() { lock_release(lock_); }
    GroupLock(const GroupLock&) = delete;
    GroupLock& operator=(const GroupLock&) = delete;

private:
    void* const lock_;
};

// --- Groups. Their lock is held.

void rest(bufferevent_rate_limit_group& group, Direction d) noexcept {
    group.suspended[index_of(d)] = true;
    group.some_still_rest[index_of(d)] = false;
    for (RateLimit* m = group.members.front(); m != nullptr; m = group.members.next(*m)) {
        // A member whose lock is taken learns of it when it wants to move something.
        if (try_lock(m->bev)) {
            suspend(m->bev, d, group_limit);
            unlock(m->bev);
        }
    }
}

/// Wakes all members, beginning with any of them: in the same order the first would get everything.
void wake(bufferevent_rate_limit_group& group, Direction d) noexcept {
    group.suspended[index_of(d)] = false;
    group.some_still_rest[index_of(d)] = false;
    if (group.member_count == 0) {
        return;
    }
    group.random = group.random * 1664525U + 1013904223U;
    RateLimit* member = group.members.front();
    for (std::size_t skip = (group.random >> 8) % group.member_count; skip > 0; --skip) {
        member = group.members.next(*member);
    }
    for (std::size_t left = group.member_count; left > 0; --left) {
        if (try_lock(member->bev)) {
            unsuspend(member->bev, d, group_limit);
            unlock(member->bev);
        } else {
            group.some_still_rest[index_of(d)] = true;
        }
        member = group.members.next(*member);
        if (member == nullptr) {
            member = group.members.front();
        }
    }
}

void on_group_refill(evutil_socket_t, short, void* arg) noexcept {
    auto& group = *static_cast<bufferevent_rate_limit_group*>(arg);
    const GroupLock guard(group);
    refill(group.bucket, group.config, current_tick(group.base, group.config));
    for (const Direction d : directions) {
        const std::size_t i = index_of(d);
        if (group.some_still_rest[i] ||
            (group.suspended[i] &&
             group.bucket.level[i] >= static_cast<ev_ssize_t>(group.min_share))) {
            wake(group, d);
        }
    }
}

ev_ssize_t share_of(Bev& bev, bufferevent_rate_limit_group& group, Direction d) noexcept {
    const GroupLock guard(group);
    if (group.suspended[index_of(d)]) {
        suspend(bev, d, group_limit);
        return 0;
    }
    return std::max(group.bucket.level[index_of(d)] / static_cast<ev_ssize_t>(group.member_count),
                    static_cast<ev_ssize_t>(group.min_share));
}

void set_min_share(bufferevent_rate_limit_group& group, std::size_t share) noexcept {
    group.wanted_min_share = share;
    // One tick is always enough for one member.
    group.min_share = std::min({share, group.config.rate[0], group.config.rate[1]});
}

int take_from(bufferevent_rate_limit_group& group, Direction d, ev_ssize_t size) noexcept {
    const GroupLock guard(group);
    ev_ssize_t& level = group.bucket.level[index_of(d)];
    const ev_ssize_t before = level;
    level -= size;
    if (before > 0 && level <= 0) {
        rest(group, d);
    } else if (before <= 0 && level > 0) {
        wake(group, d);
    }
    return 0;
}

void leave_group(RateLimit& limit) noexcept {
    bufferevent_rate_limit_group* const group = limit.group;
    if (group == nullptr) {
        return;
    }
    const GroupLock guard(*group);
    group->members.remove(limit);
    --group->member_count;
    limit.group = nullptr;
}

// --- Own buckets. The bufferevent's lock is held.

void on_refill(evutil_socket_t, short, void* arg) noexcept {
    Bev& bev = *static_cast<Bev*>(arg);
    const BevLock guard(bev);
    RateLimit& limit = *bev.rate_limit;
    if (limit.config == nullptr) {
        return;
    }
    refill(limit.bucket, *limit.config, current_tick(bev.ev_base, *limit.config));
    bool again = false;
    for (const Direction d : directions) {
        if ((bev.suspended[index_of(d)] & own_limit) == 0) {
            continue;
        }
        if (limit.bucket.level[index_of(d)] > 0) {
            unsuspend(bev, d, own_limit);
        } else {
            again = true;
        }
    }
    if (again) {
        event_add(&limit.refill_event, &limit.config->tick);
    }
}

RateLimit* limit_of(Bev& bev) noexcept {
    if (bev.rate_limit == nullptr) {
        bev.rate_limit = mm_new<RateLimit>(bev);
        if (bev.rate_limit != nullptr) {
            event_assign(&bev.rate_limit->refill_event, bev.ev_base, -1, EV_FINALIZE, on_refill,
                         &bev);
        }
    }
    return bev.rate_limit;
}

/// The level of the own bucket has changed.
bool settle(Bev& bev, Direction d) noexcept {
    RateLimit& limit = *bev.rate_limit;
    if (limit.bucket.level[index_of(d)] <= 0) {
        suspend(bev, d, own_limit);
        return event_add(&limit.refill_event, &limit.config->tick) == 0;
    }
    if ((bev.suspended[index_of(d)] & own_limit) != 0) {
        const Direction other = d == Direction::read ? Direction::write : Direction::read;
        if ((bev.suspended[index_of(other)] & own_limit) == 0) {
            event_del(&limit.refill_event);
        }
        unsuspend(bev, d, own_limit);
    }
    return true;
}

ev_ssize_t own_level(bufferevent* bufev, Direction d) noexcept {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    RateLimit* const limit = bev.rate_limit;
    if (limit == nullptr || limit->config == nullptr) {
        return EV_SSIZE_MAX;
    }
    refill(limit->bucket, *limit->config, current_tick(bev.ev_base, *limit->config));
    return limit->bucket.level[index_of(d)];
}

int take_from(bufferevent* bufev, Direction d, ev_ssize_t size) noexcept {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    if (bev.rate_limit == nullptr || bev.rate_limit->config == nullptr) {
        return -1;
    }
    bev.rate_limit->bucket.level[index_of(d)] -= size;
    return settle(bev, d) ? 0 : -1;
}

ev_ssize_t group_level(bufferevent_rate_limit_group& group, Direction d) noexcept {
    const GroupLock guard(group);
    return group.bucket.level[index_of(d)];
}

int set_single_max(bufferevent* bufev, Direction d, std::size_t size) noexcept {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    bev.single_max[index_of(d)] = size == 0 || size > EV_SSIZE_MAX ? single_io_default : size;
    return 0;
}

ev_ssize_t single_max(bufferevent* bufev, Direction d) noexcept {
    const BevLock guard(bev_of(bufev));
    return static_cast<ev_ssize_t>(bev_of(bufev).single_max[index_of(d)]);
}

ev_ssize_t next_max(bufferevent* bufev, Direction d) noexcept {
    const BevLock guard(bev_of(bufev));
    return most_to_move(bev_of(bufev), d);
}

}  // namespace

ev_ssize_t most_to_move(Bev& bev, Direction d) noexcept {
    auto most = static_cast<ev_ssize_t>(bev.single_max[index_of(d)]);
    RateLimit* const limit = bev.rate_limit;
    if (limit == nullptr) {
        return most;
    }
    if (limit->config != nullptr) {
        refill(limit->bucket, *limit->config, current_tick(bev.ev_base, *limit->config));
        most = std::min(most, limit->bucket.level[index_of(d)]);
    }
    if (limit->group != nullptr) {
        most = std::min(most, share_of(bev, *limit->group, d));
    }
    return std::max<ev_ssize_t>(most, 0);
}

void charge(Bev& bev, Direction d, ev_ssize_t size) noexcept {
    RateLimit* const limit = bev.rate_limit;
    if (limit == nullptr) {
        return;
    }
    if (limit->config != nullptr) {
        limit->bucket.level[index_of(d)] -= size;
        settle(bev, d);
    }
    if (limit->group == nullptr) {
        return;
    }
    bufferevent_rate_limit_group& group = *limit->group;
    const GroupLock guard(group);
    group.bucket.level[index_of(d)] -= size;
    group.total[index_of(d)] += static_cast<ev_uint64_t>(size);
    if (group.bucket.level[index_of(d)] <= 0) {
        rest(group, d);
    } else if (group.suspended[index_of(d)]) {
        wake(group, d);
    }
}

void drop_rate_limit(Bev& bev) noexcept {
    RateLimit* const limit = bev.rate_limit;
    if (limit == nullptr) {
        return;
    }
    leave_group(*limit);
    event_del(&limit->refill_event);
    bev.rate_limit = nullptr;
    mm_delete(limit);
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

// --- Configurations

ev_token_bucket_cfg* ev_token_bucket_cfg_new(std::size_t read_rate, std::size_t read_burst,
                                             std::size_t write_rate, std::size_t write_burst,
                                             const timeval* tick_len) {
    if (read_rate > read_burst || write_rate > write_burst || read_rate < 1 || write_rate < 1 ||
        read_burst > EV_RATE_LIMIT_MAX || write_burst > EV_RATE_LIMIT_MAX) {
        return nullptr;
    }
    auto* config = mm_new<ev_token_bucket_cfg>();
    if (config == nullptr) {
        return nullptr;
    }
    *config = {{read_rate, write_rate}, {read_burst, write_burst}, {1, 0}, 0};
    if (tick_len != nullptr) {
        config->tick = *tick_len;
    }
    const std::int64_t ms = static_cast<std::int64_t>(config->tick.tv_sec) * 1000 +
                            (config->tick.tv_usec & microseconds_mask) / 1000;
    config->tick_ms = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(ms, 1, std::numeric_limits<std::uint32_t>::max()));
    return config;
}

void ev_token_bucket_cfg_free(ev_token_bucket_cfg* cfg) {
    mm_delete(cfg);
}

// --- One bufferevent

int bufferevent_set_rate_limit(bufferevent* bufev, ev_token_bucket_cfg* cfg) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    if (cfg == nullptr) {
        if (bev.rate_limit != nullptr && bev.rate_limit->config != nullptr) {
            bev.rate_limit->config = nullptr;
            event_del(&bev.rate_limit->refill_event);
            unsuspend(bev, Direction::read, own_limit);
            unsuspend(bev, Direction::write, own_limit);
        }
        return 0;
    }
    RateLimit* const limit = limit_of(bev);
    if (limit == nullptr) {
        return -1;
    }
    if (limit->config == cfg) {
        return 0;
    }
    if (limit->config != nullptr) {
        clip(limit->bucket, *cfg);
        limit->bucket.last_tick = current_tick(bev.ev_base, *cfg);
    } else {
        fill_first(limit->bucket, *cfg, current_tick(bev.ev_base, *cfg));
    }
    limit->config = cfg;
    event_del(&limit->refill_event);
    bool empty = false;
    for (const Direction d : directions) {
        if (limit->bucket.level[index_of(d)] > 0) {
            unsuspend(bev, d, own_limit);
        } else {
            suspend(bev, d, own_limit);
            empty = true;
        }
    }
    if (empty) {
        event_add(&limit->refill_event, &cfg->tick);
    }
    return 0;
}

const ev_token_bucket_cfg* bufferevent_get_token_bucket_cfg(const bufferevent* bufev) {
    Bev& bev = bev_of(const_cast<bufferevent*>(bufev));
    const BevLock guard(bev);
    return bev.rate_limit != nullptr ? bev.rate_limit->config : nullptr;
}

int bufferevent_set_max_single_read(bufferevent* bev, std::size_t size) {
    return set_single_max(bev, Direction::read, size);
}

int bufferevent_set_max_single_write(bufferevent* bev, std::size_t size) {
    return set_single_max(bev, Direction::write, size);
}

ev_ssize_t bufferevent_get_max_single_read(bufferevent* bev) {
    return single_max(bev, Direction::read);
}

ev_ssize_t bufferevent_get_max_single_write(bufferevent* bev) {
    return single_max(bev, Direction::write);
}

ev_ssize_t bufferevent_get_read_limit(bufferevent* bev) {
    return own_level(bev, Direction::read);
}

ev_ssize_t bufferevent_get_write_limit(bufferevent* bev) {
    return own_level(bev, Direction::write);
}

ev_ssize_t bufferevent_get_max_to_read(bufferevent* bev) {
    return next_max(bev, Direction::read);
}

ev_ssize_t bufferevent_get_max_to_write(bufferevent* bev) {
    return next_max(bev, Direction::write);
}

int bufferevent_decrement_read_limit(bufferevent* bev, ev_ssize_t decr) {
    return take_from(bev, Direction::read, decr);
}

int bufferevent_decrement_write_limit(bufferevent* bev, ev_ssize_t decr) {
    return take_from(bev, Direction::write, decr);
}

// --- Groups

bufferevent_rate_limit_group* bufferevent_rate_limit_group_new(event_base* base,
                                                               const ev_token_bucket_cfg* cfg) {
    auto* group = mm_new<bufferevent_rate_limit_group>(base, *cfg);
    if (group == nullptr) {
        return nullptr;
    }
    group->lock = lock_new();
    fill_first(group->bucket, group->config, current_tick(base, group->config));
    set_min_share(*group, min_share_default);
    group->random = group->bucket.last_tick | 1U;
    event_assign(&group->refill_event, base, -1, EV_PERSIST, on_group_refill, group);
    event_add(&group->refill_event, &group->config.tick);
    return group;
}

int bufferevent_rate_limit_group_set_cfg(bufferevent_rate_limit_group* g,
                                         const ev_token_bucket_cfg* cfg) {
    if (g == nullptr || cfg == nullptr) {
        return -1;
    }
    const GroupLock guard(*g);
    const bool same_tick = evutil_timercmp(&g->config.tick, &cfg->tick, ==);
    g->config = *cfg;
    clip(g->bucket, *cfg);
    if (!same_tick) {
        g->bucket.last_tick = current_tick(g->base, *cfg);
        event_add(&g->refill_event, &g->config.tick);
    }
    set_min_share(*g, g->wanted_min_share);
    return 0;
}

int bufferevent_rate_limit_group_set_min_share(bufferevent_rate_limit_group* g, std::size_t share) {
    if (share > EV_SSIZE_MAX) {
        return -1;
    }
    const GroupLock guard(*g);
    set_min_share(*g, share);
    return 0;
}

void bufferevent_rate_limit_group_free(bufferevent_rate_limit_group* g) {
    CE_ASSERT(g->member_count == 0);
    event_del(&g->refill_event);  // waits for the callback, which takes the lock
    lock_free(g->lock);
    mm_delete(g);
}

int bufferevent_add_to_rate_limit_group(bufferevent* bufev, bufferevent_rate_limit_group* g) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    RateLimit* const limit = limit_of(bev);
    if (limit == nullptr) {
        return -1;
    }
    if (limit->group == g) {
        return 0;
    }
    bufferevent_remove_from_rate_limit_group(bufev);
    bool resting[2];
    {
        const GroupLock group_guard(*g);
        limit->group = g;
        g->members.push_back(*limit);
        ++g->member_count;
        resting[0] = g->suspended[0];
        resting[1] = g->suspended[1];
    }
    for (const Direction d : directions) {
        if (resting[index_of(d)]) {
            suspend(bev, d, group_limit);
        }
    }
    return 0;
}

int bufferevent_remove_from_rate_limit_group(bufferevent* bufev) {
    Bev& bev = bev_of(bufev);
    const BevLock guard(bev);
    if (bev.rate_limit != nullptr && bev.rate_limit->group != nullptr) {
        leave_group(*bev.rate_limit);
        unsuspend(bev, Direction::read, group_limit);
        unsuspend(bev, Direction::write, group_limit);
    }
    return 0;
}

ev_ssize_t bufferevent_rate_limit_group_get_read_limit(bufferevent_rate_limit_group* g) {
    return group_level(*g, Direction::read);
}

ev_ssize_t bufferevent_rate_limit_group_get_write_limit(bufferevent_rate_limit_group* g) {
    return group_level(*g, Direction::write);
}

int bufferevent_rate_limit_group_decrement_read(bufferevent_rate_limit_group* g, ev_ssize_t decr) {
    return take_from(*g, Direction::read, decr);
}

int bufferevent_rate_limit_group_decrement_write(bufferevent_rate_limit_group* g, ev_ssize_t decr) {
    return take_from(*g, Direction::write, decr);
}

void bufferevent_rate_limit_group_get_totals(bufferevent_rate_limit_group* grp,
                                             ev_uint64_t* total_read_out,
                                             ev_uint64_t* total_written_out) {
    const GroupLock guard(*grp);
    if (total_read_out != nullptr) {
        *total_read_out = grp->total[0];
    }
    if (total_written_out != nullptr) {
        *total_written_out = grp->total[1];
    }
}

void bufferevent_rate_limit_group_reset_totals(bufferevent_rate_limit_group* grp) {
    const GroupLock guard(*grp);
    grp->total[0] = grp->total[1] = 0;
}

}  // extern "C"
