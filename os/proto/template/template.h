/* template.h: TEMPLATE: a protocol that does little: it numbers messages and counts the gaps.
 *
 * Copy this folder to begin a protocol of your own: docs/howto-protocol.md walks through it.
 */
#ifndef OS_PROTO_TEMPLATE_TEMPLATE_H
#define OS_PROTO_TEMPLATE_TEMPLATE_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops template_protl;

#endif
