// The insides of a Listener. ListenerState: what its loops share, from open() to the end of its
// last connection. Door: one loop's part in it: it watches the listening socket, accepts one
// connection per wake-up and gives it to the loop that has the fewest, itself included. Doors
// belong to their loops; what other threads may touch is atomic.
//
//   closed --open()--> watching <--resume/pause--> paused (no descriptors, connections_max; looks
//   again every 100 ms
//                          |                          |      and when a connection of this door
//                          ends)
//                          +-----------shut()---------+--> shut, for good
//
// Closing: the kernel is told to answer no new handshake, every door shuts in its own loop, and the
// last one to shut accepts what is left in the kernel's queue, hands it round and closes the
// socket.
#pragma once

#include "net/listen_socket.h"
#include "net/socket_stream.h"

#include <corevent/listener.h>

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace corevent {

class ListenerState;

class Door final : private IoWatch, private TimerNode, public StreamOwner {
public:
    Door(ListenerState& state, Loop& loop, int fd);

    LoopCore& core() const noexcept { return LoopCore::of(loop_); }
    std::size_t connections() const noexcept {
        return connections_.load(std::memory_order_relaxed);
    }  ///< any thread

    void open();
    void shut() noexcept;
    void drain();  ///< accepts all that the kernel has queued; after shut()

    /// Any thread: a connection is on its way to this door's loop.
    void expect() noexcept;
    /// Takes over a connection that was expected.
    void admit(int fd, const sockaddr* peer);
    /// What was expected will not come.
    void give_up() noexcept;

private:
    friend class ListenerState;
    enum class Phase : std::uint8_t { closed, watching, paused, shut };

    void on_ready(Readiness events) override;
    void on_timer() override;
    void on_stream_gone() noexcept override;
    int accept_one();
    void pause(std::string_view why) noexcept;
    void resume() noexcept;

    ListenerState& state_;
    Loop& loop_;
    const int fd_;
    Phase phase_ = Phase::closed;
    std::uint32_t held_ = 0;  ///< streams of this loop: while there are any, the state lives
    std::shared_ptr<ListenerState> keep_alive_;
    alignas(64) std::atomic<std::size_t> connections_{0};  ///< those on their way included
};

class ListenerState : public std::enable_shared_from_this<ListenerState> {
public:
    ListenerState(LoopGroup& group, ListenSockets sockets, const ListenerOptions& options,
                  Listener::AcceptFunction on_accept);

    LoopGroup& group() const noexcept { return group_; }
    const Address& address() const noexcept { return sockets_.address; }
    Door& door(unsigned index) noexcept { return *doors_[index]; }

    void start();
    void close(Callback done);  ///< any thread
    void abandon() noexcept;    ///< the loops do not run: from the controlling thread

    Listener::Counters counters() const noexcept;
    std::size_t connections() const noexcept {
        return connections_.load(std::memory_order_relaxed);
    }

private:
    friend class Door;
    class Command;
    class Handover;

    void shut_door(Door& door);
    void deliver(Door& from, int fd, const sockaddr_storage& peer);
    Door& least_loaded(Door& own) noexcept;
    bool take_place() noexcept;
    void leave_place() noexcept { connections_.fetch_sub(1, std::memory_order_relaxed); }
    void log_pause(std::string_view why) noexcept;
    void work_done();
    void tell(Callback done);  ///< on loop 0; whatever else waits there

    LoopGroup& group_;
    ListenSockets sockets_;
    const std::size_t connections_max_;
    const bool shared_socket_;
    const Listener::AcceptFunction on_accept_;
    std::vector<std::unique_ptr<Door>> doors_;

    std::mutex closing_lock_;
    std::vector<Callback> on_closed_;  ///< under the lock
    bool closed_ = false;              ///< under the lock
    std::atomic<bool> closing_{false};
    std::atomic<std::size_t> doors_left_;    ///< that have not shut yet
    std::atomic<std::size_t> work_left_{1};  ///< hand-overs under way, and one until the sockets
                                             ///< are closed
    std::atomic<std::size_t> connections_{0};
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint64_t> handed_over_{0};
    std::atomic<std::uint64_t> pauses_{0};
    std::atomic<std::uint64_t> next_log_ms_{0};
};

}  // namespace corevent
