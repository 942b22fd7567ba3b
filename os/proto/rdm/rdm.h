/* rdm.h: RDM: whole messages of any length between two nodes, in order, once, while both live.
 *
 * A session is for an upper instance, a host and a key: a number of the upper's own, the same on
 * both sides, so that what answers need not wait behind what asks.  See README.md.
 *   RDM1  What an upper is given on a session is, message by message, a front part of what the
 *       other side's was answered XK_OK for, while the lives of both last.
 *   RDM2  A life's end ends the conversation: what was still to be sent is dropped, what had come
 *       in part too, and with the next life numbers and credit start anew.  `failed` says
 *       XK_UNREACHABLE where something was under way.  Who waits for `ready` gets it.
 *   RDM3  Over a path that is lossless and ordered and delivers once there are no numbers on the
 *       wire, no acknowledgements, no copies and no timers.  Elsewhere pieces are numbered, kept
 *       until they are acknowledged, and sent again.
 *   RDM4  A push is answered XK_BUSY while `queue` bytes or more to that host wait, until half of
 *       that is gone; without numbers while the layer below is full.  Else a message is taken
 *       whole, however long.  From an upper that needs XK_TAKES every message is taken.
 *   RDM8  What comes before its key is enabled waits (in the credit), and goes up when it is.
 *
 * An upper that holds what came until somebody wants it needs XK_PIECES, and says of each of its
 * sessions, when it opens it or hears of it (open_done), xk_pieces and xk_hold (os/xk/pieces.h):
 *   RDM5  It is given the pieces of messages in order, as they come, and gives the bytes of each
 *       back with xk_consumed when it holds them no longer.  Each side has sent at most the credit
 *       more than the other has given back: a message waits, and those behind it with the same key.
 *   RDM6  What was given back rides on data.  A message with nothing else goes once it is half the
 *       credit.
 *   RDM7  A push is answered XK_BUSY unless xk_gone.
 * An upper that holds bytes must not need the same session to free them.
 */
#ifndef OS_PROTO_RDM_RDM_H
#define OS_PROTO_RDM_RDM_H

#include "os/xk/pieces.h"

/* ---- a tap, for cuts (os/ckpt/cut.h) ----
 *
 * Each piece of an upper that is tapped has on the wire, in 4 bytes, the epoch of its sender when
 * it was sent; an untapped RDM has none of that.  A message is of the epoch of its last piece.
 *   RDM9  A piece of a later epoch than this node's waits, in the credit, and what is behind it on
 *       its session with it, until the node's epoch is that.
 *   RDM10  With each turn of the epoch all that had not been sent whole is told, in order; whole
 *       messages of an earlier epoch are told as they come. */
struct rdm_tap_ops {
    /* One has been sent whole; one of `epoch` has come whole, and the upper has it.  `late`, of an
     * earlier epoch: all of it, as the upper was given it; else NULL. */
    void (*sent)(void *arg, uint32_t host);
    void (*came)(void *arg, uint32_t host, uint32_t key, uint32_t epoch, const struct rope *late);
    /* A piece of a later epoch has begun to wait.  It may turn the epoch at once. */
    void (*early)(void *arg, uint32_t host, uint32_t epoch);
    void (*unsent)(void *arg, uint32_t host, uint32_t key, const struct rope *message);
};
/* At boot, the same on all nodes; one upper.  The epoch is 0. */
void rdm_tap(struct xk_protl *rdm, struct xk_protl *upper, const struct rdm_tap_ops *ops,
             void *arg);
void rdm_tap_turn(struct xk_protl *rdm, uint32_t epoch); /* from now on */
/* While on, no piece of the upper is sent. */
void rdm_tap_stop(struct xk_protl *rdm, bool on);

struct rdm_counts {
    uint64_t sent, received; /* messages, by and to uppers */
    uint64_t pieces;         /* sent for the first time */
    uint64_t resent;         /* sent again */
    uint64_t acks;           /* acknowledgements that nothing else carried, and questions */
    uint64_t credits;        /* messages with nothing but credit */
    uint64_t stalled;        /* times that a message had to wait for credit */
    uint64_t promised;       /* bytes of memory, to those who hold credit now: falls, too */
    uint64_t taken;          /* pieces that came in their turn, and credit */
    uint64_t controls;       /* acknowledgements and questions that came alone */
    uint64_t early;          /* pieces kept because one before them had not come */
    uint64_t duplicates;     /* pieces dropped: had already */
    uint64_t stale;          /* dropped: from or for a life that has ended */
    uint64_t bad;            /* dropped: header makes no sense */
    uint64_t bad_acks;       /* of what was not sent, on pieces or alone: not looked at */
    uint64_t nobody;         /* dropped: no protocol with their number stands here */
    uint64_t refused;        /* pushes answered XK_BUSY */
    uint64_t dropped;        /* messages cut off, going or coming: given up, or by a life's end */
};
/* Of an instance of RDM: they go on rising, and live as long as it. */
const struct rdm_counts *rdm_counts(const struct xk_protl *rdm);

extern const struct xk_protl_ops rdm_protl;

#endif
