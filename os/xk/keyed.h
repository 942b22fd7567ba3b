/* keyed.h: the sessions of one protocol instance by a key of its own, and who takes which type.
 *
 * What os/xk/table.h is for peers that are nodes: for protocols whose peers are addresses, stations
 * and ports.  The key stands at the front of a session's state, without padding.  A session whose
 * last reference is dropped stays for re-use as long as it is among the last `idle_max` that went
 * idle (XK2).
 */
#ifndef OS_XK_KEYED_H
#define OS_XK_KEYED_H

#include "os/xk/map.h"
#include "os/xk/xobj.h"

struct xk_keyed {
    struct xk_map map;
    struct list idle; /* oldest first */
    uint32_t idle_count, idle_max;
    void (*forget)(struct xk_sessn *s); /* told before an idle one is freed; NULL: nobody */
};

/* Empty, in the heap of protl's task; keeps at most `idle_max` idle sessions. */
void xk_keyed_init(struct xk_keyed *k, struct xk_protl *protl, uint32_t key_size,
                   uint32_t idle_max);
/* One more reference to the session with that key, or NULL. */
struct xk_sessn *xk_keyed_get(struct xk_keyed *k, const void *key);
/* A session that was just made, with its key at the front of its state. */
void xk_keyed_add(struct xk_keyed *k, struct xk_sessn *s);
/* For ops->close: keeps the session and frees the oldest idle one above the limit. */
void xk_keyed_idle(struct xk_keyed *k, struct xk_sessn *s);
/* Frees all idle sessions; how many. */
uint32_t xk_keyed_reclaim(struct xk_keyed *k);

/* fn for each session over that one below that somebody holds, and while it is held: for ops->ready
 * and the like. */
void xk_keyed_over(struct xk_keyed *k, struct xk_sessn *lower, void (*fn)(struct xk_sessn *s));

/* ---- who takes what comes with a type (XK_PART_TYPE) ---- */
struct xk_types {
    uint32_t end, own; /* an upper names one below `end`, but not the protocol's own */
    uint32_t untyped; /* and the upper's relative number: the type of one that names none (PART2) */
    uint32_t count;
    struct xk_type_of {
        uint32_t type;
        struct xk_protl *upper;
    } * at;
};
#define XK_NO_TYPE UINT32_MAX
/* Takes the upper's type off the parts; XK_NO_TYPE: they name none that it may have. */
uint32_t xk_type_take(const struct xk_types *t, struct xk_parts *ps, const struct xk_protl *upper);
/* The same for ops->open_enable and open_disable; XK_NO_TYPE, too: another part is left (PART1). */
uint32_t xk_type_local(const struct xk_types *t, struct xk_parts local,
                       const struct xk_protl *upper);
/* The upper takes what comes with it from now on; XK_REFUSED: another does, or there is no type. */
enum xk_status xk_types_enable(struct xk_types *t, uint32_t type, struct xk_protl *upper);
/* It takes that no longer; XK_REFUSED: there is no type. */
enum xk_status xk_types_disable(struct xk_types *t, uint32_t type, const struct xk_protl *upper);
/* Who does, or NULL: nobody. */
struct xk_protl *xk_types_find(const struct xk_types *t, uint32_t type);

#endif
