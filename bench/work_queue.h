// The hand-over of the reader-and-pool model: a bounded queue under a mutex. A worker takes up to a
// batch at a time; a push wakes a worker only when one sleeps. Any thread may push and take.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace ce_bench {

template <class T>
class WorkQueue {
public:
    explicit WorkQueue(std::size_t jobs_max) : jobs_max_(jobs_max) {}

    /// False when the queue is full or closed; the job is left as it was.
    bool push(T& job) {
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            if (closed_ || jobs_.size() >= jobs_max_) {
                return false;
            }
            jobs_.push_back(std::move(job));
            wake = sleeping_ > 0;
        }
        if (wake) {
            some_.notify_one();
        }
        return true;
    }

    /// Waits for work and moves up to `batch` jobs to the end of `taken`; false when the queue is
    /// closed and empty.
    bool take(std::vector<T>& taken, std::size_t batch) {
        std::unique_lock lock(mutex_);
        ++sleeping_;
        some_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
        --sleeping_;
        while (!jobs_.empty() && batch > 0) {
            taken.push_back(std::move(jobs_.front()));
            jobs_.pop_front();
            --batch;
        }
        return !taken.empty();
    }

    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        some_.notify_all();
    }

private:
    const std::size_t jobs_max_;
    std::mutex mutex_;
    std::condition_variable some_;
    std::deque<T> jobs_;
    std::size_t sleeping_ = 0;
    bool closed_ = false;
};

}  // namespace ce_bench
