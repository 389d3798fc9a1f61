// SocketStream: a Stream over a connected TCP or unix socket. SocketPool: the streams of one loop,
// made from slabs; it runs their deferred steps and buries them. Everything here belongs to the
// loop's thread.
//
// Each socket is registered once, edge-triggered. Readiness is latched in the stream, so that
// pausing, resuming and waiting for room cost no system call; a short read counts as drained unless
// the kernel has said that the end (or an error) lies behind it. An idle stream is
// sizeof(SocketStream) and owns nothing else in user space.
//
//            start()         close() and the queue is empty, abort(), an error
//   adopted ---------> open -------------------------------------------------> gone -> buried
//
//   readable, writable   not known to be false
//   paused               input stays in the kernel
//   input_ended          on_end() was said
//   finishing            FIN after the queue
//   closing              gone after the queue
//
// Who connects speaks first as a rule. Where a loop is busy it has done so by the time it is
// accepted: an accepted stream is read before it is registered, so that one which ends with its
// first answer never is (1.5 us of the kernel's time, and a wake-up); the pool notices when that
// does not come true. Room to write is asked for when it was first missed.
//
// It accepts and connects nothing, knows no deadlines and bounds no queue: its client does
// (on_progress, queued_bytes).
#pragma once

#include "base/slab.h"
#include "buffer/chain.h"
#include "loop/loop_core.h"
#include "net/peer_address.h"

#include <corevent/stream.h>

#include <cstddef>
#include <cstdint>

struct iovec;

namespace corevent {

class SocketPool;

/// Who gave a socket to a pool and counts its streams.
class StreamOwner {
public:
    SocketPool& pool() const noexcept { return *pool_; }
    /// The descriptor has been closed; the stream is about to say on_closed().
    virtual void on_stream_gone() noexcept = 0;

protected:
    StreamOwner() noexcept = default;
    ~StreamOwner() = default;
    SocketPool* pool_ = nullptr;  ///< set on the loop's thread before the first stream
};

class SocketStream final : public Stream, public IoWatch {
public:
    Loop& loop() const noexcept override;
    Address peer() const noexcept override { return peer_.address(); }
    void start(StreamClient& client) override;
    void pause() noexcept override { set(paused); }
    void resume() noexcept override;
    using Stream::write;
    bool write(std::span<const std::string_view> slices) override;
    bool write(Chain&& chain) override;
    std::size_t queued_bytes() const noexcept override { return queue_.size(); }
    std::size_t unacknowledged_bytes() const noexcept override;
    void end_follows() noexcept override { set(ending); }
    void shutdown_write() override;
    void close() override;
    void abort() override;

private:
    friend class SocketPool;
    template <class T>
    friend class SlabPool;

    enum Flag : std::uint16_t {
        started = 1 << 0,
        paused = 1 << 1,
        readable = 1 << 2,     ///< latched: recv() may bring something
        writable = 1 << 3,     ///< latched: the kernel may have room
        read_to_end = 1 << 4,  ///< the kernel has seen an end or an error: a short read proves
                               ///< nothing
        input_ended = 1 << 5,
        drain_owed = 1 << 6,  ///< a write left something queued: on_drained() when it is gone
        finishing = 1 << 7,
        finished = 1 << 8,  ///< FIN was sent
        closing = 1 << 9,
        failed = 1 << 10,  ///< error_ says why
        gone = 1 << 11,
        dispatching = 1 << 12,  ///< inside step(): what a call brings about is settled at its end
        queued = 1 << 13,       ///< in the pool's list for a step of its own
        ending = 1 << 14,       ///< the end of what is queued goes with the FIN
        held = 1 << 15,         ///< and has been given to the kernel, which waits for the FIN
    };

    SocketStream(int fd, const sockaddr* peer, StreamOwner& owner) noexcept
        : fd_(fd), peer_(PeerAddress::from(peer)), owner_(&owner) {}
    ~SocketStream() override = default;

    bool is(unsigned flags) const noexcept { return (flags_ & flags) != 0; }
    void set(unsigned flags) noexcept { flags_ = static_cast<std::uint16_t>(flags_ | flags); }
    void unset(unsigned flags) noexcept { flags_ = static_cast<std::uint16_t>(flags_ & ~flags); }
    bool ended() const noexcept { return is(failed) || (is(closing) && queue_.empty()); }
    LoopCore& core() const noexcept;

    void on_ready(Readiness events) override;
    void step();
    void read_some();
    void write_queued();
    bool send_queued();
    long send_front();
    std::size_t send_slices(std::span<const std::string_view> slices);
    bool sent_short(long result, std::size_t wanted);
    int hold_flag(bool last) noexcept;
    void send_fin() noexcept;
    void check_error() noexcept;
    void fail(int error) noexcept;
    void rearm(Readiness bits) noexcept;
    void schedule() noexcept;
    void settle();
    void close_descriptor() noexcept;

    int fd_;
    std::uint16_t flags_ = writable;
    std::int16_t error_ = 0;  ///< an errno; meaningful once `failed`
    PeerAddress peer_;
    StreamOwner* owner_;
    StreamClient* client_ = nullptr;
    Chain queue_;
    SocketStream* next_ = nullptr;  ///< in the pool's list of steps or of the dead
};
static_assert(sizeof(SocketStream) <= 96);

class SocketPool final : public LoopLocal, private ReadyItem, private Buried {
public:
    explicit SocketPool(LoopCore& core) noexcept : core_(core), nobody_(*this) {}
    ~SocketPool() override;
    static SocketPool& of(Loop& loop) { return LoopCore::of(loop).local<SocketPool>(); }

    LoopCore& core() const noexcept { return core_; }

    /// Takes over `fd`, a connected non-blocking socket, and registers it. The loop's load has been
    /// counted by the caller and is given back when the stream goes. Fails with the kernel's error;
    /// the descriptor is closed then and the owner not called.
    Result<SocketStream*> adopt(int fd, const sockaddr* peer, StreamOwner& owner);
    /// The same for a socket that was accepted: it is registered after its first step, in the next
    /// turn, or at once. A failure to register is one of the stream.
    SocketStream& adopt_accepted(int fd, const sockaddr* peer, StreamOwner& owner);
    /// For streams that nobody counts.
    StreamOwner& nobody() noexcept { return nobody_; }

    std::size_t streams() const noexcept { return streams_.slab().blocks_in_use(); }

private:
    friend class SocketStream;
    class Nobody final : public StreamOwner {
    public:
        explicit Nobody(SocketPool& pool) noexcept { pool_ = &pool; }
        void on_stream_gone() noexcept override {}
    };

    void step_later(SocketStream& stream) noexcept;
    void register_late(SocketStream& stream) noexcept;
    void retire(SocketStream& stream) noexcept;
    void on_turn() override;
    void destroy_now() noexcept override;

    LoopCore& core_;
    SlabPool<SocketStream> streams_;
    SocketStream* first_step_ = nullptr;
    SocketStream** last_step_ = &first_step_;
    SocketStream* dead_ = nullptr;
    std::uint32_t early_misses_ = 0;
    std::uint32_t adopted_ = 0;
    Nobody nobody_;
};

inline LoopCore& SocketStream::core() const noexcept {
    return owner_->pool().core();
}

}  // namespace corevent
