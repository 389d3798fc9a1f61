// The way home of an answer that is given on another thread. LoopGate lets any thread post to a
// loop for as long as the server stands, without a lock; Ticket is the answer under way.
//
// A ticket is shared by its Responder and its exchange. `exchange` is touched on the loop only; the
// exchange lives until the ticket has come home, so the pointer needs no generation. Once the gate
// is closed nothing on the loop refers to the exchange any more, and whoever drops the ticket frees
// it.
#pragma once

#include "http/exchange.h"
#include "loop/loop_core.h"

#include <corevent/http/responder.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace corevent::http {

class LoopGate {
public:
    explicit LoopGate(LoopCore& loop) noexcept : loop_(loop) {}

    /// Any thread. False: the gate is closed, nothing was posted.
    bool post(PostItem& item) noexcept {
        const bool open = (users_.fetch_add(1, std::memory_order_acquire) & closed_bit) == 0;
        if (open) {
            loop_.post(item);
        }
        if (users_.fetch_sub(1, std::memory_order_acq_rel) == (closed_bit | 1)) {
            users_.notify_all();
        }
        return open;
    }

    /// Controlling thread: afterwards no thread is inside post() or will be again.
    void close() noexcept {
        std::uint32_t users = users_.fetch_or(closed_bit, std::memory_order_acq_rel) | closed_bit;
        while (users != closed_bit) {
            users_.wait(users, std::memory_order_acquire);
            users = users_.load(std::memory_order_acquire);
        }
    }

private:
    static constexpr std::uint32_t closed_bit = 0x80000000U;
    LoopCore& loop_;
    std::atomic<std::uint32_t> users_{0};
};

struct Responder::Ticket final : PostItem, std::enable_shared_from_this<Responder::Ticket> {
    Ticket(std::shared_ptr<LoopGate> way, Exchange& of) noexcept
        : gate(std::move(way)), exchange(&of) {}

    void send(Response answer);  // any thread
    void run() override;
    void discard() noexcept override;

    std::shared_ptr<LoopGate> gate;
    std::atomic<bool> sent{false};
    std::atomic<bool> abandoned{false};
    Exchange* exchange;
    Response response;
    std::shared_ptr<Ticket> self;  ///< keeps the ticket while it is posted
};

}  // namespace corevent::http
