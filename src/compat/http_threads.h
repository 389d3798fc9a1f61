// HTTP on several threads: the workers of a server, and what travels between them and the thread of
// the server's base (its home). In mode IO a worker reads, writes and parses, and the home runs the
// handlers; in mode ALL everything of a connection runs on its worker.
//
// All travel is by letters (http_loop.h), which a thread collects while it works and posts together
// when it is through. A request that travels belongs to the thread it travels to.
#pragma once

#include "compat/http_serve.h"

#include <event2/corevent.h>

#include <sys/types.h>

#include <memory>
#include <vector>

namespace corevent::compat {

class Worker;

/// The workers of one server. Made and ended on the home thread.
class WorkerGroup {
public:
    explicit WorkerGroup(evhttp& http) noexcept;
    ~WorkerGroup();
    WorkerGroup(const WorkerGroup&) = delete;
    WorkerGroup& operator=(const WorkerGroup&) = delete;

    /// Listens on `socket` in all workers, now or when they start.
    void add_socket(evhttp_bound_socket& socket) noexcept;
    void remove_socket(evhttp_bound_socket& socket) noexcept;

    /// The worker that should have the next connection, or null if `mine` is as good.
    Worker* least_loaded(const Shard& mine) noexcept;

    bool start_soon() noexcept;

private:
    static void on_start(int fd, short what, void* arg) noexcept;
    void start() noexcept;

    evhttp& http_;
    event start_event_{};
    bool start_pending_ = false;
    pid_t process_ = 0;  ///< whose threads they are
    std::vector<std::unique_ptr<Worker>> workers_;
};

/// What the environment says about threads, limits and leniency, unless the program did.
void read_environment(evhttp& http) noexcept;

// From a worker to the thread of the handlers.
void send_to_handlers(Request& request, HttpLoop& handlers) noexcept;
void tell_complete(Request& request, HttpLoop& handlers) noexcept;
void tell_gone(Request& request, HttpLoop& handlers) noexcept;
void tell_closed_at_home(ServerConnection& connection, HttpLoop& handlers) noexcept;
/// What the letters do there.
void handle_at_home(Request& request) noexcept;
void complete_at_home(Request& request) noexcept;
void tell_written(evhttp_connection& connection,
                  const Callback<void (*)(evhttp_connection*, void*)>& written,
                  HttpLoop& handlers) noexcept;

// To the loop of a request or connection.
void post_cancel(Request& request) noexcept;
void post_release(Request& request) noexcept;
/// Moves a connection in mode IO to the home, which is the calling thread.
void bring_home(ServerConnection& connection) noexcept;
/// Serves `fd` on `shard`, whose loop is another thread's.
void send_socket(Shard& shard, evhttp_bound_socket& socket, evutil_socket_t fd,
                 const sockaddr* peer, int peer_length) noexcept;

}  // namespace corevent::compat
