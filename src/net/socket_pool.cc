#include "net/socket_stream.h"

#include "base/assert.h"

#include <unistd.h>

#include <utility>

namespace corevent {

Result<SocketStream*> SocketPool::adopt(int fd, const sockaddr* peer, StreamOwner& owner) {
    CE_DCHECK(&owner.pool() == this);
    SocketStream* stream = streams_.create(fd, peer, owner);
    if (auto watched = core_.watch(*stream, fd, Interest::stream); !watched) {
        ::close(fd);
        streams_.destroy(stream);
        return std::unexpected(watched.error());
    }
    return stream;
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
        if (stream->is(SocketStream::gone)) {
            retire(*stream);
        } else if (stream->is(SocketStream::started) || stream->ended()) {
            stream->step();
        }
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
