#include "compat/openssl/openssl_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace corevent::compat {

TlsResult OpensslSession::handshake() noexcept {
    ERR_clear_error();
    return result_of(SSL_do_handshake(ssl_));
}

TlsResult OpensslSession::read(void* data, std::size_t size) noexcept {
    ERR_clear_error();
    return result_of(SSL_read(ssl_, data, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
}

TlsResult OpensslSession::write(const void* data, std::size_t size) noexcept {
    ERR_clear_error();
    return result_of(SSL_write(ssl_, data, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
}

std::size_t OpensslSession::pending() const noexcept {
    return static_cast<std::size_t>(std::max(SSL_pending(ssl_), 0));
}

std::uint64_t OpensslSession::wire_read() const noexcept {
    BIO* const bio = SSL_get_rbio(ssl_);
    return bio != nullptr ? BIO_number_read(bio) : 0;
}

std::uint64_t OpensslSession::wire_written() const noexcept {
    BIO* const bio = SSL_get_wbio(ssl_);
    return bio != nullptr ? BIO_number_written(bio) : 0;
}

bool OpensslSession::attach(evutil_socket_t fd) noexcept {
    BIO* const bio = BIO_new_socket(fd, BIO_NOCLOSE);
    if (bio == nullptr) {
        return false;
    }
    SSL_set_bio(ssl_, bio, bio);
    return true;
}

bool OpensslSession::renegotiate() noexcept {
    return SSL_renegotiate(ssl_) > 0;
}

void OpensslSession::destroy(bool with_ssl) noexcept {
    if (with_ssl) {
        SSL_free(ssl_);
    }
    delete this;
}

unsigned long OpensslSession::take_error() noexcept {
    return error_count_ > 0 ? errors_[--error_count_] : 0;
}

void OpensslSession::note_error(unsigned long error) noexcept {
    if (error_count_ < errors_max) {
        errors_[error_count_++] = error;
    }
}

/// What OpenSSL says of a call that returned `returned`. Errors are noted for the program: OpenSSL's
/// kind of error first, then what its queue holds.
TlsResult OpensslSession::result_of(int returned) noexcept {
    using enum TlsResult::Kind;
    if (returned > 0) {
        return {done, static_cast<std::size_t>(returned)};
    }
    const int wire_error = errno;
    const int error = SSL_get_error(ssl_, returned);
    TlsResult result{failed};
    switch (error) {
        case SSL_ERROR_WANT_READ: return {wants_read};
        case SSL_ERROR_WANT_WRITE: return {wants_write};
        case SSL_ERROR_ZERO_RETURN:
            if ((SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0) {
                result.kind = closed;
            } else {
                result.kind = cut_off;
            }
            break;
        case SSL_ERROR_SYSCALL:
            result.kind = returned == 0 || wire_error == 0 ? cut_off : failed;
            break;
        default:
            if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
                result.kind = cut_off;
            }
    }
    if (result.kind != closed) {
        note_error(static_cast<unsigned long>(error));
    }
    while (const unsigned long queued = ERR_get_error()) {
        note_error(queued);
    }
    errno = wire_error;
    return result;
}

}  // namespace corevent::compat
