#include "compat/evdns_base.h"

#include "compat/alloc.h"

#include <algorithm>

namespace corevent::compat::evdns {
namespace {

/// All requests that are not done yet leave their queues for `out`.
void gather(evdns_base& base, evdns_base::Requests& out) noexcept {
    for (auto& bucket : base.in_flight) {
        out.append(bucket);
    }
    out.append(base.waiting);
    base.in_flight_count = 0;
}

}  // namespace

void add_reference(evdns_base& base) noexcept {
    ++base.references;
}

void drop_reference(evdns_base& base) noexcept {
    bool last = false;
    {
        const LockGuard guard(base.lock);
        last = --base.references == 0;
    }
    if (last) {
        mm_delete(&base);
    }
}

void pump(evdns_base& base) noexcept {
    while (!base.servers.empty() && base.in_flight_count < base.options.inflight_max) {
        evdns_request* const next = base.waiting.pop_front();
        if (next == nullptr) {
            return;
        }
        submit(*next);
    }
}

}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;

extern "C" {

evdns_base* evdns_base_new(event_base* event_base, int flags) {
    constexpr int known_flags = EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                EVDNS_BASE_DISABLE_WHEN_INACTIVE |
                                EVDNS_BASE_NAMESERVERS_NO_DEFAULT;
    if ((flags & ~known_flags) != 0) {
        flags = EVDNS_BASE_INITIALIZE_NAMESERVERS;
        log(Severity::warning,
            "evdns_base_new: unknown flags; taken as "
            "EVDNS_BASE_INITIALIZE_NAMESERVERS alone");
    }
    evdns_base* const base = mm_new<evdns_base>();
    if (base == nullptr) {
        return nullptr;
    }
    base->events = event_base;
    base->idle_disables = (flags & EVDNS_BASE_DISABLE_WHEN_INACTIVE) != 0;
    const auto allocate = [&] {
        base->search = std::make_shared<SearchList>();
        base->receive.resize(receive_bytes_min);
        return true;
    };
    if (!guarded(allocate, false)) {
        mm_delete(base);
        return nullptr;
    }
    if ((flags & EVDNS_BASE_INITIALIZE_NAMESERVERS) != 0) {
        int options = DNS_OPTIONS_ALL;
        if ((flags & EVDNS_BASE_NAMESERVERS_NO_DEFAULT) != 0) {
            options |= DNS_OPTION_NAMESERVERS_NO_DEFAULT;
        }
        if (evdns_base_resolv_conf_parse(base, options, "/etc/resolv.conf") != 0) {
            evdns_base_free(base, 0);
            return nullptr;
        }
    }
    return base;
}

void evdns_base_free(evdns_base* base, int fail_requests) {
    {
        const LockGuard guard(base->lock);
        base->freed = true;
        evdns_base::Requests all;
        gather(*base, all);
        while (evdns_request* const request = all.pop_front()) {
            request->state = evdns_request::State::waiting;
            base->waiting.push_back(*request);
            if (fail_requests != 0 && request->probed == nullptr) {
                fail(*request, DNS_ERR_SHUTDOWN);
            } else {
                drop_silently(*request);
            }
        }
        for (NameServer* const server : base->servers) {
            remove_server(*server);
        }
        base->servers.clear();
        base->servers_up = 0;
    }
    drop_reference(*base);
}

int evdns_base_clear_nameservers_and_suspend(evdns_base* base) {
    const LockGuard guard(base->lock);
    evdns_base::Requests all;
    gather(*base, all);
    while (evdns_request* const request = all.pop_front()) {
        back_to_waiting(*request);
    }
    for (NameServer* const server : base->servers) {
        remove_server(*server);
    }
    base->servers.clear();
    base->servers_up = 0;
    base->head = 0;
    return 0;
}

int evdns_base_resume(evdns_base* base) {
    const LockGuard guard(base->lock);
    pump(*base);
    return 0;
}

}  // extern "C"
