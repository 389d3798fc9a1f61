// The entries of <event2/bufferevent_ssl.h>, all that libevent_openssl exports.
#include "compat/openssl/openssl_session.h"

#include <event2/bufferevent_ssl.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <new>

namespace corevent::compat {
namespace {

/// Locks for a scope.
class SessionLock {
public:
    explicit SessionLock(bufferevent* bev) noexcept : bev_(bev) { bufferevent_lock(bev_); }
    ~SessionLock() { bufferevent_unlock(bev_); }
    SessionLock(const SessionLock&) = delete;
    SessionLock& operator=(const SessionLock&) = delete;

    OpensslSession* session() const noexcept {
        return static_cast<OpensslSession*>(corevent_tls_session(bev_));
    }

private:
    bufferevent* bev_;
};

/// Null after a failure, when the SSL has gone as the options say.
bufferevent* make(event_base* base, bufferevent* underlying, evutil_socket_t fd, SSL* ssl,
                  bufferevent_ssl_state state, int options) noexcept {
    SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    TlsRole role = TlsRole::open;
    if (state == BUFFEREVENT_SSL_CONNECTING) {
        SSL_set_connect_state(ssl);
        role = TlsRole::connecting;
    } else if (state == BUFFEREVENT_SSL_ACCEPTING) {
        SSL_set_accept_state(ssl);
        role = TlsRole::accepting;
    }
    auto* const session = new (std::nothrow) OpensslSession(ssl);
    bufferevent* const bev =
        session != nullptr
            ? corevent_tls_bufferevent_new(base, underlying, fd, session, role, options)
            : nullptr;
    if (bev == nullptr && session != nullptr) {
        session->destroy(false);
    }
    return bev;
}

bufferevent* or_free(bufferevent* bev, SSL* ssl, int options) noexcept {
    if (bev == nullptr && (options & BEV_OPT_CLOSE_ON_FREE) != 0) {
        SSL_free(ssl);
    }
    return bev;
}

/// The descriptor of the SSL's own BIO, else `fd` with a BIO made for it; false when they differ.
bool agree_on_socket(SSL* ssl, evutil_socket_t& fd) noexcept {
    if (BIO* const bio = SSL_get_wbio(ssl); bio != nullptr) {
        int own = -1;
        if (BIO_get_fd(bio, &own) >= 0) {
            if (fd >= 0 && fd != own) {
                return false;
            }
            BIO_set_close(bio, BIO_NOCLOSE);
            fd = own;
        }
        return true;
    }
    if (fd < 0) {
        return true;  // comes with bufferevent_setfd or a connect
    }
    BIO* const bio = BIO_new_socket(fd, BIO_NOCLOSE);
    if (bio != nullptr) {
        SSL_set_bio(ssl, bio, bio);
    }
    return bio != nullptr;
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

struct bufferevent* bufferevent_openssl_filter_new(struct event_base* base,
                                                   struct bufferevent* underlying,
                                                   struct ssl_st* ssl,
                                                   enum bufferevent_ssl_state state, int options) {
    BIO* const bio = underlying != nullptr ? bufferevent_bio(underlying) : nullptr;
    if (bio == nullptr) {
        return or_free(nullptr, ssl, options);
    }
    SSL_set_bio(ssl, bio, bio);
    return or_free(make(base, underlying, -1, ssl, state, options), ssl, options);
}

struct bufferevent* bufferevent_openssl_socket_new(struct event_base* base, evutil_socket_t fd,
                                                   struct ssl_st* ssl,
                                                   enum bufferevent_ssl_state state, int options) {
    if (!agree_on_socket(ssl, fd)) {
        return or_free(nullptr, ssl, options);
    }
    return or_free(make(base, nullptr, fd, ssl, state, options), ssl, options);
}

int bufferevent_openssl_get_allow_dirty_shutdown(struct bufferevent* bev) {
    const SessionLock lock(bev);
    return lock.session() != nullptr ? (lock.session()->cut_off_is_end ? 1 : 0) : -1;
}

void bufferevent_openssl_set_allow_dirty_shutdown(struct bufferevent* bev,
                                                  int allow_dirty_shutdown) {
    const SessionLock lock(bev);
    if (OpensslSession* const session = lock.session(); session != nullptr) {
        session->cut_off_is_end = allow_dirty_shutdown != 0;
    }
}

struct ssl_st* bufferevent_openssl_get_ssl(struct bufferevent* bufev) {
    const SessionLock lock(bufev);
    return lock.session() != nullptr ? lock.session()->ssl() : nullptr;
}

int bufferevent_ssl_renegotiate(struct bufferevent* bev) {
    return corevent_tls_renegotiate(bev);
}

unsigned long bufferevent_get_openssl_error(struct bufferevent* bev) {
    const SessionLock lock(bev);
    return lock.session() != nullptr ? lock.session()->take_error() : 0;
}

}  // extern "C"
