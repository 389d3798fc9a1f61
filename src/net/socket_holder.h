// Who holds a local address: looked up in /proc for messages to a person, after something has
// failed. Slow (it reads the tables of the kernel and the descriptors of every process it may look
// at); any thread.
#pragma once

#include <corevent/address.h>

#include <string>

#include <sys/types.h>

namespace corevent {

/// "nginx (pid 812)" for the process that listens on (or, failing that, uses) the address; "" where
/// nothing is told. A wildcard address meets every address with its port.
std::string holder_of(const Address& address);

struct UnixListener {
    bool alive = true;  ///< somebody listens; also when that cannot be found out
    pid_t pid = 0;      ///< the process that called listen(), when known
};
/// Tries to connect, which tells a server from the file of one that has died.
UnixListener probe_unix(const Address& address) noexcept;

/// "nginx (pid 812)", or "pid 812" when its name cannot be read.
std::string process_text(pid_t pid);

}  // namespace corevent
