// A BIO over a bufferevent. Reading takes from its input buffer, writing adds to its output buffer
// up to the high-water mark; where there is nothing to take or no room it says "later".
#include "compat/openssl/openssl_session.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <openssl/bio.h>

#include <algorithm>

namespace corevent::compat {
namespace {

bufferevent* wire(BIO* bio) noexcept {
    return static_cast<bufferevent*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* data, int size) noexcept {
    BIO_clear_retry_flags(bio);
    if (data == nullptr || wire(bio) == nullptr) {
        return -1;
    }
    evbuffer* const input = bufferevent_get_input(wire(bio));
    if (evbuffer_get_length(input) == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    return evbuffer_remove(input, data, static_cast<std::size_t>(size));
}

int bio_write(BIO* bio, const char* data, int size) noexcept {
    BIO_clear_retry_flags(bio);
    if (wire(bio) == nullptr) {
        return -1;
    }
    evbuffer* const output = bufferevent_get_output(wire(bio));
    auto most = static_cast<std::size_t>(size);
    std::size_t high = 0;
    bufferevent_getwatermark(wire(bio), EV_WRITE, nullptr, &high);
    if (high != 0) {
        most = std::min(most, high - std::min(high, evbuffer_get_length(output)));
        if (most == 0) {
            BIO_set_retry_write(bio);
            return -1;
        }
    }
    return evbuffer_add(output, data, most) == 0 ? static_cast<int>(most) : -1;
}

long bio_ctrl(BIO* bio, int command, long number, void*) noexcept {
    switch (command) {
        case BIO_CTRL_GET_CLOSE: return BIO_get_shutdown(bio);
        case BIO_CTRL_SET_CLOSE: BIO_set_shutdown(bio, static_cast<int>(number)); return 1;
        case BIO_CTRL_PENDING:
            return wire(bio) == nullptr
                       ? 0
                       : static_cast<long>(evbuffer_get_length(bufferevent_get_input(wire(bio))));
        case BIO_CTRL_WPENDING:
            return wire(bio) == nullptr
                       ? 0
                       : static_cast<long>(evbuffer_get_length(bufferevent_get_output(wire(bio))));
        case BIO_CTRL_DUP:
        case BIO_CTRL_FLUSH: return 1;
        default: return 0;
    }
}

BIO_METHOD* make_method() noexcept {
    BIO_METHOD* const method =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bufferevent");
    if (method != nullptr) {
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    return method;
}

}  // namespace

bio_st* bufferevent_bio(bufferevent* bev) noexcept {
    static BIO_METHOD* const method = make_method();
    BIO* const bio = method != nullptr ? BIO_new(method) : nullptr;
    if (bio != nullptr) {
        BIO_set_data(bio, bev);
        BIO_set_init(bio, 1);
        BIO_set_shutdown(bio, BIO_NOCLOSE);
    }
    return bio;
}

}  // namespace corevent::compat
