#include "net/listen_socket.h"

#include "net/socket_holder.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace corevent {
namespace {

/// An Address as the kernel takes it.
struct SockAddress {
    explicit SockAddress(const Address& address) noexcept : length(address.to_sockaddr(&storage)) {}
    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr_storage storage{};
    socklen_t length;
};

void enable(int fd, int level, int option, int value = 1) noexcept {
    setsockopt(fd, level, option, &value, sizeof value);
}

bool is_wildcard_v6(const Address& address) noexcept {
    sockaddr_storage storage{};
    if (address.family() != Address::Family::ipv6) return false;
    address.to_sockaddr(&storage);
    return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
}

Address wildcard_v4(std::uint16_t port) noexcept {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&in), sizeof in);
}

Address local_address(int fd) noexcept {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
    return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
}

/// A bound socket that does not listen yet, or an errno.
std::expected<Fd, int> bind_socket(const Address& address, bool reuse_port) noexcept {
    const SockAddress where(address);
    Fd fd(socket(where.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return std::unexpected(errno);
    if (!address.is_unix()) {
        enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
        enable(fd.get(), IPPROTO_TCP, TCP_NODELAY);  // every accepted socket inherits it
        if (reuse_port) enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
        if (address.family() == Address::Family::ipv6) {
            enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, is_wildcard_v6(address) ? 0 : 1);
        }
    }
    if (bind(fd.get(), where.get(), where.length) != 0) return std::unexpected(errno);
    return fd;
}

/// The wildcard of both families becomes IPv4's where IPv6 is switched off.
std::expected<Fd, int> bind_or_fall_back(const Address& address, bool reuse_port) noexcept {
    auto fd = bind_socket(address, reuse_port);
    if (!fd && is_wildcard_v6(address) &&
        (fd.error() == EAFNOSUPPORT || fd.error() == EADDRNOTAVAIL)) {
        fd = bind_socket(wildcard_v4(address.port()), reuse_port);
    }
    return fd;
}

std::expected<Fd, int> listen_socket(const Address& address, int backlog,
                                     bool reuse_port) noexcept {
    auto fd = bind_or_fall_back(address, reuse_port);
    if (fd && listen(fd->get(), backlog) != 0) return std::unexpected(errno);
    return fd;
}

// --- unix sockets

bool is_socket_file(const std::string& path) noexcept {
    struct stat status{};
    return lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

Outcome<ListenSockets> open_unix(const Address& address, const ListenerOptions& options) {
    const std::string path = address.host();
    const bool has_file = !path.starts_with('@');
    auto fd = bind_socket(address, false);
    if (!fd && fd.error() == EADDRINUSE && has_file && is_socket_file(path) &&
        !probe_unix(address).alive) {
        unlink(path.c_str());  // of a server that died without removing it
        fd = bind_socket(address, false);
    }
    if (!fd) return std::unexpected(listen_failure(address, fd.error()));
    ListenSockets sockets;
    if (has_file) sockets.file = UnixSocketFile(path);
    // Before listen(): nobody can connect while the permissions are still those of the umask.
    if (has_file && options.unix_mode != 0 && chmod(path.c_str(), options.unix_mode) != 0) {
        return std::unexpected(listen_failure(address, errno));
    }
    if (listen(fd->get(), options.backlog) != 0)
        return std::unexpected(listen_failure(address, errno));
    sockets.fds.push_back(std::move(*fd));
    sockets.address = address;
    return sockets;
}

// --- descriptors from elsewhere

Outcome<ListenSockets> adopt(int descriptor) {
    const auto refuse = [descriptor](std::string_view why) {
        const std::string message =
            "cannot listen on descriptor " + std::to_string(descriptor) + ": ";
        return std::unexpected(Failure{std::make_error_code(std::errc::invalid_argument),
                                       message + std::string(why)});
    };
    int accepts = 0;
    int type = 0;
    socklen_t length = sizeof accepts;
    if (fcntl(descriptor, F_GETFD) < 0) return refuse("it is not open");
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
        return refuse("it is not a socket");
    if (type != SOCK_STREAM) return refuse("it is not a stream socket");
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) != 0 || accepts == 0) {
        return refuse("it is a socket that does not listen");
    }
    ListenSockets sockets;
    sockets.address = local_address(descriptor);
    if (sockets.address.family() == Address::Family::none)
        return refuse("it is neither a TCP nor a unix socket");
    if (fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) != 0 ||
        fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
        return refuse(std::strerror(errno));
    }
    if (!sockets.address.is_unix()) enable(descriptor, IPPROTO_TCP, TCP_NODELAY);
    sockets.inherited = true;
    sockets.fds.emplace_back(descriptor);
    return sockets;
}

}  // namespace

UnixSocketFile::UnixSocketFile(std::string path) : path_(std::move(path)) {
    struct stat status{};
    if (lstat(path_.c_str(), &status) != 0) path_.clear();
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

UnixSocketFile& UnixSocketFile::operator=(UnixSocketFile&& other) noexcept {
    if (this != &other) {
        remove();
        path_ = std::exchange(other.path_, {});
        device_ = other.device_;
        inode_ = other.inode_;
    }
    return *this;
}

void UnixSocketFile::remove() noexcept {
    struct stat status{};
    if (!path_.empty() && lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_) {
        unlink(path_.c_str());
    }
    path_.clear();
}

Outcome<ListenSockets> open_listen_sockets(const Address& address, const ListenerOptions& options,
                                           unsigned loops) {
    if (options.inherited_descriptor >= 0) return adopt(options.inherited_descriptor);
    if (address.is_unix()) return open_unix(address, options);
    if (options.reuse_port) {
        // Without the option first: a second server on the same port is a mistake with it as well.
        if (const auto alone = bind_or_fall_back(address, false); !alone) {
            return std::unexpected(listen_failure(address, alone.error()));
        }
    }
    ListenSockets sockets;
    sockets.address = address;
    for (unsigned i = 0; i < (options.reuse_port ? loops : 1); ++i) {
        auto fd = listen_socket(sockets.address, options.backlog, options.reuse_port);
        if (!fd) return std::unexpected(listen_failure(address, fd.error()));
        if (i == 0) sockets.address = local_address(fd->get());
        sockets.fds.push_back(std::move(*fd));
    }
    return sockets;
}

void stop_handshakes(int fd) noexcept {
    // The filter of a listening socket sees each segment from its TCP header on: drop those with
    // SYN.
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    const sock_fprog program{sizeof code / sizeof *code, code};
    int domain = 0;
    socklen_t length = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
        (domain == AF_INET || domain == AF_INET6)) {
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    }
}

}  // namespace corevent
