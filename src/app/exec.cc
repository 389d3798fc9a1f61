// `corevent exec`: becomes a program that was built for libevent, with corevent's libraries in the
// way of the loader. They stand in lib/corevent, found from where this program itself is, so that
// neither a build tree nor a moved prefix needs an installation.

#include "app/commands.h"
#include "app/options.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

namespace corevent::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* implementation = "libcorevent_event.so.0";
constexpr const char* search_path = "LD_LIBRARY_PATH";

/// lib/corevent beside the folder of this program; CE_LIBEVENT_DIR is where an installation has it,
/// seen from there.
OrStop<std::string> library_folder() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (error) {
        return stop(ExitCode::failed,
                    "cannot tell where corevent is installed: /proc/self/exe: " + error.message());
    }
    std::string tried;
    for (const char* const place : {CE_LIBEVENT_DIR, "../lib/corevent"}) {
        const std::string folder = (self.parent_path() / place).lexically_normal().string();
        if (fs::exists(fs::path(folder) / implementation, error)) {
            if (folder.find_first_of(":;") != std::string::npos) {
                return stop(ExitCode::failed,
                            fmt::format("{} cannot stand in {}: the loader separates folders with "
                                        "colons; move corevent elsewhere",
                                        folder, search_path));
            }
            return folder;
        }
        if (tried.find(folder) == std::string::npos) {
            tried += (tried.empty() ? "" : ", ") + folder;
        }
    }
    return stop(ExitCode::failed,
                fmt::format("no libevent libraries of corevent: {} is not in {}; install the "
                            "library, or build the target libevent",
                            implementation, tried));
}

/// The file that a shell would run, and whether the loader will look where we tell it to.
OrStop<std::string> program_file(const std::string& name) {
    const char* const path = std::getenv("PATH");
    const bool slash = name.find('/') != std::string::npos;
    const std::string folders = slash ? "" : path != nullptr ? path : "/bin:/usr/bin";
    std::string denied;
    for (std::size_t start = 0; start <= folders.size();) {
        const std::size_t end = std::min(folders.find(':', start), folders.size());
        const std::string folder = folders.substr(start, end - start);
        start = end + 1;
        const std::string file = slash ? name : (folder.empty() ? "." : folder) + "/" + name;
        struct stat info{};
        if (stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
            continue;
        }
        if (access(file.c_str(), X_OK) != 0) {
            denied = file;
            continue;
        }
        if (((info.st_mode & S_ISUID) != 0 && info.st_uid != getuid()) ||
            ((info.st_mode & S_ISGID) != 0 && info.st_gid != getgid())) {
            return stop(
                ExitCode::cannot_run,
                fmt::format("cannot run {}: it changes its user, and the loader then ignores "
                            "{}; run it as that user",
                            file, search_path));
        }
        return file;
    }
    if (!denied.empty()) {
        return stop(ExitCode::cannot_run,
                    fmt::format("cannot run {}: it is not executable", denied));
    }
    return stop(ExitCode::not_found, fmt::format("cannot run {}: {}", name,
                                                 slash ? "no such file" : "not found in PATH"));
}

}  // namespace

OrStop<int> run_exec(const Settings& settings) {
    const auto options = exec_options(settings);
    if (!options) {
        return std::unexpected(options.error());
    }
    auto folder = library_folder();
    if (!folder) {
        return std::unexpected(std::move(folder.error()));
    }
    auto file = program_file(options->command.front());
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    const char* const present = std::getenv(search_path);
    const std::string libraries =
        present != nullptr && *present != '\0' ? *folder + ":" + present : *folder;
    setenv(search_path, libraries.c_str(), 1);
    for (const auto& [name, value] : options->variables) {
        setenv(name.c_str(), value.c_str(), 1);
    }
    std::vector<std::string> words = options->command;
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    execvp(file->c_str(), arguments.data());  // with a slash: PATH was searched above
    return stop(ExitCode::cannot_run,
                fmt::format("cannot run {}: {}", *file, std::strerror(errno)));
}

}  // namespace corevent::app
