#include <corevent/http/request.h>

#include "codec/url.h"
#include "http/exchange.h"
#include "http/server_loop.h"

namespace corevent::http {

Method Request::method() const noexcept {
    const h1::Method id = exchange_.head().method_id;
    return id == h1::Method::other ? Method::other : static_cast<Method>(static_cast<int>(id) - 1);
}
std::string_view Request::method_name() const noexcept {
    return exchange_.head().view(exchange_.head().method);
}
std::string_view Request::target() const noexcept {
    return exchange_.head().view(exchange_.head().target);
}
std::string_view Request::path() const noexcept {
    return exchange_.path();
}
std::string_view Request::query() const noexcept {
    return exchange_.query();
}

std::optional<std::string> Request::query_value(std::string_view name) const {
    url::Query pairs(exchange_.query());
    Bytes decoded;
    while (const auto pair = pairs.next()) {
        decoded.clear();
        const auto key = url::decode(pair->name, decoded, true);
        if (!key || *key != name) {
            continue;
        }
        decoded.clear();
        if (const auto value = url::decode(pair->value, decoded, true)) {
            return std::string(*value);
        }
        return std::nullopt;
    }
    return std::nullopt;
}

std::string_view Request::host() const noexcept {
    return exchange_.head().view(exchange_.head().host);
}
unsigned Request::version_minor() const noexcept {
    return exchange_.head().version_minor;
}

std::optional<std::string_view> Request::header(std::string_view name) const noexcept {
    const h1::RequestHead& head = exchange_.head();
    const h1::Field* field = head.find(name);
    return field == nullptr ? std::nullopt : std::optional(head.value(*field));
}
std::size_t Request::header_count() const noexcept {
    return exchange_.head().fields.size();
}
std::pair<std::string_view, std::string_view> Request::header_at(std::size_t index) const noexcept {
    const h1::RequestHead& head = exchange_.head();
    CE_ASSERT(index < head.fields.size());
    const h1::Field& field = head.fields[index];
    return {head.name(field), head.value(field)};
}

std::string_view Request::param(std::string_view name) const noexcept {
    const RouteMatch& match = exchange_.match();
    for (std::uint32_t i = 0; i < match.values_count; ++i) {
        if (match.route->names[i] == name) {
            return match.values[i];
        }
    }
    return {};
}
std::string_view Request::route() const noexcept {
    const Route* route = exchange_.match().route;
    return route == nullptr ? std::string_view() : std::string_view(route->pattern);
}

Address Request::peer() const noexcept {
    return exchange_.peer();
}
std::uint64_t Request::id() const noexcept {
    return exchange_.id();
}
Loop& Request::loop() const noexcept {
    return exchange_.loop().loop.loop();
}
std::string_view Request::body() const noexcept {
    return exchange_.body();
}
Task<Result<std::string_view>> Request::read() {
    return exchange_.read();
}
Task<Result<std::string>> Request::read_all(std::size_t bytes_max) {
    return exchange_.read_all(bytes_max);
}
const std::vector<std::pair<std::string, std::string>>& Request::trailers() const noexcept {
    return exchange_.trailers();
}
bool Request::cancelled() const noexcept {
    return exchange_.cancelled();
}
bool Request::draining() const noexcept {
    return exchange_.draining();
}
CancelScope& Request::cancel_scope() noexcept {
    return exchange_.scope();
}

ResponseWriter& ResponseWriter::status(int status) noexcept {
    exchange_.set_status(status);
    return *this;
}
bool ResponseWriter::header(std::string_view name, std::string_view value) {
    return exchange_.add_field(name, value);
}
void ResponseWriter::content_length(std::uint64_t octets) noexcept {
    exchange_.set_length(octets);
}
Task<Result<void>> ResponseWriter::inform(int status, std::string_view name,
                                          std::string_view value) {
    co_return exchange_.inform(status, name, value);
}
Task<Result<void>> ResponseWriter::write(std::string_view bytes) {
    return exchange_.write(bytes);
}
Task<Result<void>> ResponseWriter::flush() {
    co_return exchange_.flush();
}
bool ResponseWriter::trailer(std::string_view name, std::string_view value) {
    return exchange_.add_trailer_field(name, value);
}
bool ResponseWriter::head_sent() const noexcept {
    return exchange_.head_sent();
}

}  // namespace corevent::http
