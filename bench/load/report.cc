#include "load/report.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>

namespace ce_load {
namespace {

const char* mode_name(Mode mode) noexcept {
    switch (mode) {
        case Mode::keep_alive: return "keep-alive";
        case Mode::close: return "close";
        case Mode::open_loop: return "open-loop";
        case Mode::idle: return "idle";
    }
    return "";
}

double microseconds(std::uint64_t nanoseconds) noexcept {
    return static_cast<double>(nanoseconds) / 1e3;
}

void print_servers(const CpuTime& time) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    std::printf(
        ",\"server_cpu\":{\"run_us\":%.1f,\"user_us\":%.1f,\"system_us\":%.1f,\"complete\":%s}",
        microseconds(time.run_ns), static_cast<double>(time.user_ticks) / ticks * 1e6,
        static_cast<double>(time.system_ticks) / ticks * 1e6, time.complete ? "true" : "false");
}

}  // namespace

void Window::begin(const Options& options, Report& report) {
    const Errors errors = report.errors;  // what failed before the window counts as well
    report = Report();
    report.errors = errors;
    servers_ = cpu_time_of(options.watch);
    own_cpu_ns_ = ce_load::own_cpu_ns();
    begun_ns_ = now_ns();
}

void Window::end(const Options& options, Report& report) {
    report.window_ns = now_ns() - begun_ns_;
    report.own_cpu_ns = ce_load::own_cpu_ns() - own_cpu_ns_;
    const CpuTime now = cpu_time_of(options.watch);
    report.servers.run_ns = now.run_ns - servers_.run_ns;
    report.servers.user_ticks = now.user_ticks - servers_.user_ticks;
    report.servers.system_ticks = now.system_ticks - servers_.system_ticks;
    report.servers.complete = now.complete && servers_.complete;
}

void print_report(const Options& options, const Report& report) {
    const double seconds = static_cast<double>(report.window_ns) / 1e9;
    std::printf("{\"event\":\"result\",\"mode\":\"%s\",\"connections\":%zu,\"pipeline\":%zu",
                mode_name(options.mode), options.connections, options.pipeline);
    std::printf(",\"seconds\":%.6f,\"requests\":%" PRIu64
                ",\"requests_per_second\":%.1f,\"bytes\":%" PRIu64,
                seconds, report.requests,
                seconds > 0 ? static_cast<double>(report.requests) / seconds : 0.0, report.bytes);
    std::printf(",\"reconnects\":%" PRIu64 ",\"own_cpu_us\":%.1f", report.reconnects,
                microseconds(report.own_cpu_ns));
    if (!options.watch.empty()) print_servers(report.servers);
    const Errors& errors = report.errors;
    std::printf(",\"errors\":{\"total\":%" PRIu64 ",\"connect\":%" PRIu64 ",\"status\":%" PRIu64
                ",\"length\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"cut\":%" PRIu64
                ",\"stalled\":%" PRIu64 "}",
                errors.total(), errors.connect, errors.status, errors.length, errors.malformed,
                errors.cut, errors.stalled);
    const Histogram& latency = report.latency;
    std::printf(
        ",\"latency_us\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}",
        latency.mean() / 1e3, microseconds(latency.percentile(0.50)),
        microseconds(latency.percentile(0.90)), microseconds(latency.percentile(0.99)),
        microseconds(latency.largest()));
    if (options.mode == Mode::open_loop) {
        std::printf(",\"delayed_over_10ms\":%" PRIu64 ",\"started_late\":%" PRIu64,
                    report.delayed_over_10ms, report.started_late);
    }
    std::printf("}\n");
    std::fflush(stdout);
}

}  // namespace ce_load
