#include "support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace corevent::test {
namespace {

namespace fs = std::filesystem;
using Time = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// Our environment without what would reach into the program under test, with the additions.
std::vector<std::string> environment_of(const Start& start) {
    std::vector<std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        if (!text.starts_with("COREVENT_") && !text.starts_with("LISTEN_")) {
            variables.emplace_back(text);
        }
    }
    for (const auto& [name, value] : start.environment) {
        variables.push_back(name + "=" + value);
    }
    if (start.listen_descriptor >= 0) {
        variables.emplace_back("LISTEN_FDS=1");
        variables.push_back("LISTEN_PID=" + std::string(16, ' '));  // written by the child, who
                                                                    // knows it
    }
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// Runs in the child between fork and exec: system calls only.
[[noreturn]] void become(const Start& start, char* const* command, char** environment,
                         char* listen_pid, int out, int err) {
    if (start.descriptors != 0) {
        const rlimit limit{start.descriptors, start.descriptors};
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (start.listen_descriptor == 3) {
        fcntl(3, F_SETFD, 0);
    } else if (start.listen_descriptor >= 0) {
        dup2(start.listen_descriptor, 3);
    }
    if (listen_pid != nullptr) {
        std::snprintf(listen_pid, 16, "%d", static_cast<int>(getpid()));
    }
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (!start.directory.empty() && chdir(start.directory.c_str()) != 0) {
        _exit(126);
    }
    std::signal(SIGPIPE, SIG_DFL);
    environ = environment;
    execvp(command[0], command);
    _exit(127);
}

std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("pipe2");
    }
    // Away from the low numbers, which the child hands to the program.
    for (int& end : ends) {
        const int moved = fcntl(end, F_DUPFD_CLOEXEC, 10);
        close(end);
        end = moved;
    }
    return ends;
}

}  // namespace

Process::Process(const Start& start) {
    std::vector<std::string> command = start.command;
    std::vector<std::string> variables = environment_of(start);
    const std::vector<char*> command_pointers = pointers(command);
    std::vector<char*> environment = pointers(variables);
    char* const listen_pid = start.listen_descriptor < 0
                                 ? nullptr
                                 : variables.back().data() + std::strlen("LISTEN_PID=");
    const auto out = make_pipe();
    const auto err = make_pipe();
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_ = fork();
    if (pid_ < 0) {
        fail("fork");
    }
    if (pid_ == 0) {
        become(start, command_pointers.data(), environment.data(), listen_pid,
               start.discard_output ? null : out[1], err[1]);
    }
    close(out[1]);
    close(err[1]);
    close(null);
    reader_ = std::thread([this, out = out[0], err = err[0]] { collect(out, err); });
}

Process::~Process() {
    if (!reaped_) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &status_, 0);
    }
    reader_.join();
}

void Process::collect(int out, int err) {
    std::array<pollfd, 2> pipes{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
    std::array<std::string*, 2> into{&out_, &err_};
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        if (poll(pipes.data(), pipes.size(), -1) < 0 && errno != EINTR) {
            break;
        }
        for (std::size_t i = 0; i < pipes.size(); ++i) {
            if (pipes[i].fd < 0 || pipes[i].revents == 0) {
                continue;
            }
            std::array<char, 65536> buffer;
            const ssize_t size = read(pipes[i].fd, buffer.data(), buffer.size());
            const std::lock_guard lock(mutex_);
            if (size > 0) {
                into[i]->append(buffer.data(), static_cast<std::size_t>(size));
            } else {
                close(std::exchange(pipes[i].fd, -1));
            }
            changed_.notify_all();
        }
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Process::signal(int number) noexcept {
    if (!reaped_) {
        kill(pid_, number);
    }
}

bool Process::wait_until(const std::function<bool(const std::string&, const std::string&)>& done) {
    std::unique_lock lock(mutex_);
    bool fulfilled = false;
    changed_.wait_for(lock, deadline, [&] { return (fulfilled = done(out_, err_)) || ended_; });
    return fulfilled;
}

bool Process::wait_for_out(std::string_view text) {
    return wait_until([&](const std::string& out, const std::string&) {
        return out.find(text) != std::string::npos;
    });
}

bool Process::wait_for_err(std::string_view text) {
    return wait_until([&](const std::string&, const std::string& err) {
        return err.find(text) != std::string::npos;
    });
}

std::string Process::out() {
    const std::lock_guard lock(mutex_);
    return out_;
}

std::string Process::err() {
    const std::lock_guard lock(mutex_);
    return err_;
}

bool Process::running() {
    if (!reaped_ && waitpid(pid_, &status_, WNOHANG) == pid_) {
        reaped_ = true;
    }
    return !reaped_;
}

Finished Process::finish() {
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait_for(lock, deadline, [&] { return ended_; });
    lock.unlock();
    if (!reaped_) {
        if (!ended) {
            kill(pid_, SIGKILL);
        }
        waitpid(pid_, &status_, 0);
        reaped_ = true;
    }
    lock.lock();
    changed_.wait(lock, [&] { return ended_; });
    const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    return {code, out_, err_};
}

Finished run(const Start& start) {
    return Process(start).finish();
}

Finished run(std::vector<std::string> command) {
    return run(Start{.command = std::move(command)});
}

std::chrono::milliseconds cpu_time(pid_t pid) {
    const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) {
        fields >> skipped;
    }
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

Client::Client(std::uint16_t port, int receive_buffer_bytes)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0) {
        setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof receive_buffer_bytes);
    }
    const timeval time{deadline.count(), 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(std::exchange(descriptor_, -1));
    }
}

Client::~Client() {
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
}

bool Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string Client::receive() {
    std::string bytes(65536, '\0');
    const ssize_t size = recv(descriptor_, bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
}

std::string Client::receive_until(std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
        const std::string piece = receive();
        if (piece.empty()) {
            break;
        }
        all += piece;
    }
    return all;
}

std::string Client::receive_all() {
    std::string all;
    for (std::string piece = receive(); !piece.empty(); piece = receive()) {
        all += piece;
    }
    return all;
}

bool Client::ended() {
    char byte = 0;
    const ssize_t size = recv(descriptor_, &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET);
}

TemporaryDirectory::TemporaryDirectory() {
    std::string name = (fs::temp_directory_path() / "corevent-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        fail("mkdtemp");
    }
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string TemporaryDirectory::file(const std::string& name, std::string_view contents) const {
    const fs::path path = fs::path(path_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << contents;
    return path.string();
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace corevent::test
