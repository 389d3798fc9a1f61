#include <corevent/http/server.h>

#include "http/server_core.h"
#include "http/static_files.h"
#include "loop/posted_callback.h"

#include <corevent/log.h>

#include <csignal>
#include <future>
#include <optional>

namespace corevent::http {

Server::Server(LoopGroup& loops, ServerOptions options)
    : core_(std::make_shared<ServerCore>(loops, std::move(options))) {}

Server::~Server() {
    core_->close();
}

// --- routes

Server& Server::route(std::string_view method, std::string_view pattern, Handler handler) {
    core_->config.router.add(method, pattern, std::move(handler));
    return *this;
}

Server& Server::any(std::string_view pattern, Handler handler) {
    core_->config.router.add({}, pattern, std::move(handler));
    return *this;
}

Server& Server::otherwise(Handler handler) {
    core_->config.router.set_otherwise(std::move(handler));
    return *this;
}

Outcome<void> Server::files(std::string_view prefix, StaticFilesOptions options) {
    auto opened = StaticFiles::open(std::move(options), core_->config.limits, core_->group);
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    std::string base(prefix);
    while (base.ends_with('/')) {
        base.pop_back();
    }
    const auto below = [files = *opened](Request& request) {
        return files->serve(request, request.param("path"));
    };
    get(base + "/{path...}", below);
    if (!base.empty()) {
        get(base, below);  // without the slash: a redirect, as for any directory
    }
    return {};
}

// --- life

Outcome<void> Server::listen(std::string_view address, ListenerOptions options) {
    return core_->listen(address, options);
}

const std::vector<Address>& Server::addresses() const noexcept {
    return core_->addresses;
}

void Server::start() {
    core_->start();
}

void Server::shutdown() noexcept {
    core_->shutdown();
}

int Server::wait() {
    return core_->wait();
}

int Server::run() {
    LoopGroup& group = core_->group;
    int signals = 0;
    const auto on_signal = [this, &signals] {
        if (++signals == 1) {
            log_line(LogLevel::info, core_->drain_text());
            core_->shutdown();
        } else {
            log_line(LogLevel::info, "stopping now");
            core_->cut_now("a second signal");
        }
    };
    // Signal handlers belong to their loop's thread, or to the time before it runs.
    std::optional<SignalHandler> interrupt;
    std::optional<SignalHandler> terminate;
    const auto on_loop_0 = [&group](const std::function<void()>& work) {
        if (!group.running()) {
            work();
            return;
        }
        std::promise<void> done;
        group[0].core().post(*new PostedCallback([&] {
            work();
            done.set_value();
        }));
        done.get_future().wait();
    };
    on_loop_0([&] {
        interrupt.emplace(group[0], SIGINT, on_signal);
        terminate.emplace(group[0], SIGTERM, on_signal);
    });
    core_->start();
    const int exit_code = core_->wait();
    on_loop_0([&] {
        interrupt.reset();
        terminate.reset();
    });
    return exit_code;
}

Metrics Server::metrics() const {
    return core_->metrics();
}

LoopGroup& Server::loops() noexcept {
    return core_->group;
}

}  // namespace corevent::http
