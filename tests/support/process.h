// Processes and sockets for tests that meet a program as its user does: start it, read what it
// prints, signal it, talk to it with curl or byte by byte. Everything waits for an event with a
// deadline, never for a time to pass. A Process kills and reaps its child when it goes away. For
// the thread of the test.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace corevent::test {

/// Generous: sanitizers and two busy cores. Reaching it is a failure of the test.
inline constexpr std::chrono::seconds deadline{60};

struct Start {
    std::vector<std::string> command;                                ///< looked up in PATH
    std::vector<std::pair<std::string, std::string>> environment{};  ///< added to a copy of ours
    std::string directory{};      ///< working directory; empty = ours
    rlim_t descriptors = 0;       ///< RLIMIT_NOFILE, soft and hard; 0 = ours
    int listen_descriptor = -1;   ///< passed as descriptor 3 with LISTEN_FDS and LISTEN_PID
    bool discard_output = false;  ///< standard output goes to /dev/null
};

struct Finished {
    int code;  ///< exit code; 128 + signal when a signal ended it
    std::string out;
    std::string err;
};

class Process {
public:
    explicit Process(const Start& start);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const noexcept { return pid_; }
    void signal(int number) noexcept;

    /// Waits until `done(out, err)` holds for what was printed so far; false at the deadline or at
    /// the end of output.
    bool wait_until(const std::function<bool(const std::string& out, const std::string& err)>&
                        done);
    bool wait_for_out(std::string_view text);
    bool wait_for_err(std::string_view text);
    std::string out();
    std::string err();

    /// Waits for the end; at the deadline the child is killed (code 137).
    Finished finish();
    bool running();

private:
    void collect(int out, int err);

    pid_t pid_ = -1;
    bool reaped_ = false;
    int status_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string out_;
    std::string err_;
    bool ended_ = false;  ///< both pipes are at their end
    std::thread reader_;
};

Finished run(const Start& start);
Finished run(std::vector<std::string> command);

/// CPU time used by a process so far, user and system.
std::chrono::milliseconds cpu_time(pid_t pid);

/// A blocking TCP client on loopback, with the deadline on every call.
class Client {
public:
    explicit Client(std::uint16_t port, int receive_buffer_bytes = 0);
    ~Client();
    Client(Client&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Client& operator=(Client&&) = delete;

    bool connected() const noexcept { return descriptor_ >= 0; }
    int descriptor() const noexcept { return descriptor_; }
    bool send(std::string_view bytes);
    /// What arrives next; empty at the end of the stream, a reset or the deadline.
    std::string receive();
    std::string receive_until(std::string_view text);  ///< all up to and past `text`
    std::string receive_all();                         ///< up to the end of the stream
    bool ended();  ///< whether the peer has closed (waits for it)

private:
    int descriptor_ = -1;
};

/// A directory of its own under the temporary one, removed with its contents.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const noexcept { return path_; }
    std::string file(const std::string& name, std::string_view contents) const;  ///< writes it,
                                                                                 ///< returns its
                                                                                 ///< path

private:
    std::string path_;
};

std::string read_file(const std::string& path);

}  // namespace corevent::test
