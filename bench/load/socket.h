// Non-blocking client sockets to 127.0.0.1, spread over client addresses, and the epoll set they
// are read with. Owned by one engine on one thread; no protocol here.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace ce_load {

/// Raises the soft limit of open files to the hard one and returns it.
std::size_t raise_open_files() noexcept;

/// Starts connecting to 127.0.0.1:port. With `sources` > 0 the client address is 127.0.1.(1 + turn
/// % sources). Returns the descriptor, or -1 with errno set. TCP_NODELAY is on.
int start_connect(std::uint16_t port, std::size_t sources, std::size_t turn) noexcept;

/// The error of a connection attempt, 0 when it stands.
int connect_error(int fd) noexcept;

/// Edge-triggered set: every socket is added once, for reading and writing.
class EpollSet {
public:
    EpollSet();
    ~EpollSet();
    EpollSet(const EpollSet&) = delete;
    EpollSet& operator=(const EpollSet&) = delete;

    bool add(int fd, std::uint32_t token) noexcept;
    /// Events until `timeout_ns` (0 polls); valid until the next call.
    std::span<const epoll_event> wait(std::uint64_t timeout_ns) noexcept;

private:
    static constexpr std::size_t events_max = 1024;
    int fd_;
    epoll_event events_[events_max];
};

}  // namespace ce_load
