#include "net/pipe.h"

#include "base/assert.h"
#include "buffer/chain.h"
#include "loop/loop_core.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace corevent {
namespace {

class PipeEnd;

/// The ends of a loop that are alive, for the loop's end.
class PipeEnds final : public LoopLocal {
public:
    explicit PipeEnds(LoopCore& loop_core) noexcept : core(loop_core) {}
    ~PipeEnds() override;

    LoopCore& core;
    PipeEnd* first = nullptr;
};

class PipeEnd final : public Stream, private ReadyItem, private Buried {
public:
    PipeEnd(PipeEnds& ends, PipeScript script, PipeFault* fault);
    static void join(PipeEnd& a, PipeEnd& b) noexcept {
        a.other_ = &b;
        b.other_ = &a;
    }

    Loop& loop() const noexcept override { return ends_.core.loop(); }
    Address peer() const noexcept override { return script_.peer; }
    void start(StreamClient& client) override;
    void pause() noexcept override { paused_ = true; }
    void resume() noexcept override;
    using Stream::write;
    bool write(std::span<const std::string_view> slices) override;
    bool write(Chain&& chain) override;
    std::size_t queued_bytes() const noexcept override { return queue_.size(); }
    void shutdown_write() override;
    void close() override;
    void abort() override { fail(ECANCELED); }

private:
    friend class PipeEnds;
    void on_turn() override;
    void destroy_now() noexcept override { delete this; }
    ~PipeEnd() override;

    bool ended() const noexcept { return error_ != 0 || (closing_ && queue_.empty()); }
    bool attempt_write();
    void send_queued();
    std::size_t transfer(std::size_t limit);
    bool fill_front(std::string& into, std::size_t limit);
    void write_and_tell();
    void read_one();
    void send_fin();
    void fail(int error) noexcept;
    void reset_by_other() noexcept;
    void settle();
    void schedule() noexcept {
        if (!gone_) ends_.core.make_ready(*this);
    }
    bool strikes() {
        if (fault_ == nullptr || !fault_->strikes()) return false;
        fail(fault_->error);
        return true;
    }

    PipeEnds& ends_;
    PipeEnd* next_ = nullptr;  ///< in ends_
    PipeEnd** link_ = nullptr;
    PipeEnd* other_ = nullptr;  ///< null once that has gone
    StreamClient* client_ = nullptr;
    const PipeScript script_;
    PipeFault* const fault_;
    Chain queue_;        ///< not taken by the pipe yet
    std::string inbox_;  ///< sent by the other end, not read here
    std::uint64_t sent_ = 0;
    std::size_t reads_ = 0;  ///< positions in the script
    std::size_t writes_ = 0;
    unsigned wait_turns_ = 0;  ///< before the next attempt to write
    int error_ = 0;
    int reset_error_ = 0;  ///< told when the inbox has been read
    bool paused_ = false;
    bool other_finished_ = false;
    bool input_ended_ = false;
    bool drain_owed_ = false;
    bool finishing_ = false;
    bool finished_ = false;
    bool cut_ = false;  ///< by end_at: what is written goes nowhere
    bool closing_ = false;
    bool gone_ = false;
};

PipeEnd::PipeEnd(PipeEnds& ends, PipeScript script, PipeFault* fault)
    : ends_(ends), script_(std::move(script)), fault_(fault) {
    next_ = ends.first;
    link_ = &ends.first;
    if (next_ != nullptr) next_->link_ = &next_;
    ends.first = this;
    ends.core.add_load(1);
}

PipeEnd::~PipeEnd() {
    ends_.core.cancel_ready(*this);
    *link_ = next_;
    if (next_ != nullptr) next_->link_ = link_;
}

PipeEnds::~PipeEnds() {
    while (first != nullptr) delete first;
}

void PipeEnd::start(StreamClient& client) {
    CE_DCHECK(client_ == nullptr);
    client_ = &client;
    schedule();
}

void PipeEnd::resume() noexcept {
    paused_ = false;
    schedule();
}

bool PipeEnd::write(std::span<const std::string_view> slices) {
    Chain copied;
    for (const std::string_view slice : slices) copied.append_copy(slice);
    return write(std::move(copied));
}

bool PipeEnd::write(Chain&& chain) {
    CE_DCHECK(!finishing_ && !closing_);
    if (gone_ || error_ != 0) {
        chain.clear();
        return false;
    }
    const bool first = queue_.empty();
    queue_.append(std::move(chain));
    if (first) send_queued();
    if (error_ != 0) return false;
    if (queue_.empty()) return true;
    if (wait_turns_ != 0) schedule();
    drain_owed_ = true;
    return false;
}

void PipeEnd::shutdown_write() {
    if (finishing_ || closing_ || gone_ || error_ != 0) return;
    finishing_ = true;
    if (queue_.empty()) send_fin();
}

void PipeEnd::close() {
    if (closing_ || gone_ || error_ != 0) return;
    closing_ = true;
    schedule();
}

void PipeEnd::on_turn() {
    if (client_ == nullptr && !ended()) return;
    if (wait_turns_ > 0 && !queue_.empty()) {
        --wait_turns_;
        schedule();
    } else if (!queue_.empty()) {
        write_and_tell();
    }
    if (!paused_ && !closing_ && !input_ended_ && error_ == 0) read_one();
    // Who does not read hears of a reset at once; who reads gets what came before it.
    if (reset_error_ != 0 && error_ == 0 &&
        (paused_ || input_ended_ || closing_ || inbox_.empty())) {
        fail(reset_error_);
    }
    settle();
}

void PipeEnd::write_and_tell() {
    const std::size_t before = queue_.size();
    send_queued();
    if (error_ != 0 || queue_.size() == before) return;
    if (!queue_.empty()) {
        client_->on_progress(queue_.size());
        return;
    }
    if (finishing_ && !finished_) send_fin();
    if (drain_owed_ && !closing_) {
        drain_owed_ = false;
        client_->on_drained();
    }
}

void PipeEnd::read_one() {
    if (inbox_.empty()) {
        if (other_finished_ && reset_error_ == 0 && !strikes()) {
            input_ended_ = true;
            client_->on_end();
        }
        return;
    }
    if (strikes()) return;
    const std::span<char> buffer = ends_.core.receive_buffer();
    std::size_t size = std::min(inbox_.size(), buffer.size());
    if (!script_.read_sizes.empty()) {
        size = std::min(size, script_.read_sizes[reads_++ % script_.read_sizes.size()]);
        size = std::max<std::size_t>(size, 1);
    }
    std::memcpy(buffer.data(), inbox_.data(), size);
    inbox_.erase(0, size);
    if (other_ != nullptr && !other_->queue_.empty()) {
        other_->wait_turns_ = std::max(other_->wait_turns_, other_->script_.drain_delay_turns);
        other_->schedule();
    }
    schedule();
    client_->on_bytes(buffer.first(size));
}

// --- writing; no callbacks from here on

void PipeEnd::send_queued() {
    while (!queue_.empty() && wait_turns_ == 0 && error_ == 0) {
        if (!attempt_write()) return;
    }
}

/// One transfer; false when no other may follow in this turn.
bool PipeEnd::attempt_write() {
    if (cut_) {
        queue_.clear();
        return true;
    }
    if (other_ == nullptr || other_->error_ != 0) {
        fail(EPIPE);
        return false;
    }
    if (strikes()) return false;
    const std::size_t used = other_->inbox_.size();
    const std::size_t room = script_.capacity_bytes > used ? script_.capacity_bytes - used : 0;
    if (room == 0) return false;  // the other end schedules this one when it has read
    std::size_t limit = std::min(room, queue_.size());
    const bool scripted = !script_.write_sizes.empty();
    if (scripted)
        limit = std::min(limit, script_.write_sizes[writes_++ % script_.write_sizes.size()]);
    limit = std::min<std::uint64_t>(limit, std::min(script_.end_at, script_.reset_at) - sent_);
    if (transfer(limit) == 0 && limit != 0) return false;
    if (sent_ == script_.reset_at) {
        fail(ECONNRESET);
        return false;
    }
    if (sent_ == script_.end_at) {
        cut_ = true;
        other_->other_finished_ = true;
    }
    if (scripted && !queue_.empty() && !cut_) {
        wait_turns_ = script_.drain_delay_turns;
        schedule();
        return false;
    }
    return true;
}

/// Moves octets of the queue's front into the other end's inbox.
std::size_t PipeEnd::transfer(std::size_t limit) {
    std::string& inbox = other_->inbox_;
    const std::size_t before = inbox.size();
    while (inbox.size() - before < limit) {
        if (!fill_front(inbox, limit - (inbox.size() - before))) break;
    }
    const std::size_t moved = inbox.size() - before;
    sent_ += moved;
    if (moved != 0) other_->schedule();
    return moved;
}

bool PipeEnd::fill_front(std::string& into, std::size_t limit) {
    if (queue_.front_is_file()) {
        const Chain::FileRange range = queue_.front_file();
        std::array<char, 16 * 1024> buffer;
        const std::size_t wanted =
            std::min({limit, buffer.size(), static_cast<std::size_t>(range.length)});
        const ssize_t got =
            pread(range.fd, buffer.data(), wanted, static_cast<off_t>(range.offset));
        if (got <= 0) {  // a file that has become shorter, as in a socket's stream
            fail(got == 0 ? EIO : errno);
            return false;
        }
        into.append(buffer.data(), static_cast<std::size_t>(got));
        queue_.consume(static_cast<std::size_t>(got));
        return true;
    }
    iovec slice{};
    queue_.prefix(std::span(&slice, 1));
    const std::size_t size = std::min(limit, slice.iov_len);
    into.append(static_cast<const char*>(slice.iov_base), size);
    queue_.consume(size);
    return true;
}

void PipeEnd::send_fin() {
    finished_ = true;
    if (other_ == nullptr || strikes()) return;
    other_->other_finished_ = true;
    other_->schedule();
}

// --- the end

void PipeEnd::fail(int error) noexcept {
    if (gone_ || error_ != 0) return;
    error_ = error;
    queue_.clear();
    if (other_ != nullptr) other_->reset_by_other();
    schedule();
}

void PipeEnd::reset_by_other() noexcept {
    if (reset_error_ == 0) reset_error_ = ECONNRESET;
    schedule();
}

void PipeEnd::settle() {
    if (!ended()) return;
    gone_ = true;
    ends_.core.cancel_ready(*this);
    if (other_ != nullptr) {
        other_->other_ = nullptr;
        other_->other_finished_ = true;
        other_->schedule();
    }
    ends_.core.add_load(-1);
    ends_.core.bury(*this);
    const auto why =
        error_ != 0 ? std::error_code(error_, std::system_category()) : std::error_code();
    if (client_ != nullptr) client_->on_closed(why);
}

}  // namespace

std::pair<Stream*, Stream*> make_pipe(Loop& loop, PipeScript first, PipeScript second,
                                      PipeFault* fault) {
    auto& ends = LoopCore::of(loop).local<PipeEnds>();
    auto* a = new PipeEnd(ends, std::move(first), fault);
    auto* b = new PipeEnd(ends, std::move(second), fault);
    PipeEnd::join(*a, *b);
    return {a, b};
}

}  // namespace corevent
