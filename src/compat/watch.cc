#include "compat/watch.h"

#include "compat/alloc.h"
#include "compat/base.h"

#include <event2/watch.h>

using namespace corevent::compat;

struct evwatch_prepare_cb_info {
    std::int64_t wait_us;
};
struct evwatch_check_cb_info {
    char unused;
};

struct evwatch {
    enum Kind : unsigned char { prepare, check } kind;
    event_base* base;
    union {
        evwatch_prepare_cb on_prepare;
        evwatch_check_cb on_check;
    };
    void* arg;
    evwatch* next;
    evwatch** place;  ///< the pointer that points here
};

namespace {

evwatch* make(event_base* base, evwatch::Kind kind, void* arg) noexcept {
    auto* const watch = static_cast<evwatch*>(mm_calloc(1, sizeof(evwatch)));
    if (watch == nullptr) return nullptr;
    watch->kind = kind;
    watch->base = base;
    watch->arg = arg;
    const LockGuard guard(base->lock);
    evwatch** last = &base->watchers[kind];
    while (*last != nullptr) last = &(*last)->next;
    watch->place = last;
    *last = watch;
    return watch;
}

/// A watcher may free itself and others meanwhile.
template <class Call>
void run(event_base& base, evwatch* first, Call call) noexcept {
    for (evwatch* watch = first; watch != nullptr; watch = base.next_watcher) {
        base.next_watcher = watch->next;
        const Unlocked unlocked(base.lock);
        call(*watch);
    }
}

}  // namespace

namespace corevent::compat {

void run_prepare_watchers(event_base& base, std::int64_t wait_us) noexcept {
    const evwatch_prepare_cb_info info{wait_us};
    run(base, base.watchers[evwatch::prepare],
        [&](evwatch& watch) { watch.on_prepare(&watch, &info, watch.arg); });
}

void run_check_watchers(event_base& base) noexcept {
    const evwatch_check_cb_info info{};
    run(base, base.watchers[evwatch::check],
        [&](evwatch& watch) { watch.on_check(&watch, &info, watch.arg); });
}

void free_watchers(event_base& base) noexcept {
    for (evwatch* first : base.watchers) {
        while (first != nullptr) {
            evwatch* const next = first->next;
            mm_free(first);
            first = next;
        }
    }
}

}  // namespace corevent::compat

extern "C" {

evwatch* evwatch_prepare_new(event_base* base, evwatch_prepare_cb callback, void* arg) {
    evwatch* const watch = make(base, evwatch::prepare, arg);
    if (watch != nullptr) watch->on_prepare = callback;
    return watch;
}

evwatch* evwatch_check_new(event_base* base, evwatch_check_cb callback, void* arg) {
    evwatch* const watch = make(base, evwatch::check, arg);
    if (watch != nullptr) watch->on_check = callback;
    return watch;
}

event_base* evwatch_base(evwatch* watch) {
    return watch->base;
}

void evwatch_free(evwatch* watch) {
    event_base& base = *watch->base;
    {
        const LockGuard guard(base.lock);
        if (base.next_watcher == watch) base.next_watcher = watch->next;
        *watch->place = watch->next;
        if (watch->next != nullptr) watch->next->place = watch->place;
    }
    mm_free(watch);
}

int evwatch_prepare_get_timeout(const evwatch_prepare_cb_info* info, timeval* timeout) {
    if (info->wait_us < 0) return 0;
    *timeout = timeval_of(info->wait_us);
    return 1;
}

}  // extern "C"
