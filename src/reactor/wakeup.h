// Wakeup: an eventfd that makes a poller return. notify() may be called from any thread and from
// signal handlers. A poller that re-arms by itself sees an edge for each notify() although the
// counter is never read; for the others the owner calls drain() before rearm(). A notify() costs a
// system call (500-960 ns): callers first find out whether the waiter sleeps.
#pragma once

#include "reactor/fd.h"

namespace corevent {

class Wakeup {
public:
    Wakeup();  ///< throws std::system_error when no descriptor is left
    int fd() const noexcept { return fd_.get(); }
    void notify() const noexcept;  ///< any thread, async-signal-safe; errno is kept
    void drain() const noexcept;

private:
    Fd fd_;
};

}  // namespace corevent
