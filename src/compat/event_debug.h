// Debug mode (event_enable_debug_mode): which events are set up and which are pending, so that a use
// that is wrong ends the program with its reason. Any thread. Without debug mode each call is one
// comparison.
#pragma once

#include <event2/event_struct.h>

namespace corevent::compat {

bool debug_mode() noexcept;
void note_setup(const event& ev) noexcept;
void note_teardown(const event& ev) noexcept;
void note_add(const event& ev) noexcept;
void note_del(const event& ev) noexcept;
void check_setup(const event& ev, const char* where) noexcept;
void check_not_added(const event& ev, const char* where) noexcept;
void check_nonblocking(int fd) noexcept;
void note_first_use() noexcept;  ///< debug mode cannot begin any more
void end_debug_mode() noexcept;

}  // namespace corevent::compat
