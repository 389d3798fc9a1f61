#include "reactor/wakeup.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace corevent {

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) {
        throw std::system_error(errno, std::system_category(), "eventfd");
    }
}

void Wakeup::notify() const noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    // The counter is full after 2^64 calls; a refused write finds the waiter awake anyway.
    static_cast<void>(!::write(fd_.get(), &one, sizeof one));
    errno = saved;
}

void Wakeup::drain() const noexcept {
    std::uint64_t count = 0;
    static_cast<void>(!::read(fd_.get(), &count, sizeof count));
}

}  // namespace corevent
