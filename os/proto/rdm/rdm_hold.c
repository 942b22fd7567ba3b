/* rdm_hold.c: uppers that take pieces as they come, and give credit back themselves. */
#include "os/proto/rdm/rdm_internal.h"

static void hold_pieces(struct xk_sessn *s)
{
    ((struct rdm_talk *)s->state)->pieces = true;
}

static void hold_credit(struct xk_sessn *s, uint64_t credit)
{
    struct rdm_talk *t = s->state;
    /* Of a whole message that is longer than the credit the end would not come. */
    ASSERT(t->pieces);
    uint64_t least = 2 * rdm_cost(rdm_state(t)->piece);
    rdm_state(t)->counts.promised -= t->credit.limit;
    t->credit.limit = (uint32_t)(credit < least ? least : credit);
    rdm_state(t)->counts.promised += t->credit.limit;
}

static void hold_consumed(struct xk_sessn *s, uint64_t bytes)
{
    struct rdm_talk *t = s->state;
    ASSERT(bytes <= t->credit.held); /* RDM5 */
    t->credit.held -= (uint32_t)bytes;
    t->credit.given += (uint32_t)bytes;
    rdm_pump(t);
}

static bool hold_gone(struct xk_sessn *s)
{
    struct rdm_talk *t = s->state;
    bool gone = list_empty(&t->todo);
    t->wants_ready |= !gone;
    return gone;
}

static bool hold_stalled(const struct xk_sessn *s)
{
    return ((const struct rdm_talk *)s->state)->credit.stalled;
}

const struct xk_pieces_ops rdm_hold_ops = { .pieces = hold_pieces,
                                            .hold = hold_credit,
                                            .consumed = hold_consumed,
                                            .gone = hold_gone,
                                            .stalled = hold_stalled,
                                            .give_up = rdm_give_up };
