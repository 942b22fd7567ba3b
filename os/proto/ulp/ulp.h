/* ulp.h: ULP: unprotected low-overhead messaging: whole messages of any length between two nodes,
 * in order, once and undamaged, while both live, with one pass over their data a side.
 *
 * A session is for an upper instance, a host and a key, the same on both sides.  It gives what RDM
 * gives, and may stand where RDM stands; besides, what is below may damage frames.  See README.md.
 *   ULP1  What an upper is given on a session is, message by message, a front part of what the
 *       other side's was answered XK_OK for, while the lives of both last.
 *   ULP2  A life's end ends the connection: what was to be sent and what had come in part is
 *       dropped, and `failed` says XK_UNREACHABLE where something was under way.
 *   ULP3  A sender has sent at most the bytes that the receiver has granted.  A grant is not taken
 *       back; of an upper that holds (xk_hold) it is the credit more than was given back.
 *   ULP4  Each frame that comes damaged is dropped: the sum of its header and data is checked.
 *   ULP5  A push is answered XK_BUSY while `queue` bytes or more to that host wait, until half of
 *       that is gone; from an upper of pieces (os/xk/pieces.h) unless xk_gone.  From one that needs
 *       XK_TAKES every message is taken.
 *   ULP6  What comes before its key is enabled waits, and goes up when it is.
 */
#ifndef OS_PROTO_ULP_ULP_H
#define OS_PROTO_ULP_ULP_H

#include "os/xk/pieces.h"

struct ulp_counts {
    uint64_t sent, received; /* messages, by and to uppers */
    uint64_t frames;         /* with data, sent for the first time */
    uint64_t resent;         /* sent again */
    uint64_t grants;         /* messages with nothing but a grant and an acknowledgement */
    uint64_t asks;           /* questions for a grant */
    uint64_t nacks;          /* messages that name the frame that is missing */
    uint64_t idle;           /* times that the idle timer ended */
    uint64_t stalled;        /* times that a message had to wait for a grant */
    uint64_t shrunk;         /* grants that were smaller because others send, too */
    uint64_t turns;          /* grants that waited for their turn */
    uint64_t taken;          /* frames with a number that came in their turn */
    uint64_t controls;       /* questions and grants without one that came */
    uint64_t ahead;          /* frames dropped: one before them had not come */
    uint64_t duplicates;     /* dropped: had already */
    uint64_t damaged;        /* dropped: the sum is another */
    uint64_t stale;          /* dropped: from or for a life that has ended */
    uint64_t bad;            /* dropped: header makes no sense */
    uint64_t bad_acks;       /* of what was not sent, on frames or alone: not looked at */
    uint64_t nobody;         /* dropped: no protocol with their number stands here */
    uint64_t refused;        /* pushes answered XK_BUSY */
    uint64_t dropped;        /* messages cut off, going or coming: given up, or by a life's end */
};
/* Of an instance of ULP: they go on rising, and live as long as it. */
const struct ulp_counts *ulp_counts(const struct xk_protl *ulp);

extern const struct xk_protl_ops ulp_protl;

#endif
