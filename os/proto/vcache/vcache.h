/* vcache.h: VCACHE: a virtual protocol that keeps sessions open that its upper has closed.
 *
 * Who opens the same participants again gets one of them back, and nothing below is asked.  It is
 * for protocols whose sessions are dear to open, or one for each open (CHAN).  See README.md.
 */
#ifndef OS_PROTO_VCACHE_VCACHE_H
#define OS_PROTO_VCACHE_VCACHE_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops vcache_protl;

#endif
