// LogRing: records of variable size from one producer to one consumer, without locks. A full ring refuses; nothing is
// overwritten. Records lie in one piece and are aligned to 8 octets. The producer is a loop, the consumer the log's thread;
// the fields of the two do not share a cache line. It wakes nobody.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace corevent::http {

class LogRing {
public:
    /// At most `records_max` records and `bytes_max` octets (rounded up to a power of two).
    LogRing(std::size_t records_max, std::size_t bytes_max)
        : records_max_(records_max),
          mask_(std::bit_ceil(bytes_max) - 1),
          memory_(std::make_unique_for_overwrite<std::uint64_t[]>((mask_ + 1) / 8)) {}

    // --- producer
    /// Room for a record of `size` octets, or null. It counts after push().
    char* reserve(std::size_t size) noexcept {
        const std::size_t whole = whole_size(size);
        std::uint64_t at = written_.load(std::memory_order_relaxed);
        const std::size_t to_end = mask_ + 1 - (at & mask_);
        skipped_ =
            to_end < whole ? to_end : 0;  // the record does not fit before the end: begin anew
        if (!has_room(at, skipped_ + whole)) return nullptr;
        if (skipped_ != 0) {
            header_at(at) = skip_mark;
            at += skipped_;
        }
        header_at(at) = size;
        reserved_ = skipped_ + whole;
        return bytes() + ((at + sizeof(std::uint64_t)) & mask_);
    }
    /// Sequentially consistent: a consumer that says it sleeps and then finds empty() is seen sleeping after push().
    void push() noexcept {
        written_.store(written_.load(std::memory_order_relaxed) + reserved_,
                       std::memory_order_seq_cst);
        pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    /// More than half of either bound is taken.
    bool half_full() noexcept {
        if (!above_half()) [[likely]]
            return false;
        look_at_consumer();
        return above_half();
    }

    // --- consumer
    struct Record {
        const char* data = nullptr;  ///< null: there is none
        std::size_t size = 0;
    };
    /// The oldest record; it stays until pop().
    Record front() noexcept {
        std::uint64_t at = read_.load(std::memory_order_relaxed);
        if (at == written_.load(std::memory_order_acquire)) return {};
        if (header_at(at) == skip_mark) {
            at += mask_ + 1 - (at & mask_);
            read_.store(at, std::memory_order_release);
        }
        return {bytes() + ((at + sizeof(std::uint64_t)) & mask_), header_at(at)};
    }
    void pop() noexcept {
        const std::uint64_t at = read_.load(std::memory_order_relaxed);
        read_.store(at + whole_size(header_at(at)), std::memory_order_release);
        popped_.store(popped_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    bool empty() const noexcept {
        return read_.load(std::memory_order_relaxed) == written_.load(std::memory_order_seq_cst);
    }

private:
    static constexpr std::uint64_t skip_mark = UINT64_MAX;

    static constexpr std::size_t whole_size(std::size_t size) noexcept {
        return (sizeof(std::uint64_t) + size + 7) & ~std::size_t{7};
    }
    char* bytes() const noexcept { return reinterpret_cast<char*>(memory_.get()); }
    std::uint64_t& header_at(std::uint64_t at) const noexcept { return memory_[(at & mask_) / 8]; }

    bool has_room(std::uint64_t at, std::size_t size) noexcept {
        const auto fits = [&] {
            return at + size - read_seen_ <= mask_ + 1 &&
                   pushed_.load(std::memory_order_relaxed) - popped_seen_ < records_max_;
        };
        if (fits()) [[likely]]
            return true;
        look_at_consumer();
        return fits();
    }
    /// What the producer knows of the consumer is refreshed only where it matters: the line is not its own.
    void look_at_consumer() noexcept {
        read_seen_ = read_.load(std::memory_order_acquire);
        popped_seen_ = popped_.load(std::memory_order_acquire);
    }
    bool above_half() const noexcept {
        return written_.load(std::memory_order_relaxed) - read_seen_ > (mask_ + 1) / 2 ||
               pushed_.load(std::memory_order_relaxed) - popped_seen_ > records_max_ / 2;
    }

    const std::size_t records_max_;
    const std::size_t mask_;
    const std::unique_ptr<std::uint64_t[]> memory_;

    // written by the producer
    alignas(64) std::atomic<std::uint64_t> written_{0};  ///< octets, ever
    std::atomic<std::uint64_t> pushed_{0};  ///< records, ever; read by the producer alone
    std::uint64_t read_seen_ = 0;
    std::uint64_t popped_seen_ = 0;
    std::size_t reserved_ = 0;
    std::size_t skipped_ = 0;

    // written by the consumer
    alignas(64) std::atomic<std::uint64_t> read_{0};
    std::atomic<std::uint64_t> popped_{0};
};

}  // namespace corevent::http
