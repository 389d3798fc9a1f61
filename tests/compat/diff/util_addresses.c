/* Addresses as text: into octets and back, with interface and with port, and their order. */
#define _GNU_SOURCE
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const char* const texts[] = {
    "0.0.0.0",
    "1.2.3.4",
    "255.255.255.255",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4x",
    "01.2.3.4",
    "1.2.3.004",
    "001.002.003.004",
    "1.2.3.",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1..3.4",
    "-1.2.3.4",
    "+1.2.3.4",
    "0x1.2.3.4",
    "1.2.3.0004",
    " 1. 2.3.4",
    "1 .2.3.4",
    "-0.2.3.4",
    "",
    "::",
    "::1",
    "1::",
    "1::2",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "1:2:3::5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1::2::3",
    ":::",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "::ffff:1.2.3.4",
    "::1.2.3.4",
    "1:2:3:4:5:6:1.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::1.2.3.256",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "fe80::1",
    "FE80::ABCD",
    "fe80::12345",
    "fe80::g",
    "::00001",
    "fe80::1%lo",
    "fe80::1%1",
    "fe80::1%",
    "fe80::1%nosuch",
    "fe80::1%99",
    "fe80::1%%lo",
    "::1%lo",
    "1.2.3.4%lo",
    "%lo",
    "fe80::1%4294967296",
    "fe80::1%-1",
    "fe80::1%0",
    "fe80::1%1x",
    "[::1]",
    "[::1",
    "::1]",
    "[::1]:",
    "[::1]:80",
    "[::1]:0",
    "[::1]:65535",
    "[::1]:65536",
    "[::1]:x",
    "[::1]80",
    "[]:80",
    "[1.2.3.4]:80",
    "[fe80::1%lo]:80",
    "[fe80::1%1]",
    "[::1]:80x",
    "[::1]: 80",
    "[[::1]]:80",
    "[::1]]:80",
    "1.2.3.4:80",
    "1.2.3.4:",
    "1.2.3.4:0",
    "1.2.3.4:65535",
    "1.2.3.4:65536",
    "1.2.3.4:99999999999",
    "1.2.3.4:80x",
    "1.2.3.4:x",
    "1.2.3.4:-1",
    "1.2.3.4:+80",
    "1.2.3.4: 80",
    "1.2.3.4:80:80",
    ":80",
    ":",
    "localhost:80",
    "localhost",
    "1.2.3.4:0080",
    "1.2.3.4:0x50",
    "[1:2:3:4:5:6:7:8]:8080",
    "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"
    ":0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80",
    "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80",
    "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
    "111111111111111111111111111111111111111"
    ".2.3.4:80"};

enum { TEXTS = sizeof texts / sizeof texts[0] };

static void octets(const unsigned char* data, int count) {
    int i;
    for (i = 0; i < count; i++) printf("%02x", data[i]);
}

static void pton(const char* text) {
    unsigned char out[16];
    unsigned index = 77;
    int result;
    memset(out, 0xee, sizeof out);
    printf("\"%s\": v4 %d ", text, result = evutil_inet_pton(AF_INET, text, out));
    if (result == 1) octets(out, 4);
    memset(out, 0xee, sizeof out);
    printf(", v6 %d ", result = evutil_inet_pton(AF_INET6, text, out));
    if (result == 1) octets(out, 16);
    memset(out, 0xee, sizeof out);
    result = evutil_inet_pton_scope(AF_INET6, text, out, &index);
    printf(", scope %d ", result);
    if (result == 1) {
        octets(out, 16);
        printf(" of %u", index);
    }
    index = 77;
    result = evutil_inet_pton_scope(AF_INET, text, out, &index);
    printf(", v4 scope %d", result);
    if (result == 1) printf(" of %u", index);
    printf("\n");
}

static void parse(const char* text, int room) {
    struct sockaddr_storage out;
    int used = room, result;
    memset(&out, 0xee, sizeof out);
    result = evutil_parse_sockaddr_port(text, (struct sockaddr*)&out, &used);
    printf("  in %d octets: %d, used %d", room, result, used);
    if (result == 0) {
        char name[64] = "";
        if (out.ss_family == AF_INET) {
            struct sockaddr_in* in = (struct sockaddr_in*)&out;
            printf(", %s port %d, rest",
                   evutil_inet_ntop(AF_INET, &in->sin_addr, name, sizeof name),
                   ntohs(in->sin_port));
            octets(in->sin_zero, 8);
        } else if (out.ss_family == AF_INET6) {
            struct sockaddr_in6* in = (struct sockaddr_in6*)&out;
            printf(", %s port %d scope %u flow %u",
                   evutil_inet_ntop(AF_INET6, &in->sin6_addr, name, sizeof name),
                   ntohs(in->sin6_port), in->sin6_scope_id, in->sin6_flowinfo);
        } else {
            printf(", family %d", out.ss_family);
        }
    }
    printf("\n");
}

static void ntop(void) {
    static const unsigned char addresses[][16] = {
        {0},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
        {0, 1},
        {0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 5},
        {0, 1, 0, 2, 0, 0, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4},
        {0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8},
        {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0xab, 0xcd, 0xef, 1, 2, 3, 4, 5},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff},
        {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},
        {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 0},
        {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0},
        {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}};
    static const size_t rooms[] = {64, 46, 40, 39, 16, 15, 8, 7, 4, 3, 2, 1, 0};
    char text[64];
    unsigned i, j;
    for (i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        const char* name = evutil_inet_ntop(AF_INET6, addresses[i], text, sizeof text);
        size_t length =
            strlen(name); /* room for all but the NUL is refused here, and cut short elsewhere */
        printf("ntop %s", name);
        printf(", v4 %s, length", evutil_inet_ntop(AF_INET, addresses[i], text, sizeof text));
        for (j = 0; j < sizeof rooms / sizeof rooms[0]; j++) {
            printf(" %d", evutil_inet_ntop(AF_INET, addresses[i], text, rooms[j]) != NULL);
            if (rooms[j] != length)
                printf("%d", evutil_inet_ntop(AF_INET6, addresses[i], text, rooms[j]) != NULL);
        }
        printf("\n");
    }
    printf("other families: %d %d %d\n",
           evutil_inet_ntop(AF_UNIX, addresses[0], text, sizeof text) == NULL,
           evutil_inet_pton(AF_UNIX, "1.2.3.4", text),
           evutil_inet_pton_scope(AF_UNIX, "1.2.3.4", text, &i));
}

static int sign(int value) {
    return (value > 0) - (value < 0);
}

static void order(void) {
    static const char* const names[] = {
        "1.2.3.4:80",   "1.2.3.4:81",   "1.2.3.4:256",    "1.2.3.4:33000",      "1.2.3.5:80",
        "1.2.3.200:80", "200.2.3.4:80", "4.3.2.1:80",     "[::1]:80",           "[::1]:81",
        "[::2]:80",     "[fe80::1]:1",  "[fe80::1%lo]:1", "[::ffff:1.2.3.4]:80"};
    enum { COUNT = sizeof names / sizeof names[0] };
    struct sockaddr_storage all[COUNT + 2];
    struct sockaddr_un* path;
    int i, j, room;
    memset(all, 0, sizeof all);
    for (i = 0; i < COUNT; i++) {
        room = sizeof all[i];
        evutil_parse_sockaddr_port(names[i], (struct sockaddr*)&all[i], &room);
    }
    path = (struct sockaddr_un*)&all[COUNT];
    path->sun_family = AF_UNIX;
    strcpy(path->sun_path, "/a");
    for (i = 0; i < COUNT + 2; i++) {
        printf("order");
        for (j = 0; j < COUNT + 2; j++)
            printf(" %d/%d",
                   sign(evutil_sockaddr_cmp((struct sockaddr*)&all[i], (struct sockaddr*)&all[j],
                                            0)),
                   sign(evutil_sockaddr_cmp((struct sockaddr*)&all[i], (struct sockaddr*)&all[j],
                                            1)));
        printf("\n");
    }
}

int main(void) {
    static const int rooms[] = {(int)sizeof(struct sockaddr_storage), 28, 27, 16, 15, 0, -1};
    unsigned i, j;
    for (i = 0; i < TEXTS; i++) {
        pton(texts[i]);
        for (j = 0; j < sizeof rooms / sizeof rooms[0]; j++) parse(texts[i], rooms[j]);
    }
    ntop();
    order();
    return 0;
}
