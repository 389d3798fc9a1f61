/* Locale-free strings, printing into bounded room, numbers and dates. */
#define _GNU_SOURCE
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int sign(int value) {
    return (value > 0) - (value < 0);
}

static void comparing(void) {
    static const char* const words[] = {"",     "a",    "A",    "b", "ab", "AB", "abc",
                                        "aBcD", "abcE", "[",    "{", "@",  "`",  "_",
                                        "\xc4", "\xe4", "\xff", "z", "Z",  "I",  "i"};
    enum { COUNT = sizeof words / sizeof words[0] };
    int i, j, n;
    for (i = 0; i < COUNT; i++) {
        printf("compare");
        for (j = 0; j < COUNT; j++) {
            printf(" %d", sign(evutil_ascii_strcasecmp(words[i], words[j])));
            for (n = 0; n < 5; n++)
                printf("/%d", sign(evutil_ascii_strncasecmp(words[i], words[j], (size_t)n)));
        }
        printf("\n");
    }
}

static int print(char* room, size_t size, const char* format, ...) {
    va_list arguments;
    int result;
    va_start(arguments, format);
    result = evutil_vsnprintf(room, size, format, arguments);
    va_end(arguments);
    return result;
}

static void printing(void) {
    size_t size;
    for (size = 0; size < 12; size++) {
        char room[16];
        memset(room, '#', sizeof room);
        printf("print %d", evutil_snprintf(room, size, "%d-%s", 1234, "word"));
        printf(" %.*s", (int)sizeof room, room[size] == '\0' ? "?" : room);
        memset(room, '#', sizeof room);
        printf(", %d", print(room, size, "%s", "0123456789"));
        printf(" %.16s\n", room);
    }
}

static void numbers(void) {
    static const char* const texts[] = {"0",
                                        "1",
                                        "-1",
                                        "+7",
                                        " 12",
                                        "12 ",
                                        "0x1F",
                                        "1F",
                                        "077",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "-9223372036854775809",
                                        "",
                                        "-",
                                        "x",
                                        "18446744073709551615",
                                        "zz",
                                        "0x",
                                        "\t\n 5"};
    static const int bases[] = {0, 2, 8, 10, 16, 36};
    unsigned i, j;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (j = 0; j < sizeof bases / sizeof bases[0]; j++) {
            char* end = NULL;
            ev_int64_t value;
            errno = 0;
            value = evutil_strtoll(texts[i], &end, bases[j]);
            printf("number %u base %d: %lld, %d used, errno %d, without end %lld\n", i, bases[j],
                   (long long)value, (int)(end - texts[i]), errno,
                   (long long)evutil_strtoll(texts[i], NULL, bases[j]));
        }
    }
}

static void dates(void) {
    static const time_t moments[] = {0,          784111777,  951782400, 1700000000,
                                     4102444799, 1709210096, -1,        253402300799};
    unsigned i;
    size_t size;
    for (i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        struct tm tm;
        char text[64];
        gmtime_r(&moments[i], &tm);
        printf("date %d", evutil_date_rfc1123(text, sizeof text, &tm));
        printf(" %s\n", text);
    }
    for (size = 0; size < 32; size++) {
        struct tm tm;
        char text[64];
        memset(text, '#', sizeof text);
        gmtime_r(&moments[1], &tm);
        printf("date in %d: %d", (int)size, evutil_date_rfc1123(text, size, &tm));
        printf(" %.32s\n", text);
    }
    {
        char now[64], then[64];
        time_t t;
        struct tm tm;
        int tries = 0, length;
        do {
            time(&t);
            gmtime_r(&t, &tm);
            length = evutil_date_rfc1123(now, sizeof now, NULL);
            evutil_date_rfc1123(then, sizeof then, &tm);
        } while (strcmp(now, then) != 0 && ++tries < 5);
        printf("now %d, as it should be %d\n", length, strcmp(now, then) == 0);
    }
}

int main(void) {
    setenv("TZ", "America/New_York", 1);
    comparing();
    printing();
    numbers();
    dates();
    printf("limits %d %d %d %d\n", EV_UINT8_MAX, EV_INT16_MIN, sizeof(ev_off_t) == 8,
           EV_SSIZE_MIN < 0);
    return 0;
}
