// evutil_getaddrinfo and what belongs to it. Looking up blocks in libc; evdns_getaddrinfo.cc is
// the way that does not. Any thread.
#include "compat/alloc.h"
#include "compat/evutil.h"

#include <event2/util.h>

#include <netdb.h>

using namespace corevent::compat;

extern "C" {

int evutil_getaddrinfo(const char* nodename, const char* servname,
                       const struct evutil_addrinfo* hints_in, struct evutil_addrinfo** res) {
    return getaddrinfo(nodename, servname, hints_in, res);
}

void evutil_freeaddrinfo(struct evutil_addrinfo* ai) {
    if (ai == nullptr || (ai->ai_flags & addrinfo_of_libevent) == 0) {
        if (ai != nullptr) {
            freeaddrinfo(ai);
        }
        return;
    }
    while (ai != nullptr) {
        evutil_addrinfo* const next = ai->ai_next;
        mm_free(ai->ai_canonname);
        mm_free(ai);
        ai = next;
    }
}

const char* evutil_gai_strerror(int err) {
    return err == EVUTIL_EAI_CANCEL ? "The look-up was cancelled" : gai_strerror(err);
}

}  // extern "C"
