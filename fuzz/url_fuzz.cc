// Paths, queries and authorities: what comes out of resolve_path is safe to append to a root, and
// what is encoded decodes to itself.
#include "base/assert.h"
#include "codec/url.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace corevent::url {
namespace {

void check_path(std::string_view text) {
    Bytes out;
    const auto resolved = resolve_path(text, out);
    if (!resolved) {
        CE_ASSERT(!path_error_text(resolved.error()).empty());
        return;
    }
    const std::string path(*resolved);
    CE_ASSERT(path.starts_with('/') && path.size() <= text.size() && valid_utf8(path));
    const std::string framed = path + "/";
    CE_ASSERT(framed.find("/../") == std::string::npos);
    CE_ASSERT(framed.find("/./") == std::string::npos);
    for (const char c : path) {
        CE_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    }
    Bytes encoded;
    encode_path(path, encoded);
    Bytes again;
    const auto second = resolve_path(encoded.view(), again);
    CE_ASSERT(second && *second == path);
}

void check_decode(std::string_view text) {
    Bytes out;
    const auto decoded = decode(text, out, true);
    if (!decoded) {
        CE_ASSERT(out.empty());
        return;
    }
    Bytes encoded;
    encode_query(*decoded, encoded);
    Bytes again;
    const auto second = decode(encoded.view(), again, true);
    CE_ASSERT(second && *second == *decoded);
    Bytes segment;
    encode_segment(*decoded, segment);
    CE_ASSERT(segment.view().find('/') == std::string_view::npos);
}

void check_query(std::string_view text) {
    std::size_t total = 0;
    Query query(text);
    while (const auto pair = query.next()) {
        CE_ASSERT(!pair->name.empty() || pair->has_value);
        CE_ASSERT(pair->name.find_first_of("&=") == std::string_view::npos);
        CE_ASSERT(pair->value.find('&') == std::string_view::npos);
        total += pair->name.size() + pair->value.size() + (pair->has_value ? 1 : 0);
    }
    CE_ASSERT(total <= text.size());
}

void check_host(std::string_view text) {
    const auto parsed = parse_host_port(text);
    if (!parsed) {
        return;
    }
    for (const char c : text) {
        CE_ASSERT(c > 0x20 && c < 0x7F &&
                  std::string_view("/?#@\\").find(c) == std::string_view::npos);
    }
    const std::string host =
        parsed->is_ipv6 ? "[" + std::string(parsed->host) + "]" : std::string(parsed->host);
    CE_ASSERT(text.starts_with(host));
    const std::string rebuilt = parsed->has_port ? host + ":" + std::to_string(parsed->port) : host;
    const auto again = parse_host_port(rebuilt);
    CE_ASSERT(again && again->host == parsed->host && again->port == parsed->port);
}

}  // namespace
}  // namespace corevent::url

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace corevent::url;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Target target = split_target(text);
    CE_ASSERT(target.path.size() + target.query.size() + (target.has_query ? 1 : 0) == size);
    check_path(target.path);
    check_path(text);
    check_decode(text);
    check_query(target.query);
    check_query(text);
    check_host(text);
    return 0;
}
