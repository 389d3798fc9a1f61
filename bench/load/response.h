// Counts and checks the answers in a byte stream: status, Content-Length, length of the body. One
// ResponseReader per connection, fed by its owner; it reads no socket. Only what a benchmark meets
// is understood: a final status with a Content-Length. Anything else is an error, because a bench
// that counts errors as requests is worthless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ce_load {

/// What every answer must look like, and the head that was seen last. The heads of one server
/// differ in their Date at most, so a head that has the status line, the Content-Length line and
/// the end where the last one had them is taken without another search. Shared by all connections
/// of a run.
struct Expectation {
    int status = 200;
    std::int64_t body_bytes = -1;

    std::string known_status;       ///< "HTTP/1.1 200", empty until a head was parsed
    std::string known_length_line;  ///< "\r\nContent-Length: 13\r\n" as the server writes it
    std::size_t known_length_at = 0;
    std::size_t known_head_bytes = 0;
    std::uint64_t known_body_bytes = 0;
};

enum class ResponseError : std::uint8_t { none, status, length, malformed };

class ResponseReader {
public:
    struct Progress {
        std::size_t completed = 0;
        ResponseError error = ResponseError::none;
    };

    /// Takes the next bytes of the stream. After an error the reader is of no more use.
    Progress feed(std::string_view data, Expectation& expected);

    /// True between two answers: an end of the stream here cuts nothing.
    bool at_boundary() const noexcept { return body_left_ == 0 && head_.empty(); }

    void reset() noexcept {
        body_left_ = 0;
        head_.clear();
    }

private:
    std::uint64_t body_left_ = 0;
    std::string head_;  ///< an incomplete head, kept between two reads
};

}  // namespace ce_load
