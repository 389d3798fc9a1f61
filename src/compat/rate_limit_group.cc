// Groups of bufferevents that share a bucket: <event2/bufferevent.h>, rate limit groups.
#include "base/assert.h"
#include "compat/alloc.h"
#include "compat/rate_limit.h"

#include <algorithm>

namespace corevent::compat {
namespace {

// The group's lock is held.

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
    const LockGuard guard(group.lock);
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

void set_min_share(bufferevent_rate_limit_group& group, std::size_t share) noexcept {
    group.wanted_min_share = share;
    // One tick is always enough for one member.
    group.min_share = std::min({share, group.config.rate[0], group.config.rate[1]});
}

int take_from(bufferevent_rate_limit_group& group, Direction d, ev_ssize_t size) noexcept {
    const LockGuard guard(group.lock);
    const ev_ssize_t& level = group.bucket.level[index_of(d)];
    const ev_ssize_t before = level;
    take(group.bucket, d, size);
    if (before > 0 && level <= 0) {
        rest(group, d);
    } else if (before <= 0 && level > 0) {
        wake(group, d);
    }
    return 0;
}

ev_ssize_t group_level(bufferevent_rate_limit_group& group, Direction d) noexcept {
    const LockGuard guard(group.lock);
    return group.bucket.level[index_of(d)];
}

}  // namespace

ev_ssize_t share_of(Bev& bev, bufferevent_rate_limit_group& group, Direction d) noexcept {
    const LockGuard guard(group.lock);
    if (group.suspended[index_of(d)]) {
        suspend(bev, d, group_limit);
        return 0;
    }
    return std::max(group.bucket.level[index_of(d)] / static_cast<ev_ssize_t>(group.member_count),
                    static_cast<ev_ssize_t>(group.min_share));
}

void charge_group(bufferevent_rate_limit_group& group, Direction d, ev_ssize_t size) noexcept {
    const LockGuard guard(group.lock);
    take(group.bucket, d, size);
    group.total[index_of(d)] += static_cast<ev_uint64_t>(size);
    if (group.bucket.level[index_of(d)] <= 0) {
        rest(group, d);
    } else if (group.suspended[index_of(d)]) {
        wake(group, d);
    }
}

void leave_group(RateLimit& limit) noexcept {
    bufferevent_rate_limit_group* const group = limit.group;
    if (group == nullptr) {
        return;
    }
    const LockGuard guard(group->lock);
    group->members.remove(limit);
    --group->member_count;
    limit.group = nullptr;
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

bufferevent_rate_limit_group* bufferevent_rate_limit_group_new(event_base* base,
                                                               const ev_token_bucket_cfg* cfg) {
    auto* group = mm_new<bufferevent_rate_limit_group>(base, *cfg);
    if (group == nullptr) {
        return nullptr;
    }
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
    const LockGuard guard(g->lock);
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
    const LockGuard guard(g->lock);
    set_min_share(*g, share);
    return 0;
}

void bufferevent_rate_limit_group_free(bufferevent_rate_limit_group* g) {
    CE_ASSERT(g->member_count == 0);
    event_del(&g->refill_event);  // waits for the callback, which takes the lock
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
        const LockGuard group_guard(g->lock);
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
    const LockGuard guard(grp->lock);
    if (total_read_out != nullptr) {
        *total_read_out = grp->total[0];
    }
    if (total_written_out != nullptr) {
        *total_written_out = grp->total[1];
    }
}

void bufferevent_rate_limit_group_reset_totals(bufferevent_rate_limit_group* grp) {
    const LockGuard guard(grp->lock);
    grp->total[0] = grp->total[1] = 0;
}

}  // extern "C"
