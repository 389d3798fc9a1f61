// The physical limit: the least a server can do and still answer. Edge-triggered epoll, one
// registration per connection, one recv, a search for CRLFCRLF, one send of as many copies of a
// fixed 133-byte response as the bytes held requests. One process, one thread, no timers, no
// parsing, no limits: a yardstick for the bench, never a server to learn from.
//
//   epoll_floor [--close]      prints "listening PORT"; ends on SIGTERM
//
// --close closes each connection after its first answer (the yardstick for one connection per
// request); answer and FIN share a segment.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\n"
    "Server: ce-floor\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 13\r\n"
    "\r\n"
    "Hello, World!";
static_assert(response.size() == 133);

constexpr std::string_view terminator = "\r\n\r\n";
constexpr std::size_t copies_max = 512;
constexpr std::size_t receive_bytes = 64 * 1024;
constexpr std::uint32_t interest = EPOLLIN | EPOLLRDHUP | EPOLLET;

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "epoll_floor: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

/// Counts the heads that end in `data`. `matched` carries how many bytes of CRLFCRLF the last span
/// ended with.
std::size_t count_heads(std::string_view data, std::uint8_t& matched) {
    std::size_t heads = 0;
    std::size_t at = 0;
    while (matched != 0 && at < data.size()) {
        if (data[at] != terminator[matched]) {
            matched = data[at] == '\r' ? 1 : 0;
            ++at;
            if (matched == 0) break;
            continue;
        }
        ++at;
        if (++matched == terminator.size()) {
            ++heads;
            matched = 0;
        }
    }
    while (at < data.size()) {
        const void* found =
            memmem(data.data() + at, data.size() - at, terminator.data(), terminator.size());
        if (found == nullptr) break;
        ++heads;
        at = static_cast<std::size_t>(static_cast<const char*>(found) - data.data()) +
             terminator.size();
    }
    const std::string_view rest = data.substr(at);
    for (std::uint8_t length = 3; length > 0 && matched == 0; --length) {
        if (rest.size() >= length && rest.ends_with(terminator.substr(0, length))) matched = length;
    }
    return heads;
}

int listen_on_loopback() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) die("TCP_NODELAY");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (listen(fd, 4096) != 0) die("listen");
    socklen_t length = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) die("getsockname");
    std::printf("listening %u\n", static_cast<unsigned>(ntohs(address.sin_port)));
    std::fflush(stdout);
    return fd;
}

class Floor {
public:
    explicit Floor(bool close_after_answer)
        : close_after_answer_(close_after_answer), hold_(close_after_answer ? MSG_MORE : 0) {
        rlimit files{};
        if (getrlimit(RLIMIT_NOFILE, &files) != 0) die("RLIMIT_NOFILE");
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) die("RLIMIT_NOFILE");
        matched_.resize(files.rlim_max);
        answers_.reserve(copies_max * response.size());
        for (std::size_t i = 0; i < copies_max; ++i) answers_ += response;
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ < 0) die("epoll_create1");
        listener_ = listen_on_loopback();
        add(listener_, EPOLLIN);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 512> events;
        for (;;) {
            const int ready =
                epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < ready; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                if (event.data.fd == listener_) {
                    accept_one();
                } else {
                    serve(event.data.fd, event.events);
                }
            }
        }
    }

private:
    void add(int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    }

    void accept_one() {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        matched_[static_cast<std::size_t>(fd)] = 0;
        add(fd, interest);
    }

    void serve(int fd, std::uint32_t events) {
        for (;;) {
            const ssize_t got = recv(fd, buffer_.data(), buffer_.size(), 0);
            if (got < 0 && errno == EAGAIN) return;
            if (got <= 0) {
                close(fd);
                return;
            }
            const auto size = static_cast<std::size_t>(got);
            const std::size_t heads =
                count_heads({buffer_.data(), size}, matched_[static_cast<std::size_t>(fd)]);
            if (heads > 0 && !answer(fd, heads)) return;
            if (size < buffer_.size() && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
        }
    }

    /// A client that does not read its answers is cut: a yardstick keeps no output queue.
    bool answer(int fd, std::size_t heads) {
        while (heads > 0) {
            const std::size_t copies = heads < copies_max ? heads : copies_max;
            const std::size_t bytes = copies * response.size();
            const ssize_t sent = send(fd, answers_.data(), bytes, MSG_NOSIGNAL | hold_);
            if (sent != static_cast<ssize_t>(bytes)) {
                close(fd);
                return false;
            }
            heads -= copies;
        }
        if (!close_after_answer_) return true;
        close(fd);
        return false;
    }

    bool close_after_answer_;
    int hold_;  ///< the answer waits for close()
    int epoll_ = -1;
    int listener_ = -1;
    std::vector<std::uint8_t> matched_;
    std::string answers_;
    std::array<char, receive_bytes> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
    const bool close_after_answer = argc == 2 && std::string_view(argv[1]) == "--close";
    if (argc > 1 && !close_after_answer) {
        std::fprintf(stderr, "usage: epoll_floor [--close]\n");
        return 2;
    }
    Floor(close_after_answer).run();
}
