#include "http/server_core.h"

#include "http/response_access.h"
#include "loop/posted_callback.h"

#include <corevent/log.h>

#include <sys/resource.h>

#include <algorithm>
#include <stdexcept>

namespace corevent::http {
namespace {

using namespace std::chrono_literals;

constexpr auto poll_period = 10ms;         ///< how often a drain is looked at
constexpr std::size_t cut_lines_max = 50;  ///< of one loop, in the log

/// 80 % of the descriptors: the rest is for files and upstreams.
std::size_t default_connections() noexcept {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return 0;
    }
    return static_cast<std::size_t>(files.rlim_cur) / 5 * 4;
}

}  // namespace

ServerCore::ServerCore(LoopGroup& loops, ServerOptions server_options)
    : group(loops), options(std::move(server_options)), config(options) {
    if (!options.server_name.empty()) {
        Response checked;
        checked.header("Server", options.server_name);
        if (ResponseAccess::invalid(checked)) {
            throw std::logic_error("server_name \"" + options.server_name + "\" is no field value");
        }
        config.server_field = "Server: " + options.server_name + "\r\n";
    }
    config.output_total_share = config.limits[Limit::output_total] / group.size();
    if (options.access_log_descriptor >= 0) {
        config.access_log = std::make_unique<AccessLog>(group.size(), options.access_log_descriptor,
                                                        options.access_log_format,
                                                        config.limits[Limit::access_log_ring]);
    }
    for (unsigned i = 0; i < group.size(); ++i) {
        loops_.push_back(std::make_unique<ServerLoop>(*this, config, group[i].core(), i));
    }
}

ServerCore::~ServerCore() = default;

Outcome<void> ServerCore::listen(std::string_view address, ListenerOptions how) {
    auto parsed = Address::parse(address);
    if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
    }
    if (how.connections_max == 0) {
        const std::size_t limit = config.limits[Limit::connections];
        how.connections_max = limit != 0 ? limit : default_connections();
    }
    auto listener = Listener::open(group, *parsed, how, [this](Loop& loop, Stream& stream) {
        loops_[loop.index()]->accept(stream);
    });
    if (!listener) {
        return std::unexpected(std::move(listener.error()));
    }
    addresses.push_back((*listener)->address());
    listeners_.push_back(std::move(*listener));
    if (started_) {
        listeners_.back()->start();
    }
    return {};
}

void ServerCore::start() {
    if (started_.exchange(true)) {
        return;
    }
    config.router.compile();
    for (const auto& listener : listeners_) {
        listener->start();
    }
    group.start();
}

void ServerCore::post_to(unsigned index, Callback work) noexcept {
    auto item = std::make_unique<PostedCallback>(std::move(work));
    if (loops_[index]->gate->post(*item)) {
        static_cast<void>(item.release());  // run() or discard() frees it
    }
}

// --- the drain, on loop 0

std::string ServerCore::drain_text() const {
    const std::uint64_t open = metrics().total.connections_open;
    if (open == 0) {
        return "stopping: no connection is open";
    }
    std::string text = "draining";
    if (const std::uint64_t drain_ms = config.limits[Limit::drain]; drain_ms != 0) {
        text += " for at most " + limit_text(LimitUnit::duration, drain_ms);
    }
    text += ": " + std::to_string(open) + (open == 1 ? " connection" : " connections");
    return text + " open; once more stops now";
}

void ServerCore::shutdown() noexcept {
    if (!shutting_down_.exchange(true)) {
        post_to(0, [this] { begin_drain(); });
    }
}

void ServerCore::begin_drain() {
    if (step_ != Step::serving) {
        return;
    }
    step_ = Step::lame_duck;
    timer_ = std::make_unique<Timer>(group[0], [this] { on_timer(); });
    if (options.lame_duck > 0ms) {
        timer_->start(options.lame_duck);
    } else {
        close_listeners();
    }
}

void ServerCore::close_listeners() {
    step_ = Step::draining;
    const std::uint64_t drain_ms = config.limits[Limit::drain];
    drain_due_ = drain_ms == 0 ? Clock::time_point::max()
                               : group[0].now() + std::chrono::milliseconds(drain_ms);
    timer_->start_every(poll_period);
    stop_accepting();
    // Answers say Connection: close from now on, also while the last connections are being handed
    // over.
    drain_loops();
}

void ServerCore::stop_accepting() {
    if (accepting_) {
        accepting_ = false;
        listeners_open_ = listeners_.size();
        for (const auto& listener : listeners_) {
            listener->close([this] { --listeners_open_; });
        }
    }
}

void ServerCore::drain_loops() {
    for (unsigned i = 0; i < group.size(); ++i) {
        post_to(i, [this, i] {
            loops_[i]->begin_drain();
            ++drained_;
        });
    }
}

std::size_t ServerCore::connections() const noexcept {
    std::size_t sum = 0;
    for (const auto& loop : loops_) {
        sum += loop->counters.connections_open.get();
    }
    return sum;
}

void ServerCore::on_timer() {
    const auto now = group[0].now();
    switch (step_) {
        case Step::lame_duck: close_listeners(); break;
        case Step::draining:
            if (listeners_open_ == 0 && drained_ == group.size() && connections() == 0) {
                stop(0);
            } else if (now >= drain_due_) {
                cut_rest("the drain limit of " +
                         limit_text(LimitUnit::duration, config.limits[Limit::drain]) +
                         " has passed");
            }
            break;
        case Step::cutting:
            if (cut_ == group.size() && listeners_open_ == 0 && connections() == 0) {
                if (cut_count_ != 0) {
                    log_line(LogLevel::warning,
                             std::to_string(cut_count_) +
                                 (cut_count_ == 1 ? " request was cut: " : " requests were cut: ") +
                                 cut_why_);
                }
                stop(cut_count_ == 0 ? 0 : 3);
            }
            break;
        case Step::serving:
        case Step::stopped: break;
    }
}

void ServerCore::cut_now(std::string_view why) noexcept {
    shutting_down_ = true;
    post_to(0, [this, text = std::string(why)] { cut_rest(text); });
}

void ServerCore::cut_rest(const std::string& why) {
    if (step_ == Step::cutting || step_ == Step::stopped) {
        return;
    }
    if (step_ == Step::serving) {
        timer_ = std::make_unique<Timer>(group[0], [this] { on_timer(); });
    }
    stop_accepting();
    step_ = Step::cutting;
    cut_why_ = why;
    timer_->start_every(poll_period);
    for (unsigned i = 0; i < group.size(); ++i) {
        post_to(i, [this, i] {
            const std::size_t cut = loops_[i]->cut_all(cut_lines_max);
            cut_count_ += cut;
            loops_[i]->counters.limits_fired[static_cast<std::size_t>(Limit::drain)].add(cut);
            ++cut_;
        });
    }
}

void ServerCore::stop(int exit_code) {
    step_ = Step::stopped;
    timer_.reset();
    const std::lock_guard lock(stopped_mutex_);
    exit_code_ = exit_code;
    stopped_signal_.notify_all();
}

// --- the controlling thread

bool ServerCore::stopped() {
    const std::lock_guard lock(stopped_mutex_);
    return exit_code_ >= 0;
}

int ServerCore::wait() {
    if (!group.running()) {
        turn_loops_until([this] { return stopped(); });
    }
    std::unique_lock lock(stopped_mutex_);
    stopped_signal_.wait(lock, [this] { return exit_code_ >= 0; });
    return exit_code_;
}

/// The threads of the loops have ended (or never begun): this thread turns them for as long as it
/// takes.
void ServerCore::turn_loops_until(const std::function<bool()>& done) {
    while (!done()) {
        for (unsigned i = 0; i < group.size(); ++i) {
            group[i].run_once(0ms);
        }
    }
}

void ServerCore::close() {
    if (started_) {
        if (!stopped()) {
            cut_now("the server is destroyed");
        }
        wait();
    }
    std::atomic<unsigned> closed{0};
    for (unsigned i = 0; i < group.size(); ++i) {
        post_to(i, [this, i, &closed] {
            loops_[i]->loop.set_activity("");
            loops_[i]->close_pool();
            ++closed;
            closed.notify_all();
        });
    }
    if (!group.running()) {
        turn_loops_until([&] { return closed == group.size(); });
    }
    for (unsigned now = closed; now != group.size(); now = closed) {
        closed.wait(now);
    }
    for (const auto& loop : loops_) {
        loop->gate->close();
    }
    listeners_.clear();
    config.access_log.reset();
}

Metrics ServerCore::metrics() const {
    Metrics metrics;
    for (const auto& loop : loops_) {
        const LoopCounters& from = loop->counters;
        LoopMetrics& one = metrics.loops.emplace_back();
        one.requests = from.requests.get();
        one.connections_accepted = from.connections_accepted.get();
        one.connections_open = from.connections_open.get();
        one.octets_in = from.octets_in.get();
        one.octets_out = from.octets_out.get();
        one.exceptions = from.exceptions.get();
        for (std::size_t i = 0; i < from.responses.size(); ++i) {
            one.responses[i] = from.responses[i].get();
        }
        for (std::size_t i = 0; i < limit_count; ++i) {
            one.limits_fired[i] = from.limits_fired[i].get();
        }
        const LoopCore::Stalls stalls = loop->loop.stalls();
        one.stalls = stalls.count;
        one.longest_stall_ms = stalls.longest_ms;
        add(metrics.total, one);
    }
    if (config.access_log != nullptr) {
        metrics.log_lines_dropped = config.access_log->dropped();
    }
    metrics.ready = started_ && !shutting_down_;
    return metrics;
}

void ServerCore::add(LoopMetrics& sum, const LoopMetrics& one) noexcept {
    sum.requests += one.requests;
    sum.connections_accepted += one.connections_accepted;
    sum.connections_open += one.connections_open;
    sum.octets_in += one.octets_in;
    sum.octets_out += one.octets_out;
    sum.exceptions += one.exceptions;
    sum.stalls += one.stalls;
    sum.longest_stall_ms = std::max(sum.longest_stall_ms, one.longest_stall_ms);
    for (std::size_t i = 0; i < std::size(sum.responses); ++i) {
        sum.responses[i] += one.responses[i];
    }
    for (std::size_t i = 0; i < limit_count; ++i) {
        sum.limits_fired[i] += one.limits_fired[i];
    }
}

}  // namespace corevent::http
