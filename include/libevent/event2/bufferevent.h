/* Bufferevents: a transport with an input buffer that fills by itself and an output buffer that
 * drains by itself, and callbacks for "there is input", "there is room" and "something happened".
 *
 * A bufferevent belongs to one event_base and is used from the thread that runs it, unless it was
 * created with BEV_OPT_THREADSAFE (and threads were enabled before). What is underneath may be a
 * socket, another bufferevent (a filter), or a partner in the same process (a pair). Setting up
 * TLS is in <event2/bufferevent_ssl.h>, the visible structure in <event2/bufferevent_struct.h>.
 *
 * Functions that return int return 0 when they did what they were asked for and -1 otherwise,
 * where nothing else is said. */
#ifndef EVENT2_BUFFEREVENT_H_INCLUDED_
#define EVENT2_BUFFEREVENT_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#ifdef EVENT__HAVE_SYS_TYPES_H
#include <sys/types.h>
#endif
#ifdef EVENT__HAVE_SYS_TIME_H
#include <sys/time.h>
#endif

#include <event2/util.h>

/* --- What an event callback is told: a direction, and what happened in it. */
#define BEV_EVENT_READING 0x01   /* while reading */
#define BEV_EVENT_WRITING 0x02   /* while writing */
#define BEV_EVENT_EOF 0x10       /* the other side has ended the stream */
#define BEV_EVENT_ERROR 0x20     /* failed; the error of the socket is in errno */
#define BEV_EVENT_TIMEOUT 0x40   /* nothing moved for as long as the timeout of the direction */
#define BEV_EVENT_CONNECTED 0x80 /* a connect that was asked for has succeeded */

struct bufferevent;
struct event_base;
struct evbuffer;
struct sockaddr;
struct evdns_base;

/* Called when input reaches the low-water mark, or output has fallen to its low-water mark. */
typedef void (*bufferevent_data_cb)(struct bufferevent* bev, void* ctx);

/* Called with BEV_EVENT_* bits. The direction that failed is disabled by then. */
typedef void (*bufferevent_event_cb)(struct bufferevent* bev, short what, void* ctx);

enum bufferevent_options {
    /* Freeing the bufferevent closes its socket, or frees the bufferevent underneath. */
    BEV_OPT_CLOSE_ON_FREE = (1 << 0),
    /* Give it a lock, so that any thread may use it. */
    BEV_OPT_THREADSAFE = (1 << 1),
    /* Run the callbacks from the loop, never from inside the call that caused them. */
    BEV_OPT_DEFER_CALLBACKS = (1 << 2),
    /* Run the callbacks without holding the lock. Requires BEV_OPT_DEFER_CALLBACKS. */
    BEV_OPT_UNLOCK_CALLBACKS = (1 << 3)
};

/* --- Sockets */

/* A bufferevent over a non-blocking stream socket; `fd` may be -1 until bufferevent_setfd or a
 * connect. Writing is enabled, reading is not. NULL on failure. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* bufferevent_socket_new(struct event_base* base, evutil_socket_t fd,
                                           int options);

/* Connects to an address; makes the socket when there is none. With a NULL address the socket is
 * taken to be connecting already. 0 says that it was begun: success or failure comes to the event
 * callback. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_connect(struct bufferevent* bufev, const struct sockaddr* addr, int socklen);

/* Looks `hostname` up and connects to the first address. `family` is AF_INET, AF_INET6 or
 * AF_UNSPEC. Without an `evdns_base` looking up blocks. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_connect_hostname(struct bufferevent* bufev, struct evdns_base* evdns_base,
                                        int family, const char* hostname, int port);

/* The EVUTIL_EAI_* code of the last failed look-up, for evutil_gai_strerror; 0 if none failed. */
EVENT2_EXPORT_SYMBOL
int bufferevent_socket_get_dns_error(struct bufferevent* bev);

/* --- Creation, release, description */

/* Moves a socket bufferevent to another base, while none of its events is pending. */
EVENT2_EXPORT_SYMBOL
int bufferevent_base_set(struct event_base* base, struct bufferevent* bufev);

EVENT2_EXPORT_SYMBOL
struct event_base* bufferevent_get_base(struct bufferevent* bev);

/* The priority of the events and callbacks; sockets (TLS ones included) only. */
EVENT2_EXPORT_SYMBOL
int bufferevent_priority_set(struct bufferevent* bufev, int pri);

EVENT2_EXPORT_SYMBOL
int bufferevent_get_priority(const struct bufferevent* bufev);

/* No callback starts after this. The memory goes when the loop runs next and nothing refers to it
 * any more, so that it may be called from the bufferevent's own callbacks. */
EVENT2_EXPORT_SYMBOL
void bufferevent_free(struct bufferevent* bufev);

/* Replaces the callbacks and their argument; NULL switches a callback off. */
EVENT2_EXPORT_SYMBOL
void bufferevent_setcb(struct bufferevent* bufev, bufferevent_data_cb readcb,
                       bufferevent_data_cb writecb, bufferevent_event_cb eventcb, void* cbarg);

/* Reads them back; each pointer may be NULL. */
EVENT2_EXPORT_SYMBOL
void bufferevent_getcb(struct bufferevent* bufev, bufferevent_data_cb* readcb_ptr,
                       bufferevent_data_cb* writecb_ptr, bufferevent_event_cb* eventcb_ptr,
                       void** cbarg_ptr);

/* Replaces the socket. The one before stays open and is the caller's. */
EVENT2_EXPORT_SYMBOL
int bufferevent_setfd(struct bufferevent* bufev, evutil_socket_t fd);

/* The socket, or -1 where there is none. */
EVENT2_EXPORT_SYMBOL
evutil_socket_t bufferevent_getfd(struct bufferevent* bufev);

/* The bufferevent that a filter works on; NULL for other kinds. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* bufferevent_get_underlying(struct bufferevent* bufev);

/* --- Data */

/* Appends a copy of `data` to the output. */
EVENT2_EXPORT_SYMBOL
int bufferevent_write(struct bufferevent* bufev, const void* data, size_t size);

/* Moves everything of `buf` to the end of the output. */
EVENT2_EXPORT_SYMBOL
int bufferevent_write_buffer(struct bufferevent* bufev, struct evbuffer* buf);

/* Takes up to `size` octets from the input and returns how many. */
EVENT2_EXPORT_SYMBOL
size_t bufferevent_read(struct bufferevent* bufev, void* data, size_t size);

/* Moves all input to the end of `buf`. */
EVENT2_EXPORT_SYMBOL
int bufferevent_read_buffer(struct bufferevent* bufev, struct evbuffer* buf);

/* The buffers themselves: one may take from the front of the input and append to the output, and
 * nothing else. They live as long as the bufferevent. */
EVENT2_EXPORT_SYMBOL
struct evbuffer* bufferevent_get_input(struct bufferevent* bufev);

EVENT2_EXPORT_SYMBOL
struct evbuffer* bufferevent_get_output(struct bufferevent* bufev);

/* --- Directions, timeouts, water marks */

/* EV_READ, EV_WRITE or both. */
EVENT2_EXPORT_SYMBOL
int bufferevent_enable(struct bufferevent* bufev, short event);

EVENT2_EXPORT_SYMBOL
int bufferevent_disable(struct bufferevent* bufev, short event);

EVENT2_EXPORT_SYMBOL
short bufferevent_get_enabled(struct bufferevent* bufev);

/* How long a direction may stand still before BEV_EVENT_TIMEOUT; NULL or zero: for ever. Reading
 * is timed while it is enabled and has room, writing while there is output. */
EVENT2_EXPORT_SYMBOL
int bufferevent_set_timeouts(struct bufferevent* bufev, const struct timeval* timeout_read,
                             const struct timeval* timeout_write);

/* EV_READ: the read callback waits for `lowmark` octets, reading rests at `highmark` (0: no
 * limit). EV_WRITE: the write callback waits until no more than `lowmark` are left, a filter
 * produces no further than `highmark`. */
EVENT2_EXPORT_SYMBOL
void bufferevent_setwatermark(struct bufferevent* bufev, short events, size_t lowmark,
                              size_t highmark);

/* Reads the marks of exactly one direction; each pointer may be NULL. */
EVENT2_EXPORT_SYMBOL
int bufferevent_getwatermark(struct bufferevent* bufev, short events, size_t* lowmark,
                             size_t* highmark);

/* --- Locks and references. The lock may be taken again by the thread that has it, and does nothing
 * on a bufferevent that is not BEV_OPT_THREADSAFE. */
EVENT2_EXPORT_SYMBOL
void bufferevent_lock(struct bufferevent* bufev);

EVENT2_EXPORT_SYMBOL
void bufferevent_unlock(struct bufferevent* bufev);

/* One more holder: the memory stays until each of them, and bufferevent_free, has let go. */
EVENT2_EXPORT_SYMBOL
void bufferevent_incref(struct bufferevent* bufev);

/* Returns 1 when that was the last one. */
EVENT2_EXPORT_SYMBOL
int bufferevent_decref(struct bufferevent* bufev);

/* --- Flushing and triggering */

enum bufferevent_flush_mode {
    BEV_NORMAL = 0,  /* as much as makes sense now */
    BEV_FLUSH = 1,   /* all there is */
    BEV_FINISHED = 2 /* all there is, and nothing will follow */
};

/* Moves what it can of the directions in `iotype` (EV_READ, EV_WRITE) down or up the stack of
 * bufferevents. -1: failed, 0: nothing moved, 1: something did. */
EVENT2_EXPORT_SYMBOL
int bufferevent_flush(struct bufferevent* bufev, short iotype, enum bufferevent_flush_mode mode);

enum bufferevent_trigger_options {
    BEV_TRIG_IGNORE_WATERMARKS = (1 << 16),            /* whatever the buffers hold */
    BEV_TRIG_DEFER_CALLBACKS = BEV_OPT_DEFER_CALLBACKS /* from the loop, not from here */
};

/* Runs the callbacks of the directions in `iotype`, where the water marks agree. */
EVENT2_EXPORT_SYMBOL
void bufferevent_trigger(struct bufferevent* bufev, short iotype, int options);

/* Runs the event callback with `what`. */
EVENT2_EXPORT_SYMBOL
void bufferevent_trigger_event(struct bufferevent* bufev, short what, int options);

/* --- Filters */

enum bufferevent_filter_result {
    BEV_OK = 0,        /* produced something, may go on */
    BEV_NEED_MORE = 1, /* cannot go on with what there is */
    BEV_ERROR = 2      /* no further */
};

/* Takes from `src` and appends to `dst`, no more than `dst_limit` octets (-1: no limit). */
typedef enum bufferevent_filter_result (*bufferevent_filter_cb)(struct evbuffer* src,
                                                                struct evbuffer* dst,
                                                                ev_ssize_t dst_limit,
                                                                enum bufferevent_flush_mode mode,
                                                                void* ctx);

/* A bufferevent whose input is what `input_filter` makes of the input of `underlying`, and whose
 * output goes through `output_filter` into the output of `underlying`; NULL moves octets as they
 * are. `underlying` must not be used by itself any more. `free_context` is called with `ctx` when
 * the filter goes. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* bufferevent_filter_new(struct bufferevent* underlying,
                                           bufferevent_filter_cb input_filter,
                                           bufferevent_filter_cb output_filter, int options,
                                           void (*free_context)(void*), void* ctx);

/* --- Pairs */

/* Two bufferevents, each of which receives what is written to the other. Their callbacks are
 * always deferred. */
EVENT2_EXPORT_SYMBOL
int bufferevent_pair_new(struct event_base* base, int options, struct bufferevent* pair[2]);

/* The other one; NULL after it has been freed, and for bufferevents of other kinds. */
EVENT2_EXPORT_SYMBOL
struct bufferevent* bufferevent_pair_get_partner(struct bufferevent* bev);

/* --- Rate limits. A bucket holds octets that may be moved: each tick puts `rate` octets into it,
 * and it holds no more than `burst`. A bufferevent whose bucket is empty rests until the next tick.
 * Members of a group share a bucket as well. */

struct ev_token_bucket_cfg;
struct bufferevent_rate_limit_group;

/* The largest rate and burst there are. */
#define EV_RATE_LIMIT_MAX EV_SSIZE_MAX

/* Octets per tick; a NULL `tick_len` is one second. NULL when a burst is below its rate, or a rate
 * is zero or above EV_RATE_LIMIT_MAX. Must live as long as what uses it. */
EVENT2_EXPORT_SYMBOL
struct ev_token_bucket_cfg* ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst,
                                                    size_t write_rate, size_t write_burst,
                                                    const struct timeval* tick_len);

EVENT2_EXPORT_SYMBOL
void ev_token_bucket_cfg_free(struct ev_token_bucket_cfg* cfg);

/* Limits one bufferevent; NULL ends the limit. */
EVENT2_EXPORT_SYMBOL
int bufferevent_set_rate_limit(struct bufferevent* bev, struct ev_token_bucket_cfg* cfg);

/* A group without members, whose configuration is copied. */
EVENT2_EXPORT_SYMBOL
struct bufferevent_rate_limit_group* bufferevent_rate_limit_group_new(
    struct event_base* base, const struct ev_token_bucket_cfg* cfg);

EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_cfg(struct bufferevent_rate_limit_group* g,
                                         const struct ev_token_bucket_cfg* cfg);

/* The least that a member may move at a time, however many they are; 64 by default. */
EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_set_min_share(struct bufferevent_rate_limit_group* g,
                                               size_t share);

/* Only after the last member has left. */
EVENT2_EXPORT_SYMBOL
void bufferevent_rate_limit_group_free(struct bufferevent_rate_limit_group* g);

/* A bufferevent is in one group at most: it leaves the one it was in. */
EVENT2_EXPORT_SYMBOL
int bufferevent_add_to_rate_limit_group(struct bufferevent* bev,
                                        struct bufferevent_rate_limit_group* g);

EVENT2_EXPORT_SYMBOL
int bufferevent_remove_from_rate_limit_group(struct bufferevent* bev);

/* The most that one readiness of the socket may move; 0, or more than EV_RATE_LIMIT_MAX, brings
 * the default of 16384 back. */
EVENT2_EXPORT_SYMBOL
int bufferevent_set_max_single_read(struct bufferevent* bev, size_t size);

EVENT2_EXPORT_SYMBOL
int bufferevent_set_max_single_write(struct bufferevent* bev, size_t size);

EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_read(struct bufferevent* bev);

EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_single_write(struct bufferevent* bev);

/* What is left in the bufferevent's own bucket: EV_SSIZE_MAX without a limit, below zero when more
 * was moved than there was. The group's bucket does not count. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_read_limit(struct bufferevent* bev);

EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_write_limit(struct bufferevent* bev);

/* What the next readiness may move, all limits considered. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_read(struct bufferevent* bev);

EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_get_max_to_write(struct bufferevent* bev);

EVENT2_EXPORT_SYMBOL
const struct ev_token_bucket_cfg* bufferevent_get_token_bucket_cfg(const struct bufferevent* bev);

EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_read_limit(struct bufferevent_rate_limit_group* g);

EVENT2_EXPORT_SYMBOL
ev_ssize_t bufferevent_rate_limit_group_get_write_limit(struct bufferevent_rate_limit_group* g);

/* Takes octets out of a bucket by hand (a negative `decr` puts some in), for transfers that the
 * bufferevent knows nothing of. */
EVENT2_EXPORT_SYMBOL
int bufferevent_decrement_read_limit(struct bufferevent* bev, ev_ssize_t decr);

EVENT2_EXPORT_SYMBOL
int bufferevent_decrement_write_limit(struct bufferevent* bev, ev_ssize_t decr);

EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_read(struct bufferevent_rate_limit_group* g,
                                                ev_ssize_t decr);

EVENT2_EXPORT_SYMBOL
int bufferevent_rate_limit_group_decrement_write(struct bufferevent_rate_limit_group* g,
                                                 ev_ssize_t decr);

/* Octets that the members have moved since the group was made or its totals were reset. */
EVENT2_EXPORT_SYMBOL
void bufferevent_rate_limit_group_get_totals(struct bufferevent_rate_limit_group* grp,
                                             ev_uint64_t* total_read_out,
                                             ev_uint64_t* total_written_out);

EVENT2_EXPORT_SYMBOL
void bufferevent_rate_limit_group_reset_totals(struct bufferevent_rate_limit_group* grp);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFEREVENT_H_INCLUDED_ */
