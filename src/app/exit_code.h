// How the program ends, and the sentence it ends with. A command that cannot go on returns a Stop;
// main() prints the message and exits with the code. Plain values, any thread.
#pragma once

#include <corevent/error.h>

#include <expected>
#include <string>
#include <utility>

namespace corevent::app {

enum class ExitCode : int {
    clean = 0,
    failed = 1,          ///< could not start, or died
    usage = 2,           ///< a flag or sub-command that does not exist, or a value it does not take
    cut = 3,             ///< the drain deadline cut something
    configuration = 78,  ///< an environment variable that cannot be used (EX_CONFIG of sysexits.h)
    cannot_run = 126,    ///< exec: the program is there and does not start
    not_found = 127,     ///< exec: the program is not there
};

struct Stop {
    ExitCode code;
    std::string message;  ///< what, why and what to do; lines without a final newline
};

template <class T>
using OrStop = std::expected<T, Stop>;

inline std::unexpected<Stop> stop(ExitCode code, std::string message) {
    return std::unexpected(Stop{code, std::move(message)});
}

/// The library's own sentence, as a reason not to start.
inline std::unexpected<Stop> cannot_start(Failure failure) {
    return stop(ExitCode::failed, std::move(failure.message));
}

}  // namespace corevent::app
