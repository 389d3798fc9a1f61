// Connecting: to one address, or to the first of several that answers (happy eyeballs, RFC 8305:
// IPv6 and IPv4 in turn, IPv6 first, the next one after 250 ms or as soon as the one before has
// failed). With a deadline over all of it, and cancellable. As a callback (Connector) and as a
// coroutine (`co_await connect(...)`). Used on the loop's thread. Names are not resolved here, but
// for localhost.
#pragma once

#include <corevent/address.h>
#include <corevent/error.h>
#include <corevent/loop.h>
#include <corevent/stream.h>
#include <corevent/task.h>

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace corevent {

/// A stream that has no client yet. start() gives it away: from then on it frees itself. One that
/// is not started is aborted when this goes.
class CE_API NewStream {
public:
    explicit NewStream(Stream& stream) noexcept : stream_(&stream) {}
    NewStream(NewStream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
    NewStream& operator=(NewStream&& other) noexcept {
        std::swap(stream_, other.stream_);
        return *this;
    }
    ~NewStream() {
        if (stream_ != nullptr) stream_->abort();
    }

    /// Once.
    Stream& start(StreamClient& client) {
        Stream& stream = *std::exchange(stream_, nullptr);
        stream.start(client);
        return stream;
    }
    Stream* operator->() const noexcept { return stream_; }

private:
    Stream* stream_;
};

struct ConnectOptions {
    Clock::duration deadline = std::chrono::seconds(10);       ///< for all attempts together
    Clock::duration stagger = std::chrono::milliseconds(250);  ///< before the next one joins in
};

/// An attempt to connect. Destroying it ends the attempt without a word, also in its own callback.
class CE_API Connector {
public:
    /// timed_out after the deadline; else, when every address has failed, the error of the last.
    using Done = std::move_only_function<void(Result<NewStream>)>;

    /// Begins in the loop's next step; `done` is called once, later. The addresses are copied.
    Connector(Loop& loop, std::span<const Address> addresses, ConnectOptions options, Done done);
    Connector(Loop& loop, const Address& address, ConnectOptions options, Done done)
        : Connector(loop, std::span(&address, 1), options, std::move(done)) {}
    ~Connector();
    Connector(Connector&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    Connector& operator=(Connector&& other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }

    void cancel() noexcept;  ///< `done` gets operation_canceled in a later step

private:
    class Core;
    Core* core_;
};

/// What connect() returns: await it where it is made.
class [[nodiscard]] CE_API ConnectAwaiter final : private CancelHook {
public:
    ConnectAwaiter(Loop& loop, std::vector<Address> addresses, ConnectOptions options) noexcept
        : loop_(loop), addresses_(std::move(addresses)), options_(options) {}
    ~ConnectAwaiter() { CancelScope::unlink(*this); }

    bool await_ready() const noexcept { return false; }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> waiter) {
        return suspend(waiter, waiter.promise().scope);
    }
    Result<NewStream> await_resume() noexcept { return std::move(*result_); }

private:
    bool suspend(std::coroutine_handle<> waiter, CancelScope* scope);
    void on_cancel() noexcept override;

    Loop& loop_;
    std::vector<Address> addresses_;
    ConnectOptions options_;
    std::coroutine_handle<> waiter_;
    std::optional<Connector> connector_;
    std::optional<Result<NewStream>> result_;
};

/// `auto stream = co_await connect(loop, addresses);`
inline ConnectAwaiter connect(Loop& loop, std::vector<Address> addresses,
                              ConnectOptions options = {}) {
    return ConnectAwaiter(loop, std::move(addresses), options);
}
inline ConnectAwaiter connect(Loop& loop, const Address& address, ConnectOptions options = {}) {
    return ConnectAwaiter(loop, std::vector<Address>(1, address), options);
}

/// The addresses of "HOST:PORT" without asking anybody: numeric ones and unix paths as
/// Address::parse reads them, localhost (and what ends in .localhost, RFC 6761 6.3) as ::1 and
/// 127.0.0.1. Other names fail.
CE_API Outcome<std::vector<Address>> local_addresses(std::string_view text);

}  // namespace corevent
