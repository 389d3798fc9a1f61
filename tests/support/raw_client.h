// RawClient: a blocking TCP client that sends exactly the octets it is told and reads answers as
// HTTP/1 defines them. For tests on loopback; one thread. Nothing here waits without end: reads
// give up after ten seconds, and say so by failing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace corevent::test {

/// An answer as it came.
struct RawResponse {
    int status = 0;
    std::string head;  ///< start line and fields, as received
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;  ///< chunks joined
    std::vector<std::pair<std::string, std::string>> trailers;
    bool complete = false;  ///< false: the connection ended within it

    /// First field of that name (any case), or "".
    std::string field(std::string_view name) const;
    bool has(std::string_view name) const;
    bool closes() const;  ///< Connection: close
};

class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    /// All of it; false if the peer has reset the connection.
    bool send(std::string_view bytes);
    /// Sends as much as goes without waiting, and says how much.
    std::size_t send_some(std::string_view bytes);
    void finish_sending();  ///< FIN
    void reset();           ///< closes with RST
    void close();

    /// The next answer; `head_request`: it has no body. Informational answers are answers of their
    /// own.
    RawResponse read(bool head_request = false);
    std::string read_some();    ///< what comes next; "" at the end or after a reset
    std::string read_to_end();  ///< everything until the peer ends
    bool at_end();  ///< waits for the peer to end; false if octets come first, or nothing happens
    bool was_reset() const { return reset_seen_; }
    bool quiet_for(int milliseconds);  ///< nothing arrives in that time

    std::uint16_t local_port() const;
    int descriptor() const { return fd_; }

private:
    bool fill();
    std::optional<std::string> line();
    bool need(std::size_t count);

    int fd_;
    std::string buffer_;
    bool reset_seen_ = false;
};

}  // namespace corevent::test
