// JSON strings, as `corevent echo` writes them. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace corevent::app {

bool is_utf8(std::string_view bytes) noexcept;

/// "text" in quotes, escaped. Octets that are no UTF-8 become U+FFFD each.
std::string json_string(std::string_view text);

std::string base64(std::string_view bytes);

}  // namespace corevent::app
