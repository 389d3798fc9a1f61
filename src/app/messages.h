// Messages: what the program says to a person, on stderr: start-up lines, warnings, the last words
// of a Stop. One place, so that they look alike. Any thread; each message leaves in one write.
#pragma once

#include "app/exit_code.h"

#include <corevent/address.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::app {

std::string grouped(std::uint64_t number);  ///< "16,000"

/// Writes `text` and a newline to stderr.
void say(std::string_view text) noexcept;

/// Says why the program ends and returns the exit code.
int end_with(const Stop& stop) noexcept;

/// How a browser or curl reaches the server: "http://[::1]:80/", "unix:/run/x.sock"; one line for
/// each way in, but 127.0.0.1 and ::1 on one port become http://localhost:PORT/.
std::vector<std::string> reachable_as(const std::vector<Address>& addresses);

}  // namespace corevent::app
