#include <corevent/offload.h>

#include "base/assert.h"
#include "base/list.h"
#include "loop/loop_core.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace corevent {

struct OffloadPool::State {
    using Queue = TailQueue<OffloadJob, &OffloadJob::hook_>;

    State(unsigned most_threads, std::size_t most_queued) noexcept
        : threads_max(most_threads), queue_max(most_queued) {}
    void serve();
    std::error_code start_thread() noexcept;

    const unsigned threads_max;
    const std::size_t queue_max;
    mutable std::mutex lock;
    std::condition_variable work_or_stop;
    // Under the lock:
    Queue queue;
    std::size_t queued = 0;
    std::size_t idle = 0;
    bool stopping = false;
    std::vector<std::thread> threads;
};

OffloadPool::OffloadPool(unsigned threads, std::size_t queue_max)
    : state_(std::make_unique<State>(threads, queue_max)) {
    CE_ASSERT(threads > 0 && queue_max > 0);
}

OffloadPool::~OffloadPool() {
    stop();
}

std::error_code OffloadPool::State::start_thread() noexcept {
    try {
        threads.emplace_back([this] { serve(); });
    } catch (const std::system_error& e) {
        return e.code();
    }
    return {};
}

std::error_code OffloadPool::add(OffloadJob& job) {
    State& s = *state_;
    {
        const std::lock_guard lock(s.lock);
        if (s.stopping) {
            return Errc::loop_stopped;
        }
        if (s.queued == s.queue_max) {
            return Errc::queue_full;
        }
        if (s.queued >= s.idle && s.threads.size() < s.threads_max) {
            const std::error_code error = s.start_thread();
            if (error && s.threads.empty()) {
                return error;
            }
        }
        s.queue.push_back(job);
        ++s.queued;
    }
    s.work_or_stop.notify_one();
    return {};
}

bool OffloadPool::remove(OffloadJob& job) noexcept {
    const std::lock_guard lock(state_->lock);
    if (job.hook_.tqe_prev == nullptr) {
        return false;
    }
    state_->queue.remove(job);
    --state_->queued;
    return true;
}

void OffloadPool::State::serve() {
    pthread_setname_np(pthread_self(), "corevent/work");
    std::unique_lock held(lock);
    for (;;) {
        ++idle;
        work_or_stop.wait(held, [this] { return stopping || queued != 0; });
        --idle;
        OffloadJob* job = queue.pop_front();
        if (job == nullptr) {
            return;
        }
        --queued;
        held.unlock();
        job->work();
        job->go_home({});
        held.lock();
    }
}

void OffloadPool::stop() noexcept {
    State& s = *state_;
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(s.lock);
        s.stopping = true;
        while (OffloadJob* job = s.queue.pop_front()) {  // under the lock: a cancellation may look
                                                         // for it
            --s.queued;
            job->go_home(std::make_error_code(std::errc::operation_canceled));
        }
        threads.swap(s.threads);
    }
    s.work_or_stop.notify_all();
    for (std::thread& thread : threads) {
        thread.join();
    }
}

std::size_t OffloadPool::queued() const noexcept {
    const std::lock_guard lock(state_->lock);
    return state_->queued;
}

unsigned OffloadPool::threads() const noexcept {
    const std::lock_guard lock(state_->lock);
    return static_cast<unsigned>(state_->threads.size());
}

bool OffloadJob::submit(std::coroutine_handle<> waiter, CancelScope* scope) {
    home_ = Loop::current();
    CE_ASSERT(home_ != nullptr);
    if (scope != nullptr && scope->cancelled()) {
        error_ = std::make_error_code(std::errc::operation_canceled);
        return false;
    }
    if (pool_ == nullptr) {
        pool_ = &home_->core().offload_pool();
    }
    waiter_ = waiter;
    if (const std::error_code refused = pool_->add(*this)) {
        error_ = refused;
        return false;
    }
    // It may be on its way home by now; what it does there, this thread does after this.
    if (scope != nullptr) {
        scope->link(*this);
    }
    return true;
}

void OffloadJob::go_home(std::error_code error) noexcept {
    error_ = error;
    home_->post(*this);
}

void OffloadJob::run() {
    CancelScope::unlink(*this);
    waiter_.resume();
}

void OffloadJob::on_cancel() noexcept {
    if (pool_->remove(*this)) {
        go_home(std::make_error_code(std::errc::operation_canceled));
    }
}

}  // namespace corevent
