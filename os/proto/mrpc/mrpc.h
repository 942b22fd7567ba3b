/* mrpc.h: M.RPC: calls of any length, at most once, in one protocol.
 *
 * The monolithic counterpart of SELECT over CHAN over BLAST: one header, one state for each
 * channel, one timer for fragments and calls.  Under SELECT it takes the place of CHAN and BLAST,
 * and the two are one layer (XK4).  What CHAN1 to CHAN4 of chan.h promise holds here:
 *
 *   MRPC1  A request is given to the upper at most once.
 *   MRPC2  A call ends exactly once: reply, or failed with XK_UNREACHABLE, XK_RESTARTED or
 *       XK_REFUSED.
 *   MRPC3  Over a layer that loses nothing no timer is set.
 *   MRPC4  What push has taken is sent when the layer below has room.
 *
 * Sources: the RPC of Sprite [Welch 1986], of which the x-kernel had this as one protocol
 * [Hutchinson & Peterson 1991].  See README.md.
 */
#ifndef OS_PROTO_MRPC_MRPC_H
#define OS_PROTO_MRPC_MRPC_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops mrpc_protl;

#endif
