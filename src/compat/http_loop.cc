#include "compat/http_loop.h"

#include "compat/alloc.h"
#include "compat/http_request.h"
#include "compat/log.h"

#include <ctime>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

namespace corevent::compat {
namespace {

/// The loops that have users. The lock is held for a few instructions when a server, a client or their
/// base comes or goes.
std::mutex registry_mutex;
std::atomic<HttpLoop*> registry = nullptr;

/// What a closed mailbox holds.
Letter* const closed = reinterpret_cast<Letter*>(std::uintptr_t{1});

/// Deliveries in one callback.
constexpr int rounds_max = 16;

thread_local constinit Outbox* current_outbox = nullptr;

}  // namespace

constinit thread_local std::uint64_t HttpLoop::thread_number = 0;
std::atomic<std::uint64_t> HttpLoop::next_thread_number{0};

Outbox::Outbox() noexcept : outer_(current_outbox) {
    current_outbox = this;
}

Outbox::~Outbox() {
    current_outbox = outer_;
    flush();
    if (outer_ != nullptr) {
        outer_->flush();  // what was collected before must not wait longer than this
    }
}

void Outbox::add(HttpLoop& loop, Letter& letter) {
    for (Entry& entry : entries_) {
        if (entry.loop == &loop) {
            entry.letters.add(letter);
            return;
        }
    }
    loop.add_reference();
    entries_.push_back({&loop, {}});
    entries_.back().letters.add(letter);
}

void Outbox::flush() noexcept {
    while (!entries_.empty()) {
        const std::vector<Entry> leaving = std::exchange(entries_, {});
        for (const Entry& entry : leaving) {
            entry.loop->push(entry.letters.newest_, entry.letters.oldest_);
            entry.loop->drop_reference();
        }
    }
}

/// With a reference for the caller; with the lock of the registry held.
HttpLoop* HttpLoop::find(const event_base* base) noexcept {
    for (HttpLoop* loop = registry.load(std::memory_order_relaxed); loop != nullptr;
         loop = loop->next_) {
        if (loop->base_ == base) {
            loop->add_reference();
            return loop;
        }
    }
    return nullptr;
}

HttpLoop* HttpLoop::of(event_base* base) noexcept {
    const std::lock_guard guard(registry_mutex);
    if (HttpLoop* const found = find(base)) {
        return found;
    }
    auto* const loop = new (std::nothrow) HttpLoop(base);
    if (loop != nullptr) {
        loop->inbox_.store(closed, std::memory_order_relaxed);
    }
    return loop;
}

void HttpLoop::drop_reference() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        delete this;
    }
}

HttpLoop::~HttpLoop() {
    free_spare_requests(*this);
}

void HttpLoop::add_user(LoopUser& user) noexcept {
    const std::lock_guard guard(registry_mutex);
    if (users_.empty()) {
        next_ = registry.load(std::memory_order_relaxed);
        registry.store(this, std::memory_order_relaxed);
    }
    users_.push_back(user);
}

/// Takes it out of the registry; with the lock held.
void HttpLoop::unregister() noexcept {
    HttpLoop* before = registry.load(std::memory_order_relaxed);
    if (before == this) {
        registry.store(next_, std::memory_order_relaxed);
        return;
    }
    while (before->next_ != this) {
        before = before->next_;
    }
    before->next_ = next_;
}

void HttpLoop::remove_user(LoopUser& user) noexcept {
    {
        const std::lock_guard guard(registry_mutex);
        if (!user.user_hook.linked()) {
            return;  // it left with the base
        }
        users_.remove(user);
        if (!users_.empty()) {
            return;
        }
        unregister();
    }
    close_mailbox();
    if (chore_event_ready_) {
        event_del(&chore_event_);
        chore_event_ready_ = false;
    }
}

void HttpLoop::base_freed(event_base* base) noexcept {
    // Whoever added a user of this base did so before it is freed, so that no lock is needed to see
    // that there are none.
    if (registry.load(std::memory_order_relaxed) == nullptr) {
        return;
    }
    HttpLoop* const loop = [base] {
        const std::lock_guard guard(registry_mutex);
        return find(base);
    }();
    if (loop == nullptr) {
        return;
    }
    loop->enter();
    while (LoopUser* const user = loop->users_.front()) {
        user->base_freed();
        loop->remove_user(*user);
    }
    loop->drop_reference();
}

bool HttpLoop::open_mailbox(bool keeps_running) noexcept {
    if (inbox_.load(std::memory_order_relaxed) != closed) {
        return true;
    }
    try {
        if (!wakeup_) {
            wakeup_ = std::make_unique<Wakeup>();
        }
    } catch (const std::exception& failure) {
        warnx("http: no mailbox for other threads: %s", failure.what());
        return false;
    }
    edges_ = (event_base_get_features(base_) & EV_FEATURE_ET) != 0;
    const short events = static_cast<short>(EV_READ | EV_PERSIST | (edges_ ? EV_ET : 0));
    if (event_assign(&wake_event_, base_, wakeup_->fd(), events, on_wakeup, this) != 0) {
        return false;
    }
    if (!keeps_running) {
        wake_event_.ev_evcallback.evcb_flags |= EVLIST_INTERNAL;
    }
    if (event_add(&wake_event_, nullptr) != 0) {
        return false;
    }
    inbox_.store(nullptr, std::memory_order_release);
    return true;
}

void HttpLoop::close_mailbox() noexcept {
    Letter* const rest = inbox_.exchange(closed, std::memory_order_acq_rel);
    if (rest != closed) {
        event_del(&wake_event_);
        deliver_due();
        deliver(rest, true);
    }
}

void HttpLoop::post(Letter& letter) noexcept {
    if (current_outbox != nullptr) {
        current_outbox->add(*this, letter);
    } else {
        push(&letter, &letter);
    }
}

void HttpLoop::post_now(Letter& letter) noexcept {
    if (current_outbox != nullptr) {
        current_outbox->flush();
    }
    push(&letter, &letter);
}

void HttpLoop::push(Letter* newest, Letter* oldest) noexcept {
    add_reference();  // what is posted may hold the last one
    Letter* before = inbox_.load(std::memory_order_acquire);
    do {
        if (before == closed) {
            oldest->next_ = nullptr;
            deliver(newest, false);
            drop_reference();
            return;
        }
        oldest->next_ = before;
    } while (!inbox_.compare_exchange_weak(before, newest, std::memory_order_seq_cst,
                                           std::memory_order_acquire));
    if (before == nullptr && sleeping_.load(std::memory_order_seq_cst)) {
        wakeup_->notify();
    }
    drop_reference();
}

/// Turns a list that begins with the newest letter into one that begins with the oldest.
Letter* HttpLoop::oldest_first(Letter* newest) noexcept {
    Letter* oldest = nullptr;
    while (newest != nullptr) {
        Letter* const before = newest->next_;
        newest->next_ = oldest;
        oldest = newest;
        newest = before;
    }
    return oldest;
}

/// Runs a list that begins with the newest letter.
void HttpLoop::deliver(Letter* newest, bool in_time) noexcept {
    for (Letter* oldest = oldest_first(newest); oldest != nullptr;) {
        Letter* const letter = oldest;
        oldest = letter->next_;
        letter->deliver(in_time);
    }
}

void HttpLoop::deliver_due() noexcept {
    while (due_ != nullptr) {
        Letter* const letter = due_;
        due_ = letter->next_;
        letter->deliver(true);
    }
}

void HttpLoop::on_wakeup(int /*fd*/, short /*events*/, void* arg) noexcept {
    auto& loop = *static_cast<HttpLoop*>(arg);
    loop.enter();
    if (!loop.edges_) {
        loop.wakeup_->drain();
    }
    loop.add_reference();  // a letter may hold the last one
    for (int round = 0; round < rounds_max; ++round) {
        // Letters that come while some are delivered wake nobody: they are found here.
        loop.sleeping_.store(false, std::memory_order_relaxed);
        loop.empty_mailbox();
        if (loop.may_sleep()) {
            loop.drop_reference();
            return;
        }
    }
    event_active(&loop.wake_event_, EV_READ, 1);  // other events have waited long enough
    loop.drop_reference();
}

bool HttpLoop::may_sleep() noexcept {
    sleeping_.store(true, std::memory_order_seq_cst);
    const Letter* const letters = inbox_.load(std::memory_order_seq_cst);
    return letters == nullptr || letters == closed;
}

void HttpLoop::empty_mailbox() noexcept {
    const bool within_delivery = due_ != nullptr;
    if (!within_delivery && !take_letters()) {
        return;
    }
    add_reference();  // a letter may hold the last one
    {
        const Outbox outbox;
        deliver_due();
        if (within_delivery && take_letters()) {
            deliver_due();
        }
    }
    drop_reference();
}

/// From the mailbox to due_, which is empty. False if there were none.
bool HttpLoop::take_letters() noexcept {
    Letter* letters = inbox_.load(std::memory_order_acquire);
    do {
        if (letters == nullptr || letters == closed) {
            return false;
        }
    } while (!inbox_.compare_exchange_weak(letters, nullptr, std::memory_order_acq_rel,
                                           std::memory_order_acquire));
    due_ = oldest_first(letters);
    return true;
}

char* HttpLoop::receive_buffer() noexcept {
    if (!receive_buffer_) {
        receive_buffer_ = std::make_unique<char[]>(receive_bytes + h1::padding);
    }
    return receive_buffer_.get();
}

void HttpLoop::add_chore(Chore& chore) noexcept {
    if (chore.hook.linked()) {
        return;
    }
    if (!chore_event_ready_) {
        event_assign(&chore_event_, base_, -1, 0, on_chores, this);
        chore_event_ready_ = true;
    }
    if (chores_.empty()) {
        event_active(&chore_event_, EV_TIMEOUT, 1);
    }
    chores_.push_back(chore);
}

void HttpLoop::cancel_chore(Chore& chore) noexcept {
    if (chore.hook.linked()) {
        chores_.remove(chore);
    }
}

void HttpLoop::on_chores(int /*fd*/, short /*events*/, void* arg) noexcept {
    auto& loop = *static_cast<HttpLoop*>(arg);
    loop.enter();
    loop.add_reference();
    while (Chore* chore = loop.chores_.pop_front()) {
        chore->run_chore();
    }
    loop.drop_reference();
}

}  // namespace corevent::compat
