/* Which base a configuration and an environment give, and what it says of itself. */
#include "event_support.h"

static void show(const char* what, struct event_base* base) {
    if (base == NULL) {
        say("%s: none", what);
        return;
    }
    say("%s: %s, features %x, priorities %d", what, event_base_get_method(base),
        (unsigned)event_base_get_features(base), event_base_get_npriorities(base));
    event_base_free(base);
}

static void made(const char* what, struct event_config* config) {
    show(what, event_base_new_with_config(config));
    event_config_free(config);
}

static void features(void) {
    static const int wanted[] = {0,
                                 EV_FEATURE_ET,
                                 EV_FEATURE_O1,
                                 EV_FEATURE_FDS,
                                 EV_FEATURE_EARLY_CLOSE,
                                 EV_FEATURE_ET | EV_FEATURE_O1,
                                 EV_FEATURE_ET | EV_FEATURE_FDS,
                                 EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE};
    heading("features");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); ++i) {
        struct event_config* config = event_config_new();
        say("require %x: %d", (unsigned)wanted[i],
            event_config_require_features(config, wanted[i]));
        made("got", config);
    }
    {
        struct event_config* config = event_config_new();
        event_config_require_features(config, EV_FEATURE_FDS);
        event_config_require_features(config, EV_FEATURE_ET);
        made("the last counts", config);
    }
}

static void methods(void) {
    const char** names = event_get_supported_methods();
    struct event_config* config;
    heading("methods");
    for (int i = 0; names[i]; ++i) {
        say("%s", names[i]);
    }
    for (int skip = 1; skip < 8; ++skip) {
        config = event_config_new();
        for (int i = 0; i < 3; ++i) {
            if (skip & 1 << i) {
                say("avoid %s: %d", names[i], event_config_avoid_method(config, names[i]));
            }
        }
        made("got", config);
    }
    config = event_config_new();
    say("avoid what is not there: %d", event_config_avoid_method(config, "kqueue"));
    made("got", config);
    config = event_config_new();
    event_config_avoid_method(config, "EPOLL");
    made("names have one case", config);
}

static void environment(void) {
    static const char* const sets[][3] = {{"EVENT_NOEPOLL", NULL, NULL},
                                          {"EVENT_NOEPOLL", "EVENT_NOPOLL", NULL},
                                          {"EVENT_NOPOLL", NULL, NULL},
                                          {"EVENT_NOEPOLL", "EVENT_NOPOLL", "EVENT_NOSELECT"},
                                          {"EVENT_EPOLL_USE_CHANGELIST", NULL, NULL},
                                          {"EVENT_EPOLL_USE_CHANGELIST", "EVENT_NOEPOLL", NULL},
                                          {"EVENT_SHOW_METHOD", NULL, NULL},
                                          {"EVENT_PRECISE_TIMER", NULL, NULL}};
    heading("environment");
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); ++i) {
        struct event_config* config = event_config_new();
        for (int k = 0; k < 3 && sets[i][k]; ++k) {
            say("%s", sets[i][k]);
            setenv(sets[i][k], i % 2 ? "" : "1", 1);
        }
        show("got", event_base_new());
        event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
        made("ignored", config);
        for (int k = 0; k < 3 && sets[i][k]; ++k) {
            unsetenv(sets[i][k]);
        }
    }
}

static void flags(void) {
    heading("flags");
    for (int flag = 1; flag <= 0x20; flag *= 2) {
        struct event_config* config = event_config_new();
        say("flag %d: %d", flag, event_config_set_flag(config, flag));
        made("got", config);
    }
    say("without a configuration: %d %d %d", event_config_set_flag(NULL, 1),
        event_config_require_features(NULL, 1), event_config_set_num_cpus_hint(NULL, 1));
    {
        struct event_config* config = event_config_new();
        say("processors: %d", event_config_set_num_cpus_hint(config, 4));
        made("got", config);
    }
    show("none given", event_base_new_with_config(NULL));
}

static void fields(void) {
    struct event_base *base = event_base_new(), *other = event_base_new();
    struct event *ev, embedded;
    struct event_base* b;
    evutil_socket_t fd;
    short events;
    event_callback_fn callback;
    void* arg;
    heading("fields");
    ev = event_new(base, 7, EV_READ | EV_PERSIST, on_named, base);
    event_get_assignment(ev, &b, &fd, &events, &callback, &arg);
    say("%d %d %s %d %d", b == base, fd, words(events), callback == on_named, arg == base);
    event_get_assignment(ev, NULL, NULL, NULL, NULL, NULL);
    say("%d %d %s %d %d %d", event_get_base(ev) == base, event_get_fd(ev),
        words(event_get_events(ev)), event_get_callback(ev) == on_named,
        event_get_callback_arg(ev) == base, event_get_priority(ev));
    say("initialized %d", event_initialized(ev));
    say("to another base: %d", event_base_set(other, ev));
    say("%d", event_get_base(ev) == other);
    event_active(ev, EV_READ, 1);
    say("while active: %d", event_base_set(base, ev));
    event_free(ev);
    ev = event_new(base, -1, 0, on_named, event_self_cbarg());
    say("itself: %d", event_get_callback_arg(ev) == ev);
    event_add(ev, &never);
    say("while pending: %d", event_base_set(other, ev));
    event_free(ev);
    say("contradiction: %s",
        event_new(base, 3, EV_SIGNAL | EV_READ, on_named, NULL) ? "made" : "none");
    memset(&embedded, 0, sizeof(embedded));
    say("cleared memory: %d", event_initialized(&embedded));
    say("size %d, version %.13s, %x", (int)event_get_struct_event_size(), event_get_version(),
        (unsigned)event_get_version_number());
    memset(&embedded, 0x5a, sizeof(embedded));
    say("assign: %d", event_assign(&embedded, base, 5, EV_WRITE, on_named, NULL));
    say("signal %d", event_get_signal(&embedded));
    memset(&embedded, 0, sizeof(embedded));
    say("without a base: %d", event_assign(&embedded, NULL, -1, 0, on_named, NULL));
    say("add %d, del %d, pending %d", event_add(&embedded, &never), event_del(&embedded),
        event_pending(&embedded, EV_TIMEOUT, NULL));
    say("remove %d", event_remove_timer(&embedded));
    event_active(&embedded, EV_READ, 1);
    event_base_free(base);
    event_base_free(other);
}

static void most(void) {
    struct event_base* base = event_base_new();
    struct named n[4];
    int fd[2];
    heading("counts and maxima");
    make_pair(fd);
    for (int i = 0; i < 4; ++i) {
        name(&n[i], "n", base, fd[0], EV_READ | EV_PERSIST);
        add(&n[i], i % 2 ? &never : NULL);
        counts(base);
    }
    event_active(&n[0].ev, EV_READ, 1);
    counts(base);
    for (int i = 0; i < 3; ++i) {
        del(&n[i]);
    }
    for (unsigned what = 0; what < 8; ++what) {
        say("%u: now %d, most %d", what, event_base_get_num_events(base, what),
            event_base_get_max_events(base, what, 0));
    }
    say("%d", event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 1));
    say("%d", event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE, 0));
    add(&n[0], NULL);
    say("%d", event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 0));
    event_base_free(base);
    close(fd[0]);
    close(fd[1]);
}

int main(void) {
    event_set_log_callback(count_messages);
    features();
    methods();
    environment();
    flags();
    fields();
    most();
    return 0;
}
