/* rdm.h: RDM: whole messages of any length between two nodes, in order, once, while both live.
 *
 * A session is for an upper instance and a host.  See README.md.
 *   RDM1  What an upper is given is, message by message, a front part of what the other side's was
 *       answered XK_OK for, while the lives of both last.
 *   RDM2  A life's end ends the conversation: what was still to be sent is dropped, what had come
 *       in part too, and with the next life numbers start anew.  Who waits for `ready` gets it.
 *   RDM3  Over a path that is lossless and ordered and delivers once there are no numbers on the
 *       wire, no acknowledgements, no copies and no timers.  Elsewhere pieces are numbered, kept
 *       until they are acknowledged, and sent again.
 *   RDM4  A push is answered XK_BUSY while `queue` bytes or more to that host wait, until half of
 *       that is gone; without numbers while the layer below is full.  Else a message is taken
 *       whole, however long.  From an upper that needs XK_TAKES every message is taken.
 */
#ifndef OS_PROTO_RDM_RDM_H
#define OS_PROTO_RDM_RDM_H

#include "os/xk/xobj.h"

struct rdm_counts {
    uint64_t sent, received; /* messages, by and to uppers */
    uint64_t pieces;         /* sent for the first time */
    uint64_t resent;         /* sent again */
    uint64_t acks;           /* acknowledgements that nothing else carried, and questions */
    uint64_t early;          /* pieces kept because one before them had not come */
    uint64_t duplicates;     /* pieces dropped: had already */
    uint64_t stale;          /* dropped: from or for a life that has ended */
    uint64_t bad;            /* dropped: header makes no sense */
    uint64_t nobody;         /* dropped: nobody has enabled their protocol here */
    uint64_t refused;        /* pushes answered XK_BUSY */
    uint64_t dropped;        /* messages that a life's end cut off, going or coming */
};
/* Of an instance of RDM: they go on rising, and live as long as it. */
const struct rdm_counts *rdm_counts(const struct xk_protl *rdm);

extern const struct xk_protl_ops rdm_protl;

#endif
