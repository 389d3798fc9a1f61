#include "reactor/alarm.h"

#include "base/assert.h"

#include <sys/timerfd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace corevent {

Alarm::Alarm() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!fd_) {
        throw std::system_error(errno, std::system_category(), "timerfd");
    }
}

void Alarm::set_kernel(std::uint64_t due_ns) noexcept {
    constexpr std::uint64_t second = 1'000'000'000;
    const std::uint64_t due = due_ns == 0 ? 1 : due_ns;  // zero would turn it off
    itimerspec at{};
    at.it_value.tv_sec = static_cast<time_t>(due / second);
    at.it_value.tv_nsec = static_cast<long>(due % second);
    const int set = timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
    CE_ASSERT(set == 0);
    due_ns_ = due_ns;
}

void Alarm::drain() const noexcept {
    std::uint64_t count = 0;
    static_cast<void>(!::read(fd_.get(), &count, sizeof count));
}

}  // namespace corevent
