// Dates: what is read is written and read again as the same second. Input of 8 bytes is also taken
// as a number of seconds.
#include "base/assert.h"
#include "codec/http_date.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace http_date = corevent::http_date;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    char written[http_date::length];
    for (const std::int64_t now :
         {std::int64_t{0}, std::int64_t{1'700'000'000}, INT64_MIN, INT64_MAX}) {
        if (const auto seconds = http_date::parse(text, now)) {
            // Years 0000-9999, and one second more for a leap second at the end.
            CE_ASSERT(*seconds >= -62167219200 - 86400 * 366 * 100LL && *seconds <= 253402300800);
            if (*seconds >= -62167219200 && *seconds < 253402300800) {
                http_date::format(*seconds, written);
                CE_ASSERT(http_date::parse({written, sizeof written}, now) == seconds);
            }
        }
    }
    if (size == sizeof(std::int64_t)) {
        std::int64_t seconds = 0;
        std::memcpy(&seconds, data, sizeof seconds);
        http_date::format(seconds, written);
        const auto read = http_date::parse({written, sizeof written}, 0);
        CE_ASSERT(read.has_value());
        CE_ASSERT(seconds < -62167219200 || seconds > 253402300799 || *read == seconds);
    }
    return 0;
}
