// The name a person probably meant, for messages about unknown flags, variables and sub-commands.
// The program sees public headers only, so it has its own few lines for this. Start-up only.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace corevent::app {

/// The candidate with the fewest letters inserted, removed, replaced or swapped, or "" when more
/// than a third differ.
std::string nearest(std::string_view name, std::span<const std::string> candidates);

/// "; did you mean --threads?" or "".
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates,
                         std::string_view prefix = {});

}  // namespace corevent::app
