// Latencies in nanoseconds, counted in logarithmic buckets of 1.6 % width: constant memory, one
// increment per value. Single-threaded; it tells percentiles and the exact largest value and mean,
// not the values themselves.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ce_load {

class Histogram {
public:
    void add(std::uint64_t nanoseconds) noexcept {
        ++counts_[bucket(nanoseconds)];
        ++total_;
        sum_ += nanoseconds;
        largest_ = std::max(largest_, nanoseconds);
    }

    void clear() noexcept { *this = Histogram(); }

    std::uint64_t count() const noexcept { return total_; }
    std::uint64_t largest() const noexcept { return largest_; }
    double mean() const noexcept {
        return total_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(total_);
    }

    /// The value below which `share` (0 to 1) of all values lie, to the bucket's upper edge.
    std::uint64_t percentile(double share) const noexcept {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > wanted) return std::min(upper_edge(i), largest_);
        }
        return largest_;
    }

private:
    static constexpr unsigned sub_bits = 6;
    static constexpr std::uint64_t sub_count = std::uint64_t{1} << sub_bits;

    static std::size_t bucket(std::uint64_t value) noexcept {
        if (value < sub_count) return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
        return static_cast<std::size_t>((shift + 1) * sub_count + ((value >> shift) - sub_count));
    }

    static std::uint64_t upper_edge(std::size_t index) noexcept {
        if (index < sub_count) return index;
        const std::uint64_t shift = index / sub_count - 1;
        return ((index % sub_count + sub_count + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - sub_bits + 1) * sub_count> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t largest_ = 0;
};

}  // namespace ce_load
