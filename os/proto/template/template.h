/* template.h: TEMPLATE: a protocol that does little: it numbers messages and counts the gaps.
 *
 * Copy this folder to begin a protocol of your own: docs/howto-protocol.md walks through it.
 */
#ifndef OS_PROTO_TEMPLATE_TEMPLATE_H
#define OS_PROTO_TEMPLATE_TEMPLATE_H

#include "os/xk/xobj.h"

struct template_counts {
    uint64_t sent, received;
    uint64_t gaps; /* messages that came with another number than the next */
    uint64_t bad;  /* messages dropped: too short, or for nobody */
};
const struct template_counts *template_counts(const struct xk_protl *template);

extern const struct xk_protl_ops template_protl;

#endif
