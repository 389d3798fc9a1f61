// What this program is: its version and, for `version -v`, how it was built and what it found.
#pragma once

#include <string>
#include <string_view>

namespace corevent::app {

std::string_view version() noexcept;  ///< "0.1.0"
std::string version_details();  ///< build, compiler, libraries, kernel features; several lines

}  // namespace corevent::app
