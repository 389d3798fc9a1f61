// The ABI of libevent 2.1 on x86-64: sizes and places of every visible structure, and the value of
// every flag. Programs have them built in, so whoever changes one of them breaks all of these; this
// file then does not compile. It has no code.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/rpc.h>
#include <event2/rpc_struct.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <cstddef>

namespace corevent::compat {
namespace {

template <class T, std::size_t size, std::size_t alignment>
constexpr bool is_shaped = sizeof(T) == size && alignof(T) == alignment;

#define CE_FIELD(type, field, place, size)            \
    static_assert(offsetof(type, field) == (place) && \
                  sizeof(static_cast<type*>(nullptr)->field) == (size))

static_assert(is_shaped<event_callback, 40, 8>);
CE_FIELD(event_callback, evcb_active_next, 0, 16);
CE_FIELD(event_callback, evcb_active_next.tqe_next, 0, 8);
CE_FIELD(event_callback, evcb_active_next.tqe_prev, 8, 8);
CE_FIELD(event_callback, evcb_flags, 16, 2);
CE_FIELD(event_callback, evcb_pri, 18, 1);
CE_FIELD(event_callback, evcb_closure, 19, 1);
CE_FIELD(event_callback, evcb_cb_union, 24, 8);
CE_FIELD(event_callback, evcb_arg, 32, 8);

static_assert(is_shaped<event, 128, 8>);
CE_FIELD(event, ev_evcallback, 0, 40);
CE_FIELD(event, ev_timeout_pos, 40, 16);
CE_FIELD(event, ev_fd, 56, 4);
CE_FIELD(event, ev_base, 64, 8);
CE_FIELD(event, ev_, 72, 32);
CE_FIELD(event, ev_.ev_io.ev_io_next, 72, 16);
CE_FIELD(event, ev_.ev_io.ev_timeout, 88, 16);
CE_FIELD(event, ev_.ev_signal.ev_signal_next, 72, 16);
CE_FIELD(event, ev_.ev_signal.ev_ncalls, 88, 2);
CE_FIELD(event, ev_.ev_signal.ev_pncalls, 96, 8);
CE_FIELD(event, ev_events, 104, 2);
CE_FIELD(event, ev_res, 106, 2);
CE_FIELD(event, ev_timeout, 112, 16);

static_assert(is_shaped<event_list, 16, 8>);
CE_FIELD(event_list, tqh_first, 0, 8);
CE_FIELD(event_list, tqh_last, 8, 8);

static_assert(is_shaped<event_dlist, 8, 8>);
CE_FIELD(event_dlist, lh_first, 0, 8);

static_assert(is_shaped<evkeyval, 32, 8>);
CE_FIELD(evkeyval, next.tqe_next, 0, 8);
CE_FIELD(evkeyval, next.tqe_prev, 8, 8);
CE_FIELD(evkeyval, key, 16, 8);
CE_FIELD(evkeyval, value, 24, 8);

static_assert(is_shaped<evkeyvalq, 16, 8>);
CE_FIELD(evkeyvalq, tqh_first, 0, 8);
CE_FIELD(evkeyvalq, tqh_last, 8, 8);

static_assert(is_shaped<evhttp_request, 216, 8>);
CE_FIELD(evhttp_request, next.tqe_next, 0, 8);
CE_FIELD(evhttp_request, next.tqe_prev, 8, 8);
CE_FIELD(evhttp_request, evcon, 16, 8);
CE_FIELD(evhttp_request, flags, 24, 4);
CE_FIELD(evhttp_request, input_headers, 32, 8);
CE_FIELD(evhttp_request, output_headers, 40, 8);
CE_FIELD(evhttp_request, remote_host, 48, 8);
CE_FIELD(evhttp_request, remote_port, 56, 2);
CE_FIELD(evhttp_request, host_cache, 64, 8);
CE_FIELD(evhttp_request, kind, 72, 4);
CE_FIELD(evhttp_request, type, 76, 4);
CE_FIELD(evhttp_request, headers_size, 80, 8);
CE_FIELD(evhttp_request, body_size, 88, 8);
CE_FIELD(evhttp_request, uri, 96, 8);
CE_FIELD(evhttp_request, uri_elems, 104, 8);
CE_FIELD(evhttp_request, major, 112, 1);
CE_FIELD(evhttp_request, minor, 113, 1);
CE_FIELD(evhttp_request, response_code, 116, 4);
CE_FIELD(evhttp_request, response_code_line, 120, 8);
CE_FIELD(evhttp_request, input_buffer, 128, 8);
CE_FIELD(evhttp_request, ntoread, 136, 8);
CE_FIELD(evhttp_request, output_buffer, 152, 8);
CE_FIELD(evhttp_request, cb, 160, 8);
CE_FIELD(evhttp_request, cb_arg, 168, 8);
CE_FIELD(evhttp_request, chunk_cb, 176, 8);
CE_FIELD(evhttp_request, header_cb, 184, 8);
CE_FIELD(evhttp_request, error_cb, 192, 8);
CE_FIELD(evhttp_request, on_complete_cb, 200, 8);
CE_FIELD(evhttp_request, on_complete_cb_arg, 208, 8);

static_assert(is_shaped<event_watermark, 16, 8>);
CE_FIELD(event_watermark, low, 0, 8);
CE_FIELD(event_watermark, high, 8, 8);

static_assert(is_shaped<bufferevent, 392, 8>);
CE_FIELD(bufferevent, ev_base, 0, 8);
CE_FIELD(bufferevent, be_ops, 8, 8);
CE_FIELD(bufferevent, ev_read, 16, 128);
CE_FIELD(bufferevent, ev_write, 144, 128);
CE_FIELD(bufferevent, input, 272, 8);
CE_FIELD(bufferevent, output, 280, 8);
CE_FIELD(bufferevent, wm_read, 288, 16);
CE_FIELD(bufferevent, wm_write, 304, 16);
CE_FIELD(bufferevent, readcb, 320, 8);
CE_FIELD(bufferevent, writecb, 328, 8);
CE_FIELD(bufferevent, errorcb, 336, 8);
CE_FIELD(bufferevent, cbarg, 344, 8);
CE_FIELD(bufferevent, timeout_read, 352, 16);
CE_FIELD(bufferevent, timeout_write, 368, 16);
CE_FIELD(bufferevent, enabled, 384, 2);

static_assert(is_shaped<evbuffer_ptr, 24, 8>);
CE_FIELD(evbuffer_ptr, pos, 0, 8);
CE_FIELD(evbuffer_ptr, internal_.chain, 8, 8);
CE_FIELD(evbuffer_ptr, internal_.pos_in_chain, 16, 8);

static_assert(is_shaped<evbuffer_iovec, 16, 8>);
CE_FIELD(evbuffer_iovec, iov_base, 0, 8);
CE_FIELD(evbuffer_iovec, iov_len, 8, 8);

static_assert(is_shaped<evbuffer_cb_info, 24, 8>);
CE_FIELD(evbuffer_cb_info, orig_size, 0, 8);
CE_FIELD(evbuffer_cb_info, n_added, 8, 8);
CE_FIELD(evbuffer_cb_info, n_deleted, 16, 8);

static_assert(is_shaped<evrpc_status, 16, 8>);
CE_FIELD(evrpc_status, error, 0, 4);
CE_FIELD(evrpc_status, http_req, 8, 8);

static_assert(is_shaped<evrpc, 120, 8>);
CE_FIELD(evrpc, next.tqe_next, 0, 8);
CE_FIELD(evrpc, next.tqe_prev, 8, 8);
CE_FIELD(evrpc, uri, 16, 8);
CE_FIELD(evrpc, request_new, 24, 8);
CE_FIELD(evrpc, request_new_arg, 32, 8);
CE_FIELD(evrpc, request_free, 40, 8);
CE_FIELD(evrpc, request_unmarshal, 48, 8);
CE_FIELD(evrpc, reply_new, 56, 8);
CE_FIELD(evrpc, reply_new_arg, 64, 8);
CE_FIELD(evrpc, reply_free, 72, 8);
CE_FIELD(evrpc, reply_complete, 80, 8);
CE_FIELD(evrpc, reply_marshal, 88, 8);
CE_FIELD(evrpc, cb, 96, 8);
CE_FIELD(evrpc, cb_arg, 104, 8);
CE_FIELD(evrpc, base, 112, 8);

static_assert(is_shaped<evdns_server_request, 16, 8>);
CE_FIELD(evdns_server_request, flags, 0, 4);
CE_FIELD(evdns_server_request, nquestions, 4, 4);
CE_FIELD(evdns_server_request, questions, 8, 8);

static_assert(is_shaped<evdns_server_question, 12, 4>);
CE_FIELD(evdns_server_question, type, 0, 4);
CE_FIELD(evdns_server_question, dns_question_class, 4, 4);
static_assert(offsetof(evdns_server_question, name) == 8);

static_assert(is_shaped<evthread_lock_callbacks, 40, 8>);
CE_FIELD(evthread_lock_callbacks, lock_api_version, 0, 4);
CE_FIELD(evthread_lock_callbacks, supported_locktypes, 4, 4);
CE_FIELD(evthread_lock_callbacks, alloc, 8, 8);
CE_FIELD(evthread_lock_callbacks, free, 16, 8);
CE_FIELD(evthread_lock_callbacks, lock, 24, 8);
CE_FIELD(evthread_lock_callbacks, unlock, 32, 8);

static_assert(is_shaped<evthread_condition_callbacks, 40, 8>);
CE_FIELD(evthread_condition_callbacks, condition_api_version, 0, 4);
CE_FIELD(evthread_condition_callbacks, alloc_condition, 8, 8);
CE_FIELD(evthread_condition_callbacks, free_condition, 16, 8);
CE_FIELD(evthread_condition_callbacks, signal_condition, 24, 8);
CE_FIELD(evthread_condition_callbacks, wait_condition, 32, 8);

static_assert(is_shaped<evutil_addrinfo, 48, 8>);
CE_FIELD(evutil_addrinfo, ai_flags, 0, 4);
CE_FIELD(evutil_addrinfo, ai_family, 4, 4);
CE_FIELD(evutil_addrinfo, ai_socktype, 8, 4);
CE_FIELD(evutil_addrinfo, ai_protocol, 12, 4);
CE_FIELD(evutil_addrinfo, ai_addrlen, 16, 4);
CE_FIELD(evutil_addrinfo, ai_addr, 24, 8);
CE_FIELD(evutil_addrinfo, ai_canonname, 32, 8);
CE_FIELD(evutil_addrinfo, ai_next, 40, 8);

#undef CE_FIELD

static_assert(EV_TIMEOUT == 1 && EV_READ == 2 && EV_WRITE == 4 && EV_SIGNAL == 8 &&
              EV_PERSIST == 16 && EV_ET == 32 && EV_FINALIZE == 64 && EV_CLOSED == 128);
static_assert(EVLOOP_ONCE == 1 && EVLOOP_NONBLOCK == 2 && EVLOOP_NO_EXIT_ON_EMPTY == 4);
static_assert(EVENT_BASE_FLAG_NOLOCK == 1 && EVENT_BASE_FLAG_IGNORE_ENV == 2 &&
              EVENT_BASE_FLAG_STARTUP_IOCP == 4 && EVENT_BASE_FLAG_NO_CACHE_TIME == 8 &&
              EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST == 16 && EVENT_BASE_FLAG_PRECISE_TIMER == 32);
static_assert(EV_FEATURE_ET == 1 && EV_FEATURE_O1 == 2 && EV_FEATURE_FDS == 4 &&
              EV_FEATURE_EARLY_CLOSE == 8);
static_assert(EVENT_BASE_COUNT_ACTIVE == 1 && EVENT_BASE_COUNT_VIRTUAL == 2 &&
              EVENT_BASE_COUNT_ADDED == 4);
static_assert(EVENT_LOG_DEBUG == 0 && EVENT_LOG_MSG == 1 && EVENT_LOG_WARN == 2 &&
              EVENT_LOG_ERR == 3);
static_assert(EVENT_DBG_ALL == 4294967295 && EVENT_DBG_NONE == 0 && EVENT_MAX_PRIORITIES == 256);
static_assert(EVLIST_TIMEOUT == 1 && EVLIST_INSERTED == 2 && EVLIST_SIGNAL == 4 &&
              EVLIST_ACTIVE == 8 && EVLIST_INTERNAL == 16 && EVLIST_ACTIVE_LATER == 32 &&
              EVLIST_FINALIZING == 64 && EVLIST_INIT == 128 && EVLIST_ALL == 255);
static_assert(EVBUFFER_EOL_ANY == 0 && EVBUFFER_EOL_CRLF == 1 && EVBUFFER_EOL_CRLF_STRICT == 2 &&
              EVBUFFER_EOL_LF == 3 && EVBUFFER_EOL_NUL == 4);
static_assert(EVBUFFER_PTR_SET == 0 && EVBUFFER_PTR_ADD == 1);
static_assert(EVBUFFER_FLAG_DRAINS_TO_FD == 1 && EVBUFFER_CB_ENABLED == 1);
static_assert(EVBUF_FS_CLOSE_ON_FREE == 1 && EVBUF_FS_DISABLE_MMAP == 2 &&
              EVBUF_FS_DISABLE_SENDFILE == 4 && EVBUF_FS_DISABLE_LOCKING == 8);
static_assert(BEV_EVENT_READING == 1 && BEV_EVENT_WRITING == 2 && BEV_EVENT_EOF == 16 &&
              BEV_EVENT_ERROR == 32 && BEV_EVENT_TIMEOUT == 64 && BEV_EVENT_CONNECTED == 128);
static_assert(BEV_OPT_CLOSE_ON_FREE == 1 && BEV_OPT_THREADSAFE == 2 &&
              BEV_OPT_DEFER_CALLBACKS == 4 && BEV_OPT_UNLOCK_CALLBACKS == 8);
static_assert(BEV_NORMAL == 0 && BEV_FLUSH == 1 && BEV_FINISHED == 2);
static_assert(BEV_TRIG_IGNORE_WATERMARKS == 65536 && BEV_TRIG_DEFER_CALLBACKS == 4);
static_assert(BEV_OK == 0 && BEV_NEED_MORE == 1 && BEV_ERROR == 2);
static_assert(BUFFEREVENT_SSL_OPEN == 0 && BUFFEREVENT_SSL_CONNECTING == 1 &&
              BUFFEREVENT_SSL_ACCEPTING == 2);
static_assert(LEV_OPT_LEAVE_SOCKETS_BLOCKING == 1 && LEV_OPT_CLOSE_ON_FREE == 2 &&
              LEV_OPT_CLOSE_ON_EXEC == 4 && LEV_OPT_REUSEABLE == 8 && LEV_OPT_THREADSAFE == 16 &&
              LEV_OPT_DISABLED == 32 && LEV_OPT_DEFERRED_ACCEPT == 64 &&
              LEV_OPT_REUSEABLE_PORT == 128 && LEV_OPT_BIND_IPV6ONLY == 256);
static_assert(EVHTTP_REQ_GET == 1 && EVHTTP_REQ_POST == 2 && EVHTTP_REQ_HEAD == 4 &&
              EVHTTP_REQ_PUT == 8 && EVHTTP_REQ_DELETE == 16 && EVHTTP_REQ_OPTIONS == 32 &&
              EVHTTP_REQ_TRACE == 64 && EVHTTP_REQ_CONNECT == 128 && EVHTTP_REQ_PATCH == 256);
static_assert(EVHTTP_REQUEST == 0 && EVHTTP_RESPONSE == 1);
static_assert(EVREQ_HTTP_TIMEOUT == 0 && EVREQ_HTTP_EOF == 1 && EVREQ_HTTP_INVALID_HEADER == 2 &&
              EVREQ_HTTP_BUFFER_ERROR == 3 && EVREQ_HTTP_REQUEST_CANCEL == 4 &&
              EVREQ_HTTP_DATA_TOO_LONG == 5);
static_assert(EVHTTP_REQ_OWN_CONNECTION == 1 && EVHTTP_PROXY_REQUEST == 2 &&
              EVHTTP_USER_OWNED == 4 && EVHTTP_REQ_DEFER_FREE == 8 && EVHTTP_REQ_NEEDS_FREE == 16);
static_assert(EVHTTP_SERVER_LINGERING_CLOSE == 1 && EVHTTP_CON_REUSE_CONNECTED_ADDR == 8 &&
              EVHTTP_CON_READ_ON_WRITE_ERROR == 16 && EVHTTP_CON_LINGERING_CLOSE == 32 &&
              EVHTTP_CON_PUBLIC_FLAGS_END == 1048576 && EVHTTP_URI_NONCONFORMANT == 1);
static_assert(HTTP_OK == 200 && HTTP_NOCONTENT == 204 && HTTP_MOVEPERM == 301 &&
              HTTP_MOVETEMP == 302 && HTTP_NOTMODIFIED == 304 && HTTP_BADREQUEST == 400 &&
              HTTP_NOTFOUND == 404 && HTTP_BADMETHOD == 405 && HTTP_ENTITYTOOLARGE == 413 &&
              HTTP_EXPECTATIONFAILED == 417 && HTTP_INTERNAL == 500 && HTTP_NOTIMPLEMENTED == 501 &&
              HTTP_SERVUNAVAIL == 503);
static_assert(DNS_ERR_NONE == 0 && DNS_ERR_FORMAT == 1 && DNS_ERR_SERVERFAILED == 2 &&
              DNS_ERR_NOTEXIST == 3 && DNS_ERR_NOTIMPL == 4 && DNS_ERR_REFUSED == 5 &&
              DNS_ERR_TRUNCATED == 65 && DNS_ERR_UNKNOWN == 66 && DNS_ERR_TIMEOUT == 67 &&
              DNS_ERR_SHUTDOWN == 68 && DNS_ERR_CANCEL == 69 && DNS_ERR_NODATA == 70);
static_assert(DNS_IPv4_A == 1 && DNS_PTR == 2 && DNS_IPv6_AAAA == 3 && DNS_QUERY_NO_SEARCH == 1);
static_assert(DNS_OPTION_SEARCH == 1 && DNS_OPTION_NAMESERVERS == 2 && DNS_OPTION_MISC == 4 &&
              DNS_OPTION_HOSTSFILE == 8 && DNS_OPTIONS_ALL == 15 &&
              DNS_OPTION_NAMESERVERS_NO_DEFAULT == 16);
static_assert(EVDNS_BASE_INITIALIZE_NAMESERVERS == 1 && EVDNS_BASE_DISABLE_WHEN_INACTIVE == 32768 &&
              EVDNS_BASE_NAMESERVERS_NO_DEFAULT == 65536);
static_assert(EVDNS_ANSWER_SECTION == 0 && EVDNS_AUTHORITY_SECTION == 1 &&
              EVDNS_ADDITIONAL_SECTION == 2 && EVDNS_TYPE_A == 1 && EVDNS_TYPE_NS == 2 &&
              EVDNS_TYPE_CNAME == 5 && EVDNS_TYPE_SOA == 6 && EVDNS_TYPE_PTR == 12 &&
              EVDNS_TYPE_MX == 15 && EVDNS_TYPE_TXT == 16 && EVDNS_TYPE_AAAA == 28 &&
              EVDNS_QTYPE_AXFR == 252 && EVDNS_QTYPE_ALL == 255 && EVDNS_CLASS_INET == 1 &&
              EVDNS_FLAGS_AA == 1024 && EVDNS_FLAGS_RD == 128);
static_assert(EVRPC_INPUT == 0 && EVRPC_OUTPUT == 1);
static_assert(EVRPC_TERMINATE == -1 && EVRPC_CONTINUE == 0 && EVRPC_PAUSE == 1);
static_assert(EVRPC_STATUS_ERR_NONE == 0 && EVRPC_STATUS_ERR_TIMEOUT == 1 &&
              EVRPC_STATUS_ERR_BADPAYLOAD == 2 && EVRPC_STATUS_ERR_UNSTARTED == 3 &&
              EVRPC_STATUS_ERR_HOOKABORTED == 4);
static_assert(EVTHREAD_WRITE == 4 && EVTHREAD_READ == 8 && EVTHREAD_TRY == 16 &&
              EVTHREAD_LOCK_API_VERSION == 1 && EVTHREAD_LOCKTYPE_RECURSIVE == 1 &&
              EVTHREAD_LOCKTYPE_READWRITE == 2 && EVTHREAD_CONDITION_API_VERSION == 1);
static_assert(EV_MONOT_PRECISE == 1 && EV_MONOT_FALLBACK == 2);
static_assert(EVUTIL_EAI_ADDRFAMILY == -9 && EVUTIL_EAI_AGAIN == -3 && EVUTIL_EAI_BADFLAGS == -1 &&
              EVUTIL_EAI_FAIL == -4 && EVUTIL_EAI_FAMILY == -6 && EVUTIL_EAI_MEMORY == -10 &&
              EVUTIL_EAI_NODATA == -5 && EVUTIL_EAI_NONAME == -2 && EVUTIL_EAI_SERVICE == -8 &&
              EVUTIL_EAI_SOCKTYPE == -7 && EVUTIL_EAI_SYSTEM == -11 && EVUTIL_EAI_CANCEL == -90001);
static_assert(EVUTIL_AI_PASSIVE == 1 && EVUTIL_AI_CANONNAME == 2 && EVUTIL_AI_NUMERICHOST == 4 &&
              EVUTIL_AI_NUMERICSERV == 1024 && EVUTIL_AI_V4MAPPED == 8 && EVUTIL_AI_ALL == 16 &&
              EVUTIL_AI_ADDRCONFIG == 32);

}  // namespace
}  // namespace corevent::compat
