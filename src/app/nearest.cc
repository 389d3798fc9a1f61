#include "app/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace corevent::app {
namespace {

/// Letters inserted, removed, replaced, or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, row[j - 1] + 1, last[j] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::string nearest(std::string_view name, std::span<const std::string> candidates) {
    constexpr std::size_t name_length_max = 64;  // longer ones are no typing error, and the work is
                                                 // quadratic
    std::string best;
    std::size_t best_distance = name_length_max;
    if (name.empty() || name.size() > name_length_max) {
        return best;
    }
    for (const std::string& candidate : candidates) {
        const std::size_t allowed =
            std::max<std::size_t>(1, std::max(name.size(), candidate.size()) / 3);
        const std::size_t d = distance(name, candidate);
        if (d <= allowed && d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates,
                         std::string_view prefix) {
    const std::string best = nearest(name, candidates);
    return best.empty() ? std::string() : "; did you mean " + std::string(prefix) + best + "?";
}

}  // namespace corevent::app
