/* worm_slots.c: the worm model where flits behind a header do not follow back to back.
 *
 * With B t_f < body delay + t_c a channel waits for credits even when nothing blocks, and the short
 * formula does not hold.  Then the recurrence itself is carried out, flit by flit, as soon as what
 * it needs is known:
 *
 *     x(i,j) = max( x(i,j-1) + t_f,  x(i-1,j) + body delay,  dep_i(j-B) + t_c )
 *
 * It costs a few operations a flit and channel and no event: headers alone have events.
 *
 *   SLOT1  crossed counts the flits of a channel whose crossing is known, in order; left_at and
 *       crossed_at hold the last B of them, which is all that the recurrence asks for.
 */
#include <stdlib.h>

#include "mesh/worm_internal.h"

void worm_slots_init(struct worm_net *n)
{
    uint32_t count = n->drops + n->injects; /* drains included */
    size_t depth = n->depth;
    n->slots = base_zalloc(count, sizeof(*n->slots));
    n->slot_times = base_alloc(sizeof(sim_time) * 2 * depth * count);
    for (size_t i = 0; i < 2 * depth * count; i++)
        n->slot_times[i] = NEVER_LEFT;
    for (uint32_t i = 0; i < count; i++) {
        n->slots[i].last = NEVER_LEFT;
        n->slots[i].crossed_at = n->slot_times + 2 * depth * i;
        n->slots[i].left_at = n->slots[i].crossed_at + depth;
    }
}

void worm_slots_fini(struct worm_net *n)
{
    free(n->slots);
    free(n->slot_times);
    free(n->stack);
}

void worm_slots_grant(struct worm_net *n, struct worm *w, uint32_t chan)
{
    n->slots[chan].holder = w;
    n->slots[chan].holder_hop = w->head;
}

/* The slot of flit number `flit` (from 1) of a channel is free from *out on. */
static bool slot_free(const struct worm_net *n, uint32_t chan, uint32_t flit, sim_time *out)
{
    uint32_t depth = n->depth;
    *out = NEVER_LEFT;
    if (n->chans[chan].ejects) { /* what crossed is known: it is asked in order */
        if (n->m.d.eject_loop > 0 && chan < n->drops)
            *out = n->slots[chan].crossed_at[flit % depth] + n->m.d.eject_loop;
        return true;
    }
    if ((int32_t)(flit - depth - n->chans[chan].departed) > 0)
        return false;
    *out = n->slots[chan].left_at[flit % depth] + n->m.d.credit;
    return true;
}

bool worm_slots_credit(struct worm_net *n, struct worm *w, uint32_t chan, sim_time *out)
{
    if (slot_free(n, chan, hop_of(w, w->head)->base + 1, out))
        return true;
    w->waiting = true;
    return false;
}

/* Flit `flit` of channel chan, of packet w at hop i, crosses at x. */
static void set_crossing(struct worm_net *n, struct worm *w, uint32_t i, uint32_t chan,
                         uint32_t flit, sim_time x)
{
    struct slots *s = &n->slots[chan];
    uint32_t depth = n->depth;
    s->last = x;
    s->crossed = flit;
    s->crossed_at[flit % depth] = x;
    if (i == 0)
        return;
    const struct hop *before = hop_of(w, i - 1);
    uint32_t in_fifo = before->base + flit - hop_of(w, i)->base;
    struct chan *f = &n->chans[before->chan];
    n->slots[before->chan].left_at[in_fifo % depth] = x;
    f->departed = in_fifo;
    struct worm *feeder = n->slots[before->chan].holder;
    if (feeder && feeder->waiting && feeder->place == GRANTED) {
        feeder->waiting = false;
        feeder->next = n->retry;
        n->retry = feeder;
    }
}

/* Carries the recurrence on at hop i of w as far as it is known.  True: some flit moved. */
static bool carry_on(struct worm_net *n, struct worm *w, uint32_t i)
{
    const struct hop *p = hop_of(w, i);
    struct slots *s = &n->slots[p->chan];
    uint32_t depth = n->depth, from = s->crossed;
    if (s->holder != w || s->holder_hop != i || i >= w->head)
        return false;
    for (uint32_t j = from - p->base + 1; j <= w->length; j++) {
        sim_time slot, x = s->last + n->m.d.flit;
        if (j == 1) {
            set_crossing(n, w, i, p->chan, p->base + 1, p->h);
            continue;
        }
        if (!slot_free(n, p->chan, p->base + j, &slot))
            break;
        x = sim_time_max(x, slot);
        if (i > 0) {
            const struct hop *b = hop_of(w, i - 1);
            const struct slots *f = &n->slots[b->chan];
            if ((int32_t)(b->base + j - f->crossed) > 0)
                break;
            x = sim_time_max(x, f->crossed_at[(b->base + j) % depth] +
                                    (i == 1 ? n->m.d.body_enter : n->m.d.body_hop));
        }
        set_crossing(n, w, i, p->chan, p->base + j, x);
    }
    return s->crossed != from;
}

static void push(struct worm_net *n, struct worm *w, uint32_t i)
{
    if (n->stack_count == n->stack_size) {
        n->stack_size = n->stack_size ? 2 * n->stack_size : 64;
        n->stack = base_realloc(n->stack, n->stack_size * sizeof(*n->stack));
    }
    n->stack[n->stack_count++] = (struct slot_work){ w, i };
}

void worm_slots_cross(struct worm_net *n, struct worm *w)
{
    push(n, w, w->head - 1);
    while (n->stack_count > 0) {
        struct slot_work at = n->stack[--n->stack_count];
        if (!carry_on(n, at.worm, at.hop))
            continue;
        struct worm *v = at.worm;
        const struct hop *p = hop_of(v, at.hop);
        struct slots *s = &n->slots[p->chan];
        bool tail = s->crossed == p->base + v->length;
        if (at.hop + 1 < v->head)
            push(n, v, at.hop + 1);
        if (at.hop > 0) { /* slots fell free in the FIFO before */
            struct slots *f = &n->slots[hop_of(v, at.hop - 1)->chan];
            if (f->holder)
                push(n, f->holder, f->holder_hop);
        }
        if (tail) {
            s->holder = NULL;
            worm_settle_hop(n, v, at.hop, s->last, true); /* straight or not: slots tell */
            if (++v->settled == v->head && v->complete)
                worm_free(n, v);
        }
    }
}
