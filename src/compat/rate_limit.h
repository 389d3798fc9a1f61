// Token buckets of bufferevents and of groups of them. A RateLimit hangs on a bufferevent from its
// first limit or group on and goes with it. A group belongs to the program that made it, and
// outlives its members' membership. Functions want the bufferevent's lock held; a group has a lock
// of its own, which is taken after that of a bufferevent, so that a group only tries the locks of
// its members. Ticks are counted on the base's cached time. Moving the octets is not done here.
#pragma once

#include "compat/bufferevent.h"

namespace corevent::compat {

/// What the next read or write may move: the cap of a single one, the own bucket and the share in
/// the group's considered. Suspends a direction that its group has suspended meanwhile.
ev_ssize_t most_to_move(Bev& bev, Direction direction) noexcept;

/// `size` octets were moved.
void charge(Bev& bev, Direction direction, ev_ssize_t size) noexcept;

/// Leaves the group and frees the buckets.
void drop_rate_limit(Bev& bev) noexcept;

}  // namespace corevent::compat
