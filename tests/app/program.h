// What the tests of the program share: starting it, finding its port, asking curl. For the thread
// of the test.
#pragma once

#include "support/process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <vector>

namespace corevent::test {

inline std::string program(const std::string& name) {
    return std::string(CE_BIN_DIR) + "/" + name;
}

/// `corevent` with these arguments, not waited for.
inline Start corevent_start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("corevent"));
    return {.command = std::move(arguments)};
}

/// Runs `corevent` to its end.
inline Finished corevent_run(std::vector<std::string> arguments) {
    return run(corevent_start(std::move(arguments)));
}

/// The number that follows `before` in `text`; 0 when there is none.
inline std::uint16_t port_after(const std::string& text, std::string_view before) {
    std::uint16_t port = 0;
    if (const std::size_t at = text.find(before); at != std::string::npos) {
        const char* const digits = text.data() + at + before.size();
        std::from_chars(digits, text.data() + text.size(), port);
    }
    return port;
}

/// A program that has said that it serves.
class Running {
public:
    explicit Running(const Start& start) : process(start) {
        process.wait_until([this](const std::string& out, const std::string& err) {
            port = port_after(out, "listening ");  // conformance_server
            for (const char* before : {"http://localhost:", "http://127.0.0.1:", "http://[::1]:"}) {
                port = port != 0 ? port : port_after(err, before);
            }
            return out.starts_with("listening ") || err.find("Ctrl-C") != std::string::npos;
        });
    }
    explicit Running(std::vector<std::string> arguments)
        : Running(corevent_start(std::move(arguments))) {}

    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port) + path;
    }

    /// SIGTERM, then the exit code.
    int stop() {
        process.signal(SIGTERM);
        return process.finish().code;
    }

    Process process;
    std::uint16_t port = 0;
};

inline Start curl_start(std::vector<std::string> arguments) {
    const std::vector<std::string> always{
        "curl", "-q", "--noproxy", "*", "-sS", "--max-time", std::to_string(deadline.count())};
    arguments.insert(arguments.begin(), always.begin(), always.end());
    return {.command = std::move(arguments)};
}

inline Finished curl(std::vector<std::string> arguments) {
    return run(curl_start(std::move(arguments)));
}

/// The status that curl got, with further arguments for curl.
inline std::string status_of(const std::string& url, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"-o", "/dev/null", "-w", "%{http_code}", url});
    return curl(std::move(arguments)).out;
}

/// Value of a field in `curl -i` output, "" when it is absent.
inline std::string field_of(const std::string& response, const std::string& name) {
    const std::string wanted = "\r\n" + name + ": ";
    const auto lower = [](char a, char b) { return std::tolower(a) == std::tolower(b); };
    const auto at =
        std::search(response.begin(), response.end(), wanted.begin(), wanted.end(), lower);
    if (at == response.end()) {
        return {};
    }
    const std::size_t start = static_cast<std::size_t>(at - response.begin()) + wanted.size();
    return response.substr(start, response.find("\r\n", start) - start);
}

}  // namespace corevent::test
