#include <corevent/http/response.h>

#include "codec/h1_writer.h"
#include "codec/status.h"
#include "http/field_rules.h"
#include "http/response_access.h"

#include <corevent/log.h>

namespace corevent::http {
namespace {

constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view html_type = "text/html; charset=utf-8";
constexpr std::string_view json_type = "application/json";

/// Takes the lines of one name out of a block of finished field lines.
void remove_lines(std::string& fields, std::string_view name) {
    std::size_t at = 0;
    while (at < fields.size()) {
        const std::size_t next = fields.find("\r\n", at) + 2;
        const std::string_view line_name =
            std::string_view(fields).substr(at, fields.find(':', at) - at);
        if (h1::equal_names(line_name, name)) {
            fields.erase(at, next - at);
        } else {
            at = next;
        }
    }
}

}  // namespace

Response::Response(int status) noexcept : status_(0) {
    this->status(status);
}
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response&&) noexcept = default;
Response::~Response() = default;

Response Response::text(std::string body, int status) {
    Response response(status);
    response.static_type_ = text_type;
    response.body_ = std::move(body);
    return response;
}

Response Response::html(std::string body, int status) {
    Response response(status);
    response.static_type_ = html_type;
    response.body_ = std::move(body);
    return response;
}

Response Response::json(std::string body, int status) {
    Response response(status);
    response.static_type_ = json_type;
    response.body_ = std::move(body);
    return response;
}

Response Response::bytes(std::string body, std::string_view content_type, int status) {
    Response response(status);
    response.content_type(content_type);
    response.body_ = std::move(body);
    return response;
}

Response Response::static_text(std::string_view body, std::string_view content_type) {
    Response response(200);
    response.static_body_ = true;
    response.static_view_ = body;
    response.static_type_ = content_type;
    return response;
}

Response Response::redirect(std::string_view location, int status) {
    Response response = error(status);
    response.header("Location", location);
    return response;
}

Response Response::error(int status, std::string_view detail) {
    std::string body = std::to_string(status);
    if (const std::string_view phrase = status_phrase(status); !phrase.empty()) {
        body.append(" ").append(phrase);
    }
    body += '\n';
    if (!detail.empty()) {
        body.append(detail);
        if (!detail.ends_with('\n')) {
            body += '\n';
        }
    }
    return text(std::move(body), status);
}

Response& Response::status(int status) noexcept {
    if (status < 200 || status > 999) {
        invalid_ = true;
        refused_status(status);
        status = 500;
    }
    status_ = static_cast<std::uint16_t>(status);
    return *this;
}

Response& Response::header(std::string_view name, std::string_view value) & {
    switch (check_response_field(name, value)) {
        case FieldVerdict::good:
            if (h1::known_field(name) == h1::KnownField::content_type) {
                return content_type(value);
            }
            ResponseAccess::add_valid_field(*this, name, value);
            break;
        case FieldVerdict::ignored: break;
        case FieldVerdict::invalid: invalid_ = true; break;
    }
    return *this;
}

Response&& Response::header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
}

Response& Response::content_type(std::string_view type) {
    static_type_ = {};
    remove_lines(fields_, "content-type");
    if (check_response_field("Content-Type", type) == FieldVerdict::good) {
        ResponseAccess::add_valid_field(*this, "Content-Type", type);
    } else {
        invalid_ = true;
    }
    return *this;
}

std::string_view Response::body() const noexcept {
    if (shared_) {
        return shared_->bytes;
    }
    return static_body_ ? static_view_ : std::string_view(body_);
}

}  // namespace corevent::http
