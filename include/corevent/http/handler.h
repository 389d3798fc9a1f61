// The shapes of a handler, chosen by its signature:
//
//   Response(Request&)                          a plain function; runs on the loop, must not block
//   Task<Response>(Request&)                    a coroutine
//   Task<>(Request&, ResponseWriter&)           a coroutine that writes the response in pieces
//   void(Request&, Responder)                   answers later, from any thread
//
// The same handler object serves all loops at once: what it captures is shared between threads
// (per-core state: PerLoop). A handler that throws answers 500 and is logged; the server lives.
#pragma once

#include <corevent/http/request.h>
#include <corevent/http/responder.h>
#include <corevent/http/response.h>
#include <corevent/task.h>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace corevent::http {

class Handler {
public:
    using Plain = std::function<Response(Request&)>;
    using Async = std::function<Task<Response>(Request&)>;
    using Streaming = std::function<Task<>(Request&, ResponseWriter&)>;
    using Deferred = std::function<void(Request&, Responder)>;

    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, Handler>)
    Handler(F&& f) {  // NOLINT: implicit, so that a lambda is a handler
        using G = std::remove_cvref_t<F>&;
        if constexpr (std::is_invocable_v<G, Request&, ResponseWriter&>) {
            static_assert(std::same_as<std::invoke_result_t<G, Request&, ResponseWriter&>, Task<>>,
                          "a handler that takes a ResponseWriter is a coroutine returning Task<>");
            shape_.template emplace<Streaming>(std::forward<F>(f));
        } else if constexpr (std::is_invocable_v<G, Request&, Responder>) {
            shape_.template emplace<Deferred>(std::forward<F>(f));
        } else {
            static_assert(std::is_invocable_v<G, Request&>,
                          "a handler takes (Request&), (Request&, ResponseWriter&) or "
                          "(Request&, Responder)");
            using R = std::invoke_result_t<G, Request&>;
            if constexpr (std::same_as<R, Task<Response>>) {
                shape_.template emplace<Async>(std::forward<F>(f));
            } else {
                static_assert(std::convertible_to<R, Response>,
                              "a handler returns Response or Task<Response>");
                shape_.template emplace<Plain>(std::forward<F>(f));
            }
        }
    }

private:
    friend class Exchange;
    std::variant<Plain, Async, Streaming, Deferred> shape_;
};

}  // namespace corevent::http
