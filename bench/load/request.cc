#include "load/request.h"

#include <fstream>
#include <iterator>

namespace ce_load {
namespace {

constexpr std::string_view tool_fields =
    "Host: localhost:8080\r\n"
    "User-Agent: loadtool/1.2.4 (compatible; Linux x86_64)\r\n"
    "Accept: application/json, text/plain, */*\r\n";

// What a desktop browser sends for a navigation within a site, with a session cookie.
constexpr std::string_view browser_fields =
    "Host: shop.example.com\r\n"
    "Sec-Ch-Ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n"
    "Sec-Ch-Ua-Mobile: ?0\r\n"
    "Sec-Ch-Ua-Platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://shop.example.com/catalogue/7\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.7\r\n"
    "Cookie: session=7f3a9c2e5b8d4f1a6c0e9b7d2a4f8c1e; theme=dark; basket=3\r\n"
    "Priority: u=0, i\r\n";

}  // namespace

std::expected<std::string, std::string> make_request(std::string_view name, std::string_view path,
                                                     bool close) {
    std::string request = "GET " + std::string(path) + " HTTP/1.1\r\n";
    if (name == "plain") {
        request += "Host: localhost:8080\r\n";
    } else if (name == "tool") {
        request += tool_fields;
    } else if (name == "browser") {
        request += browser_fields;
    } else {
        std::ifstream file{std::string(name), std::ios::binary};
        if (!file) return std::unexpected("cannot read the request file " + std::string(name));
        return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    if (close) request += "Connection: close\r\n";
    return request + "\r\n";
}

}  // namespace ce_load
