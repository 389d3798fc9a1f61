// Looking in: fields of an event, counts, lists of events, versions; and activating by descriptor.
#include "compat/base.h"
#include "compat/event_debug.h"
#include "compat/log.h"

#include <event2/event.h>

#include <cinttypes>
#include <cstdio>

using namespace corevent::compat;

namespace {

bool is(const event& ev, int flags) noexcept {
    return (ev.ev_evcallback.evcb_flags & flags) != 0;
}

void print_head(FILE* out, const event& ev) noexcept {
    const bool signal = (ev.ev_events & EV_SIGNAL) != 0;
    std::fprintf(out, "  %p [%s %d", static_cast<const void*>(&ev), signal ? "sig" : "fd ",
                 ev.ev_fd);
}

void print_bits(FILE* out, int bits, bool internal) noexcept {
    const struct {
        int bit;
        const char* name;
    } names[] = {{EV_READ, " Read"},     {EV_WRITE, " Write"},     {EV_CLOSED, " EOF"},
                 {EV_SIGNAL, " Signal"}, {EV_PERSIST, " Persist"}, {EV_ET, " ET"}};
    for (const auto& [bit, name] : names) {
        if ((bits & bit) != 0) std::fputs(name, out);
    }
    if (internal) std::fputs(" Internal", out);
}

int print_inserted(const event_base* base, const event* ev, void* arg) noexcept {
    FILE* const out = static_cast<FILE*>(arg);
    if (!is(*ev, EVLIST_INSERTED | EVLIST_TIMEOUT)) return 0;
    print_head(out, *ev);
    std::fputc(']', out);
    print_bits(out, ev->ev_events, is(*ev, EVLIST_INTERNAL));
    if (is(*ev, EVLIST_TIMEOUT)) {
        const timeval due = base->common_timeouts.marks(ev->ev_timeout)
                                ? CommonTimeouts::plain(ev->ev_timeout)
                                : ev->ev_timeout;
        const timeval wall = timeval_of(microseconds(due) + base->wall_offset_us);
        std::fprintf(out, " Timeout=%ld.%06d", static_cast<long>(wall.tv_sec),
                     static_cast<int>(wall.tv_usec));
    }
    std::fputc('\n', out);
    return 0;
}

int print_active(const event_base*, const event* ev, void* arg) noexcept {
    FILE* const out = static_cast<FILE*>(arg);
    if (!is(*ev, EVLIST_ACTIVE | EVLIST_ACTIVE_LATER)) return 0;
    print_head(out, *ev);
    std::fprintf(out, ", priority=%d]", ev->ev_evcallback.evcb_pri);
    print_bits(out, ev->ev_res, is(*ev, EVLIST_INTERNAL));
    if ((ev->ev_res & EV_TIMEOUT) != 0) std::fputs(" Timeout", out);
    if (is(*ev, EVLIST_ACTIVE_LATER)) std::fputs(" [NextTime]", out);
    std::fputs(" active\n", out);
    return 0;
}

int sum(const event_base& base, unsigned what, int EventCounts::* field) noexcept {
    int total = 0;
    if ((what & EVENT_BASE_COUNT_ACTIVE) != 0) total += base.active_count.*field;
    if ((what & EVENT_BASE_COUNT_VIRTUAL) != 0) total += base.virtual_count.*field;
    if ((what & EVENT_BASE_COUNT_ADDED) != 0) total += base.added.*field;
    return total;
}

}  // namespace

template <class F>
int event_base::for_each_event(F f) {
    const auto each = [&](EventList& list) {
        for (event* ev = list.first(); ev != nullptr; ev = EventList::next(*ev)) {
            if (const int result = f(*ev); result != 0) return result;
        }
        return 0;
    };
    if (const int result = io.for_each(each); result != 0) return result;
    if (const int result = signals.for_each(each); result != 0) return result;
    // Those that were not seen yet.
    int result = 0;
    timers.for_each([&](event& ev) {
        if (result == 0 && !is(ev, EVLIST_INSERTED)) result = f(ev);
    });
    if (result != 0) return result;
    result = common_timeouts.for_each_event([&](event& ev) {
        return is(ev, EVLIST_INSERTED) ? 0 : f(ev);
    });
    for (int i = 0; i <= priorities && result == 0; ++i) {
        ActiveQueue& queue = i < priorities ? active[i] : later;
        for (event_callback* cb = queue.front(); cb != nullptr && result == 0;
             cb = ActiveQueue::next(*cb)) {
            if ((cb->evcb_flags & EVLIST_INIT) == 0) continue;
            event& ev = event_of(*cb);
            if (!is(ev, EVLIST_INSERTED | EVLIST_TIMEOUT)) result = f(ev);
        }
    }
    return result;
}

extern "C" {

int event_initialized(const event* ev) {
    return is(*ev, EVLIST_INIT) ? 1 : 0;
}

evutil_socket_t event_get_fd(const event* ev) {
    check_setup(*ev, __func__);
    return ev->ev_fd;
}

event_base* event_get_base(const event* ev) {
    check_setup(*ev, __func__);
    return ev->ev_base;
}

short event_get_events(const event* ev) {
    check_setup(*ev, __func__);
    return ev->ev_events;
}

event_callback_fn event_get_callback(const event* ev) {
    check_setup(*ev, __func__);
    return ev->ev_evcallback.evcb_cb_union.evcb_callback;
}

void* event_get_callback_arg(const event* ev) {
    check_setup(*ev, __func__);
    return ev->ev_evcallback.evcb_arg;
}

int event_get_priority(const event* ev) {
    check_setup(*ev, __func__);
    return ev->ev_evcallback.evcb_pri;
}

void event_get_assignment(const event* ev, event_base** base_out, evutil_socket_t* fd_out,
                          short* events_out, event_callback_fn* callback_out, void** arg_out) {
    check_setup(*ev, __func__);
    if (base_out != nullptr) *base_out = ev->ev_base;
    if (fd_out != nullptr) *fd_out = ev->ev_fd;
    if (events_out != nullptr) *events_out = ev->ev_events;
    if (callback_out != nullptr) *callback_out = ev->ev_evcallback.evcb_cb_union.evcb_callback;
    if (arg_out != nullptr) *arg_out = ev->ev_evcallback.evcb_arg;
}

event* event_base_get_running_event(event_base* base) {
    const LockGuard guard(base->lock);
    if (!base->in_loop_thread() || base->current == nullptr) return nullptr;
    return (base->current->evcb_flags & EVLIST_INIT) != 0 ? &event_of(*base->current) : nullptr;
}

int event_base_get_num_events(event_base* base, unsigned what) {
    const LockGuard guard(base->lock);
    return sum(*base, what, &EventCounts::now);
}

int event_base_get_max_events(event_base* base, unsigned what, int clear) {
    const LockGuard guard(base->lock);
    const int most = sum(*base, what, &EventCounts::most);
    if (clear != 0) {
        if ((what & EVENT_BASE_COUNT_ACTIVE) != 0) base->active_count.most = 0;
        if ((what & EVENT_BASE_COUNT_VIRTUAL) != 0) base->virtual_count.most = 0;
        if ((what & EVENT_BASE_COUNT_ADDED) != 0) base->added.most = 0;
    }
    return most;
}

int event_base_foreach_event(event_base* base, event_base_foreach_event_cb fn, void* arg) {
    if (fn == nullptr || base == nullptr) return -1;
    const LockGuard guard(base->lock);
    return base->for_each_event([&](event& ev) { return fn(base, &ev, arg); });
}

void event_base_dump_events(event_base* base, FILE* output) {
    const LockGuard guard(base->lock);
    std::fputs("Inserted events:\n", output);
    base->for_each_event([&](event& ev) { return print_inserted(base, &ev, output); });
    std::fputs("Active events:\n", output);
    base->for_each_event([&](event& ev) { return print_active(base, &ev, output); });
}

void event_base_active_by_fd(event_base* base, evutil_socket_t fd, short events) {
    constexpr short io_events = EV_READ | EV_WRITE | EV_CLOSED;
    const LockGuard guard(base->lock);
    if ((events & EV_TIMEOUT) != 0) {  // timers alone then, as in libevent
        base->for_each_event([&](event& ev) {
            if (ev.ev_fd == fd && is(ev, EVLIST_TIMEOUT)) base->activate(ev, EV_TIMEOUT, 1);
            return 0;
        });
        return;
    }
    EventList* const list = base->io.of(fd);
    for (event* ev = list != nullptr ? list->first() : nullptr; ev != nullptr;
         ev = EventList::next(*ev)) {
        const short mine = static_cast<short>(ev->ev_events & events & io_events);
        if (mine != 0) base->activate(*ev, mine, 1);
    }
}

void event_base_active_by_signal(event_base* base, int sig) {
    const LockGuard guard(base->lock);
    EventList* const list = base->signals.of(sig);
    for (event* ev = list != nullptr ? list->first() : nullptr; ev != nullptr;
         ev = EventList::next(*ev)) {
        base->activate(*ev, EV_SIGNAL, 1);
    }
}

const timeval* event_base_init_common_timeout(event_base* base, const timeval* duration) {
    const LockGuard guard(base->lock);
    return base->common_timeouts.length(*base, *duration);
}

size_t event_get_struct_event_size(void) {
    return sizeof(event);
}

const char* event_get_version(void) {
    return EVENT__VERSION " (corevent)";
}

ev_uint32_t event_get_version_number(void) {
    return EVENT__NUMERIC_VERSION;
}

}  // extern "C"
