/* pieces.h: what a protocol that gives XK_PIECES does for the upper right on it.
 *
 * Such an upper is given the pieces of messages in order, as they come, and may hold them until
 * somebody wants them.  It says so of each of its sessions, when it opens it or hears of it
 * (open_done): xk_pieces, then xk_hold.  RDM, ULP and RECORD give it; their headers say what they
 * promise.
 */
#ifndef OS_XK_PIECES_H
#define OS_XK_PIECES_H

#include "os/xk/xobj.h"

struct xk_pieces_ops {
    void (*pieces)(struct xk_sessn *s);
    void (*hold)(struct xk_sessn *s, uint64_t credit);
    void (*consumed)(struct xk_sessn *s, uint64_t bytes);
    bool (*gone)(struct xk_sessn *s);
    bool (*stalled)(const struct xk_sessn *s);
    void (*give_up)(struct xk_sessn *s);
};

/* Its upper is given pieces. */
static inline void xk_pieces(struct xk_sessn *s)
{
    ASSERT(s->protl->ops->pieces && s->upper->ops->needs & XK_PIECES);
    s->protl->ops->pieces->pieces(s);
}
/* The credit, in bytes that demux was given: at least two pieces; the same on both sides. */
static inline void xk_hold(struct xk_sessn *s, uint64_t credit)
{
    s->protl->ops->pieces->hold(s, credit);
}
/* In demux: is the piece the first of its message?  When a message breaks off because its sender
 * gave it up, `failed` says XK_CLOSED. */
static inline bool xk_first(const struct xk_sessn *s)
{
    return s->first;
}
/* These bytes of what demux was given in this life of the other are held no longer. */
static inline void xk_consumed(struct xk_sessn *s, uint64_t bytes)
{
    s->protl->ops->pieces->consumed(s, bytes);
}
/* Has all that was pushed gone to the layer below?  If not, `ready` comes when it has, or when it
 * begins to wait for credit. */
static inline bool xk_gone(struct xk_sessn *s)
{
    return s->protl->ops->pieces->gone(s);
}
/* Does it wait for credit? */
static inline bool xk_stalled(const struct xk_sessn *s)
{
    return s->protl->ops->pieces->stalled(s);
}
/* What has not gone is dropped; the other side is told of a message that has gone in part. */
static inline void xk_give_up(struct xk_sessn *s)
{
    s->protl->ops->pieces->give_up(s);
}

#endif
