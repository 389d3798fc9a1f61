/* evutil_getaddrinfo with numeric names and the local machine: hints, order of what is found, errors. */
#define _GNU_SOURCE
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void lookup(const char* node, const char* service, int family, int type, int protocol,
                   int flags) {
    struct evutil_addrinfo hints, *found = NULL, *each;
    int error;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = type;
    hints.ai_protocol = protocol;
    hints.ai_flags = flags;
    error = evutil_getaddrinfo(node, service, &hints, &found);
    printf("%s %s family %d type %d protocol %d flags %#x: %d%s\n", node ? node : "-",
           service ? service : "-", family, type, protocol, flags, error,
           error && found ? ", yet something found" : "");
    for (each = error ? NULL : found; each; each = each->ai_next) {
        char text[64] = "?";
        int port = -1;
        if (each->ai_family == AF_INET) {
            struct sockaddr_in* in = (struct sockaddr_in*)each->ai_addr;
            evutil_inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
            port = ntohs(in->sin_port);
        } else if (each->ai_family == AF_INET6) {
            struct sockaddr_in6* in = (struct sockaddr_in6*)each->ai_addr;
            evutil_inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
            port = ntohs(in->sin6_port);
        }
        printf("  family %d/%d type %d protocol %d length %d %s port %d canonical %s\n",
               each->ai_family, each->ai_addr->sa_family, each->ai_socktype, each->ai_protocol,
               (int)each->ai_addrlen, text, port, each->ai_canonname ? each->ai_canonname : "-");
    }
    if (found) evutil_freeaddrinfo(found);
}

int main(void) {
    static const char* const nodes[] = {"127.0.0.1", "::1",         "1.2.3.4", "fe80::1%lo",
                                        "1.2.3.4.5", "not numeric", "",        NULL};
    static const char* const services[] = {"80", "0", "65535", "65536", "-1", "8x", "", NULL};
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX};
    static const int kinds[][2] = {
        {0, 0},           {SOCK_STREAM, 0},           {SOCK_DGRAM, 0}, {SOCK_STREAM, IPPROTO_TCP},
        {0, IPPROTO_UDP}, {SOCK_STREAM, IPPROTO_UDP}, {SOCK_RAW, 0}};
    static const int flags[] = {0,
                                EVUTIL_AI_PASSIVE,
                                EVUTIL_AI_CANONNAME,
                                EVUTIL_AI_NUMERICSERV | EVUTIL_AI_PASSIVE,
                                EVUTIL_AI_ADDRCONFIG,
                                EVUTIL_AI_V4MAPPED,
                                EVUTIL_AI_V4MAPPED | EVUTIL_AI_ALL};
    static const int errors[] = {0,
                                 EVUTIL_EAI_ADDRFAMILY,
                                 EVUTIL_EAI_AGAIN,
                                 EVUTIL_EAI_BADFLAGS,
                                 EVUTIL_EAI_FAIL,
                                 EVUTIL_EAI_FAMILY,
                                 EVUTIL_EAI_MEMORY,
                                 EVUTIL_EAI_NODATA,
                                 EVUTIL_EAI_NONAME,
                                 EVUTIL_EAI_SERVICE,
                                 EVUTIL_EAI_SOCKTYPE,
                                 EVUTIL_EAI_SYSTEM,
                                 EVUTIL_EAI_CANCEL,
                                 12345,
                                 -12345};
    struct evutil_addrinfo *found = NULL, *each;
    unsigned a, b, c, d;
    for (a = 0; a < sizeof nodes / sizeof nodes[0]; a++)
        for (b = 0; b < sizeof services / sizeof services[0]; b++)
            lookup(nodes[a], services[b], AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_NUMERICHOST);
    for (a = 0; a < sizeof nodes / sizeof nodes[0]; a++)
        for (b = 0; b < sizeof families / sizeof families[0]; b++)
            for (c = 0; c < sizeof kinds / sizeof kinds[0]; c++)
                for (d = 0; d < sizeof flags / sizeof flags[0]; d++)
                    lookup(nodes[a], "443", families[b], kinds[c][0], kinds[c][1],
                           flags[d] | EVUTIL_AI_NUMERICHOST);
    lookup("127.0.0.1", "http", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_NUMERICHOST);
    lookup("127.0.0.1", "http", AF_UNSPEC, SOCK_STREAM, 0,
           EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV);
    lookup("127.0.0.1", "no such service", AF_UNSPEC, SOCK_STREAM, 0, EVUTIL_AI_NUMERICHOST);
    lookup("127.0.0.1", "domain", AF_UNSPEC, 0, 0, EVUTIL_AI_NUMERICHOST);
    lookup("127.0.0.1", NULL, AF_UNSPEC, 0, 0, 0x40000000);
    lookup("localhost", "80", AF_INET, SOCK_STREAM, 0, 0);
    lookup("localhost", "80", AF_INET, SOCK_STREAM, 0, EVUTIL_AI_ADDRCONFIG);
    printf("without hints %d", evutil_getaddrinfo("127.0.0.1", "80", NULL, &found));
    for (each = found; each; each = each->ai_next)
        printf(" %d/%d", each->ai_socktype, each->ai_protocol);
    printf("\n");
    evutil_freeaddrinfo(found);
    for (a = 0; a < sizeof errors / sizeof errors[0]; a++)
        printf("error %d has words: %d\n", errors[a], evutil_gai_strerror(errors[a])[0] != '\0');
    return 0;
}
