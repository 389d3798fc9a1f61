// LogOutput: writes to a descriptor that belongs to somebody else, without trusting it to be quick. The thread waits in
// poll() and never in write() (where it could not be told to end) for pipes, terminals and sockets; their flags, which
// other processes may share, are not touched. One thread, but for wake() and end_at().
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corevent::http {

class LogOutput {
public:
    explicit LogOutput(int descriptor);
    ~LogOutput();
    LogOutput(const LogOutput&) = delete;
    LogOutput& operator=(const LogOutput&) = delete;

    /// Writes all of `text`, waiting as long as it takes, or until end_at(). Returns how many octets went out; less than
    /// all means that the rest was given up, and error() says why (ETIMEDOUT: the end had come).
    std::size_t write(std::string_view text) noexcept;
    int error() const noexcept { return error_; }

    /// Waits for wake(), for at most `timeout_ms` (-1: for ever).
    void wait(int timeout_ms) noexcept;
    void wake() noexcept;                                              // any thread
    void end_at(std::chrono::steady_clock::time_point when) noexcept;  // any thread, once; wakes

private:
    enum class Kind : std::uint8_t { file, stream, socket };

    long write_some(std::string_view text) noexcept;
    bool wait_writable() noexcept;

    int descriptor_;
    int reopened_ = -1;  ///< the same pipe or terminal, opened anew as non-blocking
    int event_;
    Kind kind_ = Kind::file;
    int error_ = 0;
    std::atomic<std::int64_t> end_ns_{0};  ///< steady clock; 0: no end
};

}  // namespace corevent::http
