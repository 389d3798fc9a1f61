// `corevent serve`: a static server for a directory.

#include "app/commands.h"
#include "app/options.h"
#include "app/service.h"

#include <corevent/http/static_files.h>

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace corevent::app {
namespace {

namespace fs = std::filesystem;

std::string absolute(const std::string& path) {
    std::error_code error;
    fs::path full = fs::absolute(path, error).lexically_normal();
    if (!full.has_filename() && full.has_relative_path()) full = full.parent_path();  // "/site/"
    return error ? path : full.string();
}

/// The directory must be there when the server starts; the message has the absolute path that was
/// tried.
OrStop<void> check_root(const std::string& root) {
    std::error_code error;
    const fs::file_status status = fs::status(root, error);
    if (fs::is_directory(status)) {
        return {};
    }
    const std::string why = fs::exists(status)                          ? "not a directory"
                            : status.type() == fs::file_type::not_found ? "no such directory"
                                                                        : error.message();
    return stop(ExitCode::failed, fmt::format("cannot serve {}: {}", absolute(root), why));
}

OrStop<void> check_single_page(const ServeOptions& options) {
    if (options.single_page.empty()) {
        return {};
    }
    const fs::path file = fs::path(options.root) / options.single_page;
    std::error_code error;
    if (fs::is_regular_file(file, error)) {
        return {};
    }
    return stop(ExitCode::failed, fmt::format("--spa: no file {}", absolute(file.string())));
}

http::StaticFilesOptions files_options(const ServeOptions& options) {
    http::StaticFilesOptions files;
    files.root = options.root;
    files.listing = options.browse != Browse::off;
    files.listing_loopback_only = options.browse == Browse::loopback;
    files.single_page = options.single_page;
    if (!options.index.empty()) {
        files.index = options.index;
    }
    return files;
}

std::string listing_note(Browse browse) {
    switch (browse) {
        case Browse::loopback: return "listing on (loopback only)";
        case Browse::on: return "listing on";
        case Browse::off: break;
    }
    return "listing off";
}

}  // namespace

OrStop<int> run_serve(const Settings& settings) {
    const auto options = serve_options(settings);
    if (!options) {
        return std::unexpected(options.error());
    }
    for (const auto& done : {check_root(options->root), check_single_page(*options)}) {
        if (!done) {
            return std::unexpected(done.error());
        }
    }
    const std::string shown = options->root == "." ? absolute(".") : options->root;
    const Face face{"serving " + shown, listing_note(options->browse)};
    return run_service(options->server, face, [&](http::Server& server) -> OrStop<void> {
        if (auto done = server.files("/", files_options(*options)); !done) {
            return cannot_start(std::move(done.error()));
        }
        return {};
    });
}

}  // namespace corevent::app
