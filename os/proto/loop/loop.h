/* loop.h: LOOP: a network of one node: what one of its uppers pushes comes to the other.  See
 * README.md.
 */
#ifndef OS_PROTO_LOOP_LOOP_H
#define OS_PROTO_LOOP_LOOP_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops loop_protl;

#endif
