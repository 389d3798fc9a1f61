// Holders: what segments of a chain refer to and keep alive: memory, or an open file. A holder is
// counted, may be shared by chains of several threads, and is deleted by its last reference, on
// whatever thread that happens. Its bytes do not change while it is shared.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace corevent {

/// Keeps memory or a descriptor alive while segments refer to it. Counted; deleted by the last
/// reference, on whatever thread that happens.
class Holder {
public:
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        // The only owner needs no atomic read-modify-write: nobody else can add a reference.
        if (references_.load(std::memory_order_acquire) == 1 ||
            references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            destroy();
        }
    }
    bool is_shared() const noexcept { return references_.load(std::memory_order_acquire) != 1; }

protected:
    Holder() noexcept = default;
    virtual ~Holder() = default;
    virtual void destroy() noexcept { delete this; }

private:
    std::atomic<std::uint32_t> references_{1};
};

/// A counted reference to a holder of type H (or something derived from it).
template <class H>
class HolderRef {
public:
    HolderRef() noexcept = default;
    static HolderRef adopt(H* holder) noexcept {
        return HolderRef(holder);
    }  ///< takes over the caller's reference
    HolderRef(const HolderRef& other) noexcept : holder_(other.holder_) {
        if (holder_ != nullptr) {
            holder_->add_reference();
        }
    }
    HolderRef(HolderRef&& other) noexcept : holder_(std::exchange(other.holder_, nullptr)) {}
    HolderRef& operator=(HolderRef other) noexcept {
        std::swap(holder_, other.holder_);
        return *this;
    }
    ~HolderRef() {
        if (holder_ != nullptr) {
            holder_->drop_reference();
        }
    }

    H* get() const noexcept { return holder_; }
    H* operator->() const noexcept { return holder_; }
    explicit operator bool() const noexcept { return holder_ != nullptr; }
    H* release() noexcept {
        return std::exchange(holder_, nullptr);
    }  ///< the caller owns the reference now

private:
    explicit HolderRef(H* holder) noexcept : holder_(holder) {}
    H* holder_ = nullptr;
};

/// An open file that chains refer to. Derived classes own the descriptor and close it in their
/// destructor.
class FileHolder : public Holder {
public:
    int fd() const noexcept { return fd_; }

protected:
    explicit FileHolder(int fd) noexcept : fd_(fd) {}

private:
    const int fd_;
};
using FileRef = HolderRef<FileHolder>;

}  // namespace corevent
