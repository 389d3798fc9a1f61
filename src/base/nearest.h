// The name a person probably meant: the candidate with the smallest edit distance. For messages
// about unknown limits, flags and keys; set-up time only. Allocates nothing and gives up on names
// above 64 characters. Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace corevent {

inline constexpr std::size_t nearest_length_max = 64;

/// Edit distance with neighbouring letters swapped counting as one edit; '-' and '_' are the same.
/// Both names are at most nearest_length_max characters.
constexpr std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
    using Row = std::array<std::size_t, nearest_length_max + 1>;
    const auto same = [](char x, char y) { return (x == '-' ? '_' : x) == (y == '-' ? '_' : y); };
    Row before_last{};
    Row last{};
    Row row{};
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, changed});
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1])) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
        before_last = last;
        last = row;
    }
    return last[b.size()];
}

/// The best candidate of a range of things convertible to string_view, or "" if none is close: at
/// most a third of the longer name (and at least one letter) may differ.
template <class Range>
constexpr std::string_view nearest_name(std::string_view name, const Range& candidates) noexcept {
    std::string_view best;
    std::size_t best_distance = nearest_length_max + 1;
    if (name.size() > nearest_length_max) {
        return best;
    }
    for (const auto& item : candidates) {
        const std::string_view candidate(item);
        if (candidate.size() > nearest_length_max) {
            continue;
        }
        const std::size_t allowed =
            std::max<std::size_t>(1, std::max(name.size(), candidate.size()) / 3);
        const std::size_t distance = edit_distance(name, candidate);
        if (distance <= allowed && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace corevent
