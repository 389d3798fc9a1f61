// The poll poller: for systems and tests where epoll is not to be had. It makes edges out of
// levels: a bit that was delivered is not asked for again until rearm().
#include "base/assert.h"
#include "reactor/poller.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace corevent {
namespace {

static_assert(static_cast<unsigned>(Readiness::in) == POLLIN &&
              static_cast<unsigned>(Readiness::out) == POLLOUT &&
              static_cast<unsigned>(Readiness::error) == POLLERR &&
              static_cast<unsigned>(Readiness::hangup) == POLLHUP &&
              static_cast<unsigned>(Readiness::end) == POLLRDHUP);

Readiness wanted(Interest interest) noexcept {
    Readiness bits = Readiness::none;
    if (has(interest, Interest::in)) {
        bits |= Readiness::in;
    }
    if (has(interest, Interest::out)) {
        bits |= Readiness::out;
    }
    if (!has(interest, Interest::level) || has(interest, Interest::end)) {
        bits |= Readiness::end;
    }
    return bits;
}

class PollPoller final : public Poller {
public:
    PollPoller() noexcept : Poller(false) {}

    Result<void> set(int fd, Interest before, Interest after, PollToken token) override {
        if (after == Interest::none) {
            if (before != Interest::none) {
                closing(fd);
            }
            return {};
        }
        if (fd < 0 || fcntl(fd, F_GETFD) < 0) {
            return std::unexpected(std::error_code(EBADF, std::system_category()));
        }
        const auto index = static_cast<std::size_t>(fd);
        if (index >= entries_.size()) {
            entries_.resize(index + 1);
        }
        Entry& entry = entries_[index];
        if (before == Interest::none && entry.interest != Interest::none) {
            return std::unexpected(std::error_code(EEXIST, std::system_category()));
        }
        entry.interest = after;
        entry.token = token;
        entry.armed = wanted(after) | unasked;
        entry.rearmed = Readiness::none;
        list(fd, entry);
        return {};
    }

    void closing(int fd) noexcept override {
        Entry& entry = entries_[static_cast<std::size_t>(fd)];
        entry.interest = Interest::none;
        list(fd, entry);
    }

    void rearm(int fd, Readiness bits) noexcept override {
        Entry& entry = entries_[static_cast<std::size_t>(fd)];
        entry.rearmed |= bits | Readiness::error | Readiness::hangup;
        if (has(bits, Readiness::in)) {
            entry.rearmed |= Readiness::end;
        }
        list(fd, entry);
    }

    std::string_view name() const noexcept override { return "poll"; }

private:
    int wait(int timeout_ms, PollEvent* out, int out_size) override;
    void flush() override {
        for (const Delivered& d : delivered_) {
            Entry& entry = entries_[static_cast<std::size_t>(d.fd)];
            if (entry.token == d.token && !has(entry.interest, Interest::level)) {
                entry.armed = without(entry.armed, d.bits);
                list(d.fd, entry);
            }
        }
        delivered_.clear();
        for (const int fd : changed_) {
            apply(fd, entries_[static_cast<std::size_t>(fd)]);
        }
        changed_.clear();
    }

    static constexpr std::size_t nowhere = SIZE_MAX;
    static constexpr Readiness unasked = Readiness::error | Readiness::hangup;

    /// By descriptor number: what the owner wants. The owner's side.
    struct Entry {
        PollToken token = 0;
        std::size_t at = nowhere;  ///< place in polled_
        Interest interest = Interest::none;
        Readiness armed = Readiness::none;
        Readiness rearmed = Readiness::none;  ///< since the last prepare(): wins over what was
                                              ///< delivered before
        bool listed = false;                  ///< in changed_
    };
    struct Delivered {
        int fd;
        PollToken token;
        Readiness bits;
    };

    void list(int fd, Entry& entry) {
        if (!entry.listed) {
            entry.listed = true;
            changed_.push_back(fd);
        }
    }
    void apply(int fd, Entry& entry);

    std::vector<Entry> entries_;
    std::vector<int> changed_;

    // The waiter's side; prepare() changes it while nobody waits.
    std::vector<pollfd> polled_;
    std::vector<PollToken> tokens_;
    std::vector<Delivered> delivered_;
    std::size_t start_ = 0;  ///< where the next look at the results begins, so that no descriptor
                             ///< starves
};

void PollPoller::apply(int fd, Entry& entry) {
    entry.listed = false;
    entry.armed |= std::exchange(entry.rearmed, Readiness::none);
    if (entry.interest == Interest::none) {
        if (entry.at != nowhere) {  // the last one takes its place
            const int last = polled_.back().fd < 0 ? ~polled_.back().fd : polled_.back().fd;
            entries_[static_cast<std::size_t>(last)].at = entry.at;
            polled_[entry.at] = polled_.back();
            tokens_[entry.at] = tokens_.back();
            polled_.pop_back();
            tokens_.pop_back();
            entry.at = nowhere;
        }
        return;
    }
    if (entry.at == nowhere) {
        entry.at = polled_.size();
        polled_.emplace_back();
        tokens_.emplace_back();
    }
    // poll(2) reports errors and hang-ups whether asked or not: while one of them is disarmed, the
    // descriptor sits out (a negative number is ignored).
    const bool told = !has(entry.armed, Readiness::error) || !has(entry.armed, Readiness::hangup);
    const Readiness asked = without(entry.armed, Readiness::error | Readiness::hangup);
    polled_[entry.at] = {told ? ~fd : fd, static_cast<short>(asked), 0};
    tokens_[entry.at] = entry.token;
}

int PollPoller::wait(int timeout_ms, PollEvent* out, int out_size) {
    const int count = poll(polled_.data(), polled_.size(), timeout_ms);
    if (count < 0) {
        return count;
    }
    const std::size_t size = polled_.size();
    const int most = std::min(out_size, count);
    int filled = 0;
    std::size_t i = start_ < size ? start_ : 0;
    for (std::size_t looked = 0; looked < size && filled < most; ++looked) {
        auto bits =
            static_cast<Readiness>(static_cast<unsigned short>(polled_[i].revents) & ~POLLNVAL);
        // Closed without closing(): silence would let the owner spin and never know.
        if ((polled_[i].revents & POLLNVAL) != 0) {
            bits |= Readiness::error;
        }
        if (bits != Readiness::none) {
            out[filled++] = PollEvent(tokens_[i], bits);
            delivered_.push_back({polled_[i].fd, tokens_[i], bits});
        }
        i = i + 1 < size ? i + 1 : 0;
    }
    start_ = i;
    return filled;
}

}  // namespace

std::unique_ptr<Poller> make_poll_poller() {
    return std::make_unique<PollPoller>();
}

}  // namespace corevent
