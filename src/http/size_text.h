// Sizes as people read them: "812 B", "1.2 kB", "34 MB". For log lines and listings; decimal units, no locale. Stateless;
// any thread.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent::http {

/// Appends to anything with append(std::string_view). One decimal below ten of a unit, none above; rounded half up.
template <class Text>
void append_size(Text& out, std::uint64_t octets) {
    static constexpr std::array<std::string_view, 7> units{" B",  " kB", " MB", " GB",
                                                           " TB", " PB", " EB"};
    const auto rounded = [](std::uint64_t value, std::uint64_t step) {
        return value / step + (value % step >= step / 2 + step % 2);
    };
    std::uint64_t step = 1;  // of the unit
    std::size_t unit = 0;
    while (unit + 1 < units.size() && (unit == 0 ? octets : rounded(octets, step)) >= 1000) {
        step *= 1000;
        ++unit;
    }
    std::array<char, 24> digits;
    char* end = digits.data() + digits.size();
    const std::uint64_t tenths = unit == 0 ? 100 : rounded(octets, step / 10);
    if (tenths < 100) {
        end = std::to_chars(digits.data(), end, tenths / 10).ptr;
        *end++ = '.';
        *end++ = static_cast<char>('0' + tenths % 10);
    } else {
        end = std::to_chars(digits.data(), end, unit == 0 ? octets : rounded(octets, step)).ptr;
    }
    out.append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
    out.append(units[unit]);
}

}  // namespace corevent::http
