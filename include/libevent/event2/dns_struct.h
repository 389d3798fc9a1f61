/* What a DNS request looks like to a server's callback. The library allocates both structures; their
 * layout is part of the binary interface. */
#ifndef CE_LIBEVENT_EVENT2_DNS_STRUCT_H
#define CE_LIBEVENT_EVENT2_DNS_STRUCT_H

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evdns_server_request {
    int flags; /* of the message's header: RD and CD as they came */
    int nquestions;
    struct evdns_server_question** questions;
};

struct evdns_server_question {
    int type;
#ifdef __cplusplus
    int dns_question_class;
#else
    int class; /* C's old name for it; dns_question_class reaches it in both languages */
#define dns_question_class class
#endif
    char name[1]; /* the whole name and its NUL: longer than declared */
};

#ifdef __cplusplus
}
#endif

#endif
