/* worm_time.c: when flits cross channels and tails leave them, from header crossings alone.
 *
 * Formula (1) of worm.c, evaluated when something asks.  What departed from a FIFO is kept as
 * segments of flits that left back to back.
 */
#include <stdlib.h>

#include "mesh/worm_internal.h"

#define STREAM_MAX (1u << 30) /* flits of a segment; far more than a FIFO holds */

/* ---- when did a flit leave a FIFO ---- */

static struct segment *segment_at(const struct chan_rest *r, uint32_t k)
{
    return &r->segs[(r->seg_first + k) & (r->seg_size - 1)];
}

/* Flit number `flit`, not above c->departed. */
static sim_time segment_departure(const struct worm_net *n, uint32_t chan, uint32_t flit)
{
    const struct chan *c = &n->chans[chan];
    if ((int32_t)(flit - c->newest) > 0)
        return c->last_left - (sim_time)(c->departed - flit) * n->m.d.flit;
    const struct chan_rest *r = &n->rests[chan];
    for (uint32_t k = c->older ? r->seg_count : 0; k-- > 0;) {
        const struct segment *g = segment_at(r, k);
        if ((int32_t)(flit - g->end) > 0)
            break;
        if ((int32_t)(flit - g->begin) > 0)
            return g->last - (sim_time)(g->end - flit) * n->m.d.flit;
    }
    return NEVER_LEFT;
}

/* True when departures up to flit `end`, the last at `last`, can decide something yet (WORM6);
 * old: nobody asks for flits up to this. */
static bool matters(const struct worm_net *n, uint32_t end, sim_time last, uint32_t old)
{
    return (int32_t)(end - old) > 0 && last + n->memory > n->m.now;
}

/* The newest segment becomes an older one. */
static void segment_keep(struct worm_net *n, uint32_t chan, uint32_t old)
{
    struct chan *c = &n->chans[chan];
    struct chan_rest *r = &n->rests[chan];
    if (!c->older)
        r->seg_count = 0;
    while (r->seg_count > 0 && !matters(n, segment_at(r, 0)->end, segment_at(r, 0)->last, old)) {
        r->seg_first++;
        r->seg_count--;
    }
    if (r->seg_count == r->seg_size) {
        uint32_t size = r->seg_size ? 2 * r->seg_size : 4;
        struct segment *segs = base_alloc(size * sizeof(*segs));
        for (uint32_t k = 0; k < r->seg_count; k++)
            segs[k] = *segment_at(r, k);
        free(r->segs);
        r->segs = segs;
        r->seg_size = size;
        r->seg_first = 0;
    }
    *segment_at(r, r->seg_count++) = (struct segment){ c->last_left, c->newest, c->departed };
    c->older = true;
}

/* Flits (begin, end] of the FIFO left back to back, the last at `last`. */
static inline void segment_push(struct worm_net *n, uint32_t chan, uint32_t begin, uint32_t end,
                                sim_time last, uint32_t old)
{
    struct chan *c = &n->chans[chan];
    if (c->departed == begin && c->last_left + (sim_time)(end - begin) * n->m.d.flit == last) {
        c->departed = end;
        c->last_left = last;
        if (end - c->newest > STREAM_MAX) /* so that numbers modulo 2^32 keep their order */
            c->newest = end - STREAM_MAX / 2;
        return;
    }
    if (!matters(n, c->departed, c->last_left, old)) {
        c->older = false; /* those before it matter even less */
    } else {
        segment_keep(n, chan, old);
    }
    c->newest = begin;
    c->departed = end;
    c->last_left = last;
}

/* x(i,j) by (1).  False: not known yet; *root is the worm whose next crossing decides. */
static bool crossing_far(struct worm_net *n, struct worm *w, uint32_t i, uint32_t j, sim_time *out,
                         struct worm **root)
{
    sim_time best = NEVER_LEFT, credits = 0;
    for (;;) {
        const struct hop *p = hop_of(w, i);
        const struct chan *c = &n->chans[p->chan];
        best = sim_time_max(best, p->h + (sim_time)(j - 1) * n->m.d.flit + credits);
        if (c->ejects)
            break;
        credits += n->m.d.credit;
        if (j > n->depth) {
            j -= n->depth;
        } else {
            uint32_t flit = p->base + j - n->depth;
            if ((int32_t)(flit - c->departed) <= 0) {
                if (c->last_left + credits > best)
                    best = sim_time_max(best, segment_departure(n, p->chan, flit) + credits);
                break;
            }
            uint32_t at = c->front_hop;
            for (w = c->front; (int32_t)(flit - hop_of(w, at)->base - w->length) > 0;) {
                const struct hop *q = hop_of(w, at);
                at = q->behind_hop;
                w = q->behind;
            }
            i = at;
            j = flit - hop_of(w, at)->base;
        }
        if (++i >= w->head) {
            *root = w;
            return false;
        }
    }
    *out = best;
    return true;
}

/* The same; at once in the commonest case, where the slot fell free long ago. */
static inline bool crossing(struct worm_net *n, struct worm *w, uint32_t i, uint32_t j,
                            sim_time *out, struct worm **root)
{
    const struct hop *p = hop_of(w, i);
    const struct chan *c = &n->chans[p->chan];
    sim_time x = p->h + (sim_time)(j - 1) * n->m.d.flit;
    if (j <= n->depth && (int32_t)(p->base + j - n->depth - c->departed) <= 0 &&
        c->last_left + n->m.d.credit <= x) {
        *out = x;
        return true;
    }
    return crossing_far(n, w, i, j, out, root);
}

bool worm_departure(struct worm_net *n, uint32_t chan, uint32_t flit, sim_time *out,
                    struct worm **root)
{
    const struct chan *c = &n->chans[chan];
    if ((int32_t)(flit - c->departed) <= 0) {
        *out = segment_departure(n, chan, flit);
        return true;
    }
    struct worm *q = c->front;
    uint32_t at = c->front_hop;
    while ((int32_t)(flit - hop_of(q, at)->base - q->length) > 0) {
        const struct hop *o = hop_of(q, at);
        at = o->behind_hop;
        q = o->behind;
    }
    if (at + 1 >= q->head) {
        *root = q;
        return false;
    }
    return crossing(n, q, at + 1, flit - hop_of(q, at)->base, out, root);
}

/* ---- tails ---- */

void worm_wait_for(struct worm *w, struct worm *root)
{
    ASSERT(!w->waiting);
    w->waiting = true;
    w->next = root->waiters;
    root->waiters = w;
}

/* Keeps when flits lo..hi of w crossed channel i, the first at xlo and the last at xhi. */
static void record(struct worm_net *n, struct worm *w, uint32_t i, uint32_t lo, uint32_t hi,
                   sim_time xlo, sim_time xhi, uint32_t old)
{
    const struct hop *p = hop_of(w, i - 1);
    if (xhi - xlo == (sim_time)(hi - lo) * n->m.d.flit) {
        segment_push(n, p->chan, p->base + lo - 1, p->base + hi, xhi, old);
        return;
    }
    uint32_t mid = lo + (hi - lo) / 2;
    sim_time a, b;
    struct worm *root;
    bool known = crossing(n, w, i, mid, &a, &root) && crossing(n, w, i, mid + 1, &b, &root);
    ASSERT_MSG(known, "WORM1");
    record(n, w, i, lo, mid, xlo, a, old);
    record(n, w, i, mid + 1, hi, b, xhi, old);
}

/* Who may still ask when flits of a FIFO left it: the last packet granted, or, when that is the one
 * at p which leaves now, the next.  Nobody asks for flits up to this one. */
static inline uint32_t asked_no_more(const struct worm_net *n, const struct chan *f,
                                     const struct hop *p)
{
    return (f->last_base == p->base ? f->entered : f->last_base) - n->depth;
}

/* Keeps when the last B flits of w left the FIFO before channel i.  straight: they are known to
 * have left back to back. */
static void record_tail(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail,
                        bool straight)
{
    const struct hop *p = hop_of(w, i - 1);
    uint32_t first = w->length > n->depth ? w->length - n->depth : 0;
    uint32_t old = asked_no_more(n, &n->chans[p->chan], p);
    sim_time x = hop_of(w, i)->h;
    struct worm *root;
    if (straight)
        x = tail - (sim_time)(w->length - first - 1) * n->m.d.flit;
    else if (first > 0 && !crossing(n, w, i, first + 1, &x, &root))
        ASSERT_MSG(false, "flits before a known tail are known");
    record(n, w, i, first + 1, w->length, x, tail, old);
}

/* The tail of w, whose hop p was f, has let go of FIFO f at `tail`: the next moves up. */
static inline void move_up(struct worm_net *n, struct worm *w, struct chan *f, const struct hop *p,
                           sim_time tail)
{
    ASSERT(f->front == w); /* WORM3 */
    f->front = p->behind;
    f->front_hop = p->behind_hop;
    if (!f->front)
        f->back = NULL;
    else if (f->front->place == IN_LINE)
        post_front(n, sim_time_max(tail + n->m.d.flit, n->m.now), f->front);
}

/* The FIFO before channel i of w has let go of its tail at `tail`. */
static inline void leave_fifo(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail,
                              bool straight)
{
    const struct hop *p = hop_of(w, i - 1);
    struct chan *f = &n->chans[p->chan];
    if (!n->slots)
        record_tail(n, w, i, tail, straight);
    else
        f->last_left = tail;
    move_up(n, w, f, p, tail);
    if (n->m.params.fifo == MESH_FIFO_EMPTY) {
        f->held = false;
        f->free_at = sim_time_max(tail + n->m.d.credit, f->free_at);
        if (f->asking && !f->waking)
            wake_at_free(n, f, p->chan);
    }
}

void worm_settle_hop(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail, bool straight)
{
    const struct hop *p = hop_of(w, i);
    uint32_t chan = p->chan;
    struct chan *c = &n->chans[chan];
    c->free_at = tail + n->m.d.flit;
    sim_time crossed = c->free_at;
    if (n->m.params.fifo == MESH_FIFO_EMPTY && c->ejects && chan < n->injects)
        c->free_at = sim_time_max(crossed, tail + n->m.d.eject_loop);
    if (n->m.params.fifo == MESH_FIFO_SHARED || c->ejects) {
        c->held = false;
        if (c->asking && !c->waking)
            wake_at_free(n, c, chan);
    }
    if (chan < n->drops)
        sim_busy_add(&n->busys[chan], n->m.net.sim, crossed - (sim_time)w->length * n->m.d.flit,
                     crossed);
    if (i > 0)
        leave_fifo(n, w, i, tail, straight);
    else if (n->m.terminals[w->packet->src].sent && !w->told)
        post(n, c->free_at, WORD_SENT, w->packet);
    if (c->ejects) {
        w->packet->delivered = tail + n->m.d.eject;
        w->packet->hops = i;
        post(n, w->packet->delivered, WORD_DELIVER, w->packet);
    }
}

void worm_tail_straight(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail)
{
    const struct hop *p = hop_of(w, i);
    uint32_t chan = p->chan, length = w->length;
    struct chan *c = &n->chans[chan];
    c->free_at = tail + n->m.d.flit;
    c->held = false;
    if (c->asking && !c->waking)
        wake_at_free(n, c, chan);
    if (chan < n->drops)
        sim_busy_add(&n->busys[chan], n->m.net.sim, c->free_at - (sim_time)length * n->m.d.flit,
                     c->free_at);
    if (i == 0) {
        if (n->m.terminals[w->packet->src].sent && !w->told)
            post(n, c->free_at, WORD_SENT, w->packet);
        return;
    }
    const struct hop *q = hop_of(w, i - 1);
    struct chan *f = &n->chans[q->chan];
    uint32_t end = q->base + length, begin = length > n->depth ? end - n->depth : q->base;
    segment_push(n, q->chan, begin, end, tail, asked_no_more(n, f, q));
    move_up(n, w, f, q, tail);
}

void worm_left(struct worm_net *n, uint32_t chan, sim_time last)
{
    const struct chan *c = &n->chans[chan];
    uint32_t end = c->entered, length = end - c->last_base;
    segment_push(n, chan, length > n->depth ? end - n->depth : c->last_base, end, last,
                 end - n->depth);
}

void worm_free(struct worm_net *n, struct worm *w)
{
    w->next = n->pool[w->log2];
    n->pool[w->log2] = w;
}

/* The tail's crossing of hop i is known.  When it is h_i + (L-1) t_f, all flits before it crossed
 * back to back, because they are t_f apart at least. */
static inline void settle_known(struct worm_net *n, struct worm *w, uint32_t i, sim_time tail)
{
    bool straight = tail == hop_of(w, i)->h + (sim_time)(w->length - 1) * n->m.d.flit;
    if (straight && n->plain)
        worm_tail_straight(n, w, i, tail);
    else
        worm_settle_hop(n, w, i, tail, straight);
    w->settled++;
}

/* The header is in the ejection channel: every tail is known.  Near the end of the path, where
 * (1) unrolls into the ejection channel, x(i,j) = s_i + (j-1) t_f with
 * s_i = max(h_i, s_{i+1} - B t_f + t_c): all tails in one pass over the path. */
static void settle_end(struct worm_net *n, struct worm *w)
{
    uint32_t last = w->head - 1, from = w->settled;
    sim_time behind = (sim_time)(w->length - 1) * n->m.d.flit;
    if (from < last) {
        uint32_t reach = (w->length - 1) / n->depth;
        if (from + reach < last)
            from = last - reach;
        sim_time slack = n->m.d.credit - (sim_time)n->depth * n->m.d.flit, s = NEVER_LEFT;
        for (uint32_t i = last + 1; i-- > from;) {
            s = sim_time_max(hop_of(w, i)->h, s + slack);
            n->starts[i - from] = s;
        }
        while (w->settled < from) {
            sim_time tail;
            struct worm *root;
            if (!crossing(n, w, w->settled, w->length, &tail, &root))
                ASSERT_MSG(false, "WORM2");
            settle_known(n, w, w->settled, tail);
        }
        for (uint32_t i = from; i < last; i++, w->settled++) {
            bool straight = w->length >= n->depth * (last - i + 1);
            if (straight && n->plain)
                worm_tail_straight(n, w, i, n->starts[i - from] + behind);
            else
                worm_settle_hop(n, w, i, n->starts[i - from] + behind, straight);
        }
    }
    worm_settle_hop(n, w, last, hop_of(w, last)->h + behind, true);
    ASSERT(!w->waiters);
    worm_free(n, w);
}

/* The tail's crossing of hop i, at once when no header crossing that (1) unrolls to came late, and
 * the slots at the end of the FIFOs that the packet fills fell free long ago: then it is
 * h_i + (L-1) t_f. */
static inline bool tail_crossing(struct worm_net *n, struct worm *w, uint32_t i, sim_time *tail,
                                 struct worm **root)
{
    uint32_t ahead = w->reach;
    if (i + ahead + 1 == w->head && w->free_run >= ahead) {
        const struct hop *p = hop_of(w, i + ahead);
        const struct chan *c = &n->chans[p->chan];
        uint32_t flit = p->base + w->length - (ahead + 1) * n->depth;
        *tail = hop_of(w, i)->h + (sim_time)(w->length - 1) * n->m.d.flit;
        if ((int32_t)(flit - c->departed) <= 0 &&
            c->last_left + (sim_time)(ahead + 1) * n->m.d.credit <= *tail)
            return true;
    }
    return crossing(n, w, i, w->length, tail, root);
}

/* Finds the tails that have become known. */
void worm_settle(struct worm_net *n, struct worm *w)
{
    if (w->complete) {
        settle_end(n, w);
        return;
    }
    while (w->settled + w->reach < w->head) {
        sim_time tail;
        struct worm *root;
        if (!tail_crossing(n, w, w->settled, &tail, &root)) {
            worm_wait_for(w, root);
            return;
        }
        settle_known(n, w, w->settled, tail);
    }
}
