// Listening sockets: binding with the errors said in words, unix socket files, descriptors from
// elsewhere, and the way to let no new connection in while what the kernel holds is still accepted.
// No loop and no accepting here (listener.cc). Start-up only, on any one thread; the errors read
// /proc.
#pragma once

#include "reactor/fd.h"

#include <corevent/listener.h>

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace corevent {

/// The file of a unix socket that this process has bound. Removes it at the end, unless another has
/// taken its place.
class UnixSocketFile {
public:
    UnixSocketFile() noexcept = default;
    explicit UnixSocketFile(std::string path);
    UnixSocketFile(UnixSocketFile&& other) noexcept { *this = std::move(other); }
    UnixSocketFile& operator=(UnixSocketFile&& other) noexcept;
    ~UnixSocketFile() { remove(); }
    void remove() noexcept;

private:
    std::string path_;  ///< empty: nothing to remove
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

struct ListenSockets {
    std::vector<Fd> fds;  ///< non-blocking, listening; one, or one per loop with reuse_port
    Address address;      ///< as bound
    UnixSocketFile file;
    bool inherited = false;
};

Outcome<ListenSockets> open_listen_sockets(const Address& address, const ListenerOptions& options,
                                           unsigned loops);

/// The words for a failed attempt, with the remedy on a second line.
Failure listen_failure(const Address& address, int error);

/// From here on the kernel answers no new TCP handshake on `fd`; those under way complete. The peer
/// tries again a second later and finds the next server, or a closed port. Does nothing for other
/// sockets.
void stop_handshakes(int fd) noexcept;

}  // namespace corevent
