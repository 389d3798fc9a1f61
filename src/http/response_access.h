// ResponseAccess: what the server's own handlers and connections see of a Response beyond its
// public face. Stateless; whoever holds the Response may use it.
#pragma once

#include "http/file_body.h"

#include <corevent/http/response.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace corevent::http {

struct ResponseAccess {
    /// The body comes from a file. Content-Length is the sum of the parts; HEAD sends the fields
    /// alone.
    static void set_file(Response& response, FileBody body) {
        response.file_ = std::make_unique<FileBody>(std::move(body));
    }
    /// The body (and its prepared fields, sent behind the response's own) is shared with the cache.
    static void set_shared(Response& response, std::shared_ptr<const SharedBody> body) noexcept {
        response.shared_ = std::move(body);
    }
    /// Adds a field whose name and value are known to be valid (constants, numbers, dates): no
    /// check, no log.
    static void add_valid_field(Response& response, std::string_view name, std::string_view value) {
        response.fields_.append(name).append(": ", 2).append(value).append("\r\n", 2);
    }

    /// The same for a block of finished lines.
    static void add_valid_lines(Response& response, std::string_view lines) {
        response.fields_.append(lines);
    }

    static std::string_view fields(const Response& response) noexcept { return response.fields_; }
    static bool invalid(const Response& response) noexcept { return response.invalid_; }
    /// Content type that is not among fields(): a constant of the program; empty = none.
    static std::string_view static_type(const Response& response) noexcept {
        return response.static_type_;
    }
    static FileBody* file(Response& response) noexcept { return response.file_.get(); }
    static const std::shared_ptr<const SharedBody>& shared(const Response& response) noexcept {
        return response.shared_;
    }
    /// Octets of the body, wherever it comes from.
    static std::uint64_t length(const Response& response) noexcept {
        return response.file_ ? response.file_->length() : response.body().size();
    }
    /// True if the bytes of body() live as long as the program.
    static bool is_static(const Response& response) noexcept { return response.static_body_; }
    /// The body as a string that may be moved into an output queue; only when it is neither static,
    /// shared nor a file.
    static std::string& owned_body(Response& response) noexcept { return response.body_; }
};

}  // namespace corevent::http
