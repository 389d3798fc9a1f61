#include "support/raw_client.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace corevent::test {
namespace {

constexpr int patience_ms = 10'000;

bool equal_names(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

std::pair<std::string, std::string> split_field(std::string_view line) {
    const std::size_t colon = line.find(':');
    std::string_view value =
        colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    while (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    return {std::string(line.substr(0, colon)), std::string(value)};
}

}  // namespace

std::string RawResponse::field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
        if (equal_names(key, name)) {
            return value;
        }
    }
    return {};
}

bool RawResponse::has(std::string_view name) const {
    return std::ranges::any_of(fields,
                               [&](const auto& field) { return equal_names(field.first, name); });
}

bool RawResponse::closes() const {
    return equal_names(field("Connection"), "close");
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes != 0) {
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                     sizeof receive_buffer_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ADD_FAILURE() << "cannot connect to port " << port << ": errno " << errno;
    }
}

RawClient::~RawClient() {
    close();
}

void RawClient::close() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        pollfd waiting{fd_, POLLOUT, 0};
        if (::poll(&waiting, 1, patience_ms) != 1) {
            ADD_FAILURE() << "the server takes nothing for 10 s";
            return false;
        }
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            reset_seen_ = true;
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::size_t RawClient::send_some(std::string_view bytes) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void RawClient::finish_sending() {
    ::shutdown(fd_, SHUT_WR);
}

void RawClient::reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

bool RawClient::fill() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, patience_ms) != 1) {
        ADD_FAILURE() << "nothing came for 10 s; so far: \"" << buffer_.substr(0, 300) << '"';
        return false;
    }
    char bytes[65536];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got < 0) {
        reset_seen_ = true;
        return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
}

bool RawClient::need(std::size_t count) {
    while (buffer_.size() < count) {
        if (!fill()) {
            return false;
        }
    }
    return true;
}

std::optional<std::string> RawClient::line() {
    for (;;) {
        const std::size_t end = buffer_.find("\r\n");
        if (end != std::string::npos) {
            std::string text = buffer_.substr(0, end);
            buffer_.erase(0, end + 2);
            return text;
        }
        if (!fill()) {
            return std::nullopt;
        }
    }
}

RawResponse RawClient::read(bool head_request) {
    RawResponse response;
    auto start = line();
    if (!start || start->size() < 12) {
        return response;
    }
    response.status = std::atoi(start->c_str() + 9);
    response.head = *start + "\r\n";
    for (;;) {
        const auto text = line();
        if (!text) {
            return response;
        }
        response.head += *text + "\r\n";
        if (text->empty()) {
            break;
        }
        response.fields.push_back(split_field(*text));
    }
    if (head_request || response.status / 100 == 1 || response.status == 204 ||
        response.status == 304) {
        response.complete = true;
        return response;
    }
    if (equal_names(response.field("Transfer-Encoding"), "chunked")) {
        for (;;) {
            const auto size_line = line();
            if (!size_line) {
                return response;
            }
            const std::size_t size = std::strtoull(size_line->c_str(), nullptr, 16);
            if (size == 0) {
                break;
            }
            if (!need(size + 2)) {
                return response;
            }
            response.body.append(buffer_, 0, size);
            EXPECT_EQ(buffer_.substr(size, 2), "\r\n");
            buffer_.erase(0, size + 2);
        }
        for (auto text = line(); text; text = line()) {
            if (text->empty()) {
                response.complete = true;
                break;
            }
            response.trailers.push_back(split_field(*text));
        }
        return response;
    }
    if (response.has("Content-Length")) {
        const std::size_t size =
            std::strtoull(response.field("Content-Length").c_str(), nullptr, 10);
        response.complete = need(size);
        response.body = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return response;
    }
    response.body = read_to_end();
    response.complete = !reset_seen_;
    return response;
}

std::string RawClient::read_some() {
    if (buffer_.empty()) {
        fill();
    }
    return std::exchange(buffer_, {});
}

std::string RawClient::read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
}

bool RawClient::at_end() {
    if (!buffer_.empty()) {
        ADD_FAILURE() << "octets before the end: \"" << buffer_.substr(0, 300) << '"';
        return false;
    }
    const bool more = fill();
    if (more) {
        ADD_FAILURE() << "octets before the end: \"" << buffer_.substr(0, 300) << '"';
    }
    return !more;
}

bool RawClient::quiet_for(int milliseconds) {
    pollfd waiting{fd_, POLLIN, 0};
    return buffer_.empty() && ::poll(&waiting, 1, milliseconds) == 0;
}

std::uint16_t RawClient::local_port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

}  // namespace corevent::test
