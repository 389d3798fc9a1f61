#include "app/service.h"

#include "app/descriptors.h"
#include "app/listen.h"
#include "app/messages.h"
#include "app/version.h"

#include <corevent/log.h>
#include <corevent/loop_group.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace corevent::app {
namespace {

/// Where access log lines go: a descriptor of its own, or -1.
class AccessLogTarget {
public:
    explicit AccessLogTarget(int descriptor) noexcept : descriptor_(descriptor) {}
    AccessLogTarget(AccessLogTarget&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)) {}
    AccessLogTarget& operator=(AccessLogTarget&&) = delete;
    ~AccessLogTarget() {
        if (descriptor_ > STDERR_FILENO) {
            close(descriptor_);
        }
    }
    int descriptor() const noexcept { return descriptor_; }

    static OrStop<AccessLogTarget> open(const ServerOptions& options) {
        switch (options.access_log) {
            case AccessLog::off: return AccessLogTarget(-1);
            case AccessLog::terminal:
                return AccessLogTarget(!options.quiet && isatty(STDOUT_FILENO) ? STDOUT_FILENO
                                                                               : -1);
            case AccessLog::standard_output: return AccessLogTarget(STDOUT_FILENO);
            case AccessLog::file: break;
        }
        const char* const path = options.access_log_file.c_str();
        const int descriptor =
            ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
        if (descriptor < 0) {
            return stop(ExitCode::failed, fmt::format("cannot write the access log {}: {}", path,
                                                      std::strerror(errno)));
        }
        return AccessLogTarget(descriptor);
    }

private:
    int descriptor_;
};

std::string time_text(std::uint64_t milliseconds) {
    return limit_text(LimitUnit::duration, milliseconds);
}

std::string limits_in_force(const Limits& limits) {
    std::string text = "  limits:";
    for (const LimitInfo& info : limit_table()) {
        text += fmt::format(" {}={}", info.name, limit_text(info.unit, limits[info.limit]));
    }
    return text;
}

std::string start_lines(const ServerOptions& options, const Face& face,
                        const Descriptors& descriptors, http::Server& server) {
    std::string text = fmt::format("corevent {} {}\n", version(), face.title);
    for (const std::string& address : reachable_as(server.addresses())) {
        text += fmt::format("  {}   http/1.1{}{}\n", address, face.note.empty() ? "" : "   ",
                            face.note);
    }
    const unsigned loops = server.loops().size();
    const Backend backend =
        options.backend == Backend::automatic ? Backend::epoll : options.backend;
    text += fmt::format("  {} loop{} ({}), at most {} connections ({})\n", loops,
                        loops == 1 ? "" : "s", backend_name(backend),
                        grouped(options.limits[Limit::connections]), descriptors.text());
    if (options.verbose) {
        text += limits_in_force(options.limits) + "\n";
    }
    const std::uint64_t drain = options.limits[Limit::drain];
    text += fmt::format("  Ctrl-C drains{}, twice stops now",
                        drain == 0 ? "" : " for " + time_text(drain));
    return text;
}

}  // namespace

OrStop<int> run_service(ServerOptions options, const Face& face, const AddRoutes& add_routes) {
    std::signal(SIGPIPE, SIG_IGN);  // a log reader that has gone is no reason to end
    set_log_level(options.quiet     ? LogLevel::warning
                  : options.verbose ? LogLevel::debug
                                    : LogLevel::info);
    const Descriptors descriptors = raise_descriptors();
    if (auto done = settle_connections(options.limits, descriptors); !done) {
        return std::unexpected(std::move(done.error()));
    }
    if (const std::string warning = descriptor_warning(descriptors); !warning.empty()) {
        say(warning);
    }
    const auto log = AccessLogTarget::open(options);
    if (!log) {
        return std::unexpected(log.error());
    }
    LoopGroupOptions group;
    group.loops = options.threads;
    group.backend = options.backend;
    group.posted_work_max = options.limits[Limit::posted_work];
    group.offload_queue = options.limits[Limit::offload_queue];
    LoopGroup loops(group);
    http::ServerOptions settings;
    settings.limits = options.limits;
    settings.lame_duck = options.lame_duck;
    settings.access_log_descriptor = log->descriptor();
    settings.access_log_format = options.log_format;
    http::Server server(loops, settings);
    if (auto done = add_routes(server); !done) {
        return std::unexpected(std::move(done.error()));
    }
    if (auto done = open_listeners(server, options); !done) {
        return std::unexpected(std::move(done.error()));
    }
    if (!options.quiet) {
        // Said by a running loop: whoever reads it may connect, and signals are handled.
        auto lines = [text = start_lines(options, face, descriptors, server)] { say(text); };
        if (auto posted = loops[0].post(std::move(lines)); !posted) {
            return stop(ExitCode::failed,
                        "cannot say that it listens: " + posted.error().message());
        }
    }
    return server.run();
}

}  // namespace corevent::app
