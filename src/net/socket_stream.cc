#include "net/socket_stream.h"

#include "base/assert.h"
#include "base/prefetch.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace corevent {
namespace {

/// What one stream may do in a step before the others have theirs.
constexpr unsigned reads_per_step = 4;
constexpr std::size_t sent_per_step = std::size_t{2} << 20;
/// One sendfile() call: large enough that the call costs nothing, small enough to notice a reader
/// that has stopped.
constexpr std::size_t sendfile_bytes_max = std::size_t{1} << 20;

/// For files that sendfile() refuses (some of /proc, of FUSE, of overlays).
ssize_t copy_file(int socket, const Chain::FileRange& range) noexcept {
    std::array<char, 16 * 1024> buffer;
    const std::size_t wanted = std::min<std::uint64_t>(range.length, buffer.size());
    const ssize_t got = pread(range.fd, buffer.data(), wanted, static_cast<off_t>(range.offset));
    return got <= 0 ? got
                    : send(socket, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
}

/// Knows no MSG_NOSIGNAL: loops ignore SIGPIPE.
ssize_t send_file(int socket, const Chain::FileRange& range) noexcept {
    off_t offset = static_cast<off_t>(range.offset);
    const std::size_t wanted = std::min<std::uint64_t>(range.length, sendfile_bytes_max);
    const ssize_t sent = sendfile(socket, range.fd, &offset, wanted);
    return sent < 0 && (errno == EINVAL || errno == ENOSYS) ? copy_file(socket, range) : sent;
}

std::size_t total_of(std::span<const std::string_view> slices) noexcept {
    std::size_t sum = 0;
    for (const std::string_view slice : slices) sum += slice.size();
    return sum;
}

}  // namespace

Loop& SocketStream::loop() const noexcept {
    return core().loop();
}

// --- calls of the client

void SocketStream::start(StreamClient& client) {
    CE_DCHECK(!is(started));
    client_ = &client;
    set(started);
    if (is(readable | failed)) schedule();
}

void SocketStream::resume() noexcept {
    if (is(paused)) {
        unset(paused);
        if (is(readable)) schedule();
    }
}

bool SocketStream::write(std::span<const std::string_view> slices) {
    CE_DCHECK(!is(finishing | closing));
    if (is(failed | gone | finishing | closing)) return false;
    std::size_t sent = 0;
    if (is(writable) && queue_.empty()) [[likely]] {
        sent = send_slices(slices);
        if (is(failed)) return false;
    }
    for (const std::string_view slice : slices) {
        const std::size_t skipped = std::min(sent, slice.size());
        sent -= skipped;
        if (skipped < slice.size()) queue_.append_copy(slice.substr(skipped));
    }
    if (queue_.empty()) [[likely]]
        return true;
    set(drain_owed);
    return false;
}

bool SocketStream::write(Chain&& chain) {
    CE_DCHECK(!is(finishing | closing));
    if (is(failed | gone | finishing | closing)) {
        chain.clear();
        return false;
    }
    const bool first = queue_.empty();
    queue_.append(std::move(chain));
    if (first && !queue_.empty()) send_queued();
    if (is(failed)) return false;
    if (queue_.empty()) return true;
    set(drain_owed);
    return false;
}

std::size_t SocketStream::unacknowledged_bytes() const noexcept {
    int bytes = 0;
    return ioctl(fd_, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

void SocketStream::shutdown_write() {
    if (is(finishing | closing | failed | gone)) return;
    set(finishing);
    if (queue_.empty()) send_fin();
}

void SocketStream::close() {
    if (is(closing | failed | gone)) return;
    set(closing);
    if (queue_.empty()) schedule();
}

void SocketStream::abort() {
    fail(ECANCELED);
}

// --- what the kernel says

void SocketStream::on_ready(Readiness events) {
    using enum Readiness;
    if (has(events, in | end | hangup | error)) set(readable);
    if (has(events, out | hangup | error)) set(writable);
    if (has(events, end | hangup | error)) {
        set(read_to_end);
        if (has(events, error)) check_error();
    }
    if (is(started)) [[likely]]
        step();
}

/// Nobody reads, so nobody would hear of a reset. (Who reads gets the bytes before it first, then
/// the error.)
void SocketStream::check_error() noexcept {
    if (!is(started) || !is(paused | input_ended | closing)) return;
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error != 0) fail(error);
}

void SocketStream::step() {
    set(dispatching);
    if (is(writable) && !queue_.empty()) write_queued();
    if (is(readable) && !is(paused | input_ended | closing | failed)) read_some();
    unset(dispatching);
    settle();
}

void SocketStream::read_some() {
    LoopCore& loop_core = core();
    prefetch_lines<3>(client_);
    for (unsigned reads = 0; reads < reads_per_step;) {
        const std::span<char> buffer = loop_core.receive_buffer();
        const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got > 0) [[likely]] {
            const auto size = static_cast<std::size_t>(got);
            if (size < buffer.size() && !is(read_to_end)) [[likely]] {
                unset(readable);
                rearm(Readiness::in);
            }
            client_->on_bytes(buffer.first(size));
            if (!is(readable) || is(paused | closing | failed)) return;
            ++reads;
        } else if (got == 0) {
            unset(readable);
            set(input_ended);
            client_->on_end();
            return;
        } else if (errno == EAGAIN) {
            unset(readable);
            rearm(Readiness::in);
            return;
        } else if (errno != EINTR) {
            fail(errno);
            return;
        }
    }
    schedule();  // more may be there: after the others
}

void SocketStream::write_queued() {
    const std::size_t before = queue_.size();
    send_queued();
    if (is(failed) || queue_.size() == before) return;
    if (!queue_.empty()) {
        client_->on_progress(queue_.size());
        return;
    }
    if (is(finishing) && !is(finished)) send_fin();
    if (is(drain_owed) && !is(closing)) {
        unset(drain_owed);
        client_->on_drained();
    }
}

// --- sending; no callbacks from here on

/// Sends what the kernel takes, at most sent_per_step; the rest of the queue waits for room or for
/// a later step.
bool SocketStream::send_queued() {
    std::size_t budget = sent_per_step;
    while (!queue_.empty() && is(writable)) {
        const long sent = send_front();
        if (sent <= 0) break;
        queue_.consume(static_cast<std::size_t>(sent));
        if (static_cast<std::size_t>(sent) >= budget) {
            if (!queue_.empty()) schedule();
            break;
        }
        budget -= static_cast<std::size_t>(sent);
    }
    return queue_.empty();
}

/// One system call for the front of the queue. Returns the octets sent, or 0 when there is no room
/// or all has failed.
long SocketStream::send_front() {
    for (;;) {
        ssize_t sent = 0;
        std::size_t wanted = 1;  // sendfile() may stop early for reasons of the file: only EAGAIN
                                 // means no room
        if (queue_.front_is_file()) {
            sent = send_file(fd_, queue_.front_file());
            if (sent == 0) {  // the file has become shorter than it was when its length was
                              // promised
                fail(EIO);
                return 0;
            }
        } else {
            std::array<iovec, Chain::slices_max> slices;
            msghdr message{};
            message.msg_iov = slices.data();
            message.msg_iovlen = queue_.prefix(slices);
            wanted = 0;
            for (std::size_t i = 0; i < message.msg_iovlen; ++i) wanted += slices[i].iov_len;
            sent = sendmsg(fd_, &message, MSG_NOSIGNAL | hold_flag(wanted == queue_.size()));
        }
        if (sent < 0 && errno == EINTR) continue;
        sent_short(sent, wanted);
        return std::max<ssize_t>(sent, 0);
    }
}

/// Tries `slices` at once, the queue being empty. Returns the octets sent.
std::size_t SocketStream::send_slices(std::span<const std::string_view> slices) {
    if (slices.size() == 1) [[likely]] {
        const std::string_view slice = slices.front();
        ssize_t sent = 0;
        do {
            sent = slice.empty()
                       ? 0
                       : send(fd_, slice.data(), slice.size(), MSG_NOSIGNAL | hold_flag(true));
        } while (sent < 0 && errno == EINTR);
        sent_short(sent, slice.size());
        return static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    }
    std::size_t all = 0;
    while (!slices.empty() && is(writable)) {
        std::array<iovec, Chain::slices_max> vectors;
        const auto now = slices.first(std::min(slices.size(), vectors.size()));
        for (std::size_t i = 0; i < now.size(); ++i) {
            vectors[i] = {const_cast<char*>(now[i].data()), now[i].size()};
        }
        const std::size_t wanted = total_of(now);
        slices = slices.subspan(now.size());
        msghdr message{};
        message.msg_iov = vectors.data();
        message.msg_iovlen = now.size();
        ssize_t sent = 0;
        do {
            sent =
                wanted == 0 ? 0 : sendmsg(fd_, &message, MSG_NOSIGNAL | hold_flag(slices.empty()));
        } while (sent < 0 && errno == EINTR);
        all += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        if (sent_short(sent, wanted)) break;
    }
    return all;
}

/// Takes note of the result of a send; true when it was not all of what was wanted: no room, or
/// failed.
bool SocketStream::sent_short(long result, std::size_t wanted) {
    if (result >= 0 && static_cast<std::size_t>(result) >= wanted) [[likely]]
        return false;
    if (result < 0 && errno != EAGAIN) {
        fail(errno);
        return true;
    }
    unset(writable);
    rearm(Readiness::out);
    return true;
}

/// Octets with others behind them wait for those, the last ones for the FIN where it is known to follow.
int SocketStream::hold_flag(bool last) noexcept {
    if (!last) return MSG_MORE;
    if (!is(ending)) [[likely]]
        return 0;
    set(held);
    return MSG_MORE;
}

void SocketStream::send_fin() noexcept {
    set(finished);
    ::shutdown(fd_, SHUT_WR);  // fails only when the peer has reset, which reading tells
}

// --- the end

void SocketStream::fail(int error) noexcept {
    if (is(failed | gone)) return;
    error_ = static_cast<std::int16_t>(error);
    set(failed);
    queue_.clear();
    schedule();
}

/// A stream that is not registered yet will ask for what it lacks then.
void SocketStream::rearm(Readiness bits) noexcept {
    if (watched()) [[likely]]
        core().rearm(*this, fd_, bits);
}

/// Asks for a step; inside one, settle() is about to see an end.
void SocketStream::schedule() noexcept {
    if (is(dispatching) && ended()) return;
    owner_->pool().step_later(*this);
}

void SocketStream::settle() {
    if (!ended()) [[likely]]
        return;
    const auto why =
        is(failed) ? std::error_code(error_, std::system_category()) : std::error_code();
    StreamClient* const client = client_;
    close_descriptor();
    if (client != nullptr) client->on_closed(why);
}

void SocketStream::close_descriptor() noexcept {
    if (is(failed) && error_ == ECANCELED) {
        const linger reset{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    } else if (is(held) && !is(finished | failed)) {
        send_fin();  // close() alone would drop what is held if the peer had sent more
    }
    LoopCore& loop_core = core();
    loop_core.unwatch(*this, fd_);
    ::close(fd_);
    fd_ = -1;
    set(gone);
    loop_core.add_load(-1);
    SocketPool& pool = owner_->pool();
    std::exchange(owner_, &pool.nobody())->on_stream_gone();  // may free the owner
    pool.retire(*this);
}

}  // namespace corevent
