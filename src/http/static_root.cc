#include "http/static_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>
#include <vector>

namespace corevent::http {
namespace {

constexpr int always = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int links_max = 40;    // as the kernel's own resolution
constexpr int attempts_max = 8;  // openat2 answers EAGAIN when a rename raced with a ".." in a link

std::unexpected<std::error_code> failed(int error) noexcept {
    return std::unexpected(std::error_code(error, std::system_category()));
}

Result<FileDescriptor> open_at(int directory, const char* name, int flags) noexcept {
    for (;;) {
        const int number = ::openat(directory, name, flags | always);
        if (number >= 0) return FileDescriptor(number);
        if (errno != EINTR) return failed(errno);
    }
}

Result<FileDescriptor> open_by_kernel(int directory, const char* name, int flags) noexcept {
    open_how how{};
    // openat2 refuses what O_PATH would ignore.
    const int added = (flags & O_PATH) != 0 ? O_CLOEXEC : always;
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | added));
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0;;) {
        const long number = ::syscall(SYS_openat2, directory, name, &how, sizeof how);
        if (number >= 0) return FileDescriptor(static_cast<int>(number));
        if (errno == EAGAIN && ++attempt < attempts_max) continue;
        if (errno != EINTR) return failed(errno);
    }
}

/// One resolution by hand: the directories entered so far, and what is still to be resolved.
class Walk {
public:
    Walk(int root, std::string_view name) : root_(root), rest_(name) {}

    Result<FileDescriptor> open(int flags) {
        for (;;) {
            const std::string part = next_part();
            if (part.empty())
                return open_at(top(), ".", flags);  // the name ended with a slash, "." or ".."
            if (part == ".") continue;
            if (part == "..") {
                if (entered_.empty()) return failed(EXDEV);
                entered_.pop_back();
                continue;
            }
            const bool last = rest_.empty();
            auto opened =
                open_at(top(), part.c_str(), (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW);
            if (opened) {
                if (last) return opened;
                entered_.push_back(std::move(*opened));
                continue;
            }
            if (const int error = opened.error().value(); error != ELOOP && error != ENOTDIR)
                return failed(error);
            if (const int error = follow(part); error != 0) return failed(error);
        }
    }

private:
    int top() const noexcept { return entered_.empty() ? root_ : entered_.back().get(); }

    /// Takes the next component off, with the slashes before it; the slash behind it stays. Empty at the end.
    std::string next_part() {
        const std::size_t begin = rest_.find_first_not_of('/');
        if (begin == std::string::npos) {
            rest_.clear();
            return {};
        }
        const std::size_t end = std::min(rest_.find('/', begin), rest_.size());
        std::string part = rest_.substr(begin, end - begin);
        rest_.erase(0, end);
        return part;
    }

    /// Puts the text of the link `part` before the rest. Returns an error number, ENOTDIR if it is no link.
    int follow(const std::string& part) {
        std::array<char, PATH_MAX> text;
        const ssize_t length = ::readlinkat(top(), part.c_str(), text.data(), text.size());
        if (length < 0) return errno == EINVAL ? ENOTDIR : errno;
        const std::string_view target(text.data(), static_cast<std::size_t>(length));
        if (target.starts_with('/')) return EXDEV;
        if (++links_ > links_max) return ELOOP;
        if (target.size() + rest_.size() >= PATH_MAX) return ENAMETOOLONG;
        rest_.insert(0, target);
        return 0;
    }

    int root_;
    std::string rest_;
    std::vector<FileDescriptor> entered_;
    int links_ = 0;
};

}  // namespace

Result<StaticRoot> StaticRoot::open(const std::string& directory, Resolve resolve) {
    auto opened = open_at(AT_FDCWD, directory.c_str(), O_PATH | O_DIRECTORY);
    if (!opened) return std::unexpected(opened.error());
    bool kernel = resolve == Resolve::automatic;
    if (kernel) {
        // ENOSYS: older than Linux 5.6. EPERM: a sandbox that does not know the call.
        const auto probe = open_by_kernel(opened->get(), ".", O_PATH | O_DIRECTORY);
        if (!probe) kernel = probe.error().value() != ENOSYS && probe.error().value() != EPERM;
    }
    return StaticRoot(std::move(*opened), kernel);
}

Result<FileDescriptor> StaticRoot::open_beneath(const char* name, int flags) const {
    if (kernel_resolves_)
        return open_by_kernel(directory_.get(), *name == '\0' ? "." : name, flags);
    return Walk(directory_.get(), name).open(flags);
}

}  // namespace corevent::http
