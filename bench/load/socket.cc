#include "load/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace ce_load {
namespace {

bool bind_source(int fd, std::size_t turn) noexcept {
    const int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(0x7f000101U + static_cast<std::uint32_t>(turn));
    return bind(fd, reinterpret_cast<sockaddr*>(&source), sizeof source) == 0;
}

}  // namespace

std::size_t raise_open_files() noexcept {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 0;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur;
}

int start_connect(std::uint16_t port, std::size_t sources, std::size_t turn) noexcept {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((sources > 0 && !bind_source(fd, turn % sources)) ||
        (connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0 &&
         errno != EINPROGRESS)) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int connect_error(int fd) noexcept {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
}

EpollSet::EpollSet() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ >= 0) return;
    std::perror("ce_load: epoll_create1");
    std::exit(1);
}

EpollSet::~EpollSet() {
    close(fd_);
}

bool EpollSet::add(int fd, std::uint32_t token) noexcept {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u32 = token;
    return epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

std::span<const epoll_event> EpollSet::wait(std::uint64_t timeout_ns) noexcept {
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000);
    const int ready = epoll_pwait2(fd_, events_, static_cast<int>(events_max), &timeout, nullptr);
    return {events_, ready < 0 ? 0 : static_cast<std::size_t>(ready)};
}

}  // namespace ce_load
