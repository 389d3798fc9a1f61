/** @file event2/keyvalq_struct.h
 *
 * Lists of names and values: header fields of a request, pairs of a query. They are plain BSD tail
 * queues, so a program may walk them with TAILQ_FOREACH(). Changing them is the business of
 * evhttp_add_header() and its kind, which own the strings.
 */
#ifndef EVENT2_KEYVALQ_STRUCT_H_INCLUDED_
#define EVENT2_KEYVALQ_STRUCT_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

/* Without <sys/queue.h> the two macros live just long enough to declare the lists. */
#ifndef TAILQ_ENTRY
#define EVENT_DEFINED_TQENTRY_
#define TAILQ_ENTRY(type)       \
    struct {                    \
        struct type* tqe_next;  \
        struct type** tqe_prev; \
    }
#endif
#ifndef TAILQ_HEAD
#define EVENT_DEFINED_TQHEAD_
#define TAILQ_HEAD(name, type)  \
    struct name {               \
        struct type* tqh_first; \
        struct type** tqh_last; \
    }
#endif

/** One pair. Both strings end in NUL and belong to the list. */
struct evkeyval {
    TAILQ_ENTRY(evkeyval) next;

    char* key;
    char* value;
};

TAILQ_HEAD(evkeyvalq, evkeyval);

#ifdef EVENT_DEFINED_TQENTRY_
#undef TAILQ_ENTRY
#endif
#ifdef EVENT_DEFINED_TQHEAD_
#undef TAILQ_HEAD
#endif

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_KEYVALQ_STRUCT_H_INCLUDED_ */
