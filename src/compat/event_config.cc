// Bases: their settings, which method they get, their making and their end, and fork().
#include "compat/alloc.h"
#include "compat/base.h"
#include "compat/event_debug.h"
#include "compat/http_loop.h"
#include "compat/log.h"
#include "compat/watch.h"

#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/thread.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <system_error>

using namespace corevent::compat;
using corevent::Interest;
using corevent::Poller;

struct event_config {
    bool avoided[3] = {false, false, false};
    int required_features = 0;
    BaseOptions base;
};

namespace {

struct MethodInfo {
    const char* name;
    const char* off_switch;  ///< the variable of the environment that forbids it
    int features;
};

/// In the order of preference; the index is the Method.
constexpr MethodInfo methods[] = {
    {"epoll", "EVENT_NOEPOLL", EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE},
    {"poll", "EVENT_NOPOLL", EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE},
    {"select", "EVENT_NOSELECT", EV_FEATURE_FDS},
};

event_base* current = nullptr;

const char* environment(const event_config& config, const char* name) noexcept {
    if ((config.base.flags & EVENT_BASE_FLAG_IGNORE_ENV) != 0) return nullptr;
    return secure_getenv(name);
}

/// select(2) is served by poll(2), which knows no end of descriptor numbers.
std::unique_ptr<Poller> make_poller(Method method) {
    if (method != Method::epoll) return corevent::make_poll_poller();
    auto poller = corevent::make_epoll_poller();
    if (!poller) throw std::system_error(poller.error());
    return std::move(*poller);
}

/// The loop's own descriptors: their tokens are those of event_loop.cc.
void watch_own(event_base& base) {
    const auto watch = [&](int fd, corevent::PollToken token) {
        if (auto set = base.poller->set(fd, Interest::none, Interest::in, token); !set) {
            throw std::system_error(set.error());
        }
    };
    watch(base.wakeup.fd(), 0);
    if (base.alarm) watch(base.alarm->fd(), 1);
}

bool choose_method(const event_config& config, BaseOptions& options) noexcept {
    for (std::size_t i = 0; i < std::size(methods); ++i) {
        const MethodInfo& method = methods[i];
        if (config.avoided[i]) continue;
        if ((method.features & config.required_features) != config.required_features) continue;
        if (environment(config, method.off_switch) != nullptr) continue;
        options.method = static_cast<Method>(i);
        return true;
    }
    return false;
}

void run_finalizer(event_callback& callback) noexcept {
    event& ev = event_of(callback);
    switch (callback.evcb_closure) {
        case closure_finalize:
            callback.evcb_cb_union.evcb_cbfinalize(&callback, callback.evcb_arg);
            break;
        case closure_event_finalize:
            note_teardown(ev);
            callback.evcb_cb_union.evcb_evfinalize(&ev, callback.evcb_arg);
            break;
        case closure_event_finalize_free:
            note_teardown(ev);
            callback.evcb_cb_union.evcb_evfinalize(&ev, callback.evcb_arg);
            mm_free(&ev);
            break;
        default: break;
    }
}

/// Takes out everything that is active. A finalizer may activate more.
void empty_queues(event_base& base, bool run_finalizers) noexcept {
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i <= base.priorities; ++i) {
            ActiveQueue& queue = i < base.priorities ? base.active[i] : base.later;
            while (event_callback* callback = queue.front()) {
                again = true;
                const bool finalizing = (callback->evcb_flags & EVLIST_FINALIZING) != 0;
                base.cancel(*callback, true);
                if (finalizing && run_finalizers) run_finalizer(*callback);
            }
        }
    }
}

void free_base(event_base* base, bool run_finalizers) noexcept {
    if (base == nullptr) base = std::exchange(current, nullptr);
    if (base == nullptr) {
        warnx("event_base_free: no base to free");
        return;
    }
    if (base == current) current = nullptr;
    HttpLoop::base_freed(base);
    using Wait = event_base::Wait;
    const auto drop_all = [base](EventList& list) {
        while (event* ev = list.first()) base->remove(*ev, Wait::even_if_finalizing);
        return 0;
    };
    base->io.for_each(drop_all);
    base->signals.for_each(drop_all);
    while (!base->timers.empty()) base->remove(base->timers.min(), Wait::even_if_finalizing);
    base->common_timeouts.for_each_event([base](event& ev) {
        base->remove(ev, Wait::even_if_finalizing);
        return 0;
    });
    empty_queues(*base, run_finalizers);
    while (OnceEvent* once = base->once.front()) {
        base->once.remove(*once);
        note_teardown(once->ev);
        mm_free(once);
    }
    free_watchers(*base);
    mm_delete(base);
}

}  // namespace

namespace corevent::compat {

event_base* current_base() noexcept {
    return current;
}

void set_current_base(event_base* base) noexcept {
    current = base;
}

}  // namespace corevent::compat

event_base::event_base(const BaseOptions& given)
    : options(given),
      lock(has(EVENT_BASE_FLAG_NOLOCK) ? Lock(Lock::None{}) : Lock()),
      poller(make_poller(given.method)),
      io(has(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST),
         given.method == Method::epoll && !has(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST)),
      signals(*this, wakeup) {
    if (lock.handle() != nullptr) callback_ended.make();
    if (has(EVENT_BASE_FLAG_PRECISE_TIMER)) alarm.emplace();
    watch_own(*this);
    if (!set_priorities(1)) throw std::bad_alloc();
}

event_base::~event_base() = default;

bool event_base::set_priorities(int count) noexcept {
    if (active_count.now > 0 || count < 1 || count >= EVENT_MAX_PRIORITIES) return false;
    if (count == priorities) return true;
    try {
        active = std::make_unique<ActiveQueue[]>(static_cast<std::size_t>(count));
    } catch (const std::bad_alloc&) {
        return false;
    }
    priorities = count;
    return true;
}

extern "C" {

event_config* event_config_new(void) {
    return mm_new<event_config>();
}

void event_config_free(event_config* config) {
    mm_delete(config);
}

int event_config_avoid_method(event_config* config, const char* method) {
    for (std::size_t i = 0; i < std::size(methods); ++i) {
        if (std::strcmp(methods[i].name, method) == 0) config->avoided[i] = true;
    }
    return 0;
}

int event_config_require_features(event_config* config, int feature) {
    if (config == nullptr) return -1;
    config->required_features = feature;
    return 0;
}

int event_config_set_flag(event_config* config, int flag) {
    if (config == nullptr) return -1;
    config->base.flags |= flag;
    return 0;
}

int event_config_set_num_cpus_hint(event_config* config, int) {
    return config == nullptr ? -1 : 0;
}

int event_config_set_max_dispatch_interval(event_config* config, const timeval* max_interval,
                                           int max_callbacks, int min_priority) {
    BaseOptions& base = config->base;
    base.dispatch_us_max = max_interval != nullptr ? microseconds(*max_interval) : -1;
    base.dispatch_callbacks_max = max_callbacks >= 0 ? max_callbacks : INT32_MAX;
    base.limited_from_priority = min_priority < 0 ? 0 : min_priority;
    return 0;
}

event_base* event_base_new_with_config(const event_config* given) {
    note_first_use();
    const event_config defaults;
    const event_config& config = given != nullptr ? *given : defaults;
    BaseOptions options = config.base;
    if (!choose_method(config, options)) {
        warnx("event_base_new_with_config: no event mechanism available");
        return nullptr;
    }
    if (environment(config, "EVENT_EPOLL_USE_CHANGELIST") != nullptr) {
        options.flags |= EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
    }
    if (environment(config, "EVENT_PRECISE_TIMER") != nullptr) {
        options.flags |= EVENT_BASE_FLAG_PRECISE_TIMER;
    }
    if (options.method != Method::epoll) options.flags &= ~EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST;
    try {
        event_base* const base = mm_new<event_base>(options);
        if (base == nullptr) {
            warn("event_base_new_with_config: no memory");
            return nullptr;
        }
        if (secure_getenv("EVENT_SHOW_METHOD") != nullptr) {  // whatever the configuration ignores
            msgx("libevent using: %s", event_base_get_method(base));
        }
        return base;
    } catch (const std::exception& error) {
        warnx("event_base_new_with_config: %s", error.what());
        return nullptr;
    }
}

event_base* event_base_new(void) {
    return event_base_new_with_config(nullptr);
}

event_base* event_init(void) {
    event_base* const base = event_base_new_with_config(nullptr);
    if (base == nullptr) errx(1, "event_init: Unable to construct event_base");
    current = base;
    return base;
}

void event_base_free(event_base* base) {
    free_base(base, true);
}

void event_base_free_nofinalize(event_base* base) {
    free_base(base, false);
}

int event_reinit(event_base* base) {
    const LockGuard guard(base->lock);
    try {
        base->poller = make_poller(base->options.method);
        base->wakeup = corevent::Wakeup();
        base->notified = false;
        if (base->alarm) base->alarm.emplace();
        watch_own(*base);
    } catch (const std::exception& error) {
        errx(1, "event_reinit: could not reinitialize event mechanism: %s", error.what());
    }
    return base->io.tell_all(*base->poller) ? 0 : -1;
}

const char* event_base_get_method(const event_base* base) {
    if (base->has(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST)) return "epoll (with changelist)";
    return methods[static_cast<std::size_t>(base->options.method)].name;
}

const char** event_get_supported_methods(void) {
    static const char* names[] = {methods[0].name, methods[1].name, methods[2].name, nullptr};
    return names;
}

int event_base_get_features(const event_base* base) {
    return methods[static_cast<std::size_t>(base->options.method)].features;
}

int event_base_priority_init(event_base* base, int npriorities) {
    const LockGuard guard(base->lock);
    return base->set_priorities(npriorities) ? 0 : -1;
}

int event_base_get_npriorities(event_base* base) {
    if (base == nullptr) base = current;
    const LockGuard guard(base->lock);
    return base->priorities;
}

int evthread_make_base_notifiable(event_base* base) {
    return base == nullptr ? -1 : 0;  // every base has its wake-up from the start
}

}  // extern "C"
