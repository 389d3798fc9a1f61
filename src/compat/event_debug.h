// Debug mode (event_enable_debug_mode): which events are set up and which are pending, so that a use
// that is wrong ends the program with its reason. Any thread. Without debug mode each call is one
// comparison.
#pragma once

#include <event2/event_struct.h>

#include <atomic>

namespace corevent::compat {

/// What debug mode does; the functions below it ask whether it is on.
namespace debug {
extern std::atomic<bool> on;
extern std::atomic<bool> used;
void note_setup(const event& ev) noexcept;
void note_teardown(const event& ev) noexcept;
void note_added(const event& ev, bool added, const char* where) noexcept;
void check_setup(const event& ev, const char* where) noexcept;
void check_not_added(const event& ev, const char* where) noexcept;
void check_nonblocking(int fd) noexcept;
}  // namespace debug

inline bool debug_mode() noexcept {
    return debug::on.load(std::memory_order_relaxed);
}
inline void note_setup(const event& ev) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::note_setup(ev);
}
inline void note_teardown(const event& ev) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::note_teardown(ev);
}
inline void note_add(const event& ev) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::note_added(ev, true, "event_add");
}
inline void note_del(const event& ev) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::note_added(ev, false, "event_del");
}
inline void check_setup(const event& ev, const char* where) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::check_setup(ev, where);
}
inline void check_not_added(const event& ev, const char* where) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::check_not_added(ev, where);
}
inline void check_nonblocking(int fd) noexcept {
    if (debug_mode()) [[unlikely]]
        debug::check_nonblocking(fd);
}
inline void note_first_use() noexcept {  ///< debug mode cannot begin any more
    if (!debug::used.load(std::memory_order_relaxed)) {
        debug::used.store(true, std::memory_order_relaxed);
    }
}
void end_debug_mode() noexcept;

}  // namespace corevent::compat
