// LoopCore: what the floors above use of a loop (net, http); the machinery behind corevent::Loop.
// It belongs to the one thread that runs it; members that other threads may call say so.
//
// A turn: ready items (streams with unread input, deferred work) -> poller wait -> cached clock ->
// I/O callbacks -> signals -> posted work -> due timers and deadlines -> burial. Nothing is freed
// but in the burial step. Output is corked for the span of one dispatch by the streams; the loop
// only lends the buffer.
#pragma once

#include "base/clock.h"
#include "base/deadlines.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/prefetch.h"
#include "base/slab.h"
#include "buffer/bytes.h"
#include "loop/post_queue.h"
#include "loop/stall_watch.h"
#include "reactor/alarm.h"
#include "reactor/poller.h"
#include "reactor/token.h"
#include "reactor/wakeup.h"

#include <corevent/loop.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace corevent {

class LoopSignals;
class OffloadPool;

/// Something registered with the poller. Registered once; readiness arrives as edges whatever the
/// poller (poller.h): a bit that was delivered comes again after rearm(), which is called once an
/// operation said EAGAIN or fell short.
class IoWatch {
public:
    virtual void on_ready(Readiness events) = 0;
    bool watched() const noexcept { return token_ != 0; }

protected:
    IoWatch() noexcept = default;
    IoWatch(const IoWatch&) = delete;
    IoWatch& operator=(const IoWatch&) = delete;
    ~IoWatch() = default;

private:
    friend class LoopCore;
    PollToken token_ = 0;
    Interest interest_ = Interest::none;
};

/// Work queued for the start of the next turn, before the loop waits. Intrusive, at most once in
/// the queue; its owner takes it out (cancel_ready) before it dies.
class ReadyItem {
public:
    virtual void on_turn() = 0;
    bool queued() const noexcept { return hook_.linked(); }

protected:
    ReadyItem() noexcept = default;
    ReadyItem(const ReadyItem&) = delete;
    ReadyItem& operator=(const ReadyItem&) = delete;
    ~ReadyItem() { CE_DCHECK(!hook_.linked()); }

private:
    friend class LoopCore;
    ListHook<ReadyItem> hook_;
};

/// Freed by the burial step at the end of the turn in which it was given to bury().
class Buried {
public:
    virtual void destroy_now() noexcept = 0;  ///< destroys and releases *this

protected:
    ~Buried() = default;

private:
    friend class LoopCore;
    Buried* next_buried_ = nullptr;
};

struct TimerTraits {
    struct Key {
        std::uint64_t due_ns;
        std::uint64_t order;
        friend auto operator<=>(const Key&, const Key&) noexcept = default;
    };
    static Key key(const TimerNode& t) noexcept { return {t.due_ns_, t.order_}; }
    static std::size_t& slot(TimerNode& t) noexcept { return t.heap_slot_; }
};

/// What a floor above keeps once per loop (LoopCore::local).
class LoopLocal {
public:
    virtual ~LoopLocal() = default;
};

class LoopCore {
public:
    explicit LoopCore(LoopOptions options, Loop& self);
    ~LoopCore();
    LoopCore(const LoopCore&) = delete;
    LoopCore& operator=(const LoopCore&) = delete;

    Loop& loop() noexcept { return loop_; }
    static LoopCore& of(Loop& loop) noexcept { return loop.core(); }
    static Loop* current() noexcept;  ///< the loop whose run() is on this thread's stack
    /// Whether the caller may use what belongs to the loop's thread: it is that thread, or the loop is not running
    /// (set-up and tear-down).
    bool usable_here() const noexcept {
        return current() == &loop_ || !shared_.running.load(std::memory_order_relaxed);
    }
    unsigned index() const noexcept { return index_; }
    std::string_view backend() const noexcept { return poller_->name(); }

    // --- descriptors
    /// Registers `fd`. Fails with the kernel's error. Interest::none registers without asking for
    /// anything yet.
    Result<void> watch(IoWatch& watch, int fd, Interest interest);
    /// `bits` have proven false (EAGAIN, a short read): deliver them when they are true again. One that was not asked
    /// for so far is from now on: most streams never wait for room, and a registration without `out` wakes nobody
    /// to say that there is some.
    void rearm(IoWatch& watch, int fd, Readiness bits) noexcept {
        CE_DCHECK(watch.watched());
        if (has(bits, Readiness::out) && !has(watch.interest_, Interest::out)) {
            ask_for_room(watch, fd);
        } else if (!poller_->rearms_itself()) {
            poller_->rearm(fd, bits);
        }
    }
    Result<void> set_interest(IoWatch& watch, int fd, Interest interest);  ///< listeners: pause
                                                                           ///< (none) and resume
    /// Before close(fd), which the caller does next: pending events of the old token are dropped. A
    /// descriptor that stays open (shared with other loops) needs set_interest(none) first.
    /// Harmless when not watched.
    void unwatch(IoWatch& watch, int fd) noexcept;

    /// f(IoWatch&) for everything registered; it may unwatch what it is given.
    template <class F>
    void for_each_watch(F f) {
        watches_.for_each(f);
    }

    // --- objects of the floors above
    /// The T of this loop: made from (LoopCore&) when first asked for, destroyed with the loop, the
    /// last made first, while everything declared here still works. Keep the reference: a look-up
    /// walks a short list.
    template <class T>
    T& local() {
        static const char key = 0;
        for (const Local& local : locals_) {
            if (local.key == &key) {
                return static_cast<T&>(*local.object);
            }
        }
        locals_.push_back({&key, std::make_unique<T>(*this)});
        return static_cast<T&>(*locals_.back().object);
    }

    // --- queues of this turn
    void make_ready(ReadyItem& item) noexcept {
        CE_DCHECK(usable_here());
        if (!item.hook_.linked()) {
            ready_.push_back(item);
        }
    }
    void cancel_ready(ReadyItem& item) noexcept {
        CE_DCHECK(usable_here());
        if (item.hook_.linked()) {
            ready_.remove(item);
        }
    }
    void bury(Buried& dead) noexcept {
        CE_DCHECK(usable_here());
        dead.next_buried_ = buried_;
        buried_ = &dead;
    }

    // --- time
    std::uint64_t now_ns() const noexcept { return now_ns_; }  ///< cached, monotonic
    std::uint64_t now_ms() const noexcept { return now_ms_; }
    DeadlineQueue& deadlines() noexcept {
        return deadlines_;
    }  ///< coarse (buckets of 250 ms): connection phases
    /// Exact timers, O(log n). (Re)starts `timer`; it expires in the first turn that wakes at or
    /// after `due_ns`.
    void start_timer(TimerNode& timer, std::uint64_t due_ns);
    void stop_timer(TimerNode& timer) noexcept;  ///< harmless when it is not running
    /// The cached time within run(); outside of it the clock is read, so that what is set up is
    /// counted from then.
    std::uint64_t fresh_now_ns() noexcept {
        if (!running_) {
            set_now(monotonic_ns());
        }
        return now_ns_;
    }

    // --- lent memory
    /// One per loop; followed by 64 readable octets of padding. Lent for the length of one
    /// dispatch.
    std::span<char> receive_buffer() noexcept { return {receive_buffer_.get(), receive_bytes_}; }
    static constexpr std::size_t receive_padding = 64;
    Bytes& cork() noexcept {
        return cork_;
    }  ///< output of the span being dispatched; empty between dispatches

    // --- other threads
    void post(PostItem& item) noexcept {  ///< any thread; lock-free; wakes the loop only when it
                                          ///< sleeps
        if (shared_.posts.push(item) && shared_.waiting.load(std::memory_order_seq_cst)) {
            wakeup_.notify();
        }
    }
    /// Any thread: a place among the closures that may wait; false when there is none left. Who has one posts, and
    /// leaves it on the loop.
    bool take_post_place() noexcept {
        const std::uint64_t before = places_.taken.fetch_add(1, std::memory_order_relaxed);
        if (before < places_.taken_max.load(std::memory_order_relaxed)) [[likely]] {
            return true;
        }
        return find_post_place(before);
    }
    void leave_post_place() noexcept { ++places_left_; }
    /// Any thread: connections owned.
    std::uint32_t load() const noexcept { return shared_.load.load(std::memory_order_relaxed); }
    void add_load(int delta) noexcept {  ///< any thread (a connection handed over counts before it
                                         ///< arrives)
        shared_.load.fetch_add(static_cast<std::uint32_t>(delta), std::memory_order_relaxed);
    }
    /// Any thread: running callbacks now (neither waiting nor stopped).
    bool inside_callback() const noexcept {
        return shared_.running.load(std::memory_order_relaxed) &&
               !shared_.waiting.load(std::memory_order_relaxed);
    }

    // --- stall report
    /// Names what runs from now on ("GET /report"); must stay valid until the next call or check.
    /// Costs one store.
    void set_activity(const char* name) noexcept { stalls_.set_activity(name); }
    /// Called after a handler: reads the coarse clock (7 ns) and reports when the loop was held too
    /// long.
    void check_stall() noexcept { stalls_.check(); }
    using Stalls = StallWatch::Figures;
    Stalls stalls() const noexcept { return stalls_.figures(); }  ///< any thread (relaxed)

    // --- the pool behind offload()
    OffloadPool& offload_pool();  ///< the group's, or one of this loop's own
    void use_offload_pool(OffloadPool& pool) noexcept { shared_pool_ = &pool; }

    LoopSignals& signals();  ///< for SignalHandler

    void run();
    bool run_once(std::chrono::milliseconds wait_max);
    void stop() noexcept;  ///< any thread

private:
    /// Ends the ready items of one turn: what is queued behind it runs in the next.
    class Marker final : public ReadyItem {
        void on_turn() override {}
    };
    class CurrentScope;

    void ask_for_room(IoWatch& watch, int fd) noexcept;
    void set_now(std::uint64_t ns) noexcept {
        now_ns_ = ns;
        now_ms_ = ns / ns_per_ms;
    }
    bool turn(std::uint64_t wait_max_ms) noexcept;
    bool run_ready();
    void fetch_ahead(std::size_t next, std::size_t count) const noexcept;
    bool run_events(std::size_t count);
    void on_own_event(PollToken token) noexcept;
    bool run_posted();
    bool find_post_place(std::uint64_t taken_before) noexcept;
    void give_places_back() noexcept;
    bool run_signals();
    bool run_timers();
    void run_burial() noexcept;
    std::size_t wait(std::uint64_t wait_max_ms);
    std::uint64_t milliseconds_to_wait(std::uint64_t wait_max_ms) noexcept;

    static constexpr std::size_t events_max = 256;
    static constexpr std::uint32_t places_left_max = 64;  ///< posters see them no later than this
    static constexpr PollToken wakeup_token = 0;          ///< what TokenTable never gives out
    static constexpr PollToken alarm_token = 1;           ///< likewise: generations begin with 1

    // Touched by the loop's thread only, the hottest first.
    Loop& loop_;
    std::unique_ptr<Poller> poller_;
    std::uint64_t now_ns_ = 0;
    std::uint64_t now_ms_ = 0;
    TailQueue<ReadyItem, &ReadyItem::hook_> ready_;
    Buried* buried_ = nullptr;
    TokenTable<IoWatch> watches_;
    IndexedHeap<TimerNode, TimerTraits> timers_;
    std::uint64_t timer_order_ = 0;
    StallWatch stalls_;
    Bytes cork_;
    std::unique_ptr<char[]> receive_buffer_;
    std::size_t receive_bytes_;
    std::uint32_t places_left_ = 0;  ///< by closures that ran; not given back yet
    bool running_ = false;
    const unsigned index_;
    const std::uint64_t posted_work_max_;
    Marker marker_;
    Wakeup wakeup_;
    Alarm alarm_;                           ///< the next deadline
    std::unique_ptr<LoopSignals> signals_;  ///< made by the first SignalHandler
    OffloadPool* shared_pool_ = nullptr;
    std::unique_ptr<OffloadPool> own_pool_;
    DeadlineQueue deadlines_;
    std::array<PollEvent, events_max> events_;

    // Touched by other threads as well.
    struct alignas(64) Shared {
        PostQueue posts;
        std::atomic<bool> waiting{false};  ///< between the last look at `posts` and the return of
                                           ///< the poller
        std::atomic<bool> running{false};
        std::atomic<bool> stop{false};
        std::atomic<std::uint32_t> load{0};
    } shared_;

    /// Places of closures, counted from the beginning: no more than the limit are taken and not given back. The first
    /// line is the posters', who look at the second, the loop's, once for many posts.
    struct alignas(64) Places {
        std::atomic<std::uint64_t> taken{0};
        std::atomic<std::uint64_t> taken_max{
            0};  ///< those given back when somebody looked, and the limit
        alignas(64) std::atomic<std::uint64_t> given_back{0};
    } places_;

    struct Local {
        const void* key;
        std::unique_ptr<LoopLocal> object;
    };
    struct Locals : std::vector<Local> {
        ~Locals() {
            while (!empty()) {
                pop_back();
            }
        }
    };
    Locals locals_;  ///< the last member: destroyed before the others
};

}  // namespace corevent
