// The epoll poller. What is asked for as edges needs no epoll_ctl when it has been told.
#include "base/assert.h"
#include "reactor/fd.h"
#include "reactor/poller.h"

#include <sys/epoll.h>

#include <cerrno>

namespace corevent {
namespace {

static_assert(static_cast<unsigned>(Readiness::in) == EPOLLIN &&
              static_cast<unsigned>(Readiness::out) == EPOLLOUT &&
              static_cast<unsigned>(Readiness::error) == EPOLLERR &&
              static_cast<unsigned>(Readiness::hangup) == EPOLLHUP &&
              static_cast<unsigned>(Readiness::end) == EPOLLRDHUP);

std::unexpected<std::error_code> last_error() {
    return std::unexpected(std::error_code(errno, std::system_category()));
}

std::uint32_t kernel_events(Interest interest) noexcept {
    std::uint32_t events = 0;
    if (has(interest, Interest::in)) {
        events |= EPOLLIN;
    }
    if (has(interest, Interest::out)) {
        events |= EPOLLOUT;
    }
    if (!has(interest, Interest::level)) {
        events |= EPOLLET;
    }
    if (has(interest, Interest::exclusive)) {
        return events | EPOLLEXCLUSIVE;  // allows no RDHUP
    }
    const bool told_of_end = !has(interest, Interest::level) || has(interest, Interest::end);
    return told_of_end ? events | EPOLLRDHUP : events;
}

class EpollPoller final : public Poller {
public:
    explicit EpollPoller(Fd fd) noexcept : Poller(true), fd_(std::move(fd)) {}

    Result<void> set(int fd, Interest before, Interest after, PollToken token) override {
        if (after == Interest::none) {
            return before == Interest::none ? Result<void>()
                                            : control(EPOLL_CTL_DEL, fd, after, token);
        }
        if (before == Interest::none) {
            return control(EPOLL_CTL_ADD, fd, after, token);
        }
        if (has(before, Interest::exclusive) || has(after, Interest::exclusive)) {  // cannot be
                                                                                    // modified
            if (Result<void> removed = control(EPOLL_CTL_DEL, fd, before, token); !removed) {
                return removed;
            }
            return control(EPOLL_CTL_ADD, fd, after, token);
        }
        return control(EPOLL_CTL_MOD, fd, after, token);
    }

    void closing(int) noexcept override {}
    void rearm(int, Readiness) noexcept override {}

    std::string_view name() const noexcept override { return "epoll"; }

private:
    void flush() override {}
    // Nothing after the system call, so that its return is the only one: the kernel has used up
    // what the processor foretells returns with.
    int wait(int timeout_ms, PollEvent* out, int out_size) override {
        return epoll_wait(fd_.get(), out, out_size, timeout_ms);
    }

    Result<void> control(int operation, int fd, Interest interest, PollToken token) noexcept {
        epoll_event event{};
        event.events = kernel_events(interest);
        event.data.u64 = token;
        return epoll_ctl(fd_.get(), operation, fd, &event) == 0 ? Result<void>()
                                                                : Result<void>(last_error());
    }

    Fd fd_;
};

}  // namespace

Result<std::unique_ptr<Poller>> make_epoll_poller() {
    Fd fd(epoll_create1(EPOLL_CLOEXEC));
    if (!fd) {
        return last_error();
    }
    return std::make_unique<EpollPoller>(std::move(fd));
}

}  // namespace corevent
