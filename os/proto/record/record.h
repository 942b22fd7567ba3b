/* record.h: RECORD: whole messages of any length between two nodes over TCP, in order, once and
 * undamaged, while both live: records marked in a stream of bytes.
 *
 * A session is for an upper instance, a host and a key, the same on both sides.  It gives what RDM
 * gives, and may stand where RDM stands, right on TCP.  See README.md.
 *   RCD1  What an upper is given on a session is, message by message, a front part of what the
 *       other side's was answered XK_OK for, while the lives of both last: also where a connection
 *       breaks, for another goes on where it ended.
 *   RCD2  A life's end ends the conversation: what was to be sent and what had come in part is
 *       dropped, and `failed` says XK_UNREACHABLE where something was under way.
 *   RCD3  Between two hosts stands one connection, opened by who first has something to send.  Of
 *       two that are opened at once one stands: if both are connected, that of the lower host.
 *   RCD4  Where none can be made (`tries`) and the other's life has never been heard, what waits
 *       is dropped, and `failed` says what TCP did: XK_REFUSED, XK_RESET, XK_UNREACHABLE.
 *   RCD5  Nothing but the greeting is sent before the other's has told its life.
 *   RCD6  What comes that makes no sense, or is longer than `longest`, breaks its connection, and
 *       nothing of it is given to anybody.
 *   RCD7  A push is answered XK_BUSY while `queue` bytes or more wait on the session, until half of
 *       that is gone; from an upper of pieces (os/xk/pieces.h) unless xk_gone.  From one that needs
 *       XK_TAKES every message is taken.
 *   RCD8  Of an upper that holds (xk_hold) each side has sent at most the credit more than the
 *       other has given back; what waits for credit holds up nobody else.
 */
#ifndef OS_PROTO_RECORD_RECORD_H
#define OS_PROTO_RECORD_RECORD_H

#include "os/xk/pieces.h"

struct record_counts {
    uint64_t sent, received; /* messages, by and to uppers */
    uint64_t records;        /* sent for the first time */
    uint64_t resent;         /* sent again: another connection goes on */
    uint64_t fragments;      /* sent */
    uint64_t connects;       /* connections that were asked for */
    uint64_t accepts;        /* that peers asked for, and that were taken */
    uint64_t greeted;        /* that stood */
    uint64_t yielded;        /* of two at once, given up for the other's */
    uint64_t broken;         /* ended after they stood, while both live */
    uint64_t credits;        /* records with nothing but credit */
    uint64_t stalled;        /* times that a message had to wait for credit */
    uint64_t bad;            /* connections broken: what came makes no sense */
    uint64_t longer;         /* of these, by a length that nobody may send */
    uint64_t stale;          /* connections of a life that has ended, or given up by the other */
    uint64_t nobody;         /* dropped: no protocol with their number stands here */
    uint64_t refused;        /* pushes answered XK_BUSY */
    uint64_t dropped;        /* messages cut off, going or coming: given up, or by a life's end */
};
/* Of an instance of RECORD: they go on rising, and live as long as it. */
const struct record_counts *record_counts(const struct xk_protl *record);

extern const struct xk_protl_ops record_protl;

#endif
