// A seed for randomised tests: new in every run, printed by the failing assertion through
// SCOPED_TRACE, given back with COREVENT_TEST_SEED=N to repeat a run.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace corevent::test {

inline std::uint64_t random_seed() {
    if (const char* given = std::getenv("COREVENT_TEST_SEED")) {
        return std::strtoull(given, nullptr, 10);
    }
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

inline std::string seed_text(std::uint64_t seed) {
    return "repeat with COREVENT_TEST_SEED=" + std::to_string(seed);
}

}  // namespace corevent::test
