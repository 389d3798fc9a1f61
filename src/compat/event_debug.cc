#include "compat/event_debug.h"

#include "compat/lock_debug.h"
#include "compat/log.h"

#include <event2/event.h>

#include <fcntl.h>

#include <atomic>
#include <mutex>
#include <new>
#include <unordered_map>

namespace corevent::compat {

namespace debug {

std::atomic<bool> on{false};
std::atomic<bool> used{false};

namespace {

std::mutex table_lock;

/// What is set up, and whether it is pending.
std::unordered_map<const event*, bool>& table() {
    static auto* const events = new std::unordered_map<const event*, bool>;
    return *events;
}

[[noreturn]] void fail(const event& ev, const char* what, const char* where) noexcept {
    errx(abort_status, "%s: %s event %p (events: 0x%x, fd: %d, flags: 0x%x)", where, what,
         static_cast<const void*>(&ev), static_cast<unsigned>(ev.ev_events), ev.ev_fd,
         static_cast<unsigned>(ev.ev_evcallback.evcb_flags));
}

}  // namespace

void note_added(const event& ev, bool added, const char* where) noexcept {
    const std::lock_guard guard(table_lock);
    const auto found = table().find(&ev);
    if (found == table().end()) fail(ev, "noting an addition or deletion of a non-setup", where);
    found->second = added;
}

void note_setup(const event& ev) noexcept {
    const std::lock_guard guard(table_lock);
    try {
        table()[&ev] = false;
    } catch (const std::bad_alloc&) {
        errx(1, "no memory for debug mode");
    }
}

void note_teardown(const event& ev) noexcept {
    const std::lock_guard guard(table_lock);
    table().erase(&ev);
}

void check_setup(const event& ev, const char* where) noexcept {
    const std::lock_guard guard(table_lock);
    if (!table().contains(&ev)) fail(ev, "called on a non-initialized", where);
}

void check_not_added(const event& ev, const char* where) noexcept {
    const std::lock_guard guard(table_lock);
    const auto found = table().find(&ev);
    if (found != table().end() && found->second) {
        fail(ev, "called on an already added", where);
    }
}

void check_nonblocking(int fd) noexcept {
    if (fd < 0) return;
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
        errx(abort_status, "fd %d is watched in debug mode, and blocks", fd);
    }
}

}  // namespace debug

void end_debug_mode() noexcept {
    const std::lock_guard guard(debug::table_lock);
    debug::on.store(false, std::memory_order_relaxed);
    debug::table().clear();
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

void event_enable_debug_mode(void) {
    if (debug_mode()) errx(1, "%s was called twice!", __func__);
    if (debug::used.load(std::memory_order_relaxed)) {
        errx(1, "%s must be called *before* creating any events or event_bases", __func__);
    }
    debug::on.store(true, std::memory_order_relaxed);
}

void event_debug_unassign(event* ev) {
    check_not_added(*ev, __func__);
    note_teardown(*ev);
    ev->ev_evcallback.evcb_flags = static_cast<short>(ev->ev_evcallback.evcb_flags & ~EVLIST_INIT);
}

void libevent_global_shutdown(void) {
    end_debug_mode();
    end_lock_debugging();
}

}  // extern "C"
