/* Arithmetic with timeval, the monotonic timers, and random octets. */
#define _GNU_SOURCE
#include <event2/util.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void arithmetic(void) {
    static const struct timeval values[] = {{0, 0},      {0, 1},       {0, 999999},  {1, 0},
                                            {1, 500000}, {-1, 999999}, {100, 250000}};
    enum { COUNT = sizeof values / sizeof values[0] };
    int i, j;
    for (i = 0; i < COUNT; i++) {
        for (j = 0; j < COUNT; j++) {
            const struct timeval *a = &values[i], *b = &values[j];
            struct timeval sum, difference;
            evutil_timeradd(a, b, &sum);
            evutil_timersub(a, b, &difference);
            printf("%d %d: sum %ld.%06ld difference %ld.%06ld < %d <= %d == %d != %d >= %d > %d\n",
                   i, j, (long)sum.tv_sec, (long)sum.tv_usec, (long)difference.tv_sec,
                   (long)difference.tv_usec, evutil_timercmp(a, b, <), evutil_timercmp(a, b, <=),
                   evutil_timercmp(a, b, ==), evutil_timercmp(a, b, !=), evutil_timercmp(a, b, >=),
                   evutil_timercmp(a, b, >));
        }
    }
    for (i = 0; i < COUNT; i++) {
        struct timeval value = values[i];
        printf("set %d", evutil_timerisset(&value) != 0);
        evutil_timerclear(&value);
        printf(" cleared %d\n", evutil_timerisset(&value) != 0);
    }
}

static void monotonic(int flags, int configure) {
    struct evutil_monotonic_timer* timer = evutil_monotonic_timer_new();
    struct timeval last, now, wall;
    int i, back = 0, configured = configure ? evutil_configure_monotonic_time(timer, flags) : 0;
    printf("timer with flags %d: %d", flags, configured);
    printf(", read %d", evutil_gettime_monotonic(timer, &last));
    for (i = 0; i < 1000; i++) {
        evutil_gettime_monotonic(timer, &now);
        back += evutil_timercmp(&now, &last, <);
        if (now.tv_usec < 0 || now.tv_usec >= 1000000) back += 1000000;
        last = now;
    }
    usleep(20000);
    evutil_gettime_monotonic(timer, &now);
    evutil_timersub(&now, &last, &now);
    evutil_gettimeofday(&wall, NULL);
    evutil_timersub(&wall, &last, &wall);
    printf(", %d times back, moved by a sleep %d, is the time of day %d\n", back,
           now.tv_sec > 0 || now.tv_usec >= 10000, wall.tv_sec >= 0 && wall.tv_sec < 60);
    evutil_monotonic_timer_free(timer);
}

static void random_octets(void) {
    unsigned char data[4096], again[4096], small[8] = {0};
    int histogram[256] = {0}, i, missing = 0;
    char device[] = "/no/such/device";
    printf("random: device %d", evutil_secure_rng_set_urandom_device_file(device));
    printf(", init %d", evutil_secure_rng_init());
    evutil_secure_rng_add_bytes("seed", 4);
    evutil_secure_rng_get_bytes(data, sizeof data);
    evutil_secure_rng_get_bytes(again, sizeof again);
    printf(", differ %d", memcmp(data, again, sizeof data) != 0);
    for (i = 0; i < (int)sizeof data; i++) histogram[data[i]]++;
    for (i = 0; i < 256; i++) missing += histogram[i] == 0 || histogram[i] > 64;
    printf(", values that are rare or too many %d", missing);
    evutil_secure_rng_get_bytes(small, 0);
    printf(", none of none %d\n", small[0] | small[7]);
}

int main(void) {
    arithmetic();
    monotonic(0, 0);
    monotonic(0, 1);
    monotonic(EV_MONOT_PRECISE, 1);
    monotonic(EV_MONOT_FALLBACK, 1);
    monotonic(EV_MONOT_FALLBACK | EV_MONOT_PRECISE, 1);
    evutil_monotonic_timer_free(NULL);
    random_octets();
    return 0;
}
