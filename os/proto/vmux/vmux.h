/* vmux.h: VMUX: a virtual protocol that gives its uppers the sessions of what stands below it.
 *
 * An open goes to the instances below in turn, and the session of the first that opens is the
 * upper's own: a message passes by VMUX as if it were not there.  See README.md.
 */
#ifndef OS_PROTO_VMUX_VMUX_H
#define OS_PROTO_VMUX_VMUX_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops vmux_protl;

#endif
