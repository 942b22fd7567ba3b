/* chan.h: CHAN: request and reply, at most once.
 *
 * A session opened by a client is one channel to a host with one call at a time: push sends the
 * request, the reply comes by demux, or failed says why there is none.  At the server each request
 * comes by demux on a session of its own; pushing on it, now or later, sends the reply.
 *
 *   CHAN1  A request is given to the upper protocol at most once, whatever is lost, doubled,
 *       delayed or restarted below.
 *   CHAN2  A call ends exactly once: reply, or failed with XK_UNREACHABLE (no answer, or known
 *       dead), XK_RESTARTED (the server came back without it), XK_REFUSED (nobody has enabled it
 *       there).
 *   CHAN3  Below a layer that loses nothing while both ends live no timer is set: then a dead
 *       server is noticed by the failure detector, or by a message of the server's next life.
 *   CHAN4  A client's push answered XK_OK is not refused later for want of room: it is sent when
 *       the layer below is ready.  Likewise a server's.
 */
#ifndef OS_PROTO_CHAN_CHAN_H
#define OS_PROTO_CHAN_CHAN_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops chan_protl;

#endif
