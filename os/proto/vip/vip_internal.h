/* vip_internal.h: private to os/proto/vip/: what the virtual protocols have in common.
 *
 *   VIP1  A message goes up as it came down: nothing is added, on whatever path.
 *   VIP2  A session holds all sessions below that it has opened, or there is none.
 *   VIP3  What comes on any path from a node goes up on the one session with that node.
 */
#ifndef OS_PROTO_VIP_VIP_INTERNAL_H
#define OS_PROTO_VIP_VIP_INTERNAL_H

#include "os/proto/vip/vip.h"
#include "os/xk/table.h"

struct vip { /* first in the state of each */
    struct xk_table sessns;
    /* The session that a peer started by what came on `lower`, with one more reference; NULL: it
     * cannot be had. */
    struct xk_sessn *(*passive)(struct xk_protl *self, struct xk_sessn *lower, bool *fresh);
    uint64_t orphans;
};

/* Ops of both. */
void vip_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
void vip_ready(struct xk_protl *self, struct xk_sessn *lower);
void vip_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why);
void vip_close(struct xk_sessn *s);
/* The session takes that one below as its next. */
void vip_take(struct xk_sessn *s, struct xk_sessn *lower);
/* False with a sentence: one of the paths carries calls, or one is there twice. */
bool vip_paths(const char *at, const char *protocol, const struct xk_path *below, uint8_t count,
               struct err *e);

#endif
