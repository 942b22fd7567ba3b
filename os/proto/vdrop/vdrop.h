/* vdrop.h: VDROP: a virtual protocol that loses, doubles, delays and damages messages on their way
 * down.
 *
 * Faults are a layer of the graph, not an option of a protocol: what stands above must cope.  It
 * has no header and carries one upper instance.  Draws come from the task's random stream
 * (port_random), so a seed repeats them.  See README.md.
 */
#ifndef OS_PROTO_VDROP_VDROP_H
#define OS_PROTO_VDROP_VDROP_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops vdrop_protl;

#endif
