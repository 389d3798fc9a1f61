// AccessLine: how one line of the access log looks. Pure: a record and a time in, text out; the time zone is the process's
// own. One thread (it caches the broken-down time of the last second).
//
//   text      12:03:04.123 GET /a.css 200 1.2 kB 0.3 ms 127.0.0.1          for people at a terminal; local time
//   json      one object a line, keys after OpenTelemetry where it has one  for machines; UTC
//   combined  as Apache and nginx write it                                  for existing analysers; local time and offset
//
// Whatever a client has sent is escaped: control characters, quotes and backslashes in all formats; what is not ASCII in
// text and combined (as \xHH). JSON keeps UTF-8 and reads other octets as ISO 8859-1. The query of a target often carries
// secrets: text and json leave it out; combined writes the request line whole, since its readers expect that.
#pragma once

#include "buffer/bytes.h"
#include "http/access_log.h"

#include <array>
#include <cstdint>
#include <ctime>
#include <string_view>

namespace corevent::http {

class AccessLine {
public:
    /// `colour`: the status of text lines in colour by class.
    AccessLine(LogFormat format, bool colour) noexcept : format_(format), colour_(colour) {}

    /// Appends the line with its LF. `unix_ns`: wall-clock time of the end of the answer.
    void append(Bytes& out, const AccessRecord& record, std::int64_t unix_ns);

private:
    void append_text(Bytes& out, const AccessRecord& record, std::int64_t unix_ns);
    void append_json(Bytes& out, const AccessRecord& record, std::int64_t unix_ns);
    void append_combined(Bytes& out, const AccessRecord& record, std::int64_t unix_ns);
    /// The time of that second in `time_`, by a strftime format.
    std::string_view stamp(std::int64_t unix_seconds, bool utc, const char* format);

    LogFormat format_;
    bool colour_;
    std::int64_t stamped_second_ = -1;
    std::size_t stamp_size_ = 0;
    std::array<char, 64> stamp_{};
};

}  // namespace corevent::http
