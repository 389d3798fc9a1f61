#include "net/socket_stream.h"

#include "base/assert.h"

#include <unistd.h>

#include <utility>

namespace corevent {
namespace {

/// So many accepted streams in a row that did not end with their first step: most of the next are
/// registered at once, and one in early_probe asks whether that still holds.
constexpr std::uint32_t early_misses_max = 4;
constexpr std::uint32_t early_probe = 64;

}  // namespace

Result<SocketStream*> SocketPool::adopt(int fd, const sockaddr* peer, StreamOwner& owner) {
    CE_DCHECK(&owner.pool() == this);
    SocketStream* stream = streams_.create(fd, peer, owner);
    if (auto watched = core_.watch(*stream, fd, Interest::in); !watched) {
        ::close(fd);
        streams_.destroy(stream);
        return std::unexpected(watched.error());
    }
    return stream;
}

SocketStream& SocketPool::adopt_accepted(int fd, const sockaddr* peer, StreamOwner& owner) {
    CE_DCHECK(&owner.pool() == this);
    SocketStream* stream = streams_.create(fd, peer, owner);
    stream->set(SocketStream::readable);
    if (early_misses_ >= early_misses_max && ++adopted_ % early_probe != 0) {
        if (core_.watch(*stream, fd, Interest::in)) {
            stream->unset(SocketStream::readable);
            return *stream;
        }
    }
    step_later(*stream);
    return *stream;
}

/// After the first step of an accepted stream. One that nobody has started yet keeps a failure to
/// itself: start() asks for a step, which tries again.
void SocketPool::register_late(SocketStream& stream) noexcept {
    if (stream.is(SocketStream::gone)) {
        early_misses_ = 0;
        return;
    }
    ++early_misses_;
    const bool waits_for_room = !stream.is(SocketStream::writable);
    const auto watched =
        core_.watch(stream, stream.fd_, waits_for_room ? Interest::stream : Interest::in);
    if (!watched && stream.is(SocketStream::started)) stream.fail(watched.error().value());
}

SocketPool::~SocketPool() {
    core_.for_each_watch([](IoWatch& watch) {
        // Not on any path that counts: once in the life of a loop.
        if (auto* stream = dynamic_cast<SocketStream*>(&watch)) {
            stream->queue_.clear();
            stream->close_descriptor();
        }
    });
    while (SocketStream* stream = first_step_) {
        first_step_ = stream->next_;
        if (!stream->is(SocketStream::gone)) stream->close_descriptor();  // not registered yet
        streams_.destroy(stream);
    }
    core_.cancel_ready(*this);
    destroy_now();
}

void SocketPool::step_later(SocketStream& stream) noexcept {
    if (stream.is(SocketStream::queued | SocketStream::gone)) return;
    stream.set(SocketStream::queued);
    stream.next_ = nullptr;
    *last_step_ = &stream;
    last_step_ = &stream.next_;
    core_.make_ready(*this);
}

/// A stream that waits for a step is freed when its turn has come: it is in one list at a time.
void SocketPool::retire(SocketStream& stream) noexcept {
    if (stream.is(SocketStream::queued)) return;
    if (dead_ == nullptr) core_.bury(*this);
    stream.next_ = std::exchange(dead_, &stream);
}

void SocketPool::on_turn() {
    SocketStream* stream = std::exchange(first_step_, nullptr);
    last_step_ = &first_step_;
    while (stream != nullptr) {
        SocketStream* const next = stream->next_;
        stream->unset(SocketStream::queued);
        const bool early = !stream->watched() && !stream->is(SocketStream::gone);
        if (stream->is(SocketStream::gone)) {
            retire(*stream);
        } else if (stream->is(SocketStream::started) || stream->ended()) {
            stream->step();
        }
        if (early) register_late(*stream);
        stream = next;
    }
}

void SocketPool::destroy_now() noexcept {
    while (SocketStream* stream = dead_) {
        dead_ = stream->next_;
        streams_.destroy(stream);
    }
}

}  // namespace corevent
