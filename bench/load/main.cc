// ce_load: the load generator of the bench. One thread, loopback only; every answer is checked.
// Usage: --help.
#include "load/closed_loop.h"
#include "load/open_loop.h"
#include "load/request.h"

#include <cstdio>
#include <string_view>

namespace {

std::expected<ce_load::Report, std::string> run(const ce_load::Options& options) {
    using ce_load::Mode;
    const bool close = options.mode == Mode::close || options.mode == Mode::open_loop;
    auto request = ce_load::make_request(options.request, options.path, close);
    if (!request) return std::unexpected(request.error());
    if (options.mode == Mode::open_loop)
        return ce_load::OpenLoop(options, std::move(*request)).run();
    ce_load::ClosedLoop engine(options, std::move(*request));
    return options.mode == Mode::idle ? engine.hold() : engine.run();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--help") {
        std::fputs(ce_load::usage(), stdout);
        return 0;
    }
    const auto options = ce_load::parse_options(argc, argv);
    if (!options) {
        std::fprintf(stderr, "ce_load: %s\n", options.error().c_str());
        return 2;
    }
    const std::size_t files = ce_load::raise_open_files();
    if (files < options->connections + 16) {
        std::fprintf(
            stderr,
            "ce_load: %zu connections need more open files than the %zu allowed; raise ulimit -n\n",
            options->connections, files);
        return 1;
    }
    const auto report = run(*options);
    if (!report) {
        std::fprintf(stderr, "ce_load: %s\n", report.error().c_str());
        return 1;
    }
    ce_load::print_report(*options, *report);
    return report->errors.total() == 0 ? 0 : 3;
}
