/* rdm_hold.c: uppers that take pieces as they come, and give credit back themselves. */
#include "os/proto/rdm/rdm_internal.h"

void rdm_pieces(struct xk_sessn *s)
{
    ASSERT(s->protl->ops == &rdm_protl && s->upper->ops->needs & XK_PIECES);
    ((struct rdm_talk *)s->state)->pieces = true;
}

void rdm_hold(struct xk_sessn *s, uint64_t credit)
{
    struct rdm_talk *t = s->state;
    /* Of a whole message that is longer than the credit the end would not come. */
    ASSERT(t->pieces);
    uint64_t least = 2 * rdm_cost(rdm_state(t)->piece);
    rdm_state(t)->counts.promised -= t->credit.limit;
    t->credit.limit = (uint32_t)(credit < least ? least : credit);
    rdm_state(t)->counts.promised += t->credit.limit;
}

bool rdm_first(const struct xk_sessn *s)
{
    return ((const struct rdm_talk *)s->state)->first;
}

void rdm_consumed(struct xk_sessn *s, uint64_t bytes)
{
    struct rdm_talk *t = s->state;
    ASSERT(bytes <= t->credit.held); /* RDM5 */
    t->credit.held -= (uint32_t)bytes;
    t->credit.given += (uint32_t)bytes;
    rdm_pump(t);
}

bool rdm_gone(struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    bool gone = list_empty(&t->todo);
    t->wants_ready |= !gone;
    return gone;
}

bool rdm_stalled(const struct xk_sessn *s)
{
    return ((const struct rdm_talk *)s->state)->credit.stalled;
}
