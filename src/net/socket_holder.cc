#include "net/socket_holder.h"

#include "reactor/fd.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace corevent {
namespace {

using Ip = std::array<unsigned char, 16>;  ///< IPv4 as ::ffff:a.b.c.d

Ip mapped(const unsigned char* v4) noexcept {
    Ip ip{};
    ip[10] = ip[11] = 0xff;
    std::copy_n(v4, 4, ip.begin() + 12);
    return ip;
}

bool is_any(const Ip& ip) noexcept {
    const unsigned char zero[4] = {};
    return ip == Ip{} || ip == mapped(zero);
}

std::optional<std::uint32_t> hex(std::string_view text) noexcept {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// The tables print an address as 32-bit words of the machine's order.
std::optional<Ip> table_ip(std::string_view text) noexcept {
    Ip ip{};
    if (text.size() != 8 && text.size() != 32) return std::nullopt;
    for (std::size_t i = 0; i < text.size() / 8; ++i) {
        const auto word = hex(text.substr(i * 8, 8));
        if (!word) return std::nullopt;
        std::memcpy(ip.data() + i * 4, &*word, 4);
    }
    return text.size() == 8 ? mapped(ip.data()) : ip;
}

struct Wanted {
    Ip ip;
    std::uint32_t port;
};

Wanted wanted(const Address& address) noexcept {
    sockaddr_storage storage{};
    address.to_sockaddr(&storage);
    Wanted result{{}, address.port()};
    if (address.family() == Address::Family::ipv4) {
        sockaddr_in in;
        std::memcpy(&in, &storage, sizeof in);
        unsigned char v4[4];
        std::memcpy(v4, &in.sin_addr, sizeof v4);
        result.ip = mapped(v4);
    } else {
        sockaddr_in6 in;
        std::memcpy(&in, &storage, sizeof in);
        std::memcpy(result.ip.data(), &in.sin6_addr, result.ip.size());
    }
    return result;
}

struct Candidate {
    int rank = -1;  ///< 3 listens on this very address, 2 on an overlapping one, 1 uses it
                    ///< otherwise
    std::string inode;
};

/// Line of /proc/net/tcp: number, local, remote, state, queues, timer, retransmits, uid, timeout,
/// inode, ...
void look_at(const std::string& line, const Wanted& address, Candidate& best) {
    std::istringstream fields(line);
    std::array<std::string, 10> field;
    for (std::string& f : field) {
        if (!(fields >> f)) return;
    }
    const std::size_t colon = field[1].find(':');
    if (colon == std::string::npos) return;
    const std::string_view local = field[1];
    const auto ip = table_ip(local.substr(0, colon));
    const auto port = hex(local.substr(colon + 1));
    if (!ip || port != address.port || field[9] == "0") return;
    const bool same = *ip == address.ip;
    if (!same && !is_any(*ip) && !is_any(address.ip)) return;
    const int rank = field[3] != "0A" ? 1 : same ? 3 : 2;
    if (rank > best.rank) best = {rank, field[9]};
}

using Directory = std::unique_ptr<DIR, decltype([](DIR* d) { closedir(d); })>;

bool has_descriptor(const std::string& directory, std::string_view target) {
    const Directory fds(opendir(directory.c_str()));
    while (const dirent* entry = fds ? readdir(fds.get()) : nullptr) {
        std::array<char, 64> link;
        const std::string path = directory + "/" + entry->d_name;
        const ssize_t length = readlink(path.c_str(), link.data(), link.size());
        if (length > 0 && std::string_view(link.data(), static_cast<std::size_t>(length)) == target)
            return true;
    }
    return false;
}

/// The process with the smallest number that has the socket open: of a server and its children, the
/// server.
std::optional<pid_t> owner_of_inode(const std::string& inode) {
    const std::string target = "socket:[" + inode + "]";
    std::vector<pid_t> pids;
    const Directory proc(opendir("/proc"));
    while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
        pid_t pid = 0;
        const std::string_view name = entry->d_name;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
    }
    std::ranges::sort(pids);
    for (const pid_t pid : pids) {
        if (has_descriptor("/proc/" + std::to_string(pid) + "/fd", target)) return pid;
    }
    return std::nullopt;
}

}  // namespace

std::string process_text(pid_t pid) {
    const std::string number = "pid " + std::to_string(pid);
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    return std::getline(file, name) && !name.empty() ? name + " (" + number + ")" : number;
}

UnixListener probe_unix(const Address& address) noexcept {
    sockaddr_storage storage{};
    const socklen_t length = address.to_sockaddr(&storage);
    const Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
        return {errno != ECONNREFUSED && errno != ENOENT, 0};
    }
    ucred credentials{};  // of the peer when it began to listen
    socklen_t size = sizeof credentials;
    getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    return {true, credentials.pid};
}

std::string holder_of(const Address& address) {
    if (address.is_unix()) {
        const pid_t pid = probe_unix(address).pid;
        return pid != 0 ? process_text(pid) : std::string();
    }
    const Wanted target = wanted(address);
    Candidate best;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream file(table);
        std::string line;
        std::getline(file, line);  // titles
        while (std::getline(file, line)) look_at(line, target, best);
    }
    if (best.rank < 0) return {};
    const auto pid = owner_of_inode(best.inode);
    return pid ? process_text(*pid) : std::string();
}

}  // namespace corevent
