// A TlsSession on an SSL of OpenSSL, and the BIO that makes a bufferevent its wire. The session
// belongs to its bufferevent; the SSL does with BEV_OPT_CLOSE_ON_FREE, else it is the program's.
#pragma once

#include "compat/tls_session.h"

struct ssl_st;
struct bio_st;

namespace corevent::compat {

class OpensslSession final : public TlsSession {
public:
    explicit OpensslSession(ssl_st* ssl) noexcept : ssl_(ssl) {}

    TlsResult handshake() noexcept override;
    TlsResult read(void* data, std::size_t size) noexcept override;
    TlsResult write(const void* data, std::size_t size) noexcept override;
    std::size_t pending() const noexcept override;
    std::uint64_t wire_read() const noexcept override;
    std::uint64_t wire_written() const noexcept override;
    bool attach(evutil_socket_t fd) noexcept override;
    bool renegotiate() noexcept override;
    void destroy(bool with_ssl) noexcept override;

    ssl_st* ssl() const noexcept { return ssl_; }
    unsigned long take_error() noexcept;  ///< the latest; 0 when there is none left

private:
    TlsResult result_of(int returned) noexcept;
    void note_error(unsigned long error) noexcept;

    static constexpr int errors_max = 3;

    ssl_st* ssl_;
    unsigned long errors_[errors_max] = {};
    int error_count_ = 0;
};

/// A BIO that reads the input of `bev` and writes its output; null when memory is short.
bio_st* bufferevent_bio(bufferevent* bev) noexcept;

}  // namespace corevent::compat
