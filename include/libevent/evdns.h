/* The old door to the DNS resolver and server: everything of event.h, and all three DNS headers. New
 * programs include <event2/dns.h> alone. */
#ifndef CE_LIBEVENT_EVDNS_H
#define CE_LIBEVENT_EVDNS_H

#include <event.h>
#include <event2/dns.h>
#include <event2/dns_compat.h>
#include <event2/dns_struct.h>

#endif
