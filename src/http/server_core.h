// ServerCore: the server behind the Server handle: configuration, listeners, its part on each loop,
// and the drain. It is kept by the Server and by every pooled exchange, so that handlers and limits
// outlive the last handler that runs, even one that ends after the Server has gone.
//
// The drain, run by loop 0 (server_core.cc), steps in order, each entered once:
//
//   serving -> lame_duck      shutdown(): not ready any more; accepting goes on
//           -> draining       listeners close, but what the kernel has completed is still accepted
//           and handed over;
//                             answers say Connection: close, idle connections go; ends when no
//                             connection is left
//           -> cutting        the drain limit has passed: open requests are listed, handlers asked
//           to end, connections
//                             cut
//           -> stopped        wait() returns: 0, or 3 if something was cut
#pragma once

#include "http/server_config.h"
#include "http/server_loop.h"

#include <corevent/http/server.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::http {

class ServerCore : public std::enable_shared_from_this<ServerCore> {
public:
    ServerCore(LoopGroup& group, ServerOptions options);
    ~ServerCore();
    ServerCore(const ServerCore&) = delete;
    ServerCore& operator=(const ServerCore&) = delete;

    std::shared_ptr<ServerCore> keep() { return shared_from_this(); }

    // --- controlling thread
    Outcome<void> listen(std::string_view address, ListenerOptions options);
    void start();
    int wait();
    void close();  ///< the Server goes: cuts what is left and closes the gates

    // --- any thread
    void shutdown() noexcept;
    std::string drain_text() const;               ///< what a shutdown waits for; any thread
    void cut_now(std::string_view why) noexcept;  ///< ends the drain at once
    Metrics metrics() const;

    LoopGroup& group;
    ServerOptions options;
    ServerConfig config;
    std::vector<Address> addresses;

private:
    enum class Step : std::uint8_t { serving, lame_duck, draining, cutting, stopped };

    void post_to(unsigned index, Callback work) noexcept;

    // on loop 0
    void begin_drain();
    void close_listeners();
    void stop_accepting();
    void drain_loops();
    void on_timer();
    void cut_rest(const std::string& why);
    void stop(int exit_code);

    bool stopped();
    void turn_loops_until(const std::function<bool()>& done);
    std::size_t connections() const noexcept;
    static void add(LoopMetrics& sum, const LoopMetrics& one) noexcept;

    std::vector<std::unique_ptr<ServerLoop>> loops_;
    std::vector<std::unique_ptr<Listener>> listeners_;

    // loop 0
    std::unique_ptr<Timer> timer_;  ///< the lame duck, then polling the drain
    Step step_ = Step::serving;
    bool accepting_ = true;
    std::size_t listeners_open_ = 0;  ///< still handing over what the kernel had completed
    Clock::time_point drain_due_{};
    std::string cut_why_;

    std::atomic<std::size_t> cut_count_{0};  ///< requests that were cut
    std::atomic<unsigned> drained_{0};       ///< loops that have begun to drain
    std::atomic<unsigned> cut_{0};           ///< loops that have cut; a cut may overtake the drain
    std::atomic<bool> started_{false};
    std::atomic<bool> shutting_down_{false};

    std::mutex stopped_mutex_;
    std::condition_variable stopped_signal_;
    int exit_code_ = -1;  ///< under stopped_mutex_; -1: not stopped yet
};

}  // namespace corevent::http
