#include "http/log_output.h"

#include "base/assert.h"
#include "base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>

namespace corevent::http {

LogOutput::LogOutput(int descriptor)
    : descriptor_(descriptor), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CE_ASSERT(event_ >= 0);
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) return;  // write() will say what is wrong
    if (S_ISSOCK(status.st_mode)) kind_ = Kind::socket;
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        kind_ = Kind::stream;
        // A description of our own has flags of its own. Without /proc, or without the right, small pieces must do.
        const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
        reopened_ = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
}

LogOutput::~LogOutput() {
    if (reopened_ >= 0) ::close(reopened_);
    ::close(event_);
}

std::size_t LogOutput::write(std::string_view text) noexcept {
    std::size_t done = 0;
    while (done < text.size()) {
        const long n = write_some(text.substr(done));
        if (n >= 0) {
            done += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            if (!wait_writable()) break;
        } else if (errno != EINTR) {
            error_ = errno;
            break;
        }
    }
    return done;
}

long LogOutput::write_some(std::string_view text) noexcept {
    switch (kind_) {
        case Kind::file: break;
        case Kind::socket:
            return ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        case Kind::stream:
            if (reopened_ >= 0) return ::write(reopened_, text.data(), text.size());
            // A pipe that poll() calls writable takes PIPE_BUF octets without waiting.
            pollfd ready{descriptor_, POLLOUT, 0};
            if (::poll(&ready, 1, 0) == 0) {
                errno = EAGAIN;
                return -1;
            }
            return ::write(descriptor_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    }
    return ::write(descriptor_, text.data(), text.size());
}

/// False when the end has come first.
bool LogOutput::wait_writable() noexcept {
    for (;;) {
        const std::int64_t end = end_ns_.load(std::memory_order_acquire);
        int timeout_ms = -1;
        if (end != 0) {
            const std::int64_t left = end - static_cast<std::int64_t>(monotonic_ns());
            if (left <= 0) {
                error_ = ETIMEDOUT;
                return false;
            }
            timeout_ms = static_cast<int>(left / static_cast<std::int64_t>(ns_per_ms)) + 1;
        }
        std::array<pollfd, 2> watched{
            {{reopened_ >= 0 ? reopened_ : descriptor_, POLLOUT, 0}, {event_, POLLIN, 0}}};
        ::poll(watched.data(), end == 0 ? 2 : 1, timeout_ms);
        if (watched[0].revents != 0) return true;
        if (watched[1].revents != 0) {
            eventfd_t count = 0;
            ::eventfd_read(event_, &count);
        }
    }
}

void LogOutput::wait(int timeout_ms) noexcept {
    pollfd watched{event_, POLLIN, 0};
    if (::poll(&watched, 1, timeout_ms) == 1) {
        eventfd_t count = 0;
        ::eventfd_read(event_, &count);
    }
}

void LogOutput::wake() noexcept {
    ::eventfd_write(event_, 1);
}

void LogOutput::end_at(std::chrono::steady_clock::time_point when) noexcept {
    end_ns_.store(std::max<std::int64_t>(std::chrono::nanoseconds(when.time_since_epoch()).count(),
                                         1),
                  std::memory_order_release);
    wake();
}

}  // namespace corevent::http
