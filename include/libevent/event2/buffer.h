/* Buffers: a queue of bytes that is filled at the back and emptied at the front. The bytes lie in
 * any number of pieces; some are copies, some the caller's own memory, some parts of files, and
 * moving bytes from one buffer to another moves the pieces. A buffer is used by one thread at a
 * time, unless evbuffer_enable_locking() gave it a lock. */
#ifndef EVENT2_BUFFER_H_INCLUDED_
#define EVENT2_BUFFER_H_INCLUDED_

#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <event2/event-config.h>
#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <event2/util.h>

struct evbuffer;
struct event_base;

/* A place in a buffer: `pos` bytes from its start, or none where `pos` is -1. It is good until the
 * buffer is changed. The rest is the library's. */
struct evbuffer_ptr {
    ev_ssize_t pos;
    struct {
        void* chain;
        size_t pos_in_chain;
    } internal_;
};

/* A piece of memory: iov_base, iov_len. */
#define evbuffer_iovec iovec
#define EVBUFFER_IOVEC_IS_NATIVE_

/* ---- Life */

/* An empty buffer, or NULL when memory is short. */
EVENT2_EXPORT_SYMBOL
struct evbuffer* evbuffer_new(void);

EVENT2_EXPORT_SYMBOL
void evbuffer_free(struct evbuffer* buf);

/* From now on every call locks the buffer, with `lock` or, if that is NULL, with a lock of its own.
 * Its callbacks run with the lock held. 0, or -1: it has a lock already, or there is none to be
 * had. */
EVENT2_EXPORT_SYMBOL
int evbuffer_enable_locking(struct evbuffer* buf, void* lock);

/* Hold the lock over several calls. Without a lock these do nothing. */
EVENT2_EXPORT_SYMBOL
void evbuffer_lock(struct evbuffer* buf);
EVENT2_EXPORT_SYMBOL
void evbuffer_unlock(struct evbuffer* buf);

/* The buffer's bytes only ever go to a descriptor: parts of files may be handed over by sendfile
 * without coming into memory. */
#define EVBUFFER_FLAG_DRAINS_TO_FD 1

/* Add and remove flags. */
EVENT2_EXPORT_SYMBOL
int evbuffer_set_flags(struct evbuffer* buf, ev_uint64_t flags);
EVENT2_EXPORT_SYMBOL
int evbuffer_clear_flags(struct evbuffer* buf, ev_uint64_t flags);

/* ---- Size and room */

EVENT2_EXPORT_SYMBOL
size_t evbuffer_get_length(const struct evbuffer* buf);

/* How many bytes lie in one piece at the front. */
EVENT2_EXPORT_SYMBOL
size_t evbuffer_get_contiguous_space(const struct evbuffer* buf);

/* Makes room, so that adding `datlen` bytes allocates nothing. */
EVENT2_EXPORT_SYMBOL
int evbuffer_expand(struct evbuffer* buf, size_t datlen);

/* Room for `size` bytes or more at the back, to be written in place: in one piece, if `n_vec` is 1,
 * else in up to `n_vec` pieces. Returns how many, or -1. What is written there joins the buffer by
 * evbuffer_commit_space(), and any other change of the buffer in between takes the room back. */
EVENT2_EXPORT_SYMBOL
int evbuffer_reserve_space(struct evbuffer* buf, ev_ssize_t size, struct evbuffer_iovec* vec,
                           int n_vec);

/* The first iov_len bytes (as many as reserved, or fewer) of the first `n_vecs` pieces become part
 * of the buffer. -1: these are not the pieces that were reserved. */
EVENT2_EXPORT_SYMBOL
int evbuffer_commit_space(struct evbuffer* buf, struct evbuffer_iovec* vec, int n_vecs);

/* ---- Adding. 0, or -1 when nothing was added: the end is frozen, memory is short, or the length
 * would not fit a size_t. */

/* A copy of the bytes. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add(struct evbuffer* buf, const void* data, size_t datlen);
EVENT2_EXPORT_SYMBOL
int evbuffer_prepend(struct evbuffer* buf, const void* data, size_t size);

/* Text by a printf format. Returns its length, or -1. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_printf(struct evbuffer* buf, const char* fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
EVENT2_EXPORT_SYMBOL
int evbuffer_add_vprintf(struct evbuffer* buf, const char* fmt, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 0)))
#endif
    ;

/* Copies of several pieces. Returns how many bytes were added. */
EVENT2_EXPORT_SYMBOL
size_t evbuffer_add_iovec(struct evbuffer* buffer, struct evbuffer_iovec* vec, int n_vec);

/* Everything in `inbuf`, which is empty afterwards. Nothing is copied. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_buffer(struct evbuffer* outbuf, struct evbuffer* inbuf);
EVENT2_EXPORT_SYMBOL
int evbuffer_prepend_buffer(struct evbuffer* dst, struct evbuffer* src);

/* Everything in `inbuf`, which keeps it: both refer to the same memory. -1 when `inbuf` has parts
 * of files, or bytes that it refers to by this call. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_buffer_reference(struct evbuffer* outbuf, struct evbuffer* inbuf);

typedef void (*evbuffer_ref_cleanup_cb)(const void* data, size_t datalen, void* extra);

/* The caller's memory itself, which stays as it is until `cleanupfn` (which may be NULL) is called:
 * once, when no buffer needs it any more. On failure it is not called. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_reference(struct evbuffer* outbuf, const void* data, size_t datlen,
                           evbuffer_ref_cleanup_cb cleanupfn, void* cleanupfn_arg);

/* ---- Files */

/* A part of a file that buffers can refer to, any number of them, any number of times. The file
 * must not shrink meanwhile. */
struct evbuffer_file_segment;

/* The descriptor is closed with the segment. */
#define EVBUF_FS_CLOSE_ON_FREE 0x01
/* The file is not to be mapped. */
#define EVBUF_FS_DISABLE_MMAP 0x02
/* The file is not to be sent by sendfile. */
#define EVBUF_FS_DISABLE_SENDFILE 0x04
/* Only one thread uses the segment and the buffers that refer to it. */
#define EVBUF_FS_DISABLE_LOCKING 0x08

typedef void (*evbuffer_file_segment_cleanup_cb)(struct evbuffer_file_segment const* seg, int flags,
                                                 void* arg);

/* `length` bytes of the file from `offset`, or all that follow if `length` is -1. With neither
 * mapping nor sendfile allowed, they are read now. NULL on failure; the descriptor is then still
 * the caller's. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_file_segment* evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                        unsigned flags);

/* Gives up the caller's hold; the segment lives on while buffers refer to it. */
EVENT2_EXPORT_SYMBOL
void evbuffer_file_segment_free(struct evbuffer_file_segment* seg);

/* `cb` is called when the segment goes, after its descriptor was closed. */
EVENT2_EXPORT_SYMBOL
void evbuffer_file_segment_add_cleanup_cb(struct evbuffer_file_segment* seg,
                                          evbuffer_file_segment_cleanup_cb cb, void* arg);

/* Adds `length` bytes of the segment (-1: the rest) from `offset`, counted from its start. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_file_segment(struct evbuffer* buf, struct evbuffer_file_segment* seg,
                              ev_off_t offset, ev_off_t length);

/* A segment of its own for a part of a file; it closes `fd`. On failure `fd` stays open. */
EVENT2_EXPORT_SYMBOL
int evbuffer_add_file(struct evbuffer* outbuf, int fd, ev_off_t offset, ev_off_t length);

/* ---- Taking */

/* Forgets the first `len` bytes, or everything if there is less. -1 when the front is frozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_drain(struct evbuffer* buf, size_t len);

/* Moves up to `datlen` bytes to `data`. Returns how many, or -1. */
EVENT2_EXPORT_SYMBOL
int evbuffer_remove(struct evbuffer* buf, void* data, size_t datlen);

/* The same, and the buffer keeps them. */
EVENT2_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout(struct evbuffer* buf, void* data_out, size_t datlen);
EVENT2_EXPORT_SYMBOL
ev_ssize_t evbuffer_copyout_from(struct evbuffer* buf, const struct evbuffer_ptr* pos,
                                 void* data_out, size_t datlen);

/* Moves up to `datlen` bytes to the back of `dst`, whole pieces without copying. Returns how many,
 * or -1. */
EVENT2_EXPORT_SYMBOL
int evbuffer_remove_buffer(struct evbuffer* src, struct evbuffer* dst, size_t datlen);

/* Makes the first `size` bytes (-1: all) lie in one piece. Returns where; NULL when there are not
 * so many, or none. Good until the buffer is changed. */
EVENT2_EXPORT_SYMBOL
unsigned char* evbuffer_pullup(struct evbuffer* buf, ev_ssize_t size);

/* The pieces that hold `len` bytes (-1: all) from `start_at` (NULL: the front), as they lie. Fills
 * up to `n_vec` of them in; returns how many are needed, or how many were filled in if `len` is -1.
 * The last one may hold more than was asked for. With `n_vec` 0 it only counts. */
EVENT2_EXPORT_SYMBOL
int evbuffer_peek(struct evbuffer* buffer, ev_ssize_t len, struct evbuffer_ptr* start_at,
                  struct evbuffer_iovec* vec_out, int n_vec);

/* How a line ends. */
enum evbuffer_eol_style {
    EVBUFFER_EOL_ANY,         /* a run of CR and LF, of any length and order */
    EVBUFFER_EOL_CRLF,        /* LF, or CR LF */
    EVBUFFER_EOL_CRLF_STRICT, /* CR LF */
    EVBUFFER_EOL_LF,          /* LF */
    EVBUFFER_EOL_NUL          /* a byte of value 0 */
};

/* Takes the first line and its end. Returns the line with a NUL behind it, for the caller to
 * free(), and its length in `n_read_out` if that is not NULL; NULL while there is no whole line. */
EVENT2_EXPORT_SYMBOL
char* evbuffer_readln(struct evbuffer* buffer, size_t* n_read_out,
                      enum evbuffer_eol_style eol_style);

/* ---- Finding */

enum evbuffer_ptr_how {
    EVBUFFER_PTR_SET, /* `position` counts from the start of the buffer */
    EVBUFFER_PTR_ADD  /* `position` counts from where `ptr` is */
};

/* Sets or advances `ptr`, at most to the end of the buffer. -1, and no place, beyond it. */
EVENT2_EXPORT_SYMBOL
int evbuffer_ptr_set(struct evbuffer* buffer, struct evbuffer_ptr* ptr, size_t position,
                     enum evbuffer_ptr_how how);

/* Where `what` first occurs at or after `start` (NULL: the front), and before `end` (NULL: the
 * back) with all its bytes. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search(struct evbuffer* buffer, const char* what, size_t len,
                                    const struct evbuffer_ptr* start);
EVENT2_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_range(struct evbuffer* buffer, const char* what, size_t len,
                                          const struct evbuffer_ptr* start,
                                          const struct evbuffer_ptr* end);

/* Where the next line ends, and in `eol_len_out` (which may be NULL) how long that end is. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_ptr evbuffer_search_eol(struct evbuffer* buffer, struct evbuffer_ptr* start,
                                        size_t* eol_len_out, enum evbuffer_eol_style eol_style);

/* ---- Descriptors. The number of bytes, or -1 with the reason in errno. */

/* Reads once, at most `howmuch` bytes (negative: as many as seem right). 0 at the end of input. */
EVENT2_EXPORT_SYMBOL
int evbuffer_read(struct evbuffer* buffer, evutil_socket_t fd, int howmuch);

/* Writes once from the front, at most `howmuch` bytes (negative: what there is), and forgets what
 * was written. */
EVENT2_EXPORT_SYMBOL
int evbuffer_write(struct evbuffer* buffer, evutil_socket_t fd);
EVENT2_EXPORT_SYMBOL
int evbuffer_write_atmost(struct evbuffer* buffer, evutil_socket_t fd, ev_ssize_t howmuch);

/* ---- Callbacks */

/* What changed since the callbacks last ran. */
struct evbuffer_cb_info {
    size_t orig_size; /* the length then */
    size_t n_added;
    size_t n_deleted;
};

/* Called after a call has changed the length. It may change the buffer, which calls it again from
 * inside; it may add callbacks and remove itself. */
typedef void (*evbuffer_cb_func)(struct evbuffer* buffer, const struct evbuffer_cb_info* info,
                                 void* arg);

struct evbuffer_cb_entry;

/* The last one added is called first. NULL when memory is short. */
EVENT2_EXPORT_SYMBOL
struct evbuffer_cb_entry* evbuffer_add_cb(struct evbuffer* buffer, evbuffer_cb_func cb,
                                          void* cbarg);

/* By handle, or by function and argument. -1 when there is no such callback. */
EVENT2_EXPORT_SYMBOL
int evbuffer_remove_cb_entry(struct evbuffer* buffer, struct evbuffer_cb_entry* ent);
EVENT2_EXPORT_SYMBOL
int evbuffer_remove_cb(struct evbuffer* buffer, evbuffer_cb_func cb, void* cbarg);

/* The callback is called; without this flag it is not. */
#define EVBUFFER_CB_ENABLED 1

EVENT2_EXPORT_SYMBOL
int evbuffer_cb_set_flags(struct evbuffer* buffer, struct evbuffer_cb_entry* cb, ev_uint32_t flags);
EVENT2_EXPORT_SYMBOL
int evbuffer_cb_clear_flags(struct evbuffer* buffer, struct evbuffer_cb_entry* cb,
                            ev_uint32_t flags);

/* From now on callbacks run from the loop of `base`, once for all the changes since. */
EVENT2_EXPORT_SYMBOL
int evbuffer_defer_callbacks(struct evbuffer* buffer, struct event_base* base);

/* ---- Freezing */

/* Calls that take from the front or put something before it (`at_front` is not 0), or that add to
 * the back (0), fail until the end is unfrozen. */
EVENT2_EXPORT_SYMBOL
int evbuffer_freeze(struct evbuffer* buf, int at_front);
EVENT2_EXPORT_SYMBOL
int evbuffer_unfreeze(struct evbuffer* buf, int at_front);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFER_H_INCLUDED_ */
