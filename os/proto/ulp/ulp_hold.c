/* ulp_hold.c: ULP's grants: shares of those who send, and uppers that give credit back themselves.
 *
 *   ULPH1  A window is never less than two frames, so that half of one is free before its sender
 *       waits for good.
 *   ULPH2  `senders` has the connections that sent within `recent`, who was heard last at the end.
 */
#include "os/proto/ulp/ulp_internal.h"

void ulp_sends_not(struct ulp_line *l)
{
    if (list_empty(&l->sending))
        return;
    list_remove(&l->sending);
    ulp_state(l)->sender_count--;
}

void ulp_sends(struct ulp_line *l)
{
    struct ulp_state *st = ulp_state(l);
    sim_time now = port_now(ulp_port(l));
    ulp_sends_not(l);
    l->heard = now;
    list_push(&st->senders, &l->sending);
    st->sender_count++;
    for (;;) {
        struct ulp_line *first = LIST_ENTRY(st->senders.next, struct ulp_line, sending);
        if (now - first->heard <= st->params->recent)
            return;
        ulp_sends_not(first);
    }
}

/* Bytes that the other may have under way: the credit of an upper that holds is a promise of
 * memory; else the node's pool is shared by those who send now. */
static uint32_t window(struct ulp_line *l)
{
    const struct ulp_state *st = ulp_state(l);
    uint64_t least = 2 * (uint64_t)ulp_cost(st->piece), most = (uint64_t)st->params->grant;
    uint64_t share = (uint64_t)st->params->pool / (st->sender_count ? st->sender_count : 1);
    if (l->credit)
        return l->credit;
    share = share < most ? share : most;
    return (uint32_t)(share > least ? share : least);
}

uint32_t ulp_grant(struct ulp_line *l)
{
    uint32_t w = window(l), g = l->freed + w;
    if (l->gave && (int32_t)(g - l->told) <= 0)
        return l->told;
    ulp_state(l)->counts.shrunk += !l->credit && w < (uint64_t)ulp_state(l)->params->grant;
    return g;
}

void ulp_grant_if_due(struct ulp_line *l)
{
    uint32_t w = window(l);
    int32_t more = (int32_t)(l->freed + w - l->told);
    if (!l->gave || more <= 0 || 2 * (uint64_t)more < w)
        return;
    if (ulp_state(l)->keeps)
        l->grant_due = true;
    else
        ulp_queue_credit(l);
}

/* ---- uppers that hold ---- */

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
    ulp_pump(l);
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
