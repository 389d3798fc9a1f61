// StaticRoot: a directory below which files are opened and never outside, whatever ".." and symbolic links say. openat2
// with RESOLVE_BENEATH does it in the kernel; where that call does not exist or a sandbox denies it, each component is
// opened by itself without following links, and links are resolved by hand with the same rules: relative links beneath
// the root are followed, absolute ones and those that leave it are refused, at most 40 of them. Constant after open(); any
// thread. It looks at no contents and refuses no kind of file.
#pragma once

#include <corevent/error.h>

#include <unistd.h>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace corevent::http {

/// A descriptor with one owner.
class FileDescriptor {
public:
    FileDescriptor() noexcept = default;
    explicit FileDescriptor(int number) noexcept : number_(number) {}
    FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~FileDescriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const noexcept { return number_; }
    int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

class StaticRoot {
public:
    enum class Resolve : std::uint8_t { automatic, by_component };

    static Result<StaticRoot> open(const std::string& directory,
                                   Resolve resolve = Resolve::automatic);

    /// Opens what `name` ("" is the root itself) leads to. O_CLOEXEC, O_NONBLOCK and O_NOCTTY are added to `flags`, so
    /// that a FIFO or a device cannot hold the caller up; look at its kind before reading. Leaving the root is EXDEV.
    Result<FileDescriptor> open_beneath(const char* name, int flags) const;

private:
    StaticRoot(FileDescriptor directory, bool kernel_resolves) noexcept
        : directory_(std::move(directory)), kernel_resolves_(kernel_resolves) {}

    FileDescriptor directory_;
    bool kernel_resolves_;
};

}  // namespace corevent::http
