/* What ends a program: debug mode, settings that come too late, no base to be had; who is told. */
#include "event_support.h"

static void on_fatal(int error) {
    say("fatal: %x", (unsigned)error);
}
static void on_fatal_leave(int error) {
    say("fatal: %x, leaving", (unsigned)error);
    fflush(stdout);
    _exit(9);
}
static void nothing(evutil_socket_t fd, short what, void* arg) {}

static struct event_base* kept; /* what ends without being freed is no leak */

static struct event_base* debugged(void) {
    event_set_log_callback(count_messages);
    event_set_fatal_callback(on_fatal);
    event_enable_debug_mode();
    return kept = event_base_new();
}

static void twice(void) {
    debugged();
    event_enable_debug_mode();
}
static void late(void) {
    struct event_base* base;
    event_set_log_callback(count_messages);
    base = event_base_new();
    event_base_free(base);
    event_enable_debug_mode();
}
static void late_without_callback(void) {
    fclose(stderr);
    event_base_free(event_base_new());
    event_enable_debug_mode();
}
static void late_leaving(void) {
    event_set_log_callback(count_messages);
    event_set_fatal_callback(on_fatal_leave);
    event_base_free(event_base_new());
    event_enable_debug_mode();
}
static void assigned_twice(void) {
    struct event_base* base = debugged();
    struct event ev;
    say("%d", event_assign(&ev, base, -1, 0, nothing, NULL));
    say("%d", event_assign(&ev, base, -1, 0, nothing, NULL));
    say("%d", event_add(&ev, &never));
    say("%d", event_assign(&ev, base, -1, 0, nothing, NULL));
}
static void assigned_twice_without_callback(void) {
    struct event_base* base;
    struct event ev;
    fclose(stderr);
    event_enable_debug_mode();
    base = event_base_new();
    event_assign(&ev, base, -1, 0, nothing, NULL);
    event_add(&ev, &never);
    event_assign(&ev, base, -1, 0, nothing, NULL);
}
static void not_assigned(int which) {
    struct event_base* base = debugged();
    struct event ev;
    memset(&ev, 0, sizeof(ev));
    ev.ev_base = base;
    switch (which) {
        case 0: event_add(&ev, &never); break;
        case 1: event_del(&ev); break;
        case 2: event_active(&ev, EV_READ, 1); break;
        case 3: event_pending(&ev, EV_READ, NULL); break;
        case 4: event_get_fd(&ev); break;
        case 5: event_priority_set(&ev, 0); break;
        case 6: event_base_set(base, &ev); break;
    }
    say("survived");
}
static void add_not_assigned(void) {
    not_assigned(0);
}
static void del_not_assigned(void) {
    not_assigned(1);
}
static void active_not_assigned(void) {
    not_assigned(2);
}
static void pending_not_assigned(void) {
    not_assigned(3);
}
static void fd_not_assigned(void) {
    not_assigned(4);
}
static void priority_not_assigned(void) {
    not_assigned(5);
}
static void set_not_assigned(void) {
    not_assigned(6);
}
static void unassigned(void) {
    struct event_base* base = debugged();
    struct event ev;
    event_assign(&ev, base, -1, 0, nothing, NULL);
    event_add(&ev, &never);
    event_del(&ev);
    event_debug_unassign(&ev);
    say("initialized: %d", event_initialized(&ev));
    event_assign(&ev, base, -1, 0, nothing, NULL);
    event_debug_unassign(&ev);
    say("used after that");
    event_add(&ev, &never);
}
static void unassigned_while_pending(void) {
    struct event_base* base = debugged();
    struct event ev;
    event_assign(&ev, base, -1, 0, nothing, NULL);
    event_add(&ev, &never);
    event_debug_unassign(&ev);
}
static void freed_and_used(void) {
    struct event_base* base = debugged();
    struct event* ev = event_new(base, -1, 0, nothing, NULL);
    event_free(ev);
    ev = event_new(base, -1, 0, nothing, NULL);
    event_add(ev, &at_once);
    loop(base, EVLOOP_ONCE);
    event_base_once(base, -1, EV_TIMEOUT, nothing, NULL, NULL);
    loop(base, EVLOOP_ONCE);
    event_base_init_common_timeout(base, &soon);
    event_add(ev, event_base_init_common_timeout(base, &soon));
    loop(base, EVLOOP_ONCE);
    event_free(ev);
    event_base_free(base);
    libevent_global_shutdown();
    say("end");
}
static void blocking(void) {
    struct event_base* base = debugged();
    int fd[2];
    struct event ev;
    if (pipe(fd) != 0) {
        return;
    }
    say("%d", event_assign(&ev, base, fd[0], EV_READ, nothing, NULL));
}
static void no_base(void) {
    event_set_log_callback(count_messages);
    event_set_fatal_callback(on_fatal);
    setenv("EVENT_NOEPOLL", "1", 1);
    setenv("EVENT_NOPOLL", "1", 1);
    setenv("EVENT_NOSELECT", "1", 1);
    event_init();
}
static void contradictory_set(void) {
    struct event ev;
    event_set_log_callback(count_messages);
    event_set_fatal_callback(on_fatal);
    event_init();
    event_set(&ev, 3, EV_SIGNAL | EV_READ, nothing, NULL);
    say("survived");
}
static void global_base_freed(void) {
    event_set_log_callback(count_messages);
    event_base_free(NULL);
    event_base_free(event_init());
    event_init();
    event_base_free(NULL);
    event_base_free(NULL);
    say("end");
}

int main(void) {
    in_child("debug mode twice", twice);
    in_child("debug mode too late", late);
    in_child("debug mode too late, nobody told", late_without_callback);
    in_child("debug mode too late, the callback leaves", late_leaving);
    in_child("assigned while pending", assigned_twice);
    in_child("assigned while pending, nobody told", assigned_twice_without_callback);
    in_child("add what is no event", add_not_assigned);
    in_child("del what is no event", del_not_assigned);
    in_child("activate what is no event", active_not_assigned);
    in_child("ask what is no event", pending_not_assigned);
    in_child("descriptor of what is no event", fd_not_assigned);
    in_child("priority of what is no event", priority_not_assigned);
    in_child("base of what is no event", set_not_assigned);
    in_child("unassigned", unassigned);
    in_child("unassigned while pending", unassigned_while_pending);
    in_child("freed and made again", freed_and_used);
    in_child("a descriptor that blocks", blocking);
    in_child("no base", no_base);
    in_child("event_set with a contradiction", contradictory_set);
    in_child("the global base is freed", global_base_freed);
    return 0;
}
