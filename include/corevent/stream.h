// Stream: bytes in both directions, completion-style, the same whatever carries them (socket, TLS,
// in-process pipe). A stream lives on one loop and is used on that loop's thread only.
//
// Reading: on_bytes() lends a span that is valid until it returns; the client takes what it needs
// or copies. Back pressure is pause()/resume(). Writing: write() takes the slices at once (tried
// immediately; what the kernel does not accept is kept in the stream's queue) and on_drained()
// follows exactly once when a write left something queued and the queue has emptied. on_closed() is
// the last call, exactly once for every started stream, after the last completion; the descriptor
// is closed by then and the stream frees itself at the end of the turn.
//
// No call to a stream calls its client back before it returns: not close() or abort() on_closed(),
// not write() on_drained(). What a call brings about arrives when the client's running callback has
// returned, or in a later step. A loop that is destroyed closes its streams without telling their
// clients, which belong to an earlier end.
#pragma once

#include <corevent/address.h>
#include <corevent/error.h>
#include <corevent/loop.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace corevent {

class Chain;

class CE_API StreamClient {
public:
    /// `bytes` is borrowed until return and followed by 64 readable octets. May call anything on
    /// the stream.
    virtual void on_bytes(std::span<char> bytes) = 0;
    /// The peer finished sending; writing may go on.
    virtual void on_end() = 0;
    /// The queue that a write() left behind has emptied.
    virtual void on_drained() = 0;
    /// The queue shrank to `queued_bytes` > 0 (progress; for write_stall deadlines and low-water
    /// marks).
    virtual void on_progress(std::size_t queued_bytes) { static_cast<void>(queued_bytes); }
    /// Last call. No error after a close() whose queue was written; else why it ended.
    virtual void on_closed(std::error_code why) = 0;

protected:
    ~StreamClient() = default;
};

class CE_API Stream {
public:
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    virtual Loop& loop() const noexcept = 0;
    virtual Address peer() const noexcept = 0;  ///< made anew by each call; keep what is used often

    /// Exactly once, before anything but abort(). What has arrived already is told in a later step.
    virtual void start(StreamClient& client) = 0;

    virtual void pause() noexcept = 0;   ///< no on_bytes()/on_end() until resume(); nests not
    virtual void resume() noexcept = 0;  ///< buffered input arrives in a later step, never inside
                                         ///< this call

    /// Slices are borrowed until return. True when all of it went out and the queue is empty. False
    /// as well when the stream has failed, which on_closed() is about to say. Not after
    /// shutdown_write() or close().
    virtual bool write(std::span<const std::string_view> slices) = 0;
    bool write(std::string_view bytes) { return write(std::span(&bytes, 1)); }
    /// Moves the chain's segments (owned memory, file ranges) to the end of the queue.
    virtual bool write(Chain&& chain) = 0;
    virtual std::size_t queued_bytes() const noexcept = 0;
    /// Octets that were taken from the queue and that the peer has not acknowledged; a system call. A slow
    /// reader makes it shrink long before queued_bytes() moves. 0 where nobody knows.
    virtual std::size_t unacknowledged_bytes() const noexcept { return 0; }

    /// A hint before the last write: shutdown_write() or close() follows when the running callback ends, so
    /// the octets may wait for it and share a segment with the FIN (on TCP a fifth of what a short connection
    /// costs). Should neither follow, they leave within 200 ms.
    virtual void end_follows() noexcept {}
    virtual void shutdown_write() = 0;  ///< FIN after the queue; reading goes on
    virtual void close() = 0;  ///< after the queue (on_progress() goes on, then on_closed());
                               ///< reading stops now
    virtual void abort() = 0;  ///< now; what is queued is dropped (RST on sockets):
                               ///< operation_canceled

protected:
    Stream() = default;
    virtual ~Stream() = default;  ///< by the loop's burial step only
};

}  // namespace corevent
