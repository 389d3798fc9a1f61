// `corevent echo`: every request comes back. As text the head is sent at once and the body follows
// piece by piece, whatever its size; as JSON the body is held first, up to the limit body_bytes.

#include "app/commands.h"
#include "app/json.h"
#include "app/options.h"
#include "app/service.h"

#include <corevent/http/handler.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace corevent::app {
namespace {

using http::Request;
using http::ResponseWriter;

std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// Whether an Accept field names application/json with a weight above 0 (RFC 9110 12.5.1). Ranges
/// such as */* do not count: curl sends one, and its user wants to read.
bool asks_for_json(const Request& request) {
    std::string accept = lowered(request.header("accept").value_or(""));
    std::erase_if(accept, [](char c) { return c == ' ' || c == '\t'; });
    for (std::size_t start = 0; start < accept.size();) {
        const std::size_t end = std::min(accept.find(',', start), accept.size());
        const std::string_view item = std::string_view(accept).substr(start, end - start);
        start = end + 1;
        if (item.substr(0, item.find(';')) != "application/json") {
            continue;
        }
        const std::size_t weight = item.find(";q=");
        const std::string_view q = weight == std::string_view::npos ? "1" : item.substr(weight + 3);
        return q.find_first_of("123456789") != std::string_view::npos;
    }
    return false;
}

std::string head_as_text(const Request& request) {
    std::string text = fmt::format("{} {} HTTP/1.{}\n", request.method_name(), request.target(),
                                   request.version_minor());
    for (std::size_t i = 0; i < request.header_count(); ++i) {
        const auto [name, value] = request.header_at(i);
        text += fmt::format("{}: {}\n", name, value);
    }
    return text + "\n";
}

std::string fields_as_json(const Request& request) {
    std::string text;
    for (std::size_t i = 0; i < request.header_count(); ++i) {
        const auto [name, value] = request.header_at(i);
        text += fmt::format("{}\n    [{}, {}]", i == 0 ? "" : ",", json_string(name),
                            json_string(value));
    }
    return text;
}

std::string trailers_as_json(const Request& request) {
    std::string text;
    for (const auto& [name, value] : request.trailers()) {
        text += fmt::format("{}\n    [{}, {}]", text.empty() ? "" : ",", json_string(name),
                            json_string(value));
    }
    return text.empty() ? text : fmt::format("  \"trailers\": [{}\n  ],\n", text);
}

std::string as_json(const Request& request, std::string_view body) {
    const std::string body_text = is_utf8(body) ? "\"body\": " + json_string(body)
                                                : "\"body_base64\": \"" + base64(body) + "\"";
    return fmt::format(
        "{{\n  \"method\": {},\n  \"target\": {},\n  \"path\": {},\n  \"query\": {},\n  "
        "\"version\": \"1.{}\",\n"
        "  \"host\": {},\n  \"peer\": {},\n  \"headers\": [{}\n  ],\n{}  \"body_bytes\": {},\n  "
        "{}\n}}\n",
        json_string(request.method_name()), json_string(request.target()),
        json_string(request.path()), json_string(request.query()), request.version_minor(),
        json_string(request.host()), json_string(request.peer().text()), fields_as_json(request),
        trailers_as_json(request), body.size(), body_text);
}

Task<> answer_json(Request& request, ResponseWriter& writer) {
    const auto body = co_await request.read_all();
    if (!body && body.error() != Errc::limit_exceeded) {
        co_return;
    }
    const std::string text =
        body ? as_json(request, *body) : std::string("{\"error\": \"body above body_bytes\"}\n");
    writer.status(body ? 200 : 413).header("content-type", "application/json");
    writer.content_length(text.size());
    static_cast<void>(co_await writer.write(text));
}

Task<> answer_text(Request& request, ResponseWriter& writer) {
    writer.header("content-type", "text/plain; charset=utf-8");
    const std::string head = head_as_text(request);
    auto sent = co_await writer.write(head);
    while (sent) {
        const auto piece = co_await request.read();
        if (!piece || piece->empty()) {
            break;
        }
        sent = co_await writer.write(*piece);
    }
}

}  // namespace

OrStop<int> run_echo(const Settings& settings) {
    const auto options = echo_options(settings);
    if (!options) {
        return std::unexpected(options.error());
    }
    const bool json = options->json;
    const Face face{"echoing requests", json ? "JSON" : "text, JSON when asked by Accept"};
    return run_service(options->server, face, [json](http::Server& server) -> OrStop<void> {
        server.otherwise([json](Request& request, ResponseWriter& writer) -> Task<> {
            if (json || asks_for_json(request)) {
                co_await answer_json(request, writer);
            } else {
                co_await answer_text(request, writer);
            }
        });
        return {};
    });
}

}  // namespace corevent::app
