/* table.h: the sessions of one protocol instance by (upper instance, peer host, key).
 *
 * Most protocols have one session for each pair, used in both directions, and the key 0.  A session
 * whose last reference is dropped stays for re-use as long as it is among the last `idle_max` that
 * went idle (XK2): that bounds the memory of a node that has talked to thousands.
 */
#ifndef OS_XK_TABLE_H
#define OS_XK_TABLE_H

#include "os/xk/xobj.h"

struct xk_place {
    uint64_t key; /* session's key, upper's number and host; 0: free */
    struct xk_sessn *sessn;
};

struct xk_table {
    struct port *port;
    struct xk_place *places;
    uint32_t room, count; /* places, a power of two; taken */
    uint64_t hit;         /* the key of the last look-up: the next of it names no work; 0: none */
    struct xk_sessn *hit_sessn; /* what it found */
    struct list idle;           /* oldest first */
    uint32_t idle_count, idle_max;
    void (*forget)(struct xk_sessn *s); /* told before an idle one is freed; NULL: nobody */
};

/* Empty, in the heap of protl's task; keeps at most `idle_max` idle sessions. */
void xk_table_init(struct xk_table *t, struct xk_protl *protl, uint32_t idle_max);
/* One more reference to the session with key 0, or NULL when there is none. */
struct xk_sessn *xk_table_get(struct xk_table *t, const struct xk_protl *upper, uint32_t host);
/* One more reference to a session of the table, idle or not, that the caller found otherwise. */
struct xk_sessn *xk_table_hold(struct xk_table *t, struct xk_sessn *s);
/* As xk_table_get with a peer's key (below 256), made where there is none: over the first instance
 * below, if any, with `state_size` zeroed bytes of state.  *fresh: it was made.  NULL with *why:
 * none can be had below. */
struct xk_sessn *xk_table_open_key(struct xk_table *t, struct xk_protl *self,
                                   struct xk_protl *upper, uint32_t host, uint32_t key,
                                   const struct xk_sessn_ops *ops, size_t state_size, bool *fresh,
                                   enum xk_status *why);
/* The same with key 0. */
static inline struct xk_sessn *xk_table_open(struct xk_table *t, struct xk_protl *self,
                                             struct xk_protl *upper, uint32_t host,
                                             const struct xk_sessn_ops *ops, size_t state_size,
                                             bool *fresh, enum xk_status *why)
{
    return xk_table_open_key(t, self, upper, host, 0, ops, state_size, fresh, why);
}
/* The session with the host of that one below, and the key; made where there is none, and then it
 * has that one as its first below (*fresh).  Else the caller looks over which one it is. */
struct xk_sessn *xk_table_over(struct xk_table *t, struct xk_protl *self, struct xk_protl *upper,
                               struct xk_sessn *lower, uint32_t key, const struct xk_sessn_ops *ops,
                               size_t state_size, bool *fresh);
/* For ops->open: the same with the parts that are left for below; these say which host it is.
 * XK_REFUSED: there is a session with that host and key over another one below. */
struct xk_sessn *xk_table_open_parts(struct xk_table *t, struct xk_protl *self,
                                     struct xk_protl *upper, struct xk_parts peer, uint32_t key,
                                     const struct xk_sessn_ops *ops, size_t state_size, bool *fresh,
                                     enum xk_status *why);
/* For ops->close: keeps the session and frees the oldest idle one above the limit. */
void xk_table_idle(struct xk_table *t, struct xk_sessn *s);
/* Frees all idle sessions; how many. */
uint32_t xk_table_reclaim(struct xk_table *t);
/* For ops->control of `self`, whose frames hold `bytes` of its uppers: answers what is about these
 * and the sessions, and asks the first below, if any, the rest. */
enum xk_status xk_table_control(struct xk_table *t, struct xk_protl *self, uint64_t bytes,
                                struct xk_control *c);

#endif
