/* Rate limits: configurations, buckets by hand, octets per tick within tolerance, groups and their
 * shares. Ticks are long where exact figures are printed, and short where time is measured. */
#include "bufferevent_support.h"

static struct timeval hour = {3600, 0};

static void configurations(void) {
    struct ev_token_bucket_cfg* cfg;
    heading("configurations");
    say("burst below rate %p", (void*)ev_token_bucket_cfg_new(10, 9, 10, 10, NULL));
    say("write burst below rate %p", (void*)ev_token_bucket_cfg_new(10, 10, 10, 9, NULL));
    say("rate 0 %p", (void*)ev_token_bucket_cfg_new(0, 10, 10, 10, NULL));
    say("write rate 0 %p", (void*)ev_token_bucket_cfg_new(10, 10, 0, 10, NULL));
    say("too large %p",
        (void*)ev_token_bucket_cfg_new(10, (size_t)EV_RATE_LIMIT_MAX + 1, 10, 10, NULL));
    say("too large rate %p",
        (void*)ev_token_bucket_cfg_new((size_t)EV_RATE_LIMIT_MAX + 1, (size_t)EV_RATE_LIMIT_MAX + 1,
                                       10, 10, NULL));
    cfg = ev_token_bucket_cfg_new(EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX, EV_RATE_LIMIT_MAX,
                                  EV_RATE_LIMIT_MAX, NULL);
    check(cfg != NULL, "largest");
    ev_token_bucket_cfg_free(cfg);
}

static void by_hand(void) {
    struct side a;
    int raw;
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(100, 300, 50, 60, &hour);
    struct ev_token_bucket_cfg* small = ev_token_bucket_cfg_new(10, 20, 10, 20, &hour);
    heading("by hand");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    say("set %d", bufferevent_set_rate_limit(a.bev, cfg));
    check(bufferevent_get_token_bucket_cfg(a.bev) == cfg, "cfg");
    say("limits %ld %ld, next %ld %ld", (long)bufferevent_get_read_limit(a.bev),
        (long)bufferevent_get_write_limit(a.bev), (long)bufferevent_get_max_to_read(a.bev),
        (long)bufferevent_get_max_to_write(a.bev));
    say("decrement %d %d", bufferevent_decrement_read_limit(a.bev, 30),
        bufferevent_decrement_write_limit(a.bev, 80));
    say("limits %ld %ld, next %ld %ld", (long)bufferevent_get_read_limit(a.bev),
        (long)bufferevent_get_write_limit(a.bev), (long)bufferevent_get_max_to_read(a.bev),
        (long)bufferevent_get_max_to_write(a.bev));
    bufferevent_write(a.bev, "held", 4);
    turn();
    say("out %lu", (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)));
    say("put back %d", bufferevent_decrement_write_limit(a.bev, -100));
    turn();
    say("out %lu, limit %ld", (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)),
        (long)bufferevent_get_write_limit(a.bev));
    say("same again %d", bufferevent_set_rate_limit(a.bev, cfg));
    say("limits %ld %ld", (long)bufferevent_get_read_limit(a.bev),
        (long)bufferevent_get_write_limit(a.bev));
    say("smaller %d", bufferevent_set_rate_limit(a.bev, small));
    say("limits %ld %ld", (long)bufferevent_get_read_limit(a.bev),
        (long)bufferevent_get_write_limit(a.bev));
    say("larger %d", bufferevent_set_rate_limit(a.bev, cfg));
    say("limits %ld %ld", (long)bufferevent_get_read_limit(a.bev),
        (long)bufferevent_get_write_limit(a.bev));
    bufferevent_enable(a.bev, EV_READ);
    if (write(raw, "0123456789012345678901234567890123456789", 40) != 40) abort();
    turn();
    say("limits %ld", (long)bufferevent_get_read_limit(a.bev));
    turn();
    say("none %d", bufferevent_set_rate_limit(a.bev, NULL));
    say("cfg %p", (const void*)bufferevent_get_token_bucket_cfg(a.bev));
    turn();
    say("none again %d", bufferevent_set_rate_limit(a.bev, NULL));
    check(bufferevent_get_read_limit(a.bev) == EV_SSIZE_MAX, "unlimited");
    bufferevent_free(a.bev);
    turn();
    close(raw);
    ev_token_bucket_cfg_free(cfg);
    ev_token_bucket_cfg_free(small);
}

static void first_tick(void) {
    struct side a;
    int raw;
    char block[400];
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(150, 300, 120, 240, &hour);
    heading("no more than the bucket holds");
    fill(block, sizeof block);
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_set_rate_limit(a.bev, cfg);
    bufferevent_enable(a.bev, EV_READ);
    if (write(raw, block, sizeof block) != (ssize_t)sizeof block) abort();
    turn();
    say("read %lu, limit %ld", (unsigned long)a.total, (long)bufferevent_get_read_limit(a.bev));
    bufferevent_write(a.bev, block, sizeof block);
    turn();
    say("left %lu, raw got %lu, limit %ld",
        (unsigned long)evbuffer_get_length(bufferevent_get_output(a.bev)),
        (unsigned long)swallow(raw), (long)bufferevent_get_write_limit(a.bev));
    bufferevent_disable(a.bev, EV_READ | EV_WRITE);
    bufferevent_enable(a.bev, EV_READ | EV_WRITE);
    turn();
    say("still: read %lu, raw got %lu", (unsigned long)a.total, (unsigned long)swallow(raw));
    bufferevent_set_rate_limit(a.bev, NULL);
    turn();
    say("unlimited: read %lu, raw got %lu", (unsigned long)a.total, (unsigned long)swallow(raw));
    bufferevent_free(a.bev);
    turn();
    close(raw);
    ev_token_bucket_cfg_free(cfg);
}

static void over_time(int writing) {
    struct side a, b;
    int fds[2];
    size_t half, all;
    char* block = malloc(100000);
    struct timeval tick = {0, 20000};
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(1000, 1000, 1000, 1000, &tick);
    say("== 1000 octets per 20 ms, %s", writing ? "writing" : "reading");
    fill(block, 100000);
    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
    evutil_make_socket_nonblocking(fds[0]);
    evutil_make_socket_nonblocking(fds[1]);
    attach(&a, "a", bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE));
    attach(&b, "b", bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE));
    a.quiet_read = b.quiet_read = 1;
    bufferevent_set_rate_limit(writing ? a.bev : b.bev, cfg);
    bufferevent_enable(b.bev, EV_READ);
    bufferevent_write(a.bev, block, 100000);
    turn_for_ms(110);
    half = b.total;
    turn_for_ms(100);
    all = b.total;
    check(half >= 3000 && half <= 8000, "5 ticks give about 6000");
    check(all - half >= 3000 && all - half <= 7000, "5 more about 5000");
    bufferevent_set_rate_limit(writing ? a.bev : b.bev, NULL);
    turn();
    say("at last %lu", (unsigned long)b.total);
    bufferevent_free(a.bev);
    bufferevent_free(b.bev);
    turn();
    ev_token_bucket_cfg_free(cfg);
    free(block);
}

/* --- Groups */

static void group_by_hand(void) {
    struct side a, b;
    int raw[2];
    ev_uint64_t read_total, written_total;
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(1000, 2000, 500, 600, &hour);
    struct ev_token_bucket_cfg* small = ev_token_bucket_cfg_new(30, 40, 50, 60, &hour);
    struct bufferevent_rate_limit_group* group = bufferevent_rate_limit_group_new(base, cfg);
    heading("groups by hand");
    say("limits %ld %ld", (long)bufferevent_rate_limit_group_get_read_limit(group),
        (long)bufferevent_rate_limit_group_get_write_limit(group));
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw[0]);
    socket_side(&b, "b", BEV_OPT_CLOSE_ON_FREE, &raw[1]);
    say("add %d", bufferevent_add_to_rate_limit_group(a.bev, group));
    say("next %ld %ld", (long)bufferevent_get_max_to_read(a.bev),
        (long)bufferevent_get_max_to_write(a.bev));
    say("add %d, again %d", bufferevent_add_to_rate_limit_group(b.bev, group),
        bufferevent_add_to_rate_limit_group(b.bev, group));
    say("next %ld %ld", (long)bufferevent_get_max_to_read(a.bev),
        (long)bufferevent_get_max_to_write(a.bev));
    say("min share %d", bufferevent_rate_limit_group_set_min_share(group, 700));
    say("next %ld %ld", (long)bufferevent_get_max_to_read(a.bev),
        (long)bufferevent_get_max_to_write(a.bev));
    say("min share %d", bufferevent_rate_limit_group_set_min_share(group, 10));
    say("too much %d", bufferevent_rate_limit_group_set_min_share(group, (size_t)EV_SSIZE_MAX + 1));
    bufferevent_enable(a.bev, EV_READ);
    put(raw[0], "0123456789");
    turn();
    bufferevent_write(b.bev, "abc", 3);
    turn();
    bufferevent_rate_limit_group_get_totals(group, &read_total, &written_total);
    say("totals %lu %lu", (unsigned long)read_total, (unsigned long)written_total);
    say("limits %ld %ld", (long)bufferevent_rate_limit_group_get_read_limit(group),
        (long)bufferevent_rate_limit_group_get_write_limit(group));
    say("own limit %d", bufferevent_get_read_limit(a.bev) == EV_SSIZE_MAX);
    say("decrement %d %d", bufferevent_rate_limit_group_decrement_read(group, 1000),
        bufferevent_rate_limit_group_decrement_write(group, 10));
    say("limits %ld %ld, next %ld", (long)bufferevent_rate_limit_group_get_read_limit(group),
        (long)bufferevent_rate_limit_group_get_write_limit(group),
        (long)bufferevent_get_max_to_read(a.bev));
    put(raw[0], "held");
    turn();
    say("put back %d", bufferevent_rate_limit_group_decrement_read(group, -500));
    turn();
    bufferevent_rate_limit_group_get_totals(group, NULL, &written_total);
    bufferevent_rate_limit_group_get_totals(group, &read_total, NULL);
    say("totals %lu %lu", (unsigned long)read_total, (unsigned long)written_total);
    bufferevent_rate_limit_group_reset_totals(group);
    bufferevent_rate_limit_group_get_totals(group, &read_total, &written_total);
    say("totals %lu %lu", (unsigned long)read_total, (unsigned long)written_total);
    say("set_cfg %d", bufferevent_rate_limit_group_set_cfg(group, small));
    say("limits %ld %ld, next %ld %ld", (long)bufferevent_rate_limit_group_get_read_limit(group),
        (long)bufferevent_rate_limit_group_get_write_limit(group),
        (long)bufferevent_get_max_to_read(a.bev), (long)bufferevent_get_max_to_write(a.bev));
    say("set_cfg NULL %d", bufferevent_rate_limit_group_set_cfg(NULL, small));
    say("both limits %d", bufferevent_set_rate_limit(a.bev, small));
    say("remove %d", bufferevent_remove_from_rate_limit_group(a.bev));
    say("next %ld", (long)bufferevent_get_max_to_read(a.bev));
    say("remove %d, again %d", bufferevent_remove_from_rate_limit_group(b.bev),
        bufferevent_remove_from_rate_limit_group(b.bev));
    say("next %ld", (long)bufferevent_get_max_to_read(b.bev));
    bufferevent_rate_limit_group_free(group);
    bufferevent_free(a.bev);
    bufferevent_free(b.bev);
    turn();
    close(raw[0]);
    close(raw[1]);
    ev_token_bucket_cfg_free(cfg);
    ev_token_bucket_cfg_free(small);
}

static void group_over_time(void) {
    enum { members = 4 };
    struct side sides[members];
    int raw[members], i;
    size_t all = 0, least = 1000000, most = 0;
    ev_uint64_t read_total;
    struct timeval tick = {0, 20000};
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(4000, 4000, 4000, 4000, &tick);
    struct bufferevent_rate_limit_group* group = bufferevent_rate_limit_group_new(base, cfg);
    char* block = malloc(100000);
    heading("a group of four, 4000 octets per 20 ms");
    fill(block, 100000);
    for (i = 0; i < members; ++i) {
        socket_side(&sides[i], "member", BEV_OPT_CLOSE_ON_FREE, &raw[i]);
        sides[i].quiet_read = 1;
        bufferevent_add_to_rate_limit_group(sides[i].bev, group);
        bufferevent_enable(sides[i].bev, EV_READ);
        if (write(raw[i], block, 100000) != 100000) abort();
    }
    turn_for_ms(210);
    for (i = 0; i < members; ++i) {
        all += sides[i].total;
        if (sides[i].total < least) least = sides[i].total;
        if (sides[i].total > most) most = sides[i].total;
    }
    bufferevent_rate_limit_group_get_totals(group, &read_total, NULL);
    check(read_total == all, "totals agree");
    check(all >= 24000 && all <= 56000, "about 44000");
    check(least * 4 > most, "nobody starves");
    for (i = 0; i < members; ++i) bufferevent_remove_from_rate_limit_group(sides[i].bev);
    turn();
    all = 0;
    for (i = 0; i < members; ++i) all += sides[i].total;
    say("at last %lu", (unsigned long)all);
    for (i = 0; i < members; ++i) {
        bufferevent_free(sides[i].bev);
        close(raw[i]);
    }
    turn();
    bufferevent_rate_limit_group_free(group);
    ev_token_bucket_cfg_free(cfg);
    free(block);
}

static void freed_in_group(void) {
    struct side a;
    int raw;
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(10, 10, 10, 10, &hour);
    struct bufferevent_rate_limit_group* one = bufferevent_rate_limit_group_new(base, cfg);
    struct bufferevent_rate_limit_group* two = bufferevent_rate_limit_group_new(base, cfg);
    heading("changing groups, freed in one");
    socket_side(&a, "a", BEV_OPT_CLOSE_ON_FREE, &raw);
    bufferevent_set_rate_limit(a.bev, cfg);
    say("add %d", bufferevent_add_to_rate_limit_group(a.bev, one));
    bufferevent_rate_limit_group_decrement_read(two, 100);
    say("other %d", bufferevent_add_to_rate_limit_group(a.bev, two));
    bufferevent_rate_limit_group_free(one);
    bufferevent_enable(a.bev, EV_READ);
    put(raw, "x");
    turn();
    say("back %d", bufferevent_rate_limit_group_decrement_read(two, -200));
    turn();
    bufferevent_free(a.bev);
    turn();
    bufferevent_rate_limit_group_free(two);
    ev_token_bucket_cfg_free(cfg);
    close(raw);
}

static void pair_limit(void) {
    struct bufferevent* pair[2];
    struct side a, b;
    struct ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(5, 5, 5, 5, &hour);
    heading("a limited pair");
    bufferevent_pair_new(base, 0, pair);
    attach(&a, "a", pair[0]);
    attach(&b, "b", pair[1]);
    say("set %d", bufferevent_set_rate_limit(a.bev, cfg));
    bufferevent_enable(b.bev, EV_READ);
    bufferevent_write(a.bev, "0123456789", 10);
    turn();
    say("limit %ld", (long)bufferevent_get_write_limit(a.bev));
    bufferevent_free(a.bev);
    bufferevent_free(b.bev);
    turn();
    ev_token_bucket_cfg_free(cfg);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(silent_log);
    base = event_base_new();
    configurations();
    by_hand();
    first_tick();
    over_time(0);
    over_time(1);
    group_by_hand();
    group_over_time();
    freed_in_group();
    pair_limit();
    event_base_free(base);
    return 0;
}
