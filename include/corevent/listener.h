// Listener: accepts connections for every loop of a group and gives each one, as a Stream, to the
// loop that shall own it. One shared socket, watched by every loop with EPOLLEXCLUSIVE, one accept
// per wake-up; a loop that has more connections than the least loaded one posts the new connection
// there, and loops that are inside a callback are passed over. Opened, paused and closed by the
// controlling thread or any loop; the accept callback runs on the loop that owns the new stream. It
// outlives no LoopGroup.
#pragma once

#include <corevent/address.h>
#include <corevent/loop_group.h>
#include <corevent/stream.h>

#include <functional>
#include <memory>
#include <string>

namespace corevent {

struct ListenerOptions {
    int backlog = 4096;
    bool reuse_port = false;        ///< one SO_REUSEPORT socket per loop instead of the shared one
    unsigned unix_mode = 0;         ///< permissions of a unix socket; 0 = leave to the umask
    int inherited_descriptor = -1;  ///< adopt this listening descriptor (LISTEN_FDS) instead of
                                    ///< binding
    std::size_t connections_max = 0;  ///< over all loops; 0 = no limit; above it accepting pauses,
                                      ///< without spin or flood
};

class CE_API Listener {
public:
    /// Called on the owning loop; must start() the stream before it returns.
    using AcceptFunction = std::function<void(Loop& loop, Stream& stream)>;

    /// Binds and listens, accepting nothing yet. A taken port is an error that names the holder
    /// where /proc allows
    /// ("cannot listen on 127.0.0.1:8080: in use by nginx (pid 812)\ntry --port 8081"); a port
    /// below 1024 names the remedies. ":8080" listens on both families.
    static Outcome<std::unique_ptr<Listener>> open(LoopGroup& group, const Address& address,
                                                   ListenerOptions options,
                                                   AcceptFunction on_accept);
    ~Listener();

    const Address& address() const noexcept;  ///< with the port that the kernel chose for port 0

    void start();  ///< begin accepting on every loop (controlling thread, before or after
                   ///< group.start())
    /// Any thread. Stops accepting. Connections that the kernel has completed already are still
    /// accepted and handed over (none is reset), then the socket is closed; `done` runs on loop 0
    /// when the last of them has its owner.
    void close(Callback done);

    struct Counters {
        std::uint64_t accepted = 0;
        std::uint64_t handed_over = 0;  ///< given to another loop than the one that accepted
        std::uint64_t pauses = 0;  ///< times that accepting paused (descriptors or connections_max)
    };
    Counters counters() const noexcept;  ///< any thread

    /// Any thread: connections owned by all loops through this listener, and per loop.
    std::size_t connections() const noexcept;
    std::size_t connections_of(unsigned loop_index) const noexcept;

private:
    struct State;
    explicit Listener(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;
};

}  // namespace corevent
