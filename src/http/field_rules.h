// Which fields a handler may put into an answer. Framing, Date and Connection are the server's
// business; what could split an answer is refused. Each refusal is logged, at most one line a
// second. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace corevent::http {

enum class FieldVerdict : std::uint8_t {
    good,
    ignored,  ///< the server writes this field itself: left out
    invalid,  ///< no field name, or CR, LF, NUL or another control character in the value
};

FieldVerdict check_response_field(std::string_view name, std::string_view value) noexcept;

/// Logs a status that no answer can have.
void refused_status(int status) noexcept;

/// Text of a peer made fit for a log line: control characters and quotes as \xNN, cut behind
/// `size_max` octets.
class Printable {
public:
    explicit Printable(std::string_view text, std::size_t size_max = 200) noexcept;
    std::string_view view() const noexcept { return {buffer_, size_}; }

private:
    char buffer_[512];
    std::size_t size_ = 0;
};

}  // namespace corevent::http
