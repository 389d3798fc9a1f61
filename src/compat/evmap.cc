#include "compat/evmap.h"

#include "compat/log.h"

#include <event2/event.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace corevent::compat {
namespace {

constexpr std::uint64_t lane_tops = 0x8000'8000'8000;
constexpr int in_lane = 0, out_lane = 16, end_lane = 32;

}  // namespace

void EventList::push_front(event& ev) noexcept {
    auto& hook = ev.ev_.ev_io.ev_io_next;
    hook.le_next = first_;
    hook.le_prev = &first_;
    if (first_ != nullptr) first_->ev_.ev_io.ev_io_next.le_prev = &hook.le_next;
    first_ = &ev;
}

void EventList::remove(event& ev) noexcept {
    auto& hook = ev.ev_.ev_io.ev_io_next;
    if (hook.le_next != nullptr) hook.le_next->ev_.ev_io.ev_io_next.le_prev = hook.le_prev;
    *hook.le_prev = hook.le_next;
}

IoMap::Counts IoMap::counts_of(const event& ev) noexcept {
    const auto lane = [&](unsigned bit, int shift) {
        return Counts{(static_cast<unsigned>(ev.ev_events) & bit) != 0} << shift;
    };
    return lane(EV_READ, in_lane) | lane(EV_WRITE, out_lane) | lane(EV_CLOSED, end_lane);
}

/// The top bit of each lane that is not 0.
IoMap::Counts IoMap::used(Counts counts) noexcept {
    return (((counts & ~lane_tops) + ~lane_tops) | counts) & lane_tops;
}

IoMap::Entry* IoMap::make_entry(int fd) noexcept {
    const auto number = static_cast<std::size_t>(fd);
    const std::size_t block = number / block_size;
    try {
        if (block >= blocks_.size()) blocks_.resize(block + 1);
        blocks_[block] = std::make_unique<Block>();
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    return &(*blocks_[block])[number % block_size];
}

bool IoMap::asks_for(const Entry& entry, int lane) noexcept {
    return (used(entry.counts) >> lane & 0x8000) != 0;
}

EventList* IoMap::of(int fd) noexcept {
    Entry* const entry = fd < 0 ? nullptr : known(static_cast<PollToken>(fd));
    return entry != nullptr ? &entry->events : nullptr;
}

Interest IoMap::wanted(const Entry& entry) noexcept {
    const Counts asked = used(entry.counts);
    const auto any = [&](int lane) { return (asked >> lane & 0x8000) != 0; };
    Interest interest = Interest::none;
    if (any(in_lane)) interest = interest | Interest::in;
    if (any(out_lane) && !entry.assumed) interest = interest | Interest::out;
    if (any(end_lane)) interest = interest | Interest::end;
    if (interest != Interest::none && !entry.edges) interest = interest | Interest::level;
    return interest;
}

/// Brings the poller up to date. Descriptors may have been closed, and their numbers given to
/// others, behind our back: what the poller knows then is not what it was told.
bool IoMap::tell(Poller& poller, int fd, Entry& entry, bool anew) noexcept {
    const Interest after = wanted(entry);
    const PollToken token = token_of(fd, entry);
    const Interest before = std::exchange(entry.told, after);
    if (after == before && (!anew || after == Interest::none)) return true;
    const auto set = [&](Interest known) {
        const Result<void> result = poller.set(fd, known, after, token);
        return result ? 0 : result.error().value();
    };
    try {
        int error = set(before);
        if (after == Interest::none) {
            // Closed before it was deleted: nothing is left to be told.
            entry.generation = entry.generation == UINT32_MAX ? 1 : entry.generation + 1;
            return true;
        }
        if (error == ENOENT) {
            error = set(Interest::none);
        } else if (error == EEXIST) {
            error = set(after);
        }
        if (error == 0) return true;
        warnx("%s cannot watch fd %d: %s", poller.name().data(), fd, std::strerror(error));
    } catch (const std::bad_alloc&) {
        warnx("no memory to watch fd %d", fd);
    }
    entry.told = before;
    return false;
}

bool IoMap::list(int fd, Entry& entry) noexcept {
    if (entry.listed) return true;
    try {
        changed_.push_back(fd);
    } catch (const std::bad_alloc&) {
        return false;
    }
    entry.listed = true;
    return true;
}

IoMap::Change IoMap::changed(Poller& poller, int fd, Entry& entry) noexcept {
    // Nothing is to be assumed any more, or the poller would forget the descriptor.
    if (entry.assumed && !(asks_for(entry, out_lane) && asks_for(entry, in_lane))) {
        entry.assumed = false;
    }
    const bool good = batched_ ? list(fd, entry) : tell(poller, fd, entry, false);
    return good ? Change::told : Change::failed;
}

IoMap::Change IoMap::add(Poller& poller, event& ev) noexcept {
    if (ev.ev_fd < 0) return Change::none;
    Entry* entry = known(static_cast<PollToken>(ev.ev_fd));
    if (entry == nullptr && (entry = make_entry(ev.ev_fd)) == nullptr) return Change::failed;
    if (entry->assumed && !stop_assuming(poller, *entry, ev)) [[unlikely]] {
        return Change::failed;
    }
    const Counts before = entry->counts;
    const Counts more = counts_of(ev);
    if ((more << 15 & ~used(~before)) != 0) [[unlikely]] {
        warnx("too many events on fd %d", ev.ev_fd);
        return Change::failed;
    }
    const bool edges_before = entry->edges;
    entry->counts = before + more;
    if ((ev.ev_events & EV_ET) != 0) entry->edges = true;
    Change change = Change::none;
    if (used(before) != used(before + more) || entry->edges != edges_before) {
        change = changed(poller, ev.ev_fd, *entry);
        if (change == Change::failed) {
            entry->counts = before;
            entry->edges = edges_before;
            return change;
        }
    }
    entry->events.push_front(ev);
    return change;
}

IoMap::Change IoMap::remove(Poller& poller, event& ev) noexcept {
    if (ev.ev_fd < 0) return Change::none;
    Entry& entry = *known(static_cast<PollToken>(ev.ev_fd));
    const Counts before = entry.counts;
    entry.counts = before - counts_of(ev);
    const bool less = used(before) != used(entry.counts);
    EventList::remove(ev);
    if (entry.edges && entry.events.empty()) entry.edges = false;
    return less ? changed(poller, ev.ev_fd, entry) : Change::none;
}

void IoMap::flush(Poller& poller) noexcept {
    std::size_t kept = 0;
    for (const int fd : changed_) {
        Entry& entry = *known(static_cast<PollToken>(fd));
        if (entry.assumed) {
            changed_[kept++] = fd;
            continue;
        }
        entry.listed = false;
        // The number may stand for another descriptor by now.
        tell(poller, fd, entry, batched_);
    }
    changed_.resize(kept);
}

void IoMap::assume_room(int fd) noexcept {
    if (!may_assume_ || fd < 0) return;
    Entry* const entry = known(static_cast<PollToken>(fd));
    // One that is watched can be watched, and its end and its errors are told.
    if (entry == nullptr || !has(entry->told, Interest::in) || entry->edges) return;
    if (!asks_for(*entry, out_lane)) entry->assumed = list(fd, *entry);
}

/// Others than the event that it was assumed for have to wait for the kernel.
bool IoMap::stop_assuming(Poller& poller, Entry& entry, const event& other) noexcept {
    const bool shared = (other.ev_events & EV_WRITE) != 0 && asks_for(entry, out_lane);
    return !shared || ask_kernel(poller, other.ev_fd);
}

bool IoMap::ask_kernel(Poller& poller, int fd) noexcept {
    Entry* const entry = known(static_cast<PollToken>(fd));
    if (entry == nullptr || !entry->assumed) return true;
    entry->assumed = false;
    return tell(poller, fd, *entry, false);
}

bool IoMap::note_order(std::span<const PollEvent> last) noexcept {
    order_.clear();
    try {
        for (const PollEvent& event : last) order_.push_back(event.token());
    } catch (const std::bad_alloc&) {  // the order is the poller's, then
    }
    for (std::size_t i = 0; i < order_.size(); ++i) {
        if (Entry* const entry = current(order_[i])) entry->place = static_cast<std::uint16_t>(i);
    }
    return !changed_.empty();
}

std::size_t IoMap::place_of(const PollEvent& event) const noexcept {
    const Entry* const entry = current(event.token());
    const bool placed =
        entry != nullptr && entry->place < order_.size() && order_[entry->place] == event.token();
    return placed ? entry->place : order_.size();
}

std::size_t IoMap::complete(std::span<PollEvent> ready, std::size_t count) noexcept {
    const std::size_t told = count;
    for (PollEvent& event : ready.first(told)) {
        Entry* const entry = current(event.token());
        if (entry == nullptr || !entry->assumed) continue;
        event.events |= static_cast<std::uint32_t>(Readiness::out);
        entry->assumed = false;
    }
    for (const int fd : changed_) {
        Entry& entry = *known(static_cast<PollToken>(fd));
        if (!entry.assumed) continue;
        entry.assumed = false;
        if (count < ready.size()) ready[count++] = {token_of(fd, entry), Readiness::out};
    }
    const auto place = [this](const PollEvent& event) { return place_of(event); };
    const bool in_order = std::ranges::is_sorted(ready.first(count), {}, place);
    if (!in_order) std::ranges::stable_sort(ready.first(count), {}, place);
    reordered_ = count != told || !in_order;
    return count;
}

bool IoMap::tell_all(Poller& poller) noexcept {
    bool all = true;
    for (std::size_t i = 0; i < blocks_.size() * block_size; ++i) {
        const auto& block = blocks_[i / block_size];
        if (block == nullptr) continue;
        Entry& entry = (*block)[i % block_size];
        entry.told = Interest::none;
        if (!entry.events.empty() && !tell(poller, static_cast<int>(i), entry, false)) all = false;
    }
    return all;
}

}  // namespace corevent::compat
