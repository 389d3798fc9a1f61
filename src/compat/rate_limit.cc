#include "compat/rate_limit.h"

#include "compat/alloc.h"

#include <algorithm>
#include <climits>
#include <limits>

namespace corevent::compat {
namespace {

constexpr long microseconds_mask = 0xfffff;  // above it is the tag of a common timeout

}  // namespace

// --- Buckets

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

void take(Bucket& bucket, Direction d, ev_ssize_t size) noexcept {
    ev_ssize_t& level = bucket.level[index_of(d)];
    if (__builtin_sub_overflow(level, size, &level)) {
        level = size > 0 ? -EV_SSIZE_MAX : EV_SSIZE_MAX;
    }
}

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
        ev_ssize_t more;
        if (__builtin_mul_overflow(rate, static_cast<ev_ssize_t>(ticks), &more) ||
            __builtin_add_overflow(level, more, &level) || level > burst) {
            level = burst;
        }
    }
    bucket.last_tick = tick;
}

namespace {

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
    take(bev.rate_limit->bucket, d, size);
    return settle(bev, d) ? 0 : -1;
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
        take(limit->bucket, d, size);
        settle(bev, d);
    }
    if (limit->group != nullptr) {
        charge_group(*limit->group, d, size);
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

}  // extern "C"
