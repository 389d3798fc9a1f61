#include "loop/loop_core.h"

#include "base/assert.h"
#include "loop/loop_signals.h"

#include <corevent/limits.h>
#include <corevent/offload.h>

#include <algorithm>
#include <system_error>

namespace corevent {
namespace {

thread_local Loop* current_loop = nullptr;

constexpr std::size_t receive_bytes_min = 16 * 1024;
constexpr unsigned own_offload_threads = 4;

std::unique_ptr<Poller> make_poller(Backend backend) {
    if (backend == Backend::poll) {
        return make_poll_poller();
    }
    Result<std::unique_ptr<Poller>> epoll = make_epoll_poller();
    if (!epoll) {
        throw std::system_error(epoll.error(), "epoll");
    }
    return std::move(*epoll);
}

}  // namespace

/// Makes a loop the thread's current one for the length of run() or run_once().
class LoopCore::CurrentScope {
public:
    explicit CurrentScope(LoopCore& core) noexcept : core_(core), before_(current_loop) {
        CE_ASSERT(!core.running_);
        current_loop = &core.loop_;
        core.running_ = true;
        core.shared_.running.store(true, std::memory_order_relaxed);
    }
    CurrentScope(const CurrentScope&) = delete;
    CurrentScope& operator=(const CurrentScope&) = delete;
    ~CurrentScope() {
        core_.shared_.running.store(false, std::memory_order_relaxed);
        core_.running_ = false;
        current_loop = before_;
    }

private:
    LoopCore& core_;
    Loop* before_;
};

Loop* LoopCore::current() noexcept {
    return current_loop;
}

LoopCore::LoopCore(LoopOptions options, Loop& self)
    : loop_(self),
      poller_(make_poller(options.backend)),
      stalls_(options.index, options.stall_threshold),
      receive_bytes_(std::max(options.receive_buffer_bytes, receive_bytes_min)),
      index_(options.index),
      posted_work_max_(options.posted_work_max != 0 ? options.posted_work_max
                                                    : Limits()[Limit::posted_work]),
      deadlines_(monotonic_ns() / ns_per_ms) {
    ignore_sigpipe();
    receive_buffer_ = std::make_unique_for_overwrite<char[]>(receive_bytes_ + receive_padding);
    std::fill_n(receive_buffer_.get() + receive_bytes_, receive_padding, '\0');
    set_now(monotonic_ns());
    stalls_.begin(now_ns_);
    // The loop's own descriptors have no watch: their tokens stand for none.
    for (const auto& [fd, token] :
         {std::pair(wakeup_.fd(), wakeup_token), std::pair(alarm_.fd(), alarm_token)}) {
        if (Result<void> added = poller_->set(fd, Interest::none, Interest::in, token); !added) {
            throw std::system_error(added.error(), "wake-up");
        }
    }
}

LoopCore::~LoopCore() {
    CE_ASSERT(!running_);
    own_pool_.reset();  // jobs that come home are discarded with the rest
    PostItem* item = shared_.posts.take_all();
    while (item != nullptr) {
        PostItem* next = PostQueue::next(*item);
        item->discard();
        item = next;
    }
    run_burial();
    CE_ASSERT(timers_.empty());
    CE_ASSERT(signals_ == nullptr || signals_->empty());
}

Result<void> LoopCore::watch(IoWatch& watch, int fd, Interest interest) {
    CE_DCHECK(usable_here() && !watch.watched());
    const PollToken token = watches_.add(watch);
    if (Result<void> set = poller_->set(fd, Interest::none, interest, token); !set) {
        watches_.remove(token);
        return set;
    }
    watch.token_ = token;
    watch.interest_ = interest;
    return {};
}

Result<void> LoopCore::set_interest(IoWatch& watch, int fd, Interest interest) {
    CE_DCHECK(usable_here() && watch.watched());
    Result<void> set = poller_->set(fd, watch.interest_, interest, watch.token_);
    if (set) {
        watch.interest_ = interest;
    }
    return set;
}

void LoopCore::ask_for_room(IoWatch& watch, int fd) noexcept {
    const Result<void> set = set_interest(watch, fd, watch.interest_ | Interest::out);
    CE_ASSERT(set);  // changing what is registered needs no memory
}

void LoopCore::unwatch(IoWatch& watch, int fd) noexcept {
    CE_DCHECK(usable_here());
    if (!watch.watched()) {
        return;
    }
    if (watch.interest_ != Interest::none) {
        poller_->closing(fd);
    }
    watches_.remove(std::exchange(watch.token_, 0));
    watch.interest_ = Interest::none;
}

void LoopCore::start_timer(TimerNode& timer, std::uint64_t due_ns) {
    CE_DCHECK(usable_here());
    timer.due_ns_ = std::max(due_ns, now_ns_);
    timer.order_ = timer_order_++;
    if (timer.running()) {
        timers_.update(timer);
    } else {
        timers_.push(timer);
    }
}

void LoopCore::stop_timer(TimerNode& timer) noexcept {
    CE_DCHECK(usable_here());
    if (timer.running()) {
        timers_.erase(timer);
    }
}

OffloadPool& LoopCore::offload_pool() {
    if (shared_pool_ != nullptr) {
        return *shared_pool_;
    }
    if (own_pool_ == nullptr) {
        own_pool_ =
            std::make_unique<OffloadPool>(own_offload_threads, Limits()[Limit::offload_queue]);
    }
    return *own_pool_;
}

LoopSignals& LoopCore::signals() {
    if (signals_ == nullptr) {
        signals_ = std::make_unique<LoopSignals>(wakeup_);
    }
    return *signals_;
}

void LoopCore::run() {
    const CurrentScope scope(*this);
    while (!shared_.stop.load(std::memory_order_acquire)) {
        turn(DeadlineQueue::never);
    }
    turn(0);  // what was posted before stop()
    shared_.stop.store(false, std::memory_order_relaxed);
}

bool LoopCore::run_once(std::chrono::milliseconds wait_max) {
    const CurrentScope scope(*this);
    const bool happened =
        turn(static_cast<std::uint64_t>(std::max<std::int64_t>(wait_max.count(), 0)));
    shared_.stop.store(false, std::memory_order_relaxed);
    return happened;
}

void LoopCore::stop() noexcept {
    shared_.stop.store(true, std::memory_order_seq_cst);
    if (shared_.waiting.load(std::memory_order_seq_cst)) {
        wakeup_.notify();
    }
}

/// An exception that leaves a callback ends the program here, with its message (std::terminate).
bool LoopCore::turn(std::uint64_t wait_max_ms) noexcept {
    bool happened = run_ready();
    run_burial();  // what was buried by then shall not wait for as long as the poller may
    happened |= run_events(wait(wait_max_ms));
    happened |= run_signals();
    happened |= run_posted();
    happened |= run_timers();
    run_burial();
    return happened;
}

bool LoopCore::run_ready() {
    if (ready_.empty()) {
        return false;
    }
    stalls_.begin_step("deferred work");
    ready_.push_back(marker_);
    for (ReadyItem* item = ready_.pop_front(); item != &marker_; item = ready_.pop_front()) {
        item->on_turn();
        stalls_.check();
    }
    return true;
}

std::size_t LoopCore::wait(std::uint64_t wait_max_ms) {
    poller_->prepare();
    std::uint64_t wait_ms = 0;
    if (ready_.empty() && wait_max_ms != 0) {
        // Posters look at `waiting` after they have pushed, this thread looks at the queue after it
        // has said so: one of the two sees the other.
        shared_.waiting.store(true, std::memory_order_seq_cst);
        if (shared_.posts.empty() && !shared_.stop.load(std::memory_order_seq_cst)) {
            wait_ms = milliseconds_to_wait(wait_max_ms);
        }
    }
    const int timeout = wait_ms > INT32_MAX ? Poller::forever : static_cast<int>(wait_ms);
    const std::size_t count = poller_->wait(timeout, events_);
    shared_.waiting.store(false, std::memory_order_relaxed);
    set_now(monotonic_ns());
    stalls_.begin(now_ns_);
    return count;
}

/// Up to the next timer, rounded up to whole milliseconds. The next deadline is the alarm's: as a
/// rule there are deadlines and no timers, and waiting without a limit is cheaper.
std::uint64_t LoopCore::milliseconds_to_wait(std::uint64_t wait_max_ms) noexcept {
    std::uint64_t wait_ms = wait_max_ms;
    if (!timers_.empty()) {
        const std::uint64_t now = monotonic_ns();
        const std::uint64_t due = timers_.min_key().due_ns;
        wait_ms = std::min(wait_ms, due > now ? (due - now + ns_per_ms - 1) / ns_per_ms : 0);
    }
    const std::uint64_t next = deadlines_.next_ms();
    if (next != DeadlineQueue::never) {
        alarm_.set(next * ns_per_ms);
    }
    return wait_ms;
}

/// Of thousands of connections those whose turn comes have left the caches: what the next one needs travels while
/// this one is in the kernel.
void LoopCore::fetch_ahead(std::size_t next, std::size_t count) const noexcept {
    if (next + 1 < count) {
        watches_.prefetch(events_[next + 1].token());
    }
    if (next < count) {
        if (const IoWatch* watch = watches_.find(events_[next].token())) {
            prefetch_lines<2>(watch);
        }
    }
}

bool LoopCore::run_events(std::size_t count) {
    if (count == 0) {
        return false;
    }
    stalls_.begin_step("an I/O callback");
    for (std::size_t i = 0; i < count; ++i) {
        const PollEvent& event = events_[i];
        fetch_ahead(i + 1, count);
        IoWatch* watch = watches_.find(event.token());
        if (watch != nullptr) [[likely]] {
            watch->on_ready(event.bits());
        } else {
            on_own_event(event.token());
        }
    }
    stalls_.check();
    return true;
}

void LoopCore::on_own_event(PollToken token) noexcept {
    if (token == alarm_token) {
        alarm_.rang();
    }
    if (poller_->rearms_itself()) {
        return;
    }
    if (token == wakeup_token) {
        wakeup_.drain();
        poller_->rearm(wakeup_.fd(), Readiness::in);
    } else if (token == alarm_token) {
        alarm_.drain();
        poller_->rearm(alarm_.fd(), Readiness::in);
    }
}

bool LoopCore::run_signals() {
    if (signals_ == nullptr || !signals_->pending()) {
        return false;
    }
    stalls_.begin_step("a signal handler");
    signals_->dispatch();
    stalls_.check();
    return true;
}

bool LoopCore::run_posted() {
    PostItem* item = shared_.posts.take_all();
    if (item == nullptr) {
        return false;
    }
    stalls_.begin_step("posted work");
    while (item != nullptr) {
        PostItem* next = PostQueue::next(*item);  // run() may free or repost the item
        item->run();
        stalls_.check();
        if (places_left_ >= places_left_max) {
            give_places_back();
        }
        item = next;
    }
    give_places_back();
    return true;
}

/// Several at once, since each time the posters may have to fetch the line.
void LoopCore::give_places_back() noexcept {
    if (places_left_ != 0) {
        const std::uint64_t before = places_.given_back.load(std::memory_order_relaxed);
        places_.given_back.store(before + std::exchange(places_left_, 0),
                                 std::memory_order_relaxed);
    }
}

/// The caller has counted itself, behind `taken_before` others. Posted work that runs has left its place to what it
/// posts itself: nobody else can take that before it returns.
bool LoopCore::find_post_place(std::uint64_t taken_before) noexcept {
    const std::uint64_t taken_max =
        places_.given_back.load(std::memory_order_relaxed) + posted_work_max_;
    if (taken_before < taken_max) {
        places_.taken_max.store(taken_max, std::memory_order_relaxed);
        return true;
    }
    places_.taken.fetch_sub(1, std::memory_order_relaxed);
    if (current() != &loop_ || places_left_ == 0) {
        return false;
    }
    --places_left_;
    return true;
}

bool LoopCore::run_timers() {
    bool happened = false;
    stalls_.begin_step("a timer");
    const std::uint64_t started_before = timer_order_;  // a timer that is started now waits for the
                                                        // next turn
    while (!timers_.empty()) {
        const TimerTraits::Key& next = timers_.min_key();
        if (next.due_ns > now_ns_ || next.order >= started_before) {
            break;
        }
        TimerNode& timer = timers_.min();
        timers_.erase(timer);
        timer.on_timer();
        stalls_.check();
        happened = true;
    }
    if (deadlines_.advance(now_ms_) != 0) {
        stalls_.check();
        happened = true;
    }
    return happened;
}

void LoopCore::run_burial() noexcept {
    while (buried_ != nullptr) {
        Buried* dead = std::exchange(buried_, nullptr);
        while (dead != nullptr) {  // destroying may bury more
            Buried* next = dead->next_buried_;
            dead->destroy_now();
            dead = next;
        }
    }
}

}  // namespace corevent
