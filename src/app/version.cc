// `corevent version`: the number alone, or with everything that a bug report needs.

#include "app/version.h"

#include "app/commands.h"

#include <corevent/loop_group.h>

#include <fmt/format.h>
#include <CLI/Version.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <cstdio>

namespace corevent::app {
namespace {

std::string compiler() {
#if defined(__clang__)
    return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
    return fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string build() {
#if defined(__OPTIMIZE__)
    std::string text = "optimised";
#else
    std::string text = "not optimised";
#endif
#if !defined(NDEBUG)
    text += ", debug checks";
#endif
#if defined(__SANITIZE_ADDRESS__)
    text += ", AddressSanitizer";
#endif
#if defined(__SANITIZE_THREAD__)
    text += ", ThreadSanitizer";
#endif
    return text;
}

std::string kernel() {
    utsname name{};
    return uname(&name) == 0 ? fmt::format("{} {} {}", name.sysname, name.release, name.machine)
                             : "unknown";
}

/// Tried, not guessed from the version: containers deny what the kernel has.
bool has_exclusive_wakeup() {
    const int poller = epoll_create1(EPOLL_CLOEXEC);
    const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLEXCLUSIVE;
    const bool found =
        poller >= 0 && event >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, event, &interest) == 0;
    for (const int descriptor : {poller, event}) {
        if (descriptor >= 0) {
            close(descriptor);
        }
    }
    return found;
}

bool has_open_beneath() {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH;
    const long descriptor = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
    if (descriptor >= 0) {
        close(static_cast<int>(descriptor));
    }
    return descriptor >= 0;
}

}  // namespace

std::string_view version() noexcept {
    return CE_VERSION;
}

std::string version_details() {
    const auto found = [](bool yes) { return yes ? "yes" : "no"; };
    return fmt::format(
        "  build      {}\n"
        "  compiler   {}, libstdc++ {}\n"
        "  libraries  fmt {}.{}.{}, CLI11 {}\n"
        "  kernel     {}\n"
        "  features   epoll with exclusive wake-up: {}, openat2 beneath a root: {}\n"
        "  cores      {} usable\n",
        build(), compiler(), _GLIBCXX_RELEASE, FMT_VERSION / 10000, FMT_VERSION / 100 % 100,
        FMT_VERSION % 100, CLI11_VERSION, kernel(), found(has_exclusive_wakeup()),
        found(has_open_beneath()), usable_cores());
}

OrStop<int> run_version(const Settings& settings) {
    const Setting* const verbose = settings.find("verbose");
    fmt::print("corevent {}\n{}", version(),
               verbose != nullptr && verbose->text == "on" ? version_details() : "");
    return static_cast<int>(ExitCode::clean);
}

}  // namespace corevent::app
