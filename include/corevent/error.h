// Errors as values. A failure that a correct program can meet is a std::error_code in a Result;
// kernel errors use std::system_category, corevent's own use error_category(). Header-only but for
// the category; any thread.
//
// What a person reads (a taken port, a bad path) travels in a Failure: the code for the program and
// one finished sentence for the human, with the remedy.
#pragma once

#include <corevent/export.h>

#include <expected>
#include <string>
#include <system_error>

namespace corevent {

/// Conditions that no errno describes. Cancelled operations report std::errc::operation_canceled
/// and expired ones std::errc::timed_out, so that they compare equal whatever layer they come from.
enum class Errc {
    end_of_stream = 1,  ///< the peer finished sending (TCP FIN) where more was expected
    queue_full,         ///< a bounded queue (posted_work, offload_queue, output_bytes) has no room
    limit_exceeded,     ///< a named limit of limits.h fired
    malformed,          ///< bytes that the protocol does not allow
    loop_stopped,       ///< the loop that should carry the work has stopped
};

CE_API const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(Errc e) noexcept {
    return {static_cast<int>(e), error_category()};
}

template <class T>
using Result = std::expected<T, std::error_code>;

/// A failure with a sentence for a person: what, why, what to do. `message` may have a second line
/// with the remedy.
struct Failure {
    std::error_code code;
    std::string message;
};

template <class T>
using Outcome = std::expected<T, Failure>;

}  // namespace corevent

template <>
struct std::is_error_code_enum<corevent::Errc> : std::true_type {};
