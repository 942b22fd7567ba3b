/* ulp_hold.c: ULP under uppers that take pieces, hold them, and give credit back themselves. */
#include "os/proto/ulp/ulp_internal.h"

static void hold_pieces(struct xk_sessn *s)
{
    ((struct ulp_line *)s->state)->pieces = true;
}

static void hold_credit(struct xk_sessn *s, uint64_t credit)
{
    struct ulp_line *l = s->state;
    ASSERT(l->pieces); /* of a whole message that is longer than the credit the end would not come
                        */
    uint64_t least = 2 * (uint64_t)ulp_cost(ulp_state(l)->piece);
    l->credit = (uint32_t)(credit < least ? least : credit);
}

static void hold_consumed(struct xk_sessn *s, uint64_t bytes)
{
    struct ulp_line *l = s->state;
    ASSERT(bytes <= l->held); /* ULP3 */
    l->held -= bytes;
    l->freed += (uint32_t)bytes;
    ulp_grant_if_due(l);
    struct ulp_state *st = ulp_state(l);
    ulp_pump(l);
    ulp_turns(st);
}

static bool hold_gone(struct xk_sessn *s)
{
    struct ulp_line *l = s->state;
    bool gone = list_empty(&l->todo);
    l->wants_ready |= !gone;
    return gone;
}

static bool hold_stalled(const struct xk_sessn *s)
{
    return ((const struct ulp_line *)s->state)->stalled;
}

const struct xk_pieces_ops ulp_hold_ops = { .pieces = hold_pieces,
                                            .hold = hold_credit,
                                            .consumed = hold_consumed,
                                            .gone = hold_gone,
                                            .stalled = hold_stalled,
                                            .give_up = ulp_give_up };
