// DateField: the value of Date, rendered at most once a second and loop (rendering costs 200 ns, a
// cached one nothing). One thread. The wall clock is read once for each second that the loop's own
// clock has seen pass.
#pragma once

#include "codec/http_date.h"

#include <chrono>
#include <cstdint>

namespace corevent::http {

class DateField {
public:
    /// `http_date::length` octets, valid until the next call. `now_ms`: the loop's cached monotonic
    /// time.
    const char* get(std::uint64_t now_ms) noexcept {
        if (now_ms >= next_ms_) [[unlikely]] {
            render(now_ms);
        }
        return text_;
    }

private:
    __attribute__((noinline)) void render(std::uint64_t now_ms) noexcept {
        using namespace std::chrono;
        const auto wall =
            duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
        http_date::format(wall / 1000, text_);
        next_ms_ = now_ms + static_cast<std::uint64_t>(1000 - wall % 1000);
    }

    std::uint64_t next_ms_ = 0;
    char text_[http_date::length];
};

}  // namespace corevent::http
