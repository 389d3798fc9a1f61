#include "codec/status.h"

#include <array>
#include <cstdint>

namespace corevent {
namespace {

constexpr int first = 100;
constexpr int last = 599;

constexpr std::array<std::int8_t, last - first + 1> make_index() {
    std::array<std::int8_t, last - first + 1> index{};
    index.fill(-1);
    std::int8_t position = 0;
    for (const StatusPhrase& entry : status_phrases) {
        index[static_cast<std::size_t>(entry.status - first)] = position++;
    }
    return index;
}
constexpr auto index_of = make_index();

}  // namespace

int status_index(int status) noexcept {
    return status < first || status > last ? -1
                                           : index_of[static_cast<std::size_t>(status - first)];
}

std::string_view status_phrase(int status) noexcept {
    const int index = status_index(status);
    return index < 0 ? std::string_view() : status_phrases[static_cast<std::size_t>(index)].phrase;
}

}  // namespace corevent
