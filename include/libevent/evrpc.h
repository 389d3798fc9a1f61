/* The name that <event2/rpc.h> had in libevent 1.4. */
#ifndef EVENT1_EVRPC_H_INCLUDED_
#define EVENT1_EVRPC_H_INCLUDED_

#include <event.h>
#include <event2/rpc.h>
#include <event2/rpc_compat.h>
#include <event2/rpc_struct.h>

#endif /* EVENT1_EVRPC_H_INCLUDED_ */
