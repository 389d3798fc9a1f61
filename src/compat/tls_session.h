// What a TLS bufferevent wants of a TLS library: to move octets over a wire that it does not wait
// for. bufferevent_tls.cc knows when; src/compat/openssl, a library of its own so that only its users
// load OpenSSL, knows how. The three functions at the end are what that library gets from
// libcorevent_event. A session is used with the lock of its bufferevent held.
#pragma once

#include <event2/bufferevent.h>
#include <event2/visibility.h>

#include <cstddef>
#include <cstdint>

namespace corevent::compat {

struct TlsResult {
    enum class Kind : std::uint8_t {
        done,         ///< `moved` octets, or the handshake
        wants_read,   ///< again when there is something to read from the wire
        wants_write,  ///< again when the wire takes something
        closed,       ///< the peer has said that it ends the stream
        cut_off,      ///< the wire has ended without the peer saying so
        failed,       ///< with errno, if the wire has failed
    };
    Kind kind;
    std::size_t moved = 0;
};

enum class TlsRole : std::uint8_t { open, connecting, accepting };

class TlsSession {
public:
    TlsSession() noexcept = default;
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    virtual TlsResult handshake() noexcept = 0;
    virtual TlsResult read(void* data, std::size_t size) noexcept = 0;
    /// After wants_read or wants_write the next call must offer the same octets, wherever they are.
    virtual TlsResult write(const void* data, std::size_t size) noexcept = 0;
    virtual std::size_t pending() const noexcept = 0;      ///< can be read without the wire
    virtual std::uint64_t wire_read() const noexcept = 0;  ///< octets so far
    virtual std::uint64_t wire_written() const noexcept = 0;
    virtual bool attach(evutil_socket_t fd) noexcept = 0;  ///< the wire is this socket
    virtual bool renegotiate() noexcept = 0;               ///< a handshake is to follow
    /// The bufferevent is gone; `with_library_object`: so is what the program has handed in.
    virtual void destroy(bool with_library_object) noexcept = 0;

    bool cut_off_is_end = false;  ///< what bufferevent_openssl_set_allow_dirty_shutdown says

protected:
    ~TlsSession() = default;
};

}  // namespace corevent::compat

extern "C" {

/// A bufferevent over `underlying`, or where that is null over a socket. It takes `session` over
/// unless it fails.
EVENT2_EXPORT_SYMBOL
bufferevent* corevent_tls_bufferevent_new(event_base* base, bufferevent* underlying,
                                          evutil_socket_t fd, corevent::compat::TlsSession* session,
                                          corevent::compat::TlsRole role, int options);

/// Null for a bufferevent without TLS.
EVENT2_EXPORT_SYMBOL
corevent::compat::TlsSession* corevent_tls_session(bufferevent* bev);

/// Goes back to the handshake. 0 or -1.
EVENT2_EXPORT_SYMBOL
int corevent_tls_renegotiate(bufferevent* bev);
}
