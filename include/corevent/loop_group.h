// LoopGroup: one Loop per usable core, each on its own thread, and the pool behind offload().
// Declared first in main; it outlives everything attached to its loops. start(), stop() and the
// constructor belong to one controlling thread.
#pragma once

#include <corevent/limits.h>
#include <corevent/loop.h>

#include <functional>
#include <memory>
#include <vector>

namespace corevent {

/// Cores this process may use: the affinity mask, capped by the cgroup CPU quota rounded up; at
/// least 1.
CE_API unsigned usable_cores() noexcept;

struct LoopGroupOptions {
    unsigned loops = 0;  ///< 0 = usable_cores()
    Backend backend = Backend::automatic;
    unsigned offload_threads = 0;     ///< 0 = max(4, loops); started on the first offload
    std::size_t offload_queue = 0;    ///< 0 = Limit::offload_queue; above it offload() fails with
                                      ///< Errc::queue_full
    std::size_t posted_work_max = 0;  ///< of each loop; 0 = Limit::posted_work
    std::chrono::milliseconds stall_threshold{10};
};

class OffloadPool;

class CE_API LoopGroup {
public:
    explicit LoopGroup(LoopGroupOptions options = {});
    ~LoopGroup();  ///< stop()
    LoopGroup(const LoopGroup&) = delete;
    LoopGroup& operator=(const LoopGroup&) = delete;

    unsigned size() const noexcept;
    Loop& operator[](unsigned index) noexcept;

    /// Starts a thread per loop, named corevent/0, corevent/1 ... Before it, loops may be set up
    /// from this thread. A group is started once: later calls do nothing.
    void start();
    /// Ends the offload pool (work that waits goes home with operation_canceled, work that runs is
    /// waited for), then asks every loop to stop and joins its thread; what was posted before still
    /// runs. Idempotent.
    void stop() noexcept;
    bool running() const noexcept;

    OffloadPool& offload_pool() noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// One T per loop of a group, made on construction by `make(loop)` and destroyed with this object
/// (after the group has stopped). local() is the one of the calling loop: no lock, no sharing.
template <class T>
class PerLoop {
public:
    explicit PerLoop(LoopGroup& group, const std::function<std::unique_ptr<T>(Loop&)>& make) {
        for (unsigned i = 0; i < group.size(); ++i) {
            items_.push_back(make(group[i]));
        }
    }
    explicit PerLoop(LoopGroup& group)
        : PerLoop(group, [](Loop&) { return std::make_unique<T>(); }) {}

    T& local() noexcept { return *items_[Loop::current()->index()]; }
    T& of(unsigned index) noexcept { return *items_[index]; }
    unsigned size() const noexcept { return static_cast<unsigned>(items_.size()); }

private:
    std::vector<std::unique_ptr<T>> items_;
};

}  // namespace corevent
