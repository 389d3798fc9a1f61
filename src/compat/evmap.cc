#include "compat/evmap.h"

#include "compat/log.h"

#include <event2/event.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace corevent::compat {
namespace {

constexpr std::uint16_t events_max = 0xffff;

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

IoMap::Entry* IoMap::entry_of(int fd) noexcept {
    const auto number = static_cast<std::size_t>(fd);
    const std::size_t block = number / block_size;
    if (block >= blocks_.size() || blocks_[block] == nullptr) {
        try {
            if (block >= blocks_.size()) blocks_.resize(block + 1);
            blocks_[block] = std::make_unique<Block>();
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }
    return &(*blocks_[block])[number % block_size];
}

EventList* IoMap::of(int fd) noexcept {
    const auto number = static_cast<std::size_t>(fd);
    const std::size_t block = number / block_size;
    if (fd < 0 || block >= blocks_.size() || blocks_[block] == nullptr) return nullptr;
    return &(*blocks_[block])[number % block_size].events;
}

EventList* IoMap::find(PollToken token) noexcept {
    const auto number = static_cast<std::size_t>(token & UINT32_MAX);
    const std::size_t block = number / block_size;
    if (block >= blocks_.size() || blocks_[block] == nullptr) return nullptr;
    Entry& entry = (*blocks_[block])[number % block_size];
    return entry.generation == static_cast<std::uint32_t>(token >> 32) ? &entry.events : nullptr;
}

Interest IoMap::wanted(const Entry& entry) noexcept {
    Interest interest = Interest::none;
    if (entry.readers != 0) interest = interest | Interest::in;
    if (entry.writers != 0) interest = interest | Interest::out;
    if (entry.closers != 0) interest = interest | Interest::end;
    if (interest != Interest::none && !entry.edges) interest = interest | Interest::level;
    return interest;
}

/// Brings the poller up to date. Descriptors may have been closed, and their numbers given to
/// others, behind our back: what the poller knows then is not what it was told.
bool IoMap::tell(Poller& poller, int fd, Entry& entry, bool anew) noexcept {
    const Interest after = wanted(entry);
    const PollToken token = PollToken{entry.generation} << 32 | static_cast<std::uint32_t>(fd);
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

IoMap::Change IoMap::changed(Poller& poller, int fd, Entry& entry) noexcept {
    if (!batched_) return tell(poller, fd, entry, false) ? Change::told : Change::failed;
    if (!entry.listed) {
        try {
            changed_.push_back(fd);
        } catch (const std::bad_alloc&) {
            return Change::failed;
        }
        entry.listed = true;
    }
    return Change::told;
}

IoMap::Change IoMap::add(Poller& poller, event& ev) noexcept {
    if (ev.ev_fd < 0) return Change::none;
    Entry* const entry = entry_of(ev.ev_fd);
    if (entry == nullptr) return Change::failed;
    const Entry before = *entry;
    const unsigned added = ((ev.ev_events & EV_READ) != 0) + ((ev.ev_events & EV_WRITE) != 0) * 2U +
                           ((ev.ev_events & EV_CLOSED) != 0) * 4U;
    if (((added & 1U) != 0 && entry->readers == events_max) ||
        ((added & 2U) != 0 && entry->writers == events_max) ||
        ((added & 4U) != 0 && entry->closers == events_max)) {
        warnx("too many events on fd %d", ev.ev_fd);
        return Change::failed;
    }
    entry->readers = static_cast<std::uint16_t>(entry->readers + (added & 1U));
    entry->writers = static_cast<std::uint16_t>(entry->writers + (added >> 1 & 1U));
    entry->closers = static_cast<std::uint16_t>(entry->closers + (added >> 2 & 1U));
    entry->edges = entry->edges || (ev.ev_events & EV_ET) != 0;
    Change change = Change::none;
    if (wanted(*entry) != wanted(before)) {
        change = changed(poller, ev.ev_fd, *entry);
        if (change == Change::failed) {
            *entry = before;
            return change;
        }
    }
    entry->events.push_front(ev);
    return change;
}

IoMap::Change IoMap::remove(Poller& poller, event& ev) noexcept {
    if (ev.ev_fd < 0) return Change::none;
    Entry& entry = *entry_of(ev.ev_fd);
    const Interest before = wanted(entry);
    entry.readers = static_cast<std::uint16_t>(entry.readers - ((ev.ev_events & EV_READ) != 0));
    entry.writers = static_cast<std::uint16_t>(entry.writers - ((ev.ev_events & EV_WRITE) != 0));
    entry.closers = static_cast<std::uint16_t>(entry.closers - ((ev.ev_events & EV_CLOSED) != 0));
    EventList::remove(ev);
    if (entry.events.empty()) entry.edges = false;
    return wanted(entry) == before ? Change::none : changed(poller, ev.ev_fd, entry);
}

void IoMap::flush(Poller& poller) noexcept {
    for (const int fd : changed_) {
        Entry& entry = *entry_of(fd);
        entry.listed = false;
        // The number may stand for another descriptor by now.
        tell(poller, fd, entry, true);
    }
    changed_.clear();
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
