// Poller: what the kernel says about descriptors. Mechanism without policy: no callbacks, no locks,
// no priorities.
//
// The contract. `set` and `prepare` are serialised by the owner (a loop: its one thread). `prepare`
// flushes pending changes. `wait` runs without the owner's lock and touches only the kernel object
// and the caller's output. A `set` during a `wait` may take effect at the next `prepare`; the owner
// wakes the waiter when it matters. A stale token is recognised by its generation (token.h), never
// by its address: tokens are handed back as they came.
//
// Edges. Unless Interest::level is asked for, a bit is delivered when it becomes true and then the
// owner takes it as true until an operation says otherwise (EAGAIN, a short read). Only then it
// calls `rearm`, after which the bit is delivered when it is true again, also when it became true
// before the call. Kernels that re-arm by themselves make `rearm` a no-op; a bit may then also come
// again earlier. Readiness::hangup and error need not be asked for, nor need `end` for edges.
#pragma once

#include "base/assert.h"

#include <corevent/error.h>

#include <sys/epoll.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace corevent {

/// What to watch a descriptor for: a set of bits.
enum class Interest : std::uint8_t {
    none = 0,
    in = 1,
    out = 2,
    level = 4,      ///< told again as long as it is true, instead of edges
    end = 16,       ///< with `level`, Readiness::end is told only when it is asked for
    exclusive = 8,  ///< of several pollers that watch the descriptor, wake (about) one; `in` and
                    ///< `level` only
    stream = in | out,
    listener = in | level | exclusive,
};

/// What a descriptor is ready for: a set of bits, with the values of poll(2).
enum class Readiness : std::uint16_t {
    none = 0,
    in = 0x001,
    out = 0x004,
    error = 0x008,   ///< an operation will report it
    hangup = 0x010,  ///< both directions are finished
    end = 0x2000,    ///< the peer finished sending; unread bytes may lie before the end
};

constexpr Interest operator|(Interest a, Interest b) noexcept {
    return static_cast<Interest>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Readiness operator|(Readiness a, Readiness b) noexcept {
    return static_cast<Readiness>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Readiness& operator|=(Readiness& a, Readiness b) noexcept {
    return a = a | b;
}
/// Whether any of `bits` is in `set`.
constexpr bool has(Interest set, Interest bits) noexcept {
    return (static_cast<unsigned>(set) & static_cast<unsigned>(bits)) != 0;
}
constexpr bool has(Readiness set, Readiness bits) noexcept {
    return (static_cast<unsigned>(set) & static_cast<unsigned>(bits)) != 0;
}
/// `set` without `bits`.
constexpr Readiness without(Readiness set, Readiness bits) noexcept {
    return static_cast<Readiness>(static_cast<unsigned>(set) & ~static_cast<unsigned>(bits));
}

using PollToken = std::uint64_t;

/// What is told of a descriptor: the record of epoll_wait(2), which so fills in the caller's.
struct PollEvent : epoll_event {
    PollEvent() noexcept = default;
    PollEvent(PollToken token, Readiness bits) noexcept {
        events = static_cast<std::uint32_t>(bits);
        data.u64 = token;
    }
    PollToken token() const noexcept { return data.u64; }
    Readiness bits() const noexcept { return static_cast<Readiness>(events); }
};
static_assert(sizeof(PollEvent) == sizeof(epoll_event));

class Poller {
public:
    virtual ~Poller() = default;
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    /// Changes what `fd` is watched for from `before` (Interest::none: not watched so far) to
    /// `after` (none: forget it). A new token replaces the old one. Fails with the kernel's error
    /// (a file that cannot be polled, no memory).
    virtual Result<void> set(int fd, Interest before, Interest after, PollToken token) = 0;
    /// Forgets `fd`, which the caller closes next. Cheaper than set() where the kernel forgets
    /// closed descriptors itself.
    virtual void closing(int fd) noexcept = 0;
    /// See above; a no-op where rearms_itself().
    virtual void rearm(int fd, Readiness bits) noexcept = 0;
    /// A no-op where rearms_itself().
    void prepare() {
        if (!rearms_itself_) flush();
    }

    static constexpr int forever = -1;
    /// Waits at most `timeout_ms` (or `forever`) and fills `out` from the front; returns the number
    /// of events. 0 after a timeout or a signal.
    std::size_t wait(int timeout_ms, std::span<PollEvent> out) {
        const int count = wait(timeout_ms, out.data(), static_cast<int>(out.size()));
        if (count >= 0) [[likely]]
            return static_cast<std::size_t>(count);
        CE_ASSERT(errno == EINTR);
        return 0;
    }

    virtual std::string_view name() const noexcept = 0;
    bool rearms_itself() const noexcept { return rearms_itself_; }

protected:
    explicit Poller(bool rearms_itself) noexcept : rearms_itself_(rearms_itself) {}

private:
    virtual void flush() = 0;  ///< prepare()
    /// wait(), as the system call returns: -1 and errno after a signal.
    virtual int wait(int timeout_ms, PollEvent* out, int out_size) = 0;

    const bool rearms_itself_;
};

/// The pollers. Creation fails with the kernel's error (out of descriptors).
Result<std::unique_ptr<Poller>> make_epoll_poller();
std::unique_ptr<Poller> make_poll_poller();

}  // namespace corevent
