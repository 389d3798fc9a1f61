// Request: one HTTP request as a handler sees it. It belongs to its exchange and to the loop of its
// connection. A plain function may use its views until it returns; a coroutine, a streaming handler
// or the owner of a Responder may use them until the exchange ends (the head has been moved to the
// exchange's own memory before such a handler starts).
#pragma once

#include <corevent/address.h>
#include <corevent/error.h>
#include <corevent/task.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace corevent {
class Loop;
}

namespace corevent::http {

enum class Method : std::uint8_t {
    get,
    head,
    post,
    put,
    delete_,
    connect,
    options,
    trace,
    patch,
    other
};

class Exchange;

class CE_API Request {
public:
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    Method method() const noexcept;
    std::string_view method_name() const noexcept;  ///< as received; also for methods not in the
                                                    ///< enum
    std::string_view target() const noexcept;       ///< as received
    std::string_view path() const noexcept;   ///< decoded once, dot segments removed; starts with
                                              ///< '/'
    std::string_view query() const noexcept;  ///< raw, without '?'
    std::optional<std::string> query_value(std::string_view name) const;  ///< first match, decoded
                                                                          ///< ('+' is a space)
    std::string_view host() const noexcept;   ///< effective host with port: absolute target, else
                                              ///< Host
    unsigned version_minor() const noexcept;  ///< 0 or 1

    /// First field of that name (case-insensitive), or nothing.
    std::optional<std::string_view> header(std::string_view name) const noexcept;
    std::size_t header_count() const noexcept;
    std::pair<std::string_view, std::string_view> header_at(std::size_t index)
        const noexcept;  ///< in received order

    /// Value of `{name}` or `{name...}` in the route's pattern; empty when there is none.
    std::string_view param(std::string_view name) const noexcept;
    std::string_view route() const noexcept;  ///< pattern of the route, for logs and metrics

    Address peer() const noexcept;
    std::uint64_t id() const noexcept;  ///< unique in this process; in log lines
    Loop& loop() const noexcept;

    /// Plain functions: the whole body (at most body_bytes, else 413 was answered already).
    std::string_view body() const noexcept;

    /// Coroutines: the next piece of the body, empty at its end; valid until the next call. Reading
    /// pauses the peer when the handler is slower. The first call sends 100 (Continue) where the
    /// client waits for it. Errors: Errc::malformed, connection reset, timed_out (body_idle,
    /// body_rate), operation_canceled.
    Task<Result<std::string_view>> read();
    /// Coroutines: all of the body, at most `bytes_max` (default: body_bytes); Errc::limit_exceeded
    /// above it.
    Task<Result<std::string>> read_all(std::size_t bytes_max = 0);
    /// Trailer fields, once the body has ended; never merged with the headers.
    const std::vector<std::pair<std::string, std::string>>& trailers() const noexcept;

    /// The server was asked to stop. Nothing is cut yet; a handler that would go on for ever
    /// (server-sent events) looks here between two events and returns, so that the drain need not
    /// wait for its deadline.
    bool draining() const noexcept;

    /// Client gone, drain deadline or a limit: asked to end. Everything awaited by the handler
    /// wakes with operation_canceled.
    bool cancelled() const noexcept;
    CancelScope& cancel_scope() noexcept;

private:
    friend class Exchange;
    friend struct RequestAccess;
    explicit Request(Exchange& exchange) noexcept : exchange_(exchange) {}
    Exchange& exchange_;
};

}  // namespace corevent::http
