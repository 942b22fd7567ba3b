/* peers.h: which life of each other node this one talks to.
 *
 * A node that crashes and comes back begins another life: its incarnation rises.  What was agreed
 * with the one before is void.  Each x-kernel keeps one table of the newest life that it knows of
 * each node, and whether that life has ended.  Two tell it: the machine's failure detector, late,
 * and whatever header a protocol reads that names its sender's life (xk_heard).
 *
 *   PEER1  Whoever hears first, all who have asked (xk_on_peer) are told, in the order in which
 *       they asked: of each life's end once, and of that before of a newer life.  They are told
 *       before what the new life sent goes up.
 *   PEER2  What an older life sent, or one that is known to have ended, is XK_OLD: the caller drops
 *       it.
 *   PEER3  Nobody is told that a first life is there: that is what everybody assumes.
 *   PEER4  A node knows its own life from the boot on: nobody on it is told of one before, whose
 *       end would end what it has sent to itself.
 */
#ifndef OS_XK_PEERS_H
#define OS_XK_PEERS_H

#include "os/xk/xobj.h"

enum xk_heard {
    XK_SAME, /* the life that is known */
    XK_NEW,  /* not known till now; all have been told */
    XK_OLD   /* drop what came with it */
};
/* `host` has said that it is in life `life` (from 1). */
enum xk_heard xk_heard(struct xk_kernel *k, uint32_t host, uint32_t life);
/* The same from a header that has room for the low bits alone; 0: it does not say. */
enum xk_heard xk_heard_low(struct xk_kernel *k, uint32_t host, uint16_t life);

/* fn is told: that life has ended, or (alive) that one has begun.  In an upcall. */
void xk_on_peer(struct xk_kernel *k,
                void (*fn)(void *arg, uint32_t host, uint32_t life, bool alive), void *arg);

void xk_off_peer(struct xk_kernel *k, const void *arg); /* no more; not from inside a fn */

uint32_t xk_life(const struct xk_kernel *k, uint32_t host); /* the newest known; 0: none */
/* The same, but of whom nobody has heard the first (PEER3). */
uint32_t xk_life_assumed(const struct xk_kernel *k, uint32_t host);
bool xk_alive(const struct xk_kernel *k, uint32_t host); /* its newest has not ended */
bool xk_died(const struct xk_kernel *k, uint32_t host);  /* some life of it has ended */

/* What crashes of others may undo: of some hosts, by place, the life in which this node changed
 * something there first.  All zero: nothing. */
struct xk_unsafe {
    uint32_t count;
    struct xk_unsafe_at {
        uint32_t host, life; /* life: 0: nothing was changed */
    } * at;
};
/* Something was changed at `host`, which is place i of `count`. */
void xk_unsafe_add(struct xk_unsafe *u, struct xk_kernel *k, uint32_t count, uint32_t i,
                   uint32_t host);
/* All is safe, or lost: nothing is unsafe any more.  False: a life has ended meanwhile. */
bool xk_unsafe_end(struct xk_unsafe *u, struct xk_kernel *k);

#endif
